"""Recipes name every problem before anything is loaded, and survive JSON, TOML and dotted replacement."""

import json
from pathlib import Path

import pytest
import tomli_w

from esrlab.errors import UsageError
from esrlab.losses.pixel import L1
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.recipes.overrides import leaves, with_fields
from esrlab.recipes.presets import PAPER, RECIPES, find_recipe, with_weights
from esrlab.recipes.recipe import Recipe, Term, parse_recipe

MINIMAL = {"name": "mine", "terms": [{"name": "pixel", "weight": 1, "loss": {"kind": "l1"}}]}


def test_the_papers_recipes_come_first_at_its_settings() -> None:
    assert PAPER == ("wgan-vgg", "esrgan-vgg", "wgan-vgg-tv", "wgan-resnet")
    for name in PAPER:
        recipe = find_recipe(name)
        assert (recipe.patches.lr_size, recipe.patches.batch, recipe.steps) == (32, 16, 5000)
        assert (recipe.optimiser.learning_rate, recipe.optimiser.betas) == (1e-4, (0.0, 0.9))
        shape = recipe.generator
        assert shape == RRDBGenerator(features=64, growth=32, blocks=23, init="random")
        assert recipe.adversarial is not None
        assert recipe.adversarial.weight == 5e-3
        weights = {term.name: term.weight for term in recipe.terms}
        assert weights["content"] == 1
        assert weights["pixel"] == 1e-2
    games = [find_recipe(name).adversarial.loss for name in PAPER]  # pyright: ignore[reportOptionalMemberAccess]
    assert games == ["wgan", "relativistic-nolog", "wgan", "wgan"]


def test_one_thing_changes_at_a_time() -> None:
    base = find_recipe("wgan-vgg").model_dump()
    for name in PAPER[1:]:
        other = find_recipe(name).model_dump()
        changed = [key for key in base if base[key] != other[key] and key not in ("name", "about")]
        assert len(changed) == 1, changed


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_recipes_survive_json_and_toml(recipe: Recipe, tmp_path: Path) -> None:
    assert parse_recipe(json.loads(recipe.model_dump_json())) == recipe
    path = tmp_path / "recipe.toml"
    path.write_text(tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True)))
    assert find_recipe(str(path)) == recipe
    path = tmp_path / "recipe.json"
    path.write_text(recipe.model_dump_json())
    assert find_recipe(str(path)) == recipe


def test_every_problem_is_named_at_once() -> None:
    fields = {
        **MINIMAL,
        "scale": 5,
        "steps": 0,
        "generator": {"blocks": 0, "colour": "red"},
        "terms": [{"name": "c", "weight": -1, "loss": {"kind": "content", "layers": {"conv9_9": 1.0}}}],
    }
    with pytest.raises(UsageError) as caught:
        parse_recipe(fields)
    for part in (
        "scale",
        "given: 5",
        "steps",
        "generator.blocks",
        "generator.colour",
        "terms.c.weight",
        "terms.c.loss.layers",
        "conv9_9",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"terms": []}, "learn nothing"),
        ({"terms": [{"name": "a", "weight": 0, "loss": {"kind": "l1"}}]}, "learn nothing"),
        ({"terms": MINIMAL["terms"] * 2}, "two terms are called 'pixel'"),
        (
            {"terms": [{"name": "adversarial", "weight": 1, "loss": {"kind": "l1"}}]},
            "the adversarial loss's name",
        ),
        ({"adversarial": {"loss": "wgan-gp"}}, "batch norm couples the samples"),
        ({"adversarial": {}, "scale": 2, "patches": {"lr_size": 12}}, "patches.lr_size to 16 or more"),
        (
            {"terms": [{"name": "structure", "weight": 1, "loss": {"kind": "ms-ssim"}}]},
            r"term structure: MS-SSIM needs images of at least 161×161 px, not 128×128: .*fewer scales.*"
            r"\(patches.lr_size 32 × scale 4\)",
        ),
        ({"name": "../escape"}, "name"),
        ({"optimiser": {"betas": [0.0, 1.0]}}, "optimiser.betas"),
        ({"optimiser": {"learning_rate": float("nan")}}, "finite"),
    ],
)
def test_what_does_not_hang_together_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_recipe({**MINIMAL, **changes})


