"""The nearest of several names to a misspelt one."""

from collections.abc import Iterable
from difflib import get_close_matches

CUTOFF = 0.5
"""How alike two names must be at least (difflib's ratio) for one to be suggested in place of the other."""


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, whatever its case and whether it has "-" or "_"; None: none is."""
    by_form = {_form(each): each for each in known}
    # Comparing takes time by the square of the length, and no name of ours is that long.
    near = get_close_matches(_form(name[:100]), by_form, n=1, cutoff=CUTOFF)
    return by_form[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ " (did you mean X?)", to be put behind an unknown name; nothing where no known one is like it."""
    near = nearest_name(name, known)
    return f" (did you mean {near}?)" if near is not None else ""


def _form(name: str) -> str:
    return name.lower().replace("-", "_")
