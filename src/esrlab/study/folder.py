"""A study's folder: whose it is, which data its rows rest on, and the rows themselves."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from esrlab.core.files import to_json, write_text
from esrlab.core.scores import BICUBIC, MANIFEST, Score, read_scores, write_scores
from esrlab.core.text_files import read_json_object
from esrlab.data.degradations.bicubic import DEFAULT_CONVENTION, Convention
from esrlab.data.photos.benchmark import Benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError, UserError
from esrlab.models.lpips_choice import LPIPSWeights, has_real_lpips
from esrlab.statistics.claim_register import register_claims
from esrlab.study.spec import PlannedRun, Study, dump_study, plan_runs, read_asked
from esrlab.training.run_folder import differences, is_used


@dataclass(frozen=True)
class _Manifest:
    perceptual: list[LPIPSWeights]
    conventions: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)


_MANIFEST = TypeAdapter(_Manifest)


def refuse_other_study(study: Study, out: Path) -> bool:
    """Whether `out` holds this study already, or less of it; UsageError when it holds anything else.

    Less of it: all of its runs are runs of this study too, the same in every field, on the same benchmarks.
    Claims are no part of what a study is: they change no row, so they may be added at any time.
    """
    if (out / "study.toml").exists():
        there = read_asked(out)
        if extends(study, there):
            return True
        changed = differences(*(each.model_dump(mode="json", exclude={"claims"}) for each in (there, study)))
        if changed:
            raise UsageError(
                f"{out} holds another study; choose a new folder with --out, or ask for the same again or "
                "for more seeds, recipes and scales beside those there:\n"
                + "\n".join(f"  {line}" for line in changed)
            )
        return True
    if out.exists() and (not out.is_dir() or is_used(out)):
        raise UsageError(f"{out} is not empty and holds no study; choose a new folder with --out")
    return False


def extends(study: Study, there: Study) -> bool:
    """Whether a study has every run of another one, the same in all fields, on the same images."""
    same = ("name", "photos", "benchmarks", "weights")
    if any(getattr(study, key) != getattr(there, key) for key in same):
        return False
    try:
        planned, asked = ({run.name: run.recipe for run in plan_runs(each)} for each in (there, study))
    except UserError:  # a recipe's file has gone, say: the fields of study.toml decide
        return False
    return all(asked.get(name) == recipe for name, recipe in planned.items())


def settle_study(study: Study, out: Path) -> Study:
    """The study as `out` is to hold it: what is there comes first, in its order, and what is added after it.

    The first seed stays the one whose pictures are kept. Raises UsageError as `refuse_other_study` does.
    """
    if not refuse_other_study(study, out):
        return study
    there = read_asked(out)
    return study.model_copy(
        update={
            "scales": tuple(dict.fromkeys((*there.scales, *study.scales))),
            "seeds": tuple(dict.fromkeys((*there.seeds, *study.seeds))),
            "recipes": {
                name: study.recipes[name] for name in dict.fromkeys((*there.recipes, *study.recipes))
            },
            "claims": study.claims or there.claims,
        }
    )


def describe_data(
    runs: tuple[PlannedRun, ...], photos: Photos, benchmarks: tuple[Benchmark, ...]
) -> dict[str, Any]:
    """What a study's rows rest on beside study.toml: its runs, its photographs, its benchmarks' images."""
    return {
        "runs": [run.name for run in runs],
        "conventions": {run.recipe.name: run.recipe.patches.convention for run in runs},
        "photos": {"count": len(photos.members), "fingerprint": photos.fingerprint},
        "benchmarks": {
            benchmark.name: {"count": len(benchmark.members), "fingerprint": benchmark.fingerprint}
            for benchmark in benchmarks
        },
    }


def choose_lpips(study: Study, out: Path) -> list[LPIPSWeights]:
    """The LPIPS that this study is judged by, the same from its first run to its last.

    LPIPS where its weights were here when the study began; else LPIPS≈ for studies with students, and none
    for others: tables show "n/a" then, and the report tells how to get the weights.
    """
    if (out / MANIFEST).exists():
        return _read_manifest(out)["perceptual"]
    if has_real_lpips():
        return ["real"]
    return ["student"] if study.weights == "student" else []


def claim_folder(study: Study, out: Path, *, manifest: dict[str, Any]) -> None:
    """Writes study.toml and the manifest; UsageError for a folder of another study, or on other data.

    Claims that are asked for take the place of those in the folder; where none are, those there stay. The
    folder's register keeps the day of each, and whether results were there already.
    """
    has_begun = refuse_other_study(study, out)
    _refuse_other_data(out, manifest)
    if not has_begun or settle_study(study, out) != read_asked(out):
        write_text(out / "study.toml", dump_study(settle_study(study, out)))
    trained = [path for path in out.glob("runs/*/scores.jsonl") if path.parent.name != BICUBIC]
    register_claims(out, settle_study(study, out).claims, has_results=bool(trained))
    write_text(out / MANIFEST, to_json(manifest, indent=2) + "\n")


def _refuse_other_data(out: Path, manifest: dict[str, Any]) -> None:
    """UsageError where photographs or benchmarks have changed, or a run that was planned is no more."""
    if not (out / MANIFEST).exists():
        return
    before = _read_manifest(out)
    usual = _usual_conventions(before.get("runs", manifest["runs"]), manifest["conventions"])
    before["conventions"] = manifest["conventions"] | before.get("conventions", usual)
    if "runs" in before and set(before["runs"]) <= set(manifest["runs"]):
        before["runs"] = manifest["runs"]
    changed = differences(before, manifest)
    if changed:
        raise UsageError(
            f"{out} was begun on other data; choose a new folder with --out, or bring the old back:\n"
            + "\n".join(f"  {line}" for line in changed)
        )


def _usual_conventions(runs: list[str], recipes: Iterable[str]) -> dict[str, Convention]:
    """For rows whose manifest does not tell how their LR images were made: as usual, whatever the recipe."""
    begun = {run.rsplit("-x", 1)[0] for run in runs}
    return {recipe: DEFAULT_CONVENTION for recipe in recipes if recipe in begun}


def _read_manifest(out: Path) -> dict[str, Any]:
    """manifest.json as it stands; raises UserError, naming file and field, where it is damaged."""
    return read_json_object(out / MANIFEST, _MANIFEST)


def collect_scores(out: Path, runs: tuple[PlannedRun, ...]) -> list[Score]:
    """Rewrites scores.jsonl from the finished runs, in the plan's order, and returns the rows."""
    folders = [out / "runs" / BICUBIC, *(out / "runs" / run.name for run in runs)]
    paths = [folder / "scores.jsonl" for folder in folders]
    scores = [score for path in paths if path.exists() for score in read_scores(path)]
    write_scores(out / "scores.jsonl", scores)
    return scores
