"""Tensor files, read safely: safetensors, or torch's format with `weights_only=True`."""

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from esrlab.errors import UserError


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """A tensor file's content and its metadata (none in torch's format), on the CPU.

    Raises UserError for a file that is missing, damaged, or would need unpickling.
    """
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as opened:
                names = list(opened.keys())
                return {name: opened.get_tensor(name) for name in names}, opened.metadata() or {}
        return torch.load(path, map_location="cpu", weights_only=True), {}
    except (OSError, RuntimeError, SafetensorError, EOFError, ValueError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"cannot read tensors from {path}: {first}") from error
