"""A study's folder: whose it is, which data its rows rest on, and the rows themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from esrlab.core.differences import differences
from esrlab.core.files import to_json, write_text
from esrlab.core.metrics import add_described
from esrlab.core.named_files import without_places
from esrlab.core.scores import BICUBIC, MANIFEST, Score, read_scores, write_scores
from esrlab.core.text_files import read_json_object
from esrlab.data.degradations.any_degradation import USUAL
from esrlab.data.photos.benchmark import Benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError, UserError
from esrlab.evaluation.metrics.any_metric import STANDARD, AnyMetric
from esrlab.evaluation.metrics.choice import describe, settle
from esrlab.evaluation.metrics.inputs import MetricPart
from esrlab.statistics.claim_register import register_claims
from esrlab.study.sources import keep_sources, without_folders
from esrlab.study.spec import PlannedRun, Study, dump_study, parse_study, plan_runs, read_asked
from esrlab.training.run_folder import is_used


@dataclass(frozen=True)
class _Manifest:
    metrics: list[AnyMetric] | None = None
    perceptual: list[str] | None = None
    degradations: dict[str, str] = field(default_factory=dict)
    conventions: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.metrics is None and self.perceptual is None:  # the older name of what was measured
            raise ValueError("metrics is missing")


_MANIFEST = TypeAdapter(_Manifest)


def refuse_other_study(study: Study, out: Path) -> bool:
    """Whether `out` holds this study already, or less or more of it; UsageError when it holds anything else.

    Less of it: all of its runs are runs of this study too, the same in every field, on the same benchmarks;
    more of it: the other way round.
    The places of images and files are ignored; fingerprints and digests are compared (manifest.json,
    recipe.json). Claims are no part of what a study is: they change no row, so they may be added at any time.
    """
    if (out / "study.toml").exists():
        there = read_asked(out)
        if extends(study, there) or extends(there, study):
            return True
        changed = _changes(study, there)
        if changed:
            raise UsageError(
                f"{out} holds another study; choose a new folder with --out, or keep what is there and "
                "add only seeds, recipes or scales:\n" + "\n".join(f"  {line}" for line in changed)
            )
        return True
    if out.exists() and (not out.is_dir() or is_used(out)):
        raise UsageError(f"{out} is not empty and holds no study; choose a new folder with --out")
    return False


def extends(study: Study, there: Study) -> bool:
    """Whether a study has every run of another one, the same in all fields, on the same images."""
    if (study.name, study.weights, study.metrics) != (there.name, there.weights, there.metrics):
        return False
    if study.benchmarks.keys() != there.benchmarks.keys():
        return False
    try:
        planned, asked = _planned(there), _planned(study)
    except UserError:  # a recipe's file has gone, say: the fields of study.toml decide
        return False
    return all(asked.get(name) == recipe for name, recipe in planned.items())


def _planned(study: Study) -> dict[str, Any]:
    """The recipes of a study's runs, whose files are compared by their digests, not by where they are."""
    return {run.name: without_places(run.recipe.model_dump(mode="json")) for run in plan_runs(study)}


def _changes(study: Study, there: Study) -> list[str]:
    """In what a study is not the one there; seeds and scales only where there is nothing else."""
    dumped = (each.model_dump(mode="json", exclude={"claims"}) for each in (there, study))
    fields = differences(*map(without_folders, dumped))
    others = [line for line in fields if not line.startswith(("seeds", "scales"))]
    return others or _recipe_changes(study, there) or fields


def _recipe_changes(study: Study, there: Study) -> list[str]:
    """Where equal fields make other recipes, as when a base recipe's file has changed."""
    try:
        planned, asked = _planned(there), _planned(study)
    except UserError:
        return []
    return [
        line
        for name in planned
        if name in asked
        for line in differences(planned[name], asked[name], place=name)
    ]


