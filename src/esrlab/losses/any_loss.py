"""The losses that a generator minimises, and the adversarial losses of generator and critic."""

from typing import Annotated

from pydantic import Field

from esrlab.core.parts import kinds_in
from esrlab.losses.content import Content
from esrlab.losses.custom import Custom
from esrlab.losses.lpips import PerceptualDistance
from esrlab.losses.pixel import L1, MSE, Charbonnier
from esrlab.losses.variation import TotalVariation

# A new loss is one file in this folder and one name in this line.
AnyLoss = Annotated[
    L1 | MSE | Charbonnier | TotalVariation | Content | PerceptualDistance | Custom,
    Field(discriminator="kind"),
]

LOSS_KINDS: tuple[str, ...] = tuple(kinds_in(AnyLoss))
"""Every loss's name."""
