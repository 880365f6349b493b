"""Tables say what the rows say, in the paper's layout, in three formats; and what the rows cannot say."""

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from esrlab.core.scores import Score, read_scores, write_scores
from esrlab.errors import UserError
from esrlab.report.build import make_report
from esrlab.report.figures import busiest_place, draw_figures
from esrlab.report.formats import escape_latex, to_latex, to_markdown, to_terminal
from esrlab.report.limitations import write_words
from esrlab.report.logs import RunLog, name_endings
from esrlab.report.merging import merge_studies
from esrlab.report.page.build import summarise
from esrlab.report.page.planes import draw_planes
from esrlab.report.paper import PAPER_TABLES, PRINTED
from esrlab.report.tables import Table, build_tables

PSNR = {"bicubic": 30.0, "wgan-vgg": 31.0, "esrgan-vgg": 29.0, "wgan-vgg-cascade": 28.0}


def rows(*, seeds: int = 2, steps: int = 150) -> list[Score]:
    """Made-up scores whose means and spreads are known by construction: seeds lie 0.2 dB apart."""
    made: list[Score] = []
    for recipe, base in PSNR.items():
        for scale in (2, 4):
            if recipe.endswith("cascade") and scale != 4:
                continue
            for seed in [None] if recipe == "bicubic" else range(seeds):
                for image, shift in (("Set5/a", -1.0), ("Set5/b", 1.0)):
                    value = base + 0.2 * (seed or 0) + shift
                    metrics = {
                        f"PSNR-Y/{scale}": value,
                        f"SSIM-Y/{scale}": value / 50,
                        f"PSNR-RGB/{scale}": value - 1,
                        f"SSIM-RGB/{scale}": value / 51,
                        "PSNR-paper": value + 41,
                        "SSIM-paper": value / 40,
                    }
                    label = "bicubic" if recipe == "bicubic" else f"{recipe} (untrained)"
                    made += [
                        Score(
                            study="made",
                            recipe=recipe,
                            label=label,
                            scale=scale,
                            seed=seed,
                            step=None if seed is None else steps,
                            image=image,
                            metric=metric,
                            value=number,
                        )
                        for metric, number in metrics.items()
                    ]
    return made


@pytest.fixture(scope="module")
def tables() -> list[Table]:
    return build_tables(rows())


def test_only_the_papers_tables_whose_recipes_are_there_are_built(tables: list[Table]) -> None:
    assert [table.key for table in tables] == ["table1-Set5", "all-Set5"]


def test_a_papers_table_has_ours_and_the_papers_figures_side_by_side(tables: list[Table]) -> None:
    table = tables[0]
    assert table.columns[2:5] == ("PSNR-Y/s", "SSIM-Y/s", "PSNR-paper")
    assert table.columns[5:] == ("paper", "SSIM-paper", "paper", "LPIPS", "paper")
    lines = {(row.cells[0], row.cells[1]): row.cells[2:] for row in table.rows}
    assert lines["×2", "wgan-vgg (untrained)"][0] == "31.10 ± 0.14"
    assert lines["×2", "wgan-vgg (untrained)"][3] == "73.86 (31.75)"
    assert lines["×2", "wgan-vgg (untrained)"][5] == "0.9032"
    assert lines["×4", "esrgan-vgg (untrained)"][3] == "59.00 (16.89)"
    assert lines["×4", "esrgan-vgg (untrained)"][5] == "0.0738"
    assert lines["×4", "bicubic"] == ("30.00", "0.6000", "71.00", "", "0.7500", "", "n/a", "")
    assert lines["×4", "esrgan-vgg (untrained)"][6:] == ("n/a", "0.7005")
    assert ("×4", "wgan-vgg-cascade (untrained)") in lines
    assert ("×2", "wgan-vgg-cascade (untrained)") not in lines
    assert [row.cells[0] for row in table.rows if row.begins_group] == ["×2", "×4"]


def test_the_papers_figures_are_as_printed() -> None:
    assert PRINTED["wgan-vgg-tv"][2].psnr == 77.9831
    assert PRINTED["wgan-resnet"][4].ssim == 0.8824
    assert PRINTED["esrgan-vgg"][3].lpips == 0.3152
    assert [table.recipes[1] for table in PAPER_TABLES] == ["esrgan-vgg", "wgan-vgg-tv", "wgan-resnet"]
    assert all(set(by_scale) == {2, 3, 4} for by_scale in PRINTED.values())


