"""A trained generator from any file, called on an image of any kind: `esrlab.load`."""

from os import PathLike
from pathlib import Path
from typing import overload

import torch
from torch import Tensor

from esrlab.core.devices import choose_device
from esrlab.data.image_files import PillowImage, Pixels
from esrlab.data.image_kinds import AnyImage, as_tensor, like
from esrlab.evaluation.metrics.pairs import check_image
from esrlab.evaluation.upscalers import generator_upscaler
from esrlab.models.generator_files import load_generator
from esrlab.models.generators.base import GeneratorNetwork
from esrlab.upscaling.find_model import find_model


class LoadedGenerator:
    """A generator as a function from a small image to one `scale` times as large, of the same kind.

    Called on an 8-bit array (h, w, 3) it gives one (h·scale, w·scale, 3); on an image of Pillow's or an image
    file one of Pillow's; on a float tensor (N, 3, h, w) in [0, 1] a tensor, clamped but not rounded, on the
    same device, without a gradient. The image goes through whole. Raises ValueError for other shapes and
    ranges, ImageError for a file that cannot be read.
    """

    def __init__(self, network: GeneratorNetwork, path: Path, *, device: torch.device) -> None:
        self.network = network
        """The network itself, for training on; its parameters are the ones in use."""
        self.path = path
        """The file that it comes from."""
        self.scale = network.scale
        """The magnification."""
        self.device = device
        """Where it computes."""
        self._upscale = generator_upscaler(network, device=device)

    @overload
    def __call__(self, image: Tensor) -> Tensor: ...
    @overload
    def __call__(self, image: Pixels) -> Pixels: ...
    @overload
    def __call__(self, image: PillowImage | str | PathLike[str]) -> PillowImage: ...
    def __call__(self, image: AnyImage) -> Tensor | Pixels | PillowImage:
        pixels = as_tensor(image, name="image")
        check_image(pixels, name="image", taker="a generator")
        # A copy: what inference_mode made may not be used where gradients are taken.
        return like(image, self._upscale(pixels.float()).clone())

    def __repr__(self) -> str:
        return f"LoadedGenerator(×{self.scale}, {str(self.path)!r}, {self.device})"


def load(path: str | PathLike[str], *, scale: int | None = None, device: str = "auto") -> LoadedGenerator:
    """A generator that comes with esrlab ("faithful-x4"), from a file of any tool's, or from a run's folder.

    scale: for a name without one ("faithful", scale=2; 4 by default), and for a file that does not tell ×2
    from ×3. device: "auto", "cpu", "cuda" or "mps". Raises UserError for a file that is missing, damaged or
    something else, and for a run that has not ended.
    """
    file = find_model(path, scale=scale)
    return LoadedGenerator(load_generator(file, scale=scale), file, device=choose_device(device))
