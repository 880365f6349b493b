"""NIQE by two sets of parameters on the same images: photographs, and ten distortions of each.

    python -m research.niqe.compare PHOTOS PARAMETERS.npz [COUNT]

PARAMETERS.npz: other parameters, mu_pris_param (36) and cov_pris_param (36×36), such as BasicSR's package
has. Prints both means and Spearman's correlation for each distortion, and over all images.
"""

import io
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from scipy.stats import spearmanr
from torch import Tensor

from esrlab.data.degradations.bicubic import bicubic_up, crop_to_multiple, make_lr, round_to_8bit
from esrlab.data.image_files import find_images
from esrlab.evaluation.metrics.niqe import Pristine, load_pristine, niqe

SMALLEST = 320


def distort(image: Image.Image, rng: np.random.Generator) -> dict[str, Tensor]:
    """The image as it is, and each distortion of it, (1, 3, H, W) in [0, 1]."""
    clean = crop_to_multiple(_tensor(image), 4)
    made = {"as it is": clean}
    for scale in (2, 4):
        made[f"bicubic ×{scale}"] = round_to_8bit(bicubic_up(make_lr(clean, scale), scale))
    for radius in (1, 2):
        made[f"blur {radius}"] = _tensor(image.filter(ImageFilter.GaussianBlur(radius)))
    for levels in (5, 15, 30):
        noise = torch.from_numpy(rng.normal(0, levels / 255, tuple(clean.shape)))
        made[f"noise {levels}"] = round_to_8bit((clean.double() + noise).clamp(0, 1)).float()
    for quality in (10, 30, 60):
        stored = io.BytesIO()
        image.save(stored, "JPEG", quality=quality)
        made[f"JPEG {quality}"] = _tensor(Image.open(stored))
    return made


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255


def main() -> None:
    """Measures and prints."""
    folder, parameters, count = Path(sys.argv[1]), np.load(sys.argv[2]), int((*sys.argv, "16")[3])
    other = Pristine(
        torch.from_numpy(parameters["mu_pris_param"]).flatten(),
        torch.from_numpy(parameters["cov_pris_param"]),
    )
    rng, found = np.random.default_rng(0), dict[str, list[tuple[float, float]]]()
    paths = [path for path in find_images(folder) if min(Image.open(path).size) >= SMALLEST][:count]
    for path in paths:
        for name, image in distort(Image.open(path).convert("RGB"), rng).items():
            values = niqe(image, other).item(), niqe(image, load_pristine()).item()
            found.setdefault(name, []).append(values)
    for name, values in (*found.items(), ("all", [pair for pairs in found.values() for pair in pairs])):
        theirs, ours = np.array(values).T
        rank = np.asarray(spearmanr(theirs, ours))[0]
        print(f"{name:12} {len(values):4} {theirs.mean():6.2f} {ours.mean():6.2f} {rank:6.3f}")


if __name__ == "__main__":
    main()