def test_the_three_formats_hold_every_cell(tables: list[Table]) -> None:
    table = tables[0]
    shown = io.StringIO()
    Console(file=shown, width=200).print(to_terminal(table, width=200))
    markdown, latex = to_markdown(table), to_latex(table)
    for row in table.rows:
        for cell in row.cells:
            assert cell.replace(" ± ", " ±") in shown.getvalue()
            assert cell in markdown
            assert escape_latex(cell) in latex
    assert markdown.splitlines()[3].count("---:") == 8
    assert latex.count(r"\midrule") == 2
    assert r"\begin{tabular}{llrrrrrrrr}" in latex
    assert r"$\pm$" in latex
    assert "±" not in latex


@pytest.mark.parametrize("width", [80, 100])
def test_a_narrow_terminal_folds_and_loses_no_figure(tables: list[Table], width: int) -> None:
    shown = io.StringIO()
    Console(file=shown, width=width).print(to_terminal(tables[0], width=width))
    assert "…" not in shown.getvalue()
    for text in ("31.10", "±0.14", "±0.0028", "0.9032", "73.86"):
        assert text in shown.getvalue()


def test_a_mean_over_seeds_has_its_interval_where_a_format_has_room(tables: list[Table]) -> None:
    paper, everything = tables
    rows = {row.cells[:2]: row for row in everything.rows}
    (interval,) = [text for text in rows["×2", "wgan-vgg (untrained)"].intervals if text.startswith("[2")][:1]
    low, high = map(float, interval.strip("[]").split(", "))
    assert low < 30.2
    assert high > 32
    assert rows["×2", "bicubic"].intervals == ()
    assert paper.rows[1].intervals[4:6] == ("", ""), "none of the paper's own convention"
    for table in tables:
        assert table.remark.startswith("In brackets: the 95% interval")
        markdown, latex = to_markdown(table), to_latex(table)
        assert table.remark in markdown
        assert escape_latex(table.remark) in latex
        for row in table.rows:
            for text in filter(None, row.intervals):
                assert f" {text} |" in markdown
                assert rf"{{\scriptsize {text}}}" in latex


def test_without_several_seeds_tables_say_that_there_are_no_intervals() -> None:
    for table in build_tables(rows(seeds=1)):
        assert not any(row.intervals for row in table.rows)
        assert table.remark.startswith("No mean has a ± or a 95% interval")


def test_lpips_and_its_student_are_never_taken_for_each_other() -> None:
    scores = rows()
    for metric in ("LPIPS", "LPIPS≈"):
        measured = [
            dataclasses.replace(score, metric=metric, value=0.25)
            for score in scores
            if score.metric == "PSNR-paper"
        ]
        table = build_tables([*scores, *measured])[0]
        assert table.columns[-2:] == (metric, "paper")
        assert table.rows[0].cells[-2] == "0.2500"
    both = [dataclasses.replace(score, metric="LPIPS") for score in measured]
    paper, everything = build_tables([*scores, *measured, *both])
    assert everything.columns[-3:] == ("LPIPS", "LPIPS≈", "seeds")
    assert paper.columns[-4:] == ("LPIPS", "paper", "LPIPS≈", "paper")
    assert {len(row.cells) for row in paper.rows} == {len(paper.columns)}
    assert paper.rows[1].cells[-3::2] == ("0.0460", "")


def test_latex_is_escaped() -> None:
    assert escape_latex("a_b & 50% {×2∘×2}") == r"a\_b \& 50\% \{$\times$2$\circ$$\times$2\}"


def test_caveats_follow_from_the_rows() -> None:
    few = " ".join(write_words(rows(), notes=[]).cannot)
    assert "2 seeds cannot settle it" in few
    assert "these had 150 steps" in few
    assert "untrained" in few
    assert "2 of 4 of the rows are below bicubic" in few
    many = " ".join(write_words(rows(seeds=3, steps=5000), notes=[]).cannot)
    assert "cannot settle it" not in many
    assert "had 5000 steps" not in many


def test_a_residual_students_teacher_is_named_only_where_there_is_one() -> None:
    for network, has_residual in (("VGG", False), ("residual", True)):
        labelled = [dataclasses.replace(row, label=f"WGAN + {network} (student)") for row in rows()]
        words = " ".join(write_words(labelled, notes=[]).cannot)
        assert "small students of them" in words
        assert ("EfficientNet" in words) == has_residual


