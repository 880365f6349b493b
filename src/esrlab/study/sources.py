"""What a study file names: photographs, benchmarks, base recipes, initial weights, users' own losses.

In a study's file relative paths count from that file's folder; in memory from the working folder. A study's
folder keeps copies of all but the images, in sources/, and its study.toml names these; images it names by
absolute paths, so that the folder may be moved without them.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from esrlab.core.files import to_json, write_text
from esrlab.core.named_files import absolute, found_from, map_files, seen_from, within
from esrlab.data.photos.samples import SAMPLES
from esrlab.data.sets.catalogue import is_set
from esrlab.recipes.kept_files import SOURCES, keep_named, keep_recipe
from esrlab.recipes.presets import find_recipe, is_recipe_file

Change = Callable[[str], str]


def map_places(study: dict[str, Any], *, files: Change, bases: Change, images: Change) -> dict[str, Any]:
    """A copy of a study's fields with its paths changed; what is of a wrong type stays, to be refused."""
    changed = dict(study)
    if "fields" in study:
        changed["fields"] = map_files(study["fields"], files)
    if isinstance(study.get("recipes"), dict):
        changed["recipes"] = {
            name: _map_recipe(name, table, files=files, bases=bases)
            for name, table in study["recipes"].items()
        }
    if "photos" in study:
        changed["photos"] = _map_images(study["photos"], images)
    if isinstance(study.get("benchmarks"), dict):
        changed["benchmarks"] = {
            name: _map_images(value, images) for name, value in study["benchmarks"].items()
        }
    return changed


def _map_recipe(name: str, table: Any, *, files: Change, bases: Change) -> Any:
    if not isinstance(table, dict):
        return table
    base = table.get("base", name)
    changed = map_files(table, files)
    return {**changed, "base": bases(base)} if isinstance(base, str) and is_recipe_file(base) else changed


def _map_images(value: Any, images: Change) -> Any:
    if isinstance(value, (list, tuple)):
        return [_map_images(each, images) for each in value]
    is_path = isinstance(value, str) and value != SAMPLES and not is_set(value)
    return images(value) if is_path else value


def as_seen_from_here(study: dict[str, Any], file: Path) -> dict[str, Any]:
    """A study file's fields with its paths as the working folder sees them."""

    def find(path: str) -> str:
        return found_from(file.parent, path)

    return map_places(study, files=find, bases=find, images=find)


def without_folders(study: dict[str, Any]) -> dict[str, Any]:
    """A study's fields by which two are compared: images are compared by fingerprints, files by digests."""
    return map_places(
        study, files=lambda path: Path(path).name, bases=lambda path: Path(path).stem, images=lambda path: "…"
    )


def keep_sources(study: dict[str, Any], out: Path, *, there: dict[str, Any] | None) -> dict[str, Any]:
    """A study's fields as `out` is to hold them: what they name is copied there, and found from there.

    there: the fields that `out` holds already; a file that is missing now is the one of its name there.
    """
    sources, scales = out / SOURCES, study["scales"]
    before = _kept_before(there, sources)

    def keep_one(path: str) -> str:
        kept = keep_named(path, sources, scales=scales) or before.get(Path(path).name)
        return seen_from(out, path) if kept is None else within(out, kept)

    def keep_base(path: str) -> str:
        return within(out, _keep_base(path, sources, scales=scales))

    return map_places(study, files=keep_one, bases=keep_base, images=absolute)


def _keep_base(path: str, sources: Path, *, scales: Iterable[int]) -> Path:
    """Writes a base recipe, all that it rests on included, and returns where; its files are beside it."""
    dumped = find_recipe(path).model_dump(mode="json")
    text = to_json(keep_recipe(dumped, sources, beside=sources / "any", scales=scales), indent=2) + "\n"
    kept = sources / hashlib.sha256(text.encode()).hexdigest()[:16] / f"{Path(path).stem}.json"
    if not kept.exists():
        write_text(kept, text)
    return kept


def _kept_before(there: dict[str, Any] | None, sources: Path) -> dict[str, Path]:
    """The copies that a study's folder names, by their own names; none of a name that two of them have."""
    found: dict[str, set[Path]] = {}

    def note(path: str) -> str:
        if Path(path).resolve().is_relative_to(sources.resolve()):
            found.setdefault(Path(path).name, set()).add(Path(path))
        return path

    map_places(there or {}, files=note, bases=lambda path: path, images=lambda path: path)
    return {name: paths.pop() for name, paths in found.items() if len(paths) == 1}
