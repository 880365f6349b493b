"""How near a super-resolved image comes to the true one; each metric's label states its convention.

A new metric is a file of its own and a line in one of the lists below.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from esrlab.core.metrics import LPIPS, LPIPS_STUDENT, PSNR, SSIM, MetricFamily
from esrlab.evaluation.metrics.lpips import LPIPSMeter, StudentMeter
from esrlab.evaluation.metrics.psnr import psnr, psnr_paper
from esrlab.evaluation.metrics.ssim import ssim, ssim_paper


@dataclass(frozen=True)
class Metric:
    """A named way to score one picture: `measure(sr, hr)` takes two (1, 3, H, W) RGB images in [0, 1].

    The name states the convention: `PSNR-Y/4` is on the Y channel without 4 pixels of border. Images are
    measured as they come: who calls rounds them to 8 bits first, as the field does.
    """

    name: str
    measure: Callable[[Tensor, Tensor], float]
    family: MetricFamily

    @property
    def higher_is_better(self) -> bool:
        """Which way it is better."""
        return self.family.higher_is_better


def standard_metrics(scale: int, *, border: int | None = None) -> tuple[Metric, ...]:
    """The field's PSNR and SSIM on Y and on RGB, without `border` pixels at each side: `scale` by default.

    ValueError: a negative border, or a scale below 1.
    """
    if scale < 1:
        raise ValueError(f"the scale must be a whole number of at least 1, not {scale}")
    border = scale if border is None else border
    if border < 0:
        raise ValueError(f"border is {border}; it is the number of pixels cropped at each side, 0 or more")
    edge = f"/{border}" if border else ""
    return (
        _per_picture(f"PSNR-Y{edge}", PSNR, partial(psnr, border=border, channel="y")),
        _per_picture(f"SSIM-Y{edge}", SSIM, partial(ssim, border=border, channel="y")),
        _per_picture(f"PSNR-RGB{edge}", PSNR, partial(psnr, border=border, channel="rgb")),
        _per_picture(f"SSIM-RGB{edge}", SSIM, partial(ssim, border=border, channel="rgb")),
    )


def paper_metrics() -> tuple[Metric, ...]:
    """The paper's PSNR and SSIM, for comparison with its tables only; no border is left out."""
    return (_per_picture("PSNR-paper", PSNR, psnr_paper), _per_picture("SSIM-paper", SSIM, ssim_paper))


def lpips_metric(meter: LPIPSMeter | StudentMeter) -> Metric:
    """LPIPS, or LPIPS≈ where the student measures: never one under the other's name."""
    name = LPIPS.name if isinstance(meter, LPIPSMeter) else LPIPS_STUDENT
    return Metric(name, partial(_measure_one, meter), LPIPS)


def _per_picture(name: str, family: MetricFamily, measure: Callable[[Tensor, Tensor], Tensor]) -> Metric:
    return Metric(name, partial(_measure_one, measure), family)


def _measure_one(measure: Callable[[Tensor, Tensor], Tensor], sr: Tensor, hr: Tensor) -> float:
    if len(sr) != 1:
        raise ValueError(f"a metric takes one image at a time, got shape {tuple(sr.shape)}: split the batch")
    return measure(sr, hr).item()
