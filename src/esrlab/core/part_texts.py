"""A part as a few words on a command line: its kind and, after each colon, a field and its value."""

import json
import re
from typing import Any

from pydantic import TypeAdapter, ValidationError

from esrlab.core.nearest import did_you_mean
from esrlab.core.parts import kinds_in
from esrlab.errors import UsageError

_FIELD = re.compile(r":(?=[a-z_]+=)")


def parse_part(text: str, union: Any, *, what: str) -> Any:
    """`content:layers=conv3_4:criterion=l1` as that member of a union of parts; `what`: "loss", for messages.

    Values are read as numbers, true and false where they are such, else as text. Raises UsageError for a kind
    or field that there is not, with the nearest, and for a value that the field does not take.
    """
    kind, *fields = _FIELD.split(text)
    kinds = kinds_in(union)
    if kind not in kinds:
        raise UsageError(
            f"there is no {what} {kind[:40]!r}{did_you_mean(kind, kinds)}; there are {', '.join(kinds)}"
        )
    given = dict(field.split("=", 1) for field in fields)
    try:
        read = {name: _read(value) for name, value in given.items()}
        return TypeAdapter(union).validate_python({"kind": kind, **read})
    except ValidationError as error:
        raise UsageError(_explain(error, f"{what} {kind}", list(kinds[kind].model_fields))) from error


def fields_in(text: str) -> list[str]:
    """The names of the fields that such a text gives."""
    return [field.split("=", 1)[0] for field in _FIELD.split(text)[1:]]


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _explain(error: ValidationError, what: str, known: list[str]) -> str:
    """A line for the first problem, by the field that it is of."""
    problem = error.errors()[0]
    names = [str(part) for part in problem["loc"]]
    field = names[1] if len(names) > 1 else ""
    if problem["type"] == "extra_forbidden":
        listed = [name for name in known if name != "kind"]
        return f"the {what} has no field {field}{did_you_mean(field, listed)}; there are {', '.join(listed)}"
    where = f", {field}" if field else ""
    message = problem["msg"].removeprefix("Value error, ")
    return f"the {what}{where}: {message} (given: {problem['input']!r:.60})"
