"""The bicubic is MATLAB's: today's to the last digit, the older one's files without a differing value."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from esrlab.data.degradations.bicubic import (
    Convention,
    bicubic_down,
    bicubic_up,
    crop_to_multiple,
    make_lr,
    make_lr_from_bytes,
    round_to_8bit,
)
from esrlab.evaluation.metrics.psnr import psnr


def read(path: Path) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]; grayscale files repeat their channel."""
    with Image.open(path) as picture:
        levels = np.asarray(picture.convert("RGB"))
    return torch.from_numpy(levels.copy()).permute(2, 0, 1).unsqueeze(0).float() / 255


def random_photo(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randint(0, 256, shape).to(dtype) / 255


def keys(distance: Tensor) -> Tensor:
    """Keys' cubic kernel, a = -1/2, written from the paper and not from the code under test."""
    t = distance.abs()
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t <= 1, near, torch.where(t < 2, far, torch.zeros_like(t)))


def interpolate(signal: Tensor, scale: int, *, shrink: bool) -> Tensor:
    """One row by the definition: a sum over the mirrored signal, each output pixel at its own centre."""
    size = len(signal)
    reach = 5 * max(size, 2 * scale)
    mirrored = torch.cat([signal, signal.flip(0)])
    positions = torch.arange(-reach, reach + size)
    values = mirrored[positions.remainder(2 * size)]
    ratio = float(scale) if shrink else 1 / scale
    centres = (torch.arange(round(size / ratio), dtype=torch.float64) + 0.5) * ratio - 0.5
    weights = keys((centres.unsqueeze(1) - positions) / max(ratio, 1))
    return (weights / weights.sum(1, keepdim=True)) @ values


