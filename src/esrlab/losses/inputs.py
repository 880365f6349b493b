"""What a loss sees of one batch, and what a loss is: a frozen record that becomes callable on a device."""

from abc import abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self, TypeVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

Result = TypeVar("Result")

FeatureWeights = Literal["real", "student", "untrained"]
"""Where a network that measures has its weights from: ImageNet, a student shipped with esrlab, or chance."""


@dataclass(frozen=True, eq=False)
class LossInputs:
    """One batch as the losses see it: the small image, the generated one and the target.

    RGB, NCHW, values in [0, 1] (`sr` may leave that range during training), float32 or float64:
    a generator under autocast hands in `sr.float()`, since sums over an image overflow in half precision.

    lr: (N, 3, h, w); sr and hr: (N, 3, h·s, w·s) with one whole s. Raises ValueError where they are not.
    """

    lr: Tensor
    sr: Tensor
    hr: Tensor
    _memo: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        shapes = f"lr {tuple(self.lr.shape)}, sr {tuple(self.sr.shape)}, hr {tuple(self.hr.shape)}"
        if any(view.ndim != 4 for view in (self.lr, self.sr, self.hr)):
            raise ValueError(f"losses need images as (N, 3, height, width); got {shapes}")
        if self.sr.shape != self.hr.shape or self.lr.shape[:2] != self.hr.shape[:2]:
            raise ValueError(
                f"sr and hr must have the same shape, and lr the same batch size and channels; got {shapes}"
            )
        scale = self.hr.shape[-1] // self.lr.shape[-1]
        if tuple(self.hr.shape[-2:]) != tuple(scale * side for side in self.lr.shape[-2:]):
            raise ValueError(f"hr must be a whole multiple of lr in height and width; got {shapes}")
        if self.sr.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"losses need sr as float32 or float64, not {self.sr.dtype}: pass sr.float()")

    def once(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """Return `compute()`, calling it the first time this batch is asked for `key` only.

        For what several terms share and no gradient runs through, such as the target's features.
        (Not for anything made of `sr`: each term's backward pass frees its own graph.)
        """
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]


LossFunction = Callable[[LossInputs], Tensor]
"""Views in, a scalar tensor out, smaller is better.

A function that stands on a file (weights, a user's code) may tell which in an attribute `origin`.
"""


BUILT_LOSSES = 32
"""Losses that were called are kept built, with their networks, so many at most; the oldest go first."""


class Loss(BaseModel):
    """A loss as a recipe names it: frozen, validated at construction, JSON both ways.

    It can be called on images in anyone's training: `L1()(sr, hr)`. Every loss adds
    `kind: Literal["its name"]` with that default, by which a recipe's JSON finds it.
    """

    size_remedy: ClassVar[str] = ""
    """What else helps against images that are too small, such as ", or fewer scales"."""

    names_recipe: ClassVar[bool] = False
    """Whether a recipe is called by it: its label comes first, and the pixel loss is not named."""

    needs_lr: ClassVar[bool] = False
    """Whether it looks at lr, which must be given then."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __call__(self, sr: Tensor, hr: Tensor, lr: Tensor | None = None) -> Tensor:
        """The loss of a batch as a scalar tensor, with a gradient to sr.

        sr, hr: (N, 3, H, W), RGB in [0, 1]; lr: (N, 3, H/scale, W/scale), for losses that look at it (a
        user's own may). Networks are loaded at the first call on a device, and kept. Raises ValueError for
        other shapes or where lr is needed, and what `build` raises.
        """
        if lr is None and self.needs_lr:
            raise ValueError(f"{self.label} may use lr: call it as loss(sr, hr, lr)")
        for name, image in (("sr", sr), ("hr", hr)):
            if not isinstance(image, Tensor):
                raise ValueError(
                    f"{name} is a {type(image).__name__}; a loss takes float tensors (N, 3, H, W) in [0, 1]"
                )
        if lr is None and (sr.ndim != 4 or sr.shape != hr.shape):
            raise ValueError(
                "sr and hr must have the same shape (N, 3, height, width); "
                f"got sr {tuple(sr.shape)}, hr {tuple(hr.shape)}"
            )
        views = LossInputs(lr=hr if lr is None else lr, sr=sr, hr=hr)
        if problems := self.problems(height=hr.shape[-2], width=hr.shape[-1]):
            raise ValueError("; ".join(problems))
        return _build_once(_Built(type(self), self.identity(), sr.device, self))(views)

    @property
    def smallest_side(self) -> int:
        """The least height and width of sr, in pixels, that can be compared; 1 unless a loss needs more."""
        return 1

    def problems(self, *, height: int, width: int) -> list[str]:
        """Why images of this size cannot be compared, each with a remedy; none where they can."""
        least = self.smallest_side
        if min(height, width) >= least:
            return []
        return [
            f"{self.label} needs images of at least {least}×{least} px, not {height}×{width}: "
            f"give larger ones{self.size_remedy}"
        ]

    def fitted(self, *, height: int, width: int) -> Self:
        """The same loss as it takes images of this size; itself where nothing helps, or is needed.

        For whoever takes every loss as it is by default. A recipe's is never changed: it is refused.
        """
        del height, width
        return self

    def identity(self) -> str:
        """Tells one loss from another of its class: the same text, the same function."""
        return self.model_dump_json()

    @property
    def needs(self) -> tuple[str, ...]:
        """The catalogue's names of the weights that `build` must find: `esrlab weights get NAME`."""
        return ()

    def with_weights(self, weights: FeatureWeights) -> Self:
        """The same loss on networks whose weights are of this origin; itself where it has none.

        Raises ValueError where there is none such.
        """
        del weights
        return self

    @abstractmethod
    def build(self, device: torch.device) -> LossFunction:
        """Make whatever the loss needs (a frozen network, the user's code) and return it as a function."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What tables and legends call this loss."""


@dataclass(frozen=True)
class _Built:
    """What decides how a loss is built; the loss itself is along to do it."""

    kind: type[Loss]
    identity: str
    device: torch.device
    loss: Loss = field(compare=False)


@lru_cache(maxsize=BUILT_LOSSES)
def _build_once(key: _Built) -> LossFunction:
    return key.loss.build(key.device)