def test_notes_on_lpips_claim_no_more_than_the_rows_tell(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.jsonl", rows())
    (note,) = [line for line in make_report(tmp_path).words.notes if line.startswith("No row has LPIPS")]
    assert "it was not asked for, or its weights were not there" in note
    measured = [dataclasses.replace(row, metric="LPIPS≈") for row in rows() if row.metric == "PSNR-paper"]
    for recipes, has_papers in ((PSNR, True), (("bicubic", "wgan-vgg"), False)):
        kept = [row for row in [*rows(), *measured] if row.recipe in recipes]
        write_scores(tmp_path / "scores.jsonl", kept)
        (note,) = [line for line in make_report(tmp_path).words.notes if line.startswith("LPIPS≈ is")]
        assert ("the paper's beside it included" in note) == has_papers


def test_a_folder_without_rows_is_told_what_it_is_and_what_helps(tmp_path: Path) -> None:
    def said(folder: Path) -> str:
        with pytest.raises(UserError) as found:
            make_report(folder)
        return str(found.value)

    assert said(tmp_path / "nowhere").startswith(f"there is no folder {tmp_path / 'nowhere'}; give")
    assert "holds no scores.jsonl, so neither esrlab study nor esrlab evaluate wrote it" in said(tmp_path)
    (tmp_path / "study.toml").touch()
    assert "no run of it has finished yet; run the same esrlab study command again" in said(tmp_path)
    (tmp_path / "recipe.json").touch()
    told = said(tmp_path)
    assert "is the folder of one training" in told
    assert f"esrlab evaluate {tmp_path} --benchmark NAME=DIR --scale N --out DIR" in told
    assert said(tmp_path / "recipe.json").startswith(f"{tmp_path / 'recipe.json'} is no folder")
    with pytest.raises(UserError, match="there is no folder"):
        merge_studies([tmp_path / "nowhere", tmp_path], tmp_path / "all")


def test_a_mean_of_fewer_images_is_marked_and_compared_on_common_ones_alone() -> None:
    whole = rows(seeds=1)
    distances = [dataclasses.replace(row, metric="LPIPS") for row in whole if row.metric == "PSNR-paper"]
    fewer = [
        row
        for row in [*whole, *distances]
        if (row.recipe, row.scale, row.image) != ("esrgan-vgg", 4, "Set5/a")
        and not (row.metric == "LPIPS" and row.image == "Set5/a")  # of nobody: as good as never asked for
    ]
    for table in build_tables(fewer):
        assert [row.cells[:2] for row in table.rows if "¶" in row.cells[1]] == [
            ("×4", "esrgan-vgg (untrained) ¶")
        ]
        (note,) = table.footnotes
        assert note.startswith(
            "¶ mean of fewer images, not comparable with the others: esrgan-vgg (untrained)"
        )
        assert note.endswith(" ×4 (1 of 2 images).")
        assert r"esrgan-vgg (untrained) \P{}" in to_latex(table)
        assert note in to_markdown(table)
    words = write_words(fewer, notes=[])
    assert not any("¶" in row.cells[1] for table in build_tables(whole) for row in table.rows)
    assert "scores higher on the 1 of 2 images that all have" in words.can[0]
    assert "scores higher on 2 images" in write_words(whole, notes=[]).can[0]
    assert any("on Set5: esrgan-vgg ×4 (1 of 2 images)" in line for line in words.cannot)
    lacking = [row for row in fewer if row.scale == 4]
    assert draw_planes(whole) is None
    planes = draw_planes(lacking)
    assert planes is not None
    assert "esrgan-vgg" not in {row.cells[1] for row in planes.table.rows}
    # esrgan-vgg is 1 dB below bicubic on the image that both have, though its mean is level with bicubic's.
    (below,) = [line for line in write_words(lacking, notes=[]).cannot if "below bicubic" in line]
    assert "1 of 2 of the rows" in below


def test_the_busiest_place_is_found() -> None:
    pixels = np.full((60, 80, 3), 0.5)
    pixels[24:40, 48:64] = np.random.default_rng(0).random((16, 16, 3))
    assert busiest_place(pixels, side=16, step=4) == (24, 48)
    assert busiest_place(pixels[:10, :10], side=16, step=4) == (0, 0)


def ended(*outcomes: str) -> list[Score]:
    """The made-up scores, the seeds of esrgan-vgg ×4 having ended so."""
    return [
        dataclasses.replace(score, outcome=outcomes[score.seed])
        if score.recipe == "esrgan-vgg" and score.scale == 4 and score.seed is not None
        else score
        for score in rows(seeds=len(outcomes))
    ]


def test_rows_of_collapsed_and_diverged_runs_are_marked_in_every_format() -> None:
    tables = build_tables(ended("collapsed", "", "diverged"))
    assert len(tables) == 2
    for table in tables:
        marked = [row.cells[:2] for row in table.rows if "†" in row.cells[1]]
        assert marked == [("×4", "esrgan-vgg (untrained) † ‡")]
        first, second = table.footnotes
        assert first.startswith("† collapsed")
        assert "esrgan-vgg (untrained) ×4 (1 of 3)" in first
        assert second.startswith("‡ diverged")
        shown = io.StringIO()
        Console(file=shown, width=100).print(to_terminal(table, width=100))
        assert "(untrained) †" in shown.getvalue().replace("\n", " ")
        assert "† collapsed" in shown.getvalue()
        assert first in to_markdown(table)
        latex = to_latex(table)
        assert r"esrgan-vgg (untrained) \dag{} \ddag{}" in latex
        assert r"\footnotesize \dag{} collapsed" in latex
        assert "†" not in latex
    assert all(table.footnotes == () for table in build_tables(rows()))


def test_an_outcome_is_kept_and_rows_of_before_there_was_one_are_read(tmp_path: Path) -> None:
    path, scores = tmp_path / "scores.jsonl", ended("", "diverged")
    write_scores(path, scores)
    assert read_scores(path) == scores
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text(
        "".join(json.dumps({k: v for k, v in line.items() if k != "outcome"}) + "\n" for line in lines)
    )
    assert read_scores(path) == [dataclasses.replace(score, outcome="") for score in scores]


def test_a_collapsed_run_is_put_into_words_and_its_curves_are_marked(tmp_path: Path) -> None:
    from matplotlib.axes import Axes

    outcome = {
        "outcome": "collapsed",
        "step": 60,
        "asked": 60,
        "signs": {"flat pictures": "flat pictures: 9.0 dB below bicubic"},
        "alarms": {"runaway critic": 40, "flat pictures": 30},
        "rollbacks": [],
    }
    curve = [{"step": step, "critic/gap": float(step)} for step in range(1, 61)]
    bad, good = RunLog("wgan-vgg", 4, 1, curve, outcome), RunLog("esrgan-vgg", 4, 0, curve)
    assert name_endings([good, bad]) == [
        "wgan-vgg ×4, seed 1, collapsed: flat pictures: 9.0 dB below bicubic, first seen at step 30."
    ]
    drawn: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Axes, "axvline", lambda self, x, **style: drawn.append(x))
        draw_figures(tmp_path, rows(), [good, bad])
    assert drawn == [30]


