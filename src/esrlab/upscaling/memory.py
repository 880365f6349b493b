"""How much memory there is, and how much a network takes for each pixel of its input."""

import os
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_FALLBACK = 2**32
"""What is taken for free where the machine does not tell."""

_PROBE = 32
"""Side of the image that is sent through a network to see what it takes."""


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a GPU, or on this machine for this process (a container's limit counts)."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    bounds = [bound for bound in (_available(), _left_in_group()) if bound is not None]
    return min(bounds, default=_FALLBACK)


def _available() -> int | None:
    """Linux's estimate of what can be taken without swapping; elsewhere half of what is built in."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _left_in_group(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What a container may still take, where it has a limit."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            most, now = ((root / name).read_text(encoding="ascii").strip() for name in (limit, used))
            return max(int(most) - int(now), 0)
        except (OSError, ValueError):  # "max": none
            continue
    return None


def bytes_per_pixel(network: nn.Module, *, device: torch.device) -> float:
    """Bytes that a network holds at its fullest for each pixel of its input (its weights not counted).

    Found by sending a small image through it and counting all tensors that are alive at once.
    """
    image = torch.zeros(1, 3, _PROBE, _PROBE, device=device)
    with torch.inference_mode(), _LiveBytes() as live:
        network(image)
    return live.peak / _PROBE**2


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that operations within the block made and that are still alive."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {
            id(leaf.untyped_storage()) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)
        }
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage(), given)
        return made

    def _count(self, storage: torch.UntypedStorage, given: set[int]) -> None:
        key = id(storage)
        if key in self._seen or key in given:
            return
        self._seen.add(key)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._release, key, storage.nbytes())

    def _release(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size
