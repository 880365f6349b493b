"""Carrying a study out: its runs, their scores, its pictures; here, one after the other.

A study's folder: study.toml, sources/ (copies of what it names), runs/<recipe>-x<scale>-s<seed>/,
scores.jsonl, and of the first seed pictures/x<scale>/<method>/ and pulls/x<scale>/<recipe>/ (`mapfiles`).
A run that has its scores is finished; a failed one leaves failed.txt and the others continue.
"""

import itertools
import time
import traceback
from pathlib import Path

import torch

from esrlab.core.command_history import keep_command
from esrlab.core.files import remove_leftovers, write_text
from esrlab.core.scores import BICUBIC, Score, read_scores, write_scores
from esrlab.core.signals import Interrupted
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UserError
from esrlab.evaluation.benchmark import NotMeasurableError, Picture
from esrlab.evaluation.methods import Method, find_method, open_cascade, open_generator
from esrlab.evaluation.metrics.choice import build_metrics
from esrlab.evaluation.scoring import score_method
from esrlab.evaluation.settled_degradation import settle_degradation
from esrlab.recipes.kept_files import SOURCES
from esrlab.study.folder import choose_metrics, claim_folder, collect_scores, describe_data, settle_study
from esrlab.study.laboratory import Laboratory, StudyWatcher, require_folder, run_folder
from esrlab.study.map_files import keep_maps
from esrlab.study.origins import find_origins, refuse_changed_origins, refuse_other_origins
from esrlab.study.preflight import require_starts
from esrlab.study.spec import PlannedRun, Study, plan_runs
from esrlab.training.callbacks import Callbacks
from esrlab.training.folder_lock import sole_use
from esrlab.training.loop import train
from esrlab.training.run_folder import RunFolder


def run_study(
    study: Study,
    *,
    out: Path | str,
    device: torch.device,
    photos: Photos,
    watcher: StudyWatcher,
    command: str = "",
) -> list[PlannedRun]:
    """Carries a study out in `out`, leaving alone what is finished there; returns the runs that failed.

    Where `out` holds less of the study (fewer seeds, recipes or scales), it is extended; where it holds more,
    that stays, and only runs that are asked for are carried out. `command`: what was typed for it, kept in
    commands.json.

    Raises UsageError for another study's folder, UserError where another process works, Interrupted.
    """
    out = Path(out)
    asked, study = study, settle_study(study, out)
    wanted, runs = {run.name for run in plan_runs(asked)}, plan_runs(study)
    benchmarks = tuple(open_benchmark(source, name=name) for name, source in study.benchmarks.items())
    require_starts(tuple(run for run in runs if run.name in wanted), out)
    origins = find_origins(runs, device=device)
    refuse_other_origins(runs, out, expected=origins)
    parts = choose_metrics(study, out)
    metrics = build_metrics(parts, device=device)
    with sole_use(out):
        remove_leftovers(out)
        study = settle_study(study, out)  # again: another process may have extended it until now
        if plan_runs(study) != runs:
            runs = plan_runs(study)
            origins = find_origins(runs, device=device)
        refuse_other_origins(runs, out, expected=origins)
        claim_folder(study, out, manifest=describe_data(runs, photos, benchmarks, parts))
        degradation = runs[0].recipe.patches.degradation
        lab = Laboratory(study, out, device, photos, benchmarks, metrics, watcher, origins, degradation)
        if command:
            keep_command(out, command)
        _carry_out(lab, runs, wanted)
    return lab.failed


