"""The ways of making low-resolution images that a recipe can ask for."""

import json
import re
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from esrlab.core.nearest import did_you_mean
from esrlab.core.parts import kind_if_missing, kinds_in
from esrlab.data.degradations.base import Degradation
from esrlab.data.degradations.bicubic import CONVENTIONS, Bicubic
from esrlab.data.degradations.camera import Camera
from esrlab.data.degradations.pairs import Pairs
from esrlab.errors import UsageError

# A new degradation is one file in this folder and one name in this line.
AnyDegradation = Annotated[
    Annotated[Bicubic | Camera | Pairs, Field(discriminator="kind")], kind_if_missing("bicubic")
]

USUAL = Bicubic()
"""What is taken where nobody says how LR images are made; tables do not name it."""

_ANY: TypeAdapter[Degradation] = TypeAdapter(AnyDegradation)
_FIELD = re.compile(r":(?=[a-z_]+=)")


def parse_degradation(text: str) -> Degradation:
    """A degradation from its text: `matlab-8bit`, `camera`, `camera:jpeg_quality=40:blur_sigma=0.2..1`.

    A kind, and after each : a field and its value, ranges as low..high; a convention alone is bicubic's.
    Raises UsageError, naming what is wrong and what there is.
    """
    if text in CONVENTIONS:
        return Bicubic(convention=text)
    kind, *fields = _FIELD.split(text)
    kinds = kinds_in(AnyDegradation)
    if kind not in kinds:
        known = [*CONVENTIONS, *kinds]
        raise UsageError(
            f"there is no degradation {kind[:40]!r}{did_you_mean(kind, known)}; there are {', '.join(known)}"
        )
    given = dict(field.split("=", 1) for field in fields)
    try:
        texts = {name for name, info in kinds[kind].model_fields.items() if info.annotation is str}
        read = {name: value if name in texts else _read(value) for name, value in given.items()}
        return _ANY.validate_python({**read, "kind": kind})
    except ValidationError as error:
        raise UsageError(_explain(error, kind, list(kinds[kind].model_fields))) from error


def _read(value: str) -> Any:
    """A number, a range low..high, or the text itself."""
    if ".." in value and "/" not in value:
        return [_read(part) for part in value.split("..", 1)]
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _explain(error: ValidationError, kind: str, known: list[str]) -> str:
    """A line for the first problem, by the field that it is of."""
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"] if part != kind]
    known = [name for name in known if name != "kind"]
    if problem["type"] == "extra_forbidden":
        name = place[-1]
        return (
            f"the degradation {kind} has no field {name}{did_you_mean(name, known)}; there are "
            f"{', '.join(known)}"
        )
    message = "it is missing; give it" if problem["type"] == "missing" else problem["msg"]
    where = f", {place[0]}" if place else ""
    return f"the degradation {kind}{where}: {message.removeprefix('Value error, ')}"


def name_degradation(label: str, degradation: Degradation, *, trained: Degradation | None = None) -> str:
    """A row's label that says how LR is made, where that is not as usual and it does not say so yet.

    trained: what the method was trained on, where that is known; if it is another, the label says so always.
    """
    words = f"LR: {degradation.label}"
    if trained is not None and trained != degradation:
        return name_scored_on(label, degradation)
    is_said = re.search(re.escape(words) + r"(?=[;\]])", label) is not None
    return label if degradation == USUAL or is_said else f"{label} [{words}]"


def name_scored_on(label: str, degradation: Degradation) -> str:
    """The label of a row on other LR images than its method was trained on."""
    return f"{label} [scored on LR: {degradation.label}]"
