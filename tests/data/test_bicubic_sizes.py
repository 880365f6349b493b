"""The bicubic to any size is MATLAB's where the scale is whole, and the kernel's definition elsewhere."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from esrlab.data.degradations.bicubic import bicubic_down, bicubic_up
from esrlab.data.degradations.bicubic_sizes import bicubic_to_size


def noise(height: int, width: int, *, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, channels, height, width, generator=generator, dtype=torch.float64)


def test_it_equals_matlabs_own_answers(shared: Path) -> None:
    cases = json.loads((shared / "golden" / "matlab_imresize.json").read_text())["cases"]
    for case in cases:
        side, scale = case["n"], case["scale"]
        ramp = torch.arange(side * side, dtype=torch.float64).reshape(1, 1, side, side)
        answer = torch.tensor(case["answer"], dtype=torch.float64)
        small = bicubic_to_size(ramp, (side // scale, side // scale))
        torch.testing.assert_close(small[0, 0], answer, rtol=0, atol=1e-9)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("sides", [(24, 36), (12, 300), (288, 12)])
def test_whole_scales_are_the_exact_ones(scale: int, sides: tuple[int, int]) -> None:
    image = noise(*sides)
    small = bicubic_to_size(image, (sides[0] // scale, sides[1] // scale))
    torch.testing.assert_close(small, bicubic_down(image, scale), rtol=0, atol=1e-13)
    large = bicubic_to_size(image, (sides[0] * scale, sides[1] * scale))
    torch.testing.assert_close(large, bicubic_up(image, scale), rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", [(31, 45), (17, 60), (45, 20), (1, 1), (300, 7)])
def test_any_size_is_the_mirrored_image_weighed_by_the_kernel(size: tuple[int, int]) -> None:
    image = noise(30, 30, channels=1)
    expected = weigh(weigh(image[0, 0], size[0]).T, size[1]).T
    torch.testing.assert_close(bicubic_to_size(image, size)[0, 0], expected, rtol=0, atol=1e-12)


def weigh(columns: Tensor, wanted: int) -> Tensor:
    """(n, W) -> (wanted, W), pixel by pixel, over five mirrored copies of the image to each side."""
    given = len(columns)
    ratio = given / wanted
    stretch = max(ratio, 1)
    mirrored = torch.cat([columns, columns.flip(0)] * 5)
    rows: list[Tensor] = []
    for i in range(wanted):
        centre = (i + 0.5) * ratio - 0.5 + 4 * given
        distance = (torch.arange(len(mirrored), dtype=torch.float64) - centre).abs() / stretch
        near, far = 1.5 * distance**3 - 2.5 * distance**2 + 1, -0.5 * distance**3 + 2.5 * distance**2
        weight = torch.where(distance <= 1, near, far - 4 * distance + 2) * (distance < 2)
        rows.append((weight / weight.sum()) @ mirrored)
    return torch.stack(rows)


def test_a_constant_stays_and_its_type_too() -> None:
    image = torch.full((2, 3, 9, 11), 0.3)
    resized = bicubic_to_size(image, (13, 7))
    assert resized.dtype == torch.float32
    torch.testing.assert_close(resized, torch.full((2, 3, 13, 7), 0.3))
    assert bicubic_to_size(image, (9, 11)) is image


def test_a_size_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="9 pixels cannot become one of 0"):
        bicubic_to_size(torch.zeros(1, 1, 9, 9), (0, 4))
