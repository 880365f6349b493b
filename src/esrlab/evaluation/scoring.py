"""Methods × benchmarks -> rows, and a folder that keeps them with their pictures, as a study's does.

scores.jsonl, metrics.json (what its metrics are), pictures/x<scale>/<method>/ and manifest.json: which
benchmark images the rows rest on, and what each method was made of (`evaluated`), so that another one of its
name does not take its place unnoticed.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter

from esrlab.core.files import to_json, write_text
from esrlab.core.metrics import MetricInfo, add_described
from esrlab.core.scores import MANIFEST, Score, read_scores, write_scores
from esrlab.core.text_files import read_json_object
from esrlab.data.degradations.any_degradation import USUAL
from esrlab.data.degradations.base import Degradation
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import Benchmark, OnError
from esrlab.errors import UsageError
from esrlab.evaluation.benchmark import Measurement, Picture, evaluate, evaluate_folder
from esrlab.evaluation.methods import Method
from esrlab.evaluation.metrics.inputs import Metric

EVALUATED = "evaluated"
DEGRADATION = "degradation"
"""How the LR images of all of a folder's rows were made, as text."""

CONVENTION = "convention"
"""The same in folders written before there was any other than bicubic."""


def score_method(
    method: Method,
    benchmarks: Sequence[Benchmark],
    *,
    study: str,
    scale: int,
    metrics: Sequence[Metric],
    device: torch.device,
    keep: Callable[[Picture], None],
    on_error: OnError | None = None,
) -> list[Score]:
    """A method's rows on every benchmark; `keep` is given each picture.

    Whole images go through a generator at once. An image that cannot be read, upscaled or measured is
    reported to `on_error`, and raises UserError where there is none.
    """
    upscale = method.upscale(device) if method.upscale is not None else None
    degradation = method.degradation or USUAL
    rows: list[Score] = []
    for benchmark in benchmarks:
        measure = (
            partial(evaluate, upscale)
            if upscale is not None
            else partial(evaluate_folder, method.images_of(benchmark, is_only=len(benchmarks) == 1))
        )
        found = measure(
            benchmark, scale=scale, metrics=metrics, degradation=degradation, keep=keep, on_error=on_error
        )
        rows += [_as_row(measured, method, study=study, scale=scale) for measured in found]
    return rows


def _as_row(measured: Measurement, method: Method, *, study: str, scale: int) -> Score:
    return Score(
        study=study,
        recipe=method.name,
        label=method.label,
        scale=scale,
        seed=method.seed,
        step=method.step,
        image=measured.image,
        metric=measured.metric,
        value=measured.value,
        outcome=method.outcome,
    )


@dataclass(frozen=True)
class _Evaluated:
    digest: str


@dataclass(frozen=True)
class _Benchmark:
    count: int
    fingerprint: str


@dataclass(frozen=True)
class _Manifest:
    evaluated: dict[str, _Evaluated]
    benchmarks: dict[str, _Benchmark]
    degradation: str = USUAL.text
    convention: str = USUAL.text


_MANIFEST = TypeAdapter(_Manifest)


