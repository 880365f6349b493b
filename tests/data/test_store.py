"""The packed store: packed once, used while it fits the folder, packed anew when it does not."""

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import PngImagePlugin

from esrlab.data.degradations.base import Degradation
from esrlab.data.degradations.bicubic import Bicubic
from esrlab.data.degradations.camera import Camera
from esrlab.data.image_files import ImageError, read_pixels
from esrlab.data.photos import packing
from esrlab.data.photos.collection import collect
from esrlab.data.photos.folder import open_photos
from esrlab.data.photos.opening import open_store
from esrlab.data.photos.store import InvalidStoreError, Listed, cache_folder, place_of, read_store
from esrlab.data.sampling import make_batch
from esrlab.errors import UsageError
from pictures import save, save_many, white_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_many(tmp_path / "photos", 4)
    save(tmp_path / "photos" / "sub" / "last.jpg", seed=9)
    return tmp_path / "photos"


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """When called, makes every further decoding fail."""

    def fail(encoded: bytes, *, name: str) -> None:
        raise AssertionError(f"{name} was decoded")

    return lambda: monkeypatch.setattr(packing, "decode_pixels", fail)


def test_pixels_are_those_of_the_files_mapped_and_read_only(folder: Path) -> None:
    photos = open_photos(str(folder), smallest=8)
    assert [photo.name for photo in photos.members] == [
        *(f"{index:02}.png" for index in range(4)),
        "sub/last.jpg",
    ]
    for photo in photos.members:
        assert np.array_equal(photo.pixels, read_pixels(photo.path))
        assert photo.pixels.shape == (photo.height, photo.width, 3)
        assert not photo.pixels.flags.writeable
        assert not photo.pixels.flags.owndata


def test_a_crop_is_a_view_of_its_square_also_in_the_corners(folder: Path) -> None:
    for photo in open_photos(str(folder), smallest=8).members:
        whole = read_pixels(photo.path)
        for top, left, side in ((0, 0, 8), (0, 77, 8), (72, 0, 8), (72, 77, 8), (0, 5, 80), (31, 32, 33)):
            crop = photo.crop(top, left, side)
            assert np.array_equal(crop, whole[top : top + side, left : left + side])
            assert np.shares_memory(crop, photo.pixels)


def test_it_is_packed_once_and_then_opened_without_decoding(
    folder: Path, no_decoder: Callable[[], None]
) -> None:
    told: list[str] = []
    first = open_photos(str(folder), smallest=8, say=told.append)
    assert len(told) == 1
    assert told[0].startswith(f"packing 5 photographs of {folder}: 0.1 MB decoded")
    no_decoder()
    second = open_photos(str(folder), smallest=8, say=told.append)
    assert len(told) == 1
    assert second.fingerprint == first.fingerprint


