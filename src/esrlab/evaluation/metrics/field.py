"""What the field's PSNR and SSIM have in common: on luma or RGB without a border, or in the paper's scale."""

from abc import abstractmethod
from dataclasses import replace
from functools import partial
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from esrlab.core.metrics import MetricInfo, described
from esrlab.evaluation.metrics.inputs import Metric, MetricInputs, MetricPart
from esrlab.evaluation.metrics.luma import Channel


class FieldMetric(MetricPart):
    """A metric of 8-bit images on luma or RGB; its border is the scale where none is given."""

    family: ClassVar[str]

    convention: Literal["y", "rgb", "paper"] = Field(
        default="y", description="channels: BT.601 luma, RGB, or RGB in the paper's own scale"
    )
    border: int | None = Field(
        default=None, ge=0, description="pixels left out at each side; the scale by default"
    )

    @model_validator(mode="after")
    def _paper_has_no_border(self) -> Self:
        if self.convention == "paper" and self.border:
            raise ValueError(f"border is {self.border}, but the paper's metrics leave none out")
        return self

    @property
    def info(self) -> MetricInfo:
        if self.convention == "paper":
            return described(f"{self.family}-paper")
        info = described(f"{self.family}-{self.convention.upper()}/s")
        if self.border is None:
            return info
        return replace(
            info,
            id=f"{info.name}/{self.border}" if self.border else info.name,
            convention=info.convention.replace("s = scale pixels", f"{self.border} pixels"),
            is_primary=False,
            shown="measured",
        )

    def build(self, device: torch.device) -> Metric:
        return Metric(self.info, partial(_measure, self))

    @abstractmethod
    def measure(self, sr: Tensor, hr: Tensor, *, border: int, channel: Channel) -> Tensor:
        """(N,) values in the field's convention."""

    @abstractmethod
    def measure_paper(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(N,) values in the paper's."""


def _measure(part: FieldMetric, inputs: MetricInputs) -> float:
    if part.convention == "paper":
        return part.measure_paper(inputs.sr, inputs.hr).item()
    border = inputs.scale if part.border is None else part.border
    return part.measure(inputs.sr, inputs.hr, border=border, channel=part.convention).item()
