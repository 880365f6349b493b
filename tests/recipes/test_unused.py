"""Settings that do nothing are named: each by itself, and in a study only where they do nothing at all."""

from pathlib import Path

import pytest

from esrlab.cli.commands.study_run import name_idle
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import RECIPES, find_recipe
from esrlab.recipes.unused import idle_settings
from esrlab.study.demo import demo_study
from esrlab.study.spec import paper_study, parse_study, plan_runs


@pytest.mark.parametrize(
    ("name", "changes", "idle"),
    [
        ("psnr", {"optimiser.gamma": 0.1}, {"optimiser.gamma": "its schedule is cosine, not multi-step"}),
        (
            "wgan-vgg",
            {"optimiser.min_lr_ratio": 0.1},
            {"optimiser.min_lr_ratio": "its schedule is constant, not cosine"},
        ),
        ("psnr", {"optimiser.min_lr_ratio": 0.1}, {}),
        ("wgan-vgg", {"adversarial.clip": 0.05}, {}),
        ("wgan-vgg", {"adversarial.penalty": 1.0}, {"adversarial.penalty": "its loss is wgan, not wgan-gp"}),
        (
            "esrgan-vgg",
            {"adversarial.clip": 0.05},
            {"adversarial.clip": "its loss is relativistic-nolog, not wgan"},
        ),
        ("esrgan-vgg", {"adversarial.clip": 0.05, "adversarial.weight": 0}, {}),
    ],
)
def test_a_setting_that_does_nothing_is_named(
    name: str, changes: dict[str, object], idle: dict[str, str]
) -> None:
    assert idle_settings(with_fields(find_recipe(name), changes)) == idle


def test_no_recipe_or_study_of_ours_has_any() -> None:
    assert [idle_settings(recipe) for recipe in RECIPES] == [{}] * len(RECIPES)
    for study in (demo_study(), paper_study()):
        assert name_idle(study, plan_runs(study)) == []


def test_what_a_study_sets_in_all_recipes_may_be_meant_for_some() -> None:
    line = "adversarial.clip has no effect in esrgan-vgg: its loss is relativistic-nolog, not wgan"
    fields = {"adversarial.clip": 0.05}
    both = parse_study({"name": "s", "fields": fields, "recipes": {"wgan-vgg": {}, "esrgan-vgg": {}}})
    assert name_idle(both, plan_runs(both)) == []
    one = parse_study({"name": "s", "fields": fields, "recipes": {"esrgan-vgg": {}}})
    assert name_idle(one, plan_runs(one)) == [line]
    own = parse_study({"name": "s", "recipes": {"wgan-vgg": {}, "esrgan-vgg": fields}})
    assert name_idle(own, plan_runs(own)) == [line]


def test_the_commands_say_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from esrlab.cli.main import call

    empty, out = tmp_path / "empty", str(tmp_path / "out")
    empty.mkdir()
    for command in (["train", "psnr"], ["study", "paper", "--recipes", "psnr"]):
        assert call([*command, "--optimiser.gamma", "0.1", "--photos", str(empty), "--out", out]) != 0
        said = " ".join(capfd.readouterr().err.split())
        assert "optimiser.gamma has no effect in psnr: its schedule is cosine, not multi-step" in said