def test_fingerprint_members_and_skipped_are_those_of_a_collection_in_memory(folder: Path) -> None:
    save(folder / "small.png", side=20)
    (folder / "broken.png").write_text("words")
    paths = [(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*.*"))]
    packed = open_photos(str(folder), smallest=64)
    memory = collect(paths, source=str(folder), smallest=64)
    assert packed.fingerprint == memory.fingerprint
    assert packed.source == memory.source
    assert [photo.name for photo in packed.members] == [photo.name for photo in memory.members]
    assert dict(packed.skipped) == dict(memory.skipped)


@pytest.mark.parametrize("degradation", [Bicubic(), Bicubic(convention="matlab-8bit"), Camera()])
def test_batches_are_bit_for_bit_those_of_photographs_in_memory(
    folder: Path, degradation: Degradation
) -> None:
    save(folder / "exact.png", side=64)
    paths = [(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*.*"))]
    packed = open_photos(str(folder), smallest=64)
    memory = collect(paths, source="memory", smallest=64)
    for step in range(6):
        one, other = (
            make_batch(photos, seed=3, step=step, scale=4, lr_size=16, size=4, reducer=degradation.build(4))
            for photos in (packed, memory)
        )
        assert torch.equal(one.hr, other.hr)
        assert torch.equal(one.lr, other.lr)


def change_content(folder: Path) -> None:
    save(folder / "01.png", seed=77)


def add(folder: Path) -> None:
    save(folder / "more" / "new.png", seed=78)


def remove(folder: Path) -> None:
    (folder / "02.png").unlink()


def rename(folder: Path) -> None:
    (folder / "02.png").rename(folder / "xx.png")


def touch(folder: Path) -> None:
    os.utime(folder / "00.png", ns=(1, 1))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (change_content, "1 changed"),
        (add, "1 new"),
        (remove, "1 gone"),
        (rename, "1 new, 1 gone"),
        (touch, "1 changed"),
    ],
)
def test_a_changed_folder_is_packed_again_and_says_how_it_changed(
    folder: Path, change: Callable[[Path], None], word: str
) -> None:
    open_photos(str(folder), smallest=8)
    change(folder)
    told: list[str] = []
    photos = open_photos(str(folder), smallest=8, say=told.append)
    assert f"the folder has changed ({word})" in told[0]
    assert told[1].startswith("packing")
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    assert [photo.name for photo in photos.members] == found
    for photo in photos.members:
        assert np.array_equal(photo.pixels, read_pixels(photo.path))
    assert len(list(place_of(folder).iterdir())) == 2


def test_unchanged_photographs_are_copied_and_their_damage_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(folder)
    assert store.index.packed[3].file.name == "03.png"
    with (store.place / store.index.pixels).open("r+b") as stream:
        stream.seek(store.index.packed[3].offset + 100)
        stream.write(b"damage")
    add(folder)
    decoded: list[str] = []
    real = packing.decode_pixels

    def watched(encoded: bytes, *, name: str) -> object:
        decoded.append(name)
        return real(encoded, name=name)

    monkeypatch.setattr(packing, "decode_pixels", watched)
    photos = open_photos(str(folder), smallest=8)
    assert sorted(decoded) == ["03.png", "more/new.png"]
    for photo in photos.members:
        assert np.array_equal(photo.pixels, read_pixels(photo.path))


def test_unreadable_photographs_are_set_aside_and_remembered(
    folder: Path, no_decoder: Callable[[], None]
) -> None:
    whole = (folder / "00.png").read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("words")
    first = open_photos(str(folder), smallest=8)
    no_decoder()
    second = open_photos(str(folder), smallest=8)
    assert first.skipped == second.skipped
    reasons = dict(second.skipped)
    assert "damaged" in reasons["half.png"]
    assert "not an image" in reasons["text.png"]


def test_the_smallest_side_is_asked_at_opening_not_at_packing(
    folder: Path, no_decoder: Callable[[], None]
) -> None:
    save(folder / "large.png", side=200)
    assert len(open_photos(str(folder), smallest=100).members) == 1
    no_decoder()
    assert len(open_photos(str(folder), smallest=64).members) == 6
    with pytest.raises(ImageError, match=r"no usable image of at least 300×300 px: 00\.png is 85×80"):
        open_photos(str(folder), smallest=300)


def test_a_folder_of_which_nothing_can_be_decoded_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("words")
    with pytest.raises(ImageError, match=r"no usable image: text\.png is not an image"):
        open_store(tmp_path)
    assert not place_of(tmp_path).exists()


def shorten(place: Path) -> None:
    path = next(place.glob("pixels-*.bin"))
    os.truncate(path, path.stat().st_size - 1)


def lengthen(place: Path) -> None:
    with next(place.glob("pixels-*.bin")).open("ab") as stream:
        stream.write(b"more")


def lose(place: Path) -> None:
    next(place.glob("pixels-*.bin")).unlink()


def change_index(**fields: object) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        index = json.loads((place / "index.json").read_text())
        index["packed"][1] |= {key: value for key, value in fields.items() if key in index["packed"][1]}
        index |= {key: value for key, value in fields.items() if key in index}
        (place / "index.json").write_text(json.dumps(index))

    return change


def cut_index(place: Path) -> None:
    os.truncate(place / "index.json", 200)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (shorten, "bytes instead of"),
        (lengthen, "bytes instead of"),
        (lose, "is gone"),
        (cut_index, "index.json is damaged or of another version"),
        (change_index(format=2), "another version"),
        (change_index(offset=10**9), "would be outside"),
        (change_index(offset=-4096), "greater than or equal to 0"),
        (change_index(height=10**6), "would be outside"),
        (change_index(width=0), "greater than or equal to 1"),
        (change_index(pixels="../../pixels-00.bin"), "pixels"),
        (change_index(folder="/elsewhere"), "/elsewhere"),
    ],
)
def test_a_store_that_does_not_hold_together_is_packed_again_with_a_word(
    folder: Path, damage: Callable[[Path], None], word: str
) -> None:
    open_store(folder)
    damage(place_of(folder))
    told: list[str] = []
    photos = open_photos(str(folder), smallest=8, say=told.append)
    assert "cannot be used" in told[0]
    assert word in told[0]
    for photo in photos.members:
        assert np.array_equal(photo.pixels, read_pixels(photo.path))


