"""LPIPS as a metric: (N,) distances of image pairs, the true images' activations kept from model to model."""

import hashlib
from collections import OrderedDict
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.core.metrics import MetricInfo, described
from esrlab.evaluation.metrics.inputs import Metric, MetricPart, of_pair
from esrlab.evaluation.metrics.pairs import check_pair
from esrlab.evaluation.metrics.tiles import WHOLE_PIXELS, mean_distance
from esrlab.models.features.lpips import SMALLEST_SIDE, LPIPSNetwork
from esrlab.models.features.students import LPIPSStudent
from esrlab.models.lpips_choice import LPIPSWeights, build_lpips, has_real_lpips

CACHE_BYTES = 512 * 2**20
"""Activations of true images kept, oldest dropped first: about 300 images of 512×512."""


class LPIPSMeter:
    """Measures LPIPS-Alex v0.1; smaller is nearer, 0 for equal images. Zhang et al. 2018.

    Takes sr and hr (N, 3, H, W) in [0, 1], at least 31 px a side; gives (N,) on the CPU. Whoever scores
    several models on one benchmark with one meter pays for each true image once, up to 2048×2048 pixels:
    larger ones are measured tile by tile, to the same distance but for rounding, and not kept.
    ValueError: other shapes or ranges (images in [−1, 1] are the commonest mistake).
    """

    def __init__(self, network: LPIPSNetwork, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._network = network
        self._cache_bytes = cache_bytes
        self._held = 0
        self._kept: OrderedDict[bytes, list[Tensor]] = OrderedDict()

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        check_pair(sr, hr, smallest=SMALLEST_SIDE)
        device = self._network.heads[0].device
        with torch.inference_mode():
            if hr.shape[-2] * hr.shape[-1] > WHOLE_PIXELS:
                return mean_distance(self._compare, sr, hr)
            target = self._measure_hr(hr.float().to(device))
            return self._network.compare(self._network.measure(sr.float().to(device)), target).cpu()

    def _compare(self, sr: Tensor, hr: Tensor) -> list[Tensor]:
        device = self._network.heads[0].device
        measured = (self._network.measure(image.float().to(device)) for image in (sr, hr))
        return self._network.distances(*measured)

    def _measure_hr(self, hr: Tensor) -> list[Tensor]:
        key = hashlib.blake2b(hr.cpu().numpy().tobytes(), person=str(tuple(hr.shape)).encode()[:16]).digest()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        taps = self._network.measure(hr)
        self._kept[key] = taps
        self._held += _bytes(taps)
        while self._held > self._cache_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._held -= _bytes(dropped)
        return taps


class StudentMeter:
    """Measures LPIPS≈, what the embedded student makes of LPIPS-Alex: (N,) on the CPU, ranges as LPIPSMeter.

    Images above 2048×2048 pixels are measured tile by tile, to the same distance but for rounding.
    """

    def __init__(self, network: LPIPSStudent) -> None:
        self._network = network
        self._device = next(network.parameters()).device

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        check_pair(sr, hr, smallest=SMALLEST_SIDE)
        with torch.inference_mode():
            if hr.shape[-2] * hr.shape[-1] > WHOLE_PIXELS:
                return mean_distance(self._compare, sr, hr)
            return self._network(sr.float().to(self._device), hr.float().to(self._device)).cpu()

    def _compare(self, sr: Tensor, hr: Tensor) -> list[Tensor]:
        measured = (self._network.taps(image.float().to(self._device)) for image in (sr, hr))
        return self._network.compare(*measured)


def _bytes(taps: list[Tensor]) -> int:
    return sum(tap.numel() * tap.element_size() for tap in taps)


def perceptual_meter(weights: LPIPSWeights, *, device: torch.device) -> LPIPSMeter | StudentMeter:
    """What measures batches by LPIPS ("real") or LPIPS≈ ("student").

    UserError, with the remedy, where the real weights are not on this machine.
    """
    network = build_lpips(weights).to(device)
    if isinstance(network, LPIPSNetwork):
        return LPIPSMeter(network)
    assert isinstance(network, LPIPSStudent)
    return StudentMeter(network)


class LPIPS(MetricPart):
    """LPIPS-Alex v0.1 (Zhang et al. 2018), from 0 for equal images; LPIPS≈ with the student, by its own name.

    Whole images of at least 31 px a side.
    """

    kind: Literal["lpips"] = "lpips"
    weights: Literal["real", "student"] = Field(
        default="real", description="LPIPS's own, or the embedded student's: LPIPS≈"
    )

    @property
    def info(self) -> MetricInfo:
        return described("LPIPS" if self.weights == "real" else "LPIPS≈")

    def build(self, device: torch.device) -> Metric:
        return of_pair(self.info, perceptual_meter(self.weights, device=device))

    def is_ready(self) -> bool:
        return self.weights == "student" or has_real_lpips()

    def instead(self) -> MetricPart:
        return LPIPS(weights="student")
