"""A study is what was asked, whole and checked before anything runs; sweeps multiply its recipes."""

from datetime import date
from pathlib import Path

import pytest

from esrlab.cli.commands.study import chosen_seeds
from esrlab.cli.main import call
from esrlab.errors import UsageError
from esrlab.recipes.presets import PAPER
from esrlab.statistics.claim_register import dated_claims
from esrlab.statistics.claims import read_claims
from esrlab.study.demo import demo_study
from esrlab.study.folder import claim_folder
from esrlab.study.spec import Study, dump_study, paper_study, parse_study, plan_runs, read_study

CLAIM: dict[str, object] = {"id": "mine", "words": "w", "better": "wgan-vgg", "than": "tv", "scales": [2]}

SWEEP = """
scales = [2, 4]
seeds = [0, 7]
[benchmarks]
Set5 = "somewhere"
[fields]
steps = 9
generator.blocks = 2
[recipes.wgan-vgg]
[recipes.tv]
base = "wgan-vgg-tv"
"terms.tv.weight" = [1e-5, 0.1]
"terms.tv.loss.beta" = [1.0, 2.0]
"optimiser.betas" = [0.5, 0.9]
"""


def test_the_papers_study_is_its_four_recipes_at_three_scales() -> None:
    runs = plan_runs(paper_study())
    assert len(runs) == 4 * 3 * 3
    assert {run.recipe.name for run in runs} == set(PAPER)
    assert all(run.recipe.steps == 5000 for run in runs)
    assert [run.seed for run in runs] == [0] * 12 + [1] * 12 + [2] * 12, "whole seeds first"


def test_the_demo_is_all_recipes_all_scales_two_seeds() -> None:
    runs = plan_runs(demo_study())
    assert len({run.name for run in runs}) == len(runs) == 24


def test_lists_are_sweeps_and_cross(tmp_path: Path) -> None:
    path = tmp_path / "my-sweep.toml"
    path.write_text(SWEEP)
    study = read_study(path)
    assert study.name == "my-sweep"
    runs = plan_runs(study)
    names = list(dict.fromkeys(run.recipe.name for run in runs))
    assert names == [
        "wgan-vgg",
        "tv+terms.tv.weight=1e-05+terms.tv.loss.beta=1",
        "tv+terms.tv.weight=1e-05+terms.tv.loss.beta=2",
        "tv+terms.tv.weight=0.1+terms.tv.loss.beta=1",
        "tv+terms.tv.weight=0.1+terms.tv.loss.beta=2",
    ]
    assert len(runs) == 5 * 2 * 2
    for run in runs:
        assert (run.recipe.steps, run.recipe.generator.shape["blocks"]) == (9, 2)
        swept = run.recipe.name != "wgan-vgg"
        assert run.recipe.optimiser.betas == ((0.5, 0.9) if swept else (0.0, 0.9)), (
            "a tuple's list is no sweep"
        )
    assert runs[0].name == "wgan-vgg-x2-s0"


def test_what_was_asked_survives_the_file(tmp_path: Path) -> None:
    for study in (paper_study(), demo_study()):
        (tmp_path / "study.toml").write_text(dump_study(study))
        assert read_study(tmp_path / "study.toml") == study


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"recipes": {}}, "recipes"),
        ({"recipes": {"wgan-vgg": {}}, "scales": [2, 5]}, r"scales\.1"),
        ({"recipes": {"wgan-vgg": {}}, "seeds": [1, 1]}, "listed twice"),
        ({"recipes": {"wgan-vgg": {}}, "seeds": [-1]}, "0 or more"),
        ({"recipes": {"wgan-vgg": {}}, "benchmarks": {"a/b": "x"}}, "letters, digits"),
        ({"recipes": {"wgan-vgg": {}}, "recipe": "x"}, "recipe"),
    ],
)
def test_a_study_that_cannot_be_is_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_study({"name": "s", **asked})


@pytest.mark.parametrize(
    ("recipes", "message"),
    [
        ({"wgan-vg": {}}, "did you mean wgan-vgg"),
        ({"wgan-vgg": {"generator.block": 3}}, r"generator\.blocks"),
        ({"wgan-vgg": {"patches.lr_size": [16, 4]}}, r"patches\.lr_size"),
        ({"wgan-vgg": {"steps": [3, 3]}}, "two variants"),
        ({"wgan-vgg": {"scale": [2, 4]}}, "scales = "),
    ],
)
def test_a_wrong_recipe_is_found_before_anything_runs(recipes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_runs(parse_study({"name": "s", "recipes": recipes}))


def claiming(*claims: dict[str, object], sweep: bool = False) -> Study:
    tv: dict[str, object] = {"base": "wgan-vgg-tv"}
    if sweep:
        tv["terms.tv.weight"] = [1e-5, 0.1]
    recipes: dict[str, object] = {"wgan-vgg": {}, "tv": tv}
    return parse_study({"name": "s", "scales": [2, 4], "recipes": recipes, "claims": list(claims)})


def test_claims_of_ones_own_survive_the_file_and_change_no_run(tmp_path: Path) -> None:
    study = claiming(
        CLAIM, {**CLAIM, "id": "other", "better": "tv-cascade", "scales": [4], "metrics": ["PSNR"]}
    )
    path = tmp_path / "study.toml"
    path.write_text(dump_study(study))
    assert read_study(path) == study
    assert plan_runs(study) == plan_runs(claiming())
    claims = read_claims(tmp_path)
    assert [claim.id for claim in claims] == ["mine", "other"]
    assert [(part.recipe, part.rival, part.scale, part.metric) for part in claims[1].parts()] == [
        ("tv-cascade", "tv", 4, "PSNR")
    ]
    assert len(claims[0].parts()) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"than": "wgan-resnet"}, "no recipe 'wgan-resnet'; it has wgan-vgg, tv, bicubic"),
        ({"scales": [3]}, "no scale 3, only 2, 4; add it to the study's scales"),
        (
            {"metrics": ["psnr"]},
            "metrics should be of PSNR, SSIM, LPIPS, not 'psnr' .did you mean PSNR",
        ),
        ({"id": "A1"}, "A1 is the id of one of the paper's claims"),
        ({"than": "wgan-vgg"}, "give two recipes"),
        ({"than": "wgan-vgg-cascade"}, r"set scales = \[4\]"),
        ({"scales": [2, 2]}, "listed twice"),
        ({"worse": "tv"}, "claims.0.worse"),
    ],
)
def test_a_claim_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        claiming({**CLAIM, **change})


