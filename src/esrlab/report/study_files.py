"""The files beside a study's rows, each read through `core.text_files` and found inside the folder alone.

What a shape does not name may be anything; what is named is checked here, so that reports need not.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter

from esrlab.core.files import find_inside, restore_nan
from esrlab.core.scores import Score, read_scores
from esrlab.core.text_files import Count, read_json_object, read_json_rows, read_text
from esrlab.errors import UserError

LARGEST_STEP = 2**53

LogValue = float | None | dict[str, float | None]


@dataclass(frozen=True)
class _Named:
    name: str


@dataclass(frozen=True)
class _About:
    recipe: _Named


@dataclass(frozen=True)
class _Trained:
    recipe: dict[str, Any]
    origins: dict[str, str]
    photos: dict[str, Any]


@dataclass(frozen=True)
class _Evaluated:
    trained: _Trained | None = None
    digest: str = ""


@dataclass(frozen=True)
class _Manifest:
    runs: list[str] = field(default_factory=list)
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    evaluated: dict[str, _Evaluated] = field(default_factory=dict)


@dataclass(frozen=True)
class _Rollback:
    step: Count
    place: str


@dataclass(frozen=True)
class _Outcome:
    outcome: str
    step: Count
    asked: Count
    signs: dict[str, str]
    alarms: dict[str, Count] = field(default_factory=dict)
    rollbacks: list[_Rollback] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.outcome == "diverged" and not self.rollbacks:
            raise ValueError("a diverged run has rollbacks, this one none")


@dataclass(frozen=True)
class _Notes:
    notes: list[str]


def _check_row(row: dict[str, LogValue]) -> dict[str, LogValue]:
    step = row.get("step")
    if not isinstance(step, (int, float)) or not 0 <= step <= LARGEST_STEP:
        raise ValueError("step should be a number from 0")
    for key, value in row.items():
        if isinstance(value, dict) != key.startswith("pull/"):
            raise ValueError(f"{key} should be {'a table' if key.startswith('pull/') else 'a number'}")
        if isinstance(value, dict) and "share" not in value:
            raise ValueError(f"{key}.share is missing")
    if "image/psnr" in row and "image/bicubic" not in row:
        raise ValueError("image/bicubic is missing beside image/psnr")
    return row


_MANIFEST, _OUTCOME, _NOTES = TypeAdapter(_Manifest), TypeAdapter(_Outcome), TypeAdapter(_Notes)
_ABOUT, _TRAINED = TypeAdapter(_About), TypeAdapter(_Trained)
_ROW = TypeAdapter(Annotated[dict[str, LogValue], AfterValidator(_check_row)])


def read_rows(study: Path) -> list[Score]:
    """The rows of scores.jsonl, at least one; UserError says what a folder without any is, and what helps."""
    path = study / "scores.jsonl"
    if not path.is_file():
        raise UserError(_explain_no_rows(study))
    scores = read_scores(path)
    if not scores:
        raise UserError(f"{path} is empty: no run of this study has finished yet")
    return scores


def _explain_no_rows(study: Path) -> str:
    if not study.exists():
        return f"there is no folder {study}; give a folder written by esrlab study or esrlab evaluate"
    if not study.is_dir():
        return f"{study} is no folder; give a folder written by esrlab study or esrlab evaluate"
    if (study / "recipe.json").is_file():
        return (
            f"{study} is the folder of one training and holds no scores.jsonl; score it first: esrlab "
            f"evaluate {study} --benchmark NAME=DIR --scale N --out DIR, then esrlab report DIR"
        )
    if (study / "study.toml").is_file():
        return (
            f"{study} is a study's folder and holds no scores.jsonl: no run of it has finished yet; run the "
            "same esrlab study command again to go on"
        )
    return (
        f"{study} holds no scores.jsonl, so neither esrlab study nor esrlab evaluate wrote it; give a folder "
        "that one of them wrote"
    )


def read_manifest(study: Path) -> dict[str, Any]:
    """manifest.json; empty where there is none."""
    return _read(study, "manifest.json", shape=_MANIFEST)


def read_merge_notes(study: Path) -> list[str]:
    """The notes of merged.json; none where the folder was not made by merging."""
    return _read(study, "merged.json", shape=_NOTES).get("notes", [])


def read_study_text(study: Path) -> str:
    """study.toml as it stands; empty where there is none."""
    path = find_inside(study, "study.toml")
    return "" if path is None else read_text(path)


def find_runs(study: Path, file: str) -> list[Path]:
    """The folders below runs/ that have a file of this name, by their own names."""
    folders = sorted(path.parent for path in (study / "runs").glob(f"*/{file}"))
    return [folder for folder in folders if find_inside(study, "runs", folder.name, file)]


def read_about(study: Path, run: str, *, as_trained: bool = False) -> dict[str, Any]:
    """A run's recipe.json; `as_trained`: one that says what the recipe was trained on and from as well."""
    return _read(study, "runs", run, "recipe.json", shape=_TRAINED if as_trained else _ABOUT)


def read_ending(study: Path, run: str) -> dict[str, Any]:
    """A run's outcome.json; empty while it has not ended."""
    return _read(study, "runs", run, "outcome.json", shape=_OUTCOME)


def read_log(study: Path, run: str) -> list[dict[str, Any]]:
    """A run's log, a last line that was cut by a crash left out; nan where null stands."""
    path = find_inside(study, "runs", run, "log.jsonl")
    return [] if path is None else restore_nan(read_json_rows(path, _ROW, growing=True))


def _read(study: Path, *names: str, shape: TypeAdapter[Any]) -> dict[str, Any]:
    path = find_inside(study, *names)
    return {} if path is None else read_json_object(path, shape)
