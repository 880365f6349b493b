"""Recipes × scales × seeds: what a study asks for, as `study.toml` holds it, and the runs that makes."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from esrlab.core.metrics import BUILT_IN
from esrlab.core.named_files import names_file
from esrlab.core.tables import read_table
from esrlab.errors import UsageError, UserError
from esrlab.evaluation.metrics.any_metric import STANDARD, AnyMetric
from esrlab.evaluation.metrics.choice import describe, expand
from esrlab.evaluation.metrics.inputs import MetricPart
from esrlab.losses.inputs import FeatureWeights
from esrlab.recipes.overrides import leaves, with_fields
from esrlab.recipes.presets import PAPER, find_recipe, flatten, with_weighted_fields, with_weights
from esrlab.recipes.problems import explain
from esrlab.recipes.recipe import RUN_NAME, SEEDS, Recipe, Scale
from esrlab.statistics.claims import AskedClaim, refuse_unknown, refuse_unknown_families
from esrlab.study.data_choice import expand_data
from esrlab.study.names import require_free
from esrlab.study.sources import as_seen_from_here


class Study(BaseModel):
    """What was asked. `fields` are set in every recipe; `recipes` maps a name to what is special to it.

    `weights` sets the origin of all content networks' weights: real, student or untrained.

    A recipe's table may hold `base` (a named recipe or a file; its own name by default) and dotted fields;
    a list where the field holds one value is a sweep over it, and several sweeps are crossed.

    `metrics` are what is measured, names of kinds or tables with their settings; the standard ones where
    none is given.

    `claims` are the user's own, tested beside the paper's; they change nothing about the runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=RUN_NAME)
    photos: str | tuple[str, ...] = "samples"
    benchmarks: dict[str, str] = Field(default={"samples": "samples"}, min_length=1)
    scales: tuple[Scale, ...] = Field(default=(2, 3, 4), min_length=1)
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    weights: FeatureWeights = "real"
    fields: dict[str, Any] = {}
    recipes: dict[str, dict[str, Any]] = Field(min_length=1)
    metrics: tuple[AnyMetric, ...] = ()
    claims: tuple[AskedClaim, ...] = ()

    @field_validator("metrics", mode="before")
    @classmethod
    def _kinds_or_tables(cls, asked: Any) -> Any:
        return tuple(expand(asked)) if isinstance(asked, (list, tuple)) and asked else asked

    @field_serializer("metrics")
    def _without_defaults(self, metrics: tuple[MetricPart, ...]) -> list[dict[str, Any]]:
        return [part.model_dump(mode="json", exclude_none=True) for part in metrics]  # TOML has no null

    @field_validator("recipes")
    @classmethod
    def _names_are_free(cls, recipes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        require_free(recipes)
        return recipes

    @field_validator("scales", "seeds", mode="before")
    @classmethod
    def _whole_numbers(cls, values: Any) -> Any:
        wrong = (
            [each for each in values if type(each) is not int] if isinstance(values, (list, tuple)) else []
        )
        if wrong:
            raise ValueError(f"they must be whole numbers, not {wrong[0]!r}")
        return values

    @field_validator("scales", "seeds")
    @classmethod
    def _each_once(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(values)) < len(values):
            raise ValueError("a value is listed twice")
        if min(values) < 0 or max(values) >= SEEDS:
            raise ValueError(f"values must be 0 or more and below {SEEDS}")
        return values

    @field_validator("benchmarks")
    @classmethod
    def _plain_names(cls, benchmarks: dict[str, str]) -> dict[str, str]:
        bad = [name for name in benchmarks if not name.replace("-", "").replace("_", "").isalnum()]
        if bad:
            raise ValueError(f"a benchmark's name has letters, digits, - and _ only, not {bad[0]!r}")
        return benchmarks

    @model_validator(mode="after")
    def _claims_fit(self) -> Self:
        # A sweep's variants are known only to plan_runs; here a variant counts as its recipe.
        claims = [_as_unswept(claim, self.recipes) for claim in self.claims]
        refuse_unknown(claims, recipes=tuple(self.recipes), scales=self.scales)
        refuse_unknown_families(claims, BUILT_IN.joined(describe(self.measured)).families)
        return self

    @property
    def measured(self) -> tuple[MetricPart, ...]:
        """The metrics that it is to be scored by, as far as their weights are at hand."""
        return self.metrics or STANDARD


def _as_unswept(claim: AskedClaim, recipes: Iterable[str]) -> AskedClaim:
    def unswept(name: str) -> str:
        stem = name.split("+", 1)[0]
        return stem if stem in recipes and name not in recipes else name

    return claim.model_copy(update={"better": unswept(claim.better), "than": unswept(claim.than)})


@dataclass(frozen=True)
class PlannedRun:
    """One training of a study."""

    recipe: Recipe
    seed: int

    @property
    def name(self) -> str:
        """The run's folder."""
        return f"{self.recipe.name}-x{self.recipe.scale}-s{self.seed}"


def parse_study(asked: dict[str, Any], *, file: Path | None = None) -> Study:
    """Validates a study, that of `file`; raises UsageError naming every problem."""
    asked = expand_data(asked)
    fields = asked.get("fields", {})
    flat = {**asked, "fields": flatten(fields)} if isinstance(fields, dict) else asked
    try:
        return Study.model_validate(flat)
    except ValidationError as error:
        what = f"the study {file}" if file is not None else "the study"
        raise UsageError(explain(error, what=what, fields=flat, model=Study)) from error


def read_study(path: Path | str) -> Study:
    """Reads a study file, whose paths count from its own place; UsageError where it cannot."""
    path = Path(path)
    asked = as_seen_from_here(read_table(path, what="study"), path)
    return parse_study({"name": path.stem, **asked}, file=path)


def dump_study(study: Study) -> str:
    """The study as TOML that `read_study` reads back to an equal study."""
    return tomli_w.dumps(study.model_dump(mode="json"))


def paper_study() -> Study:
    """The paper's four recipes at its exact settings, three magnifications, three seeds."""
    return Study(name="paper", recipes={name: {} for name in PAPER})


def plan_runs(study: Study) -> tuple[PlannedRun, ...]:
    """Every run of the study, whole seeds first, so that a study cut short still compares all recipes.

    Raises UsageError when a recipe is unknown, a field is wrong, two variants get one name, or a claim
    speaks of a variant that there is not.
    """
    variants = [variant for name, asked in study.recipes.items() for variant in _variants(study, name, asked)]
    names = [recipe.name for recipe in variants]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two variants are called {twice[0]!r}; rename one of their tables")
    try:
        require_free(names)
        refuse_unknown(study.claims, recipes=names, scales=study.scales)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return tuple(
        PlannedRun(_at_scale(recipe, scale), seed)
        for seed in study.seeds
        for recipe in variants
        for scale in study.scales
    )


def _at_scale(recipe: Recipe, scale: int) -> Recipe:
    """The recipe at a magnification; "{scale}" in generator.init names a file for each."""
    start = recipe.generator.init.replace("{scale}", str(scale))
    return with_fields(recipe, {"scale": scale, "generator.init": start})


def _variants(study: Study, name: str, asked: dict[str, Any]) -> Iterator[Recipe]:
    if "scale" in study.fields or "scale" in asked:
        raise UsageError("a study sets magnifications for all its recipes together: scales = [2, 3, 4]")
    own = flatten({key: value for key, value in asked.items() if key != "base"})
    weighed = with_weights(find_recipe(str(asked.get("base", name))), study.weights)
    base = with_weighted_fields(weighed, {**study.fields, "name": name}, study.weights)
    is_tuple = {leaf.name: leaf.is_tuple for leaf in leaves(base)}
    swept = {
        field: values
        for field, values in own.items()
        if isinstance(values, list) and (not is_tuple.get(field) or _holds_lists(values))
    }
    fixed = {field: value for field, value in own.items() if field not in swept}
    for values in itertools.product(*swept.values()):
        chosen = dict(zip(swept, values, strict=True))
        suffix = "".join(f"+{field}={_as_name(_own_name(field, value))}" for field, value in chosen.items())
        changes = {**fixed, **chosen, "name": f"{name}{suffix}"}
        yield with_weighted_fields(base, changes, study.weights)


def _holds_lists(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, list) for value in values)


def _own_name(field: str, value: Any) -> Any:
    """A file's own name, wherever it is, so that a study's copies of files change no variant's name."""
    return Path(value).name if names_file(field) and isinstance(value, str) else value


def _as_name(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in text)


def read_asked(folder: Path) -> Study:
    """The study that a study's folder holds; raises UserError when it holds none."""
    path = folder / "study.toml"
    if not path.is_file():
        raise UserError(
            f"{folder} holds no study (no study.toml); run esrlab study with --out {folder} first"
        )
    return read_study(path)
