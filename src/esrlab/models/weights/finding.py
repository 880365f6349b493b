"""Where weights are, and whether they are what they should be. Nothing is downloaded here."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esrlab.core.digests import digest, megabytes
from esrlab.errors import UserError
from esrlab.models.weights.catalogue import KNOWN_DIGITS, WeightFile, WeightRecord, find_record

Condition = Literal["verified", "partial", "damaged", "unverified"]
SIDECAR = ".sha256"


@dataclass(frozen=True)
class Found:
    """A file that should hold the weights `name`; `file` is what is known of it. Not checked yet."""

    name: str
    path: Path
    file: WeightFile


def hub_folder() -> Path:
    """Where torch keeps downloaded weights: $TORCH_HOME/hub/checkpoints, in ~/.cache/torch by default."""
    home = os.environ.get("TORCH_HOME") or str(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def search_folders() -> list[Path]:
    """The folders looked in, in order: those of $ESRLAB_WEIGHTS, then torch's."""
    named = os.environ.get("ESRLAB_WEIGHTS", "").split(os.pathsep)
    return [*(Path(folder.strip()).expanduser() for folder in named if folder.strip()), hub_folder()]


def find_weights(name: str, *, path: Path | None = None) -> Found | None:
    """The first file in the order: `path` (a file or a folder; nothing else then), $ESRLAB_WEIGHTS, torch's.

    Within a folder the complete file goes before a partial one. None where there is none.
    Raises UsageError for an unknown name, UserError where `path` does not exist.
    """
    record = find_record(name)
    if path is None:
        every = (find_in(record, folder) for folder in search_folders())
        return next((found for found in every if found is not None), None)
    path = path.expanduser()
    if path.is_dir():
        return find_in(record, path)
    if not path.is_file():
        raise UserError(f"there is no file {path}, given for the weights {name}")
    return Found(name, path, _recognise(record, path))


def find_in(record: WeightRecord, folder: Path) -> Found | None:
    """The most complete of the record's files in one folder."""
    for file in record.files:
        if (folder / file.name).is_file():
            return Found(record.name, folder / file.name, file)
    return None


def _recognise(record: WeightRecord, path: Path) -> WeightFile:
    """What a file of any name is: by its name, by its checksum, or the user's own with a sidecar."""
    for file in record.files:
        if file.name == path.name:
            return file
    actual = digest(path)
    for file in record.files:
        if file.sha256 is not None and actual.startswith(file.sha256):
            return file
    return WeightFile(path.name, sha256=None, note="not in the catalogue")


def examine(found: Found) -> tuple[Condition, str]:
    """Whether a file is what it should be, by its sha256; with the reason where it is not.

    verified: yes; partial: yes, but it holds the first layers alone; unverified: nothing to check it against.
    """
    sidecar = found.path.with_name(found.path.name + SIDECAR)
    try:
        expected = found.file.sha256 or _read_sidecar(sidecar)
        if expected is None:
            return "unverified", f"there is no {sidecar.name} beside it to check it against"
        actual = digest(found.path)
    except (OSError, UnicodeDecodeError) as error:
        return "damaged", f"it cannot be read ({error})"
    if not actual.startswith(expected):
        return "damaged", f"its sha256 begins {actual[:12]}, not {expected[:12]}"
    return ("partial" if found.file.covers else "verified"), ""


def _read_sidecar(path: Path) -> str | None:
    """The first word of a file as `sha256sum` writes it; None where there is none of use."""
    if not path.is_file():
        return None
    words = path.read_text(encoding="utf-8").split()
    return words[0].lower() if words and len(words[0]) >= KNOWN_DIGITS else None


def require_good(found: Found) -> None:
    """Raises UserError, with the remedy, for a file that is not what it should be."""
    condition, reason = examine(found)
    if condition == "damaged":
        raise UserError(
            f"{found.path} is damaged: {reason}. Remove it, then: esrlab weights get {found.name}"
        )
    if condition == "unverified":
        raise UserError(
            f"{found.path} cannot be verified: {reason}. If you trust it, write its sha256 there "
            f"(in its folder: sha256sum {found.path.name} > {found.path.name}{SIDECAR}); "
            f"if not, remove it, then: esrlab weights get {found.name}"
        )


def explain_absence(name: str, *, path: Path | None = None) -> str:
    """One message: which file is missing, its address and size, where to put it, what fetches it."""
    record = find_record(name)
    looked = [path] if path is not None else search_folders()
    shown = ", ".join(f"{folder}{'' if folder.is_dir() else ' (no such folder)'}" for folder in looked)
    return (
        f"the weights {name} are not on this machine: {record.file.name} ({megabytes(record.size)}) from "
        f"{record.address}. With a network: esrlab weights get {name}. Without: put that file, as "
        f"{record.file.name}, into {looked[-1]} or a folder listed in $ESRLAB_WEIGHTS. Searched: {shown}"
    )
