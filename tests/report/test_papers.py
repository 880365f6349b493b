"""What goes into a paper: tables as CSV and LaTeX that hold against any name, figures in three formats."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imsave

from esrlab.core.scores import Score
from esrlab.report.figures import COLOURS, FORMATS, draw_figures
from esrlab.report.formats import to_latex, to_markdown
from esrlab.report.logs import RunLog
from esrlab.report.planefigure import draw_plane
from esrlab.report.tables import build_tables
from esrlab.report.tidy import CELLS, PARTS, cells_as_csv, verdicts_as_csv
from esrlab.report.verdicts import judge_study

pytestmark = pytest.mark.slow


WICKED = 'a|b & 50%_{x}^~#$\\ "<q>",\n\nnext [1] é ∞ >'


def rows(*, seeds: int = 3, label: str = "") -> list[Score]:
    """Two recipes and bicubic at ×2 on two images; a seed adds 0.1, an image 1."""
    values = {"bicubic": 30.0, "wgan-vgg": 31.0, "esrgan-vgg": 29.0}
    return [
        Score(
            study="made",
            recipe=recipe,
            label=label or recipe,
            scale=2,
            seed=seed,
            step=None if seed is None else 9,
            image=f"Set5/${image}_",
            metric=metric,
            value=base + 0.1 * (seed or 0) + image,
        )
        for recipe, base in values.items()
        for seed in ([None] if recipe == "bicubic" else range(seeds))
        for image in range(2)
        for metric in ("PSNR-Y/2", "SSIM-Y/2", "PSNR-paper")
    ]


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_cell_is_a_line_with_its_spread_interval_and_the_papers_figure() -> None:
    lines = read(cells_as_csv(rows()))
    assert tuple(lines[0]) == CELLS
    found = {(line["recipe"], line["metric"]): line for line in lines}
    assert len(found) == len(lines) == 9
    trained = found["wgan-vgg", "PSNR-Y/2"]
    assert float(trained["mean"]) == pytest.approx(31.6)
    assert float(trained["sd"]) == pytest.approx(0.1)
    assert float(trained["low"]) < 31.6 < float(trained["high"])
    assert (trained["seeds"], trained["images"], trained["benchmark"]) == ("3", "2", "Set5")
    assert found["wgan-vgg", "PSNR-paper"]["paper"] == "73.862"
    untrained = found["bicubic", "PSNR-Y/2"]
    assert (untrained["seeds"], untrained["sd"], untrained["low"], untrained["paper"]) == ("0", "", "", "")


def test_a_csv_is_read_back_as_it_was_whatever_the_names() -> None:
    assert {line["label"] for line in read(cells_as_csv(rows(label=WICKED)))} == {WICKED}


def test_verdicts_are_a_line_a_part(tmp_path: Path) -> None:
    judgement = judge_study(tmp_path, rows())
    lines = read(verdicts_as_csv(judgement))
    assert tuple(lines[0]) == PARTS
    (part,) = [line for line in lines if line["claim"] == "A1" and line["metric"] == "PSNR-Y/2"]
    assert (part["recipe"], part["rival"], part["seeds"]) == ("esrgan-vgg", "wgan-vgg", "3")
    assert float(part["difference"]) == pytest.approx(-2)
    assert {line["standing"] for line in lines} >= {"missing"}


def test_latex_is_booktabs_and_no_name_breaks_it() -> None:
    for table in build_tables(rows(label=WICKED)):
        latex = to_latex(table)
        for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
            assert len(re.findall(rf"^\{rule}$", latex, flags=re.MULTILINE)) == 1
        assert r"\hline" not in latex
        assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")
        body = latex[latex.index(r"\toprule") : latex.index(r"\bottomrule")].splitlines()
        lines = [line for line in body if not line.endswith("rule")]
        assert len(lines) == 1 + len(table.rows) + sum(bool(row.intervals) for row in table.rows)
        for line in lines:
            assert line.endswith(r" \\")
            assert len(re.findall(r"(?<!\\)&", line)) == len(table.columns) - 1
            assert not re.search(r"(?<!\\)[%#_]", line)
        assert re.search(r"\\label\{tab:[A-Za-z0-9_-]+\}", latex)


def test_markdown_tables_keep_their_shape() -> None:
    table = build_tables(rows(label=WICKED))[0]
    lines = [line for line in to_markdown(table).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(table.rows)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table.columns) + 1}


def test_a_plane_shows_every_method_the_front_and_names_who_is_far_off() -> None:
    quality = {
        "bicubic": (30.0, 0.3),
        "wgan-vgg": (29.0, 0.2),
        "esrgan-vgg": (28.0, 0.25),
        "fallen": (9.0, 0.9),
    }
    scores = [
        replace(row, recipe=recipe, label=recipe, metric=metric, value=value, seed=None)
        for recipe, values in quality.items()
        for metric, value in zip(("PSNR-Y/2", "LPIPS"), values, strict=True)
        for row in rows()[:1]
    ]
    figure = draw_plane(scores, {}, 2)
    assert figure is not None
    (place,) = figure.axes
    front, *drawn = [line.get_xydata().tolist() for line in place.get_lines()]  # pyright: ignore
    assert front == [[29.0, 0.2], [29.0, 0.3], [30.0, 0.3]]
    marks = [line for line in drawn if len(line) == 1]
    assert marks == [[list(place)] for place in list(quality.values())[:3]]
    assert place.get_title() == "Set5 ×2\noff the plane: fallen"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*quality, "Pareto front"]
    assert draw_plane([row for row in scores if row.metric != "LPIPS"], {}, 2) is None


def test_figures_are_written_in_three_formats_the_same_each_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for method in ("lr", "hr", "bicubic", "wgan-vgg"):
        for image in range(2):
            side = 40 if method == "lr" else 80
            path = tmp_path / "pictures" / "x2" / method / "Set5" / f"${image}_.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            imsave(path, rng.random((side, side, 3)))
    (tmp_path / "pictures" / "x2" / "wgan-vgg" / "Set5" / "$1_.png").unlink()  # a method of some images alone
    curve = [{"step": step, "critic/gap": float(step), "loss/content": 1 / step} for step in range(1, 20)]
    logs = [RunLog(f"recipe-{number}", 2, 0, curve) for number in range(len(COLOURS) + 2)]
    lpips = [replace(row, metric="LPIPS", value=0.1) for row in rows() if row.metric == "SSIM-Y/2"]
    assert [path.name for path in draw_figures(tmp_path, rows(), logs)] == ["crops-x2.png", "curves-x2.png"]
    drawn = draw_figures(tmp_path, [*rows(), *lpips], logs)
    assert [path.name for path in drawn] == ["plane-x2.png", "crops-x2.png", "curves-x2.png"]
    files = {path: path.read_bytes() for path in (tmp_path / "figures").iterdir()}
    assert {path.name for path in files} == {
        f"{name}-x2{suffix}" for name in ("crops", "curves", "plane") for suffix in FORMATS
    }
    draw_figures(tmp_path, [*rows(), *lpips], logs)
    assert {path: path.read_bytes() for path in (tmp_path / "figures").iterdir()} == files
    pdf = (tmp_path / "figures" / "curves-x2.pdf").read_bytes()
    assert b"/Type42" in pdf or b"/CIDFontType2" in pdf
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf
    svg = (tmp_path / "figures" / "curves-x2.svg").read_text()
    assert "<dc:date>" not in svg
    assert all(colour.lower() in svg.lower() for colour in COLOURS)
    assert "stroke-dasharray" in svg, "a ninth recipe has a first's colour and another stroke"
