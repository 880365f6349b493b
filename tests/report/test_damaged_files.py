"""Damaged text files make a report, or one line that names the file; never a traceback."""

import shutil
from pathlib import Path

import pytest

from esrlab.errors import UserError
from esrlab.report.limitations import write_words
from esrlab.report.logs import name_absent_adversaries, name_endings, name_unfinished, read_logs
from esrlab.report.merging import merge_studies
from esrlab.report.page.maps import build_maps
from esrlab.report.page.repeating import tell_repeating
from esrlab.report.study_files import read_merge_notes
from esrlab.statistics.claims import read_claims
from made_study import IMAGES, make_scores, write_study

RUN = "runs/esrgan-vgg-x4-s1"
FILES = (
    "manifest.json",
    "merged.json",
    "commands.json",
    "study.toml",
    f"{RUN}/recipe.json",
    f"{RUN}/outcome.json",
    f"{RUN}/log.jsonl",
)
DAMAGE = {
    "no UTF-8": b'{"a": "\xff"}\n',
    "a list": b"[1]\n",
    "a number": b"3\n",
    "nothing": b"{}\n",
    "nested": b"[" * 100_000 + b"\n",
    "digits": b'{"step": ' + b"1" * 5000 + b"}\n",
    "half a pair": b'{"step": "\\ud800"}\n',
    "wrong types": b'{"runs": 3, "notes": 3, "recipe": [], "outcome": [], "step": [], "command": 1}\n',
    "lists for tables": b'{"benchmarks": [], "recipe": {"name": []}, "step": 1, "pull/content": 3}\n',
    "no end": b'{"outcome": "diverged", "step": 1, "asked": 2, "signs": {}, "rollbacks": []}\n',
    "claims": b"claims = [1]\n",
}


def read_everything(study: Path) -> None:
    """All that a report reads beside the rows and pictures."""
    logs = read_logs(study)
    scores = make_scores()
    notes = [*read_merge_notes(study), *name_unfinished(study, scores), *name_endings(logs)]
    write_words(scores, notes=[*notes, *name_absent_adversaries(logs)])
    tell_repeating(study, scores)
    read_claims(study)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("whole"))
    for name in ("pictures", "pulls"):
        shutil.rmtree(study / name)
    return study


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_in_one_line(whole: Path, tmp_path: Path, name: str) -> None:
    study = tmp_path / "study"
    shutil.copytree(whole, study)
    for what, data in DAMAGE.items():
        (study / name).write_bytes(data)
        try:
            read_everything(study)
        except UserError as error:
            told = str(error)
            assert name in told, what
            assert "\n" not in told
            assert len(told) < 500


def test_a_recipe_that_does_not_say_what_it_is_stops_a_merge(whole: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(whole, study)
    (study / RUN / "recipe.json").write_text('{"recipe": {"name": "esrgan-vgg"}}')
    for run in study.glob("runs/esrgan-vgg-x*"):
        if run.name != Path(RUN).name:
            shutil.rmtree(run)
    with pytest.raises(UserError, match=r"recipe\.json: origins: is missing"):
        merge_studies([study, whole], tmp_path / "all")


def test_a_folder_that_is_named_like_a_run_and_is_none_is_passed_over(whole: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(whole, study)
    shutil.copytree(study / RUN, study / "runs" / "a-xtwo-szero")
    assert len(read_logs(study)) == len(read_logs(whole))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"absent": 3}',
        '{"seed": 0, "step": 1, "region": [], "terms": []}',
        '{"seed": 0, "step": 1, "terms": 3, '
        '"region": {"top": 0, "left": 0, "height": 32, "width": 48, "patch": 16}}',
        '{"seed": 0, "step": 1, "terms": [], '
        '"region": {"top": 0, "left": 0, "height": 32, "width": 48, "patch": 0}}',
        '{"seed": 0, "step": 1, "terms": [], '
        '"region": {"top": -4, "left": 0, "height": 32, "width": 48, "patch": 16}}',
    ],
)
def test_a_damaged_map_is_told_as_absent(tmp_path: Path, text: str) -> None:
    place = tmp_path / "pulls" / "x2" / "wgan-vgg" / IMAGES[0]
    place.mkdir(parents=True)
    (place / "about.json").write_text(text)
    maps = build_maps(tmp_path, make_scores())
    assert maps is not None
    assert len(maps.absent) == 1
    assert "about.json: " in maps.absent[0]
