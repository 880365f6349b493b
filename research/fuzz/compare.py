"""What an undisturbed command left against what one left that was ended and repeated."""

import hashlib
import json
from pathlib import Path
from typing import Any

from .cases import is_half_written

CLOCK = ("seconds", "images_per_second", "memory_gib", "date")
"""Fields that tell of the clock or the machine."""


def differences(whole: Path, cut: Path) -> list[str]:
    """Files that are not what the whole run left, are missing, or are left half-written."""
    one, other = _contents(whole), _contents(cut)
    left = [path.name for path in cut.rglob("*") if path.is_file() and is_half_written(path)]
    return [name for name in sorted(one | other) if one.get(name) != other.get(name)] + left


def _contents(folder: Path) -> dict[str, str]:
    """Digests of what a command left, without what the clock, a lock or a random name wrote."""
    found: dict[str, str] = {}
    for path in sorted((folder / "out").rglob("*")):
        # The page tells how long steps took; a stop's checkpoint is not in the whole run.
        is_own = path.name == "report.html" or path.name.startswith((".", "stop-"))
        if path.is_file() and not is_own:
            found[path.relative_to(folder).as_posix()] = _digest(path, folder)
    for path in (folder / "cache").rglob("pixels-*.bin"):
        found["cache"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _digest(path: Path, folder: Path) -> str:
    """Of a checkpoint's tensors, of JSON's values but the clock's, of any other file's bytes.

    A file that cannot be read so counts by its bytes, which then differ from the whole run's.
    """
    data = path.read_bytes()
    try:
        if path.suffix == ".pt":
            import torch  # here: who only hands out the cases does not wait for it

            data = _as_text(torch.load(path, weights_only=True)).encode()
        elif path.suffix == ".jsonl":
            data = repr([_timeless(json.loads(line)) for line in data.split(b"\n") if line]).encode()
        elif path.suffix == ".json":
            data = repr(_timeless(json.loads(data))).encode()
    except Exception as error:
        data = repr(error).encode() + data
    return hashlib.sha256(data.replace(str(folder).encode(), b"")).hexdigest()


def _timeless(value: Any) -> Any:
    """A JSON value without its fields of the clock."""
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if key not in CLOCK}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _as_text(state: Any) -> str:
    """A checkpoint's numbers in words that are equal where they are, which its bytes need not be."""
    if hasattr(state, "dtype"):
        return f"{state.dtype}{tuple(state.shape)}{state.contiguous().flatten().tolist()}"
    if isinstance(state, dict):
        known = ((key, value) for key, value in state.items() if key not in CLOCK)
        return "{" + ",".join(f"{key!r}:{_as_text(value)}" for key, value in known) + "}"
    if isinstance(state, list | tuple):
        return "[" + ",".join(map(_as_text, state)) + "]"
    return repr(state)
