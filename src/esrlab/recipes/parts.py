"""The parts of a recipe: frozen records whose fields have a description and a range."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from esrlab.core.backend import Precision
from esrlab.core.old_recipes import with_degradation
from esrlab.core.parts import Part
from esrlab.data.degradations.any_degradation import USUAL, AnyDegradation
from esrlab.losses.adversarial import AdversarialLossName
from esrlab.losses.any_loss import AnyLoss

Schedule = Literal["constant", "multi-step", "cosine"]
BestBy = Literal["auto", "psnr", "ssim", "lpips"]

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


class Optimiser(Part):
    """Adam, for the generator and the critic alike."""

    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Adam's learning rate")
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        default=(0.0, 0.9), description="Adam's decay rates of the first and second moment"
    )
    schedule: Schedule = Field(
        default="constant",
        description="how the learning rate changes: constant, by gamma at each milestone, or down a cosine",
    )
    warmup_steps: int = Field(
        default=0, ge=0, description="steps over which the learning rate first rises linearly from 0"
    )
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), description="steps after which multi-step multiplies the learning rate by gamma"
    )
    gamma: float = Field(default=0.5, gt=0, le=1, description="multi-step's factor")
    min_lr_ratio: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="final learning rate of the cosine schedule, as a fraction of learning_rate",
    )
    grad_accumulation: int = Field(
        default=1, ge=1, le=1024, description="batches whose gradients are averaged into one update"
    )
    grad_clip_norm: float | None = Field(
        default=None,
        gt=0,
        description="largest 2-norm of a network's gradient; larger gradients are scaled down to it",
    )

    @model_validator(mode="after")
    def _schedule_is_whole(self) -> Self:
        if (self.schedule == "multi-step") != bool(self.milestones):
            raise ValueError("milestones and the schedule 'multi-step' need each other: give both or neither")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones must be in ascending order, not {list(self.milestones)}")
        return self


class Critic(Part):
    """The VGG-style critic's shape and its updates per step."""

    features: int = Field(
        default=64, ge=1, le=512, description="channels of its first convolution; 64 as ESRGAN's"
    )
    norm: Literal["batch", "layer", "none"] = Field(
        default="batch", description="normalisation after convolutions"
    )
    updates: int = Field(
        default=1, ge=1, le=100, description="critic updates per step, each on its own batch"
    )


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
    critic: Critic = Critic()

    @model_validator(mode="before")
    @classmethod
    def _weigh_as_esrgan(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("weight") is None and fields.get("share") is None:
            return {**fields, "weight": 5e-3}
        return fields

    @model_validator(mode="after")
    def _penalty_needs_independent_samples(self) -> Self:
        if self.loss == "wgan-gp" and self.critic.norm == "batch":
            raise ValueError(
                "wgan-gp penalises each sample's gradient, but batch norm couples the samples: "
                "set adversarial.critic.norm to 'layer' or 'none'"
            )
        return self


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
    best_by: BestBy = Field(
        default="auto",
        description="metric that selects the best generator; auto: lpips with an adversarial loss, else psnr",
    )
