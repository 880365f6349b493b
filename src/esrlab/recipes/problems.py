"""What is wrong with fields that were given, in sentences: where, what, and what they may be instead."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from esrlab.core.nearest import did_you_mean
from esrlab.core.parts import kind_of, models_in

LONGEST = 80
"""Letters of a given value that a message repeats."""

NEEDED = {
    "missing": "it is missing; give it",
    "union_tag_not_found": 'it needs a kind, such as kind = "l1"',
}
SHAPES = {
    "dict_type": "table of fields",
    "model_type": "table of fields",
    "model_attributes_type": "table of fields",
    "tuple_type": "list",
    "list_type": "list",
}
"""The message for pydantic's name of the problem."""


def explain(error: ValidationError, *, what: str, fields: Mapping[str, Any], model: type[BaseModel]) -> str:
    """A pydantic error in sentences: a line for each problem of `fields`, by the dotted name that sets it.

    model: what the fields were to make; its fields are the ones that an unknown name may have meant.
    """
    problems = error.errors()
    lines = [
        f"  {_place(problem['loc'], fields) or 'as a whole'}: {_say(problem, fields, model)}"
        for problem in problems
        if not _follows(problem, problems)
    ]
    return f"{what} is not valid:\n" + "\n".join(dict.fromkeys(lines))


def _follows(problem: ErrorDetails, problems: Sequence[ErrorDetails]) -> bool:
    """Whether a list is too short only because its items were refused, which are told themselves."""
    place = problem["loc"]
    return problem["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in problems
    )


def _say(problem: ErrorDetails, fields: Mapping[str, Any], model: type[BaseModel]) -> str:
    """A problem in our words where pydantic's tell neither what is wrong nor what to do."""
    name, given = str(problem["loc"][-1]) if problem["loc"] else "", problem.get("input")
    match problem["type"]:
        case "extra_forbidden":
            known = sorted(_known_fields(model, problem["loc"][:-1], fields))
            return f"there is no such field{did_you_mean(name, known)}; there are {', '.join(known)}"
        case "union_tag_invalid":
            context = problem.get("ctx", {})
            tag = str(context.get("tag", ""))
            tags = [each.strip(" '") for each in str(context.get("expected_tags", "")).split(",")]
            return f"there is no kind {_shorten(tag)!r}{did_you_mean(tag, tags)}; there are {', '.join(tags)}"
        case kind if kind in NEEDED:
            return NEEDED[kind]
        case kind if kind in SHAPES:
            return f"it must be a {SHAPES[kind]}, not {_shorten(repr(given))}"
    message = problem["msg"].removeprefix("Value error, ")
    shown = f" (given: {_shorten(repr(given))})" if isinstance(given, (str, int, float)) else ""
    return f"{message}{shown}"


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _known_fields(model: type[BaseModel], loc: tuple[int | str, ...], fields: Mapping[str, Any]) -> set[str]:
    """The fields of the model that `loc` leads to."""
    models, value = [model], fields
    for part in loc:
        if _is_tag(value, part):
            models = [each for each in models if kind_of(each) == part]
            continue
        value = _member(value, part)
        if isinstance(part, str):
            models = [
                inner
                for each in models
                if part in each.model_fields
                for inner in models_in(each.model_fields[part].annotation)
            ]
    return {name for each in models for name in each.model_fields}


def _is_tag(value: Any, part: int | str) -> bool:
    """Whether a step of an error's place is a union's choice of kind, which the fields do not have.

    Where a table tells no kind, one was filled in: what is no field of it is then that.
    """
    return isinstance(value, Mapping) and part == value.get("kind", part) and part not in value


def _member(value: Any, part: int | str) -> Any:
    try:
        return value[part]
    except (LookupError, TypeError):
        return None


def _place(loc: tuple[int | str, ...], fields: Mapping[str, Any]) -> str:
    """`terms.0.loss.content.layers` as `terms.content.loss.layers`: a term by its name, no tag of a union."""
    parts: list[str] = []
    value: Any = fields
    for place, part in enumerate(loc, start=1):
        told = isinstance(value, Mapping) and value.get("kind") == part
        if _is_tag(value, part) and (told or place < len(loc)):
            continue
        value = _member(value, part)
        named = isinstance(part, int) and isinstance(value, Mapping) and isinstance(value.get("name"), str)
        parts.append(_shorten(str(value["name"]) if named else str(part)))
    return ".".join(parts)
