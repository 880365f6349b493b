"""What a metric sees of one picture, and what a metric is: a frozen record that measures once it is built."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import torch
from torch import Tensor

from esrlab.core.metrics import MetricInfo
from esrlab.core.parts import Part

Shrink = Callable[[Tensor], Tensor]
"""(1, 3, H, W) -> (1, 3, H/scale, W/scale), as the LR image was made of HR."""


@dataclass(frozen=True)
class MetricInputs:
    """One picture at a scale: sr and hr (1, 3, H, W), RGB in [0, 1], and what its metrics may need beside.

    lr: (1, 3, H/scale, W/scale) and `shrink`, how it was made of hr; None where neither is known, as of
    folders of images that are compared alone.
    """

    sr: Tensor
    hr: Tensor
    scale: int
    lr: Tensor | None = None
    shrink: Shrink | None = None


@dataclass(frozen=True)
class Metric:
    """A way to score one picture, ready to measure: its description, and a function of `MetricInputs`.

    Images are measured as they come: who calls rounds them to 8 bits first, as the field does.
    """

    info: MetricInfo
    compute: Callable[[MetricInputs], float]
    scale: int = 1

    def at(self, scale: int) -> Self:
        """The same at a scale, which its name and its border may depend on."""
        return replace(self, scale=scale)

    @property
    def name(self) -> str:
        """What rows call it; it states the convention: `PSNR-Y/4` leaves 4 pixels of border out."""
        return self.info.at(self.scale)

    @property
    def higher_is_better(self) -> bool:
        """Which way it is better."""
        return self.info.higher_is_better

    def measure(
        self, sr: Tensor, hr: Tensor, *, lr: Tensor | None = None, shrink: Shrink | None = None
    ) -> float:
        """The value of one picture; ValueError for images that it cannot measure, or for what is lacking."""
        if len(sr) != 1:
            raise ValueError(
                f"a metric takes one image at a time, got shape {tuple(sr.shape)}: split the batch"
            )
        if "lr" in self.info.needs and (lr is None or shrink is None):
            raise ValueError("it needs LR images, and these have none: score them with --benchmark")
        return self.compute(MetricInputs(sr, hr, self.scale, lr, shrink))


class MetricPart(Part):
    """A metric as it is asked for: frozen, validated at construction, JSON both ways.

    Every metric adds `kind: Literal["its name"]` with that default, by which `--metrics` finds it.
    """

    @property
    @abstractmethod
    def info(self) -> MetricInfo:
        """The description that goes with its rows."""

    @abstractmethod
    def build(self, device: torch.device) -> Metric:
        """Load whatever it needs; UserError, with the remedy, where that is not on this machine."""

    @classmethod
    def kind_name(cls) -> str:
        """By which name it is asked for."""
        return cls.model_fields["kind"].default

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.info.id

    def is_ready(self) -> bool:
        """Whether all that it needs is on this machine (not whether it is whole)."""
        return True

    def instead(self) -> "MetricPart | None":
        """What estimates it where its weights are not at hand, under a name of its own; None for nothing."""
        return None


def of_pair(info: MetricInfo, measure: Callable[[Tensor, Tensor], Tensor]) -> Metric:
    """A metric of a function of sr and hr (N, 3, H, W) -> (N,)."""
    return Metric(info, partial(_measure_pair, measure))


def _measure_pair(measure: Callable[[Tensor, Tensor], Tensor], inputs: MetricInputs) -> float:
    return measure(inputs.sr, inputs.hr).item()
