"""Changes to what a file says: values of wrong types and sizes, keys that are missing, hostile words."""

import math
import random
from typing import Any

HUGE = 10**4999
"""A number of 5,000 digits: Python refuses to read one of more than 4,300."""

WORDS = (
    "",
    "\ud800",
    "a\u2028b",
    "../../x",
    "../sentinel/private.png",
    "/etc/passwd",
    "=HYPERLINK(1)",
    "@sum(1)",
    "+1",
    "-1",
    "\tx",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "# heading",
    "| a | b |",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "\x00",
    "nul",
    "lr",
    "hr",
    "bicubic",
    "psnr-cascade",
    "a" * 5000,
    "é" * 300,
    "$(touch x)",
    "{{ 7 * 7 }}",
    "%s%n",
    "\u202eabc",
    "٣",
    "²",
    "nan",
    "PSNR-Y/2",
)
SMALL: tuple[Any, ...] = (None, True, False, 0, -1, 1, 2, 3, 0.5, -0.0, [], {}, [[]], [1], {"a": 1}, ["a"])
EXTREME: tuple[Any, ...] = (
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    -1e308,
    1e-320,
    2**53 + 1,
    2**63,
    -(2**63),
    2**64,
    10**40,
)


def nasty(dice: random.Random) -> Any:
    """A value that hardly any place expects."""
    kind = dice.random()
    if kind < 0.4:
        return dice.choice(WORDS)
    if kind < 0.75:
        return dice.choice(SMALL)
    if kind < 0.95:
        return dice.choice(EXTREME)
    return nested(dice.choice((50, 600))) if kind < 0.98 else HUGE


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything in tables and lists; of a long list, to its first and last few."""
    found: list[tuple[Any, ...]] = []
    if isinstance(tree, dict):
        children = list(tree.items())
    elif isinstance(tree, list):
        children = [pair for pair in enumerate(tree) if pair[0] < 4 or pair[0] >= len(tree) - 2]
    else:
        return found
    for key, child in children:
        found += [(*path, key), *places(child, (*path, key))]
    return found


def alter(tree: Any, dice: random.Random, *, value: Any = None) -> tuple[Any, str]:
    """The tree with one place changed, and what was done; `value` takes the place of a drawn one.

    The tree itself is changed where it can be.
    """
    drawn = nasty(dice) if value is None else value
    every = places(tree)
    if not every or dice.random() < 0.03:
        return drawn, f"all of it is {short(drawn)}"
    path = dice.choice(every)
    parent = tree
    for key in path[:-1]:
        parent = parent[key]
    key, how = path[-1], dice.choice(("replace", "replace", "replace", "delete", "wrap", "rename", "add"))
    name = ".".join(map(str, path))
    match how:
        case "delete":
            del parent[key]
        case "wrap":
            parent[key] = dice.choice(([parent[key]], {"a": parent[key]}))
        case "rename" if isinstance(parent, dict):
            word = dice.choice(WORDS) or f"{key}s"
            parent[word] = parent.pop(key)
            return tree, f"{name} renamed {short(word)}"
        case "add" if isinstance(parent, dict):
            word = dice.choice(WORDS) or f"{key}s"
            parent[word] = drawn
            return tree, f"{name} beside it {short(word)} = {short(drawn)}"
        case _:
            parent[key] = drawn
            return tree, f"{name} = {short(drawn)}"
    return tree, f"{name} {how}"


def short(value: Any) -> str:
    """The value in a few characters."""
    if isinstance(value, int) and abs(value) > 10**60:
        return "a number of 5,000 digits"
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:30]}…"
