"""Which processor computes."""

import os
import sys
from pathlib import Path
from typing import Literal

import torch

from esrlab.errors import UsageError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def choose_device(name: str) -> torch.device:
    """The device of this name; "auto" takes CUDA, else Apple's MPS, else the CPU.

    Raises UsageError when the named device is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available.get(name, False):
        raise UsageError(f"device {name!r} is not available here; choose one of: {_list(available)}")
    return torch.device(name)


def _list(available: dict[str, bool]) -> str:
    return ", ".join(kind for kind, there in available.items() if there)


def memory_in_use(device: torch.device) -> int:
    """Bytes that torch holds on a GPU, else that the process has in memory (its peak, outside Linux)."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
