"""Distortions of many kinds and strengths: what students learn on, and what they are judged by.

A distortion is a function of an image (1, 3, H, W) in [0, 1] and a random generator, which draws the
strength; `distort` rounds its outcome to 8 bits, as a file would hold it.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from esrlab.data.degradations.bicubic import bicubic_down, bicubic_up, make_lr, round_to_8bit
from esrlab.data.image_files import to_pixels, to_tensor
from esrlab.models.generator_files import load_generator

Distortion = Callable[[Tensor, np.random.Generator], Tensor]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _signed(rng: np.random.Generator) -> float:
    return 1.0 if rng.integers(2) else -1.0


def _draw(image: Tensor, values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32)).to(image)


def _filter(image: Tensor, kernel: Tensor) -> Tensor:
    """Each channel by a separable kernel of odd length, the border reflected."""
    reach = kernel.numel() // 2
    wide = functional.pad(image, (reach, reach, reach, reach), mode="reflect")
    rows = functional.conv2d(wide, kernel.view(1, 1, -1, 1).expand(3, 1, -1, 1), groups=3)
    return functional.conv2d(rows, kernel.view(1, 1, 1, -1).expand(3, 1, 1, -1), groups=3)


def _blur(image: Tensor, sigma: float) -> Tensor:
    reach = int(np.ceil(3 * sigma))
    weights = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    return _filter(image, weights / weights.sum())


def gaussian_blur(image: Tensor, rng: np.random.Generator) -> Tensor:
    return _blur(image, _log_uniform(rng, 0.35, 4.0))


def box_blur(image: Tensor, rng: np.random.Generator) -> Tensor:
    """A box of 1.3 to 9 pixels, its two end taps fractional."""
    half = _log_uniform(rng, 0.65, 4.5)
    reach = int(np.ceil(half - 0.5))
    weights = (half + 0.5 - torch.arange(-reach, reach + 1).abs()).clamp(0, 1)
    return _filter(image, weights / weights.sum())


def gaussian_noise(image: Tensor, rng: np.random.Generator) -> Tensor:
    return image + _log_uniform(rng, 0.006, 0.25) * _draw(image, rng.standard_normal(image.shape))


def uniform_noise(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Of one value for the three channels in half of the cases."""
    channels = 1 if rng.integers(2) else 3
    drawn = rng.uniform(-1, 1, (1, channels, *image.shape[2:]))
    return image + _log_uniform(rng, 0.01, 0.4) * _draw(image, drawn)


def salt_noise(image: Tensor, rng: np.random.Generator) -> Tensor:
    share = _log_uniform(rng, 0.002, 0.2)
    hit = _draw(image, rng.random((1, 1, *image.shape[2:]))) < share
    return torch.where(hit, _draw(image, rng.integers(0, 2, (1, 1, *image.shape[2:]))), image)


def _encode(image: Tensor, kind: str, quality: int) -> Tensor:
    buffer = io.BytesIO()
    Image.fromarray(to_pixels(image)).save(buffer, format=kind, quality=quality)
    buffer.seek(0)
    with Image.open(buffer) as opened:
        return to_tensor(np.array(opened.convert("RGB")))


def jpeg(image: Tensor, rng: np.random.Generator) -> Tensor:
    return _encode(image, "JPEG", int(rng.integers(4, 97)))


def webp(image: Tensor, rng: np.random.Generator) -> Tensor:
    return _encode(image, "WEBP", int(rng.integers(0, 97)))


