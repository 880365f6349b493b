"""Copies of the files that a recipe is made from, so that a run's or study's folder alone repeats it.

They are in sources/<first digits of the sha256>/<own name>: the path identifies the content, whatever changes
where it came from.
"""

import glob
import hashlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from esrlab.core.files import replacing, write_text
from esrlab.core.named_files import DIGEST_ENDING, SCALE, map_files, seen_from, within
from esrlab.core.tables import read_table

SOURCES = "sources"
"""The folder of what a run or a study was made from."""

LARGEST_KEPT = 128 * 2**20
"""Bytes up to which a file is copied; of a larger one its sha256 is kept."""


def read_run(name: str) -> dict[str, Any] | None:
    """What a run's recipe.json holds about the run; None for any other recipe, by name or file."""
    if not name.endswith(".json") or not Path(name).is_file():
        return None
    about = read_table(Path(name), what="recipe")
    return about if is_run(about) else None


def is_run(table: dict[str, Any]) -> bool:
    """Whether a table is that of a run's recipe.json: a recipe, and with which seed and photographs."""
    return all(isinstance(table.get(key), dict) for key in ("recipe", "photos")) and "seed" in table


def keep_recipe(
    recipe: dict[str, Any], sources: Path, *, beside: Path, scales: Iterable[int] = ()
) -> dict[str, Any]:
    """A dumped recipe whose files are copied into `sources`, named as seen from the folder `beside`.

    A file that is missing (an inactive term's, say) keeps the name of its old place.
    """

    def keep(path: str) -> str:
        kept = keep_named(path, sources, scales=scales)
        return seen_from(beside, path) if kept is None else within(beside, kept)

    return map_files(recipe, keep)


def keep_named(path: str, sources: Path, *, scales: Iterable[int] = ()) -> Path | None:
    """Copies the file, or where its path holds "{scale}" the one of each scale; None where one is missing."""
    if SCALE not in path:
        return keep_file(Path(path), sources) if Path(path).is_file() else None
    files = {scale: Path(path.replace(SCALE, str(scale))) for scale in scales}
    if not files or not all(file.is_file() for file in files.values()):
        return None
    together = hashlib.sha256("".join(map(_digest, files.values())).encode()).hexdigest()
    folder = sources / together[:16]
    for scale, file in files.items():
        _copy(file, folder / f"x{scale}" / file.name)
    return folder / f"x{SCALE}" / Path(path).name


def holds_copies(folder: Path) -> bool:
    """Whether a folder is one of copies, and of nothing else; a kill may leave it before anything else is."""
    return folder.name == SOURCES and folder.is_dir() and all(map(_is_digest, folder.iterdir()))


def changed_files(asked: dict[str, Any], kept: dict[str, Any], *, beside: Path) -> list[str]:
    """The files of an equal recipe that no longer hold what the copies do that were kept of them.

    kept: the recipe with files named as seen from the folder `beside`. A file that has gone is not changed.
    """
    pairs = zip(_names(asked), _names(kept), strict=True)
    found = ((Path(path), beside / copy) for path, copy in pairs)
    return [
        str(path) for path, copy in found if path.is_file() and _kept_digest(copy) not in ("", _digest(path))
    ]


def _names(recipe: dict[str, Any]) -> list[str]:
    names: list[str] = []

    def note(name: str) -> str:
        names.append(name)
        return name

    map_files(recipe, note)
    return names


def _kept_digest(copy: Path) -> str:
    """The digest of a kept copy, or that which was written in its place; nothing where neither is there."""
    if copy.is_file():
        return _digest(copy)
    written = copy.with_name(copy.name + DIGEST_ENDING)
    return written.read_text(encoding="utf-8").partition(" ")[0] if written.is_file() else ""


def _is_digest(path: Path) -> bool:
    return re.fullmatch("[0-9a-f]{16}", path.name) is not None


def keep_file(path: Path, sources: Path) -> Path:
    """Copies a file into `sources`, unless it is there, and returns the copy's path.

    Of a file above LARGEST_KEPT bytes only the digest is written, beside where the file would be.
    """
    digest = _digest(path)
    for one_of_scales in sources.glob(f"*/x?/{glob.escape(path.name)}"):
        if _digest(one_of_scales) == digest:
            return one_of_scales
    return _copy(path, sources / digest[:16] / path.name)


def _copy(path: Path, kept: Path) -> Path:
    if kept.exists():
        return kept
    if path.stat().st_size > LARGEST_KEPT:
        write_text(kept.with_name(kept.name + DIGEST_ENDING), f"{_digest(path)}  {path.name}\n")
        return kept
    with replacing(kept) as temporary:
        shutil.copyfile(path, temporary)
    return kept


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
