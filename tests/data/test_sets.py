"""Data sets by name: over poor lines, from what is here already, whole or not at all."""

import io
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from esrlab.cli import main as cli
from esrlab.cli.commands.options import named_folders
from esrlab.core.download import part_of
from esrlab.data.degradations.pairs import Pairs
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.folder import open_photos
from esrlab.data.photos.hr_images import HrImages
from esrlab.data.sets import fetching
from esrlab.data.sets.catalogue import CATALOGUE
from esrlab.data.sets.choice import read_data
from esrlab.data.sets.fetching import Getting, get_sets
from esrlab.data.sets.finding import MissingSetError, data_root, download_path, find_images_of
from esrlab.data.sets.tasks import Tally
from esrlab.errors import UsageError, UserError
from esrlab.study.preflight import require_images
from esrlab.study.sources import keep_sources
from esrlab.study.spec import Study, read_study
from small_sets import SmallSets, crops, install, make_tar, make_zip
from web_server import HASTE, Server, serving

TRAINING = [
    *("--scale", "2", "--steps", "2", "--patches.batch", "1", "--patches.lr-size", "16", "--quiet"),
    *("--generator.features", "4", "--generator.blocks", "1", "--generator.growth", "4"),
    *("--validation.every", "2"),
]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(b"") as running:
        yield running


@pytest.fixture
def sets(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallSets:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetching.Getting, "__init__", _hasty(fetching.Getting.__init__))
    return install(server, tmp_path / "data", monkeypatch)


def _hasty(true: Any) -> Any:
    def made(self: Any, *given: Any, **named: Any) -> None:
        true(self, *given, **named)
        object.__setattr__(self, "patience", HASTE)

    return made


