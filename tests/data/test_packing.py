"""Packing in hard times: killed, twice at once, on a full disk, into a folder that cannot be written to."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from esrlab.data.image_files import read_pixels
from esrlab.data.photos import packing
from esrlab.data.photos.folder import open_photos
from esrlab.data.photos.opening import Busy, locked, open_store
from esrlab.data.photos.packing import REMEDY
from esrlab.data.photos.store import Absent, place_of, read_store
from esrlab.errors import UserError
from pictures import save, save_many

pytestmark = pytest.mark.slow


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from esrlab.data.photos.opening import open_store
from esrlab.data.photos.store import Absent, place_of, read_store

folder = Path(sys.argv[1])

def build():
    child = os.fork()
    if child == 0:
        open_store(folder)
        os._exit(0)
    return child

def is_whole():
    try:
        store = read_store(place_of(folder))
    except Absent:
        return False
    assert all(store.is_sound(photo) for photo in store.index.packed)
    assert len(store.index.packed) == 8
    return True

began = time.monotonic()
build()
assert os.wait()[1] == 0
lasts = time.monotonic() - began
for has_store_before in (False, True):
    build()
    os.wait()
    killed = 0
    for attempt in range(10):
        if has_store_before:
            for path in folder.iterdir():
                os.utime(path, ns=(attempt, attempt))
        else:
            (place_of(folder) / "index.json").unlink(missing_ok=True)
        child = build()
        time.sleep(random.uniform(0, lasts))
        os.kill(child, signal.SIGKILL)
        killed += os.wait()[1] == signal.SIGKILL
        assert is_whole() or not has_store_before
    print(killed, "killed")
"""

AT_ONCE = """
import os, sys
from pathlib import Path
from esrlab.data.photos.opening import open_store

def tell(text):
    os.write(1, (text + "\\n").encode())

for _ in range(2):
    if os.fork() == 0:
        store = open_store(Path(sys.argv[1]), say=tell)
        os._exit(0 if len(store.index.packed) == 8 else 1)
assert [os.wait()[1] for _ in range(2)] == [0, 0]
"""

REFUSED = """
import os, resource, sys
from pathlib import Path
from esrlab.errors import UserError
from esrlab.data.photos.opening import open_store

if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
elif os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    open_store(Path(sys.argv[1]))
except UserError as error:
    print(error)
"""


def python(code: str, *arguments: object, cache: Path | None = None) -> str:
    """Runs code in a process of its own; returns what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if cache is not None:
        environment["ESRLAB_CACHE"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may read; pytest's own are their owner's alone."""
    with tempfile.TemporaryDirectory(prefix="esrlab-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


def require_sound(folder: Path) -> None:
    """Opening packs what is missing; afterwards all is right and nothing lies about."""
    for photo in open_photos(str(folder), smallest=8).members:
        assert np.array_equal(photo.pixels, read_pixels(photo.path))
    assert len(list(place_of(folder).iterdir())) == 2


def test_a_build_that_is_killed_leaves_the_old_store_or_none(tmp_path: Path) -> None:
    save_many(tmp_path, 8, side=300)
    printed = python(KILLED, tmp_path)
    assert all(int(line.split()[0]) >= 1 for line in printed.splitlines()), printed
    os.utime(tmp_path / "00.png", ns=(99, 99))  # so that it is packed again, which removes what was left
    require_sound(tmp_path)


def test_two_processes_at_once_pack_once(tmp_path: Path) -> None:
    save_many(tmp_path, 8, side=300)
    told = python(AT_ONCE, tmp_path).splitlines()
    assert sum(line.startswith("packing 8") for line in told) == 1
    assert sum("waiting for it" in line for line in told) <= 1
    require_sound(tmp_path)


def test_a_write_that_fails_half_way_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    save_many(tmp_path, 8, side=300)
    said = python(REFUSED, tmp_path, "limit")
    assert "cannot write" in said
    assert "File too large" in said
    assert REMEDY in said
    assert not place_of(tmp_path).exists()


def test_a_cache_that_cannot_be_written_to_is_an_error_with_the_remedy(open_folder: Path) -> None:
    folder, cache = open_folder / "photos", open_folder / "cache"
    save(folder / "a.png")
    cache.mkdir(mode=0o555)
    said = python(REFUSED, folder, "stranger", cache=cache)
    assert f"cannot write to {cache}" in said
    assert "ESRLAB_CACHE" in said


def test_a_store_in_a_cache_that_cannot_be_written_to_can_be_read(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = open_folder / "photos", open_folder / "cache"
    save(folder / "a.png")
    monkeypatch.setenv("ESRLAB_CACHE", str(cache))
    open_store(folder)
    for path in (cache, *cache.rglob("*")):
        path.chmod(0o555)
    assert python(REFUSED, folder, "stranger", cache=cache) == ""


def test_a_disk_that_is_too_small_is_known_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_many(tmp_path, 2)
    monkeypatch.setattr(packing.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1_000_000}))
    monkeypatch.setattr(packing, "decode_pixels", None)
    with pytest.raises(UserError, match=r"take 16\.\d MB decoded, and .* has 1\.0 MB free; .*ESRLAB_CACHE"):
        open_store(tmp_path)
    assert not place_of(tmp_path).exists()


def test_an_error_while_packing_stops_it_and_leaves_nothing(tmp_path: Path) -> None:
    save_many(tmp_path, 8)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_store(tmp_path, progress=stop)
    with pytest.raises(Absent):
        read_store(place_of(tmp_path))
    assert not place_of(tmp_path).exists()
    require_sound(tmp_path)


def test_progress_counts_every_photograph(tmp_path: Path) -> None:
    save_many(tmp_path, 5)
    (tmp_path / "text.png").write_text("words")
    seen: list[tuple[int, int]] = []
    open_store(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_a_locked_store_is_waited_for_or_refused(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    with (
        locked(place, title="first", say=None),
        pytest.raises(Busy, match="another process is packing second"),
        locked(place, title="second", say=None),
    ):
        pass
