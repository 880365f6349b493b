"""Alpha and grey: no halo, what is solid stays solid, grey stays grey."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.upscaling.alpha import SpreadRows, spread_colours
from esrlab.upscaling.enlarge import enlarge
from esrlab.upscaling.rows import TensorRows
from small_generators import compact, photo


class Ringing(nn.Module):
    """Bicubic enlargement, sharpened: it overshoots beside every edge."""

    scale, receptive_field = 2, 6

    def forward(self, lr: Tensor) -> Tensor:
        large = functional.interpolate(lr, scale_factor=2, mode="bicubic")
        return large + 0.5 * (large - functional.avg_pool2d(large, 5, 1, 2, count_include_pad=False))


def cut_out(hidden: float) -> Tensor:
    """A red disc with a soft edge; everywhere else the stored colour is `hidden`."""
    down, across = torch.meshgrid(torch.arange(60.0) - 29.5, torch.arange(60.0) - 29.5, indexing="ij")
    alpha = (20 - (down**2 + across**2).sqrt()).clamp(0, 1)
    red = torch.tensor([0.8, 0.2, 0.1]).reshape(1, 3, 1, 1)
    colours = torch.where(alpha > 0, red, torch.full((1, 3, 60, 60), hidden))
    return torch.cat([colours, alpha[None, None]], dim=1)


@pytest.mark.parametrize("hidden", [0.0, 1.0])
def test_no_rim_of_hidden_colours_is_seen(hidden: float) -> None:
    made = enlarge(cut_out(hidden), Ringing())
    visible = made[:, 3:] > 0.02
    red = torch.tensor([0.8, 0.2, 0.1]).reshape(1, 3, 1, 1)
    assert ((made[:, :3] - red).abs() * visible).max() < 0.004  # a level
    raw = Ringing()(cut_out(hidden))
    assert ((raw[:, :3] - red).abs() * visible).max() > 0.1


def test_solid_stays_solid_and_edges_are_sharp() -> None:
    alpha = enlarge(cut_out(0.0), Ringing())[0, 3]
    assert (alpha[50:70, 50:70] == 1).all()
    assert (alpha[:10] == 0).all()
    plain = functional.interpolate(cut_out(0.0)[:, 3:], scale_factor=2, mode="bilinear")[0, 0]
    assert alpha.diff(dim=1).abs().max() > 1.2 * plain.diff(dim=1).abs().max()


def test_an_opaque_image_is_as_without_alpha() -> None:
    image = photo(40, 50)
    made = enlarge(torch.cat([image, torch.ones(1, 1, 40, 50)], dim=1), compact())
    torch.testing.assert_close(made[:, :3], enlarge(image, compact()), rtol=0, atol=1e-6)
    assert (made[:, 3] == 1).all()


def test_tiles_change_nothing_of_an_image_with_alpha() -> None:
    image = torch.cat([photo(130, 60), (photo(130, 60, channels=1, seed=1) * 2 - 0.5).clamp(0, 1)], dim=1)
    told: list[int] = []
    tiled = enlarge(image, compact(), memory=15 * 10**5, progress=lambda done, of: told.append(of))
    torch.testing.assert_close(tiled, enlarge(image, compact()), rtol=0, atol=1e-5)
    assert told[-1] > 2


@pytest.mark.parametrize("channels", [1, 2])
def test_grey_stays_grey_and_is_the_mean_of_what_the_network_makes(channels: int) -> None:
    image = photo(30, 30, channels=channels).clamp(min=0.1)
    made = enlarge(image, compact(), keep_colour=False)
    assert made.shape == (1, channels, 60, 60)
    with torch.inference_mode():
        expected = compact()(image[:, :1].expand(-1, 3, -1, -1)).clamp(0, 1).mean(1)
    torch.testing.assert_close(made[:, 0], expected, rtol=0, atol=1e-6)


def test_colours_are_spread_by_neighbours_and_no_farther_than_16_pixels() -> None:
    image = torch.zeros(1, 2, 1, 40)
    image[:, :, :, 0] = 1
    spread = spread_colours(image)
    assert (spread[0, 0, 0] == torch.tensor([1.0] * 17 + [0.0] * 23)).all()
    assert (spread[0, 1] == image[0, 1]).all()
    tall = torch.cat([photo(90, 20), (photo(90, 20, channels=1) > 0.7).float()], dim=1)
    rows = SpreadRows(TensorRows(tall))
    pieces = torch.cat([rows.read(0, 30), rows.read(30, 31), rows.read(31, 90)], dim=2)
    torch.testing.assert_close(pieces, spread_colours(tall), rtol=0, atol=1e-6)


def test_an_invisible_image_is_left_as_it_is() -> None:
    image = torch.cat([photo(10, 10), torch.zeros(1, 1, 10, 10)], dim=1)
    assert spread_colours(image) is image
    assert (enlarge(image, compact())[:, 3] == 0).all()
