"""DISTS: structure and texture of VGG16's activations."""

from functools import partial
from typing import Literal

import torch

from esrlab.core.metrics import MetricInfo
from esrlab.evaluation.metrics.inputs import Metric, MetricPart, of_pair
from esrlab.evaluation.metrics.lpips_vgg import measure_whole
from esrlab.models.dists_choice import build_dists, has_real_dists
from esrlab.models.features.dists import SMALLEST_SIDE


class DISTS(MetricPart):
    """DISTS (Ding, Ma, Wang & Simoncelli 2020, eq. 8), [0, 2), 0 for equal images.

    Whole images of at least 16 px a side, in one piece, and not shrunk first, as the authors do with images
    above 256 px when they predict opinions of quality: about 2.4 KB a pixel.
    """

    kind: Literal["dists"] = "dists"

    @property
    def info(self) -> MetricInfo:
        return MetricInfo(
            id="DISTS",
            family="DISTS",
            higher_is_better=False,
            needs=("hr", "weights"),
            convention="VGG16, whole images, not shrunk first",
            role="perception",
            is_primary=True,
            remedy="esrlab weights get vgg16 and esrlab weights get dists fetch them (553 MB and 12 kB)",
        )

    def build(self, device: torch.device) -> Metric:
        network = build_dists("real").to(device)
        return of_pair(self.info, partial(measure_whole, network, device, SMALLEST_SIDE))

    def is_ready(self) -> bool:
        return has_real_dists()
