"""Small data sets of real photographs in real archives, in the place of those of many gigabytes."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from esrlab.core.digests import Checksum
from esrlab.data.photos.samples import HELD_OUT, TRAINING, sample_paths
from esrlab.data.sets import catalogue
from esrlab.data.sets.data_set import Archive, DataSet, SetFolder
from web_server import Server

SIDE = 64
"""Pixels of the longer side of their images; the shorter one has three quarters."""


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    """An image as a file."""
    stream = io.BytesIO()
    image.save(stream, format=kind)
    return stream.getvalue()


@cache
def _photographs() -> list[Image.Image]:
    """The tops of the bundled photographs, decoded once."""
    found: list[Image.Image] = []
    for _, path in sample_paths((*HELD_OUT, *TRAINING)):
        with Image.open(path) as image:
            found.append(image.convert("RGB").crop((0, 0, 200, 100)))
    return found


@cache
def crops(count: int, *, scale: int = 1) -> list[bytes]:
    """PNG files of crops of the bundled photographs, made smaller by a scale."""
    found: list[bytes] = []
    for index in range(count):
        photographs, (row, column) = _photographs(), divmod(index, 8)
        if column < len(photographs):
            left = 16 * row
            crop = photographs[column].crop((left, 40, left + SIDE, 40 + SIDE * 3 // 4))
            found.append(
                encode(crop.resize((SIDE // scale, SIDE * 3 // 4 // scale), Image.Resampling.BICUBIC))
            )
    return found


def make_zip(files: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


def make_tar(files: dict[str, bytes], *, mode: str = "w:gz") -> bytes:
    """A tar.gz, or with "w" a tar, of these files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as packed:  # pyright: ignore[reportArgumentType, reportCallIssue]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@dataclass
class SmallSets:
    """The sets by name, and each archive's bytes."""

    server: Server
    archives: dict[str, bytes]
    root: Path

    def set_of(self, name: str) -> DataSet:
        return catalogue.find_set(name)

    def change(self, patch: pytest.MonkeyPatch, name: str, **archive: object) -> None:
        """Describes a set's HR archive otherwise in the catalogue."""
        changed: list[DataSet] = []
        for each in catalogue.CATALOGUE:
            if each.name == name:
                assert each.hr.archive is not None
                hr = replace(each.hr, archive=replace(each.hr.archive, **archive))  # pyright: ignore[reportArgumentType]
                each = replace(each, folders=(hr, *each.folders[1:]))  # noqa: PLW2901
            changed.append(each)
        patch.setattr(catalogue, "CATALOGUE", tuple(changed))

    def serve(self, file: str, content: bytes) -> None:
        """The server's file from now on."""
        self.server.behaviour.bodies[f"/{file}"] = content


def install(server: Server, root: Path, patch: pytest.MonkeyPatch) -> SmallSets:
    """Puts sets of few small images in the catalogue, whose archives the server has."""
    patch.setenv("ESRLAB_DATA", str(root))
    archives: dict[str, bytes] = {}
    sets = [_div2k(server, archives, "train", "div2k", range(1, 5))]
    sets.append(_div2k(server, archives, "valid", "div2k-valid", range(801, 803)))
    sets[0] = replace(sets[0], validation="div2k-valid")
    images = dict(zip(("baby", "bird", "butterfly", "head", "woman"), crops(5), strict=True))
    archives["Set5_HR.tar.gz"] = make_tar({f"Set5_HR/{name}.png": body for name, body in images.items()})
    folder = SetFolder("hr", "Set5_HR", _archive(server, "Set5_HR.tar.gz", archives), inside="Set5_HR")
    sets.append(_plain("set5", "Set5", (folder,), 5))
    manga = SetFolder("hr", "Manga109_HR", None, inside="Manga109_HR")
    sets.append(replace(_plain("manga109", "Manga109", (manga,), 3), how="ask its authors"))
    patch.setattr(catalogue, "CATALOGUE", tuple(sets))
    server.behaviour.bodies = {f"/{file}": body for file, body in archives.items()}
    return SmallSets(server, archives, root)


def _archive(server: Server, file: str, archives: dict[str, bytes]) -> Archive:
    body = archives[file]
    checksum = Checksum(hashlib.sha256(body).hexdigest())
    return Archive(file, f"{server.root}/{file}", len(body), is_exact=True, checksum=checksum)


def _plain(name: str, title: str, folders: tuple[SetFolder, ...], count: int) -> DataSet:
    return DataSet(
        name=name,
        title=title,
        about="a few crops",
        home=title.partition("-")[0],
        page="https://example.org/",
        terms="of the bundled photographs",
        count=count,
        folders=folders,
    )


def _div2k(server: Server, archives: dict[str, bytes], split: str, name: str, numbers: range) -> DataSet:
    names = [f"{number:04}" for number in numbers]
    folders: list[SetFolder] = []
    for scale in (1, 2):
        inside = f"DIV2K_{split}_HR" if scale == 1 else f"DIV2K_{split}_LR_bicubic/X2"
        file, suffix = (
            f"DIV2K_{split}_{'HR' if scale == 1 else 'LR_bicubic_X2'}.zip",
            "x2" if scale == 2 else "",
        )
        images = zip(names, crops(len(names), scale=scale), strict=True)
        archives[file] = make_zip({f"{inside}/{each}{suffix}.png": body for each, body in images})
        kind = "hr" if scale == 1 else "lr"
        folders.append(SetFolder(kind, inside, _archive(server, file, archives), inside, scale, suffix))
    made = _plain(name, "DIV2K" if split == "train" else "DIV2K-valid", tuple(folders), len(names))
    return replace(made, names=frozenset(names), long_side=(SIDE, SIDE))
