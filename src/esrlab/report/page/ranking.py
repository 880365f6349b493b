"""What a gallery takes from the rows: each picture's scores in words, and how images stand to bicubic."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence

from esrlab.core.metrics import BUILT_IN, KnownMetrics, MetricInfo
from esrlab.core.scores import BICUBIC, Score
from esrlab.report.coverage import keep_comparable

Values = dict[tuple[str, int, str], tuple[str, ...]]
"""Scores in words, by method, scale and image."""


MOST_DECIMALS = 3
"""Of a value below a picture."""


def values_of_first_seed(scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> Values:
    """PSNR, SSIM, LPIPS and whatever else is primary in its family, of each picture, in words."""
    first = next((score.seed for score in scores if score.seed is not None), None)
    found: dict[tuple[str, int, str], dict[str, str]] = defaultdict(dict)
    for score in scores:
        here = found[score.recipe, score.scale, score.image]
        info = known.find(score.metric)
        if info is not None and score.metric == info.at(score.scale) and (info.is_primary or info.imitates):
            here.setdefault(info.id, _in_words(info, score.value, is_first=info == known.distortion))
        if score.outcome and score.seed == first:
            here["outcome"] = score.outcome
    return {place: tuple(here.values()) for place, here in found.items()}


def _in_words(info: MetricInfo, value: float, *, is_first: bool) -> str:
    shown = f"{value:.{min(info.decimals, MOST_DECIMALS)}f} {info.unit}".rstrip()
    return shown if is_first else f"{info.short} {shown}"


def gains_over_bicubic(scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> dict[str, float]:
    """Each image's PSNR-Y over bicubic's, mean over recipes, scales and seeds, where it is finite.

    Without methods that lack some of the images: an image's place would depend on who was scored on it.
    """
    measured = [score for score in scores if score.metric == known.distortion.at(score.scale)]
    base = {(s.image, s.scale): s.value for s in measured if s.recipe == BICUBIC}
    gains: dict[str, list[float]] = defaultdict(list)
    for score in keep_comparable(measured, known=known):
        place = (score.image, score.scale)
        if score.recipe != BICUBIC and place in base:
            gains[score.image].append(score.value - base[place])
    means = {image: statistics.fmean(values) for image, values in gains.items()}
    return {image: mean for image, mean in means.items() if math.isfinite(mean)}
