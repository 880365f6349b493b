"""The page holds what it should, escapes what comes from outside, and asks nothing of a network."""

import base64
import hashlib
import itertools
import math
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from esrlab.core.scores import read_scores
from esrlab.report.build import make_report
from esrlab.report.logs import RunLog
from esrlab.report.page.gallery import build_gallery
from esrlab.report.page.pictures import (
    BUDGET,
    best_window,
    choose_side,
    encode_picture,
    read_picture,
    variance_between,
)
from esrlab.report.page.planes import draw_planes
from esrlab.report.page.plots import Axis, Canvas, show_tick, spanning
from esrlab.report.page.smoothing import mean_of, smooth
from esrlab.report.page.steering import against_others, draw_steering
from made_study import HOSTILE, IMAGES, MAPPED, make_scores, write_study

pytestmark = pytest.mark.slow


VOID = {"meta", "img", "input", "br", "link", "hr"}


class Reader(HTMLParser):
    """Notes every tag with its attributes, and which were not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> closes another"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("made"))
    make_report(study)
    return study


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    parsed = Reader()
    parsed.feed(html)
    assert parsed.open == []
    return parsed


def test_verdicts_come_first_and_every_section_is_there(reader: Reader) -> None:
    sections = [attributes["id"] for attributes in reader.all("section")]
    expected = "verdicts limits tables planes pictures colours curves steering costs repeat"
    assert sections == expected.split()
    links = {attributes["href"] for attributes in reader.all("a")}
    assert {f"#{name}" for name in sections} <= links


def test_headings_go_down_one_step_at_a_time(reader: Reader) -> None:
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_every_picture_and_plot_has_words_and_every_control_a_name(reader: Reader, html: str) -> None:
    pictures = [attributes for attributes in reader.all("img") if "src" in attributes]
    maps = len(MAPPED) * (2 * (1 + 3) + 3)  # HR at both scales, each recipe that is mapped with two terms
    assert len(pictures) == len(IMAGES) * (1 + 4 + 6) + maps + 1  # and the maps' colours
    assert all(attributes["alt"] for attributes in pictures)
    plots = [attributes for attributes in reader.all("svg") if attributes.get("role") == "img"]
    assert len(plots) >= 12
    assert all(attributes["aria-label"] for attributes in plots)
    assert html.count("<desc>") == len(plots)
    assert all(attributes.get("aria-label") for attributes in reader.all("input"))
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_hostile_name_is_text_and_nothing_else(reader: Reader, html: str) -> None:
    assert HOSTILE not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "<script>alert" not in html
    assert len(reader.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert all(
        (each.get("src") or "data:image/webp").startswith("data:image/webp") for each in reader.all("img")
    )
    assert "made&lt;/script&gt;" in html


def test_the_page_refers_to_nothing_outside_itself(reader: Reader, html: str) -> None:
    assert re.findall(r"https?://[^\s\"'<]+", html) == []
    for _, attributes in reader.tags:
        for name in ("src", "href", "action", "poster", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert "url(" not in html
    assert "@import" not in html


def test_means_have_their_intervals_below_them_and_the_meaning_at_the_table(html: str) -> None:
    assert re.search(r"<td>34\.80 ± 0\.14 <small>\[33\.\d\d, 3\d\.\d\d\]</small></td>", html) is not None
    assert '<p class="footnote">In brackets: the 95% interval of a mean over seeds, by t' in html


def test_the_pages_policy_allows_its_own_script_alone(reader: Reader, html: str) -> None:
    policy = reader.all("meta")[1]["content"]
    assert policy is not None
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script.group(1).encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:")
    assert f"script-src 'sha256-{digest}'" in policy


def test_it_is_rebuilt_to_the_byte(folder: Path, html: str) -> None:
    make_report(folder)
    assert (folder / "report.html").read_text(encoding="utf-8") == html


def test_a_folder_of_scores_alone_has_a_page_too(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "scores.jsonl", tmp_path)
    make_report(tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    parsed = Reader()
    parsed.feed(page)
    sections = [attributes["id"] for attributes in parsed.all("section")]
    assert sections == ["verdicts", "limits", "tables", "planes", "repeat"]


def test_what_collapsed_is_marked_and_everything_to_repeat_it_is_told(html: str) -> None:
    assert "esrgan-vgg ×4, seed 1: first sign of collapse at step 30" in html
    assert "esrgan-vgg ×4, seed 1: collapsed" in html
    assert re.search(
        r"<td>esrgan-vgg ×4</td><th scope=.row.>seed 1</th>.*<td>collapsed</td><td>30</td>", html
    )
    for told in (
        "feedc0de",
        "0ddba11",
        "a machine",
        "torch 2.13.0",
        "esrlab study study.toml --out ../again",
    ):
        assert told in html
    assert "inference" in html


def test_the_commands_that_were_given_stand_beside_the_one_that_repeats_it(html: str) -> None:
    hostile = "&lt;img src=x onerror=alert(1)&gt;"
    given = f"esrlab study made.toml --out &#39;{hostile}&#39;  # esrlab 0.1.0, 2025-02-03"
    assert html.index("esrlab study study.toml --out ../again") < html.index(given)


def test_images_come_worst_and_best_in_turn_and_all_of_them(folder: Path) -> None:
    gallery = build_gallery(folder, read_scores(folder / "scores.jsonl"))
    assert gallery is not None
    assert [card.image for card in gallery.cards] == [IMAGES[0], IMAGES[3], IMAGES[1], IMAGES[2]]
    assert [card.rank for card in gallery.cards] == [1, 4, 2, 3]
    assert "from column 0 and row 0 of 60×60" in gallery.cards[0].crop
    brightness = [sum(shift) / 3 for shift in gallery.shifts["bicubic", 2]]
    assert all(-15 < value < -9 for value in brightness)


def test_a_picture_outside_the_folder_is_not_shown(folder: Path, tmp_path: Path) -> None:
    scores = [score for score in make_scores() if score.image == IMAGES[0]]
    changed = [type(score)(**{**vars(score), "image": "../x2/hr/Set5/plain"}) for score in scores]
    assert build_gallery(folder, changed) is None


def test_crops_are_lossless_and_lie_where_methods_differ(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 36, 3)).astype(np.uint8)
    header, encoded = encode_picture(pixels).split(",")
    assert header == "data:image/webp;base64"
    (tmp_path / "crop.webp").write_bytes(base64.b64decode(encoded))
    assert (read_picture(tmp_path / "crop.webp") == pixels).all()
    other = np.zeros((100, 90, 3), np.uint8)
    changed = other.copy()
    changed[48:72, 24:48] = 200
    energy = variance_between([other, changed, changed])
    assert best_window(energy, side=24) == (48, 24, 24, 24)
    assert best_window(energy[:7, :30], side=24) == (0, 0, 7, 24)


def test_crops_shrink_so_that_the_page_does_not_grow() -> None:
    assert choose_side(10) == 192
    assert choose_side(400) ** 2 * 400 * 2 < BUDGET
    assert choose_side(1e6) == 48


def test_the_front_holds_those_that_none_beats() -> None:
    planes = draw_planes(make_scores())
    assert planes is not None
    assert [plot.title for plot in planes.plots] == ["Set5 ×2", "Set5 ×4"]
    assert planes.plots[0].words.endswith("On the Pareto front: wgan-vgg.")
    assert any("HR: ∞ dB" in mark.words for mark in planes.plots[0].marks)
    rows = {row.cells[:2]: row.cells[4] for row in planes.table.rows}
    assert rows["Set5 ×2", "wgan-vgg"] == "yes"
    assert rows["Set5 ×2", "bicubic"] == "no"
    assert draw_planes([score for score in make_scores() if score.metric != "LPIPS"]) is None


def test_the_adversarys_cosine_with_the_others_follows_from_the_log() -> None:
    rng = np.random.default_rng(0)
    pulls = {name: rng.normal(size=50) for name in ("content", "pixel", "adversarial")}
    total = sum(pulls.values())
    unit = total / np.linalg.norm(total)
    row = {
        f"pull/{name}": {
            "norm": float(np.linalg.norm(pull)),
            "cosine": float(pull @ unit / np.linalg.norm(pull)),
        }
        for name, pull in pulls.items()
    }
    own, rest = pulls["adversarial"], pulls["content"] + pulls["pixel"]
    expected = own @ rest / np.linalg.norm(own) / np.linalg.norm(rest)
    assert against_others(row, "adversarial") == pytest.approx(expected, abs=1e-9)
    assert against_others({"pull/content": {"norm": 1.0, "cosine": 1.0}}, "content") is None
    assert against_others(row, "tv") is None
    wild = {"norm": math.inf, "cosine": -1.0}
    assert (
        against_others({"pull/content": wild, "pull/adversarial": {**wild, "cosine": 1.0}}, "content") is None
    )
    assert against_others({"pull/content": wild, "pull/tv": {"norm": 1e200, "cosine": 1.0}}, "tv") is None


def test_logged_cosines_between_pairs_are_shown_as_they_are() -> None:
    part = {"norm": 1.0, "share": 0.5, "cosine": 0.7}
    rows = [
        {"step": step, "pull/content": part, "pull/adversarial": part, "cosine/content/adversarial": -0.4}
        for step in range(1, 9)
    ]
    (drawn,) = draw_steering([RunLog("wgan-vgg", 2, 0, rows)], ["wgan-vgg"])
    assert [legend.words for legend in drawn.cosine_legends] == ["content · adversarial"]
    assert "content · adversarial −0.40" in drawn.cosines.words


def test_axes_ticks_and_curves() -> None:
    assert Axis(0.0, 1.0).ticks() == [0, 0.25, 0.5, 0.75, 1]
    bent = Axis(-10.0, 1000.0, "symlog", 1.0)
    assert bent.part(-10) == 0
    assert bent.part(1000) == 1
    assert 0.0 in bent.ticks()
    assert spanning([3.0, 3.0]).low < 3 < spanning([3.0, math.inf]).high
    assert show_tick(-0.00001) == "−1e−5"
    canvas = Canvas(Axis(0.0, 10.0), Axis(0.0, 1.0))
    assert canvas.path([(0, 0), (5, math.nan), (10, 1)]) == "M50 214M348 12"
    assert len(smooth([(float(step), 1.0) for step in range(5000)])) == 120
    assert mean_of([[(1, 0.0), (2, 2.0)], [(1, 2.0)]]) == [(1, 1.0), (2, 2.0)]
