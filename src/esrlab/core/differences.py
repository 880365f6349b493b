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

    Lists of one length are compared item by item, lists of tables that have names each with the one of its
    name, where these come in one order; others, and all where lists_whole, as a whole.
    """
    if not lists_whole and isinstance(before, list) and isinstance(now, list):
        before, now = _by_name(before, now)
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


def _by_name(before: list[Any], now: list[Any]) -> tuple[Any, Any]:
    """Two lists of tables as tables by name; as they are where a name is missing, double or reordered."""
    named = [{each.get("name"): each for each in some if isinstance(each, dict)} for some in (before, now)]
    old, new = named
    whole = all(isinstance(name, str) for some in named for name in some)
    if not whole or (len(old), len(new)) != (len(before), len(now)):
        return before, now
    same_order = [name for name in old if name in new] == [name for name in new if name in old]
    return (old, new) if same_order else (before, now)


def differences(before: Any, now: Any, *, place: str = "") -> list[str]:
    """Where two JSON values differ, one line each, by dotted place: what is there, and what is asked."""
    return [
        f"{_short(found.place)}: {_show(found.before)} there, {_show(found.now)} asked"
        for found in find_differences(before, now, place=place)
    ]


def _show(value: Any) -> str:
    return "none" if value is None else _short(repr(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