def test_recipes_are_frozen() -> None:
    recipe = find_recipe("psnr")
    with pytest.raises(ValueError, match="frozen"):
        recipe.steps = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_fields_are_replaced_by_dotted_name_and_validated() -> None:
    recipe = find_recipe("wgan-vgg-tv")
    changed = with_fields(
        recipe,
        {
            "patches.lr-size": 16,
            "terms.tv.weight": 0.5,
            "terms.content.loss.layers": "conv2_2",
            "optimiser.betas": [0, 0.5],
        },
    )
    assert changed.patches.lr_size == 16
    assert {term.name: term.weight for term in changed.terms}["tv"] == 0.5
    assert changed.optimiser.betas == (0.0, 0.5)
    assert "conv2_2" in changed.label
    assert recipe.patches.lr_size == 32
    with pytest.raises(UsageError, match=r"no field generator\.block \(did you mean generator\.blocks"):
        with_fields(recipe, {"generator.block": 3})
    with pytest.raises(UsageError, match="scale"):
        with_fields(recipe, {"scale": 5})


def test_setting_every_field_to_its_own_value_changes_nothing() -> None:
    for recipe in RECIPES:
        dumped = {leaf.name: leaf.value for leaf in leaves(recipe)}
        assert with_fields(recipe, dumped) == recipe
        assert {"generator.blocks", "patches.batch", "scale", "steps", "terms.pixel.weight"} <= dumped.keys()
        described = [leaf for leaf in leaves(recipe) if not leaf.name.startswith("terms.")]
        assert all(leaf.description for leaf in described)


def test_a_misspelt_recipe_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean wgan-resnet"):
        find_recipe("wgan-resnt")
    with pytest.raises(UsageError, match="cannot read"):
        find_recipe("absent.toml")


def test_a_recipe_file_may_build_on_a_named_one(tmp_path: Path) -> None:
    path = tmp_path / "gentle.toml"
    path.write_text('base = "wgan-vgg"\nsteps = 7\n[generator]\nblocks = 2\n[terms.content]\nweight = 0.5\n')
    recipe = find_recipe(str(path))
    assert (recipe.name, recipe.steps, recipe.generator.shape["blocks"]) == ("gentle", 7, 2)
    assert recipe.terms[0].weight == 0.5
    path.write_text(
        'base = "psnr"\nname = "own"\n[adversarial]\nloss = "hinge"\n[adversarial.critic]\nfeatures = 8\n'
        "[terms.pixel]\nweight = 0.1\n[terms.edges]\nweight = 2\n"
        'loss.kind = "custom"\nloss.file = "mine.py"\n'
    )
    grown = find_recipe(str(path))
    assert [(term.name, term.weight) for term in grown.terms] == [("pixel", 0.1), ("edges", 2.0)]
    assert grown.adversarial is not None
    assert (grown.adversarial.loss, grown.adversarial.critic.features) == ("hinge", 8)
    path.write_text("steps = [")
    with pytest.raises(UsageError, match="not valid TOML"):
        find_recipe(str(path))


def test_labels_say_where_content_weights_come_from() -> None:
    named = find_recipe("wgan-vgg")
    assert named.label == "WGAN + VGG19 conv5_4"
    assert with_weights(named, "untrained").label == "WGAN + VGG19 conv5_4 (untrained)"
    assert with_weights(named, "student").label == "WGAN + VGG (student)"
    assert with_weights(find_recipe("wgan-resnet"), "student").label == "WGAN + residual (student)"
    assert with_weights(find_recipe("psnr"), "student") == find_recipe("psnr")
    with pytest.raises(UsageError, match="vgg-student is a student"):
        with_weights(with_weights(named, "student"), "real")
    assert find_recipe("wgan-vgg-tv").label.endswith("+ TV")
    assert find_recipe("psnr").label == "L1"
    silent = Term(name="tv", weight=0, loss=L1())
    assert Recipe(name="x", terms=(*find_recipe("psnr").terms, silent)).label == "L1"


def test_a_game_of_weight_0_is_none_and_names_nothing() -> None:
    named = find_recipe("wgan-vgg")
    without = with_fields(named, {"adversarial.weight": 0, "adversarial.start_step": 10**6})
    assert without.adversarial is not None
    assert without.active_adversarial is None
    assert list(without.active_terms) == ["content", "pixel"]
    assert named.active_adversarial is named.adversarial
    assert "WGAN" not in without.label
    assert f"WGAN + {without.label}" == named.label
    assert with_fields(without, {"patches.lr_size": 8}).hr_size == 32, "no critic needs larger patches"
