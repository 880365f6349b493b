"""The losses that a generator minimises, and the adversarial losses of generator and critic."""

from typing import Annotated

from pydantic import Field

from esrlab.core.parts import kinds_in
from esrlab.losses.content import Content
from esrlab.losses.custom import Custom
from esrlab.losses.edges import GradientVariance, SobelGradient
from esrlab.losses.laplacian import LaplacianPyramid
from esrlab.losses.lpips import PerceptualDistance
from esrlab.losses.pixel import L1, MSE, Charbonnier, Huber
from esrlab.losses.structure import MSSSIM, SSIM
from esrlab.losses.variation import TotalVariation

# A new loss is one file in this folder and one name in this list.
AnyLoss = Annotated[
    L1
    | MSE
    | Charbonnier
    | Huber
    | SSIM
    | MSSSIM
    | SobelGradient
    | GradientVariance
    | LaplacianPyramid
    | TotalVariation
    | Content
    | PerceptualDistance
    | Custom,
    Field(discriminator="kind"),
]

LOSS_KINDS: tuple[str, ...] = tuple(kinds_in(AnyLoss))
"""Every loss's name."""
