"""A kinship's tables, figures and page from rows alone, of cosines that are known."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from esrlab.core.kinship_rows import (
    BatchRows,
    Direction,
    Header,
    append_batch,
    read_kinship,
    rows_file,
    write_header,
)
from esrlab.errors import UserError
from esrlab.report.kinship.build import make_kinship_report

SETTINGS = {
    "lr_size": 16,
    "critic": {"kind": "vgg", "features": 8, "norm": "layer", "updates": 1},
    "critic_steps": 7,
}


def write_rows(folder: Path, *, model: str = "first", shift: float = 0.0, images: int = 8) -> Path:
    """a and b are one, c opposes a, the game d is by itself and absent at the first image."""
    labels = {"a": "A <b>", "b": "B", "c": "C", "d": "D", "d#1": "D, critic 1"}
    directions = [Direction(name, label, is_game=name[0] == "d") for name, label in labels.items()]
    absent = {"lpips": "no weights: esrlab weights get lpips-alex"}
    header = Header(model, f"{model} model", 2, "0" * 16, directions, absent, SETTINGS)
    path = rows_file(folder, model=model, scale=2)
    write_header(path, header)
    rng = np.random.default_rng(0)
    for index in range(images):
        #            ab          ac            ad   ae   bc    bd   be   cd   ce   de
        cosines = [[0.97 + shift, -0.4 - shift, 0.1, 0.1, -0.3, 0.2, 0.1, 0.0, 0.1, 0.05]]
        cosines = [[value + rng.normal(0, 0.005) for value in cosines[0]]]
        norms = [[0.5, 2.0, 1e-9, 1e3, 1e3]]
        if index == 0:
            cosines[0][2] = cosines[0][5] = cosines[0][7] = cosines[0][9] = np.nan
            norms[0][3] = 0.0
        shares = [[[0.7, 0.1, 0.1, 0.1]] * 5]
        margin = [[1.0 if index % 4 else -1.0, 1.0]]
        append_batch(path, BatchRows(index, [f"photo{index // 2}"], norms, cosines, shares, margin))
    return path


def table_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kinship")
    write_rows(out)
    write_rows(out, model="second", shift=0.01)
    maps = out / "maps"
    maps.mkdir()
    pictures = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    np.savez_compressed(
        maps / "first-x2.npz",
        strength=np.ones((4, 1, 8, 8), dtype=np.float16),
        names=np.array(["a", "b", "c", "d"]),
        photos=np.array(["photo1"]),
        hr=pictures,
        sr=pictures,
    )
    make_kinship_report(out)
    return out


def test_tables_have_every_pair_band_and_pull(folder: Path) -> None:
    pairs = table_of(folder / "kinship.csv")
    assert len(pairs) == 2 * 10
    (first,) = [row for row in pairs if (row["model"], row["a"], row["b"]) == ("first", "a", "b")]
    assert float(first["cosine"]) == pytest.approx(0.97, abs=0.006)
    assert float(first["low"]) < float(first["cosine"]) < float(first["high"])
    assert (first["images"], first["photographs"]) == ("8", "4")
    assert [row["images"] for row in pairs if "d" in (row["a"], row["b"])] == ["7"] * 8
    bands = table_of(folder / "spectra.csv")
    assert len(bands) == 2 * 5 * 4
    assert sum(float(row["white"]) for row in bands[:4]) == pytest.approx(1, abs=1e-3)
    assert [float(row["share"]) for row in bands[:4]] == pytest.approx([0.7, 0.1, 0.1, 0.1])
    assert (bands[0]["from"], bands[3]["to"]) == ("0.0000", "0.7071")
    pulls = {row["loss"]: row for row in table_of(folder / "pulls.csv") if row["model"] == "first"}
    assert (pulls["c"]["norm"], pulls["c"]["accuracy"]) == ("1e-09", "")
    assert (pulls["d"]["zero"], pulls["d"]["is_game"], pulls["d"]["accuracy"]) == ("1", "1", "0.75")


def test_what_is_found_is_said_in_markdown_and_on_the_page(folder: Path) -> None:
    text = (folder / "kinship.md").read_text(encoding="utf-8")
    assert "- a and b: cosine 0.97 to 0.98 (every model)" in text
    assert "- a against c: cosine -0.41 to -0.40 (every model)" in text
    assert "- d: at most 0.20 with any other (every model)" in text
    assert "## The same game, another start of its critic\n\n- d and d#1: cosine 0.05\n- where" in text
    assert "critics (vgg, features 8, norm layer) trained for 7 steps" in text
    assert "lpips: no weights" in text
    assert "![kinship](figures/kinship.png)" in text
    page = (folder / "kinship.html").read_text(encoding="utf-8")
    assert "a and b: cosine 0.97 to 0.98" in page
    assert "A &lt;b&gt;" in page
    assert "<script" not in page
    assert page.count('src="data:image/png;base64,') == 3 + 2 + 1


def test_figures_are_drawn_and_the_same_each_time(folder: Path) -> None:
    figures = folder / "figures"
    names = {path.name for path in figures.iterdir()}
    keys = ("first-x2", "second-x2")
    expected = {"kinship", *(f"{what}-{key}" for what in ("kinship", "frequencies") for key in keys)}
    drawn = {f"{name}{suffix}" for name in expected for suffix in (".png", ".svg")}
    assert names == drawn | {"maps-first-x2-1.png"}
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    make_kinship_report(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no kinship"):
        make_kinship_report(tmp_path)
    path = write_rows(tmp_path, images=2)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "first-x2.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"first-x2\.npz cannot be read .*; remove it, and measure again"):
        make_kinship_report(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"[0.5, 2.0, 1e-09, 0.0, 1000.0]", b"[0.5, 2.0]"))
    with pytest.raises(UserError, match=r"its lines do not fit what is beside it"):
        read_kinship(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match="has no batch of images yet"):
        read_kinship(path)
