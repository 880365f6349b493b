"""What an optimiser is: a frozen configuration with a learning-rate schedule that makes one for a network."""

from abc import abstractmethod
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from torch import nn
from torch.optim import Optimizer

from esrlab.core.parts import Part

Schedule = Literal["constant", "multi-step", "cosine"]


class OptimiserPart(Part):
    """An optimiser as a recipe names it, for the generator and the critic alike.

    Every kind adds `kind: Literal["its name"]` with that default. What is common to all: the learning rate
    and its schedule (`recipes.learning_rate`), and what is done to gradients before an update.
    """

    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="learning rate")
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

    @property
    @abstractmethod
    def label(self) -> str:
        """What tables call it."""

    @abstractmethod
    def build(self, network: nn.Module) -> Optimizer:
        """Makes one for a network's parameters, on its final device and in its final memory format."""

    @model_validator(mode="after")
    def _schedule_is_whole(self) -> Self:
        if (self.schedule == "multi-step") != bool(self.milestones):
            raise ValueError("milestones and the schedule 'multi-step' need each other: give both or neither")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones must be in ascending order, not {list(self.milestones)}")
        return self
