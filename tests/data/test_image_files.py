"""Files become tensors as they should look, and say what is wrong with them when they cannot."""

import os
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from esrlab.data.image_files import (
    ImageError,
    decoded_size,
    find_images,
    read_image,
    read_pixels,
    write_image,
)
from esrlab.errors import UsageError
from pictures import white_png


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
    with pytest.raises(ImageError, match=r"deep\.tif has 32-bit values"):
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


def test_what_is_no_promised_format_is_not_opened_whatever_its_name_says(
    tmp_path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(pixels).save(tmp_path / "program.png", format="EPS")
    Image.fromarray(pixels).save(tmp_path / "moving.png", format="GIF")
    Image.fromarray(pixels).save(tmp_path / "really-png.jpg", format="PNG")
    started = tmp_path / "started"
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {started}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name in ("program.png", "moving.png"):
        with pytest.raises(ImageError, match=rf"{name} is not an image in PNG, JPEG"):
            read_pixels(tmp_path / name)
        assert decoded_size(tmp_path / name) == 0
    assert not started.exists(), "no other program is run"
    assert np.array_equal(read_pixels(tmp_path / "really-png.jpg"), pixels)


def test_pixels_are_bounded_before_any_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(white_png(13_300, 13_300))
    assert bomb.stat().st_size < 40_000
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from esrlab.data.image_files import ImageError, read_pixels\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_pixels(Path(sys.argv[1]))\n"
        "except ImageError as error: print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(bomb)], capture_output=True, text=True, check=True
    )
    said, kilobytes = done.stdout.splitlines()
    assert said == (
        f"{bomb} is too large: it has more than {2**25:,} pixels; set $ESRLAB_MAX_PIXELS to allow more"
    )
    assert int(kilobytes) < 20_000
    small = tmp_path / "small.png"
    small.write_bytes(white_png(30, 20))
    monkeypatch.setenv("ESRLAB_MAX_PIXELS", "599")
    with pytest.raises(ImageError, match="more than 599 pixels"):
        read_pixels(small)
    monkeypatch.setenv("ESRLAB_MAX_PIXELS", "600")
    assert read_pixels(small).shape == (20, 30, 3)
    monkeypatch.setenv("ESRLAB_MAX_PIXELS", "many")
    with pytest.raises(
        UsageError, match="ESRLAB_MAX_PIXELS must be a whole number of pixels, 1 or more, not 'many'"
    ):
        read_pixels(small)


def test_a_setting_above_pillows_own_bound_is_obeyed_without_a_warning(
    tmp_path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert np.array_equal(read_pixels(tmp_path / "a.png"), pixels)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize(
    "error",
    [
        *(TypeError("t"), struct.error("s"), NotImplementedError("n"), RuntimeError("r"), SyntaxError("x")),
        *(ValueError("v"), OverflowError("o"), zlib.error("z"), IndexError("i"), EOFError()),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_pillow_raises_names_the_file(
    tmp_path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.png")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    with pytest.raises(ImageError, match=r"a\.png is damaged: "):
        read_pixels(tmp_path / "a.png")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "_open", fail)
    with pytest.raises(ImageError, match=r"a\.png is "):
        read_pixels(tmp_path / "a.png")
    assert decoded_size(tmp_path / "a.png") == 0


@pytest.mark.parametrize("suffix", ["jpg", "webp", "png"])
def test_what_pillow_remarks_on_metadata_stays_unsaid(
    tmp_path: Path, pixels: np.ndarray, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    cut = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 3) + struct.pack("<HHII", 0x0112, 3, 1, 1)[:9]
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path, exif=cut)
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(path) as image:
        image.getexif()
    assert read_pixels(path).shape == pixels.shape  # a warning would be an error here
    assert capfd.readouterr().err == ""


def test_damaged_files_of_every_format_are_read_or_named(tmp_path: Path, pixels: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    for suffix in ("png", "jpg", "webp", "tiff", "bmp"):
        whole = tmp_path / f"whole.{suffix}"
        Image.fromarray(pixels).save(whole)
        for number in range(60):
            damaged = bytearray(whole.read_bytes())
            for place in rng.integers(0, min(len(damaged), 300), 3):
                damaged[place] = rng.integers(0, 256)
            path = tmp_path / f"{number}.{suffix}"
            path.write_bytes(damaged)
            with suppress(ImageError):
                read_pixels(path)
