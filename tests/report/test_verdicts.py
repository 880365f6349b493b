"""Verdicts as people read them: one sentence each, tables in three formats, notes that say what to know."""

import dataclasses
import json
import re
import sys
from datetime import date
from pathlib import Path

import pytest

from esrlab.core.metrics import described
from esrlab.core.scores import Score, write_scores
from esrlab.errors import UserError
from esrlab.report.formats import to_latex, to_markdown
from esrlab.report.limitations import Words, learnt_metrics, write_words
from esrlab.report.merging import merge_studies
from esrlab.report.page.build import write_page
from esrlab.report.tables import build_tables
from esrlab.report.tidy import verdicts_as_csv
from esrlab.report.verdict_text import show, show_p, write_sentence
from esrlab.report.verdicts import COVERAGE, Judgement, as_record, judge_study
from esrlab.statistics.claim_register import dated_claims, register_claims
from esrlab.statistics.claims import Assertion, Claim, read_asked_claims
from esrlab.statistics.verdicts import judge

NAMES = {"a": "WGAN + VGG", "b": "ESRGAN + VGG"}
AROUND = (0.1, -0.1, 0.0)
"""What three seeds add to a mean."""


def scores(
    leads: dict[str, float], *, seeds: int = 3, scale: int = 2, metric: str = "PSNR-Y/2"
) -> list[Score]:
    return [
        Score(
            study="s",
            recipe=recipe,
            label=NAMES.get(recipe, recipe),
            scale=scale,
            seed=seed,
            step=5000,
            image=f"Set5/{image}",
            metric=metric,
            value=30 + lead + (AROUND[seed] if recipe == "a" else 0.02 * seed) + image,
        )
        for recipe, lead in leads.items()
        for seed in range(seeds)
        for image in range(4)
    ]


def claim(*metrics: str, kind: str = "better") -> Claim:
    asserted = Assertion(kind=kind, recipe="a", rival="b", scales=(2,), metrics=metrics)  # pyright: ignore[reportArgumentType]
    return Claim(id="X1", words="a is better", assertions=(asserted,))


def sentence(rows: list[Score], asked: Claim) -> str:
    (verdict,) = judge(rows, [asked])
    return write_sentence(verdict, names=NAMES)


def test_an_undecided_claim_in_one_sentence() -> None:
    said = sentence(scores({"a": 0.12, "b": 0.0}), claim("PSNR"))
    assert said.startswith(
        "X1 undecided: at ×2 WGAN + VGG is 0.10 dB above ESRGAN + VGG in PSNR-Y/2 (95% interval "
    )
    assert "after Holm; 3 seeds, 4 images); about " in said
    assert said.endswith("more seeds would settle it, before Holm.")


def test_a_supported_claim_says_where_both_recipes_are_below_bicubic(tmp_path: Path) -> None:
    (tmp_path / "claims.toml").write_text(
        '[[claims]]\nid = "X1"\nwords = "."\nbetter = "a"\nthan = "b"\nscales = [2]\nmetrics = ["PSNR"]\n'
    )
    trained = scores({"a": 2.0, "b": 0.0})
    for level, words in (
        (
            3.5,
            "; but WGAN + VGG and ESRGAN + VGG are both below bicubic in PSNR-Y, at ×2 by 1.50 and 3.48 dB.",
        ),
        (1.0, None),
    ):
        base = [dataclasses.replace(row, seed=None) for row in scores({"bicubic": level}, seeds=1)]
        (said,) = [
            line for line in judge_study(tmp_path, [*trained, *base]).sentences if line.startswith("X1")
        ]
        assert said.startswith("X1 supported")
        assert said.endswith(words) if words else "bicubic" not in said


def test_a_lead_that_grows_has_the_interval_of_its_growth() -> None:
    rows = [
        *scores({"a": 0.5, "b": 0.0}),
        *(
            dataclasses.replace(row, value=row.value + 0.1 * (row.seed == 1))
            for row in scores({"a": 2.5}, scale=3, metric="PSNR-Y/3")
        ),
        *scores({"b": 0.0}, scale=3, metric="PSNR-Y/3"),
    ]
    asserted = Assertion(kind="shrinks", recipe="a", rival="b", scales=(2, 3), metrics=("PSNR",))
    said = sentence(rows, Claim(id="X1", words="a's lead shrinks", assertions=(asserted,)))
    found = re.search(r"grows by (\S+) dB \(95% interval (\S+) … (\S+);", said)
    assert found is not None, said
    amount, low, high = (float(one) for one in found.groups())
    assert 0 < low < amount < high
    assert amount == pytest.approx(2 + 0.1 / 3, abs=0.01)


def test_supported_and_contradicted_claims() -> None:
    assert sentence(scores({"a": 9.0, "b": 0.0}), claim("PSNR")).startswith(
        "X1 supported: at ×2 WGAN + VGG is 8.98 dB"
    )
    said = sentence(scores({"a": -9.0, "b": 0.0}), claim("PSNR"))
    assert said.startswith("X1 contradicted: at ×2 WGAN + VGG is 9.02 dB below ESRGAN + VGG")
    assert said.endswith("3 seeds, 4 images).")