def _carry_out(lab: Laboratory, runs: tuple[PlannedRun, ...], wanted: set[str]) -> None:
    """Bicubic, then the wanted runs that are not finished; the study's rows are of all that are."""
    _score_bicubic(lab)
    for run in runs:
        require_folder(lab)
        if (run_folder(lab, run) / "scores.jsonl").exists():
            _add_cascade(lab, run)
            _map_pulls(lab, run)
        elif run.name in wanted:
            _attempt(lab, run)
            require_folder(lab)
            collect_scores(lab.out, runs)
    require_folder(lab)
    collect_scores(lab.out, runs)


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
            sources=lab.out / SOURCES,
            watcher=Callbacks(
                on_step=lambda step, row: lab.watcher.on_step(run, step, row),
                on_message=lambda words: lab.watcher.on_message(run, words),
            ),
        )
        refuse_changed_origins(run, trained, expected=lab.origins[run.name])
        scores = _score_run(lab, run, trained)
    except (Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:
        require_folder(lab)
        write_text(failure, traceback.format_exc())
        lab.failed.append(run)
        lab.watcher.run_failed(run, str(error) or type(error).__name__)
        return
    require_folder(lab)
    write_scores(folder / "scores.jsonl", scores)
    _map_pulls(lab, run, anew=True)
    lab.watcher.run_ended(run, scores, seconds=time.perf_counter() - began)


def _score_run(lab: Laboratory, run: PlannedRun, trained: RunFolder) -> list[Score]:
    """A run's scores, marked where it collapsed or diverged: its generator is evaluated like any other's."""
    method = open_generator(trained.generator, scale=run.recipe.scale)
    scores = _score(lab, method, scale=run.recipe.scale)
    return scores + _score_cascade(lab, trained) if _wants_cascade(lab, run) else scores


def _wants_cascade(lab: Laboratory, run: PlannedRun) -> bool:
    return run.recipe.scale == 2 and 4 in lab.study.scales


def _score_cascade(lab: Laboratory, trained: RunFolder) -> list[Score]:
    return _score(lab, open_cascade(trained.generator, trained.generator, scale=4), scale=4)


def _add_cascade(lab: Laboratory, run: PlannedRun) -> None:
    """Scores a finished ×2 run as a cascade too, where the study has had no ×4 until now."""
    trained = RunFolder(run_folder(lab, run))
    path = trained.path / "scores.jsonl"
    rows = read_scores(path)
    if _wants_cascade(lab, run) and not any(row.scale == 4 for row in rows):
        write_scores(path, [*rows, *_score_cascade(lab, trained)])


def _map_pulls(lab: Laboratory, run: PlannedRun, *, anew: bool = False) -> None:
    """Keeps maps of where the terms pull, of the first seed's runs, as pictures are."""
    if run.seed == lab.study.seeds[0]:
        folder = RunFolder(run_folder(lab, run))
        keep_maps(run, folder, lab.benchmarks, out=lab.out, device=lab.device, anew=anew)


def _score_bicubic(lab: Laboratory) -> None:
    """Bicubic's rows, of the scales that have none yet, from LR made as for the study's first recipe."""
    path = lab.out / "runs" / BICUBIC / "scores.jsonl"
    scores = read_scores(path) if path.exists() else []
    missing = [scale for scale in lab.study.scales if all(score.scale != scale for score in scores)]
    for scale in missing:
        (method,) = settle_degradation([find_method(BICUBIC, scale=scale)], asked=lab.degradation)
        scores += _score(lab, method, scale=scale)
    if missing:
        write_scores(path, scores)


def _score(lab: Laboratory, method: Method, *, scale: int) -> list[Score]:
    """A method's rows on every benchmark; pictures of the first seed are kept."""
    pictured = method.seed is None or method.seed == lab.study.seeds[0]
    began, judged = time.perf_counter(), itertools.count(1)
    images = sum(len(benchmark.members) for benchmark in lab.benchmarks)

    def keep(picture: Picture) -> None:
        lab.watcher.evaluating(method.name, scale, next(judged), images)
        require_folder(lab)
        if pictured:
            _keep(lab.out, picture, scale=scale, method=method.name)

    rows = score_method(
        method,
        lab.benchmarks,
        study=lab.study.name,
        scale=scale,
        metrics=lab.metrics,
        device=lab.device,
        keep=keep,
        on_error=_leave_out_or_raise,
    )
    lab.watcher.evaluated(scale=scale, seconds=time.perf_counter() - began)
    return rows


def _leave_out_or_raise(image: str, error: UserError) -> None:
    """A metric that is not defined on so small an image has no row; anything else ends the scoring."""
    if not isinstance(error, NotMeasurableError):
        raise error


def _keep(out: Path, picture: Picture, *, scale: int, method: str) -> None:
    """Writes a method's picture for the report; LR and HR are written beside bicubic's, once."""
    folder = out / "pictures" / f"x{scale}"
    write_image(picture.sr, folder / method / f"{picture.image}.png")
    if method == BICUBIC:
        write_image(picture.lr, folder / "lr" / f"{picture.image}.png")
        write_image(picture.hr, folder / "hr" / f"{picture.image}.png")
