"""A study carried out from the command line: announced, run with its progress, reported."""

from collections.abc import Sequence
from pathlib import Path

import torch

from esrlab.cli.commands.options import say_skipped
from esrlab.cli.commands.report import print_report
from esrlab.cli.console import console, counter, meter
from esrlab.cli.study_progress import StudyProgress
from esrlab.core.counting import count
from esrlab.data.photos.folder import open_photos
from esrlab.recipes.unused import idle_settings
from esrlab.report.build import make_report
from esrlab.study.folder import settle_study
from esrlab.study.runner import run_study
from esrlab.study.spec import PlannedRun, Study, plan_runs


def carry_out(study: Study, *, out: Path, device: torch.device, command: str, only_papers: bool) -> int:
    """Runs a study with its progress, prints its report, and returns the exit code."""
    asked, study = study, settle_study(study, out)
    runs, planned = plan_runs(asked), plan_runs(study)
    finished = {path.parent.name for path in (out / "runs").glob("*/scores.jsonl")}
    if len(planned) > len(runs):
        say(f"{out} holds more than is asked: {_size(study, len(planned))}; all of it is kept")
    say(_announce(asked, len(runs), len(finished & {run.name for run in runs}), device))
    for line in name_idle(asked, runs):
        say(line)
    with counter("reading photographs") as counted:
        smallest = max(run.recipe.hr_size for run in runs)
        photos = open_photos(study.photos, smallest=smallest, progress=counted, say=say)
    say_skipped(photos)
    with meter("study") as shown:
        watcher = StudyProgress(runs, finished=finished, meter=shown)
        failed = run_study(asked, out=out, device=device, photos=photos, watcher=watcher, command=command)
    with counter("making the report") as counted:
        report = make_report(out, progress=counted)
    print_report(report, only_papers=only_papers)
    if failed:
        names = ", ".join(run.name for run in failed)
        console.print(
            f"{len(failed)} of {count(len(runs), 'run')} failed: {names}; "
            "run the same command again to retry them"
        )
        return 1
    return 0


def say(text: str) -> None:
    """A line for whoever watches."""
    console.print(text, markup=False)


def name_idle(study: Study, runs: Sequence[PlannedRun]) -> list[str]:
    """A line for each setting that does nothing where it is set.

    One that the study sets in all recipes may be meant for some: it is listed only if it has no effect in
    any.
    """
    idle = {run.recipe.name: idle_settings(run.recipe) for run in runs}
    everywhere = set[str].intersection(*map(set, idle.values()))
    return [
        f"{field} has no effect in {name}: {why}"
        for name, found in idle.items()
        for field, why in found.items()
        if field in everywhere or field not in study.fields
    ]


def _announce(study: Study, runs: int, finished: int, device: torch.device) -> str:
    told = f"{study.name}: {_size(study, runs)} on {device}"
    return told + (f", {finished} finished already" if finished else "")


def _size(study: Study, runs: int) -> str:
    recipes = runs // (len(study.scales) * len(study.seeds))
    factors = count(recipes, "recipe"), count(len(study.scales), "scale"), count(len(study.seeds), "seed")
    return f"{' × '.join(factors)} = {count(runs, 'run')}"
