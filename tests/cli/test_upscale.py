"""`esrlab upscale`: files, folders, patterns and pipes to larger photographs, and what bad ones do."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrlab.cli.commands import upscale_one
from esrlab.cli.main import call
from esrlab.data.photograph_files.reading import read_photograph
from esrlab.models.generator_files import save_generator
from small_generators import compact

Run = tuple[int, str, str]


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model" / "x2.safetensors"
    path.parent.mkdir()
    save_generator(compact(scale=2), path, about={})
    return str(path)


def picture(path: Path, *, mode: str = "RGB", size: tuple[int, int] = (12, 9), **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    pixels = np.stack([x * 15, y * 20, 200 - x * 5, 255 - 0 * x], axis=2).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.fixture
def upscale(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Run:
        code = call(["upscale", *map(str, arguments), "--model", model, "--device", "cpu"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_photograph_gets_a_larger_one_beside_it_and_it_is_not_made_twice(upscale, tmp_path: Path) -> None:
    source = picture(tmp_path / "photo.jpg", dpi=(300, 300), quality=95)
    before = source.read_bytes()
    assert upscale("photo.jpg") == (0, "photo_x2.jpg\n", "")
    made = tmp_path / "photo_x2.jpg"
    assert size_of(made) == (24, 18)
    first = made.read_bytes()
    code, out, err = upscale("photo.jpg", "photo_x2.jpg")
    assert (code, out) == (0, "")
    assert err == (
        "skipped 2 photographs: photo_x2.jpg is there already, and so on; --overwrite makes them again\n"
    )
    assert made.read_bytes() == first
    assert upscale("photo.jpg", "--overwrite", "--quality", "30")[:2] == (0, "photo_x2.jpg\n")
    assert len(made.read_bytes()) < len(first)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "name", "size"),
    [
        (("--scale", "1.5"), "photo_x1.5.png", (18, 14)),
        (("--width", "30"), "photo_30w.png", (30, 22)),
        (("--height", "30"), "photo_30h.png", (40, 30)),
        (("--size", "31x17"), "photo_31x17.png", (31, 17)),
        (("--cascade", "2x2"), "photo_x4.png", (48, 36)),
        (("--format", "webp"), "photo_x2.webp", (24, 18)),
        (("--format", "tiff", "--memory", "500MB"), "photo_x2.tif", (24, 18)),
        (("--out", "large.jpeg", "--no-keep-colour"), "large.jpeg", (24, 18)),
        (("--out", "large"), "large/photo.png", (24, 18)),
    ],
)
def test_size_format_and_name_are_as_asked(
    upscale, tmp_path: Path, asked: tuple[str, ...], name: str, size: tuple[int, int]
) -> None:
    picture(tmp_path / "photo.png")
    assert upscale("photo.png", *asked) == (0, f"{name}\n", "")
    assert size_of(tmp_path / name) == size
    kind = {".jpeg": "JPEG", ".tif": "TIFF", ".webp": "WEBP"}.get(Path(name).suffix, "PNG")
    assert read_photograph(tmp_path / name).format == kind


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "1", "P"])
def test_every_kind_keeps_its_channels(upscale, tmp_path: Path, mode: str) -> None:
    source = picture(tmp_path / "photo.png", mode=mode)
    assert upscale("photo.png")[0] == 0
    assert (
        read_photograph(tmp_path / "photo_x2.png").pixels.shape[2] == read_photograph(source).pixels.shape[2]
    )


def test_16_bits_stay_16_and_jpeg_s_8_are_said(upscale, tmp_path: Path) -> None:
    Image.fromarray(np.arange(108, dtype=np.uint16).reshape(9, 12) * 600).save(tmp_path / "deep.png")
    assert upscale("deep.png") == (0, "deep_x2.png\n", "")
    assert read_photograph(tmp_path / "deep_x2.png").bits == 16
    code, out, err = upscale("deep.png", "--format", "jpg")
    assert (code, out) == (0, "deep_x2.jpg\n")
    assert err == "deep.png: its 16 bits are reduced to 8, as JPEG has no more\n"


def test_a_folder_keeps_its_structure_and_one_bad_file_does_not_stop_the_rest(
    upscale, tmp_path: Path
) -> None:
    picture(tmp_path / "album" / "a.png")
    picture(tmp_path / "album" / "deep" / "b.jpg")
    picture(tmp_path / "album" / "old.bmp")
    (tmp_path / "album" / "bad.png").write_bytes((tmp_path / "album" / "a.png").read_bytes()[:60])
    code, out, err = upscale("album", "none.png", "--json")
    assert code == 1
    answer = json.loads(out)
    assert (answer["done"], answer["skipped"], answer["failed"]) == (3, 0, 2)
    found = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "album_x2").rglob("*.*"))
    assert found == ["album_x2/a.png", "album_x2/deep/b.jpg", "album_x2/old.png"]
    assert "2 photographs of 5 could not be upscaled:" in err
    assert "there is no file or folder none.png" in err
    assert "bad.png is damaged" in err
    assert upscale("album", "--out", "album/large")[0] == 1
    assert upscale("album", "--out", "album/large")[1] == ""
    assert size_of(tmp_path / "album" / "large" / "deep" / "b.jpg") == (24, 18)


def test_patterns_are_expanded(upscale, tmp_path: Path) -> None:
    picture(tmp_path / "all" / "a.png")
    picture(tmp_path / "all" / "in" / "b.png")
    assert upscale("all/*.png") == (0, "all/a_x2.png\n", "")
    code, out, _ = upscale("all/**/b.png", "--out", "there")
    assert (code, out) == (0, "there/in/b.png\n")
    assert "no image matches *.gif" in upscale("*.gif")[2]


def test_standard_input_goes_to_standard_output(model: str, tmp_path: Path) -> None:
    encoded = picture(tmp_path / "photo.jpg").read_bytes()
    command = [sys.executable, "-W", "error", "-m", "esrlab", "upscale", "-", "--model", model]
    done = subprocess.run(command, input=encoded, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.format, image.size) == ("JPEG", (24, 18))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a.png", "--scale", "2", "--width", "9"), "give one of --scale, --size, and --width"),
        (("a.png", "--scale", "0"), "--scale must be above 0"),
        (("a.png", "--memory", "much"), "it is an amount such as 2GB"),
        (("a.png", "--size", "3840"), "it is WIDTHxHEIGHT"),
        (("a.png", "--cascade", "2"), "it is two to four scales"),
        (("a.png", "--quality", "0"), "--quality must be from 1 to 100"),
        (("a.png", "b.png", "--out", "c.png"), "is one file, and 2 photographs are given"),
        (("a.png", "a.jpg", "--format", "png"), "would both become a_x2.png"),
        (("a.png", "--out", "c.png", "--format", "jpg"), "is no name of a jpg file"),
        (("a.png", "b.png", "--out", "-"), "take one photograph at a time"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(
    upscale, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    for name in ("a.png", "b.png", "a.jpg"):
        picture(tmp_path / name)
    code, out, err = upscale(*arguments)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert words in err


def test_a_photograph_is_never_overwritten_by_its_result_and_a_wrong_cascade_is_named(
    upscale, tmp_path: Path
) -> None:
    before = picture(tmp_path / "a.png").read_bytes()
    code, _, err = upscale("a.png", "--out", ".", "--overwrite")
    assert code == 1
    assert "a.png would be overwritten by its own result" in err
    assert (tmp_path / "a.png").read_bytes() == before
    code, _, err = upscale("a.png", "--cascade", "2x3")
    assert code == 1
    assert "is a model of ×2, and the cascade asks for ×3" in err


def test_what_stops_in_the_middle_leaves_the_finished_and_nothing_half(
    upscale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        picture(tmp_path / "all" / name)
    whole, made = upscale_one.write_photograph, list[int]()

    def stop_at_the_second(stream, **how: object) -> None:
        made.append(1)
        if len(made) == 2:
            stream.write(b"half")
            raise KeyboardInterrupt
        whole(stream, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(upscale_one, "write_photograph", stop_at_the_second)
    code, out, err = upscale("all")
    assert (code, out) == (130, "all_x2/a.png\n".replace("all_x2", str(tmp_path / "all_x2")))
    assert "stopped; 1 of 3 photographs are dealt with; run the same command again to go on" in err
    assert [path.name for path in (tmp_path / "all_x2").iterdir()] == ["a.png"]


def test_a_name_that_is_no_unicode_is_upscaled_and_shown(upscale, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    picture(tmp_path / "all" / name)
    code, out, err = upscale("all", "--out", "large")
    assert (code, out, err) == (0, "large/caf\\udce9.png\n", "")
    assert size_of(tmp_path / "large" / name) == (24, 18)


def test_the_smallest_and_the_longest_are_upscaled_and_what_is_none_is_one_line(
    upscale, tmp_path: Path
) -> None:
    picture(tmp_path / "dot.png", size=(1, 1))
    picture(tmp_path / "line.png", size=(1, 3_000))
    assert upscale("dot.png", "line.png")[:2] == (0, "dot_x2.png\nline_x2.png\n")
    assert (size_of(tmp_path / "dot_x2.png"), size_of(tmp_path / "line_x2.png")) == ((2, 2), (2, 6_000))
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "nan.tif")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for name, words in (
        ("nan.tif", "has values that are no numbers"),
        ("empty.jpg", "is not an image in PNG, JPEG, WebP, TIFF or BMP format"),
    ):
        code, out, err = upscale(name)
        assert (code, out, len(err.splitlines())) == (1, "", 2)
        assert f"  {name} {words}" in err
        assert not list(tmp_path.glob(f"{name.split('.', maxsplit=1)[0]}_x2*"))


def test_no_way_of_writing_a_folder_lets_a_result_overwrite_its_photograph(upscale, tmp_path: Path) -> None:
    source = picture(tmp_path / "photo.png")
    before = source.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path)
    for out in (f"../{tmp_path.name}", "link"):
        code, _, said = upscale("photo.png", "--out", out, "--overwrite")
        assert code == 1
        assert "would be overwritten by its own result" in said
        assert source.read_bytes() == before
