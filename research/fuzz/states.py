"""State dicts of generators that are not what they should be, or claim to be more than a file can hold."""

import random
from typing import Any

import torch
from torch import Tensor

from .trees import WORDS, nested

DTYPES = (
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.int8,
    torch.int64,
    torch.bool,
    torch.complex64,
    torch.float8_e4m3fn,
)
KINDS = (
    "stride 0",
    "stride 0",
    "self",
    "dtype",
    "shape",
    "missing",
    "extra",
    "renamed",
    "blocks",
    "values",
    "wrapped",
    "sparse",
    "no state",
    "entry",
    "prefix",
    "channels",
)


def crafted_state(state: dict[str, Tensor], dice: random.Random) -> tuple[Any, str]:  # noqa: PLR0911
    """A changed copy of a generator's state dict (8 features, growth 4), and what was done to it."""
    kind = dice.choice(KINDS)
    key = dice.choice(tuple(state))
    match kind:
        case "stride 0":
            features, growth = dice.choice(((8192, 32), (64, 100_000), (3000, 3000), (2**20, 4), (1, 1)))
            return _without_storage(state, features, growth), f"{kind}: {features} features, growth {growth}"
        case "self":
            return _self_containing(state, dice), kind
        case "dtype":
            dtype = dice.choice(DTYPES)
            chosen = state if dice.random() < 0.5 else {key: state[key]}
            return {
                **state,
                **{name: value.to(dtype) for name, value in chosen.items()},
            }, f"{dtype} of {len(chosen)}"
        case "missing":
            return {name: value for name, value in state.items() if name != key}, f"without {key}"
        case "extra":
            word = dice.choice(WORDS)
            return {**state, word: torch.zeros(dice.choice((0, 1, 9)))}, f"with {word[:30]!a}"
        case "renamed":
            word = dice.choice((*WORDS, f"model.1.sub.{key}", f"RRDB_trunk.{key}", 7, None, ("a",)))
            return {word if name == key else name: value for name, value in state.items()}, f"{key} renamed"
        case "blocks":
            far = dice.choice((1, 7, 10**9))
            return {
                name.replace("body.0", f"body.{far}"): value for name, value in state.items()
            }, f"block {far}"
        case _:
            return _other(kind, state, key, dice)


def _other(kind: str, state: dict[str, Tensor], key: str, dice: random.Random) -> tuple[Any, str]:  # noqa: PLR0911
    match kind:
        case "shape":
            value = state[key]
            other = dice.choice(
                (
                    value[:0],
                    value[:1],
                    value.flatten(),
                    value[None],
                    value.sum(),
                    value.mT if value.ndim > 1 else value[:2],
                )
            )
            return {**state, key: other.clone()}, f"{key} of shape {tuple(other.shape)}"
        case "values":
            number = dice.choice((float("nan"), float("inf"), 1e38, 0.0))
            return {**state, key: torch.full_like(state[key], number)}, f"{key} all {number}"
        case "wrapped":
            wrapped: Any = state
            for _ in range(dice.choice((1, 5, 400))):
                wrapped = {dice.choice(("params_ema", "params", "state_dict", "model", "generator")): wrapped}
            return wrapped, kind
        case "sparse":
            return {**state, key: state[key].to_sparse()}, f"{key} sparse"
        case "entry":
            value = dice.choice((None, 1, "a", [1], {}, nested(300), set(), torch.Size([1]), b"a"))
            return {**state, key: value}, f"{key} is a {type(value).__name__}"
        case "prefix":
            return {f"module.{name}": value for name, value in state.items()}, kind
        case "channels":
            wide = state["conv_first.weight"].repeat(1, 4, 1, 1)
            return {**state, "conv_first.weight": wide}, "12 channels in"
        case _:
            made = dice.choice(
                ([], {}, None, 1, "a", list(state.values()), state[key], {"params": None}, {"params": []})
            )
            return made, f"no state: {type(made).__name__}"


def _without_storage(state: dict[str, Tensor], features: int, growth: int) -> dict[str, Tensor]:
    """A generator of another width: every tensor is one number, repeated by a stride of 0."""
    sides = {8: features, 4: growth, 3: 3} | {8 + 4 * n: features + n * growth for n in range(1, 5)}
    return {
        name: torch.zeros(1).expand(
            [sides[side] if axis < 2 else side for axis, side in enumerate(value.shape)]
        )
        for name, value in state.items()
    }


def _self_containing(state: dict[str, Tensor], dice: random.Random) -> Any:
    outer: dict[str, Any] = dict(state) if dice.random() < 0.3 else {}
    if dice.random() < 0.5:
        outer["params"] = outer
    else:
        outer["state_dict"] = {"model": outer}
    return outer
