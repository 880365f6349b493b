"""The paper's printed results, as data.

Miao Pan, DAML 2023, Tables 1 to 3: PSNR in the paper's own scale (subtract 42.11 dB for the true value, an
inference that every report repeats), SSIM, LPIPS.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Printed:
    """One cell triple of the paper's tables."""

    psnr: float
    ssim: float
    lpips: float


PRINTED: dict[str, dict[int, Printed]] = {
    "wgan-vgg": {
        2: Printed(73.8620, 0.9032, 0.0460),
        3: Printed(73.0892, 0.9097, 0.1131),
        4: Printed(69.4125, 0.8130, 0.2633),
    },
    "esrgan-vgg": {
        2: Printed(75.2832, 0.9152, 0.0338),
        3: Printed(66.6281, 0.6519, 0.3152),
        4: Printed(58.9967, 0.0738, 0.7005),
    },
    "wgan-vgg-tv": {
        2: Printed(77.9831, 0.9464, 0.0320),
        3: Printed(73.3547, 0.9013, 0.1183),
        4: Printed(69.7261, 0.7921, 0.2579),
    },
    "wgan-resnet": {
        2: Printed(77.2794, 0.9347, 0.0377),
        3: Printed(73.0973, 0.9146, 0.1136),
        4: Printed(72.0820, 0.8824, 0.1971),
    },
}


@dataclass(frozen=True)
class PaperTable:
    """One of the paper's tables: its number, what it compares, and the two recipes."""

    number: int
    title: str
    recipes: tuple[str, str]


PAPER_TABLES = (
    PaperTable(1, "ESRGAN's adversarial loss against WGAN's", ("wgan-vgg", "esrgan-vgg")),
    PaperTable(2, "total variation added to WGAN", ("wgan-vgg", "wgan-vgg-tv")),
    PaperTable(3, "ResNet content against VGG content", ("wgan-vgg", "wgan-resnet")),
)

PAPERS_SHIFT = 20 * math.log10(255 / 2)
"""Decibels by which the paper's PSNR is read to exceed the true value: 42.11."""

_PRINTED_IN: dict[str, tuple[str, Callable[[float], str]]] = {
    "PSNR-paper": ("psnr", lambda value: f"{value:.2f} ({value - PAPERS_SHIFT:.2f})"),
    "SSIM-paper": ("ssim", lambda value: f"{value:.4f}"),
    "LPIPS": ("lpips", lambda value: f"{value:.4f}"),
    "LPIPS≈": ("lpips", lambda value: f"{value:.4f}"),
}
"""The metrics that the paper prints: which of its figures stands beside each, and how it is shown."""


def printed_value(recipe: str, scale: int, metric: str) -> float | None:
    """The paper's figure in a metric itself, never beside an imitation; None where it prints none."""
    printed, name = PRINTED.get(recipe, {}).get(scale), _PRINTED_IN.get(metric, ("",))[0]
    return None if printed is None or not name or metric.endswith("≈") else getattr(printed, name)


def printed_cells(metric: str) -> Callable[[str, int], str] | None:
    """What tables show beside a metric, by recipe and scale; None for one that the paper does not print."""
    if metric not in _PRINTED_IN:
        return None
    name, show = _PRINTED_IN[metric]

    def cell(recipe: str, scale: int) -> str:
        printed = PRINTED.get(recipe, {}).get(scale)
        return "" if printed is None else show(getattr(printed, name))

    return cell


SCALE_NOTE = (
    "The paper's PSNR is read as images in [−1, 1] put into the formula with MAX = 255, which adds 42.11 dB "
    "to the true value, in parentheses beside it; PSNR-paper and SSIM-paper are computed here in that way. "
    "This reading is an inference, not the paper's own statement."
)