@pytest.fixture
def esrlab(capsys: pytest.CaptureFixture[str]) -> Any:
    """Calls `esrlab data …`; gives the exit code, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.call(["data", *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Getting


def test_a_set_is_got_whole_and_said_before(sets: SmallSets, esrlab: Any, server: Server) -> None:
    code, out, err = esrlab("get", "div2k", "set5")
    home = sets.root / "DIV2K"
    assert code == 0, err
    assert out.split() == [
        str(home / "DIV2K_train_HR"),
        str(home / "DIV2K_train_LR_bicubic/X2"),
        str(sets.root / "Set5" / "Set5_HR"),
    ]
    assert f"from {server.root}/DIV2K_train_HR.zip (of the bundled photographs)" in err
    assert names_in(home / "DIV2K_train_HR") == [f"000{index}.png" for index in range(1, 5)]
    assert [(home / "DIV2K_train_HR" / f"{i + 1:04}.png").read_bytes() for i in range(4)] == crops(4)
    assert names_in(home) == [
        *(".lock", "DIV2K_train_HR", "DIV2K_train_HR.json"),
        *("DIV2K_train_LR_bicubic", "DIV2K_train_LR_bicubic-X2.json"),
    ]
    asked = len(server.behaviour.paths)
    assert esrlab("get", "div2k")[0] == 0
    assert len(server.behaviour.paths) == asked


def test_only_hr_or_lr(sets: SmallSets, esrlab: Any, server: Server) -> None:
    assert esrlab("get", "div2k", "--only", "lr")[0] == 0
    assert server.behaviour.paths == ["/DIV2K_train_LR_bicubic_X2.zip"]
    assert "no official LR images" in esrlab("get", "set5", "--only", "lr")[2]


def test_cut_connections_are_resumed(sets: SmallSets, esrlab: Any, server: Server) -> None:
    server.behaviour.cut_after = [3000, 4000]
    assert esrlab("get", "set5")[0] == 0
    assert server.behaviour.asked == [None, "bytes=3000-", "bytes=7000-"]


def test_without_ranges_it_begins_anew(sets: SmallSets, esrlab: Any, server: Server) -> None:
    server.behaviour.knows_ranges = False
    server.behaviour.cut_after = [3000]
    assert esrlab("get", "set5")[0] == 0
    assert len(names_in(sets.root / "Set5" / "Set5_HR")) == 5


def test_a_wrong_length_is_refused(sets: SmallSets, esrlab: Any, server: Server) -> None:
    server.behaviour.claimed = 100
    code, _, err = esrlab("get", "set5")
    assert code == 1
    assert "offers 100 bytes instead of" in err
    assert not (sets.root / "Set5" / "Set5_HR").exists()


def test_a_wrong_checksum_is_refused(sets: SmallSets, esrlab: Any) -> None:
    body = sets.archives["Set5_HR.tar.gz"]
    sets.serve("Set5_HR.tar.gz", body[:-1] + bytes([body[-1] ^ 1]))
    code, _, err = esrlab("get", "set5")
    assert code == 1
    assert "is not the file it should be: its sha256" in err
    assert names_in(sets.root / "Set5") == [".lock"]


def test_one_that_fails_does_not_keep_the_others(sets: SmallSets, esrlab: Any) -> None:
    sets.serve("Set5_HR.tar.gz", b"<html>moved</html>")
    code, _, err = esrlab("get", "set5", "div2k-valid", "manga109")
    assert code == 1
    assert "set5, HR: " in err
    assert "manga109, HR: Manga109 cannot be downloaded: ask its authors" in err
    assert find_images_of("div2k-valid").is_dir()


def test_a_checksum_that_nobody_publishes_is_pinned(
    sets: SmallSets, esrlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets.change(monkeypatch, "set5", checksum=None, is_exact=False)
    code, _, err = esrlab("get", "set5")
    assert code == 0
    assert "no checksum of it is published: the one found now is kept" in err
    pin = sets.root / "Set5" / "Set5_HR.tar.gz.sha256"
    assert pin.read_text().endswith("  Set5_HR.tar.gz\n")
    shutil.rmtree(sets.root / "Set5" / "Set5_HR")
    other = make_tar({f"Set5_HR/{index}.png": body for index, body in enumerate(crops(5))})
    sets.serve("Set5_HR.tar.gz", other)
    code, _, err = esrlab("get", "set5")
    assert code == 1
    assert "is not the file it should be" in err
    pin.unlink()
    assert esrlab("get", "set5")[0] == 0


def test_a_damaged_archive_without_a_checksum_is_removed(
    sets: SmallSets, esrlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets.change(monkeypatch, "set5", checksum=None, is_exact=False)
    whole = sets.archives["Set5_HR.tar.gz"]
    sets.serve("Set5_HR.tar.gz", whole[: len(whole) // 2])
    code, _, err = esrlab("get", "set5")
    assert code == 1
    assert "is damaged" in err
    assert "It was removed; try again" in err
    sets.serve("Set5_HR.tar.gz", whole)
    assert esrlab("get", "set5")[0] == 0
    assert names_in(sets.root / "Set5") == [".lock", "Set5_HR", "Set5_HR.json", "Set5_HR.tar.gz.sha256"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"Set5_HR/../../../outside.png": b"x"}, "leads out of its folder"),
        ({"Set5_HR/one.png": b"no image"}, "one.png is not an image"),
        ({}, "it has 0 images instead of 5"),
    ],
)
def test_what_is_not_the_set_leaves_nothing(
    sets: SmallSets,
    esrlab: Any,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, bytes],
    words: str,
) -> None:
    sets.change(monkeypatch, "set5", checksum=None, is_exact=False)
    sets.serve("Set5_HR.tar.gz", make_tar(files))
    code, _, err = esrlab("get", "set5")
    assert code == 1
    assert words in err
    assert names_in(sets.root / "Set5") == [".lock"]
    assert not (sets.root.parent / "outside.png").exists()


def test_images_of_other_sizes_are_told(
    sets: SmallSets, esrlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = dict(enumerate(crops(4, scale=2), start=1))
    body = make_zip({f"DIV2K_train_HR/{index:04}.png": image for index, image in small.items()})
    sets.change(monkeypatch, "div2k", checksum=None, is_exact=False)
    sets.serve("DIV2K_train_HR.zip", body)
    code, _, err = esrlab("get", "div2k", "--only", "hr")
    assert code == 1
    assert "0001.png is 32×24, but its longer side must have 64 to 64 pixels" in err


def test_a_full_disk_is_seen_before_anything_is_fetched(
    sets: SmallSets, esrlab: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(sets.root.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    code, _, err = esrlab("get", "set5")
    assert code == 1
    assert "has 1.0 kB free, 16." in err
    assert server.behaviour.paths == []


def test_to_another_folder(sets: SmallSets, esrlab: Any, tmp_path: Path) -> None:
    code, out, err = esrlab("get", "set5", "--to", tmp_path / "else")
    assert code == 0
    assert out.strip() == str(tmp_path / "else" / "Set5" / "Set5_HR")
    assert f"set ESRLAB_DATA={tmp_path / 'else'}" in err
    with pytest.raises(MissingSetError):
        find_images_of("set5")


# What is here already


def test_archives_that_are_here_are_taken_and_kept(
    sets: SmallSets, esrlab: Any, server: Server, tmp_path: Path
) -> None:
    have = tmp_path / "have"
    have.mkdir()
    for file, body in sets.archives.items():
        (have / file).write_bytes(body)
    code, _, err = esrlab("get", "div2k", "set5", "--from-archives", have)
    assert code == 0
    assert f"set5, HR: taken from {have / 'Set5_HR.tar.gz'}" in err
    assert server.behaviour.paths == []
    assert names_in(have) == sorted(sets.archives)
    (have / "DIV2K_valid_HR.zip").write_bytes(b"another")
    code, _, err = esrlab("get", "div2k-valid", "--only", "hr", "--from-archives", have)
    assert code == 1
    assert f"{have / 'DIV2K_valid_HR.zip'} is not DIV2K_valid_HR.zip as it is known: its sha256" in err
    assert "there is no folder" in esrlab("get", "set5", "--from-archives", tmp_path / "none")[2]


def test_an_unpacked_folder_is_checked_and_used_where_it_is(
    sets: SmallSets, esrlab: Any, server: Server, tmp_path: Path
) -> None:
    own = tmp_path / "mine" / "DIV2K" / "DIV2K_train_HR"
    own.mkdir(parents=True)
    for index, body in enumerate(crops(4), start=1):
        (own / f"{index:04}.png").write_bytes(body)
    code, _, err = esrlab("get", "div2k", "--only", "hr", "--from-archives", tmp_path / "mine")
    assert code == 0, err
    assert find_images_of("div2k") == own
    assert server.behaviour.paths == []
    assert names_in(sets.root / "DIV2K") == [".lock", "DIV2K_train_HR.json"]
    assert len(open_photos("div2k", smallest=8).members) == 4
    (own / "0003.png").unlink()
    with pytest.raises(MissingSetError, match="is no longer whole"):
        find_images_of("div2k")
    code, _, err = esrlab("get", "div2k", "--only", "hr", "--from-archives", tmp_path / "mine")
    assert code == 1
    assert "1 of 4 images are missing (0003)" in err


def test_a_set_by_agreement_is_taken_from_its_folder(sets: SmallSets, esrlab: Any, tmp_path: Path) -> None:
    own = tmp_path / "Manga109" / "HR"
    own.mkdir(parents=True)
    for index, body in enumerate(crops(3)):
        (own / f"{index}.png").write_bytes(body)
    with pytest.raises(MissingSetError, match="ask its authors: esrlab data get manga109 --from-archives"):
        find_images_of("manga109")
    assert esrlab("get", "manga109", "--from-archives", own)[0] == 0
    assert len(open_benchmark("manga109", name="Manga109").members) == 3


# Stopping, and two at once


def test_ctrl_c_keeps_what_has_arrived(sets: SmallSets, esrlab: Any, server: Server) -> None:
    """A real SIGINT, while the server is silent after a part."""
    how = server.behaviour
    how.cut_after, how.silent_from = [4000], 1

    def interrupt() -> None:
        while len(how.asked) < 2:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)
        how.release.set()

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    code, _, err = esrlab("get", "set5")
    interrupting.join()
    assert code == cli.STOPPED
    assert f"what was downloaded is kept in {sets.root}; run the same command again to resume" in err
    archive = sets.set_of("set5").hr.archive
    assert archive is not None
    part = part_of(download_path(sets.set_of("set5"), archive, sets.root))
    assert part.stat().st_size >= 4000
    assert "4.0 kB downloaded" in esrlab("list")[1]
    how.silent_from = None
    code, _, err = esrlab("get", "set5")
    assert code == 0, err
    assert ", resuming after 4.0 kB" in err
    assert names_in(sets.root / "Set5") == [".lock", "Set5_HR", "Set5_HR.json"]


def test_a_second_process_waits_and_finds_it_done(sets: SmallSets, server: Server) -> None:
    said: list[str] = []
    how = Getting(sets.root, None, said.append, Tally(lambda done, total: None), HASTE)
    data_set = sets.set_of("set5")
    wanted = [(data_set, data_set.hr)]
    (sets.root / "Set5").mkdir(parents=True)
    waiting = threading.Thread(target=get_sets, args=(wanted, how))
    with FileLock(sets.root / "Set5" / ".lock"):
        waiting.start()
        while not said:
            time.sleep(0.001)
        assert said == [f"another process is getting data into {sets.root / 'Set5'}; waiting for it"]
        (sets.root / "Set5" / ".Set5_HR.tar.gz").write_bytes(sets.archives["Set5_HR.tar.gz"])
    waiting.join()
    assert server.behaviour.paths == []
    assert find_images_of("set5").is_dir()


def test_what_a_killed_call_left_is_removed(sets: SmallSets, esrlab: Any) -> None:
    left = sets.root / "Set5" / ".unpacking-abc" / "images"
    left.mkdir(parents=True)
    (left / "half.png").write_bytes(b"half")
    assert esrlab("get", "set5")[0] == 0
    assert not left.parent.exists()


# Listing and checking


def test_list_says_what_is_known_and_what_is_here(sets: SmallSets, esrlab: Any) -> None:
    esrlab("get", "div2k", "--only", "hr")
    rows = {row["name"]: row for row in json.loads(esrlab("list", "--json")[1])["sets"]}
    assert rows["div2k"]["folders"][0]["state"] == "here"
    assert rows["div2k"]["folders"][0]["path"] == str(find_images_of("div2k"))
    assert rows["div2k"]["folders"][0]["verified"] == "sha256"
    assert rows["div2k"]["folders"][1]["state"] == "absent"
    assert rows["set5"]["folders"][0]["size"] == len(sets.archives["Set5_HR.tar.gz"])
    assert rows["manga109"]["how"] == "ask its authors"
    code, out, _ = esrlab("list")
    assert code == 0
    assert "manga109: ask its authors" in out
    assert str(sets.root) in out


def test_check_finds_what_changed(sets: SmallSets, esrlab: Any, tmp_path: Path) -> None:
    assert esrlab("check", "set5")[0] == 1
    esrlab("get", "set5")
    code, out, _ = esrlab("check", "set5")
    assert code == 0
    assert "all 5 images, as they were" in out
    folder = find_images_of("set5")
    (folder / "bird.png").write_bytes(crops(1)[0])
    (folder / "head.png").unlink()
    code, _, err = esrlab("check", "set5")
    assert code == 1
    assert "bird.png has changed; head.png cannot be read: No such file" in err
    assert "then: esrlab data get set5 --only hr" in err
    with pytest.raises(MissingSetError, match=r"no longer whole.*esrlab data get set5 --only hr"):
        find_images_of("set5")


def test_check_of_a_folder_tells_the_set_that_it_is(sets: SmallSets, esrlab: Any) -> None:
    esrlab("get", "div2k")
    home = sets.root / "DIV2K"
    code, out, _ = esrlab("check", home)
    assert code == 0
    assert f"{home / 'DIV2K_train_HR'}: DIV2K (HR), all 4 images, of the right names and sizes" in out
    assert "LR ×2" in out
    (home / "DIV2K_train_HR" / "0002.png").rename(home / "DIV2K_train_HR" / "0009.png")
    code, _, err = esrlab("check", home / "DIV2K_train_HR")
    assert code == 1
    assert "1 of 4 images are missing (0002); 1 images are not of this set (0009)" in err


def test_real_benchmarks_are_recognised(shared: Path, esrlab: Any) -> None:
    code, out, _ = esrlab("check", shared / "benchmarks" / "Set5", shared / "benchmarks" / "Set14")
    assert code == 0
    assert "Set5 (HR), all 5 images" in out
    assert "Set14 (HR), all 14 images" in out


# By name


def test_training_takes_a_set_by_name(sets: SmallSets, esrlab: Any, tmp_path: Path) -> None:
    """The training images, and the held-out ones for validation, on the official LR images."""
    arguments = ["train", "psnr", "--data", "div2k:official-lr", "--out", str(tmp_path / "run"), *TRAINING]
    assert cli.call(arguments) == 1
    esrlab("get", "div2k", "div2k-valid")
    assert cli.call(arguments) == 0
    about = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert about["source"] == "div2k"
    assert about["photos"]["count"] == 4
    assert about["validation"]["images"].startswith("2 images of DIV2K-valid,")
    assert about["recipe"]["patches"]["degradation"] == {"kind": "pairs", "folder": "official"}
    lr = {path.name: path for path in find_images_of("div2k", kind="lr", scale=2).iterdir()}
    assert about["origins"]["lr"].startswith(f"{len(lr)} images")
    again = ["train", str(tmp_path / "run" / "recipe.json"), "--out", str(tmp_path / "again"), "--quiet"]
    assert cli.call(again) == 0
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines()[-1] for name in ("run", "again")]
    assert json.loads(logs[0])["loss/pixel"] == json.loads(logs[1])["loss/pixel"]


def test_official_lr_are_the_files_pixels(sets: SmallSets, esrlab: Any) -> None:
    esrlab("get", "div2k")
    photos = open_photos("div2k", smallest=8)
    pairs = Pairs(folder="official").build(2, photos.hr)
    for index, body in enumerate(crops(4, scale=2), start=1):
        with Image.open(io.BytesIO(body)) as image:
            assert np.array_equal(pairs.photo_of(f"{index:04}").pixels, np.asarray(image))
    with pytest.raises(UserError, match=r"no official LR images at ×3"):
        Pairs(folder="official").build(3, photos.hr)
    esrlab("get", "set5")
    with pytest.raises(UserError, match="Set5 has no official LR images at ×2"):
        Pairs(folder="official").build(2, open_benchmark("set5", name="Set5").hr)
    with pytest.raises(UserError, match=r"not a set that has official LR images; those that have are div2k,"):
        Pairs(folder="official").build(2, HrImages(("a",), sets.root))


def test_a_study_takes_sets_by_name(sets: SmallSets, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('data = "div2k:official-lr"\n[recipes.psnr]\n', encoding="utf-8")
    study = read_study(path)
    assert study.photos == "div2k"
    assert study.benchmarks == {"DIV2K-valid": "div2k-valid"}
    assert study.fields["patches.degradation.folder"] == "official"
    assert read_kept(study, tmp_path) == study
    with pytest.raises(UserError) as raised:
        require_images(study, named="the study")
    assert "esrlab data get div2k --only hr downloads" in str(raised.value)
    assert "esrlab data get div2k-valid --only hr downloads" in str(raised.value)
    path.write_text('data = "div2k"\nphotos = "samples"\n[recipes.psnr]\n', encoding="utf-8")
    with pytest.raises(UsageError, match="not both"):
        read_study(path)


def read_kept(study: Study, out: Path) -> Study:
    """The study as its folder keeps it."""
    return Study.model_validate(keep_sources(study.model_dump(mode="json"), out, there=None))


def test_a_benchmark_by_name_is_cropped_to_a_multiple_of_the_scale(
    sets: SmallSets, esrlab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "bicubic", "--benchmark", "set5", "--scale", "4", "--metrics", "psnr", "--json"]
    assert cli.call(arguments) == 1
    assert "Set5 (HR) is not on this machine: esrlab data get set5 --only hr" in capsys.readouterr().err
    esrlab("get", "set5")
    assert cli.call([*arguments[:-2], "psnr", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    names = ("baby", "bird", "butterfly", "head", "woman")
    assert {row["image"] for row in rows} == {f"Set5/{name}" for name in names}
    assert named_folders(["set5", "Mine=set5"]) == {"Set5": "set5", "Mine": "set5"}


def test_names_that_are_none(sets: SmallSets, esrlab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no data set 'div2' (did you mean div2k?)" in esrlab("get", "div2")[2]
    with pytest.raises(UsageError, match="go with one data set alone"):
        read_data(["div2k:official-lr", "set5"])
    with pytest.raises(UsageError, match="Set5 has no official LR images; those that have are div2k"):
        read_data(["set5:official-lr"])
    monkeypatch.delenv("ESRLAB_DATA")
    assert data_root() == Path(os.environ["ESRLAB_CACHE"]) / "data"


# The catalogue


def test_the_catalogue_is_whole() -> None:
    assert [data_set.name for data_set in CATALOGUE] == [
        *("div2k", "div2k-valid", "flickr2k", "set5", "set14", "bsd100", "urban100", "manga109")
    ]
    counts = {data_set.name: data_set.count for data_set in CATALOGUE}
    assert (counts["div2k"], counts["div2k-valid"]) == (800, 100)
    for data_set in CATALOGUE:
        assert data_set.hr.kind == "hr"
        assert not data_set.names or len(data_set.names) == data_set.count
        assert (data_set.hr.archive is None) == bool(data_set.how)
        for part in data_set.folders:
            if (archive := part.archive) is None:
                continue
            assert archive.address.startswith("https://")
            assert archive.address.endswith(archive.file)
            if archive.checksum is not None:
                size = {"sha256": 32, "md5": 16}[archive.checksum.algorithm]
                assert len(bytes.fromhex(archive.checksum.digits)) == size
            assert not archive.is_exact or archive.size is not None
    files = [part.archive.file for data_set in CATALOGUE for part in data_set.folders if part.archive]
    assert len(set(files)) == len(files) == 13
