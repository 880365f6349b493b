"""Several studies' folders -> one folder that holds their rows, pictures, logs and claims, to report from.

Whose rows are whose: docs/rows.md. Nothing is taken from anywhere but the folders, in the order given, so the
same folders give the same bytes.
"""

import filecmp
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w

from esrlab.core.command_history import GivenCommand, read_commands, write_commands
from esrlab.core.files import find_inside, replacing, to_json, write_text
from esrlab.core.metrics import (
    METRICS,
    merge_described,
    read_described,
    write_described,
)
from esrlab.core.scores import BICUBIC, Score, write_scores
from esrlab.errors import UsageError
from esrlab.report.merge_sources import (
    MergeSource,
    name_perceptual,
    open_sources,
    refuse_other_images,
    refuse_other_lr,
    unused_name,
)
from esrlab.report.recipe_identity import Identity, differing_fields
from esrlab.statistics.claim_register import read_register, rename_registers, write_register
from esrlab.statistics.claims import CLAIMS, read_asked_claims

MERGED = "merged.json"
"""Marks a folder that was made by merging, and tells from what."""

RUN_FILES = ("recipe.json", "outcome.json", "log.jsonl", "scores.jsonl", "failed.txt")

AGREEMENT = 1e-6
"""Relative difference up to which two values of one row agree: processors differ in last digits."""

_Place = tuple[str, int, int | None, str, str]


def merge_studies(folders: Sequence[Path | str], out: Path | str, *, apart: bool = False) -> Path:
    """Merges studies' folders into `out` and returns it.

    Equal names of recipes that are not the same are told apart by " (<study>)"; `apart`: of all recipes.
    Raises UsageError where a benchmark's images differ, where one row has two values or one metric two
    descriptions, and for an `out` that holds anything else; nothing is written then.
    """
    places, out = [Path(folder) for folder in folders], Path(out)
    _refuse_place(places, out)
    sources = open_sources(places)
    refuse_other_images(sources)
    refuse_other_lr(sources)
    described = merge_described((f"{each.folder}", read_described(each.folder)) for each in sources)
    notes = [*_tell_apart(sources, apart=apart), *name_perceptual(sources, described)]
    rows = _merge_rows(sources)
    claims, commands = _merge_claims(sources), _merge_commands(sources)
    registered = rename_registers((read_register(each.folder), each.called) for each in sources)
    for part in ("pictures", "pulls", "runs", "figures"):
        shutil.rmtree(out / part, ignore_errors=True)
    parts = [{"folder": str(each.folder), "study": each.name, "renamed": each.renamed} for each in sources]
    write_text(out / MERGED, to_json({"from": parts, "notes": notes}, indent=2) + "\n")
    write_text(out / "manifest.json", to_json(_merge_manifests(sources), indent=2) + "\n")
    write_scores(out / "scores.jsonl", rows)
    (out / METRICS).unlink(missing_ok=True)
    if described:
        write_described(out, described)
    write_commands(out, commands)
    for source in sources:
        _copy_pictures(source, out)
        _copy_maps(source, out)
        _copy_runs(source, out)
    write_text(out / CLAIMS, tomli_w.dumps({"claims": claims}))
    write_register(out, registered)
    return out


def default_place(folders: Sequence[Path]) -> Path:
    """Where a merged report goes without --out: beside the first folder, named after all."""
    name = "+".join(folder.resolve().name for folder in folders)
    if len(name) > 120:
        raise UsageError("several folders need a folder for their common report: choose it with --out")
    return folders[0].resolve().parent / name


def _refuse_place(folders: Sequence[Path], out: Path) -> None:
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise UsageError(f"a folder is given twice: {', '.join(map(str, folders))}")
    if out.resolve() in places:
        raise UsageError(f"{out} is one of the folders to report on; choose another one with --out")
    if out.exists() and not (out / MERGED).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty and holds no merged report; choose a new folder with --out")


def _tell_apart(sources: Sequence[MergeSource], *, apart: bool) -> list[str]:
    """Renames recipes of a name that an earlier folder uses for another recipe; returns a note on each."""
    notes: list[str] = []
    taken: dict[str, tuple[MergeSource, Identity]] = {}
    names = {recipe for source in sources for recipe in source.identities}
    for source in sources:
        for recipe, identity in source.identities.items():
            if recipe == BICUBIC:
                continue
            first, known = taken.setdefault(recipe, (source, identity))
            if first is source or (not apart and known.same_as(identity)):
                continue
            source.renamed[recipe] = unused_name(f"{recipe} ({source.name})", names)
            names.add(source.renamed[recipe])
            why = (
                "kept apart as asked"
                if apart and known.same_as(identity)
                else differing_fields(known, identity)
            )
            notes.append(f"{recipe} of {source.name} is shown as {source.renamed[recipe]}: {why}.")
    return notes


