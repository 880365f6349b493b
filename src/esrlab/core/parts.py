"""What can be exchanged in a recipe: frozen records that a `kind` tells apart, in unions."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Part(BaseModel):
    """Base of a recipe's parts: frozen, no unknown fields, no infinities.

    One that can be exchanged adds `kind: Literal["its name"]` with that default, and stands in the union of
    its sort, such as `AnyGenerator`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def kind_if_missing(kind: str) -> BeforeValidator:
    """For a union's `Annotated`: a table without a kind is of this one, as recipes written before have it."""

    def fill(fields: Any) -> Any:
        return {"kind": kind, **fields} if isinstance(fields, Mapping) and "kind" not in fields else fields

    return BeforeValidator(fill)


def kinds_in(annotation: Any) -> dict[str, type[BaseModel]]:
    """The members of a union, or of a field's type that has one, by their kinds: `kinds_in(AnyLoss)`."""
    return {str(kind): member for member in models_in(annotation) if (kind := kind_of(member)) is not None}


def kind_of(model: type[BaseModel]) -> str | None:
    """The kind that a record's class is of, None where it is of none."""
    return model.model_fields["kind"].default if "kind" in model.model_fields else None


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The records that a field's type speaks of: itself, a union's members, a tuple's or a table's values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, UnionType, tuple, list, dict):
        for inner in get_args(annotation):
            yield from models_in(inner)
