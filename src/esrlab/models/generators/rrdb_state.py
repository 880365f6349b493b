"""RRDBNet as a part of a recipe, and which one a state dict belongs to."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field
from torch import Tensor

from esrlab.errors import UsageError, UserError
from esrlab.models.generators.base import AmbiguousScaleError, Detected, GeneratorPart
from esrlab.models.generators.rrdb import SCALES, RRDBNet

_OLD_KEYS = ("model.1.sub.", "RRDB_trunk.", "trunk_conv.")


class RRDBGenerator(GeneratorPart):
    """ESRGAN's generator (RRDBNet); the defaults are the paper's."""

    kind: Literal["rrdb"] = "rrdb"
    features: int = Field(default=64, ge=1, le=512, description="channels between the blocks")
    growth: int = Field(default=32, ge=1, le=256, description="channels each dense convolution adds")
    blocks: int = Field(default=23, ge=1, le=64, description="residual-in-residual dense blocks")

    def build(self, *, scale: int) -> RRDBNet:
        """A fresh network of this shape at a magnification, with random initial weights, on the CPU."""
        return RRDBNet(scale=scale, features=self.features, growth=self.growth, blocks=self.blocks)

    @property
    def label(self) -> str:
        return f"RRDBNet {self.features}×{self.blocks}"

    def problems(self, *, scale: int) -> list[str]:
        if self.init == "interpolation" and self.features < 8:
            return ["generator.init 'interpolation' needs generator.features of 8 or more for rrdb"]
        return []

    @classmethod
    def detect(cls, state: Mapping[str, Tensor], *, scale: int | None) -> Detected | None:
        """The RRDBNet (3 channels in and out) of a state dict.

        `conv_up2` shows ×4. A ×2 and a ×3 file look alike: their scale has to be given (from the metadata).
        """
        if any(key.startswith(_OLD_KEYS) for key in state):
            raise UserError(
                "ESRGAN's old key names (model.1.sub…, RRDB_trunk…): rename them to conv_first, body.0.rdb1…"
            )
        first, growing = state.get("conv_first.weight"), state.get("body.0.rdb1.conv1.weight")
        if first is None or growing is None or first.ndim != 4 or growing.ndim != 4:
            return None
        if first.shape[1] != 3:
            raise UserError(
                f"conv_first takes {first.shape[1]} channels, not 3: a network on pixel-unshuffled input "
                "(as Real-ESRGAN's ×2) is not supported; use one that takes the RGB image"
            )
        blocks = len({found[1] for key in state if (found := re.match(r"body\.(\d+)\.", key))})
        part = cls(features=first.shape[0], growth=growing.shape[0], blocks=blocks)
        settled = _settle_scale(has_second_enlargement="conv_up2.weight" in state, scale=scale)
        return Detected(part, settled).require(state)


def _settle_scale(*, has_second_enlargement: bool, scale: int | None) -> int:
    if scale is None:
        if has_second_enlargement:
            return 4
        raise AmbiguousScaleError(
            "a ×2 and a ×3 RRDBNet have the same keys and shapes: give the scale (scale=2 or scale=3), "
            "or write it into the file's metadata",
            choices=(2, 3),
        )
    if has_second_enlargement != (scale == 4) or scale not in SCALES:
        fitting = "4" if has_second_enlargement else "2 or 3"
        seen = "has" if has_second_enlargement else "has no"
        raise UsageError(
            f"scale {scale} does not fit: this RRDBNet {seen} conv_up2, so its scale is {fitting}"
        )
    return scale