def _merge_rows(sources: Sequence[MergeSource]) -> list[Score]:
    """All rows, the first folder's first; one that several have once. UsageError where values differ."""
    rows: dict[_Place, Score] = {}
    owners: dict[_Place, MergeSource] = {}
    conflicts: list[str] = []
    for source in sources:
        for score in source.scores:
            recipe = source.called(score.recipe)
            label = score.label if recipe == score.recipe else f"{score.label} ({source.name})"
            row = replace(score, recipe=recipe, label=label, study=source.name)
            place = (row.recipe, row.scale, row.seed, row.image, row.metric)
            known = rows.setdefault(place, row)
            owner = owners.setdefault(place, source)
            if known is not row and not math.isclose(known.value, row.value, rel_tol=AGREEMENT):
                conflicts.append(
                    f"  {recipe} ×{row.scale}, seed {row.seed}, {row.image}, {row.metric}: {known.value:.6g} "
                    f"in {owner.folder}, {row.value:.6g} in {source.folder}"
                )
    if conflicts:
        more = f"\n  … and {len(conflicts) - 5} more" if len(conflicts) > 5 else ""
        remedy = "give --apart to show every study's recipes by themselves"
        if any(line.startswith(f"  {BICUBIC} ") for line in conflicts):
            remedy = "bicubic's too, so they rest on other LR or HR images; report the folders one by one"
        told = "\n".join(conflicts[:5]) + more
        raise UsageError(f"rows of one recipe, seed and image have two values; {remedy}:\n{told}")
    return list(rows.values())


def _merge_claims(sources: Sequence[MergeSource]) -> list[dict[str, Any]]:
    """Every folder's own claims, of the recipes as they are called here; a second of an id has a number."""
    merged: dict[str, dict[str, Any]] = {}
    for source in sources:
        for asked in read_asked_claims(source.folder):
            claim = asked.model_dump(mode="json")
            claim |= {key: source.called(claim[key]) for key in ("better", "than")}
            known = [{**one, "id": asked.id} for one in merged.values() if one["id"].startswith(asked.id)]
            if claim not in known:
                claim["id"] = unused_name(asked.id, set(merged), joint=".")
                merged[claim["id"]] = claim
    return list(merged.values())


def _merge_commands(sources: Sequence[MergeSource]) -> list[GivenCommand]:
    """Every folder's commands, each with the study that it was given for."""
    return [
        replace(each, study=each.study or source.name)
        for source in sources
        for each in read_commands(source.folder)
    ]


def _merge_manifests(sources: Sequence[MergeSource]) -> dict[str, Any]:
    runs = [_run_name(source, name) for source in sources for name in source.manifest.get("runs", [])]
    benchmarks: dict[str, Any] = {}
    evaluated: dict[str, Any] = {}
    for source in sources:
        benchmarks |= source.manifest.get("benchmarks", {})
        for key, about in source.manifest.get("evaluated", {}).items():
            recipe, sign, rest = key.rpartition(" ×")
            evaluated.setdefault(f"{source.called(recipe)}{sign}{rest}", about)
    return {"runs": list(dict.fromkeys(runs)), "benchmarks": benchmarks, "evaluated": evaluated}


def _run_name(source: MergeSource, run: str) -> str:
    recipe, sign, rest = run.rpartition("-x")
    return f"{source.called(recipe)}{sign}{rest}" if sign else run


def _copy_pictures(source: MergeSource, out: Path) -> None:
    """Copies pictures that no earlier folder had of the same method."""
    for folder in sorted((source.folder / "pictures").glob("x*/*")):
        called = folder.name if folder.name in ("lr", "hr") else source.called(folder.name)
        for path in sorted(folder.rglob("*.png")):
            if find_inside(source.folder, str(path.relative_to(source.folder))):
                _copy(path, out / "pictures" / folder.parent.name / called / path.relative_to(folder))


def _copy_maps(source: MergeSource, out: Path) -> None:
    """Copies maps of pulls whose pictures are here too, and not an earlier folder's in their place."""
    for folder in sorted((source.folder / "pulls").glob("x*/*")):
        called = source.called(folder.name)
        for about in sorted(folder.rglob("about.json")):
            inside = about.parent.relative_to(folder)
            own, kept = (
                root / "pictures" / folder.parent.name / name / inside.with_name(f"{inside.name}.png")
                for root, name in ((source.folder, folder.name), (out, called))
            )
            place = out / "pulls" / folder.parent.name / called / inside
            if (
                own.is_file()
                and kept.is_file()
                and not place.exists()
                and filecmp.cmp(own, kept, shallow=False)
            ):
                for path in sorted((*about.parent.glob("*.png"), about)):
                    if find_inside(source.folder, str(path.relative_to(source.folder))):
                        _copy(path, place / path.name)


def _copy_runs(source: MergeSource, out: Path) -> None:
    for folder in sorted((source.folder / "runs").glob("*")):
        place = out / "runs" / _run_name(source, folder.name)
        if not place.exists():
            for name in RUN_FILES:
                if find_inside(source.folder, "runs", folder.name, name):
                    _copy(folder / name, place / name)
    for path in sorted((source.folder / "sources").rglob("*")):  # named by what is in them: none is another
        inside = path.relative_to(source.folder)
        if find_inside(source.folder, *inside.parts):
            _copy(path, out / inside)


def _copy(path: Path, place: Path) -> None:
    if not place.exists():
        with replacing(place) as temporary:
            shutil.copyfile(path, temporary)
