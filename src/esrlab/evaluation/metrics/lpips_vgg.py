"""LPIPS on VGG16: as LPIPS, with the network that losses are more often made of."""

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from esrlab.core.metrics import MetricInfo
from esrlab.evaluation.metrics.inputs import Metric, MetricPart, of_pair
from esrlab.evaluation.metrics.pairs import check_pair
from esrlab.models.features.lpips import LPIPS_FORMS
from esrlab.models.lpips_choice import build_lpips, has_real_lpips


class LPIPSVGG(MetricPart):
    """LPIPS-VGG v0.1 (Zhang et al. 2018), [0, ∞), 0 for equal images; no values of LPIPS-Alex's scale.

    Whole images of at least 16 px a side, in one piece: VGG16's activations take about 1.5 KB a pixel.
    """

    kind: Literal["lpips-vgg"] = "lpips-vgg"

    @property
    def info(self) -> MetricInfo:
        return MetricInfo(
            id="LPIPS-VGG",
            family="LPIPS-VGG",
            higher_is_better=False,
            needs=("hr", "weights"),
            convention="VGG16, v0.1, whole images",
            role="perception",
            is_primary=True,
            remedy="esrlab weights get vgg16 and esrlab weights get lpips-vgg fetch them (553 MB and 7 kB)",
        )

    def build(self, device: torch.device) -> Metric:
        network = build_lpips("real", network="vgg").to(device)
        smallest = LPIPS_FORMS["vgg"].smallest_side
        return of_pair(self.info, partial(measure_whole, network, device, smallest))

    def is_ready(self) -> bool:
        return has_real_lpips("vgg")


def measure_whole(network: nn.Module, device: torch.device, smallest: int, sr: Tensor, hr: Tensor) -> Tensor:
    """(N,) distances by a network of two images (N, 3, H, W) in [0, 1], on the CPU.

    ValueError: other images; TooSmallError: less than `smallest` pixels a side.
    """
    check_pair(sr, hr, smallest=smallest)
    with torch.inference_mode():
        return network(sr.float().to(device), hr.float().to(device)).cpu()
