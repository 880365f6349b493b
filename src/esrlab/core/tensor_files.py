"""Tensor files, read safely: safetensors, or torch's format with `weights_only=True`."""

import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from esrlab.errors import UserError

LONGEST_REASON = 200
"""Characters of a library's own words that a message repeats."""


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """A tensor file's content and its metadata (none in torch's format), on the CPU.

    The content is a table with names for keys. Every tensor in it is dense, and no larger than what the file
    stores for it. Raises UserError for a file that is missing, damaged, would need unpickling, or claims more
    than it holds.
    """
    try:
        state, metadata = _read_safetensors(path) if path.suffix == ".safetensors" else (load_torch(path), {})
        if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
            raise ValueError("it holds no state dict (names to tensors)")
        for name, tensor in named_tensors(state):
            _require_stored(name, tensor)
        return dict(state), metadata
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise UserError(f"cannot read tensors from {path}: {describe_error(error)}") from error


def describe_error(error: BaseException) -> str:
    """The first line of an error's text, or its type; short, without control characters."""
    text = str(error).strip()
    first = text.splitlines()[0] if text and not isinstance(error, KeyError) else type(error).__name__
    shown = "".join(letter if letter.isprintable() else "�" for letter in first)
    return shown if len(shown) <= LONGEST_REASON else shown[: LONGEST_REASON - 1] + "…"


def named_tensors(state: Mapping[Any, Any]) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in nested tables, with its dotted name; a table that contains itself is walked once."""
    waiting: list[tuple[str, Mapping[Any, Any]]] = [("", state)]
    seen = {id(state)}
    while waiting:
        prefix, table = waiting.pop()
        for key, value in table.items():
            if isinstance(value, Tensor):
                yield f"{prefix}{key}", value
            elif isinstance(value, Mapping) and id(value) not in seen:
                seen.add(id(value))
                waiting.append((f"{prefix}{key}.", value))


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in list(opened.keys())}, opened.metadata() or {}


def load_torch(path: Path, *, device: torch.device | str = "cpu") -> Any:
    """What a file of torch's format holds, on a device; nothing in it is ever unpickled or run.

    Raises ValueError where it holds more than tensors and plain values or would unpack to more than its
    size, and whatever zipfile and torch raise for damaged bytes.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > path.stat().st_size:
            raise ValueError(f"it unpacks to {unpacked:,} bytes, more than the file has")
    try:
        with warnings.catch_warnings():  # of unusual pickle protocols: advice to load it unsafely
            warnings.simplefilter("ignore")
            return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            "it is damaged or holds Python objects beside tensors, which are never loaded since they can run "
            "code; save its state dict alone, or as .safetensors"
        ) from error


def _require_stored(name: str, tensor: Tensor) -> None:
    """ValueError where a tensor is not dense, or shows more values than are stored (strides of 0, say)."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        raise ValueError(f"{name} is not a dense tensor")
    if tensor.is_complex():
        raise ValueError(f"{name} holds complex numbers")
    shown, stored = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    if shown > stored:
        raise ValueError(
            f"{name} of shape {tuple(tensor.shape)} needs {shown:,} bytes, and {stored:,} are stored"
        )
