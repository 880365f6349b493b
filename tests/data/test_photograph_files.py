"""Photographs through files: every format, mode and depth read as it is, and written with what it carries."""

import io
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from esrlab.data.image_files import ImageError
from esrlab.data.photograph_files.metadata import Metadata
from esrlab.data.photograph_files.reading import Levels, Photograph, decode_photograph, read_photograph
from esrlab.data.photograph_files.writing import (
    JPEG,
    OUTPUT_FORMATS,
    PNG,
    TIFF,
    WEBP,
    OutputFormat,
    format_like,
    kept_by,
    write_photograph,
)
from esrlab.errors import UserError
from pictures import white_png

SIZES = ((1, 1), (7, 5), (40, 131))


def levels(height: int, width: int, channels: int, bits: int = 8) -> Levels:
    """Smooth colours with some noise: all filters of PNG are of use to some row."""
    dice = np.random.default_rng(3)
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 9 + c) * np.cos(y / (5 + c)) for c in range(channels)], axis=2)
    values = (waves + 1) / 2 + dice.normal(0, 0.02, waves.shape)
    peak = 2**bits - 1
    return (values.clip(0, 1) * peak).round().astype(np.uint8 if bits == 8 else np.uint16)


def encode(
    pixels: Levels, wanted: OutputFormat = PNG, kept: Metadata | None = None, quality: int = 95
) -> bytes:
    stream = io.BytesIO()
    height, width, channels = pixels.shape
    bands = [pixels[top : top + 27] for top in range(0, height, 27)]
    write_photograph(
        stream,
        bands,
        size=(width, height),
        channels=channels,
        bits=pixels.dtype.itemsize * 8,
        wanted=wanted,
        kept=kept or Metadata(),
        quality=quality,
    )
    return stream.getvalue()


def decode(encoded: bytes) -> Photograph:
    return decode_photograph(encoded, name="photo")


