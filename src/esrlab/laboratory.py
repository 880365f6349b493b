"""Carrying a study out: its runs, their scores, its pictures; here, one after the other.

A study's folder: study.toml, runs/<recipe>-x<scale>-s<seed>/, scores.jsonl, and pictures/x<scale>/<method>/
of the first seed. A run that has its scores is finished; a failed one leaves failed.txt and the others go on.
"""

import json
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from esrlab.checkpoint import load_generator
from esrlab.errors import UsageError
from esrlab.evaluation import Picture, evaluate, perceptual_metric
from esrlab.files import to_json, write_text
from esrlab.images import write_image
from esrlab.interruption import Interrupted
from esrlab.metrics import Metric, paper_metrics, standard_metrics
from esrlab.perception import LPIPSWeights, has_real_lpips
from esrlab.photos import Benchmark, Photos, open_benchmark
from esrlab.runs import differences, train
from esrlab.scores import BICUBIC, CASCADE, Score, read_scores, write_scores
from esrlab.study import PlannedRun, Study, dump_study, plan_runs, read_asked
from esrlab.upscaling import Upscaler, bicubic_upscaler, cascade, generator_upscaler


class StudyWatcher(Protocol):
    """Is told how a study goes."""

    def run_began(self, run: PlannedRun) -> None: ...
    def stepped(self, run: PlannedRun, step: int, row: dict[str, Any]) -> None: ...
    def run_ended(self, run: PlannedRun, scores: list[Score], *, seconds: float) -> None: ...
    def run_failed(self, run: PlannedRun, reason: str) -> None: ...
    def evaluated(self, *, scale: int, seconds: float) -> None: ...


MANIFEST = "manifest.json"
"""Beside study.toml: which runs, photographs and benchmark images the study's rows rest on."""


@dataclass
class Laboratory:
    """A study at work: what it has opened, and where it writes."""

    study: Study
    out: Path
    device: torch.device
    photos: Photos
    benchmarks: tuple[Benchmark, ...]
    perceptual: tuple[Metric, ...]
    watcher: StudyWatcher
    failed: list[PlannedRun] = field(default_factory=list)


def run_study(
    study: Study,
    *,
    out: Path,
    device: torch.device,
    photos: Photos,
    watcher: StudyWatcher,
) -> list[PlannedRun]:
    """Carries a study out in `out`, leaving alone what is finished there; returns the runs that failed.

    Raises UsageError when `out` holds another study, Interrupted when asked to stop.
    """
    runs = plan_runs(study)
    benchmarks = tuple(open_benchmark(source, name=name) for name, source in study.benchmarks.items())
    require_losses(runs, device=device)
    has_begun = refuse_other_study(study, out)
    manifest = describe_data(runs, photos, benchmarks) | {"perceptual": _begun_with(out, study)}
    _refuse_other_data(out, manifest)
    perceptual = tuple(perceptual_metric(kind, device=device) for kind in manifest["perceptual"])
    if not has_begun:
        write_text(out / "study.toml", dump_study(study))
    write_text(out / MANIFEST, to_json(manifest, indent=2) + "\n")
    lab = Laboratory(study, out, device, photos, benchmarks, perceptual, watcher)
    _score_bicubic(lab)
    for run in runs:
        if (run_folder(lab, run) / "scores.jsonl").exists():
            continue
        _attempt(lab, run)
        collect_scores(out, runs)
    collect_scores(out, runs)
    return lab.failed


def require_losses(runs: tuple[PlannedRun, ...], *, device: torch.device) -> None:
    """Builds every loss of the plan once, so that weights that are missing stop a study before it begins."""
    losses = {term.loss.model_dump_json(): term.loss for run in runs for term in run.recipe.terms}
    for loss in losses.values():
        loss.ready(device)


def describe_data(
    runs: tuple[PlannedRun, ...], photos: Photos, benchmarks: tuple[Benchmark, ...]
) -> dict[str, Any]:
    """What a study's rows rest on beside study.toml: its runs, its photographs, its benchmarks' images."""
    return {
        "runs": [run.name for run in runs],
        "photos": {"count": len(photos.members), "fingerprint": photos.fingerprint},
        "benchmarks": {
            benchmark.name: {"count": len(benchmark.members), "fingerprint": benchmark.fingerprint}
            for benchmark in benchmarks
        },
    }


def _begun_with(out: Path, study: Study) -> list[LPIPSWeights]:
    """The LPIPS that this study is judged by, the same from its first run to its last.

    LPIPS≈ for students, else LPIPS; none where its weights were not here when the study began: tables
    show "n/a" then, and the report tells how to get the weights.
    """
    if (out / MANIFEST).exists():
        return json.loads((out / MANIFEST).read_text(encoding="utf-8"))["perceptual"]
    if study.weights == "student":
        return ["student"]
    return ["real"] if has_real_lpips() else []