def test_one_seed_says_plainly_that_nothing_follows_about_the_loss() -> None:
    said = sentence(scores({"a": 1.0, "b": 0.0}, seeds=1), claim("PSNR"))
    assert said == (
        "X1 undecided: with one seed nothing can be concluded about the loss, only about this model, of "
        "which it is true that at ×2 WGAN + VGG is 1.10 dB above ESRGAN + VGG in PSNR-Y/2 (4 images)."
    )


def test_several_parts_are_counted_and_what_is_missing_is_named() -> None:
    rows = scores({"a": 9.0, "b": 0.0}) + scores({"a": 0.0, "b": 0.0}, metric="LPIPS≈")
    said = sentence(rows, claim("PSNR", "SSIM", "LPIPS"))
    assert (
        "of 3 parts 1 holds, 1 is open, 1 is missing (the study has no a at ×2 in SSIM or b at ×2 in SSIM)"
        in said
    )
    assert "in LPIPS≈, an imitation of LPIPS where smaller is better" in said
    absent = sentence(scores({"a": 1.0}), claim("PSNR"))
    assert absent == "X1 not examined: the study has no b at ×2."


def test_images_that_do_not_count_are_told() -> None:
    rows = scores({"a": 1.0, "b": 0.0})
    rows[0] = dataclasses.replace(rows[0], value=float("inf"))
    assert "3 images); 1 image with an infinite value or none left out" in sentence(rows, claim("PSNR"))
    assert "3 images); 1 image not scored by all left out" in sentence(rows[1:], claim("PSNR"))


def test_decimals_fit_the_metric_and_nothing_is_shown_as_zero() -> None:
    info = described("PSNR-Y/s")
    assert show([-0.126, 0.3], info) == ["−0.13", "0.30"]
    assert show([0.0004], info) == ["0.0004"]
    assert show([0.0], info) == ["0.00000000"]
    assert [show_p(p) for p in (0.0004, 0.0321, 0.214, 1.0)] == ["below 0.001", "0.032", "0.21", "1.00"]


@pytest.fixture
def judged(tmp_path: Path) -> Judgement:
    (tmp_path / "study.toml").write_text(
        '[[claims]]\nid = "mine"\nwords = "a beats b"\n'
        'better = "a"\nthan = "b"\nscales = [2]\nmetrics = ["PSNR"]\n'
    )
    register_claims(tmp_path, read_asked_claims(tmp_path), has_results=False)
    paper = [dataclasses.replace(row, recipe="esrgan-vgg") for row in scores({"b": 0.0})]
    against = [dataclasses.replace(row, recipe="wgan-vgg") for row in scores({"a": 0.0})]
    return judge_study(tmp_path, scores({"a": 0.1, "b": 0.0}) + paper + against)


def test_the_papers_claims_come_first_then_the_users_and_last_what_is_not_examined(judged: Judgement) -> None:
    order = ["A1", "mine", "A2", "A3", "B1", "B2", "C1", "C2", "D1"]
    assert [verdict.claim.id for verdict in judged.verdicts] == order
    absent = "wgan-vgg at ×3 or esrgan-vgg at ×3 or wgan-vgg at ×4 (and 1 more)"
    assert judged.sentences[2] == f"A2 not examined: the study has no {absent}."
    short, parts = judged.tables
    assert short.rows[1].cells == ("mine", "a beats b", "undecided", "0", "0", "1", "0")
    assert parts.rows[-1].cells[:4] == ("mine", "×2: a − b", "PSNR-Y/2", "0.08")
    assert [row.cells[0] for row in parts.rows] == ["A1", "mine"]


def test_tables_go_into_every_format(judged: Judgement) -> None:
    for table in judged.tables:
        assert "undecided" in to_markdown(table) or "PSNR-Y/2" in to_markdown(table)
        latex = to_latex(table)
        assert all(ord(letter) < 128 for letter in latex), latex


def test_notes_say_how_far_intervals_and_tests_can_be_trusted(judged: Judgement) -> None:
    notes = " ".join(judged.notes)
    for seeds, percent in COVERAGE.items():
        assert f"{percent}% with {seeds} seeds" in notes
    assert "Tests over images are left out on purpose" in notes
    assert "all comparisons of claims that were written before the results (2;" in notes


def test_a_claim_written_after_results_is_exploratory_and_changes_no_other_verdict(
    tmp_path: Path,
) -> None:
    paper = [dataclasses.replace(row, recipe="esrgan-vgg") for row in scores({"b": 0.3})]
    rows = scores({"a": 9.0, "b": 0.0}) + paper
    rows += [dataclasses.replace(row, recipe="wgan-vgg") for row in scores({"a": 0.0})]
    before = judge_study(tmp_path, rows)
    (tmp_path / "study.toml").write_text(
        '[[claims]]\nid = "mine"\nwords = "a beats b"\n'
        'better = "a"\nthan = "b"\nscales = [2]\nmetrics = ["PSNR"]\n'
    )
    after = judge_study(tmp_path, rows)
    mine = next(verdict for verdict in after.verdicts if verdict.claim.id == "mine")
    assert [v for v in after.verdicts if v.claim.id != "mine"] == list(before.verdicts)
    assert (mine.outcome, mine.family) == ("supported", 1)
    day = date.fromisoformat(mine.claim.exploratory).isoformat()
    assert any(said.startswith(f"mine supported (exploratory, written {day}): ") for said in after.sentences)
    assert f"supported (exploratory, written {day})" in {row.cells[2] for row in after.tables[0].rows}
    assert any("a family of their own (1 comparison)" in note for note in after.notes)
    assert f",{day}," in verdicts_as_csv(after)


