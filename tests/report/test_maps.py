"""The page's maps of where terms pull: what is shown, how large, and what becomes of broken ones."""

import base64
import io
import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrlab.core.scores import Score, read_scores
from esrlab.report.build import make_report
from esrlab.report.merging import merge_studies
from esrlab.report.page import maps as room
from esrlab.report.page.maps import build_maps
from esrlab.report.page.pictures import Pixels, choose_side, colour, shrink
from esrlab.report.page.steering import show_share
from made_study import HOSTILE, IMAGES, MAPPED, SIZE, make_scores, write_study

pytestmark = pytest.mark.slow


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "made")


def pixels_of(uri: str) -> Pixels:
    encoded = base64.b64decode(uri.removeprefix("data:image/webp;base64,"))
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


def test_each_picture_has_its_region_and_its_terms_maps(study: Path) -> None:
    maps = build_maps(study, make_scores())
    assert maps is not None
    assert [each.scale for each in maps.scales] == [2, 4]
    assert [card.image for card in maps.scales[0].cards] == list(MAPPED)
    card = maps.scales[0].cards[0]
    assert card.region == "48×32 pixels from column 8 and row 4, in 3×2 patches of 16"
    assert [row.recipe for row in card.rows] == ["wgan-vgg", "esrgan-vgg"]
    whole = np.asarray(Image.open(study / "pictures" / "x2" / "wgan-vgg" / f"{IMAGES[0]}.png"))
    assert (pixels_of(card.rows[0].picture) == whole[4:36, 8:56]).all()
    content, adversarial = card.rows[0].maps
    assert content.told == ("75.0% of the pull", "cosine +0.90")
    assert adversarial.told == ("4e−4 of the pull", "cosine −0.30")
    assert "where adversarial pulls in wgan-vgg" in adversarial.words
    drawn = pixels_of(adversarial.picture)
    assert drawn.shape == (32, 48, 3)
    assert drawn[:, :24].max() < 10, "no pull is black"
    assert drawn[:, 24:].min() > 180, "the strongest is near white"


def test_what_has_no_map_is_named_with_its_reason_as_text(study: Path) -> None:
    place = study / "pulls" / "x2"
    (place / "wgan-vgg" / IMAGES[0] / "content.png").write_bytes(b"no picture")
    (place / "wgan-vgg" / IMAGES[1] / "about.json").write_text("[]")
    (place / "esrgan-vgg" / IMAGES[0] / "adversarial.png").unlink()
    about = json.loads((place / "esrgan-vgg" / IMAGES[1] / "about.json").read_text())
    about["terms"][0]["name"] = "../../../../secret"
    (place / "esrgan-vgg" / IMAGES[1] / "about.json").write_text(json.dumps(about))
    maps = build_maps(study, make_scores())
    assert maps is not None
    assert [each.scale for each in maps.scales] == [4]
    assert len(maps.absent) == 6
    assert f"esrgan-vgg ×4, {IMAGES[0]}: the disk ate it {HOSTILE}" in maps.absent
    make_report(study)
    html = (study / "report.html").read_text(encoding="utf-8")
    assert "the disk ate it &lt;img" in html
    assert HOSTILE not in html


def test_a_folder_without_maps_has_none(study: Path) -> None:
    shutil.rmtree(study / "pulls")
    assert build_maps(study, make_scores()) is None
    make_report(study)
    assert "Where each term pulls" not in (study / "report.html").read_text(encoding="utf-8")


def test_pictures_that_do_not_fit_are_left_out_and_their_maps_stay(study: Path) -> None:
    for path in (study / "pictures" / "x2").rglob("*.png"):
        Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(path)
    maps = build_maps(study, make_scores())
    assert maps is not None
    card = maps.scales[0].cards[0]
    assert card.truth == card.rows[0].picture == ""
    assert card.rows[0].maps[0].picture


