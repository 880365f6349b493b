"""Small valid image files in every mode and format, the odd ones too, and decompression bombs."""

import io
import random
import struct
import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, PngImagePlugin

PROMISED: dict[str, tuple[str, ...]] = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr"),
    "BMP": ("1", "L", "P", "RGB"),
}
"""Formats that folders of images may hold, and the modes that Pillow writes them in."""

SUFFIX = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}
FOREIGN = (
    "EPS",
    "EPS",
    "GIF",
    "PCX",
    "TGA",
    "PPM",
    "ICO",
    "DDS",
    "SGI",
    "JPEG2000",
    "PDF",
    "MSP",
    "SPIDER",
    "XBM",
    "ICNS",
)
"""Formats that Pillow knows and nobody was promised."""

TIFF_COMPRESSION = (None, "tiff_lzw", "tiff_adobe_deflate", "packbits")


@dataclass(frozen=True)
class Picture:
    """An image file: its bytes, the ending its name ought to have, (width, height) and what it is."""

    data: bytes
    suffix: str
    size: tuple[int, int]
    about: str
    is_foreign: bool = False


def photograph(width: int, height: int, *, phase: float = 0.0) -> Image.Image:
    """A colourful pattern with edges and noise, (height, width) RGB, the same every time."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    noise = np.random.default_rng(7).integers(0, 30, (height, width, 3))
    waves = np.stack([np.sin(x / 5 + phase), np.cos(y / 7 - phase), np.sin((x + y) / 9)], axis=-1)
    pixels = 120 + 80 * waves + noise + 20.0 * ((x // 8 + y // 8) % 2)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw(dice: random.Random) -> Picture:
    """A valid image of a promised format, in any of its modes."""
    name = dice.choice(tuple(PROMISED))
    mode = dice.choice(PROMISED[name])
    size = _size(dice)
    image = _in_mode(photograph(*size, phase=dice.random()), mode, dice)
    stream = io.BytesIO()
    image.save(stream, name, **_options(name, image, dice))
    return Picture(stream.getvalue(), SUFFIX[name], size, f"{name} {mode} {size[0]}×{size[1]}")


def draw_foreign(dice: random.Random) -> Picture:
    """An image of a format that was not promised, under a name that was."""
    name = dice.choice(FOREIGN)
    size, suffix = _size(dice), dice.choice(tuple(SUFFIX.values()))
    image = photograph(*size)
    image = image.convert({"MSP": "1", "XBM": "1", "SPIDER": "F", "GIF": "P"}.get(name, "RGB"))
    stream = io.BytesIO()
    try:
        image.save(stream, name)
    except (OSError, ValueError, KeyError):  # a library that this Pillow was built without
        name = "EPS"
        image.convert("RGB").save(stream, name)
    return Picture(stream.getvalue(), suffix, size, f"{name} named {suffix}", is_foreign=True)


def draw_bomb(dice: random.Random) -> Picture:
    """A small file of a huge image, by its header alone or in full."""
    kind = dice.choice(("1-bit", "1-bit", "RGB", "header", "TIFF", "BMP", "JPEG", "text", "long"))
    suffix = {"TIFF": ".tif", "BMP": ".bmp", "JPEG": ".jpg"}.get(kind, ".png")
    size: tuple[int, int]
    match kind:
        case "1-bit":
            side = dice.choice((6000, 9400, 13300))
            size = (side, side)
            data = _flat_png(*size, depth=1, colour=0)
        case "RGB":
            side = dice.choice((3000, 7000))
            size = (side, side)
            data = _flat_png(*size, depth=8, colour=2)
        case "header":
            size = (dice.choice((13000, 50000, 2**31 - 1)), dice.choice((1, 13000, 2**31 - 1)))
            data = _png(*size, depth=8, colour=2, packed=zlib.compress(bytes(1000)))
        case "text":
            size = (8, 8)
            data = _png_with_text(dice.choice((10**6, 10**8)))
        case "long":
            size = dice.choice(((20000, 1), (1, 20000), (65000, 2)))
            data = _flat_png(*size, depth=8, colour=2)
        case _:
            size, data = _huge_header(kind, dice)
    return Picture(data, suffix, size, f"bomb: {kind} {size[0]}×{size[1]}, {len(data)} bytes")


def _size(dice: random.Random) -> tuple[int, int]:
    if dice.random() < 0.05:
        return dice.choice(((1, 1), (1, 37), (37, 1), (2, 2), (3, 40), (12, 12)))
    return dice.randint(16, 44), dice.randint(16, 44)


def _in_mode(image: Image.Image, mode: str, dice: random.Random) -> Image.Image:
    if mode in ("I;16", "I", "F"):
        values = np.asarray(image.convert("L"), dtype=np.float32)
        if mode == "F":
            values = values / dice.choice((1.0, 255.0))
            values[dice.randrange(values.shape[0])] = dice.choice((0.5, np.nan, np.inf, -1e30))
            return Image.fromarray(values)
        kind = np.uint16 if mode == "I;16" else np.int32
        return Image.fromarray((values * dice.choice((1, 257))).astype(kind))
    if mode == "LAB":
        return Image.frombytes("LAB", image.size, image.tobytes())
    if mode == "LA":
        return image.convert("RGBA").convert("LA")
    return image.convert(mode)


def _options(name: str, image: Image.Image, dice: random.Random) -> dict[str, object]:
    """What a writer may vary: metadata, compression, frames."""
    options: dict[str, object] = {}
    if name == "JPEG":
        options = {"quality": dice.choice((20, 75, 95)), "progressive": dice.random() < 0.3}
    if name in ("JPEG", "WEBP", "PNG") and dice.random() < 0.3:
        exif = Image.Exif()
        exif[0x0112] = dice.choice((1, 3, 6, 8, 9, 0, 65535))
        options["exif"] = exif
    if dice.random() < 0.1 and name in ("PNG", "JPEG", "TIFF", "WEBP"):
        options["icc_profile"] = dice.randbytes(dice.choice((1, 200)))
    if name == "PNG" and image.mode == "P" and dice.random() < 0.5:
        options["transparency"] = dice.randrange(256)
    if name == "TIFF":
        fitting = {"1": (*TIFF_COMPRESSION, "group4"), "F": TIFF_COMPRESSION[:3], "LAB": (None,)}
        jpeg = ("jpeg",) if image.mode in ("L", "RGB", "CMYK") else ()
        options["compression"] = dice.choice(fitting.get(image.mode, (*TIFF_COMPRESSION, *jpeg)))
    if name in ("TIFF", "WEBP", "PNG") and image.mode in ("RGB", "RGBA") and dice.random() < 0.2:
        options |= {"save_all": True, "append_images": [image.rotate(90)]}
    return options


def _png(width: int, height: int, *, depth: int, colour: int, packed: bytes, before: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (chunk(b"IHDR", head), before, chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(name: bytes, payload: bytes) -> bytes:
    """A PNG chunk with the checksum that it must have."""
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


@cache
def _flat_png(width: int, height: int, *, depth: int, colour: int) -> bytes:
    """An image of zeros: its size grows a thousandth as fast as its pixels'."""
    line = bytes(1 + -(-width * depth * (3 if colour == 2 else 1) // 8))
    pack = zlib.compressobj(6)
    packed = b"".join(pack.compress(line) for _ in range(height)) + pack.flush()
    return _png(width, height, depth=depth, colour=colour, packed=packed)


@cache
def _png_with_text(length: int) -> bytes:
    text = b"Comment\x00\x00" + zlib.compress(bytes(length))
    line = bytes(1 + 8 * 3) * 8
    return _png(8, 8, depth=8, colour=2, packed=zlib.compress(line), before=chunk(b"zTXt", text))


def _huge_header(kind: str, dice: random.Random) -> tuple[tuple[int, int], bytes]:
    """A valid small file whose header claims much more."""
    stream, size = io.BytesIO(), dice.choice(((12000, 12000), (65000, 65000), (13300, 13300)))
    photograph(24, 20).save(stream, kind)
    data = bytearray(stream.getvalue())
    if kind == "BMP":
        data[18:26] = struct.pack("<ii", *size)
    elif kind == "TIFF":
        data = bytearray(
            data.replace(struct.pack("<HHII", 256, 4, 1, 24), struct.pack("<HHII", 256, 4, 1, size[0]))
        )
        data = bytearray(
            data.replace(struct.pack("<HHII", 257, 4, 1, 20), struct.pack("<HHII", 257, 4, 1, size[1]))
        )
    else:
        data = bytearray(data.replace(struct.pack(">HH", 20, 24), struct.pack(">HH", size[1], size[0])))
    return size, bytes(data)


def with_text(image: Image.Image, text: str) -> bytes:
    """The image as a PNG with a comment, by which its pixels can be told again."""
    about, stream = PngImagePlugin.PngInfo(), io.BytesIO()
    about.add_text("Comment", text)
    image.save(stream, "PNG", pnginfo=about)
    return stream.getvalue()
