"""esrlab data: pack, list, check, clean, with their exit codes."""

import json
import os
from pathlib import Path

import pytest

from esrlab.cli.main import call
from esrlab.data.photos import packing
from esrlab.data.photos.opening import locked, open_store
from esrlab.data.photos.store import place_of
from pictures import save, save_many

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ESRLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_many(tmp_path / "photos", 4)
    return tmp_path / "photos"


def damage(folder: Path) -> None:
    store = open_store(folder)
    with (store.place / store.index.pixels).open("r+b") as stream:
        stream.seek(store.index.packed[2].offset + 7)
        stream.write(b"damage")


def test_pack_says_what_and_how_large_and_does_it_once(folder: Path, capsys: Capture) -> None:
    (folder / "text.png").write_text("words")
    assert call(["data", "pack", str(folder)]) == 0
    shown = capsys.readouterr()
    assert f"packing 5 photographs of {folder}: 0.1 MB decoded" in shown.err
    assert "set aside: text.png is not an image" in shown.err
    assert shown.out.startswith(f"{folder}: 4 photographs, 0.1 MB in ")
    assert call(["data", "pack", str(folder)]) == 0
    assert "packing 5" not in capsys.readouterr().err


def test_stopping_a_build_exits_with_130_and_leaves_nothing(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(stream: object, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(packing, "_write_all", stop)
    assert call(["data", "pack", str(folder)]) == 130
    assert f"stopped before {folder} was packed" in capsys.readouterr().err
    assert not place_of(folder).exists()


def test_list_shows_whether_stores_are_current(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    assert call(["data", "list"]) == 0
    assert "nothing is packed" in capsys.readouterr().out
    save(tmp_path / "other" / "a.png")
    call(["data", "pack", str(folder), str(tmp_path / "other")])
    save(folder / "new.png")
    capsys.readouterr()
    assert call(["data", "list", "--json"]) == 0
    rows = {row["folder"]: row for row in json.loads(capsys.readouterr().out)["packed"]}
    assert rows[str(folder)]["state"] == "changed"
    assert rows[str(folder)]["reason"] == "1 new"
    assert rows[str(tmp_path / "other")]["state"] == "current"
    assert rows[str(folder)]["photographs"] == 4
    assert rows[str(folder)]["size"] > 4 * 80 * 85 * 3
    assert call(["data", "list"]) == 0
    assert "changed: 1 new" in capsys.readouterr().out


def test_check_finds_damaged_pixels_and_names_the_remedy(folder: Path, capsys: Capture) -> None:
    call(["data", "pack", str(folder)])
    assert call(["data", "check"]) == 0
    assert "all 4 photographs are as they were packed" in capsys.readouterr().out
    damage(folder)
    for arguments in ([], [str(folder)]):
        assert call(["data", "check", *arguments]) == 1
        said = capsys.readouterr().err
        assert "1 of 4 photographs are damaged (02.png)" in said
        assert f"esrlab data clean {folder}; esrlab data pack {folder}" in said
    assert call(["data", "clean", str(folder)]) == 0
    assert call(["data", "pack", str(folder)]) == 0
    assert call(["data", "check", str(folder)]) == 0


def test_check_finds_a_cut_pixels_file_and_a_folder_that_is_not_packed(folder: Path, capsys: Capture) -> None:
    assert call(["data", "check", str(folder)]) == 1
    assert f"{folder} is not packed; run esrlab data pack {folder}" in capsys.readouterr().err
    store = open_store(folder)
    os.truncate(store.place / store.index.pixels, 1000)
    assert call(["data", "check"]) == 1
    assert "is damaged: pixels-" in capsys.readouterr().err
    assert call(["data", "check", str(folder)]) == 1
    assert "has 1000 bytes instead of" in capsys.readouterr().err


def test_clean_without_a_folder_removes_what_no_longer_fits(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    for name in ("changed", "gone", "kept", "cut"):
        save(tmp_path / name / "a.png")
        call(["data", "pack", str(tmp_path / name)])
    save(tmp_path / "changed" / "b.png")
    (tmp_path / "gone" / "a.png").rename(tmp_path / "elsewhere.png")
    (tmp_path / "gone").rmdir()
    os.truncate(place_of(tmp_path / "cut") / "index.json", 10)
    (place_of(tmp_path / "kept") / "pixels-00ff.bin").write_bytes(b"left by a killed build")
    capsys.readouterr()
    assert call(["data", "clean"]) == 0
    shown = capsys.readouterr()
    assert f"removed {tmp_path / 'changed'} (0.0 MB): changed: 1 new" in shown.err
    assert f"removed {tmp_path / 'gone'} (0.0 MB): folder gone" in shown.err
    assert "damaged: index.json" in shown.err
    assert f"removed {tmp_path / 'kept'} (0.0 MB): files of interrupted builds" in shown.err
    assert "0.1 MB freed" in shown.out
    assert not place_of(tmp_path / "changed").exists()
    assert not place_of(tmp_path / "gone").exists()
    assert len(list(place_of(tmp_path / "kept").iterdir())) == 2
    assert (tmp_path / "changed" / "a.png").is_file()


def test_clean_removes_the_named_or_all_and_leaves_photographs_alone(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    save(tmp_path / "other" / "a.png")
    call(["data", "pack", str(folder), str(tmp_path / "other")])
    assert call(["data", "clean", str(folder)]) == 0
    assert not place_of(folder).exists()
    assert place_of(tmp_path / "other").exists()
    assert call(["data", "clean", str(folder)]) == 0
    assert "is not packed" in capsys.readouterr().err
    assert call(["data", "clean", "--all"]) == 0
    assert not place_of(tmp_path / "other").exists()
    assert len(list(folder.iterdir())) == 4


def test_what_is_being_packed_is_not_cleaned(folder: Path, capsys: Capture) -> None:
    open_store(folder)
    with locked(place_of(folder), title="", say=None):
        assert call(["data", "clean", str(folder)]) == 1
        assert call(["data", "clean"]) == 1
    assert "another process is packing" in capsys.readouterr().err
    assert place_of(folder).exists()


def test_wrong_usage_exits_with_2(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    assert call(["data"]) == 2
    assert call(["data", "pack"]) == 2
    assert call(["data", "pack", "samples"]) == 2
    assert call(["data", "clean", "--all", str(folder)]) == 2
    assert call(["data", "pack", str(tmp_path / "absent")]) == 1
    assert "there is no folder" in capsys.readouterr().err
