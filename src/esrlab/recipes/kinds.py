"""Exchanging a part of a recipe for one of another kind: `generator.kind`, `terms.pixel.loss.kind`."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from esrlab.core.parts import kind_of, kinds_in
from esrlab.losses.inputs import Loss


def exchangeable(part: BaseModel, *, prefix: str = "") -> Iterator[tuple[str, BaseModel, Mapping[str, type]]]:
    """Each part that is of a kind: its dotted name, itself, and the kinds that may stand in its place."""
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            if "kind" in type(value).model_fields:
                yield f"{prefix}{name}", value, kinds_in(info.annotation)
            yield from exchangeable(value, prefix=f"{prefix}{name}.")
        elif isinstance(value, tuple):
            for member in value:
                if isinstance(member, BaseModel):
                    yield from exchangeable(member, prefix=f"{prefix}{name}.{getattr(member, 'name', '')}.")


def exchange(part: BaseModel, kind: Any, kinds: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """The fields of a part of another kind: of this one those that mean the same there, where changed.

    Fields of one name mean the same where their types and descriptions are equal; parts other than losses
    also share what has the same type. A kind that there is not is left to validation, which names those
    that there are.
    """
    fields = type(part).model_fields
    if kind not in kinds:
        return {"kind": kind}
    dumped, others = part.model_dump(mode="json"), kinds[kind].model_fields
    common = {
        name
        for name in others.keys() & fields.keys() - {"kind"}
        if others[name].annotation == fields[name].annotation
        and (others[name].description == fields[name].description or not isinstance(part, Loss))
    }
    return {"kind": kind} | {
        name: dumped[name]
        for name in fields
        if name in common and getattr(part, name) != fields[name].default
    }


def fields_of(kind: Any, kinds: Mapping[str, type[BaseModel]]) -> list[str]:
    """The names of a kind's settable fields, nested ones with a dot; none where there is no such kind."""
    return list(_names(kinds[kind])) if kind in kinds else []


def _names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _names(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def name_setting(recipe: BaseModel, dotted: str, kinds_asked: Mapping[str, Any]) -> str | None:
    """The dotted name of what a part takes beside its fields, a setting of a user's own function; else None.

    kinds_asked: the kinds that are to stand in parts' places, by place with `_` for `-`.
    """
    place, _, name = dotted.rpartition(".")
    for where, part, kinds in exchangeable(recipe):
        plain = where.replace("-", "_")
        if plain == place.replace("-", "_"):
            kind = kinds.get(kinds_asked.get(plain, kind_of(type(part))), type(part))
            return f"{where}.{name.replace('-', '_')}" if kind.model_config.get("extra") == "allow" else None
    return None
