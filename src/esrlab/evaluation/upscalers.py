"""Image -> larger image: bicubic, a trained generator, one upscaler after another."""

from collections.abc import Callable

import torch
from torch import Tensor

from esrlab.core.backend import prepare
from esrlab.data.degradations.bicubic import bicubic_up
from esrlab.models.generators.base import GeneratorNetwork

Upscaler = Callable[[Tensor], Tensor]
"""(1, 3, h, w) in [0, 1] -> (1, 3, h·scale, w·scale) in [0, 1]."""


def bicubic_upscaler(scale: int) -> Upscaler:
    """MATLAB's bicubic interpolation, clamped to [0, 1]."""
    return lambda lr: bicubic_up(lr, scale).clamp(0, 1)


def generator_upscaler(generator: GeneratorNetwork, *, device: torch.device) -> Upscaler:
    """The whole image at once through a generator in eval mode; the result is clamped, on the CPU.

    Channels last, which on a CPU takes half the time for a whole photograph.
    """
    generator = prepare(generator.to(device)).eval()

    def upscale(lr: Tensor) -> Tensor:
        with torch.inference_mode():
            return generator(lr.to(device)).clamp(0, 1).float().cpu().contiguous()

    return upscale


def cascade(first: Upscaler, second: Upscaler) -> Upscaler:
    """`second` after `first`, unrounded in between: two ×2 steps make ×4."""
    return lambda lr: second(first(lr))
