"""Settings of a user's own loss: in files, on the command line, in a study's sweep."""

import json
from pathlib import Path

import pytest

from esrlab.cli.commands.options import add_fields, chosen_fields
from esrlab.cli.main import call
from esrlab.cli.parsing import Parser
from esrlab.errors import UsageError
from esrlab.losses.custom import Custom
from esrlab.recipes.overrides import leaves, with_fields
from esrlab.recipes.presets import find_recipe, with_weights
from esrlab.recipes.recipe import Recipe, parse_recipe
from esrlab.study.spec import dump_study, plan_runs, read_study

CODE = "def loss(sr, hr, eps=0.1, way='l1'):\n    return ((sr - hr) ** 2 + eps**2).sqrt().mean()\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "own.toml").write_text(
        'terms = [{name = "my-own", weight = 1, loss = {kind = "custom", file = "mine.py", eps = 0.2}}]\n'
        "steps = 2\n[generator]\nblocks = 1\nfeatures = 8\ngrowth = 4\n[patches]\nbatch = 2\nlr_size = 16\n"
    )
    return find_recipe(str(tmp_path / "own.toml"))


def loss_of(recipe: Recipe) -> Custom:
    loss = recipe.terms[0].loss
    assert isinstance(loss, Custom)
    return loss


def from_command_line(recipe: Recipe, *arguments: str) -> Recipe:
    parser = Parser()
    add_fields(parser, recipe, arguments)
    return with_fields(recipe, chosen_fields(parser.parse_args(list(arguments))))


def test_a_files_settings_are_fields_and_stay_through_json(recipe: Recipe) -> None:
    assert loss_of(recipe).settings == {"eps": 0.2}
    assert {leaf.name: leaf.value for leaf in leaves(recipe)}["terms.my-own.loss.eps"] == 0.2
    again = parse_recipe(json.loads(recipe.model_dump_json()))
    assert again == recipe
    assert loss_of(with_weights(recipe, "student")).settings == {"eps": 0.2}
    assert "mine.loss (eps=0.2)" in recipe.label


def test_they_are_set_by_dotted_name_also_those_that_were_not_there(recipe: Recipe) -> None:
    changed = with_fields(recipe, {"terms.my-own.loss.eps": 0.3, "terms.my-own.loss.way": "l2"})
    assert loss_of(changed).settings == {"eps": 0.3, "way": "l2"}
    with pytest.raises(UsageError, match="the setting eps is"):
        with_fields(recipe, {"terms.my-own.loss.eps": [1]})
    with pytest.raises(UsageError, match=r"has no field terms\.my-own\.eps"):
        with_fields(recipe, {"terms.my-own.eps": 1})


def test_the_command_line_sets_them(recipe: Recipe) -> None:
    chosen = from_command_line(recipe, "--terms.my-own.loss.eps", "0.5", "--terms.my-own.loss.way=l2")
    assert loss_of(chosen).settings == {"eps": 0.5, "way": "l2"}
    named = from_command_line(recipe, "--terms.my-own.loss.is-on", "true", "--terms.my-own.loss.is_off=false")
    assert loss_of(named).settings == {"eps": 0.2, "is_on": True, "is_off": False}


def test_a_term_that_becomes_custom_or_is_added_takes_them_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(CODE)
    arguments = ("--terms.pixel.loss.kind", "custom", "--terms.pixel.loss.file", str(file))
    chosen = from_command_line(find_recipe("psnr"), *arguments, "--terms.pixel.loss.eps", "1e-3")
    assert loss_of(chosen).settings == {"eps": 1e-3}
    new = ("--terms.n.loss.kind", "custom", "--terms.n.loss.file", str(file), "--terms.n.weight", "1")
    added = from_command_line(find_recipe("psnr"), *new, "--terms.n.loss.eps", "0.25").terms[-1].loss
    assert isinstance(added, Custom)
    assert added.settings == {"eps": 0.25}


def test_a_sweep_over_one_makes_variants_that_tables_tell_apart(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "study.toml").write_text(
        'scales = [2]\nseeds = [0]\n[recipes.own]\nbase = "own.toml"\n"terms.my-own.loss.eps" = [0.1, 0.4]\n'
    )
    study = read_study(tmp_path / "study.toml")
    runs = plan_runs(study)
    assert [loss_of(run.recipe).settings["eps"] for run in runs] == [0.1, 0.4]
    assert [run.recipe.label for run in runs] == ["mine.loss", "mine.loss (eps=0.4)"]
    assert len({run.name for run in runs}) == 2
    (tmp_path / "again.toml").write_text(dump_study(study))
    again = read_study(tmp_path / "again.toml")
    assert [loss_of(run.recipe).settings for run in plan_runs(again)] == [{"eps": 0.1}, {"eps": 0.4}]
    del recipe


def test_a_training_with_one_and_one_that_there_is_not(
    tmp_path: Path, recipe: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["train", str(tmp_path / "own.toml"), "--validation", "none", "--quiet", "--device", "cpu"]
    out = ["--out", str(tmp_path / "run")]
    assert call([*asked, *out, "--terms.my-own.loss.epz", "1"]) == 1
    said = " ".join("".join(capsys.readouterr()).split())
    assert "has no setting 'epz' (did you mean eps?); it has eps, way" in said
    assert call([*asked, *out, "--terms.my-own.loss.eps", "0.3"]) == 0
    about = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert about["recipe"]["terms"][0]["loss"]["eps"] == 0.3
    del recipe
