"""What a gallery takes from the rows: each picture's scores in words, and how images stand to bicubic."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence

from esrlab.core.scores import BICUBIC, Score
from esrlab.report.coverage import keep_comparable

Values = dict[tuple[str, int, str], tuple[str, ...]]
"""Scores in words, by method, scale and image."""


def values_of_first_seed(scores: Sequence[Score]) -> Values:
    """PSNR, SSIM and LPIPS of each picture, in words."""
    first = next((score.seed for score in scores if score.seed is not None), None)
    found: dict[tuple[str, int, str], dict[str, str]] = defaultdict(dict)
    for score in scores:
        here = found[score.recipe, score.scale, score.image]
        name = score.metric.removesuffix(f"/{score.scale}")
        if name == "PSNR-Y":
            here.setdefault(name, f"{score.value:.2f} dB")
        elif name == "SSIM-Y":
            here.setdefault(name, f"SSIM {score.value:.3f}")
        elif name.startswith("LPIPS"):
            here.setdefault(name, f"{name} {score.value:.3f}")
        if score.outcome and score.seed == first:
            here["outcome"] = score.outcome
    return {place: tuple(here.values()) for place, here in found.items()}


def gains_over_bicubic(scores: Sequence[Score]) -> dict[str, float]:
    """Each image's PSNR-Y over bicubic's, mean over recipes, scales and seeds, where it is finite.

    Without methods that lack some of the images: an image's place would depend on who was scored on it.
    """
    measured = [score for score in scores if score.metric == f"PSNR-Y/{score.scale}"]
    base = {(s.image, s.scale): s.value for s in measured if s.recipe == BICUBIC}
    gains: dict[str, list[float]] = defaultdict(list)
    for score in keep_comparable(measured):
        place = (score.image, score.scale)
        if score.recipe != BICUBIC and place in base:
            gains[score.image].append(score.value - base[place])
    means = {image: statistics.fmean(values) for image, values in gains.items()}
    return {image: mean for image, mean in means.items() if math.isfinite(mean)}
