"""What every kind of generator is: a network that enlarges images, and its part of a recipe."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from esrlab.core.parts import Part, kind_of
from esrlab.errors import UserError

SCALES = (1, 2, 3, 4)
"""Magnifications that generators are built for; more is made by a cascade."""


class AmbiguousScaleError(UserError):
    """A generator's tensors fit several scales, and nothing tells which is meant."""

    def __init__(self, message: str, choices: tuple[int, ...]) -> None:
        super().__init__(message)
        self.choices = choices


class GeneratorNetwork(nn.Module):
    """A network that enlarges (N, 3, h, w) in [0, 1] to (N, 3, h * scale, w * scale), not clamped."""

    architecture: ClassVar[str]
    """What other tools call it; written into its files."""
    scale: int

    @property
    @abstractmethod
    def receptive_field(self) -> int:
        """Whole pixels of the small image to each side of a pixel that what is made of it depends on."""

    @property
    def scale_layers(self) -> tuple[str, ...]:
        """The layers that another scale's network lacks or has in another shape, by their keys' beginning."""
        return ()

    @abstractmethod
    def start_as_bilinear(self) -> None:
        """Set some of its fresh weights so that it begins as bilinear interpolation; the others stay random.

        Raises UsageError for a network too narrow to carry an image.
        """


class GeneratorPart(Part):
    """A generator's shape and initial weights; every kind adds `kind` and the fields of its shape."""

    init: str = Field(
        default="random",
        min_length=1,
        description="initial weights: 'random', 'interpolation' (begins as bilinear interpolation), a "
        "shipped model's name, or a trained generator's .safetensors or .pth file; of this kind and shape, "
        "any scale",
    )
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="decay of a moving average of its weights, which is then the result; 0 for none",
    )

    @abstractmethod
    def build(self, *, scale: int) -> GeneratorNetwork:
        """A fresh generator of this shape at a magnification, with random initial weights, on the CPU."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What tables call its shape."""

    @classmethod
    @abstractmethod
    def detect(cls, state: Mapping[str, Tensor], *, scale: int | None) -> "Detected | None":
        """The generator of this kind that a bare state dict belongs to; None where it is of another kind.

        scale: what is known of it beside the tensors; it must fit them. Raises UserError for a damaged
        or unsupported one of this kind, UsageError for a scale that contradicts it, and AmbiguousScaleError
        where none was given and several fit.
        """

    @property
    def shape(self) -> dict[str, Any]:
        """Its kind and the fields that decide which weights it has."""
        return {"kind": kind_of(type(self)), **self.model_dump(exclude={"kind", *GeneratorPart.model_fields})}

    def problems(self, *, scale: int) -> list[str]:
        """What of it cannot be at a magnification, and the remedy, each in a sentence."""
        return []

    def parameters(self, *, scale: int) -> int:
        """How many numbers its network learns."""
        return sum(weight.numel() for weight in self.outline(scale=scale).parameters())

    def receptive_field(self, *, scale: int) -> int:
        """Pixels of the small image to each side that what is made of a pixel depends on."""
        return self.outline(scale=scale).receptive_field

    def outline(self, *, scale: int) -> GeneratorNetwork:
        """Its network without memory for weights."""
        with torch.device("meta"):
            return self.build(scale=scale)


@dataclass(frozen=True)
class Detected:
    """A generator found in a state dict: its part and its scale."""

    part: GeneratorPart
    scale: int

    def outline(self) -> GeneratorNetwork:
        """Its network without memory for weights."""
        return self.part.outline(scale=self.scale)

    def require(self, state: Mapping[str, Tensor]) -> Self:
        """Itself, where its network has just this state's tensors; UserError names the first that differs."""
        expected = {key: tuple(value.shape) for key, value in self.outline().state_dict().items()}
        given = {key: tuple(value.shape) for key, value in state.items()}
        wrong = [key for key in expected | given if expected.get(key) != given.get(key)]
        if wrong:
            key = wrong[0]
            raise UserError(
                f"it is not a whole {self.part.label} ×{self.scale}: {key} is {given.get(key, 'missing')}, "
                f"expected {expected.get(key, 'nothing')} ({len(wrong)} keys differ)"
            )
        return self
