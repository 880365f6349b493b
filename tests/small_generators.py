"""Small generators with random weights that do what trained ones do: sharpen, ring, shift colours."""

import torch
from torch import Tensor

from esrlab.models.generators.base import GeneratorNetwork
from esrlab.models.generators.compact import CompactGenerator


def stirred(network: GeneratorNetwork, *, by: float = 0.05) -> GeneratorNetwork:
    """A network that begins as bilinear enlargement, its weights disturbed: far from an interpolator's."""
    generator = torch.Generator().manual_seed(3)
    network.start_as_bilinear()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=by)
    return network.eval()


def photo(height: int, width: int, *, channels: int = 3, seed: int = 0) -> Tensor:
    """(1, channels, height, width) in [0, 1]: smooth areas with some fine detail."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, channels, height // 8 + 2, width // 8 + 2, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return (smooth + 0.1 * torch.randn(1, channels, height, width, generator=generator)).clamp(0, 1)


def compact(*, scale: int = 2) -> GeneratorNetwork:
    """Its receptive field is 5 pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return stirred(CompactGenerator(features=8, convs=3).build(scale=scale))
