"""The parts of a recipe: frozen records whose every field says what it means and what it may be."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from esrlab.core.backend import Precision
from esrlab.data.degradations.bicubic import Convention
from esrlab.losses.adversarial import GameName
from esrlab.losses.any_loss import AnyLoss
from esrlab.models.generators.rrdb import RRDBNet
from esrlab.models.generators.rrdb_state import RRDBShape

Schedule = Literal["constant", "multi-step", "cosine"]
BestBy = Literal["auto", "psnr", "ssim", "lpips"]

Share = Annotated[float, Field(gt=0, le=1)]


class Part(BaseModel):
    """What every piece of a recipe obeys: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WeightedTerm(Part):
    """What pulls at the generated image: by a fixed weight, or at a share of the whole pull."""

    weight: float | None = Field(default=None, ge=0, description="its weight in the sum; or give a share")
    share: Share | None = Field(
        default=None, description="its part of all pulls at the generated image, held there by its weight"
    )

    @property
    def is_active(self) -> bool:
        """Whether it pulls at all."""
        return self.share is not None or bool(self.weight)

    @model_validator(mode="after")
    def _has_one_strength(self) -> Self:
        if (self.weight is None) == (self.share is None):
            raise ValueError("give either a weight or a share of the pull")
        return self


class Term(WeightedTerm):
    """One weighted loss on the generated image."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="what logs and tables call it")
    loss: AnyLoss


class Generator(Part):
    """An RRDBNet's shape and first weights; the defaults are ESRGAN's."""

    features: int = Field(default=64, ge=8, le=512, description="channels between the blocks")
    growth: int = Field(default=32, ge=1, le=256, description="channels each dense convolution adds")
    blocks: int = Field(default=23, ge=1, le=64, description="residual-in-residual dense blocks")
    init: str = Field(
        default="random",
        min_length=1,
        description="first weights: 'random' as ESRGAN, 'interpolation' (begins as a linear interpolator), "
        "or a trained generator's .safetensors or .pth file of this shape, of any scale",
    )
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="decay of a moving average of its weights, which is then the result; 0 for none",
    )

    def build(self, *, scale: int) -> RRDBNet:
        """A fresh generator of this shape at a magnification, with random first weights, on the CPU."""
        return RRDBShape(scale=scale, features=self.features, growth=self.growth, blocks=self.blocks).build()


class Patches(Part):
    """What one training sample is: a random crop, flipped and turned, and its reduction."""

    lr_size: int = Field(default=32, ge=8, le=512, description="side of the low-resolution patch in pixels")
    batch: int = Field(default=16, ge=1, le=4096, description="patches that go through the networks together")
    convention: Convention = Field(
        default="matlab", description="which bicubic makes the low-resolution patch"
    )


class Optimiser(Part):
    """Adam, for the generator and the critic alike."""

    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Adam's learning rate")
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        default=(0.0, 0.9), description="Adam's decay rates of the first and second moment"
    )
    schedule: Schedule = Field(
        default="constant", description="how the learning rate goes on: constant, in steps, or down a cosine"
    )
    warmup_steps: int = Field(
        default=0, ge=0, description="first steps over which the learning rate rises from 0"
    )
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), description="steps after which multi-step multiplies the learning rate by gamma"
    )
    gamma: float = Field(default=0.5, gt=0, le=1, description="multi-step's factor")
    min_lr_ratio: float = Field(
        default=0.0, ge=0, le=1, description="where cosine ends, as a part of the learning rate"
    )
    grad_accumulation: int = Field(
        default=1, ge=1, le=1024, description="batches whose gradients are averaged into one update"
    )
    grad_clip_norm: float | None = Field(
        default=None, gt=0, description="bound on a network's gradient (2-norm); longer ones are shortened"
    )

    @model_validator(mode="after")
    def _schedule_is_whole(self) -> Self:
        if (self.schedule == "multi-step") != bool(self.milestones):
            raise ValueError("milestones belong to the schedule 'multi-step', which needs them")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones must rise from one to the next, not {list(self.milestones)}")
        return self


class Critic(Part):
    """The VGG-style critic's shape and how often it learns."""

    features: int = Field(
        default=64, ge=1, le=512, description="channels of its first convolution; 64 as ESRGAN's"
    )
    norm: Literal["batch", "layer", "none"] = Field(
        default="batch", description="normalisation after convolutions"
    )
    updates: int = Field(
        default=1, ge=1, le=100, description="critic updates a step, each on a batch of its own"
    )


class Adversarial(WeightedTerm):
    """The game between generator and critic."""

    loss: GameName = Field(default="wgan", description="what critic and generator minimise")
    clip: float = Field(default=0.01, gt=0, description="bound on the critic's parameters; used by wgan")
    penalty: float = Field(
        default=10.0, gt=0, description="weight λ of the gradient penalty; used by wgan-gp"
    )
    start_step: int = Field(
        default=0, ge=0, description="first steps without the game: the generator learns from the other terms"
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
    """How the arithmetic is done, and how often it may fail; what is not float32 changes numbers."""

    precision: Precision = Field(
        default="float32", description="of the networks' arithmetic; losses and weights stay float32"
    )
    compile: bool = Field(default=False, description="whether torch.compile fuses the networks' kernels")
    max_rollbacks: int = Field(
        default=3, ge=0, description="times the run goes back from a non-finite value before it is given up"
    )


class Validation(Part):
    """When a run is judged on held-out images, and what its best generator is best in."""

    every: int = Field(default=500, ge=1, description="steps between validations; the last step has one too")
    best_by: BestBy = Field(
        default="auto", description="what decides the best generator; auto: lpips with a game, else psnr"
    )
