"""Archives from the web: whole, damaged, and made to do harm."""

import errno
import gzip
import hashlib
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from esrlab.data.sets import archive_entries, unpacking
from esrlab.data.sets.archive_entries import UnsafeArchiveError
from esrlab.data.sets.unpacking import unpack
from esrlab.errors import UserError
from small_sets import crops, make_tar, make_zip

INSIDE = "A_HR"


@pytest.fixture(scope="module")
def images() -> dict[str, bytes]:
    return {f"{INSIDE}/{index}.png": body for index, body in enumerate(crops(3))}


def unpack_bytes(tmp_path: Path, body: bytes, *, images: int = 3) -> dict[str, str]:
    (tmp_path / "archive").write_bytes(body)
    (tmp_path / "out").mkdir(exist_ok=True)
    return unpack(
        tmp_path / "archive", tmp_path / "out", inside=INSIDE, images=images, progress=lambda done: None
    )


def require_refused(tmp_path: Path, body: bytes, words: str) -> None:
    """It is refused with these words, and nothing of it lies anywhere but in the folder."""
    with pytest.raises(UnsafeArchiveError, match=words):
        unpack_bytes(tmp_path, body)
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "out"}
    assert all(path.parent == tmp_path / "out" for path in (tmp_path / "out").rglob("*"))


