"""The one door for text files of any origin: JSON, JSON lines and TOML are read and checked here.

Whatever is wrong with a file (no UTF-8, no JSON, a wrong type, a missing key, nesting without end, a number
of thousands of digits, half a surrogate pair) becomes a UserError of one line: file, line and field.
"""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from esrlab.errors import UserError

T = TypeVar("T")

REMEDY = "repair or remove it"
SHOWN = 60
"""Characters of an offending value that a message shows."""

Number = Annotated[float, BeforeValidator(lambda value: float("nan") if value is None else value)]
"""A number as `to_json` writes it: null stands for one that is none, 1e999 for infinity."""

Count = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A whole number that every later calculation can hold."""

OBJECT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
"""Any JSON object."""


def read_bytes(path: Path) -> bytes:
    """A file's bytes; UserError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def read_text(path: Path) -> str:
    """A file's UTF-8 text; UserError naming the line that is none."""
    data = read_bytes(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _refuse(f"{path}, line {line}", "not UTF-8 text", error)


def read_json(path: Path, shape: TypeAdapter[T]) -> T:
    """A JSON file as what `shape` makes of it."""
    return _checked(read_bytes(path), shape, place=f"{path}")


def read_json_object(path: Path, shape: TypeAdapter[Any]) -> dict[str, Any]:
    """A JSON object as it stands, unknown keys and the order of all of them kept, once it fits `shape`."""
    data = read_bytes(path)
    _checked(data, shape, place=f"{path}")
    return _checked(data, OBJECT, place=f"{path}")


def read_json_rows(path: Path, shape: TypeAdapter[T], *, growing: bool = False) -> list[T]:
    """A JSON value a line, lines ending at a line feed and nothing else.

    A `growing` file is one that a process appends to: its last line may be cut, and is then left out.
    """
    *lines, rest = read_bytes(path).split(b"\n")
    if rest and not growing:
        lines.append(rest)
    try:
        return [shape.validate_json(line, strict=True) for line in lines]
    except ValidationError:  # once more, slowly, to name the line
        return [
            _checked(line, shape, place=f"{path}, line {number}")
            for number, line in enumerate(lines, start=1)
        ]


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's tables."""
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        _refuse(f"{path}", "nested too deeply", error)
    except ValueError as error:  # TOMLDecodeError, or a number of too many digits
        _refuse(f"{path}", f"not valid TOML: {error}", error)


def conform(value: Any, shape: TypeAdapter[T], *, place: str) -> T:
    """A value from elsewhere as what `shape` makes of it; UserError naming `place` and field."""
    try:
        return shape.validate_python(value)
    except ValidationError as error:
        _refuse(place, describe(error.errors(include_url=False)[0]), error)
    except RecursionError as error:
        _refuse(place, "nested too deeply", error)


def describe(problem: ErrorDetails) -> str:
    """A field's problem in one line: its name, what it should be, what was found there."""
    field = ".".join(map(str, problem["loc"]))
    words = problem["msg"].removeprefix("Value error, ").replace("\n", " ")
    words = words.replace("Input should be", "should be").replace("Field required", "is missing")
    for unknown in ("Extra inputs are not permitted", "Unexpected keyword argument"):
        words = words.replace(unknown, "is unknown")
    if problem["type"] != "missing" and problem["loc"]:
        words += f", not {_shorten(problem['input'])}" if "should" in words else ""
    return f"{field}: {words}" if field else words


def _shorten(value: Any) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _checked(data: bytes, shape: TypeAdapter[T], *, place: str) -> T:
    try:
        from_json(data)
        return shape.validate_json(data, strict=True)
    except ValidationError as error:
        _refuse(place, describe(error.errors(include_url=False)[0]), error)
    except ValueError as error:
        _refuse(place, f"not valid JSON ({error})", error)


def _refuse(place: str, problem: str, error: Exception) -> NoReturn:
    raise UserError(f"{place}: {problem}; {REMEDY}") from error
