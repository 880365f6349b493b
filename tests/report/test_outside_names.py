"""Whatever a foreign folder's names say, a report shows that folder's files and no other's."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrlab.core.files import find_inside
from esrlab.report.build import make_report
from esrlab.report.figures import draw_figures
from esrlab.report.merging import merge_studies
from esrlab.report.page.gallery import build_gallery
from esrlab.report.page.maps import build_maps
from made_study import IMAGES, make_scores, write_study

pytestmark = pytest.mark.slow


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder of somebody's own, with a picture in it."""
    path = tmp_path / "private" / "photo.png"
    path.parent.mkdir()
    Image.fromarray(np.full((60, 60, 3), 77, np.uint8)).save(path)
    return path


def test_a_file_is_found_by_outside_names_inside_its_folder_alone(tmp_path: Path, private: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "in").mkdir(parents=True)
    shutil.copy(private, folder / "in" / "a.png")
    (folder / "link.png").symlink_to(private)
    (folder / "near.png").symlink_to("in/a.png")
    (folder / "way").symlink_to(private.parent)
    assert find_inside(folder, "in", "a.png") == folder / "in" / "a.png"
    assert find_inside(folder, "near.png") is not None
    for names in (
        (str(private),),
        ("in", str(private)),
        ("../private/photo.png",),
        ("in/../in/a.png",),
        ("in", "..\\a.png"),
        ("link.png",),
        ("way", "photo.png"),
        ("a\0.png",),
        ("x" * 5000,),
        ("in",),
    ):
        assert find_inside(folder, *names) is None, names


@pytest.mark.parametrize("kind", ["absolute", "dots", "link"])
def test_no_picture_from_elsewhere_gets_into_a_report(tmp_path: Path, private: Path, kind: str) -> None:
    study = tmp_path / "study"
    name = {
        "absolute": str(private.with_suffix("")),
        "dots": "../../../../private/photo",
        "link": "Set5/photo",
    }[kind]
    for place in ("hr/Set5", "wgan-vgg/Set5", "bicubic/Set5"):
        (study / "pictures" / "x2" / place).mkdir(parents=True)
        if kind == "link":
            (study / "pictures" / "x2" / place / "photo.png").symlink_to(private)
    rows = [replace(row, image=name) for row in make_scores() if row.scale == 2 and row.image == IMAGES[0]]
    assert build_gallery(study, rows) is None
    assert not [path for path in draw_figures(study, rows, []) if path.stem.startswith("crops")]
    rows = [row if row.seed is None else replace(row, recipe=str(private.parent)) for row in rows]
    assert build_gallery(study, rows) is None


def test_no_map_from_elsewhere_gets_into_a_report(tmp_path: Path, private: Path) -> None:
    study = write_study(tmp_path / "study")
    place = study / "pulls" / "x2" / "wgan-vgg" / IMAGES[0]
    Image.fromarray(np.full((32, 48), 9, np.uint8)).save(private)
    (place / "content.png").unlink()
    (place / "content.png").symlink_to(private)
    maps = build_maps(study, make_scores())
    assert maps is not None
    assert f"wgan-vgg ×2, {IMAGES[0]}: the map of content is not in its folder" in maps.absent


def test_merging_copies_no_file_from_elsewhere(tmp_path: Path, private: Path) -> None:
    first, second = (write_study(tmp_path / name) for name in ("first", "second"))
    (second / "pictures" / "x2" / "hr" / "Set5" / "stolen.png").symlink_to(private)
    for name in ("log.jsonl", "recipe.json"):
        run = second / "runs" / "other-x2-s0"
        run.mkdir(exist_ok=True)
        (run / name).symlink_to(private)
    (run / "scores.jsonl").write_text("")
    merge_studies([first, second], tmp_path / "all")
    assert not (tmp_path / "all" / "pictures" / "x2" / "hr" / "Set5" / "stolen.png").exists()
    assert [path.name for path in (tmp_path / "all" / "runs" / "other-x2-s0").iterdir()] == ["scores.jsonl"]
    make_report(tmp_path / "all")


@pytest.mark.parametrize("name", ["study.toml", "manifest.json", "runs/wgan-vgg-x2-s0/recipe.json"])
def test_no_text_from_elsewhere_gets_into_a_report(tmp_path: Path, name: str) -> None:
    study = write_study(tmp_path / "study")
    secret = tmp_path / "secret"
    secret.write_text(
        (study / name)
        .read_text()
        .replace("made", "hush")
        .replace("feedc0de", "hush")
        .replace("a machine", "hush")
    )
    assert "hush" in secret.read_text()
    (study / name).unlink()
    (study / name).symlink_to(secret)
    make_report(study)
    assert "hush" not in (study / "report.html").read_text(encoding="utf-8")