@pytest.mark.parametrize("pack", [make_zip, make_tar, lambda files: make_tar(files, mode="w")])
def test_images_of_the_folder_are_unpacked_and_nothing_else(
    tmp_path: Path, images: dict[str, bytes], pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    others = {"README.txt": b"words", "B/other.png": b"x", f"__MACOSX/{INSIDE}/0.png": b"x"}
    others |= {f"{INSIDE}/.hidden.png": b"x", f"{INSIDE}/deeper/4.png": b"x", f"{INSIDE}/notes.txt": b"x"}
    moved = {f"./set/{name}": body for name, body in images.items()}
    found = unpack_bytes(tmp_path, pack({**others, **moved}))
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert written == {name.rpartition("/")[2]: body for name, body in images.items()}
    assert found == {name: hashlib.sha256(body).hexdigest() for name, body in written.items()}


# Harm


@pytest.mark.parametrize("pack", [make_zip, make_tar])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../escaped.png", "leads out of its folder"),
        (f"{INSIDE}/../../escaped.png", "leads out of its folder"),
        ("/tmp/absolute.png", "has an absolute path"),
        ("C:/absolute.png", "has an absolute path"),
        (f"{INSIDE}\\..\\escaped.png", "control characters or backslashes"),
        (f"{INSIDE}/a\nb.png", "control characters or backslashes"),
        (f"{INSIDE}/{'a' * 300}.png", "too long"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(
    tmp_path: Path, images: dict[str, bytes], pack: Callable[[dict[str, bytes]], bytes], name: str, words: str
) -> None:
    require_refused(tmp_path, pack({**images, name: b"x"}), words)


@pytest.mark.parametrize("pack", [make_zip, make_tar])
@pytest.mark.parametrize("name", ["0.PNG", "other/0.png", "o\u0308.png"])
def test_names_that_some_systems_take_for_the_same_are_refused(
    tmp_path: Path, images: dict[str, bytes], pack: Callable[[dict[str, bytes]], bytes], name: str
) -> None:
    first = {f"{INSIDE}/\u00f6.png": b"x"} if name.startswith("o") and "/" not in name else {}
    place = f"other/{INSIDE}/0.png" if "/" in name else f"{INSIDE}/{name}"
    require_refused(tmp_path, pack({**images, **first, place: b"x"}), "twice, or another name")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(tmp_path: Path, images: dict[str, bytes]) -> None:
    stream = io.BytesIO(make_zip(images))
    with zipfile.ZipFile(stream, "a") as packed:
        packed.writestr(f"{INSIDE}/0.png", b"another")
    require_refused(tmp_path, stream.getvalue(), "twice")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes, words: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        info = tarfile.TarInfo(f"{INSIDE}/0.png")
        info.type, info.linkname = kind, "/etc/passwd"
        packed.addfile(info)
    require_refused(tmp_path, stream.getvalue(), words)


@pytest.mark.parametrize(("kind", "words"), [(stat.S_IFLNK, "a symbolic link"), (stat.S_IFIFO, "a special")])
def test_links_in_a_zip_are_refused(tmp_path: Path, kind: int, words: str) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        info = zipfile.ZipInfo(f"{INSIDE}/0.png")
        info.external_attr = (kind | 0o777) << 16
        packed.writestr(info, "/etc/passwd")
    require_refused(tmp_path, stream.getvalue(), words)


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    body = bytearray(make_zip({f"{INSIDE}/0.png": b"x" * 20}))
    body[body.rindex(b"PK\x01\x02") + 8] |= 1
    require_refused(tmp_path, bytes(body), "is encrypted")


def test_a_file_that_grows_without_measure_is_refused(tmp_path: Path) -> None:
    bomb = make_zip({f"{INSIDE}/0.png": bytes(20_000_000)})
    assert len(bomb) < 50_000
    require_refused(tmp_path, bomb, r"grows from 19\.\d kB to 20\.0 MB")


def test_a_tar_that_grows_without_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MEAN", 1_000_000)
    bomb = make_tar({"skipped.bin": bytes(8_000_000), f"{INSIDE}/0.png": b"x"})
    assert len(bomb) < 50_000
    require_refused(tmp_path, bomb, r"grows to more than 6\.0 MB")


def test_images_too_large_alone_or_together_are_refused(
    tmp_path: Path, images: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LARGEST", 1000)
    require_refused(tmp_path, make_tar(images), "too much for an image")
    monkeypatch.setattr(unpacking, "LARGEST", 10_000)
    monkeypatch.setattr(unpacking, "MEAN", 4000)
    require_refused(tmp_path, make_zip(images), r"more than 12\.0 kB together")


def test_very_many_entries_are_refused_before_they_are_read(tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    listed = entry * 400_000
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(listed), 4, 0)
    require_refused(tmp_path, b"PK\x03\x04" + listed + end, "its list of entries, or a header, has more than")


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_ENTRIES", 100)
    many = {f"{index}.txt": b"" for index in range(101)}
    for pack in (make_zip, make_tar):
        require_refused(tmp_path, pack(many), "more than 100 entries")


def test_a_header_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("long")
    info.type, info.size = tarfile.XHDTYPE, 50_000_000
    body = gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    require_refused(tmp_path, body, "a header, has more than 16.0 MB")


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    """A second entry that shares the first one's bytes, as in the zips of petabytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr(f"{INSIDE}/0.png", b"x" * 100)
        twin = packed.filelist[0].__class__(f"{INSIDE}/1.png")
        for field in ("header_offset", "file_size", "compress_size", "CRC", "compress_type"):
            setattr(twin, field, getattr(packed.filelist[0], field))
        packed.filelist.append(twin)
    require_refused(tmp_path, stream.getvalue(), "overlaps the next one")


def test_an_entry_with_more_than_it_says_is_cut_or_refused(tmp_path: Path) -> None:
    """Its claimed size is what is written at most; the checksum then tells."""
    body = bytearray(make_zip({f"{INSIDE}/0.png": b"x" * 5000}))
    at = body.rindex(b"PK\x01\x02")
    body[at + 24 : at + 28] = struct.pack("<I", 10)
    with pytest.raises(UserError, match="damaged: Bad CRC-32"):
        unpack_bytes(tmp_path, bytes(body))
    assert all(path.stat().st_size <= 10 for path in (tmp_path / "out").iterdir())


# Damage


@pytest.mark.parametrize("pack", [make_zip, make_tar])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_cut_archive_is_damaged(
    tmp_path: Path, images: dict[str, bytes], pack: Callable[[dict[str, bytes]], bytes], part: float
) -> None:
    body = pack(images)
    with pytest.raises(UserError, match="is damaged"):
        unpack_bytes(tmp_path, body[: int(len(body) * part)])


@pytest.mark.parametrize("pack", [make_zip, make_tar])
def test_a_flipped_bit_is_found(
    tmp_path: Path, images: dict[str, bytes], pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    body = bytearray(pack(images))
    body[len(body) // 2] ^= 16
    with pytest.raises(UserError, match="is damaged"):
        unpack_bytes(tmp_path, bytes(body))


def test_a_wrong_checksum_at_the_end_of_a_tar_is_found(tmp_path: Path, images: dict[str, bytes]) -> None:
    body = bytearray(make_tar(images))
    body[-8:-4] = struct.pack("<I", zlib.crc32(b"other"))
    with pytest.raises(UserError, match="is damaged: CRC check failed"):
        unpack_bytes(tmp_path, bytes(body))


@pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b"PK\x03\x04nothing", b"\x1f\x8bnothing"])
def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(UserError, match="is damaged"):
        unpack_bytes(tmp_path, body)


def test_a_full_disk_is_said(
    tmp_path: Path, images: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    real = Path.open

    def full(path: Path, mode: str = "r", **more: Any) -> IO[Any]:
        return real(Path("/dev/full"), "wb") if mode == "xb" else real(path, mode, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(UserError, match=r"the disk is full.*archive is kept.*--to") as raised:
        unpack_bytes(tmp_path, make_zip(images))
    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.__cause__.errno == errno.ENOSPC


def test_the_bounds_leave_room_for_the_real_sets() -> None:
    """DIV2K: 3.53 GB of 800; Flickr2K: 2,650 and six folders of as many LR images in one archive."""
    assert 800 * unpacking.MEAN > 3 * 3_530_603_713
    assert unpacking.MOST_ENTRIES > 7 * 2650 + 100
    assert archive_entries.AT_ONCE > 2 * 800 * 100
