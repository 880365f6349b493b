"""The metrics that pictures can be scored by."""

from typing import Annotated

from pydantic import Field

from esrlab.core.parts import kinds_in
from esrlab.evaluation.metrics.dists import DISTS
from esrlab.evaluation.metrics.inputs import MetricPart
from esrlab.evaluation.metrics.lpips import LPIPS
from esrlab.evaluation.metrics.lpips_vgg import LPIPSVGG
from esrlab.evaluation.metrics.lr_psnr import LRPSNR
from esrlab.evaluation.metrics.ms_ssim import MSSSIM
from esrlab.evaluation.metrics.niqe import NIQE
from esrlab.evaluation.metrics.psnr import PSNR
from esrlab.evaluation.metrics.ssim import SSIM

# A new metric is one file in this folder and one name in this line.
AnyMetric = Annotated[
    PSNR | SSIM | LPIPS | MSSSIM | LRPSNR | LPIPSVGG | DISTS | NIQE, Field(discriminator="kind")
]

METRICS: dict[str, type[MetricPart]] = {
    kind: metric for kind, metric in kinds_in(AnyMetric).items() if issubclass(metric, MetricPart)
}
"""Every metric by its kind, in the order of the columns."""

STANDARD: tuple[MetricPart, ...] = (
    *(PSNR(), SSIM(), PSNR(convention="rgb"), SSIM(convention="rgb")),
    *(PSNR(convention="paper"), SSIM(convention="paper")),
    LPIPS(),
)
"""What a study measures unless it says otherwise; a kind's name alone asks for those of it."""
