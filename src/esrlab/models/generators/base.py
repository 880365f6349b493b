"""What every kind of generator has in a recipe."""

from abc import abstractmethod

from pydantic import Field
from torch import nn

from esrlab.core.parts import Part


class GeneratorPart(Part):
    """A generator's shape and initial weights; every kind adds `kind` and the fields of its shape."""

    init: str = Field(
        default="random",
        min_length=1,
        description="initial weights: 'random', 'interpolation' (begins as a plain interpolator), or a "
        "trained generator's .safetensors or .pth file of this shape, of any scale",
    )
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="decay of a moving average of its weights, which is then the result; 0 for none",
    )

    @abstractmethod
    def build(self, *, scale: int) -> nn.Module:
        """A fresh generator of this shape at a magnification, with random initial weights, on the CPU."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What tables call its shape."""
