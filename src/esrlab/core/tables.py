"""TOML and JSON files that a user writes by hand: any error in one is reported in one line."""

import json
import tomllib
from pathlib import Path
from typing import Any

from esrlab.errors import UsageError

DEEPEST = 32
"""Tables and lists within one another that a file may have; no setting is half so deep."""

LARGEST = 2**63
"""Whole numbers are within ± this, as TOML asks for."""


def read_table(path: Path, *, what: str) -> dict[str, Any]:
    """The table that a .json file, or a TOML file by any other name, holds; `what`: "recipe", "study".

    Raises UsageError, naming the file and where in it, for one that cannot be read, is not UTF-8, is not
    valid, is nested deeper than DEEPEST, or holds a number or a text that nothing could be set to.
    """
    form = "JSON" if path.suffix == ".json" else "TOML"
    try:
        text = path.read_text(encoding="utf-8")
        table: Any = json.loads(text) if form == "JSON" else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read the {what} {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the {what} {path} is not UTF-8 text (byte {error.start} is {error.object[error.start]:#04x}); "
            "save it as UTF-8"
        ) from error
    except RecursionError as error:
        raise UsageError(_too_deep(what, path)) from error
    except ValueError as error:
        reason = "it has a number of thousands of digits" if "limit" in str(error) else str(error)
        raise UsageError(f"the {what} {path} is not valid {form}: {reason}") from error
    if not isinstance(table, dict):
        raise UsageError(f"the {what} {path} must hold a table of fields, not a {type(table).__name__}")
    _refuse_unusable(table, what=what, path=path)
    return table


def _too_deep(what: str, path: Path) -> str:
    return (
        f"the {what} {path} is nested more than {DEEPEST} levels deep; no field is that deep, so flatten it"
    )


def _refuse_unusable(table: dict[str, Any], *, what: str, path: Path) -> None:
    """UsageError for what parsers accept and nobody can have meant; by a list, since nesting may be deep."""
    left: list[tuple[str, int, Any]] = [("", 0, table)]
    while left:
        place, depth, value = left.pop()
        if depth > DEEPEST:
            raise UsageError(_too_deep(what, path))
        if isinstance(value, dict):
            for key in value:
                _refuse_text(key, place=f"a name in {place or 'the file'}", what=what, path=path)
            left += [(f"{place}.{key}".lstrip("."), depth + 1, member) for key, member in value.items()]
        elif isinstance(value, list):
            left += [(f"{place}.{index}", depth + 1, member) for index, member in enumerate(value)]
        elif isinstance(value, str):
            _refuse_text(value, place=place, what=what, path=path)
        elif isinstance(value, int) and not -LARGEST <= value < LARGEST:
            raise UsageError(f"the {what} {path}: {place} is a number outside ±2⁶³; give a smaller one")


def _refuse_text(text: str, *, place: str, what: str, path: Path) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(
            f"the {what} {path}: {place} has an invalid character (NUL, or half of a surrogate pair); "
            "remove it"
        )
