"""Consistency with the input: the generated image made small again, against LR."""

from typing import Literal

import torch

from esrlab.core.metrics import MetricInfo
from esrlab.evaluation.metrics.inputs import Metric, MetricInputs, MetricPart
from esrlab.evaluation.metrics.psnr import psnr


class LRPSNR(MetricPart):
    """PSNR in decibels between LR and the generated image made small as LR was made of HR; (−∞, ∞].

    sr is rounded to 8 bits before it is made small, and what that gives is rounded as LR is, so that HR
    itself has ∞; RGB, no border. How LR was made is the row's own degradation (bicubic). Above about 45 dB a
    picture says the same as its input but for rounding; the metric does not tell whether what was added is
    right.
    Source: the consistency of NTIRE's challenge on learning the super-resolution space (Lugmayr, Danelljan &
    Timofte 2021, section 3: LR-PSNR).
    """

    kind: Literal["lr-psnr"] = "lr-psnr"

    @property
    def info(self) -> MetricInfo:
        return MetricInfo(
            id="LR-PSNR",
            family="LR-PSNR",
            higher_is_better=True,
            unit="dB",
            decimals=2,
            needs=("lr",),
            convention="PSNR on RGB of the generated image, made small as LR was made and rounded to 8 bits, "
            "against LR, no border left out",
            role="consistency",
            is_primary=True,
        )

    def build(self, device: torch.device) -> Metric:
        return Metric(self.info, _measure)


def _measure(inputs: MetricInputs) -> float:
    assert inputs.lr is not None
    assert inputs.shrink is not None
    return psnr(inputs.shrink(inputs.sr), inputs.lr).item()