def bicubic(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Down and up ×2 to ×4, whole or blended with the original."""
    scale = int(rng.integers(2, 5))
    height, width = (side - side % scale for side in image.shape[2:])
    blurred = image.clone()
    blurred[:, :, :height, :width] = bicubic_up(bicubic_down(image[:, :, :height, :width], scale), scale)
    share = 1.0 if rng.integers(2) else rng.uniform(0.3, 1.0)
    return image + share * (blurred - image)


def contrast(image: Tensor, rng: np.random.Generator) -> Tensor:
    mean = image.mean()
    return mean + (image - mean) * float(np.exp(_signed(rng) * _log_uniform(rng, 0.03, 0.8)))


def brightness(image: Tensor, rng: np.random.Generator) -> Tensor:
    return image + _signed(rng) * _log_uniform(rng, 0.01, 0.3)


def saturation(image: Tensor, rng: np.random.Generator) -> Tensor:
    grey = image.mean(dim=1, keepdim=True)
    return grey + (image - grey) * float(rng.uniform(0.0, 2.5))


def gamma(image: Tensor, rng: np.random.Generator) -> Tensor:
    return image.clamp(1e-4, 1) ** float(np.exp(_signed(rng) * _log_uniform(rng, 0.03, 0.8)))


def colour_cast(image: Tensor, rng: np.random.Generator) -> Tensor:
    drawn = rng.standard_normal((1, 3, 1, 1))
    return image + _log_uniform(rng, 0.01, 0.25) * _draw(image, drawn / np.abs(drawn).max())


def quantisation(image: Tensor, rng: np.random.Generator) -> Tensor:
    levels = _log_uniform(rng, 2.0, 40.0)
    return (image * levels).round() / levels


def _move(image: Tensor, offsets: Tensor) -> Tensor:
    """Read the image at each pixel plus an offset (1, H, W, 2), in pixels, x first; bicubic."""
    height, width = image.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack((columns, rows), dim=-1)[None] + offsets
    grid = (2 * place + 1) / torch.tensor((width, height)) - 1
    return functional.grid_sample(image, grid, mode="bicubic", padding_mode="reflection", align_corners=False)


def shift(image: Tensor, rng: np.random.Generator) -> Tensor:
    angle, length = rng.uniform(0, 2 * np.pi), _log_uniform(rng, 0.1, 3.0)
    return _move(image, torch.tensor((np.cos(angle), np.sin(angle)), dtype=torch.float32) * length)


def warp(image: Tensor, rng: np.random.Generator) -> Tensor:
    """A smooth random displacement: new every 8 to 32 pixels."""
    cell = rng.uniform(8, 32)
    knots = [int(np.ceil(side / cell)) + 1 for side in image.shape[2:]]
    coarse = _draw(image, rng.standard_normal((1, 2, *knots)))
    field = functional.interpolate(coarse, size=image.shape[2:], mode="bicubic", align_corners=True)
    return _move(image, _log_uniform(rng, 0.15, 2.5) * field.permute(0, 2, 3, 1))


def ringing(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Oversharpening (an unsharp mask), or frequencies cut off sharply."""
    if rng.integers(2):
        return image + _log_uniform(rng, 0.2, 6.0) * (image - _blur(image, _log_uniform(rng, 0.5, 2.0)))
    height, width = image.shape[2:]
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    passed = frequency < _log_uniform(rng, 0.08, 0.45)
    return torch.fft.irfft2(torch.fft.rfft2(image) * passed, s=(height, width))


def block_dropout(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Squares of 4 to 16 pixels that are lost: filled with their mean, grey, or black."""
    side = int(rng.integers(4, 17))
    height, width = image.shape[2:]
    count = max(1, round(_log_uniform(rng, 0.01, 0.3) * height * width / side**2))
    holed = image.clone()
    for _ in range(count):
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        hole = holed[:, :, top : top + side, left : left + side]
        filling = (hole.mean(dim=(2, 3), keepdim=True), 0.5, 0.0)[int(rng.integers(3))]
        hole[:] = filling
    return holed


SIMPLE: dict[str, Distortion] = {
    "gaussian-blur": gaussian_blur,
    "box-blur": box_blur,
    "gaussian-noise": gaussian_noise,
    "uniform-noise": uniform_noise,
    "salt-noise": salt_noise,
    "jpeg": jpeg,
    "webp": webp,
    "bicubic": bicubic,
    "contrast": contrast,
    "brightness": brightness,
    "saturation": saturation,
    "gamma": gamma,
    "colour-cast": colour_cast,
    "quantisation": quantisation,
    "shift": shift,
    "warp": warp,
    "ringing": ringing,
    "block-dropout": block_dropout,
}


def mixture(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Two different kinds, one after the other."""
    first, second = rng.permutation(list(SIMPLE))[:2]
    return SIMPLE[second](SIMPLE[first](image, rng).clamp(0, 1), rng)


def generated_by(path: Path) -> Distortion:
    """Reduced ×4 and enlarged again by the generator in `path`, whole or blended with the original."""
    generator = load_generator(path).requires_grad_(False)
    assert generator.scale == 4

    def generate(image: Tensor, rng: np.random.Generator) -> Tensor:
        with torch.no_grad():
            sr = generator(make_lr(image, 4)).clamp(0, 1)
        share = 1.0 if rng.integers(3) else rng.uniform(0.2, 1.0)
        return image + share * (sr - image)

    return generate


def all_kinds(generators: Path, real_esrgan: Path | None = None) -> dict[str, Distortion]:
    """Every kind of distortion by name; those of GANs from the runs below `generators`."""
    kinds = {**SIMPLE, "mixture": mixture}
    for path in sorted(generators.glob("*/generator.safetensors")):
        kinds[f"gan-{path.parent.name}"] = generated_by(path)
    if real_esrgan is not None:
        kinds["real-esrgan"] = generated_by(real_esrgan)
    return kinds


def distort(image: Tensor, kind: str, rng: np.random.Generator, kinds: Mapping[str, Distortion]) -> Tensor:
    """The image under one kind of distortion, in [0, 1] and rounded to 8 bits."""
    return round_to_8bit(kinds[kind](image, rng).clamp(0, 1))
