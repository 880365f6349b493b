"""Files that a recipe or a study names: initial weights and users' own losses, wherever they are."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

STARTS = ("random", "interpolation")
"""Initial weights that need no file."""

GENERATOR_ENDINGS = (".safetensors", ".pth")
"""Endings of generators' files; initial weights of another name are a shipped model's."""

SCALE = "{scale}"
"""What stands for the magnification in names of files and folders."""

DIGEST_ENDING = ".sha256"
"""What is put in the place of a file that was too large to be copied: its digest, as sha256sum writes it."""


def map_files(value: Any, change: Callable[[str], str], *, place: str = "") -> Any:
    """A copy of a recipe's fields, nested or by dotted names, with each name of a file changed."""
    if isinstance(value, dict):
        return {
            key: map_files(each, change, place=f"{place}.{key}".lstrip(".")) for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        is_sweep = names_file(place)
        return [
            map_files(each, change, place=place if is_sweep else f"{place}.{index}")
            for index, each in enumerate(value)
        ]
    if isinstance(value, str) and names_file(place) and not names_model(place, value):
        return change(value)
    if isinstance(value, str) and names_folder(place) and is_place(value):
        return change(value)
    return value


def is_place(name: str) -> bool:
    """Whether a folder's name says where it is; a name alone is beside whatever it belongs to."""
    return len(Path(name).parts) > 1 or Path(name).is_absolute()


def names_folder(dotted: str) -> bool:
    """Whether a recipe's field holds the name of a folder."""
    return dotted == "patches.degradation.folder"


def names_file(dotted: str) -> bool:
    """Whether a recipe's field holds the name of a file."""
    return dotted == "generator.init" or (dotted.startswith("terms.") and dotted.endswith(".loss.file"))


def names_model(dotted: str, value: str) -> bool:
    """Whether a recipe's field holds a word or a shipped model's name, where it may hold a file's."""
    return dotted == "generator.init" and Path(value).suffix not in GENERATOR_ENDINGS


def without_places(recipe: Any) -> Any:
    """A dumped recipe with files by their own names: their digests (`origins`) identify what they hold
    (`origins`).
    """
    return map_files(recipe, lambda path: Path(path).name)


def found_from(place: Path, path: str) -> str:
    """A path that a file in the folder `place` names, as seen from the working folder."""
    joined = place / path
    plain = os.path.normpath(joined)  # shorter, and another place only where a link is on the way
    return plain if os.path.realpath(plain) == os.path.realpath(joined) else str(joined)


def seen_from(place: Path, path: Path | str) -> str:
    """A path of the working folder's as a file in the folder `place` is to name it; absolute ones stay."""
    if Path(path).is_absolute():
        return str(path)
    return within(place, path)


def absolute(path: Path | str) -> str:
    """A path of the working folder's, from the root on; links on the way stay."""
    return os.path.normpath(Path(path).absolute())


def within(place: Path, path: Path | str) -> str:
    """A path as counted from the folder `place`, which may be moved together with it."""
    return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(place))).as_posix()


def explain_missing(path: Path | str) -> str:
    """What to do about a kept file that is missing, where its digest stands in its place; else nothing."""
    try:
        digest = Path(f"{path}{DIGEST_ENDING}").read_text(encoding="utf-8").split()[0]
    except (OSError, ValueError, IndexError):
        return ""
    return f"; it was too large to be copied into the folder: put the file with sha256 {digest} there"
