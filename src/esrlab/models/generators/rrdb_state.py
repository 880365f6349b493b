"""Which RRDBNet a state dict belongs to: its wrappers, shape and scale."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.errors import UsageError, UserError
from esrlab.models.generators.base import GeneratorPart
from esrlab.models.generators.rrdb import SCALES, RRDBNet

_WRAPPERS = ("params_ema", "params", "state_dict", "model", "generator")
_OLD_KEYS = ("model.1.sub.", "RRDB_trunk.", "trunk_conv.")


class RRDBGenerator(GeneratorPart):
    """An RRDBNet; the defaults are ESRGAN's. `init` 'interpolation': bilinear."""

    kind: Literal["rrdb"] = "rrdb"
    features: int = Field(default=64, ge=8, le=512, description="channels between the blocks")
    growth: int = Field(default=32, ge=1, le=256, description="channels each dense convolution adds")
    blocks: int = Field(default=23, ge=1, le=64, description="residual-in-residual dense blocks")

    def build(self, *, scale: int) -> RRDBNet:
        """A fresh network of this shape at a magnification, with random initial weights, on the CPU."""
        return RRDBNet(scale=scale, features=self.features, growth=self.growth, blocks=self.blocks)

    @property
    def label(self) -> str:
        return f"RRDBNet {self.features}×{self.blocks}"


@dataclass(frozen=True, kw_only=True)
class RRDBShape:
    """What must be known to build the RRDBNet that a state dict belongs to."""

    scale: int
    features: int
    growth: int
    blocks: int

    def build(self) -> RRDBNet:
        """The network of this shape, with random initial weights."""
        return RRDBNet(scale=self.scale, features=self.features, growth=self.growth, blocks=self.blocks)


def unwrap_state(state: Mapping[str, object]) -> dict[str, Tensor]:
    """Take the bare key -> tensor mapping out of a checkpoint's usual wrappers.

    Opens `params_ema`, `params`, `state_dict`, `model` and `generator` (in this order, nested too), then
    drops a leading `module.` of every key. Raises UserError where something other than tensors is left.
    """
    opened = {id(state)}
    while wrapper := next((key for key in _WRAPPERS if isinstance(state.get(key), Mapping)), None):
        inner = state[wrapper]
        assert isinstance(inner, Mapping)
        if id(inner) in opened:
            raise UserError(f"it is not a state dict: {wrapper!r} in it contains itself")
        opened.add(id(inner))
        state = inner
    tensors: dict[str, Tensor] = {}
    for key, value in state.items():
        if not isinstance(value, Tensor):
            known = ", ".join(_WRAPPERS)
            raise UserError(
                f"it is not a state dict: {key!r} is a {type(value).__name__}, and none of the keys {known} "
                "holds one"
            )
        if not isinstance(key, str):
            raise UserError(f"it is not a state dict: a tensor's name in it is {key!r}, not text")
        tensors[key.removeprefix("module.")] = value
    return tensors


def describe_rrdb(state: Mapping[str, Tensor], *, scale: int | None = None) -> RRDBShape:
    """Infer from an unwrapped state dict the RRDBNet (3 channels in and out) that it belongs to.

    `conv_up2` shows ×4. A ×2 and a ×3 file look alike: their scale has to be given (from the metadata).
    Raises UserError for a state dict that is no such RRDBNet, UsageError for a scale missing or contradicted.
    """
    first, growing = state.get("conv_first.weight"), state.get("body.0.rdb1.conv1.weight")
    if first is None or growing is None or first.ndim != 4 or growing.ndim != 4:
        raise UserError(_explain_foreign(state))
    if first.shape[1] != 3:
        raise UserError(
            f"conv_first takes {first.shape[1]} channels, not 3: a network on pixel-unshuffled input "
            "(as Real-ESRGAN's ×2) is not supported; use one that takes the RGB image"
        )
    blocks = len({found[1] for key in state if (found := re.match(r"body\.(\d+)\.", key))})
    found_scale = _settle_scale(has_second_enlargement="conv_up2.weight" in state, scale=scale)
    shape = RRDBShape(scale=found_scale, features=first.shape[0], growth=growing.shape[0], blocks=blocks)
    _require_same_tensors(state, shape)
    return shape


def _explain_foreign(state: Mapping[str, Tensor]) -> str:
    if any(key.startswith(_OLD_KEYS) for key in state):
        return "ESRGAN's old key names (model.1.sub…, RRDB_trunk…): rename them to conv_first, body.0.rdb1…"
    return (
        "it is not an RRDBNet: conv_first.weight or body.0.rdb1.conv1.weight is missing; "
        f"keys begin {list(state)[:3]}"
    )


def _settle_scale(*, has_second_enlargement: bool, scale: int | None) -> int:
    if scale is None:
        if has_second_enlargement:
            return 4
        raise UsageError(
            "a ×2 and a ×3 RRDBNet have the same keys and shapes: give the scale (scale=2 or scale=3), "
            "or write it into the file's metadata"
        )
    if has_second_enlargement != (scale == 4) or scale not in SCALES:
        fitting = "4" if has_second_enlargement else "2 or 3"
        seen = "has" if has_second_enlargement else "has no"
        raise UsageError(
            f"scale {scale} does not fit: this RRDBNet {seen} conv_up2, so its scale is {fitting}"
        )
    return scale


def _require_same_tensors(state: Mapping[str, Tensor], shape: RRDBShape) -> None:
    with torch.device("meta"):
        net = shape.build()
    expected = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in state.items()}
    wrong = [key for key in expected | given if expected.get(key) != given.get(key)]
    if wrong:
        key, looks = wrong[0], f"{shape.features} features, growth {shape.growth}, {shape.blocks} blocks"
        raise UserError(
            f"it is not an RRDBNet of {looks}: {key} is {given.get(key, 'missing')}, "
            f"expected {expected.get(key, 'nothing')} ({len(wrong)} keys differ)"
        )