def settle_study(study: Study, out: Path) -> Study:
    """The study as `out` is to hold it: what is there comes first, in its order, and what is added after it.

    Where it is less than what is there, nothing changes; claims that are new are added. The first seed stays
    the one whose pictures are kept. Raises UsageError as `refuse_other_study` does.
    """
    if not refuse_other_study(study, out):
        return study
    there = read_asked(out)
    if extends(there, study) and not extends(study, there):
        claims = {claim.id: claim for claim in (*there.claims, *study.claims)}
        places = {"photos": study.photos, "benchmarks": study.benchmarks}  # they may have moved
        return there.model_copy(update={"claims": tuple(claims.values()), **places})
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
    runs: tuple[PlannedRun, ...],
    photos: Photos,
    benchmarks: tuple[Benchmark, ...],
    metrics: Sequence[MetricPart],
) -> dict[str, Any]:
    """What a study's rows rest on beside study.toml: its runs, photographs, benchmarks' images, metrics."""
    return {
        "metrics": [part.model_dump(mode="json") for part in metrics],
        "runs": [run.name for run in runs],
        "degradations": {run.recipe.name: run.recipe.patches.degradation.text for run in runs},
        "photos": {"count": len(photos.members), "fingerprint": photos.fingerprint},
        "benchmarks": {
            benchmark.name: {"count": len(benchmark.members), "fingerprint": benchmark.fingerprint}
            for benchmark in benchmarks
        },
    }


def choose_metrics(study: Study, out: Path) -> list[MetricPart]:
    """The metrics that this study is measured with, the same from its first run to its last.

    Those that are asked for and whose weights were here when the study began. In place of others studies with
    students take what estimates them (LPIPS≈), where anything does, and none for others: tables show "n/a"
    then, and the report shows how to get the weights.
    """
    if not (out / MANIFEST).exists():
        return settle(study.measured, students=study.weights == "student")
    there = _MANIFEST.validate_python(_read_manifest(out))
    return _of_older(there.perceptual or ()) if there.metrics is None else [*there.metrics]


def _of_older(perceptual: Sequence[str]) -> list[MetricPart]:
    """What a study measures whose manifest tells of perceptual metrics alone, "real" or "student"."""
    found: list[MetricPart] = []
    for part in STANDARD:
        estimate = part.instead()
        if estimate is None or "real" in perceptual:
            found.append(part)
        if estimate is not None and "student" in perceptual:
            found.append(estimate)
    return found


def claim_folder(study: Study, out: Path, *, manifest: dict[str, Any]) -> None:
    """Writes study.toml, what it names, and the manifest.

    Raises UsageError for a folder of another study, or of one on other data.

    Claims that are asked for take the place of those in the folder; where none are, those there stay. The
    folder's register keeps the day of each, and whether results were there already.
    """
    has_begun = refuse_other_study(study, out)
    _refuse_other_data(out, manifest)
    settled = settle_study(study, out)
    there = read_asked(out).model_dump(mode="json") if has_begun else None
    text = dump_study(parse_study(keep_sources(settled.model_dump(mode="json"), out, there=there)))
    if not has_begun or (out / "study.toml").read_text(encoding="utf-8") != text:
        write_text(out / "study.toml", text)
    trained = [path for path in out.glob("runs/*/scores.jsonl") if path.parent.name != BICUBIC]
    register_claims(out, settled.claims, has_results=bool(trained))
    measured = _MANIFEST.validate_python(manifest).metrics or []
    add_described(out, describe((*settled.measured, *measured)))
    write_text(out / MANIFEST, to_json(manifest, indent=2) + "\n")


def _refuse_other_data(out: Path, manifest: dict[str, Any]) -> None:
    """UsageError where photographs or benchmarks have changed, or a run that was planned is no more."""
    if not (out / MANIFEST).exists():
        return
    before = _read_manifest(out)
    usual = _usual_degradations(before.get("runs", manifest["runs"]), manifest["degradations"])
    known = before.get("degradations", before.pop("conventions", usual))  # by the old name, bicubic's alone
    before["degradations"] = manifest["degradations"] | known
    if "runs" in before and set(before["runs"]) <= set(manifest["runs"]):
        before["runs"] = manifest["runs"]
    before.pop("perceptual", None)
    before["metrics"] = manifest["metrics"]  # chosen by what is there
    changed = differences(before, manifest)
    if changed:
        raise UsageError(
            f"{out} was started on other data; choose a new folder with --out, or restore the old data:\n"
            + "\n".join(f"  {line}" for line in changed)
        )


def _usual_degradations(runs: list[str], recipes: Iterable[str]) -> dict[str, str]:
    """For rows whose manifest does not tell how their LR images were made: as usual, whatever the recipe."""
    begun = {run.rsplit("-x", 1)[0] for run in runs}
    return {recipe: USUAL.text for recipe in recipes if recipe in begun}


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
