"""Colours are kept, everywhere in the image, in any bands, and without a trace at edges."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.upscaling.colour import keep_colour
from esrlab.upscaling.enlarge import enlarge
from esrlab.upscaling.rows import TensorRows
from small_generators import compact, photo

LEVEL = 1 / 255


def correct(made: Tensor, given: Tensor, *, band: int = 64) -> Tensor:
    scale = made.shape[2] // given.shape[2]
    bands = keep_colour(iter(made.split(band * scale, dim=2)), TensorRows(given), scale=scale, planes=3)
    return torch.cat(list(bands), dim=2)


class Tinted(nn.Module):
    """A nearest enlargement whose colours are off by 3 and -4 levels, and 2% in blue."""

    scale, receptive_field = 2, 0

    def forward(self, lr: Tensor) -> Tensor:
        tint = torch.tensor([3 * LEVEL, -4 * LEVEL, 0]).reshape(1, 3, 1, 1)
        gain = torch.tensor([1, 1, 1.02]).reshape(1, 3, 1, 1)
        return functional.interpolate(lr * gain + tint, scale_factor=2, mode="nearest")


@pytest.mark.parametrize("size", [(90, 70), (1, 1), (3, 200), (150, 2)])
def test_the_means_agree(size: tuple[int, int]) -> None:
    given = photo(*size) * 0.8 + 0.1
    off = (enlarge(given, Tinted(), keep_colour=False).mean((2, 3)) - given.mean((2, 3))).abs()
    on = (enlarge(given, Tinted()).mean((2, 3)) - given.mean((2, 3))).abs()
    assert off.max() > 3 * LEVEL
    assert on.max() < 0.01 * LEVEL


def test_the_means_agree_within_half_a_level_where_much_is_black_and_white() -> None:
    given = (photo(96, 96) * 2 - 0.5).clamp(0, 1)
    assert ((given == 0) | (given == 1)).float().mean() > 0.2
    made = enlarge(given, Tinted())
    assert 0 <= made.min() <= made.max() <= 1
    assert (made.mean((2, 3)) - given.mean((2, 3))).abs().max() < 0.5 * LEVEL


def test_a_tint_that_differs_from_place_to_place_is_undone_in_its_place() -> None:
    given = torch.full((1, 3, 160, 160), 0.5)
    tint = torch.linspace(-6, 6, 320) * LEVEL
    made = functional.interpolate(given, scale_factor=2) + tint
    left = (correct(made, given) - 0.5).abs()
    assert left.max() < 2 * LEVEL  # at the borders, where the mirrored tint is not a ramp
    assert left[..., 80:-80].max() < 0.1 * LEVEL


def test_detail_and_edges_are_left_alone() -> None:
    """What a network adds to edges and textures has a mean of 0, and stays to a fraction of a level."""
    given = torch.zeros(1, 3, 128, 128) + 0.25
    given[..., 64:] = 0.75
    made = functional.interpolate(given, scale_factor=2, mode="bicubic")
    texture = torch.tensor([0.05, -0.05]).repeat(128)
    made = made + texture
    torch.testing.assert_close(correct(made, given), made, rtol=0, atol=0.1 * LEVEL)


def test_the_correction_is_smooth() -> None:
    """A tint in one half only fades out over some 30 pixels, by less than a fifth of a level a pixel."""
    given = torch.full((1, 3, 128, 128), 0.5)
    made = functional.interpolate(given, scale_factor=2).clone()
    made[..., :128] += 4 * LEVEL
    shift = correct(made, given) - made
    assert shift.diff(dim=3).abs().max() < 0.2 * LEVEL
    assert shift.diff(dim=2).abs().max() < 1e-6


@pytest.mark.parametrize("band", [1, 7, 64])
def test_bands_of_any_height_give_the_same(band: int) -> None:
    given = photo(150, 40)
    made = enlarge(given, compact(), keep_colour=False)
    whole = correct(made, given, band=1000)
    torch.testing.assert_close(correct(made, given, band=band), whole, rtol=0, atol=1e-6)


def test_alpha_is_not_touched() -> None:
    given = torch.cat([photo(40, 40), torch.ones(1, 1, 40, 40)], dim=1)
    made = functional.interpolate(given, scale_factor=2)
    made[:, 3] = 0.9
    bands = keep_colour(iter([made]), TensorRows(given), scale=2, planes=3)
    assert (torch.cat(list(bands), dim=2)[:, 3] == made[:, 3]).all()
