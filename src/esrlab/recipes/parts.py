"""The parts of a recipe: frozen records whose fields have a description and a range."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from esrlab.core.backend import Precision
from esrlab.core.old_recipes import with_degradation
from esrlab.core.parts import Part
from esrlab.data.degradations.any_degradation import USUAL, AnyDegradation
from esrlab.losses.adversarial import AdversarialLossName
from esrlab.losses.any_loss import AnyLoss
from esrlab.models.critics.any_critic import AnyCritic
from esrlab.models.critics.vgg import VGGStyle

AUTO = "auto"
"""Leaves it to the recipe's losses which metric selects the best generator."""

Share = Annotated[float, Field(gt=0, le=1)]


class WeightedTerm(Part):
    """A term of the generator's loss: with a fixed weight, or with a share of the whole pull."""

    weight: float | None = Field(
        default=None, ge=0, description="weight in the sum of losses; or give a share"
    )
    share: Share | None = Field(
        default=None,
        description="part of all pulls at the generated image; the weight is adjusted to keep it",
    )

    @property
    def is_active(self) -> bool:
        """True if its weight or share is above 0."""
        return self.share is not None or bool(self.weight)

    @model_validator(mode="after")
    def _has_one_strength(self) -> Self:
        if (self.weight is None) == (self.share is None):
            raise ValueError("give either a weight or a share of the pull")
        return self


class Term(WeightedTerm):
    """One weighted loss on the generated image."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="name in logs and tables")
    loss: AnyLoss


class Patches(Part):
    """What one training sample is: a random crop, flipped and turned, and its reduction."""

    lr_size: int = Field(default=32, ge=8, le=512, description="side of the low-resolution patch in pixels")
    batch: int = Field(default=16, ge=1, le=4096, description="patches in one batch")
    degradation: AnyDegradation = USUAL

    @model_validator(mode="before")
    @classmethod
    def _read_convention(cls, fields: Any) -> Any:
        return with_degradation(fields) if isinstance(fields, dict) else fields


class Adversarial(WeightedTerm):
    """Adversarial training: a critic, and the loss between it and the generator."""

    loss: AdversarialLossName = Field(default="wgan", description="adversarial loss of critic and generator")
    clip: float = Field(default=0.01, gt=0, description="bound on the critic's parameters; used by wgan")
    penalty: float = Field(
        default=10.0, gt=0, description="weight λ of the gradient penalty; used by wgan-gp"
    )
    start_step: int = Field(
        default=0,
        ge=0,
        description="steps before adversarial training begins; until then the other terms alone train the "
        "generator",
    )
    critic: AnyCritic = VGGStyle()

    @model_validator(mode="before")
    @classmethod
    def _weigh_as_esrgan(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("weight") is None and fields.get("share") is None:
            return {**fields, "weight": 5e-3}
        return fields


class Engine(Part):
    """Precision, compilation and rollbacks; any precision but float32 changes the results."""

    precision: Precision = Field(
        default="float32",
        description="number format of the networks' arithmetic; losses and weights are float32 always",
    )
    compile: bool = Field(default=False, description="whether torch.compile fuses the networks' kernels")
    max_rollbacks: int = Field(
        default=3,
        ge=0,
        description="times a run may return to its last checkpoint after a non-finite value before it stops "
        "as diverged",
    )


class Validation(Part):
    """When a run is validated on held-out images, and the metric that selects its best generator."""

    every: int = Field(
        default=500, ge=1, description="steps between validations; the last step is validated too"
    )
    best_by: str = Field(
        default=AUTO,
        pattern=r"^[a-z][a-z0-9-]*$",
        description="metric that selects the best generator, such as ssim; auto: lpips with an adversarial "
        "loss, else psnr",
    )