def test_claims_have_names_of_their_own() -> None:
    with pytest.raises(UsageError, match="two claims are called 'mine'"):
        claiming(CLAIM, CLAIM)


def test_a_claim_about_a_sweep_names_a_variant() -> None:
    known = claiming({**CLAIM, "than": "tv+terms.tv.weight=0.1"}, sweep=True)
    assert len(plan_runs(known)) == 3 * 2 * 3
    with pytest.raises(UsageError, match=r"no recipe 'tv'; it has wgan-vgg, tv\+terms\.tv\.weight=1e-05"):
        plan_runs(claiming(CLAIM, sweep=True))
    with pytest.raises(UsageError, match=r"no recipe 'tv\+terms\.tv\.weight=0\.5'"):
        plan_runs(claiming({**CLAIM, "than": "tv+terms.tv.weight=0.5"}, sweep=True))


def test_claims_may_be_added_to_a_study_that_has_begun(tmp_path: Path) -> None:
    claim_folder(claiming(), tmp_path, manifest={"metrics": [], "runs": [], "degradations": {}})
    claim_folder(claiming(CLAIM), tmp_path, manifest={"metrics": [], "runs": [], "degradations": {}})
    assert [claim.id for claim in read_claims(tmp_path)] == ["mine"]
    claim_folder(claiming(), tmp_path, manifest={"metrics": [], "runs": [], "degradations": {}})
    assert [claim.id for claim in read_claims(tmp_path)] == ["mine"], "none asked for, none taken away"


def test_a_claim_added_once_a_run_has_scores_is_exploratory(tmp_path: Path) -> None:
    claim_folder(claiming(CLAIM), tmp_path, manifest={"metrics": [], "runs": [], "degradations": {}})
    (tmp_path / "runs" / "wgan-vgg-x2-s0").mkdir(parents=True)
    (tmp_path / "runs" / "wgan-vgg-x2-s0" / "scores.jsonl").touch()
    renamed, other = {**CLAIM, "id": "same"}, {**CLAIM, "id": "other", "metrics": ["PSNR"]}
    claim_folder(claiming(renamed, other), tmp_path, manifest={"metrics": [], "runs": [], "degradations": {}})
    found = {claim.id: claim.exploratory for claim in dated_claims(tmp_path, has_results=True)}
    assert found["same"] == "", "called otherwise, it compares what it did"
    assert date.fromisoformat(found["other"])


def test_a_start_may_name_a_file_for_each_scale() -> None:
    study = parse_study(
        {
            "name": "warm",
            "scales": [2, 4],
            "seeds": [0],
            "fields": {"generator.init": "starts/psnr-x{scale}.safetensors"},
            "recipes": {"psnr": {}},
        }
    )
    starts = [run.recipe.generator.init for run in plan_runs(study)]
    assert starts == ["starts/psnr-x2.safetensors", "starts/psnr-x4.safetensors"]


def test_claims_about_what_the_command_line_leaves_out_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "two.toml"
    claims = "".join(
        f'[[claims]]\nid = "{name}"\nwords = "w"\nbetter = "{better}"\nthan = "bicubic"\nscales = [{scale}]\n'
        for name, better, scale in (
            ("kept", "wgan-vgg", 2),
            ("other-scale", "wgan-vgg", 4),
            ("other-recipe", "psnr", 2),
            ("cascade", "wgan-vgg-cascade", 4),
        )
    )
    file.write_text(f"scales = [2, 4]\n[recipes.wgan-vgg]\n[recipes.psnr]\n{claims}")
    (tmp_path / "none").mkdir()
    asked = ["study", str(file), "--recipes", "wgan-vgg", "--scales", "2"]
    assert call([*asked, "--photos", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) != 0
    said = " ".join(capsys.readouterr().err.split())
    assert "left out: other-scale, other-recipe, cascade" in said
    assert "not valid" not in said


@pytest.mark.parametrize(
    ("given", "seeds"),
    [([2], [7, 5]), ([5], [7, 5, 6, 0, 1]), ([0], [0]), ([2, 3], [2, 3]), ([1], [7])],
)
def test_one_number_of_seeds_means_the_first_so_many(given: list[int], seeds: list[int]) -> None:
    assert chosen_seeds(given, (7, 5, 6)) == seeds


def test_a_slip_in_the_number_of_seeds_is_refused() -> None:
    with pytest.raises(UsageError, match="give --seed 123456789"):
        chosen_seeds([123456789], (0,))


def test_a_list_of_refused_items_is_told_once() -> None:
    with pytest.raises(UsageError) as refused:
        parse_study({"name": "own", "scales": [5], "recipes": {"psnr": {}}})
    assert "at least 1 item" not in str(refused.value)
    with pytest.raises(UsageError, match="at least 1 item"):
        parse_study({"name": "own", "scales": [], "recipes": {"psnr": {}}})
