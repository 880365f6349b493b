"""Mean absolute error in levels of 255."""

from typing import Literal

import torch
from torch import Tensor

from esrlab.core.metrics import MetricInfo
from esrlab.evaluation.metrics.inputs import Metric, MetricPart, of_pair


class MAE(MetricPart):
    """Mean absolute difference of RGB levels; 0 for equal images, at most 255."""

    kind: Literal["mae"] = "mae"

    @property
    def info(self) -> MetricInfo:
        return MetricInfo(
            id="MAE",
            family="MAE",
            unit="levels",
            decimals=1,
            higher_is_better=False,
            convention="mean over RGB and all pixels",
        )

    def build(self, device: torch.device) -> Metric:
        return of_pair(self.info, mean_absolute_error)


def mean_absolute_error(sr: Tensor, hr: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N,)."""
    return 255 * (sr - hr).abs().mean(dim=(1, 2, 3))