def test_a_replaced_store_stays_mapped_where_it_was_open(folder: Path) -> None:
    before = open_photos(str(folder), smallest=8)
    expected = [photo.pixels.copy() for photo in before.members]
    change_content(folder)
    open_photos(str(folder), smallest=8)
    for photo, pixels in zip(before.members, expected, strict=True):
        assert np.array_equal(photo.pixels, pixels)


def test_several_folders_are_one_set_with_numbered_names(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "text.png").write_text("words")
    photos = open_photos([str(folder), "samples", str(tmp_path / "other")], smallest=64)
    names = [photo.name for photo in photos.members]
    assert len(set(names)) == len(names) == 5 + 5 + 5
    assert names[0] == "1/00.png"
    assert "2/astronaut" in names
    assert names[-1] == "3/sub/last.jpg"
    assert photos.source == f"{folder} + samples + {tmp_path / 'other'}"
    assert dict(photos.skipped).keys() == {"3/text.png"}
    assert str(tmp_path / "other") in photos.skipped[0][1]
    alone = open_photos([str(folder)], smallest=64)
    assert alone.fingerprint == open_photos(str(folder), smallest=64).fingerprint != photos.fingerprint
    assert alone.members[0].name == "00.png"


def test_a_source_that_would_be_read_twice_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    for sources, word in (
        ([str(folder), str(folder) + "/"], "same folder"),
        ([str(folder), str(tmp_path / "link")], "same folder"),
        ([str(folder / "sub"), str(folder)], "one is inside the other"),
        (["samples", "samples"], "given twice"),
        ([], "no photographs are given"),
    ):
        with pytest.raises(UsageError, match=word):
            open_photos(sources, smallest=8)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == Path(os.environ["ESRLAB_CACHE"])
    monkeypatch.delenv("ESRLAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "esrlab"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "esrlab"


def test_a_name_that_is_not_unicode_is_set_aside_and_the_others_are_packed(folder: Path) -> None:
    count = len(open_store(folder).index.packed)
    name = os.fsdecode(b"\xff.png")
    (folder / name).write_bytes((folder / "00.png").read_bytes())
    index = open_store(folder).index
    assert len(index.packed) == count
    assert [aside.reason for aside in index.set_aside][-1:] == [
        r"\udcff.png has a name that is not valid Unicode: rename it"
    ]
    assert open_store(folder).index == index


def test_a_photograph_of_too_many_pixels_is_set_aside_until_the_setting_allows_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "white.png").write_bytes(white_png(200, 200))
    monkeypatch.setenv("ESRLAB_MAX_PIXELS", "30000")
    index = open_store(folder).index
    assert [aside.file.name for aside in index.set_aside] == ["white.png"]
    assert "$ESRLAB_MAX_PIXELS" in index.set_aside[0].reason
    monkeypatch.setenv("ESRLAB_MAX_PIXELS", "40000")
    assert open_store(folder).index.set_aside == []


def test_a_photograph_that_breaks_the_decoder_is_set_aside_and_the_others_are_packed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PngImagePlugin.PngImageFile.load

    def load(image: PngImagePlugin.PngImageFile) -> object:
        if image.width == 200:
            raise struct.error("unpack requires a buffer of 4 bytes")
        return real(image)

    (folder / "white.png").write_bytes(white_png(200, 200))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    index = open_store(folder).index
    assert [aside.reason for aside in index.set_aside] == [
        "white.png is damaged: unpack requires a buffer of 4 bytes"
    ]
    assert len(index.packed) == 5


def test_an_index_of_5000_photographs_is_read_and_checked(folder: Path) -> None:
    store = open_store(folder)
    photos = [
        store.index.packed[0].model_copy(
            update={"file": Listed(name=f"{number}.png", size=1, mtime_ns=1, is_readable=True)}
        )
        for number in range(5000)
    ]
    index = store.index.model_copy(update={"packed": photos})
    (store.place / "index.json").write_text(index.model_dump_json())
    assert len(read_store(store.place).index.packed) == 5000
    (store.place / "index.json").write_text("[]")
    with pytest.raises(InvalidStoreError):
        read_store(store.place)
