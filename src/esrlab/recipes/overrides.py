"""A recipe's fields by their dotted names: one spelling for the command line, TOML files and sweeps.

`generator.blocks`, `patches.lr_size` (or `lr-size`), `optimiser.betas`; a term is found by its name:
`terms.content.weight`, `terms.content.loss.layers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from esrlab.core.nearest import did_you_mean
from esrlab.core.parts import kind_of, kinds_in
from esrlab.errors import UsageError
from esrlab.losses.any_loss import LOSS_KINDS
from esrlab.recipes.kinds import exchange, exchangeable, fields_of, name_setting
from esrlab.recipes.recipe import Recipe, parse_recipe

FIXED = ("name", "about", "kind")
"""Fields that say what a thing is; they are not settings."""


OLD_NAMES = {"patches.convention": "patches.degradation.convention"}
"""Fields by the names that older files have."""


@dataclass(frozen=True)
class Leaf:
    """One settable field: its dotted name, present value, meaning, and whether it holds several values."""

    name: str
    value: Any
    description: str
    choices: tuple[str, ...]
    is_tuple: bool

    @property
    def shown(self) -> str:
        """The value as help and tables print it."""
        text = " ".join(map(str, self.value)) if isinstance(self.value, tuple) else str(self.value)
        return text if self.value not in (None, ()) else "–"


def leaves(recipe: Recipe) -> list[Leaf]:
    """Every settable field of a recipe, in its order."""
    return _leaves_of(recipe, prefix="")


def _leaves_of(part: BaseModel, *, prefix: str) -> list[Leaf]:
    found: list[Leaf] = []
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        dotted = f"{prefix}{name}"
        if name in FIXED or (value is None and dotted == "adversarial"):
            continue
        if isinstance(value, BaseModel):
            if "kind" in type(value).model_fields:
                kinds = tuple(kinds_in(info.annotation))
                found.append(Leaf(f"{dotted}.kind", kind_of(type(value)), f"kind of {name}", kinds, False))
            found += _leaves_of(value, prefix=f"{dotted}.")
        elif isinstance(value, tuple) and value and all(isinstance(member, BaseModel) for member in value):
            for member in value:
                found += _leaves_of(member, prefix=f"{dotted}.{member.name}.")
        else:
            choices = tuple(str(choice) for choice in get_args(info.annotation)) if _is_literal(info) else ()
            is_tuple = get_origin(info.annotation) is tuple
            found.append(Leaf(dotted, value, info.description or "", choices, is_tuple))
    for name, value in (part.model_extra or {}).items():
        found.append(Leaf(f"{prefix}{name}", value, "setting of the function", (), False))
    return found


def _is_literal(info: Any) -> bool:
    return get_origin(info.annotation) is Literal


def with_fields(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """A copy of `recipe` with fields replaced by dotted name, validated anew.

    Another `kind` puts another part in the place of one: it keeps the fields that both have where they were
    changed, and the values of its own fields count among `values`. A custom loss takes any further field as a
    setting.

    A term that the recipe lacks is added by its fields: by terms.NAME.loss.kind under any name, or without
    it where NAME itself is a loss's, as in terms.tv.weight.

    Raises UsageError for a field the recipe does not have (naming the nearest) and for values it refuses.
    """
    values = {OLD_NAMES.get(dotted, dotted): value for dotted, value in values.items()}
    dumped = recipe.model_dump(mode="json")
    added = _added_terms(recipe, values)
    dumped["terms"] += added.values()
    settable = {*(leaf.name for leaf in leaves(recipe)), "name", "about"}
    exchanged = _exchange_parts(recipe, values, dumped, settable)
    for dotted, value in values.items():
        name = dotted.replace("-", "_") if dotted.replace("-", "_") in settable else dotted
        if name in exchanged:
            continue
        term, rest = _split_term(dotted)
        if term in added:
            _put_anew(added[term], rest.replace("-", "_"), value)
            continue
        if name not in settable:
            setting = name_setting(recipe, dotted, asked_kinds(values))
            if setting is None:
                raise UsageError(
                    _of_other_kind(dotted, recipe, asked_kinds(values))
                    or _unknown(dotted, recipe, sorted(settable))
                )
            name = setting
        rival = _rival(name)
        if rival is not None and value is not None and rival not in values:
            _put(dumped, rival, None)
        _put(dumped, name, value)
    return parse_recipe(dumped)


def _exchange_parts(
    recipe: Recipe, values: Mapping[str, Any], dumped: dict[str, Any], settable: set[str]
) -> set[str]:
    """Puts parts of other kinds in place where `values` ask for them, and their fields among `settable`.

    Returns the fields `….kind` that this settles.
    """
    asked = asked_kinds(values)
    settled: set[str] = set()
    for place, part, kinds in exchangeable(recipe):
        kind = asked.get(place.replace("-", "_"), kind_of(type(part)))
        if kind == kind_of(type(part)):
            continue
        _put(dumped, place, exchange(part, kind, kinds))
        if kind not in kinds:
            parse_recipe(dumped)  # refuses it, and names the kinds that there are
        settable -= {name for name in settable if name.startswith(f"{place}.")}
        settable |= {f"{place}.{name}" for name in fields_of(kind, kinds)}
        settled.add(f"{place}.kind")
    return settled


def asked_kinds(values: Mapping[str, Any]) -> dict[str, Any]:
    """The kinds that values by dotted name ask for, by the part's place."""
    return {
        dotted.replace("-", "_").removesuffix(".kind"): value
        for dotted, value in values.items()
        if dotted.endswith(".kind")
    }