@dataclass
class ScoreFolder:
    """A folder of evaluated methods: its rows, and what they rest on."""

    path: Path
    rows: list[Score] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=lambda: {"runs": [], "benchmarks": {}, EVALUATED: {}})

    def refuse_other_images(self, benchmarks: Sequence[Benchmark]) -> None:
        """UsageError where a benchmark of the same name was other images when its rows were made."""
        known = self.manifest["benchmarks"]
        for benchmark in benchmarks:
            images = _describe(benchmark)
            if known.get(benchmark.name, images) != images:
                raise UsageError(
                    f"{self.path}: {benchmark.name} was {known[benchmark.name]['count']} other images when "
                    "its rows were written; give these another name with --benchmark, or choose another "
                    "folder"
                )

    def refuse_other_degradation(self, degradation: Degradation) -> None:
        """UsageError where the folder's rows rest on LR images that were made otherwise."""
        known = self.manifest.get(DEGRADATION, self.manifest.get(CONVENTION, USUAL.text))
        if self.rows and known != degradation.text:
            raise UsageError(
                f"{self.path} holds rows on LR images made by {known}, these would be made by "
                f"{degradation.text}; choose another folder with --out, or give --degradation {known}"
            )

    def refuse_other_method(self, method: Method, *, scale: int) -> None:
        """UsageError where another method has rows under this one's name, scale and seed."""
        known = self.manifest[EVALUATED].get(_key(method, scale))
        if known is not None and known["digest"] != method.digest:
            raise UsageError(
                f"{self.path} holds rows of another {_key(method, scale)}; give this one another name with "
                "--name or --seed, or give --replace"
            )

    def begin(self, method: Method, benchmarks: Sequence[Benchmark], *, scale: int) -> None:
        """Notes what rows rest on, and takes away another method's of the same name, scale and seed."""
        key = _key(method, scale)
        known = self.manifest[EVALUATED].get(key)
        if known is not None and known["digest"] != method.digest:
            if self.is_pictured(method, scale=scale):
                shutil.rmtree(self.path / "pictures" / f"x{scale}" / method.name, ignore_errors=True)
            self._write([row for row in self.rows if _owner(row) != (method.name, scale, method.seed)])
        self.manifest.pop(CONVENTION, None)
        self.manifest[DEGRADATION] = (method.degradation or USUAL).text
        self.manifest[EVALUATED][key] = {"digest": method.digest, "trained": method.trained}
        self.manifest["benchmarks"] |= {benchmark.name: _describe(benchmark) for benchmark in benchmarks}
        write_text(self.path / MANIFEST, to_json(self.manifest, indent=2) + "\n")

    def describe(self, infos: Iterable[MetricInfo]) -> None:
        """Notes what metrics are; UsageError where the folder's of an id is another one."""
        add_described(self.path, infos)

    def put(self, rows: Sequence[Score]) -> None:
        """Adds rows; those of the same method, seed, image and metric are replaced where they stand."""
        fresh = {(_owner(row), row.image, row.metric): row for row in rows}
        kept = [fresh.pop((_owner(row), row.image, row.metric), row) for row in self.rows]
        self._write([*kept, *fresh.values()])

    def is_pictured(self, method: Method, *, scale: int) -> bool:
        """Whether its pictures are to be kept: those of a method's first seed are."""
        seeds = [row.seed for row in self.rows if (row.recipe, row.scale) == (method.name, scale)]
        return not seeds or seeds[0] == method.seed

    def keep(self, picture: Picture, *, scale: int, method: str) -> None:
        """Writes a picture for the report; LR and HR once."""
        folder = self.path / "pictures" / f"x{scale}"
        write_image(picture.sr, folder / method / f"{picture.image}.png")
        for name, image in (("lr", picture.lr), ("hr", picture.hr)):
            if not (folder / name / f"{picture.image}.png").exists():
                write_image(image, folder / name / f"{picture.image}.png")

    def _write(self, rows: list[Score]) -> None:
        self.rows = rows
        write_scores(self.path / "scores.jsonl", rows)


def open_score_folder(path: Path | str) -> ScoreFolder:
    """A folder to add evaluated methods to; UsageError where it holds a study or anything else.

    Raises UserError, naming file and field, where its manifest or its rows are damaged.
    """
    path = Path(path)
    if (path / "study.toml").exists():
        raise UsageError(
            f"{path} holds a study; choose another folder with --out, then report "
            f"both: esrlab report {path} OUT"
        )
    if (path / "merged.json").exists():
        raise UsageError(
            f"{path} holds a merged report, which would be overwritten; choose another folder with --out"
        )
    if not path.exists() or (path.is_dir() and all(entry.name.startswith(".") for entry in path.iterdir())):
        return ScoreFolder(path)
    if not (path / MANIFEST).is_file():
        raise UsageError(
            f"{path} is not empty and holds no evaluated methods; choose a new folder with --out"
        )
    manifest = read_json_object(path / MANIFEST, _MANIFEST)
    rows = read_scores(path / "scores.jsonl") if (path / "scores.jsonl").exists() else []
    return ScoreFolder(path, rows, manifest)


def _key(method: Method, scale: int) -> str:
    return f"{method.name} ×{scale}" + (f", seed {method.seed}" if method.seed is not None else "")


def _owner(row: Score) -> tuple[str, int, int | None]:
    return row.recipe, row.scale, row.seed


def _describe(benchmark: Benchmark) -> dict[str, Any]:
    return {"count": len(benchmark.members), "fingerprint": benchmark.fingerprint}
