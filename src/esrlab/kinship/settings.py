"""What decides a kinship's numbers, beside the models, the photographs and the losses themselves."""

from pydantic import Field

from esrlab.core.parts import Part
from esrlab.data.degradations.any_degradation import USUAL, AnyDegradation
from esrlab.models.critics.any_critic import AnyCritic
from esrlab.models.critics.vgg import VGGStyle
from esrlab.recipes.optimisers.adam import Adam
from esrlab.recipes.optimisers.any_optimiser import AnyOptimiser

SMALL_CRITIC = VGGStyle(features=16, norm="layer")
"""Small, so that every game's is trained in seconds, and without batch norm, which wgan-gp cannot have."""


class KinshipSettings(Part):
    """Which images directions are taken at, and how the games' critics are trained for it."""

    patches: int = Field(default=200, ge=1, le=100_000, description="generated images, crops of photographs")
    lr_size: int = Field(default=32, ge=8, le=512, description="side of their LR images in pixels")
    batch: int = Field(default=8, ge=1, le=1024, description="images in one batch, as a loss sees them")
    seed: int = Field(default=0, ge=0, lt=2**32, description="decides the crops and the critics")
    bands: int = Field(default=16, ge=2, le=64, description="bands of frequencies")
    degradation: AnyDegradation = USUAL
    critic: AnyCritic = SMALL_CRITIC
    critic_steps: int = Field(
        default=150, ge=1, le=1_000_000, description="updates of a critic against the fixed generator"
    )
    critic_seeds: tuple[int, ...] = Field(
        default=(0, 1), min_length=1, description="initial weights of critics: a direction for each"
    )
    critic_pool: int = Field(
        default=160, ge=1, le=100_000, description="other crops that critics are trained on, over and over"
    )
    optimiser: AnyOptimiser = Adam(learning_rate=1e-4)
    mapped: int = Field(default=3, ge=0, le=16, description="images whose pulls are mapped, pixel by pixel")
