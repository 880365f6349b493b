"""The generators that come with the package: they load, are small, and trainings begin from them by name."""

from pathlib import Path

import pytest
import torch

from esrlab.core.named_files import map_files
from esrlab.errors import UsageError
from esrlab.models import generator_files
from esrlab.models.generator_files import load_generator, save_generator, start_from
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.models.shipped import shipped_models
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe
from esrlab.study.spec import Study, plan_runs

MODELS = shipped_models()


@pytest.mark.parametrize("name", MODELS)
def test_a_shipped_model_is_of_its_names_scale_and_small(name: str) -> None:
    network = load_generator(MODELS[name])
    assert name.endswith(f"-x{network.scale}")
    assert MODELS[name].stat().st_size < 1.5e6


@pytest.mark.parametrize("name", MODELS)
def test_a_shipped_model_keeps_an_even_grey(name: str) -> None:
    network = load_generator(MODELS[name])
    sr = network(torch.full((1, 3, 24, 24), 0.5))[..., 20:-20, 20:-20]
    assert (sr - 0.5).abs().max() < 0.02


def test_a_training_begins_from_a_shipped_model_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = RRDBGenerator(features=8, growth=4, blocks=1)
    trained = part.build(scale=2)
    save_generator(trained, tmp_path / "small-x2.safetensors", about={})
    monkeypatch.setattr(
        generator_files, "shipped_models", lambda: {"small-x2": tmp_path / "small-x2.safetensors"}
    )
    network = part.build(scale=2)
    assert start_from(network, "small-x2").startswith("small-x2.safetensors, sha256 ")
    assert torch.equal(network.state_dict()["conv_hr.weight"], trained.state_dict()["conv_hr.weight"])


def test_a_recipe_takes_a_shipped_models_name_and_no_other() -> None:
    recipe = find_recipe("psnr")
    assert with_fields(recipe, {"generator.init": "faithful-x2"}).generator.init == "faithful-x2"
    with pytest.raises(UsageError, match=r"or a shipped model's name: .*faithful-x2"):
        with_fields(recipe, {"generator.init": "faithful-x9"})


def test_a_study_takes_a_shipped_model_for_each_scale() -> None:
    study = Study(
        name="by-name",
        recipes={"psnr": {"generator.kind": "compact"}},
        scales=(2,),
        seeds=(0,),
        fields={"generator.init": "faithful-x{scale}"},
    )
    assert [run.recipe.generator.init for run in plan_runs(study)] == ["faithful-x2"]


def test_a_shipped_models_name_is_no_path() -> None:
    named = {"generator": {"init": "faithful-x2"}}
    assert map_files(named, lambda path: f"elsewhere/{path}") == named
    own = {"generator.init": "x2.pth"}
    assert map_files(own, lambda path: f"elsewhere/{path}") == {"generator.init": "elsewhere/x2.pth"}
