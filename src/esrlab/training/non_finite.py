"""Values that are not finite: where the first of them is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rollback:
    """A step that was not applied: which, the first place that was not finite, and what was there."""

    step: int
    place: str
    found: str

    def __str__(self) -> str:
        return f"{self.place} is not finite at step {self.step} ({self.found})"


class NonFinite(Exception):
    """A step met a value that is not finite, and was not applied; `numbers`: what it measured."""

    def __init__(self, rollback: Rollback, numbers: Mapping[str, float] | None = None) -> None:
        super().__init__(str(rollback))
        self.rollback = rollback
        self.numbers = dict(numbers or {})


def first_nonfinite(named: Iterable[tuple[str, Tensor | None]]) -> tuple[str, str] | None:
    """The first of these tensors with a value that is not finite, and what it holds, in words."""
    for name, tensor in named:
        if tensor is None or not tensor.is_floating_point():
            continue
        finite = torch.isfinite(tensor)
        if not bool(finite.all()):
            count = tensor.numel() - int(finite.sum())
            kinds = [
                kind for kind, there in (("nan", tensor.isnan()), ("inf", tensor.isinf())) if there.any()
            ]
            if tensor.numel() == 1:
                return name, f"it is {tensor.item()}"
            return name, f"{' and '.join(kinds)} in {count} of its {tensor.numel()} values"
    return None
