"""A study carried out, cut, gone on with, with a run that fails; and its report, rebuilt from rows alone."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.core.scores import Score, read_scores, write_scores
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError, UserError
from esrlab.models.generator_files import save_generator
from esrlab.report.build import make_report
from esrlab.study import runner as laboratory
from esrlab.study.folder import choose_metrics
from esrlab.study.runner import run_study
from esrlab.study.spec import PlannedRun, Study, parse_study, plan_runs
from esrlab.training.state import start_run
from tiny import TINY

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")


class Callbacks:
    """Notes what it is told; fails or stops where it is told to."""

    def __init__(self, *, fail: str = "", stop: str = "") -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.failed: dict[str, str] = {}
        self.heard: list[tuple[str, str]] = []
        self.judged: list[tuple[str, int, int, int]] = []
        self._fail, self._stop = fail, stop

    def run_began(self, run: PlannedRun) -> None:
        self.began.append(run.name)

    def on_step(self, run: PlannedRun, step: int, row: dict[str, Any]) -> None:
        if run.name == self._fail:
            raise UserError("the disk is full")
        if run.name == self._stop:
            raise KeyboardInterrupt

    def run_ended(self, run: PlannedRun, scores: list[Score], *, seconds: float) -> None:
        self.ended.append(run.name)

    def run_failed(self, run: PlannedRun, reason: str) -> None:
        self.failed[run.name] = reason

    def on_message(self, run: PlannedRun, words: str) -> None:
        self.heard.append((run.name, words))

    def evaluating(self, name: str, scale: int, image: int, images: int) -> None:
        self.judged.append((name, scale, image, images))

    def evaluated(self, *, scale: int, seconds: float) -> None:
        assert seconds > 0


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two recipes, ×2 and ×4, two seeds, judged by one small photograph."""
    from esrlab.data.image_files import write_image
    from esrlab.data.photos.benchmark import open_benchmark

    folder = tmp_path_factory.mktemp("benchmark")
    _, chelsea = next(open_benchmark("samples", name="samples").images())
    write_image(chelsea[..., 80:200, 120:260], folder / "<b>eye.png")
    vgg = {"terms.content.loss.layers": "conv1_2"}
    return parse_study(
        {
            "name": "small",
            "benchmarks": {"cats": str(folder)},
            "scales": [2, 4],
            "seeds": [0, 1],
            "weights": "untrained",
            "fields": TINY,
            "recipes": {"wgan-vgg": vgg, "esrgan-vgg": vgg},
        }
    )


