"""What `esrlab evaluate` does with benchmarks: methods found, scored, kept and shown."""

import argparse
import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from esrlab.cli.commands.mean_tables import find_means, set_means
from esrlab.cli.commands.options import named_folders
from esrlab.cli.console import answers, console, counter
from esrlab.core.counting import count
from esrlab.core.devices import choose_device
from esrlab.core.files import printable, remove_leftovers, to_json
from esrlab.core.scores import Score
from esrlab.data.degradations.any_degradation import USUAL, parse_degradation
from esrlab.data.degradations.bicubic import Bicubic
from esrlab.data.photos.benchmark import Benchmark, open_benchmark
from esrlab.errors import UsageError
from esrlab.evaluation.benchmark import Picture
from esrlab.evaluation.methods import Method, check_name, find_method
from esrlab.evaluation.metrics.any_metric import STANDARD
from esrlab.evaluation.metrics.choice import build_metrics, describe, estimates_of, parts_of
from esrlab.evaluation.metrics.inputs import Metric, MetricPart
from esrlab.evaluation.scoring import ScoreFolder, open_score_folder, score_method
from esrlab.evaluation.settled_degradation import settle_degradation
from esrlab.training.folder_lock import sole_use

UNKEPT = "evaluation"
"""Heads rows that no folder keeps."""


def compare_methods(options: argparse.Namespace) -> int:
    """Scores every method on every benchmark, keeps the rows where asked, and prints."""
    if options.border is not None:
        raise UsageError(
            "--border needs --against; with --benchmark the border is always the scale in pixels"
        )
    if options.replace and options.out is None:
        raise UsageError("--replace needs --out")
    benchmarks = [open_benchmark(path, name=name) for name, path in _plain(options.benchmark).items()]
    methods = _find_methods(options)
    asked = _choose(options)
    metrics = build_metrics(asked, device=choose_device(options.device))
    left_out: list[str] = []
    if options.out is None:
        rows = _score(options, methods, benchmarks, metrics, folder=None, left_out=left_out)
    else:
        folder = open_score_folder(options.out)
        _refuse_others(folder, methods, benchmarks, options)
        with sole_use(options.out):
            remove_leftovers(options.out)
            kept = open_score_folder(options.out)
            kept.describe(describe(asked))
            rows = _score(options, methods, benchmarks, metrics, folder=kept, left_out=left_out)
    means, infos = find_means(rows), {metric.at(options.scale).name: metric.info for metric in metrics}
    if options.json:
        answer = {"rows": [asdict(row) for row in rows], "mean": means, "left_out": left_out}
        print(to_json(answer, indent=2))
        return tell_left_out(left_out)
    for benchmark in benchmarks:
        if found := [mean for mean in means if mean["benchmark"] == benchmark.name]:
            answers().print(set_means(benchmark.name, found, infos, images=len(benchmark.members)))
    used = methods[0].degradation
    if used is not None and (used != USUAL or any("[scored on" in method.label for method in methods)):
        answers().print(f"LR images: {used.label}", markup=False)
    if options.out is not None:
        console.print(
            f"kept in {options.out}; esrlab report [STUDY] {options.out} makes the tables", markup=False
        )
    return tell_left_out(left_out)


def tell_left_out(left_out: Sequence[str]) -> int:
    """Prints what could not be scored; returns the exit code: 1 where there is any, else 0."""
    for reason in left_out:
        console.print(f"  left out: {printable(reason)}", markup=False, soft_wrap=True)
    if left_out:
        console.print(f"{len(left_out)} could not be scored and are left out of the means", markup=False)
    return 1 if left_out else 0


