"""Files become tensors as they should look, and say what is wrong with them when they cannot."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from esrlab.data.image_files import ImageError, find_images, read_image, read_pixels, write_image


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".bmp"])
def test_lossless_formats_come_back_bit_for_bit(tmp_path: Path, pixels: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(pixels).save(path, lossless=True)
    assert np.array_equal(read_pixels(path), pixels)


def test_a_tensor_written_and_read_is_the_tensor_rounded_to_8_bits(tmp_path: Path) -> None:
    image = torch.rand(1, 3, 9, 7) * 1.4 - 0.2
    write_image(image, tmp_path / "deep" / "a.png")
    expected = (image.clamp(0, 1) * 255).round() / 255
    assert torch.allclose(read_image(tmp_path / "deep" / "a.png"), expected, atol=1e-7)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.png"]


def test_exif_orientation_is_applied(tmp_path: Path, pixels: np.ndarray) -> None:
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = 6  # shown turned a quarter clockwise
    picture.save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_pixels(tmp_path / "turned.png"), np.rot90(pixels, k=-1))


def test_grey_palette_alpha_and_16_bit_become_rgb(tmp_path: Path, pixels: np.ndarray) -> None:
    grey = pixels[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_pixels(tmp_path / "grey.png"), np.repeat(grey[..., None], 3, axis=2))
    Image.fromarray(np.dstack([pixels, grey])).save(tmp_path / "alpha.png")
    assert np.array_equal(read_pixels(tmp_path / "alpha.png"), pixels)
    Image.fromarray(pixels).quantize(256).save(tmp_path / "palette.png")
    assert read_pixels(tmp_path / "palette.png").shape == pixels.shape
    deep = grey.astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert np.array_equal(read_pixels(tmp_path / "deep.png"), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("values", [np.full((9, 9), 0.5, np.float32), np.full((9, 9), 70000, np.int32)])
def test_32_bit_images_are_refused_rather_than_guessed_at(tmp_path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(tmp_path / "deep.tif")
    with pytest.raises(ImageError, match=r"deep\.tif holds 32-bit values"):
        read_pixels(tmp_path / "deep.tif")


def test_what_is_no_image_or_a_damaged_one_is_named(tmp_path: Path, pixels: np.ndarray) -> None:
    (tmp_path / "text.png").write_text("not a picture at all")
    with pytest.raises(ImageError, match=r"text\.png is not an image"):
        read_pixels(tmp_path / "text.png")
    Image.fromarray(pixels).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"half\.png is damaged"):
        read_pixels(tmp_path / "half.png")
    with pytest.raises(ImageError, match="cannot read"):
        read_pixels(tmp_path / "absent.png")


def test_images_are_found_below_a_folder_in_order(tmp_path: Path, pixels: np.ndarray) -> None:
    (tmp_path / "b").mkdir()
    for name in ("z.PNG", "b/a.jpeg", ".hidden.png", "note.txt"):
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)] == ["b/a.jpeg", "z.PNG"]
    with pytest.raises(ImageError, match="no folder"):
        find_images(tmp_path / "absent")
    with pytest.raises(ImageError, match="is a file"):
        find_images(tmp_path / "note.txt")
