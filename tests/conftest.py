"""Shared fixtures: where the reference material lies, and how many tests went without it."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tests run side by side, a core each
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos

SHARED = Path(os.environ.get("ESRLAB_REFERENCE", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photographs, benchmarks, weights and golden values; skips where there is none."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"no reference material at {SHARED} (set ESRLAB_REFERENCE to its folder)")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for packed photographs that is the tests' own, also in the processes they start."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESRLAB_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def samples() -> Photos:
    return open_photos("samples", smallest=64)