def read_metrics(text: str, *, weights: str | None, paper: bool) -> list[MetricPart]:
    """The metrics that --metrics lists; UsageError for one that there is not."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    try:
        parts = parts_of(names, paper=paper)
    except ValueError as error:
        raise UsageError(f"--{error}") from error
    return estimates_of(parts) if weights == "student" else parts


def _plain(asked: Sequence[str]) -> dict[str, str]:
    found = named_folders(asked)
    bad = [name for name in found if not name.replace("-", "").replace("_", "").isalnum()]
    if bad:
        raise UsageError(f"a benchmark's name has letters, digits, - and _ only, not {bad[0]!r}")
    return found


def _choose(options: argparse.Namespace) -> list[MetricPart]:
    """What a study measures as far as weights are at hand, or what of it is asked for."""
    if options.metrics is not None:
        return read_metrics(options.metrics, weights=options.weights, paper=True)
    if options.weights == "student":
        return estimates_of(STANDARD)
    return [part for part in STANDARD if options.weights is not None or part.is_ready()]


def _find_methods(options: argparse.Namespace) -> list[Method]:
    """The methods with the names, labels and seeds that are asked for, one each, none of them twice."""
    methods = [find_method(text, scale=options.scale) for text in options.methods]
    for flag in ("name", "label", "seed"):
        asked = getattr(options, flag)
        if asked is None:
            continue
        if len(asked) != len(methods):
            raise UsageError(
                f"--{flag} is given {count(len(asked), 'time')} for {count(len(methods), 'METHOD')}; "
                "give it once per METHOD"
            )
        methods = [_named(method, flag, value) for method, value in zip(methods, asked, strict=True)]
    methods = _settle(methods, options)
    headed: set[tuple[str, int | None]] = set()
    for method in methods:
        if (check_name(method.name), method.seed) in headed:
            raise UsageError(
                f"two METHODs have the name {method.name}; give each its own with --name, or its seed with "
                "--seed"
            )
        headed.add((method.name, method.seed))
    return methods


def _settle(methods: Sequence[Method], options: argparse.Namespace) -> list[Method]:
    """The methods with LR images made in one way: --degradation's or --convention's where one is given."""
    if options.degradation is not None and options.convention is not None:
        raise UsageError("give --degradation or --convention, not both: --degradation takes conventions too")
    asked = parse_degradation(options.degradation) if options.degradation is not None else None
    expected = Bicubic(convention=options.convention) if options.convention is not None else None
    return settle_degradation(methods, asked=asked, expected=expected)


def _named(method: Method, flag: str, value: Any) -> Method:
    """The method with one thing set; a name of one's own is its label too, and no run's any more."""
    if flag == "name" and value != method.name:
        return replace(method, name=value, label=value, trained=None)
    if flag == "seed" and value < 0:
        raise UsageError(f"--seed must be 0 or more, not {value}")
    return replace(method, **{flag: value})


def _refuse_others(
    folder: ScoreFolder,
    methods: Sequence[Method],
    benchmarks: Sequence[Benchmark],
    options: argparse.Namespace,
) -> None:
    folder.refuse_other_images(benchmarks)
    folder.refuse_other_degradation(methods[0].degradation or USUAL)
    if not options.replace:
        for method in methods:
            folder.refuse_other_method(method, scale=options.scale)


def _score(
    options: argparse.Namespace,
    methods: Sequence[Method],
    benchmarks: Sequence[Benchmark],
    metrics: Sequence[Metric],
    *,
    folder: ScoreFolder | None,
    left_out: list[str],
) -> list[Score]:
    """Every method's rows; each method's are kept as soon as it is done. What has none joins `left_out`."""
    total = len(methods) * sum(len(benchmark.members) for benchmark in benchmarks)
    done = itertools.count()
    study = UNKEPT if folder is None else folder.path.resolve().name
    rows: list[Score] = []
    with counter("evaluating") as count:
        for method in methods:
            if folder is not None:
                folder.begin(method, benchmarks, scale=options.scale)
            found = score_method(
                method,
                benchmarks,
                study=study,
                scale=options.scale,
                metrics=metrics,
                device=choose_device(options.device),
                keep=_keeper(method, folder, scale=options.scale, counted=lambda: count(next(done), total)),
                on_error=lambda image, error, name=method.name: left_out.append(f"{name}: {error}"),
            )
            if folder is not None:
                folder.put(found)
            rows += found
    return rows


def _keeper(
    method: Method, folder: ScoreFolder | None, *, scale: int, counted: Callable[[], None]
) -> Callable[[Picture], None]:
    """Counts each picture, and keeps it where the folder wants those of this method."""
    pictured = folder is not None and folder.is_pictured(method, scale=scale)

    def keep(picture: Picture) -> None:
        counted()
        if folder is not None and pictured:
            folder.keep(picture, scale=scale, method=method.name)

    return keep
