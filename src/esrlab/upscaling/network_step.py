"""One generator of a cascade: how its tiles overlap, what they cost, where they are computed."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from esrlab.errors import UsageError
from esrlab.upscaling.alpha import enlarge_planes
from esrlab.upscaling.memory import bytes_per_pixel, free_memory
from esrlab.upscaling.rows import Rows
from esrlab.upscaling.tile_plan import Costs, Overlap
from esrlab.upscaling.tiles import Enlarge, Progress, Tiling, enlarge_in_tiles

_SHARE = 0.5
"""Of the memory that is free, what is taken where no bound is given."""

_SLACK = 1.25
"""Above the tensors themselves, what an allocator and convolutions' scratch memory take."""

_MOST_PIXELS = 1024**2
"""The largest tile: a still larger one is no quicker."""

_EXACT = 48
"""Up to this receptive field, tiles overlap by the whole of it; above, by this much, and fade."""

_BLEND = 16


def scale_of(network: nn.Module) -> int:
    """A network's `scale`; UsageError where it has none."""
    found = getattr(network, "scale", None)
    if not isinstance(found, int) or found < 1:
        raise UsageError(f"a {type(network).__name__} does not tell its scale: set its attribute `scale`")
    return found


def enlarge_by_network(
    rows: Rows,
    network: nn.Module,
    *,
    memory: int | None,
    later: int,
    overlap: int | None,
    share: int,
    progress: Progress | None,
) -> Iterator[Tensor]:
    """Bands of the rows enlarged by a network, within a `share`th of the memory less what is held `later`."""
    scale = scale_of(network)
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    left = memory if memory is not None else int(_SHARE * free_memory(device))
    tiling = Tiling(
        overlap=choose_overlap(network, overlap),
        costs=_costs(rows, network, scale, device),
        memory=(left - later) / share,
        most_pixels=_MOST_PIXELS,
    )
    function = enlarge_planes(_run(network, device), scale=scale)
    yield from enlarge_in_tiles(rows, function, scale=scale, tiling=tiling, progress=progress)


def choose_overlap(network: nn.Module, asked: int | None) -> Overlap:
    """The overlap that was asked for, else a network's receptive field; fading where it is less than that."""
    field = getattr(network, "receptive_field", None)
    if asked is None:
        asked = field if isinstance(field, int) and field <= _EXACT else _EXACT
    is_exact = isinstance(field, int) and asked >= field
    return Overlap(margin=max(asked, 2), blend=0 if is_exact else min(_BLEND, asked // 3))


def _costs(rows: Rows, network: nn.Module, scale: int, device: torch.device) -> Costs:
    """A tile's activations and result; for a row of a band, the row and what later stages hold of it."""
    row = 4 * rows.width * rows.channels
    return Costs(tile=_SLACK * bytes_per_pixel(network, device=device), row=row * (1 + 3 * scale**2))


def _run(network: nn.Module, device: torch.device) -> Enlarge:
    def run(tile: Tensor) -> Tensor:
        with torch.inference_mode():
            made = network(tile.to(device))
        return made.clamp(0, 1).float().cpu().contiguous()

    return run
