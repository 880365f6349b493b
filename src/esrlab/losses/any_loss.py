"""The losses that a generator minimises, and the adversarial losses of generator and critic."""

from typing import Annotated

from pydantic import Field

from esrlab.core.parts import kinds_in
from esrlab.losses.colour import BlurredColour, Chroma
from esrlab.losses.consistency import Consistency
from esrlab.losses.content import Content
from esrlab.losses.contextual import Contextual
from esrlab.losses.custom import Custom
from esrlab.losses.dists import DISTS
from esrlab.losses.edges import GradientVariance, SobelGradient
from esrlab.losses.fdl import FrequencyDistribution
from esrlab.losses.focal_frequency import FocalFrequency
from esrlab.losses.fourier import FourierAmplitudePhase
from esrlab.losses.gram import Gram
from esrlab.losses.laplacian import LaplacianPyramid
from esrlab.losses.ldl import LDL
from esrlab.losses.lpips import PerceptualDistance
from esrlab.losses.pixel import L1, MSE, Charbonnier, Huber
from esrlab.losses.sliced import SlicedWasserstein
from esrlab.losses.structure import MSSSIM, SSIM
from esrlab.losses.variation import TotalVariation
from esrlab.losses.wavelet import StationaryWavelet

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
    | FourierAmplitudePhase
    | FocalFrequency
    | StationaryWavelet
    | TotalVariation
    | Content
    | PerceptualDistance
    | DISTS
    | Gram
    | Contextual
    | SlicedWasserstein
    | FrequencyDistribution
    | LDL
    | BlurredColour
    | Chroma
    | Consistency
    | Custom,
    Field(discriminator="kind"),
]

LOSS_KINDS: tuple[str, ...] = tuple(kinds_in(AnyLoss))
"""Every loss's name."""