@pytest.fixture(scope="module")
def done(study: Study, samples: Photos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study carried out once: cut in the middle first, then gone on with."""
    out = tmp_path_factory.mktemp("studies") / "small"
    with pytest.raises(KeyboardInterrupt):
        run_study(study, out=out, device=CPU, photos=samples, watcher=Callbacks(stop="esrgan-vgg-x2-s0"))
    assert len(read_scores(out / "scores.jsonl")) > 0
    watcher = Callbacks()
    assert run_study(study, out=out, device=CPU, photos=samples, watcher=watcher) == []
    assert "wgan-vgg-x2-s0" not in watcher.began, "what was finished is not repeated"
    assert len(watcher.ended) == 6
    return out


def test_rows_are_tidy_and_hold_bicubic_and_the_cascade(done: Path) -> None:
    scores = read_scores(done / "scores.jsonl")
    found = {(score.recipe, score.scale, score.seed) for score in scores}
    expected = {("bicubic", 2, None), ("bicubic", 4, None)}
    for recipe in ("wgan-vgg", "esrgan-vgg"):
        for seed in (0, 1):
            expected |= {(recipe, 2, seed), (recipe, 4, seed), (f"{recipe}-cascade", 4, seed)}
    assert found == expected
    assert {score.image for score in scores} == {"cats/<b>eye"}
    assert {score.metric for score in scores if score.scale == 4} == {
        *("PSNR-Y/4", "SSIM-Y/4", "PSNR-RGB/4", "SSIM-RGB/4", "PSNR-paper", "SSIM-paper")
    }
    assert all("(untrained)" in score.label for score in scores if score.recipe != "bicubic")
    assert len(scores) == len(found) * 6


def test_nothing_is_repeated_and_another_study_is_refused(done: Path, study: Study, samples: Photos) -> None:
    before = (done / "scores.jsonl").read_bytes()
    watcher = Callbacks()
    run_study(study, out=done, device=CPU, photos=samples, watcher=watcher)
    assert watcher.began == []
    assert (done / "scores.jsonl").read_bytes() == before
    changes: list[tuple[dict[str, Any], str]] = [
        ({"seeds": (0, 2)}, r"seeds\.1: 1 there, 2 asked"),
        ({"fields": {**study.fields, "steps": 4}}, r"fields\.steps: 3 there, 4 asked"),
        (
            {"seeds": (0, 1, 2), "benchmarks": {"cats": "samples"}},
            r"benchmarks\.cats\.count: 1 there, 3 asked",
        ),
        ({"weights": "student"}, r"weights: 'untrained' there"),
        ({"recipes": {"wgan-vgg": {}, "esrgan-vgg": {}, "psnr": {}}}, r"recipes\.wgan-vgg\.terms"),
    ]
    for change, named in changes:
        other = study.model_copy(update=change)
        with pytest.raises(UsageError, match=f"(another study|on other data)[^$]*{named}"):
            run_study(other, out=done, device=CPU, photos=samples, watcher=watcher)
    with pytest.raises(UsageError, match="not empty"):
        run_study(study, out=done / "runs", device=CPU, photos=samples, watcher=watcher)


def test_a_failed_run_is_kept_reported_and_stops_nothing(
    study: Study, samples: Photos, tmp_path: Path
) -> None:
    one_seed = study.model_copy(update={"seeds": (0,)})
    out = tmp_path / "study"
    watcher = Callbacks(fail="wgan-vgg-x4-s0")
    failed = run_study(one_seed, out=out, device=CPU, photos=samples, watcher=watcher)
    assert [run.name for run in failed] == ["wgan-vgg-x4-s0"]
    assert watcher.failed == {"wgan-vgg-x4-s0": "the disk is full"}
    assert watcher.ended == ["wgan-vgg-x2-s0", "esrgan-vgg-x2-s0", "esrgan-vgg-x4-s0"]
    assert "the disk is full" in (out / "runs" / "wgan-vgg-x4-s0" / "failed.txt").read_text()
    report = make_report(out)
    assert report.words.notes[0].startswith(
        "Unfinished: 3 of 4 runs have their scores; missing are wgan-vgg-x4-s0"
    )
    assert "wgan-vgg-x4-s0 failed" in (out / "report.md").read_text()
    assert run_study(one_seed, out=out, device=CPU, photos=samples, watcher=Callbacks()) == [], "tried again"
    assert not any("failed" in note or "Unfinished" in note for note in make_report(out).words.notes)


def test_data_that_changed_since_the_study_began_are_refused(
    done: Path, study: Study, samples: Photos, tmp_path: Path
) -> None:
    fewer = Photos("fewer", samples.members[:3])
    with pytest.raises(UsageError, match=r"photos\.count: 5 there, 3 asked"):
        run_study(study, out=done, device=CPU, photos=fewer, watcher=Callbacks())
    folder = Path(study.benchmarks["cats"])
    extra = folder / "extra.png"
    shutil.copy(folder / "<b>eye.png", extra)
    try:
        with pytest.raises(UsageError, match=r"benchmarks\.cats\.count: 1 there, 2 asked"):
            run_study(study, out=done, device=CPU, photos=samples, watcher=Callbacks())
    finally:
        extra.unlink()


def test_a_cut_log_does_not_stop_the_report(done: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(done, cut)
    for log in (cut / "runs").glob("*/log.jsonl"):
        log.write_bytes(log.read_bytes()[:-20])
    assert make_report(cut).tables == make_report(done).tables


def test_an_adversary_that_does_not_pull_is_named(done: Path) -> None:
    named = [
        note for note in make_report(done).words.notes if note.startswith("Adversaries with almost no pull")
    ]
    assert len(named) == 1
    assert ": wgan-vgg ×2 (" in named[0]
    assert "esrgan-vgg ×2" not in named[0]


def test_a_broken_disk_in_scoring_is_a_failed_run_too(
    study: Study, samples: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, *, scale: int) -> None:
        raise UserError(f"cannot load a generator from {path}")

    monkeypatch.setattr(laboratory, "open_generator", broken)
    one = study.model_copy(update={"seeds": (0,), "scales": (2,)})
    failed = run_study(one, out=tmp_path / "study", device=CPU, photos=samples, watcher=Callbacks())
    assert len(failed) == 2


def test_the_report_is_rebuilt_from_the_rows_alone_and_always_the_same(done: Path, tmp_path: Path) -> None:
    first = make_report(done)
    texts = {path.name: path.read_bytes() for path in first.files}
    assert {"report.html", "report.md", "tables.tex", "crops-x2.png", "curves-x4.png"} <= texts.keys()
    again = make_report(done)
    assert {path.name: path.read_bytes() for path in again.files} == texts
    (tmp_path / "bare").mkdir()
    shutil.copy(done / "scores.jsonl", tmp_path / "bare")
    bare = make_report(tmp_path / "bare")
    assert bare.tables == first.tables
    assert (tmp_path / "bare" / "tables.tex").read_bytes() == texts["tables.tex"]
    assert bare.judgement == first.judgement
    assert first.judgement.sentences[0].startswith("A1 undecided: of 3 parts 2 are open, 1 is missing")
    assert texts["report.md"].index(b"## Verdicts") < texts["report.md"].index(b"## Tables")


def test_the_report_escapes_what_comes_from_outside(done: Path, tmp_path: Path) -> None:
    scores = [
        dataclasses.replace(score, label=f"<img src=x>{score.label}")
        for score in read_scores(done / "scores.jsonl")
    ]
    (tmp_path / "bad").mkdir()
    write_scores(tmp_path / "bad" / "scores.jsonl", scores)
    make_report(tmp_path / "bad")
    assert "<img src=x>" not in (tmp_path / "bad" / "report.html").read_text()
    assert "<img src=x>" not in (tmp_path / "bad" / "report.md").read_text()


def test_a_folder_without_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no scores\.jsonl"):
        make_report(tmp_path)
    (tmp_path / "scores.jsonl").write_text("")
    with pytest.raises(UserError, match="no run of this study has finished"):
        make_report(tmp_path)
    (tmp_path / "scores.jsonl").write_text('{"value": 3}\n')
    with pytest.raises(UserError, match="line 1: "):
        make_report(tmp_path)


def test_missing_weights_stop_a_study_before_it_begins(
    study: Study, samples: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ESRLAB_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    real = study.model_copy(update={"weights": "real"})
    watcher = Callbacks()
    with pytest.raises(UserError, match="esrlab weights get vgg19"):
        run_study(real, out=tmp_path / "study", device=CPU, photos=samples, watcher=watcher)
    assert not (tmp_path / "study").exists()
    assert watcher.began == []


def test_a_missing_start_stops_a_study_before_it_begins_and_images_are_counted(
    study: Study, samples: Photos, tmp_path: Path
) -> None:
    start = tmp_path / "start.safetensors"
    fields = {**study.fields, "generator.init": str(start)}
    one = study.model_copy(update={"seeds": (0,), "scales": (2,), "fields": fields})
    out, watcher = tmp_path / "study", Callbacks()
    with pytest.raises(UserError, match=r"start\.safetensors"):
        run_study(one, out=out, device=CPU, photos=samples, watcher=watcher)
    assert not out.exists()
    assert watcher.began == []
    first = plan_runs(study)[0].recipe
    save_generator(start_run(first, seed=0, device=CPU).generator, start, about={})
    assert run_study(one, out=out, device=CPU, photos=samples, watcher=watcher) == []
    assert watcher.judged == [(name, 2, 1, 1) for name in ("bicubic", "wgan-vgg", "esrgan-vgg")]
    start.unlink()
    assert run_study(one, out=out, device=CPU, photos=samples, watcher=watcher) == [], (
        "finished runs need none"
    )


def test_lpips_is_measured_where_its_weights_are_and_na_where_not(
    study: Study, samples: Photos, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = study.model_copy(update={"seeds": (0,), "scales": (2,)})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for weights, metric, note in (
        (str(shared / "weights"), {"LPIPS"}, "LPIPS: AlexNet"),
        (str(tmp_path / "none"), set[str](), "No row has LPIPS"),
    ):
        monkeypatch.setenv("ESRLAB_WEIGHTS", weights)
        out = tmp_path / ("with" if metric else "without")
        run_study(one, out=out, device=CPU, photos=samples, watcher=Callbacks())
        found = {score.metric for score in read_scores(out / "scores.jsonl")}
        assert {name for name in found if name.startswith("LPIPS")} == metric
        report = make_report(out)
        assert any(note in line for line in report.words.notes)
        cells = {row.cells[report.tables[0].columns.index("LPIPS")] for row in report.tables[0].rows}
        assert ("n/a" in cells) == (not metric)


def test_a_study_of_students_is_judged_by_lpips_where_it_is_at_hand(
    study: Study, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    students = study.model_copy(update={"weights": "student"})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(tmp_path))
    assert [part.label for part in choose_metrics(students, tmp_path)][-1] == "LPIPS≈"
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(shared / "weights"))
    assert [part.label for part in choose_metrics(students, tmp_path)][-1] == "LPIPS"


def test_a_study_of_students_is_judged_by_the_student_where_lpips_is_not_at_hand(
    study: Study, samples: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("ESRLAB_WEIGHTS", "")
    fields = {key: value for key, value in TINY.items() if "content" not in key}
    recipes: dict[str, dict[str, Any]] = {"wgan-vgg": {}, "wgan-resnet": {}}
    one = study.model_copy(
        update={"seeds": (0,), "scales": (2,), "weights": "student", "fields": fields, "recipes": recipes}
    )
    run_study(one, out=tmp_path / "study", device=CPU, photos=samples, watcher=Callbacks())
    scores = read_scores(tmp_path / "study" / "scores.jsonl")
    assert {score.metric for score in scores if score.metric.startswith("LPIPS")} == {"LPIPS≈"}
    assert {score.label for score in scores} == {
        "bicubic",
        "WGAN + VGG (student)",
        "WGAN + residual (student)",
    }
    report = make_report(tmp_path / "study")
    assert any("not LPIPS" in note for note in report.words.notes)
    assert report.tables[0].columns[-2:] == ("LPIPS≈", "paper")


def test_collapse_and_divergence_are_results_marked_in_every_table(samples: Photos, tmp_path: Path) -> None:
    fields = {key: value for key, value in TINY.items() if "adversarial" not in key}
    high = {"base": "psnr", "generator.init": "interpolation", "engine.max_rollbacks": 0, "steps": 30}
    study = parse_study(
        {
            "name": "high",
            "scales": [2],
            "seeds": [0],
            "weights": "untrained",
            "fields": fields,
            "recipes": {
                "psnr": {},
                "high": {**high, "optimiser.learning_rate": 0.02},
                "higher": {**high, "optimiser.learning_rate": 1.0},
            },
        }
    )
    watcher = Callbacks()
    assert run_study(study, out=tmp_path, device=CPU, photos=samples, watcher=watcher) == []
    assert [name for name, _ in watcher.heard] == ["high-x2-s0", "higher-x2-s0"]
    assert watcher.heard[0][1].startswith("sign of collapse at step 30")
    assert "stops as diverged" in watcher.heard[1][1]
    scores = read_scores(tmp_path / "scores.jsonl")
    assert {(score.recipe, score.outcome, score.step) for score in scores} == {
        ("bicubic", "", None),
        ("psnr", "", 3),
        ("high", "collapsed", 30),
        ("higher", "diverged", 0),
    }
    report = make_report(tmp_path)
    assert [row.cells[1] for row in report.tables[0].rows] == ["bicubic", "psnr", "high †", "higher ‡"]
    notes = " ".join(report.words.notes)
    assert "high ×2, seed 0, collapsed: fallen pictures" in notes
    assert "first seen at step 30" in notes
    assert "higher ×2, seed 0, diverged: it was stopped after 1 rollback, the last" in notes
    page = (tmp_path / "report.html").read_text()
    assert "† collapsed" in page
    assert "‡ diverged" in page
    assert "seed 0, after step 30, collapsed" in page, "maps of what it came to are shown, too"
    assert "seed 0, after step 0, diverged" in page


def test_two_processes_do_not_carry_out_one_study(study: Study, samples: Photos, tmp_path: Path) -> None:
    out = tmp_path / "study"

    class Second(Callbacks):
        def run_began(self, run: PlannedRun) -> None:
            with pytest.raises(UserError, match="in use by process"):
                run_study(study, out=out, device=CPU, photos=samples, watcher=Callbacks())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, out=out, device=CPU, photos=samples, watcher=Second())