def by_pillow(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@cache
def profile() -> bytes:
    """One for all: it says when it was made."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("wanted", [PNG, TIFF], ids=lambda wanted: wanted.name)
def test_lossless_formats_give_every_level_back(
    wanted: OutputFormat, bits: int, channels: int, size: tuple[int, int]
) -> None:
    pixels = levels(*size, channels, bits)
    encoded = encode(pixels, wanted)
    if wanted is TIFF and bits == 16 and channels == 2:  # Pillow reads no such file, others do
        tifffile = pytest.importorskip("tifffile")
        found = tifffile.imread(io.BytesIO(encoded))
    else:
        read = decode(encoded)
        assert (read.format, read.bits, read.notices) == (wanted.name, bits, ())
        assert read.metadata == Metadata()
        found = read.pixels
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_written_png_is_hardly_larger_than_pillow_s(channels: int) -> None:
    pixels = levels(160, 200, channels)
    theirs = by_pillow(Image.fromarray(pixels[..., 0] if channels == 1 else pixels), "PNG")
    assert len(encode(pixels)) < 1.02 * len(theirs)


@pytest.mark.parametrize("wanted", [JPEG, WEBP], ids=lambda wanted: wanted.name)
@pytest.mark.parametrize("channels", [1, 3])
def test_lossy_formats_come_near_and_grey_stays_grey_in_jpeg(wanted: OutputFormat, channels: int) -> None:
    pixels = levels(40, 60, channels)
    read = decode(encode(pixels, wanted, quality=98))
    assert read.pixels.shape[2] == (1 if wanted is JPEG and channels == 1 else 3)
    assert np.abs(read.pixels.astype(int) - pixels).mean() < 5
    assert len(encode(pixels, wanted, quality=40)) < len(encode(pixels, wanted, quality=98))


def test_alpha_is_kept_by_webp_and_laid_on_white_by_jpeg() -> None:
    pixels = levels(16, 16, 4)
    pixels[..., 3] = 255
    pixels[:8, :, 3] = 0
    np.testing.assert_array_equal(decode(encode(pixels, WEBP)).pixels[..., 3], pixels[..., 3])
    flat = decode(encode(pixels, JPEG))
    assert flat.pixels.shape[2] == 3
    assert flat.pixels[:6].min() > 245
    notices: list[str] = []
    kept_by(JPEG, Metadata(), 4, notices)
    assert notices == ["transparency is laid on white, as JPEG has none"]


@pytest.mark.parametrize(
    ("mode", "kind", "channels"),
    [
        *((mode, "PNG", count) for mode, count in (("1", 1), ("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4))),
        *((mode, "TIFF", count) for mode, count in (("1", 1), ("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4))),
        *((mode, "BMP", count) for mode, count in (("1", 1), ("L", 1), ("RGB", 3))),
        ("P", "PNG", 3),
        ("P", "BMP", 3),
    ],
)
def test_eight_bits_of_every_mode_are_read_as_they_are(mode: str, kind: str, channels: int) -> None:
    image = (
        Image.fromarray(levels(20, 30, 4)).convert("RGBA" if mode in ("LA", "RGBA") else "RGB").convert(mode)
    )
    read = decode(by_pillow(image, kind))
    target = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    expected = np.asarray(image.convert(target)).reshape(20, 30, channels)
    np.testing.assert_array_equal(read.pixels, expected)
    assert (read.notices, read.format) == ((), kind)
    assert format_like(kind).name == ("PNG" if kind == "BMP" else kind)


def test_a_palette_of_greys_is_grey_and_a_transparent_entry_is_alpha() -> None:
    grey = Image.fromarray(levels(8, 9, 1)[..., 0])
    palette = Image.frombytes("P", grey.size, grey.tobytes())
    palette.putpalette([level for level in range(256) for _ in range(3)])
    np.testing.assert_array_equal(decode(by_pillow(palette, "PNG")).pixels[..., 0], np.asarray(grey))
    key = int(np.asarray(grey)[2, 3])
    read = decode(by_pillow(palette, "PNG", transparency=key))
    np.testing.assert_array_equal(read.pixels[..., 1], np.where(np.asarray(grey) == key, 0, 255))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_transparent_colour_becomes_alpha(channels: int, bits: int) -> None:
    pixels = levels(6, 7, channels, bits)
    key = struct.pack(f">{channels}H", *pixels[2, 3].tolist())
    plain = encode(pixels)
    chunk = struct.pack(">I", len(key)) + b"tRNS" + key + struct.pack(">I", zlib.crc32(b"tRNS" + key))
    read = decode(plain[:33] + chunk + plain[33:])
    assert read.pixels.shape[2] == channels + 1
    assert (read.bits, int(read.pixels[2, 3, -1])) == (bits, 0)
    assert int(read.pixels[0, 0, -1]) == 2**bits - 1
    np.testing.assert_array_equal(read.pixels[..., :channels], pixels)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_tiff_files_of_another_program_are_read_or_refused(
    order: str, channels: int, planar: str
) -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = levels(9, 12, channels, 16)
    shaped = pixels[..., 0] if channels == 1 else pixels if planar == "contig" else pixels.transpose(2, 0, 1)
    options: dict[str, object] = {"planarconfig": planar} if channels > 1 else {}
    if channels == 4:
        options["extrasamples"] = ["unassalpha"]
    for compression in (None, "zlib"):
        stream = io.BytesIO()
        kind = "minisblack" if channels == 1 else "rgb"
        tifffile.imwrite(
            stream, shaped, photometric=kind, byteorder=order, compression=compression, **options
        )
        if planar == "separate" and channels > 1:
            with pytest.raises(ImageError, match="separate planes"):
                decode(stream.getvalue())
        else:
            np.testing.assert_array_equal(decode(stream.getvalue()).pixels, pixels)


def test_16_bit_grey_whose_white_is_zero_is_turned_round() -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = levels(9, 12, 1, 16)
    stream = io.BytesIO()
    tifffile.imwrite(stream, 65535 - pixels[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(decode(stream.getvalue()).pixels, pixels)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_its_tag_is_gone(kind: str, orientation: int) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8] = (250, 20, 20)  # the top left corner
    upright[:8, 24:] = (20, 250, 20)  # the top right corner
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: np.rot90(upright, 2),
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),  # is turned clockwise to be shown
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    encoded = by_pillow(
        Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, dpi=(300, 150), quality=95
    )
    read = decode(encoded)
    assert read.pixels.shape == upright.shape
    assert np.abs(read.pixels.astype(int) - upright).max() < 100
    again = Image.open(io.BytesIO(encode(read.pixels, format_like(kind), read.metadata)))
    assert again.getexif().get(0x0112, 1) == 1
    assert again.getexif()[0x010F] == "Maker"
    if kind not in ("WEBP", "TIFF"):  # Pillow writes no resolution into the one, and turns the other itself
        expected = (300, 150) if orientation < 5 else (150, 300)
        assert again.info["dpi"] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("wanted", OUTPUT_FORMATS.values(), ids=OUTPUT_FORMATS.keys())
@pytest.mark.parametrize("bits", [8, 16])
def test_profile_exif_and_resolution_go_from_file_to_file(wanted: OutputFormat, bits: int) -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x0112], exif[0x0101] = "An Artist", 3, 17
    exif.get_ifd(0x8769).update({0x829A: 0.5, 0x927C: b"makernote", 0xA002: 99})
    exif.get_ifd(0x8825)[1] = "N"
    jpeg = by_pillow(
        Image.fromarray(levels(12, 10, 3)), "JPEG", exif=exif, icc_profile=profile(), dpi=(300, 240)
    )
    read = decode(jpeg)
    assert read.notices == ()
    pixels = levels(12, 10, 3, bits if wanted.has_16_bits else 8)
    encoded = encode(pixels, wanted, read.metadata)
    if wanted is not TIFF:
        assert Image.open(io.BytesIO(encoded)).info["icc_profile"] == profile()
    again = decode(encoded)
    assert again.notices == ()
    assert again.metadata.icc == profile()
    assert again.metadata.dpi == pytest.approx((300, 240), abs=0.1)
    found = Image.open(io.BytesIO(encoded)).getexif()
    assert found[0x013B] == "An Artist"
    assert found.get_ifd(0x8769)[0x829A] == 0.5
    assert found.get_ifd(0x8769)[0x927C] == b"makernote"
    assert 0xA002 not in found.get_ifd(0x8769)
    assert found.get_ifd(0x8825)[1] == "N"
    assert found.get(0x0101, 12) == 12


def test_metadata_that_cannot_be_kept_is_said() -> None:
    damaged = by_pillow(Image.fromarray(levels(4, 4, 3)), "PNG", icc_profile=b"no profile")
    assert decode(damaged).notices == ("its colour profile is damaged and left out",)
    grey = by_pillow(Image.fromarray(levels(4, 4, 1)[..., 0]), "JPEG", icc_profile=profile())
    (notice,) = decode(grey).notices
    assert notice == "its colour profile is left out: it is for RGB images, and this one is grey"
    notices: list[str] = []
    assert kept_by(JPEG, Metadata(exif=bytes(70_000)), 3, notices).exif == b""
    assert kept_by(WEBP, Metadata(icc=b"icc"), 1, notices).icc == b""
    assert [notice.split(":")[0].split(" is ")[0] for notice in notices] == [
        "its EXIF data",
        "its grey colour profile",
    ]


def test_cmyk_becomes_rgb_and_that_is_said() -> None:
    image = Image.fromarray(levels(16, 16, 3)).convert("CMYK")
    for kind, options in (("TIFF", {}), ("JPEG", {"quality": 100})):
        read = decode(by_pillow(image, kind, **options))
        assert read.notices == ("its CMYK colours are converted to RGB, without a colour profile",)
        assert np.abs(read.pixels.astype(int) - np.asarray(image.convert("RGB"))).max() < 12


def test_pages_and_animations_are_refused_with_the_remedy_and_previews_left_out() -> None:
    one, other = (Image.fromarray(levels(8, 8, 3) // part) for part in (1, 2))
    several = by_pillow(one, "TIFF", save_all=True, append_images=[other])
    with pytest.raises(ImageError, match=r"photo has 2 pages; take it apart first.*magick"):
        decode(several)
    for kind in ("PNG", "WEBP"):
        with pytest.raises(ImageError, match="photo is an animation of 2 pictures; take it apart first"):
            decode(by_pillow(one, kind, save_all=True, append_images=[other]))
    read = decode(by_pillow(one, "MPO", save_all=True, append_images=[other]))
    assert (read.format, len(read.notices)) == ("JPEG", 1)
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(levels(8, 8, 3), photometric="rgb")
        writer.write(levels(4, 4, 3), photometric="rgb", subfiletype=1)
    assert decode(stream.getvalue()).notices == ("the previews in it are left out",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[0.5, np.nan]], np.float32), "values that are no numbers"),
        (np.array([[0.5, 0.25]], np.float32), "floating-point values"),
        (np.array([[70_000, 1]], np.int32), "32-bit values"),
    ],
)
def test_values_of_unknown_range_are_refused(values: np.ndarray, words: str) -> None:
    with pytest.raises(ImageError, match=f"photo has {words}, whose range is unknown; save it with 8 or 16"):
        decode(by_pillow(Image.fromarray(values), "TIFF"))


def test_what_is_no_photograph_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encode(levels(40, 40, 3, 16))
    with pytest.raises(ImageError, match=r"^photo is damaged: [^\n]+$"):
        decode(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match="not an image in PNG, JPEG, WebP, TIFF or BMP format"):
        decode(b"")
    with pytest.raises(ImageError, match=rf"more than {2**27:,} pixels; set \$ESRLAB_MAX_PIXELS"):
        decode(white_png(12_000, 12_000))
    with pytest.raises(ImageError, match="photo has colours of the kind LAB"):
        decode(by_pillow(Image.frombytes("LAB", (2, 2), bytes(12)), "TIFF"))
    monkeypatch.setenv("ESRLAB_MAX_PIXELS", "1599")
    with pytest.raises(ImageError, match="more than 1,599 pixels"):
        decode(whole)
    with pytest.raises(ImageError, match=r"cannot read .*none.png: No such file"):
        read_photograph(tmp_path / "none.png")


def test_a_result_too_large_for_its_format_is_refused_before_it_is_made() -> None:
    for wanted, side in ((JPEG, 70_000), (WEBP, 16_384)):
        with pytest.raises(UserError, match=f"too large for {wanted.name}, .* give --format png"):
            write_photograph(
                io.BytesIO(), iter(()), size=(side, 1), channels=3, bits=8, wanted=wanted, kept=Metadata()
            )
