"""Tiles give what the whole image gives, fade where they cannot, and shrink where memory runs out."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from esrlab.errors import UserError
from esrlab.models.generators.base import GeneratorNetwork
from esrlab.upscaling.enlarge import enlarge
from esrlab.upscaling.rows import TensorRows
from esrlab.upscaling.tile_plan import ALIGNMENT, Costs, Overlap, Plan, plan_tiles
from esrlab.upscaling.tiles import Tiling, enlarge_in_tiles
from small_generators import compact, photo


def whole(network: nn.Module, image: Tensor) -> Tensor:
    with torch.inference_mode():
        return network(image).clamp(0, 1).clone()


def in_tiles(
    network: GeneratorNetwork, image: Tensor, overlap: Overlap, *, most_pixels: int
) -> tuple[Tensor, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    bands = enlarge_in_tiles(
        TensorRows(image),
        lambda tile: whole(network, tile),
        scale=network.scale,
        tiling=Tiling(overlap=overlap, costs=Costs(tile=1, row=1), memory=1e9, most_pixels=most_pixels),
        progress=lambda done, of: told.append((done, of)),
    )
    return torch.cat(list(bands), dim=2), told


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("size", [(95, 130), (16, 200), (131, 20), (7, 5)])
def test_tiles_that_see_the_receptive_field_are_the_whole(size: tuple[int, int], scale: int) -> None:
    image, network = photo(*size), compact(scale=scale)
    made, told = in_tiles(network, image, Overlap(margin=network.receptive_field), most_pixels=32 * 32)
    torch.testing.assert_close(made, whole(network, image), rtol=0, atol=1e-5)
    assert told[-1][0] == told[-1][1] == len(told)
    assert len(told) > 1 or size == (7, 5)


def test_an_overlap_of_less_than_the_receptive_field_is_not() -> None:
    network, image = compact(), photo(95, 130)
    made, _ = in_tiles(network, image, Overlap(margin=network.receptive_field - 1), most_pixels=32 * 32)
    assert (made - whole(network, image)).abs().max() > 1e-4


def test_the_default_is_exact_for_small_receptive_fields_in_little_memory() -> None:
    network, image = compact(), photo(140, 150)
    told: list[tuple[int, int]] = []
    made = enlarge(
        image, network, memory=10**6, keep_colour=False, progress=lambda done, of: told.append((done, of))
    )
    torch.testing.assert_close(made, whole(network, image), rtol=0, atol=1e-5)
    assert len(told) > 3


def test_fading_spreads_the_step_between_tiles_over_the_seam() -> None:
    """A network that sees the whole tile makes each a little brighter or darker than the next."""
    ramp = torch.linspace(0, 0.5, 96).reshape(1, 1, 96, 1) * torch.linspace(0, 1, 80)
    steps: list[float] = []
    for blend in (0, 4):
        tiling = Tiling(
            overlap=Overlap(margin=8, blend=blend),
            costs=Costs(tile=1, row=1),
            memory=1e9,
            most_pixels=48 * 48,
        )
        bands = enlarge_in_tiles(TensorRows(ramp), lambda tile: tile + tile.mean(), scale=1, tiling=tiling)
        added = torch.cat(list(bands), dim=2) - ramp
        steps.append(max(added.diff(dim=dim).abs().max().item() for dim in (2, 3)))
        assert added.min() >= 0
    assert steps[0] > 0.02
    assert steps[1] == pytest.approx(steps[0] / 8, rel=0.3)


def test_bands_come_in_order_and_before_all_is_made() -> None:
    network, image = compact(), photo(96, 40)
    seen = 0

    def counting(tile: Tensor) -> Tensor:
        nonlocal seen
        seen += 1
        return whole(network, tile)

    tiling = Tiling(overlap=Overlap(margin=5), costs=Costs(tile=1, row=1), memory=1e9, most_pixels=40 * 40)
    bands = enlarge_in_tiles(TensorRows(image), counting, scale=2, tiling=tiling)
    first = next(bands)
    assert seen == 1
    assert first.shape[3] == 80
    torch.testing.assert_close(torch.cat([first, *bands], 2), whole(network, image), rtol=0, atol=1e-5)
    assert seen > 2


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:126] err == 0. DefaultCPUAllocator: can't allocate memory: you "
            "tried to allocate 400000000000000 bytes. Error code 12 (Cannot allocate memory)"
        ),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_the_tiles_and_goes_on(error: Exception) -> None:
    network, image = compact(), photo(150, 60)
    sizes: list[int] = []

    def scarce(tile: Tensor) -> Tensor:
        sizes.append(tile[0, 0].numel())
        if sizes[-1] > 2200:
            raise error
        return whole(network, tile)

    tiling = Tiling(overlap=Overlap(margin=5), costs=Costs(tile=1, row=1), memory=1e9, most_pixels=10**6)
    made = torch.cat(list(enlarge_in_tiles(TensorRows(image), scarce, scale=2, tiling=tiling)), dim=2)
    torch.testing.assert_close(made, whole(network, image), rtol=0, atol=1e-5)
    assert sizes[:2] == [9000, max(sizes[1:])]
    assert sizes[1] <= 4500


def test_torchs_own_refusal_is_understood() -> None:
    network, image, tried = compact(), photo(60, 60), 0

    def greedy(tile: Tensor) -> Tensor:
        nonlocal tried
        tried += 1
        if tried == 1:
            torch.empty(10**15)
        return whole(network, tile)

    tiling = Tiling(overlap=Overlap(margin=5), costs=Costs(tile=1, row=1), memory=1e9, most_pixels=10**6)
    made = torch.cat(list(enlarge_in_tiles(TensorRows(image), greedy, scale=2, tiling=tiling)), dim=2)
    torch.testing.assert_close(made, whole(network, image), rtol=0, atol=1e-5)


def test_where_even_the_smallest_tile_fails_it_is_said_and_other_errors_stay() -> None:
    def fails(error: Exception) -> Iterator[Tensor]:
        def function(tile: Tensor) -> Tensor:
            raise error

        tiling = Tiling(overlap=Overlap(margin=5), costs=Costs(tile=1, row=1), memory=1e9, most_pixels=10**6)
        return enlarge_in_tiles(TensorRows(photo(90, 90)), function, scale=2, tiling=tiling)

    with pytest.raises(UserError, match=r"memory ran out at a tile of \d+×\d+ pixels, the smallest"):
        list(fails(MemoryError()))
    with pytest.raises(RuntimeError, match="expected scalar type"):
        list(fails(RuntimeError("expected scalar type Float")))
    with pytest.raises(UserError, match="MiB of memory are not enough for even a small tile"):
        enlarge(photo(90, 90), compact(), memory=1000)


# planning


def plan(height: int, width: int, **given: Any) -> Plan:
    settings = {
        "overlap": Overlap(margin=10),
        "costs": Costs(tile=1, row=0),
        "memory": 1e9,
        "most_pixels": 10**9,
    }
    return plan_tiles(height, width, **(settings | given))


@pytest.mark.parametrize("sides", [(8000, 12000), (1, 20000), (20000, 1), (37, 41), (1, 1)])
@pytest.mark.parametrize("memory", [1e4, 1e6, 1e9])
def test_a_plan_covers_every_pixel_once_within_the_memory(sides: tuple[int, int], memory: float) -> None:
    made = plan(*sides, memory=memory, costs=Costs(tile=3, row=sides[1] / 100))
    for cuts, side in ((made.rows, sides[0]), (made.columns, sides[1])):
        assert cuts[0][0] == 0
        assert cuts[-1][1] == side
        assert all(before[1] == after[0] for before, after in pairwise(cuts))
        assert all(first < last and first % ALIGNMENT == 0 for first, last in cuts)
    tall, wide = (
        max(min(last + 10, side) - max(first - 10, 0) // 4 * 4 for first, last in cuts)
        for cuts, side in ((made.rows, sides[0]), (made.columns, sides[1]))
    )
    rows = max(last - first for first, last in made.rows)
    assert tall * wide * 3 + rows * sides[1] / 100 <= memory * 1.0 + 1


def test_a_plan_computes_as_little_twice_as_it_can() -> None:
    assert plan(1000, 1000).tiles == 1
    strips = plan(4000, 100, memory=100 * 600)
    assert len(strips.columns) == 1  # a narrow image is cut across alone
    assert len(strips.rows) == 7


def test_plans_refuse_overlaps_that_cannot_be() -> None:
    with pytest.raises(UserError, match="cannot overlap by -1"):
        Overlap(margin=-1)
    with pytest.raises(UserError, match="blend over 5"):
        Overlap(margin=4, blend=5)
