"""RRDBNet as a part of a recipe, and which one a state dict belongs to."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field
from torch import Tensor

from esrlab.errors import UsageError, UserError
from esrlab.models.generators.base import AmbiguousScaleError, Detected, GeneratorPart
from esrlab.models.generators.rrdb import RRDBNet

_OLD_KEYS = ("model.1.sub.", "RRDB_trunk.", "trunk_conv.")


class RRDBGenerator(GeneratorPart):
    """ESRGAN's generator (RRDBNet); the defaults are the paper's."""

    kind: Literal["rrdb"] = "rrdb"
    features: int = Field(default=64, ge=1, le=512, description="channels between the blocks")
    growth: int = Field(default=32, ge=1, le=256, description="channels each dense convolution adds")
    blocks: int = Field(default=23, ge=1, le=64, description="residual-in-residual dense blocks")

    unshuffle: bool = Field(
        default=False,
        description="whether the image is folded into channels first and ×4's layers enlarge it, as "
        "Real-ESRGAN's ×1 and ×2",
    )

    def build(self, *, scale: int) -> RRDBNet:
        """A fresh network of this shape at a magnification, with random initial weights, on the CPU."""
        return RRDBNet(
            scale=scale,
            features=self.features,
            growth=self.growth,
            blocks=self.blocks,
            unshuffle=self.unshuffle,
        )

    @property
    def label(self) -> str:
        return f"RRDBNet {self.features}×{self.blocks}{', unshuffled' if self.unshuffle else ''}"

    def problems(self, *, scale: int) -> list[str]:
        problems: list[str] = []
        if self.init == "interpolation" and self.features < 8:
            problems.append("generator.init 'interpolation' needs generator.features of 8 or more for rrdb")
        if self.init == "interpolation" and self.unshuffle:
            problems.append(
                "generator.init 'interpolation' cannot be with generator.unshuffle; set it to 'random'"
            )
        if self.unshuffle and scale > 2:
            problems.append(
                f"generator.unshuffle is for scale 1 and 2, not {scale}; set generator.unshuffle to false"
            )
        return problems

    @classmethod
    def detect(cls, state: Mapping[str, Tensor], *, scale: int | None) -> Detected | None:
        """The RRDBNet of a state dict.

        12 or 48 channels that `conv_first` takes show ×2 or ×1 on unshuffled input; of the others, `conv_up2`
        shows ×4, and ×1 has no `conv_up1`. A ×2 and a ×3 file look alike: their scale has to be given (from
        the metadata).
        """
        if any(key.startswith(_OLD_KEYS) for key in state):
            raise UserError(
                "ESRGAN's old key names (model.1.sub…, RRDB_trunk…): rename them to conv_first, body.0.rdb1…"
            )
        first, growing = state.get("conv_first.weight"), state.get("body.0.rdb1.conv1.weight")
        if first is None or growing is None or first.ndim != 4 or growing.ndim != 4:
            return None
        channels = first.shape[1]
        if channels not in _FITTING:
            raise UserError(f"conv_first takes {channels} channels; an RRDBNet's takes 3, 12 or 48")
        enlargements = sum(f"conv_up{place}.weight" in state for place in (1, 2))
        fitting = _FITTING[channels].get(enlargements, ())
        blocks = len({found[1] for key in state if (found := re.match(r"body\.(\d+)\.", key))})
        part = cls(features=first.shape[0], growth=growing.shape[0], blocks=blocks, unshuffle=channels > 3)
        return Detected(part, _settle_scale(fitting, scale=scale)).require(state)


_FITTING: dict[int, dict[int, tuple[int, ...]]] = {
    3: {0: (1,), 1: (2, 3), 2: (4,)},
    12: {2: (2,)},
    48: {2: (1,)},
}
"""The scales that an RRDBNet can have: by the channels it takes, and how many enlarging layers it has."""


def _settle_scale(fitting: tuple[int, ...], *, scale: int | None) -> int:
    if len(fitting) == 0:
        raise UserError("it is not a whole RRDBNet: conv_up1 or conv_up2 is missing")
    if scale is None and len(fitting) > 1:
        raise AmbiguousScaleError(
            "a ×2 and a ×3 RRDBNet have the same keys and shapes: give the scale (scale=2 or scale=3), "
            "or write it into the file's metadata",
            choices=fitting,
        )
    if scale is not None and scale not in fitting:
        known = " or ".join(map(str, fitting))
        raise UsageError(
            f"scale {scale} does not fit: by this RRDBNet's conv_first, conv_up1 and conv_up2 its scale is "
            f"{known}"
        )
    return scale or fitting[0]