def test_down_equals_todays_matlab(shared: Path) -> None:
    cases = json.loads((shared / "golden" / "matlab_imresize.json").read_text())["cases"]
    assert cases
    for case in cases:
        size = case["n"]
        ramp = torch.arange(size * size, dtype=torch.float64).reshape(1, 1, size, size)
        answer = torch.tensor(case["answer"], dtype=torch.float64)
        torch.testing.assert_close(bicubic_down(ramp, case["scale"])[0, 0], answer, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 5, 24])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_both_directions_equal_the_definition(size: int, scale: int) -> None:
    column = torch.rand(size * scale, dtype=torch.float64)
    row = torch.rand(3 * scale, dtype=torch.float64)
    image = torch.outer(column, row)[None, None]
    small = torch.outer(interpolate(column, scale, shrink=True), interpolate(row, scale, shrink=True))
    large = torch.outer(interpolate(column, scale, shrink=False), interpolate(row, scale, shrink=False))
    torch.testing.assert_close(bicubic_down(image, scale)[0, 0], small, rtol=0, atol=1e-12)
    torch.testing.assert_close(bicubic_up(image, scale)[0, 0], large, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtype_is_kept_and_overshoot_too(dtype: torch.dtype) -> None:
    edge = torch.zeros(2, 3, 16, 16, dtype=dtype)
    edge[..., 8:] = 1
    for resized in (bicubic_down(edge, 2), bicubic_up(edge, 2)):
        assert resized.dtype == dtype
        assert resized.min() < 0
        assert resized.max() > 1


def test_both_directions_are_differentiable() -> None:
    image = torch.rand(1, 2, 6, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda picture: bicubic_down(picture, 2), image)
    assert torch.autograd.gradcheck(lambda picture: bicubic_up(picture, 2), image)


def test_autocast_changes_nothing() -> None:
    image = random_photo(1, 3, 24, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = bicubic_up(image, 2)
    assert torch.equal(inside, bicubic_up(image, 2))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("benchmark", ["Set5", "Set14"])
def test_8bit_convention_reproduces_the_stored_images(shared: Path, benchmark: str, scale: int) -> None:
    folder = shared / "benchmarks" / benchmark
    photos = sorted((folder / "HR").glob("*.png"))
    assert len(photos) == {"Set5": 5, "Set14": 14}[benchmark]
    for photo in photos:
        hr = crop_to_multiple(read(photo), scale)
        stored = read(folder / f"LR_matlab_x{scale}" / photo.name)
        lr = make_lr(hr, scale, convention="matlab-8bit")
        assert torch.equal(lr, stored), photo.name
        differing = (make_lr(hr, scale) != stored).double().mean().item()
        assert 0.05 < differing < 0.25, f"{photo.name}: the conventions are two"


@pytest.mark.parametrize(
    ("benchmark", "published"),
    [("Set5", {2: 33.64, 3: 30.39, 4: 28.42}), ("Set14", {2: 30.22, 3: 27.53, 4: 25.99})],
)
def test_bicubic_scores_as_published(shared: Path, benchmark: str, published: dict[int, float]) -> None:
    """Set14's bridge is a grayscale file: the published tables score its gray as it is, in the full range."""
    to_full_range = 20 * math.log10(219 / 255)
    for scale, expected in published.items():
        scores = []
        for photo in sorted((shared / "benchmarks" / benchmark / "HR").glob("*.png")):
            hr = crop_to_multiple(read(photo), scale)
            sr = round_to_8bit(bicubic_up(make_lr(hr, scale), scale))
            correction = to_full_range if photo.name == "bridge.png" else 0
            scores.append(psnr(sr, hr, border=scale, channel="y").item() + correction)
        assert sum(scores) / len(scores) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("convention", ["matlab", "matlab-8bit"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_lr_is_8bit_and_the_same_in_both_precisions(convention: str, scale: int) -> None:
    assert convention in ("matlab", "matlab-8bit")
    hr = random_photo(2, 3, 48, 24)
    lr = make_lr(hr, scale, convention=convention)
    assert lr.dtype == torch.float32
    assert lr.shape == (2, 3, 48 // scale, 24 // scale)
    assert torch.equal(lr, (lr * 255).round() / 255)
    double = make_lr((hr.double() * 255).round() / 255, scale, convention=convention)
    assert double.dtype == torch.float64
    assert torch.equal(double.float(), lr)


@pytest.mark.parametrize("convention", ["matlab", "matlab-8bit"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_lr_of_bytes_is_that_of_floats_bit_for_bit(convention: Convention, scale: int) -> None:
    pixels = torch.randint(0, 256, (3, 3, 48, 36), dtype=torch.uint8)
    pixels[0] = (pixels[0] > 127) * 255
    of_floats = make_lr(pixels.float() / 255, scale, convention=convention)
    of_bytes = make_lr_from_bytes(pixels, scale, convention=convention)
    assert of_bytes.dtype == torch.float32
    assert torch.equal(of_bytes, of_floats)


def test_lr_of_bytes_refuses_what_is_none() -> None:
    with pytest.raises(ValueError, match="uint8 images"):
        make_lr_from_bytes(torch.zeros(1, 3, 8, 8), 2)
    with pytest.raises(ValueError, match="does not divide by the scale 3"):
        make_lr_from_bytes(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), 3)
    with pytest.raises(ValueError, match="unknown convention 'pil'"):
        make_lr_from_bytes(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), 2, convention="pil")  # pyright: ignore[reportArgumentType]


def test_scale_one_returns_the_image() -> None:
    hr = random_photo(1, 3, 7, 5)
    assert torch.equal(make_lr(hr, 1), hr)
    assert torch.equal(make_lr(hr, 1, convention="matlab-8bit"), hr)
    torch.testing.assert_close(bicubic_up(hr, 1), hr, rtol=0, atol=0)


def test_halves_round_up_in_either_precision() -> None:
    halves = torch.tensor([100.0, 101.0]).repeat(32, 16)[None, None]
    for dtype in (torch.float32, torch.float64):
        lr = make_lr(halves.to(dtype) / 255, 2)[..., 2:-2]
        assert torch.equal((lr * 255).round(), torch.full_like(lr, 101))


def test_lr_of_deeper_images_uses_their_depth() -> None:
    hr = torch.full((1, 3, 8, 8), 100.4 / 255, dtype=torch.float64)
    hr[..., ::2] = 100.8 / 255
    assert torch.all((make_lr(hr, 2)[..., 1:-1, 1:-1] * 255).round() == 101)


def test_round_to_8bit() -> None:
    values = torch.tensor([-0.3, 0.0, 0.499 / 255, 0.501 / 255, 1.0, 1.7])
    expected = torch.tensor([0.0, 0.0, 0.0, 1 / 255, 1.0, 1.0], dtype=torch.float64)
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        rounded = round_to_8bit(values.to(dtype))
        assert rounded.dtype == dtype
        assert torch.equal(rounded, expected.to(dtype))
    half = torch.tensor([0.5, 1.5, 2.5], dtype=torch.float64)
    assert torch.equal(
        (round_to_8bit(half / 255) * 255).round(), torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    )


def test_crop_to_multiple_takes_from_right_and_bottom() -> None:
    image = torch.arange(5 * 7).reshape(1, 1, 5, 7)
    assert torch.equal(crop_to_multiple(image, 3), image[..., :3, :6])
    assert torch.equal(crop_to_multiple(image, 1), image)
    with pytest.raises(ValueError, match="5×7 pixels is smaller than the scale 6"):
        crop_to_multiple(image, 6)


@pytest.mark.parametrize("shrink", [bicubic_down, make_lr])
def test_sizes_that_do_not_divide_name_the_remedy(shrink) -> None:
    with pytest.raises(
        ValueError, match=r"10×7 pixels.*scale 3.*crop_to_multiple\(image, 3\) crops it to 9×6"
    ):
        shrink(torch.rand(1, 3, 10, 7), 3)


@pytest.mark.parametrize("resize", [bicubic_down, bicubic_up, make_lr])
def test_wrong_images_and_scales_are_refused(resize) -> None:
    for image in (torch.rand(3, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.rand(1, 3, 0, 8)):
        with pytest.raises(ValueError, match="expected float images of shape"):
            resize(image, 2)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        resize(torch.rand(1, 3, 8, 8), 0)


def test_lr_refuses_other_ranges_and_short_floats() -> None:
    image = torch.rand(1, 3, 8, 8)
    for wrong in (image * 255, image * 2 - 1, image / 0):
        with pytest.raises(ValueError, match="takes images in"):
            make_lr(wrong, 2)
    with pytest.raises(ValueError, match="needs float32 or float64"):
        make_lr(image.half(), 2)
    with pytest.raises(ValueError, match="divide 8-bit values by 255"):
        round_to_8bit(torch.zeros(1, dtype=torch.uint8))
    assert make_lr(image[:0], 2).shape == (0, 3, 4, 4)


def test_unknown_convention_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'pillow'.*matlab, matlab-8bit"):
        make_lr(torch.rand(1, 3, 8, 8), 2, convention="pillow")  # pyright: ignore[reportArgumentType]


def test_memory_grows_with_the_side_and_not_with_its_square() -> None:
    code = """
import resource, torch
from esrlab.data.degradations.bicubic import make_lr
torch.set_num_threads(1)
hr = (torch.rand(1, 3, 20_000, 64) * 255).round() / 255
make_lr(hr[..., :64, :], 4)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert make_lr(hr, 4).shape == (1, 3, 5_000, 16)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 400, "MiB; a matrix of the whole side takes 800"


@pytest.mark.parametrize("convention", ["matlab", "matlab-8bit"])
def test_a_large_image_is_made_plane_by_plane_and_the_same(
    convention: Convention, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr = (torch.rand(2, 3, 24, 36) * 255).round() / 255
    whole = make_lr(hr, 4, convention=convention), bicubic_up(hr, 3)
    monkeypatch.setattr("esrlab.data.degradations.bicubic._LARGE", 100)
    assert torch.equal(make_lr(hr, 4, convention=convention), whole[0])
    assert torch.equal(bicubic_up(hr, 3), whole[1])
