"""What metrics are called, and whether higher is better: the one place that defines it.

Rows hold metrics by name only, and statistics and reports read rows without the code that measured them. So
a name's family is looked up here by everyone; of a name that is not here nothing is assumed.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class MetricFamily:
    """What all metrics of a kind share: which way they are better, their unit, decimals of differences."""

    name: str
    higher_is_better: bool
    unit: str
    decimals: int


PSNR = MetricFamily("PSNR", higher_is_better=True, unit="dB", decimals=2)
SSIM = MetricFamily("SSIM", higher_is_better=True, unit="", decimals=4)
LPIPS = MetricFamily("LPIPS", higher_is_better=False, unit="", decimals=4)

METRIC_FAMILIES = {family.name: family for family in (PSNR, SSIM, LPIPS)}

LPIPS_STUDENT = "LPIPS≈"
"""The small network's imitation of LPIPS: of its family, never under its name."""

_NAME = re.compile(r"(?P<family>PSNR|SSIM)-(?:(?:Y|RGB)(?:/[0-9]+)?|paper)|(?P<lpips>LPIPS)≈?")
"""PSNR-Y/4, SSIM-RGB, PSNR-paper, LPIPS, LPIPS≈: the conventions that are measured here."""


def metric_family(name: str) -> MetricFamily | None:
    """The family of a metric by its full name, such as PSNR-Y/4; None for a name that is not known here."""
    found = _NAME.fullmatch(name)
    return None if found is None else METRIC_FAMILIES[found["family"] or found["lpips"]]