def fields_of_kinds(recipe: Recipe) -> list[str]:
    """The dotted names of all fields that the recipe's parts may have, of whatever kinds they are."""
    return [
        f"{place}.{name}"
        for place, _, kinds in exchangeable(recipe)
        for kind in kinds
        for name in fields_of(kind, kinds)
    ]


def _split_term(dotted: str) -> tuple[str, str]:
    """The term of a dotted name, and the field in it; nothing for what is no term's field."""
    first, _, rest = dotted.partition(".")
    term, _, field = rest.partition(".")
    return (term, field) if first == "terms" and field else ("", "")


def _added_terms(recipe: Recipe, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The terms that the recipe lacks and `values` give a loss; UsageError for one that is given none."""
    own = {term.name for term in recipe.terms} | {term.name.replace("_", "-") for term in recipe.terms}
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(_split_term(dotted)[0] for dotted in values):
        if not name or name in own:
            continue
        kind = values.get(f"terms.{name}.loss.kind", name)
        if kind == name and name not in LOSS_KINDS:
            near = did_you_mean(name, [*own, *LOSS_KINDS])
            raise UsageError(
                f"recipe {recipe.name!r} has no term {name}{near}; it has {', '.join(sorted(own))}. "
                f"To add one, use its loss's name ({', '.join(LOSS_KINDS)}) or give terms.{name}.loss.kind"
            )
        found[name] = {"name": name, "loss": {"kind": kind}}
    return found


def _put_anew(table: dict[str, Any], dotted: str, value: Any) -> None:
    """Sets a field of a term that is being added; the recipe's validation refuses what is none."""
    first, _, rest = dotted.partition(".")
    if rest and isinstance(table.setdefault(first, {}), dict):
        _put_anew(table[first], rest, value)
    else:
        table[first] = value


def _rival(dotted: str) -> str | None:
    """A weight takes a share's place, and a share a weight's."""
    stem, _, last = dotted.rpartition(".")
    rivals = {"weight": "share", "share": "weight"}
    is_weighed = stem == "adversarial" or (stem.startswith("terms.") and stem.count(".") == 1)
    return f"{stem}.{rivals[last]}" if is_weighed and last in rivals else None


def _put(dumped: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    place: Any = dumped
    for part in path:
        place = (
            next(term for term in place if term["name"] == part) if isinstance(place, list) else place[part]
        )
    place[last] = value


def _of_other_kind(dotted: str, recipe: Recipe, asked: Mapping[str, Any]) -> str:
    """Why a field cannot be set that only other kinds of its part have; nothing where none has it."""
    name = dotted.replace("-", "_")
    for place, part, kinds in exchangeable(recipe):
        field = name.removeprefix(f"{place.replace('-', '_')}.")
        having = [kind for kind in kinds if field in fields_of(kind, kinds)]
        if field != name and having:
            kind = asked.get(place.replace("-", "_"), kind_of(type(part)))
            return (
                f"recipe {recipe.name!r}: {place} is of kind {kind}, which has no field {field}; set "
                f"{place}.kind to one that has it ({', '.join(having)}), or leave it out"
            )
    return ""


def _unknown(dotted: str, recipe: Recipe, settable: list[str]) -> str:
    if dotted == "terms":
        return (
            f"terms of recipe {recipe.name!r} must be set one by one, such as terms.pixel.weight, "
            "not as a list"
        )
    hint = did_you_mean(dotted, settable)
    return f"recipe {recipe.name!r} has no field {dotted}{hint}; esrlab recipes {recipe.name} lists them"