def _refuse_other_data(out: Path, manifest: dict[str, Any]) -> None:
    if (out / MANIFEST).exists():
        changed = differences(json.loads((out / MANIFEST).read_text(encoding="utf-8")), manifest)
        if changed:
            raise UsageError(
                f"{out} was begun on other data; choose a new folder with --out, or bring the old back:\n"
                + "\n".join(f"  {line}" for line in changed)
            )


def refuse_other_study(study: Study, out: Path) -> bool:
    """Whether `out` holds this study already; UsageError when it holds another one or anything else."""
    if (out / "study.toml").exists():
        changed = differences(read_asked(out).model_dump(mode="json"), study.model_dump(mode="json"))
        if changed:
            raise UsageError(
                f"{out} holds another study; choose a new folder with --out, or ask for the same again:\n"
                + "\n".join(f"  {line}" for line in changed)
            )
        return True
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty and holds no study; choose a new folder with --out")
    return False


def run_folder(lab: Laboratory, run: PlannedRun) -> Path:
    """Where a run of this study lies."""
    return lab.out / "runs" / run.name


def collect_scores(out: Path, runs: tuple[PlannedRun, ...]) -> list[Score]:
    """Rewrites scores.jsonl from the finished runs, in the plan's order, and returns the rows."""
    folders = [out / "runs" / BICUBIC, *(out / "runs" / run.name for run in runs)]
    paths = [folder / "scores.jsonl" for folder in folders]
    scores = [score for path in paths if path.exists() for score in read_scores(path)]
    write_scores(out / "scores.jsonl", scores)
    return scores


def _attempt(lab: Laboratory, run: PlannedRun) -> None:
    """Trains and scores a run; a failure is kept in failed.txt and does not stop the study."""
    folder = run_folder(lab, run)
    failure = folder / "failed.txt"
    failure.unlink(missing_ok=True)
    lab.watcher.run_began(run)
    began = time.perf_counter()
    try:
        trained = train(
            run.recipe,
            lab.photos,
            seed=run.seed,
            device=lab.device,
            out=folder,
            watch=lambda step, row: lab.watcher.stepped(run, step, row),
        )
        scores = _score_run(lab, run, trained.generator)
    except (Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:
        write_text(failure, traceback.format_exc())
        lab.failed.append(run)
        lab.watcher.run_failed(run, str(error) or type(error).__name__)
        return
    write_scores(folder / "scores.jsonl", scores)
    lab.watcher.run_ended(run, scores, seconds=time.perf_counter() - began)


def _score_run(lab: Laboratory, run: PlannedRun, generator: Path) -> list[Score]:
    recipe = run.recipe
    upscale = generator_upscaler(load_generator(generator), device=lab.device)
    pictured = run.seed == lab.study.seeds[0]
    scores = _score(
        lab, upscale, run=run, scale=recipe.scale, name=recipe.name, label=recipe.label, pictured=pictured
    )
    if recipe.scale == 2 and 4 in lab.study.scales:
        twice = cascade(upscale, upscale)
        name, label = f"{recipe.name}{CASCADE}", f"{recipe.label}, ×2∘×2"
        scores += _score(lab, twice, run=run, scale=4, name=name, label=label, pictured=pictured)
    return scores


def _score_bicubic(lab: Laboratory) -> None:
    path = lab.out / "runs" / BICUBIC / "scores.jsonl"
    if path.exists():
        return
    scores = []
    for scale in lab.study.scales:
        upscale = bicubic_upscaler(scale)
        scores += _score(lab, upscale, run=None, scale=scale, name=BICUBIC, label=BICUBIC, pictured=True)
    write_scores(path, scores)


def _score(
    lab: Laboratory,
    upscale: Upscaler,
    *,
    run: PlannedRun | None,
    scale: int,
    name: str,
    label: str,
    pictured: bool,
) -> list[Score]:
    began = time.perf_counter()
    measurements = [
        measurement
        for benchmark in lab.benchmarks
        for measurement in evaluate(
            upscale,
            benchmark,
            scale=scale,
            metrics=(*standard_metrics(scale), *paper_metrics(), *lab.perceptual),
            keep=(lambda picture: _keep(lab.out, picture, scale=scale, method=name)) if pictured else None,
        )
    ]
    lab.watcher.evaluated(scale=scale, seconds=time.perf_counter() - began)
    return [
        Score(
            study=lab.study.name,
            recipe=name,
            label=label,
            scale=scale,
            seed=run.seed if run is not None else None,
            step=run.recipe.steps if run is not None else None,
            image=measured.image,
            metric=measured.metric,
            value=measured.value,
        )
        for measured in measurements
    ]


def _keep(out: Path, picture: Picture, *, scale: int, method: str) -> None:
    """Writes a method's picture for the report; LR and HR are written beside bicubic's, once."""
    folder = out / "pictures" / f"x{scale}"
    write_image(picture.sr, folder / method / f"{picture.image}.png")
    if method == BICUBIC:
        write_image(picture.lr, folder / "lr" / f"{picture.image}.png")
        write_image(picture.hr, folder / "hr" / f"{picture.image}.png")
