"""Prints the collapse table from the runs' own files: `python research/collapse/table.py --benchmark Set5`.

What happened to the pictures is measured apart from the signs: the generator that a run began with and the
one that it ended with, on a benchmark, beside bicubic. The signs are read from the logs again, as the code
has them now. With --sheet, a crop of every run's end is drawn into one picture.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import torch
from cases import CASES, Case
from replay import replay
from run import build_recipe

from esrlab.core.files import read_json_lines, to_json, write_text
from esrlab.data.image_files import read_image, write_image
from esrlab.data.photos.benchmark import Benchmark, open_benchmark
from esrlab.evaluation.benchmark import Picture, evaluate
from esrlab.evaluation.metrics.choice import standard_metrics
from esrlab.evaluation.metrics.lpips import LPIPS
from esrlab.evaluation.upscalers import Upscaler, bicubic_upscaler, generator_upscaler
from esrlab.models.generator_files import load_generator
from esrlab.training.run_folder import RunFolder, read_outcome
from esrlab.training.state import start_run

CPU = torch.device("cpu")
METRICS = {"PSNR": "{:.1f}", "SSIM": "{:.2f}", "LPIPS≈": "{:.2f}"}
COLUMNS = ("run", "what was done", "PSNR-Y", "SSIM-Y", "LPIPS≈", "signs of collapse", "warnings", "verdict")
SHAPE = ("generator.features", "generator.growth", "generator.blocks")


class Judge:
    """Scores generators on a benchmark, and keeps the means and the pictures in a folder."""

    def __init__(self, benchmark: Benchmark, runs: Path) -> None:
        self._benchmark = benchmark
        self._runs = runs
        self._perceptual = LPIPS(weights="student").build(CPU)

    def bicubic(self, case: Case) -> dict[str, float]:
        return self._score(f"bicubic-x{case.scale}", case.scale, lambda: bicubic_upscaler(case.scale))

    def start(self, case: Case) -> dict[str, float]:
        """What the run began with; runs that began alike are scored once."""
        shape = "-".join(str(case.fields[key]) for key in SHAPE if key in case.fields)

        def build() -> Upscaler:
            run = start_run(build_recipe(case, self._runs), seed=0, device=CPU)
            return generator_upscaler(run.result, device=CPU)

        return self._score(f"start-{case.start}-x{case.scale}-{shape}", case.scale, build)

    def end(self, case: Case) -> dict[str, float]:
        path = RunFolder(self._runs / case.name).generator
        return self._score(
            case.name, case.scale, lambda: generator_upscaler(load_generator(path), device=CPU)
        )

    def picture(self, name: str) -> Path:
        """The benchmark's first image, as this generator made it."""
        first, _ = self._benchmark.members[0]
        return self._runs / "judged" / name / f"{first}.png"

    def _score(self, name: str, scale: int, build: Callable[[], Upscaler]) -> dict[str, float]:
        kept = self._runs / "judged" / f"{name}.json"
        if not kept.exists():
            folder = kept.with_suffix("")

            def keep(picture: Picture) -> None:
                write_image(picture.sr, folder / f"{Path(picture.image).name}.png")

            values: dict[str, list[float]] = {}
            metrics = (*standard_metrics(scale)[:2], self._perceptual)
            for measured in evaluate(build(), self._benchmark, scale=scale, metrics=metrics, keep=keep):
                values.setdefault(measured.metric.split("-")[0], []).append(measured.value)
            write_text(kept, to_json({metric: fmean(found) for metric, found in values.items()}))
        return json.loads(kept.read_text(encoding="utf-8"))


def to_line(case: Case, judge: Judge, runs: Path) -> str:
    """One run's line of the table."""
    folder = RunFolder(runs / case.name)
    start, end, bicubic = judge.start(case), judge.end(case), judge.bicubic(case)
    measured = [
        f"{form.format(start[metric])} → {form.format(end[metric])} ({form.format(bicubic[metric])})"
        for metric, form in METRICS.items()
    ]
    seen, outcome = replay(read_json_lines(folder.log)), read_outcome(folder)
    assert outcome is not None
    alarms = [f"{name} {step}" for name, step in seen.alarms.items()]
    verdict = "collapsed" if seen.has_collapsed else "finished"
    if outcome.outcome == "diverged":
        alarms.append(f"not finite, {len(outcome.rollbacks)} times, by step {outcome.rollbacks[-1].step}")
        verdict = "diverged"
    warnings = [f"{name} {step}" for name, step in seen.warnings.items()]
    cells = [f"`{case.name}`", f"{case.about}; ×{case.scale}, {case.steps} steps", *measured]
    cells += ["; ".join(alarms) or "–", "; ".join(warnings) or "–", verdict]
    return "| " + " | ".join(cells) + " |"


def draw_sheet(judge: Judge, cases: list[Case], path: Path) -> None:
    """A crop of the benchmark's first image from every run's end, eight in a row, in the cases' order."""
    crops = [read_image(judge.picture(case.name))[..., 96:192, 96:192] for case in cases]
    crops += [torch.ones_like(crops[0])] * (-len(crops) % 8)
    rows = [torch.cat(crops[first : first + 8], dim=-1) for first in range(0, len(crops), 8)]
    write_image(torch.cat(rows, dim=-2), path)


def main() -> None:
    """Prints the table: runs made to fail first, then the healthy ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmark", required=True, help="folder of images to judge by")
    parser.add_argument("--runs", type=Path, default=Path("runs/collapse"))
    parser.add_argument("--sheet", type=Path, help="draw a crop of every run's end into this file")
    options = parser.parse_args()
    judge = Judge(open_benchmark(options.benchmark, name="judged"), options.runs)
    done = [case for case in CASES if RunFolder(options.runs / case.name).generator.exists()]
    for fails, title in ((True, "Made to fail"), (False, "Meant to be healthy")):
        print(f"\n### {title}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
        for case in done:
            if case.fails == fails:
                print(to_line(case, judge, options.runs), flush=True)
    if options.sheet is not None:
        draw_sheet(judge, done, options.sheet)


if __name__ == "__main__":
    main()