def test_a_metric_of_unknown_direction_is_named_as_not_compared(tmp_path: Path) -> None:
    foreign = [dataclasses.replace(row, metric="NIQE") for row in rows() if row.metric == "PSNR-Y/2"]
    write_scores(tmp_path / "scores.jsonl", [*rows(), *foreign])
    notes = make_report(tmp_path).words.notes
    assert any(note.startswith("NIQE: it is not known whether higher or lower is better") for note in notes)


def test_what_a_page_is_made_of_counts_seeds_and_trainings_and_nothing_else() -> None:
    folder = [
        dataclasses.replace(row, recipe="their-images", label="their-images", seed=None, step=None)
        for row in rows(seeds=1)
        if row.recipe == "wgan-vgg"
    ]
    assert summarise(rows(seeds=4)) == "2 recipes, ×2, ×4, 4 seeds, 2 benchmark images"
    both = summarise(rows(seeds=4) + folder)
    assert both == "2 recipes, 1 method of unknown training, ×2, ×4, 4 seeds, 2 benchmark images"
    low = [dataclasses.replace(row, value=row.value - 9) for row in folder]
    (below,) = [line for line in write_words(rows() + low, notes=()).cannot if "below bicubic" in line]
    assert "2 of the 4" in below or "2 of 4" in below
