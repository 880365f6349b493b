"""The named recipes, the paper's four first, in one readable table.

The paper's: Miao Pan, "Effect Analysis of Loss Function for Image Super-Resolution Based on Improved
ESRGAN" (DAML 2023): RRDB-23, 32×32 LR patches, batch 16, Adam 1e-4 with betas (0, 0.9), 5,000 steps.
It names neither layers nor weights; those are ours (docs/decisions/0003-what-the-paper-leaves-open.md).
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from esrlab.core.named_files import found_from, map_files
from esrlab.core.nearest import did_you_mean
from esrlab.core.tables import read_table
from esrlab.errors import UsageError
from esrlab.losses.adversarial import AdversarialLossName
from esrlab.losses.content import Content
from esrlab.losses.inputs import FeatureWeights
from esrlab.losses.pixel import L1
from esrlab.losses.variation import TotalVariation
from esrlab.models.critics.vgg import VGGStyle
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.recipes.kept_files import is_run
from esrlab.recipes.optimisers.adam import Adam
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.parts import Adversarial, Term
from esrlab.recipes.recipe import Recipe, parse_recipe

PIXEL = Term(name="pixel", weight=1e-2, loss=L1())
VGG = Term(name="content", weight=1.0, loss=Content(network="vgg19", layers={"conv5_4": 1.0}))
RESNET = Term(name="content", weight=1.0, loss=Content(network="resnet50", layers={"layer3": 1.0}))
TV = Term(name="tv", weight=1e-4, loss=TotalVariation(beta=2.0))


def _gan(
    name: str, about: str, loss: AdversarialLossName, *terms: Term, critic: VGGStyle | None = None
) -> Recipe:
    adversarial = Adversarial(loss=loss, critic=critic or VGGStyle())
    return Recipe(name=name, about=about, terms=(*terms, PIXEL), adversarial=adversarial)


NO_BATCH_NORM = VGGStyle(norm="layer")

RECIPES: tuple[Recipe, ...] = (
    _gan("wgan-vgg", "the paper's baseline", "wgan", VGG),
    _gan("esrgan-vgg", "the paper's ESRGAN loss (logarithms removed), Table 1", "relativistic-nolog", VGG),
    _gan("wgan-vgg-tv", "the baseline with total variation, Table 2", "wgan", VGG, TV),
    _gan("wgan-resnet", "the baseline with ResNet content, Table 3", "wgan", RESNET),
    _gan(
        "esrgan-log-vgg", "ESRGAN's adversarial loss as published, with its logarithms", "relativistic", VGG
    ),
    _gan(
        "esrgan-raw-vgg", "ESRGAN's adversarial loss without logarithm and sigmoid", "relativistic-raw", VGG
    ),
    _gan("wgan-gp-vgg", "WGAN with a gradient penalty", "wgan-gp", VGG, critic=NO_BATCH_NORM),
    _gan("vanilla-vgg", "SRGAN's non-saturating adversarial loss", "vanilla", VGG),
    _gan("lsgan-vgg", "least squares", "lsgan", VGG),
    _gan("hinge-vgg", "the hinge adversarial loss", "hinge", VGG),
    Recipe(
        name="psnr",
        about="pixel loss (L1) alone: the generator that GAN trainings start from",
        terms=(Term(name="pixel", weight=1.0, loss=L1()),),
        generator=RRDBGenerator(ema_decay=0.999),
        optimiser=Adam(learning_rate=2e-4, betas=(0.9, 0.99), schedule="cosine"),
    ),
)

_NAMES = frozenset(recipe.name for recipe in RECIPES)

RECIPE_FILES = (".toml", ".json")
"""Endings of recipe files."""

LONGEST_CHAIN = 20
"""Bases of bases that a recipe file may rest on."""

PAPER = tuple(recipe.name for recipe in RECIPES[:4])


def find_recipe(name: str) -> Recipe:
    """The recipe of this name, or in this .toml or .json file; UsageError suggests the nearest name.

    A run's recipe.json is such a file too. Files and bases that a file names are found from its own place.
    """
    return _find_recipe(name, within=())


def _find_recipe(name: str, *, within: tuple[Path, ...]) -> Recipe:
    """`within`: the recipe files that led here, each by the base that the one before it names."""
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    if name.endswith(RECIPE_FILES):
        return _read_recipe(Path(name), within=within)
    names = [recipe.name for recipe in RECIPES]
    place = f" (the base of {within[-1]})" if within else ""
    raise UsageError(
        f"there is no recipe {name!r}{place}{did_you_mean(name, names)}; there are {', '.join(names)}; "
        "or give a .toml file"
    )


def _read_recipe(path: Path, *, within: tuple[Path, ...]) -> Recipe:
    """A recipe file: either every field, or `base = "<name>"` with dotted fields that differ."""
    if path.resolve() in [each.resolve() for each in within]:
        circle = " → ".join(map(str, (*within, path)))
        raise UsageError(
            f"the recipe {path} is its own base ({circle}); give one of them another base,  "
            "or leave base out and give every field"
        )
    if len(within) >= LONGEST_CHAIN:
        raise UsageError(f"the recipe {within[0]} has a chain of more than {LONGEST_CHAIN} bases; use fewer")
    fields = _as_seen_from_here(read_table(path, what="recipe"), path)
    fields.setdefault("name", path.stem)
    if "base" not in fields:
        return parse_recipe(fields, file=path)
    base = fields.pop("base")
    if not isinstance(base, str):
        raise UsageError(
            f"the recipe {path}: base must be a recipe's name or file, in quotes, not {base!r:.80}"
        )
    if is_recipe_file(base):
        base = found_from(path.parent, base)
    found = _find_recipe(base, within=(*within, path))
    try:
        return with_fields(*_with_adversarial(found, fields))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _as_seen_from_here(table: dict[str, Any], path: Path) -> dict[str, Any]:
    """A recipe file's fields, also those in a run's recipe.json; files that it names count from its place."""
    fields = table["recipe"] if is_run(table) else table
    return map_files(fields, lambda named: found_from(path.parent, named))


def is_recipe_file(base: str) -> bool:
    """Whether a base is a file, and no named recipe."""
    return base not in _NAMES and base.endswith(RECIPE_FILES)


def _with_adversarial(base: Recipe, fields: dict[str, Any]) -> tuple[Recipe, dict[str, Any]]:
    """The base with the adversarial loss that only the file has, and the fields that are left to set, by
    dotted name.
    """
    if base.adversarial is not None or not isinstance(fields.get("adversarial"), dict):
        return base, flatten(fields)
    others = {key: value for key, value in fields.items() if key != "adversarial"}
    return parse_recipe({**base.model_dump(), "adversarial": fields["adversarial"]}), flatten(others)


def with_weights(recipe: Recipe, weights: FeatureWeights, *, terms: Collection[str] | None = None) -> Recipe:
    """A copy whose losses' networks carry weights of this origin; UsageError names what cannot.

    terms: the names of those that are meant, all where it is None.
    """
    try:
        changed = [
            term.model_copy(update={"loss": term.loss.with_weights(weights)})
            if terms is None or term.name in terms
            else term
            for term in recipe.terms
        ]
    except ValueError as error:
        raise UsageError(f"recipe {recipe.name!r}: {error}") from error
    return parse_recipe({**recipe.model_dump(), "terms": [term.model_dump() for term in changed]})


def with_weighted_fields(recipe: Recipe, values: Mapping[str, Any], weights: FeatureWeights) -> Recipe:
    """`with_fields`, where the networks of terms that are added by it carry weights of this origin.

    Those that were there, and those whose `loss.weights` is among the values, stay as they are.
    """
    changed = with_fields(recipe, values)
    own = {term.name for term in recipe.terms}
    told = {term.name for term in changed.terms if f"terms.{term.name}.loss.weights" in values}
    added = {term.name for term in changed.terms} - own - told
    return with_weights(changed, weights, terms=added) if added else changed


def flatten(fields: dict[str, Any], *, prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted names; a table of layers (`loss.layers`) stays one value."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict) and not dotted.endswith("layers"):
            flat |= flatten(value, prefix=f"{dotted}.")
        else:
            flat[dotted] = value
    return flat


def with_choices(recipe: Recipe, fields: Mapping[str, Any], weights: FeatureWeights | None) -> Recipe:
    """The recipe with fields by dotted name, and all losses' weights where they are chosen.

    Raises UsageError for a field that there is not.
    """
    if weights is None:
        return with_fields(recipe, fields)
    return with_weighted_fields(with_weights(recipe, weights), fields, weights)
