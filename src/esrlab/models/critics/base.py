"""What a critic is: a frozen configuration that builds the network and knows what it fits."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field
from torch import nn

from esrlab.core.parts import Part


@dataclass(frozen=True)
class CriticUse:
    """What a recipe wants of its critic.

    size: side of its patches in pixels; origin: the settings that make it, in words; batch: patches in one;
    loss: the adversarial loss's name; constraint: what that loss holds the critic by: clipped parameters, a
    penalty on each sample's gradient, or nothing.
    """

    size: int
    origin: str
    scale: int
    batch: int
    loss: str
    constraint: Literal["none", "clip", "penalty"]


class CriticPart(Part):
    """A critic as a recipe names it. Every kind adds `kind: Literal["its name"]` with that default."""

    apart: ClassVar[str] = ""
    """What to set so that each sample is scored by itself, for a kind whose `couples_samples` may be true."""

    updates: int = Field(
        default=1, ge=1, le=100, description="critic updates per step, each on its own batch"
    )

    @property
    @abstractmethod
    def label(self) -> str:
        """What tables call it."""

    @property
    @abstractmethod
    def smallest_size(self) -> int:
        """Side in pixels of the smallest image that it can score."""

    @property
    def couples_samples(self) -> bool:
        """Whether a sample's score depends on the rest of its batch, as with batch norm."""
        return False

    @property
    def has_spectral_norm(self) -> bool:
        """Whether its layers divide their weights by their spectral norm."""
        return False

    @abstractmethod
    def build(self, *, size: int) -> nn.Module:
        """A fresh critic for images (N, 3, size, size) in [0, 1], on the CPU, with random initial weights.

        It gives raw scores, (N, 1) or a map (N, 1, h, w); the higher, the more real.
        """

    def problems(self, use: CriticUse) -> list[str]:
        """Why it does not fit a recipe, each reason with its remedy; empty where it does."""
        found: list[str] = []
        if use.size < self.smallest_size:
            need = -(-self.smallest_size // use.scale)
            found.append(
                f"the critic needs patches of at least {self.smallest_size} px, and {use.origin} gives "
                f"{use.size}: set patches.lr_size to {need} or more"
            )
        if use.constraint == "penalty" and self.couples_samples:
            found.append(
                f"{use.loss} penalises each sample's gradient, but batch norm couples the samples: "
                f"set {self.apart}"
            )
        if use.constraint == "clip" and self.has_spectral_norm:
            found.append(
                f"{use.loss} clips the critic's parameters, which spectral norm undoes by dividing weights "
                "by their norm: set adversarial.loss to one that does not clip, such as hinge, or "
                "adversarial.critic.kind to a critic without spectral norm"
            )
        return found
