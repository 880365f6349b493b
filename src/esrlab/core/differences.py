"""Where two JSON values differ."""

from collections.abc import Iterator
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """A dotted place at which two JSON values differ, and what each has there."""

    place: str
    before: Any
    now: Any


LONGEST = 120
"""Characters of a name or a value in the text of a difference."""


def find_differences(
    before: Any, now: Any, *, place: str = "", lists_whole: bool = False
) -> Iterator[Difference]:
    """Every place where two JSON values differ, the first one's order first; what is missing is None.

    Lists of one length are compared item by item, or as a whole where lists_whole.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        inner = [(key, before.get(key), now.get(key)) for key in dict.fromkeys((*before, *now))]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now) and not lists_whole:
        inner = [(index, old, new) for index, (old, new) in enumerate(zip(before, now, strict=True))]
    else:
        if before != now:
            yield Difference(place, before, now)
        return
    for key, old, new in inner:
        yield from find_differences(old, new, place=f"{place}.{key}".lstrip("."), lists_whole=lists_whole)


def differences(before: Any, now: Any, *, place: str = "") -> list[str]:
    """Where two JSON values differ, one line each, by dotted place: what is there, and what is asked."""
    return [
        f"{_short(found.place)}: {_short(repr(found.before))} there, {_short(repr(found.now))} asked"
        for found in find_differences(before, now, place=place)
    ]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