def test_maps_shrink_and_then_stay_away_so_that_the_page_does_not_grow(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build_maps(study, make_scores())
    assert whole is not None
    monkeypatch.setattr(room, "SIDES", (48, 24, 12))
    monkeypatch.setattr(room, "BUDGET", 12_000)
    small = build_maps(study, make_scores())
    assert small is not None
    assert small.scales[0].cards[0].region.endswith("; shown 2 times smaller")
    assert pixels_of(small.scales[0].cards[0].rows[0].picture).shape == (16, 24, 3)
    assert small.size < whole.size
    monkeypatch.setattr(room, "BUDGET", 1)
    least = build_maps(study, make_scores())
    assert least is not None
    assert least.left_out == 5
    make_report(study)
    assert "Of 5 more pictures the maps are in" in (study / "report.html").read_text(encoding="utf-8")


def test_noise_at_the_papers_size_stays_within_the_budget(tmp_path: Path) -> None:
    """Four recipes, three magnifications, two benchmarks, four terms each: whole regions of noise."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (256, 256), dtype=np.uint8))
    photograph = Image.fromarray(rng.integers(100, 130, (256, 256, 3), dtype=np.uint8))
    region = {"top": 0, "left": 0, "height": 256, "width": 256, "patch": 64}
    terms = [
        {"name": name, "share": 0.2, "cosine": 0.5} for name in ("content", "tv", "pixel", "adversarial")
    ]
    score = make_scores()[0]
    scores: list[Score] = []
    for recipe, scale, image in itertools.product("abcd", (2, 3, 4), ("Set5/baby", "Set14/baboon")):
        scores.append(replace(score, recipe=recipe, scale=scale, image=image, seed=0))
        place = tmp_path / "pulls" / f"x{scale}" / recipe / image
        place.mkdir(parents=True)
        about = {"seed": 0, "step": 1, "region": region, "terms": terms}
        (place / "about.json").write_text(json.dumps(about))
        for term in terms:
            noise.save(place / f"{term['name']}.png")
        for method in (recipe, "hr"):
            picture = tmp_path / "pictures" / f"x{scale}" / method / f"{image}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            photograph.save(picture)
    maps = build_maps(tmp_path, scores)
    assert maps is not None
    assert maps.left_out == 0
    assert room.BUDGET / 3 < maps.size < room.BUDGET
    assert choose_side(200, taken=maps.size) < choose_side(200), "other pictures leave it less room"


def test_the_merged_page_keeps_maps_under_renamed_recipes(tmp_path: Path) -> None:
    first, second = write_study(tmp_path / "first"), write_study(tmp_path / "second")
    for about in (second / "runs").glob("*/recipe.json"):
        told = json.loads(about.read_text())
        told["recipe"]["steps"] = 61
        about.write_text(json.dumps(told))
    shutil.rmtree(first / "pulls" / "x2" / "wgan-vgg")
    merge_studies([first, second], tmp_path / "all", apart=True)
    folders = sorted(path.name for path in (tmp_path / "all" / "pulls" / "x2").iterdir())
    assert len(folders) == 3
    assert "esrgan-vgg" in folders
    assert "wgan-vgg" not in folders, "maps are not another recipe's"
    (renamed,) = (name for name in folders if name.startswith("wgan-vgg ("))
    there = tmp_path / "all" / "pulls" / "x2" / renamed / MAPPED[0]
    assert sorted(path.name for path in there.iterdir()) == ["about.json", "adversarial.png", "content.png"]
    maps = build_maps(tmp_path / "all", read_scores(tmp_path / "all" / "scores.jsonl"))
    assert maps is not None
    assert [row.recipe for row in maps.scales[0].cards[0].rows][-2:] == folders[-1:-3:-1]


def test_maps_of_another_folders_picture_stay_there(tmp_path: Path) -> None:
    first, second = write_study(tmp_path / "first"), write_study(tmp_path / "second")
    shutil.rmtree(first / "pulls")
    changed = second / "pictures" / "x2" / "wgan-vgg" / f"{MAPPED[0]}.png"
    Image.fromarray(np.zeros((SIZE, SIZE, 3), np.uint8)).save(changed)
    merge_studies([first, second], tmp_path / "all")
    place = tmp_path / "all" / "pulls" / "x2" / "wgan-vgg"
    assert not (place / MAPPED[0]).exists(), "its picture here is the first folder's"
    assert (place / MAPPED[1] / "about.json").is_file()


def test_shrinking_takes_means_and_colours_grow_brighter() -> None:
    pixels = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    assert shrink(pixels, 2).shape == (2, 3, 3)
    assert (shrink(pixels, 2)[0, 0] == pixels[:2, :2].mean(axis=(0, 1)).round()).all()
    assert (shrink(pixels, 1) == pixels).all()
    ramp = colour(np.arange(256, dtype=np.uint8)[None, :, None]).astype(float)
    luminance = ramp[0] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) >= -1).all()
    assert luminance[-1] - luminance[0] > 200


def test_small_shares_are_shown() -> None:
    assert [show_share(share) for share in (1.0, 0.001, 4e-4, 2e-20)] == ["100.0%", "0.1%", "4e−4", "2e−20"]