def test_the_interval_is_that_of_the_test_and_the_bootstrap_stands_beside_it() -> None:
    (verdict,) = judge(scores({"a": 0.12, "b": 0.0}), [claim("PSNR")])
    (finding,) = verdict.findings
    found = finding.comparison
    assert found is not None
    assert found.interval is not None
    assert found.bootstrap is not None
    low, high = found.interval
    assert (low < 0 < high) == (found.p is not None and found.p > 0.05)
    assert high - low > found.bootstrap[1] - found.bootstrap[0]


def test_lpips_of_a_recipe_that_was_trained_on_it_has_its_caveat(tmp_path: Path) -> None:
    rows = [
        dataclasses.replace(row, recipe=recipe, label=label, metric="LPIPS")
        for recipe, name, label in (
            ("esrgan-vgg", "a", "ESRGAN + VGG + LPIPS"),
            ("wgan-vgg", "b", "WGAN + VGG"),
        )
        for row in scores({name: 0.0})
    ]
    notes = " ".join(judge_study(tmp_path, rows).notes)
    assert "esrgan-vgg: it was trained on LPIPS and is evaluated with it" in notes
    marked = {row.cells[1] for table in build_tables(rows + in_psnr(rows)) for row in table.rows}
    assert "esrgan-vgg §" in marked
    assert "wgan-vgg" in marked
    assert any("LPIPS loss" in line for line in write_words(rows, notes=()).cannot)
    assert not learnt_metrics(["WGAN + VGG (student) [shares: content 50%]"])
    assert learnt_metrics(["L1 + LPIPS≈ (student), ×2∘×2"])


def in_psnr(rows: list[Score]) -> list[Score]:
    return [dataclasses.replace(row, metric="PSNR-Y/2") for row in rows]


def test_records_for_programs_are_json(judged: Judgement) -> None:
    records = [as_record(*pair) for pair in zip(judged.verdicts, judged.sentences, strict=True)]
    read = json.loads(json.dumps(records, allow_nan=False))
    assert read[0]["parts"][0]["paired"] is True
    assert read[0]["parts"][0]["standing"] == "open"
    assert read[0]["verdict"] == "undecided"


def test_a_study_that_no_claim_is_about_has_one_line(tmp_path: Path) -> None:
    found = judge_study(tmp_path, scores({"a": 0.5, "b": 0.0}))
    assert found.tables == ()
    assert found.sentences == (
        "None of the paper's claims is examined: their recipes are not in this study's rows.",
    )


def test_without_scipy_a_report_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(UserError, match=r"need scipy: pip install 'esrlab\[report\]'"):
        judge_study(tmp_path, scores({"a": 0.5, "b": 0.0}))


def test_the_page_shows_verdicts_first_and_escaped(judged: Judgement, tmp_path: Path) -> None:
    wicked = dataclasses.replace(judged, sentences=("A1 <script> undecided",))
    words = Words(can=(), cannot=(), notes=())
    rows = scores({"a": 0.5, "b": 0.0})
    write_page(
        tmp_path / "page.html", tmp_path, rows, [], title="t", judgement=wicked, tables=(), words=words
    )
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "A1 &lt;script&gt; undecided" in page
    assert page.index(">Verdicts</h2>") < page.index("<td>mine</td>") < page.index("What this can show, and")


def test_a_claim_in_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    for text, message in (
        ('[[claims]]\nid = "mine"\n', r"claims\.0\.words: is missing"),
        ("[[claims\n", "not valid TOML"),
        ("claims = 3\n", "claims: should be"),
        ("claims = [3]\n", r"claims\.0: should be"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            judge_study(tmp_path, scores({"a": 0.5}))


def test_a_merged_report_keeps_the_day_and_the_standing_of_claims(tmp_path: Path) -> None:
    text = '[[claims]]\nid = "mine"\nwords = "w"\nbetter = "a"\nthan = "b"\nscales = [2]\n'
    for name, has_results in (("planned", False), ("later", True)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "study.toml").write_text(text.replace("[2]", "[2]" if name == "planned" else "[2, 3]"))
        write_scores(folder / "scores.jsonl", scores({name: 0.5}))
        register_claims(folder, read_asked_claims(folder), has_results=has_results)
    merged = merge_studies([tmp_path / "planned", tmp_path / "later"], tmp_path / "both")
    found = {claim.id: bool(claim.exploratory) for claim in dated_claims(merged, has_results=True)}
    assert found == {"mine": False, "mine.2": True}
