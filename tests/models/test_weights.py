"""Weights over a poor line, from a full disk, out of a damaged cache: right, or a clear word."""

import errno
import hashlib
import io
import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from esrlab.cli import main as cli
from esrlab.core import responses
from esrlab.core.digests import Checksum, digest
from esrlab.core.download import download, part_of
from esrlab.core.files import write_text
from esrlab.core.tensor_files import read_state
from esrlab.errors import UsageError, UserError
from esrlab.models.features.imagenet import FEATURE_NETWORKS, build_feature_network, fill_weights, layer_names
from esrlab.models.weights import catalogue, fetching
from esrlab.models.weights.catalogue import CATALOGUE, WeightFile, WeightRecord, find_record
from esrlab.models.weights.finding import examine, explain_absence, find_weights, hub_folder, search_folders
from esrlab.models.weights.loading import load_feature_network, open_weights, require_covered
from leftovers import leave_half_written
from web_server import HASTE, Server, serving

BODY = bytes(range(256)) * 4000  # 1 MB
SHA256 = hashlib.sha256(BODY).hexdigest()


def load_weights(name: str, *, path: Path | None = None) -> dict[str, torch.Tensor]:
    return dict(open_weights(name, path=path).state)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(BODY) as running:
        yield running


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights of this machine's user, no proxy between us and the server."""
    for name in ("http_proxy", "HTTP_PROXY", "ESRLAB_WEIGHTS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def fetch_body(
    server: Server, target: Path, *, sha256: str = SHA256, size: int | None = len(BODY), path: str = ""
) -> list[tuple[int, int]]:
    """Downloads the server's file; gives the progress that was shown."""
    shown: list[tuple[int, int]] = []
    download(
        server.address.replace("/weights.pth", path) if path else server.address,
        target,
        checksum=Checksum(sha256),
        size=size,
        progress=lambda done, total: shown.append((done, total)),
        patience=HASTE,
    )
    return shown


# Downloading


@pytest.mark.parametrize("says_length", [True, False])
def test_a_download_is_whole_and_shown(server: Server, tmp_path: Path, says_length: bool) -> None:
    server.behaviour.says_length = says_length
    shown = fetch_body(server, tmp_path / "f.pth", sha256=SHA256[:8])
    assert (tmp_path / "f.pth").read_bytes() == BODY
    assert shown[0] == (0, len(BODY))
    assert shown[-1] == (len(BODY), len(BODY))
    assert shown == sorted(shown)
    assert [path.name for path in tmp_path.iterdir()] == ["f.pth"]


def test_cut_connections_are_resumed_by_range(server: Server, tmp_path: Path) -> None:
    server.behaviour.cut_after = [300_000, 200_000]
    shown = fetch_body(server, tmp_path / "f.pth")
    assert (tmp_path / "f.pth").read_bytes() == BODY
    assert server.behaviour.asked == [None, "bytes=300000-", "bytes=500000-"]
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)


def test_a_line_that_brings_nothing_new_is_given_up_and_gone_on_with_later(
    server: Server, tmp_path: Path
) -> None:
    server.behaviour.cut_after = [400_000, 0, 0, 0]
    with pytest.raises(
        UserError, match=r"broke at 0\.4 MB of 1\.0 MB; 0\.4 MB are kept; run the same command again"
    ):
        fetch_body(server, tmp_path / "f.pth")
    assert part_of(tmp_path / "f.pth").read_bytes() == BODY[:400_000]
    assert not (tmp_path / "f.pth").exists()
    server.behaviour.cut_after = []
    fetch_body(server, tmp_path / "f.pth")
    assert server.behaviour.asked[-1] == "bytes=400000-"
    assert (tmp_path / "f.pth").read_bytes() == BODY


def test_many_cuts_do_not_matter_as_long_as_something_arrives(server: Server, tmp_path: Path) -> None:
    server.behaviour.cut_after = [100_000] * 9
    fetch_body(server, tmp_path / "f.pth")
    assert (tmp_path / "f.pth").read_bytes() == BODY


def test_a_server_that_ignores_ranges_begins_anew(server: Server, tmp_path: Path) -> None:
    server.behaviour.knows_ranges = False
    server.behaviour.cut_after = [300_000]
    fetch_body(server, tmp_path / "f.pth")
    assert server.behaviour.asked == [None, "bytes=300000-"]
    assert (tmp_path / "f.pth").read_bytes() == BODY


def test_a_server_that_always_begins_anew_and_breaks_off_is_given_up(server: Server, tmp_path: Path) -> None:
    server.behaviour.knows_ranges = False
    server.behaviour.cut_after = [300_000] * 50
    with pytest.raises(UserError, match="broke"):
        fetch_body(server, tmp_path / "f.pth")
    assert len(server.behaviour.asked) == HASTE.attempts


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_part_longer_than_the_file_is_dropped(server: Server, tmp_path: Path, size: int | None) -> None:
    part_of(tmp_path / "f.pth").write_bytes(bytes(len(BODY) + 5))
    fetch_body(server, tmp_path / "f.pth", size=size)
    assert (tmp_path / "f.pth").read_bytes() == BODY


def test_a_whole_part_needs_no_server(tmp_path: Path) -> None:
    part_of(tmp_path / "f.pth").write_bytes(BODY)
    download(
        "http://127.0.0.1:9/none",
        tmp_path / "f.pth",
        checksum=Checksum(SHA256),
        size=len(BODY),
        progress=lambda done, total: None,
        patience=HASTE,
    )
    assert (tmp_path / "f.pth").read_bytes() == BODY


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.behaviour.body = BODY[:-1] + b"!"
    with pytest.raises(UserError, match=rf"not {SHA256[:12]}.*removed"):
        fetch_body(server, tmp_path / "f.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_is_told_by_the_checksum(server: Server, tmp_path: Path) -> None:
    part_of(tmp_path / "f.pth").write_bytes(bytes(1000))
    with pytest.raises(UserError, match="not the file it should be"):
        fetch_body(server, tmp_path / "f.pth")
    fetch_body(server, tmp_path / "f.pth")
    assert (tmp_path / "f.pth").read_bytes() == BODY


def test_another_size_is_refused_before_it_is_fetched(server: Server, tmp_path: Path) -> None:
    server.behaviour.body = b"<html>Please sign in</html>"
    with pytest.raises(UserError, match=r"27 bytes instead of 1024000.*proxy"):
        fetch_body(server, tmp_path / "f.pth")


def test_a_slow_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.behaviour.silent = 1
    impatient = replace(HASTE, timeout=0.2)
    asking = {"checksum": Checksum(SHA256), "size": len(BODY), "progress": lambda done, total: None}
    download(server.address, tmp_path / "f.pth", **asking, patience=impatient)
    assert (tmp_path / "f.pth").read_bytes() == BODY
    server.behaviour.silent = 9
    with pytest.raises(UserError, match="does not answer"):
        download(server.address, tmp_path / "g.pth", **asking, patience=impatient)
    assert len(server.behaviour.asked) == 2 + impatient.attempts


def test_redirects_are_followed_with_the_range(server: Server, tmp_path: Path) -> None:
    part_of(tmp_path / "f.pth").write_bytes(BODY[:1000])
    fetch_body(server, tmp_path / "f.pth", path="/moved")
    assert server.behaviour.paths == ["/moved", "/weights.pth"]
    assert server.behaviour.asked[1] == "bytes=1000-"
    assert (tmp_path / "f.pth").read_bytes() == BODY


@pytest.mark.parametrize(
    ("old", "new", "safe"),
    [
        ("https://a/f", "https://b/f", True),
        ("http://a/f", "http://b/f", True),
        ("https://a/f", "http://b/f", False),
        ("http://a/f", "ftp://b/f", False),
    ],
)
def test_redirects_never_leave_https(old: str, new: str, safe: bool) -> None:
    follow = responses._Redirects().redirect_request
    arguments = (urllib.request.Request(old), io.BytesIO(), 302, "Found", Message(), new)
    if safe:
        assert follow(*arguments) is not None
    else:
        with pytest.raises(UserError, match="not safe"):
            follow(*arguments)


def test_what_is_not_there_is_said_at_once(server: Server, tmp_path: Path) -> None:
    server.behaviour.statuses = [404]
    with pytest.raises(UserError, match=r"weights\.pth: the server answered 404"):
        fetch_body(server, tmp_path / "f.pth")
    assert len(server.behaviour.asked) == 1


def test_a_server_in_trouble_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.behaviour.statuses = [503, 429]
    fetch_body(server, tmp_path / "f.pth")
    assert (tmp_path / "f.pth").read_bytes() == BODY
    server.behaviour.statuses = [500] * 9
    with pytest.raises(UserError, match="500"):
        fetch_body(server, tmp_path / "g.pth")


def test_without_a_network_nobody_waits(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be reached.*check the network connection"):
        download(
            "http://127.0.0.1:9/none",
            tmp_path / "f.pth",
            checksum=Checksum(SHA256),
            size=None,
            progress=lambda done, total: None,
            patience=replace(HASTE, pause=60.0),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_said(server: Server, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    part_of(tmp_path / "f.pth").symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"disk is full.*free some space.*--to") as raised:
        fetch_body(server, tmp_path / "f.pth")
    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.__cause__.errno == errno.ENOSPC
    assert len(server.behaviour.asked) == 1


def test_two_at_once_do_not_write_into_each_others_file(server: Server, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with part_of(tmp_path / "f.pth").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process"):
            fetch_body(server, tmp_path / "f.pth")


# A record whose file the local server has: AlexNet with made-up numbers.


@pytest.fixture(scope="module")
def alexnet_bytes() -> bytes:
    network = build_feature_network("alexnet", layers=["pool5"])
    generator = torch.Generator().manual_seed(1)
    state = {
        key: torch.randn(value.shape, generator=generator) for key, value in network.state_dict().items()
    }
    state["classifier.1.weight"] = torch.zeros(100, 100)
    stream = io.BytesIO()
    torch.save(state, stream, _use_new_zipfile_serialization=False)  # as torchvision's older files are
    return stream.getvalue()


@pytest.fixture
def record(server: Server, alexnet_bytes: bytes, monkeypatch: pytest.MonkeyPatch) -> WeightRecord:
    """The only one in the catalogue."""
    server.behaviour.body = alexnet_bytes
    made = WeightRecord(
        name="alexnet",
        about="AlexNet, made up",
        licence="none",
        address=server.address,
        file=WeightFile("alexnet-made-up.pth", hashlib.sha256(alexnet_bytes).hexdigest()[:8]),
        size=len(alexnet_bytes),
    )
    monkeypatch.setattr(catalogue, "CATALOGUE", (made,))
    monkeypatch.setattr(fetching.download, "__kwdefaults__", {"patience": HASTE})
    return made


@pytest.fixture
def esrlab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Calls `esrlab weights …`; gives the exit code, standard output and standard error."""
    known = [command for command in cli.COMMANDS if command.name != "weights"]
    monkeypatch.setattr(cli, "COMMANDS", (*known, cli.Command("weights", "find and fetch weights")))

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.call(["weights", *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def fetch_record(
    record: WeightRecord, folder: Path, *, features_only: bool = False
) -> tuple[Path, list[str]]:
    said: list[str] = []
    path = fetching.fetch(
        record,
        folder=folder,
        features_only=features_only,
        progress=lambda done, total: None,
        say=said.append,
        patience=HASTE,
    )
    return path, said


def test_get_says_what_and_how_large_and_then_it_is_found(record: WeightRecord, esrlab: Any) -> None:
    code, out, err = esrlab("get", "alexnet")
    target = hub_folder() / record.file.name
    assert (code, out.strip()) == (0, str(target))
    assert f"alexnet: 9.9 MB from {record.address} to {hub_folder()}" in err
    assert set(load_weights("alexnet")) >= {"features.0.weight", "classifier.1.weight"}
    code, out, err = esrlab("get", "all")
    assert (code, out.strip()) == (0, str(target))
    assert "there already" in err


def test_list_tells_the_state(record: WeightRecord, server: Server, esrlab: Any) -> None:
    (row,) = json.loads(esrlab("list", "--json")[1])
    assert (row["state"], row["path"], row["size"]) == ("absent", None, record.size)
    hub_folder().mkdir(parents=True)
    part_of(hub_folder() / record.file.name).write_bytes(server.behaviour.body[:1_000_000])
    assert "1.0 MB downloaded" in " ".join(esrlab("list")[1].split())
    assert esrlab("get", "alexnet")[0] == 0
    assert server.behaviour.asked == ["bytes=1000000-"]
    (row,) = json.loads(esrlab("list", "--json")[1])
    assert row["state"] == "verified"
    Path(row["path"]).write_bytes(b"damaged")
    (row,) = json.loads(esrlab("list", "--json")[1])
    assert (row["state"], row["reason"][:18]) == ("damaged", "its sha256 begins ")
    code, out, _ = esrlab("list")
    assert code == 0
    assert "damaged" in out
    assert "alexnet" in out


def test_get_mends_a_damaged_file(record: WeightRecord, esrlab: Any) -> None:
    hub_folder().mkdir(parents=True)
    (hub_folder() / record.file.name).write_bytes(b"damaged")
    assert esrlab("get", "alexnet")[0] == 0
    assert examine(find_weights("alexnet") or pytest.fail("absent"))[0] == "verified"


def test_wrong_usage_and_failures_have_their_exit_codes(
    record: WeightRecord, server: Server, esrlab: Any
) -> None:
    code, _, err = esrlab("get", "alexnte")
    assert code == 2
    assert "did you mean alexnet?" in err
    assert "or all" in err
    assert esrlab()[0] == 2
    assert esrlab("fetch")[0] == 2
    server.behaviour.statuses = [404]
    code, _, err = esrlab("get", "all")
    assert code == 1
    assert f"{record.address}: the server answered 404" in err
    assert esrlab("--help")[0] == esrlab("get", "--help")[0] == 0


def test_ctrl_c_keeps_what_has_arrived(
    record: WeightRecord, esrlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = True

    def stop(self: Any, done: float, **_: Any) -> None:
        if stopping and done:
            raise KeyboardInterrupt

    monkeypatch.setattr("esrlab.cli.console.Meter.update", stop)
    monkeypatch.setattr("esrlab.cli.console.SHOWN_EVERY", 0.0)
    code, _, err = esrlab("get", "alexnet")
    part = part_of(hub_folder() / record.file.name)
    assert code == cli.STOPPED
    assert f"{part} holds " in err
    assert "run the same command again to resume" in err
    assert 0 < part.stat().st_size < record.size
    stopping = False
    assert esrlab("get", "alexnet")[0] == 0
    assert not part.exists()


def test_a_full_disk_is_seen_before_anything_is_fetched(
    record: WeightRecord, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2_000_000))
    with pytest.raises(UserError, match=rf"{tmp_path} has 2\.0 MB free, 10\.9 MB are needed.*--to"):
        fetch_record(record, tmp_path)
    with pytest.raises(UserError, match=r"20\.\d MB are needed"):
        fetch_record(record, tmp_path, features_only=True)
    assert server.behaviour.asked == []
    part_of(tmp_path / record.file.name).write_bytes(server.behaviour.body[:-10_000])
    fetch_record(record, tmp_path)  # the rest fits


def test_a_folder_that_cannot_be_written_to_is_named(record: WeightRecord, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*file.*--to"):
        fetch_record(record, tmp_path / "file")


def test_a_copy_on_this_machine_is_taken_before_the_web(
    record: WeightRecord, server: Server, tmp_path: Path
) -> None:
    fetch_record(record, hub_folder())
    path, said = fetch_record(record, tmp_path / "mine")
    assert path.read_bytes() == server.behaviour.body
    assert len(server.behaviour.asked) == 1
    assert f"taken from {hub_folder()}" in said[0]


def test_hints_say_what_keeps_a_file_from_being_used(
    record: WeightRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = fetch_record(record, tmp_path / "mine")
    assert "does not search" in fetching.hints_after(record, path)[0]
    monkeypatch.setenv("ESRLAB_WEIGHTS", os.pathsep.join(map(str, (tmp_path / "bad", tmp_path / "mine"))))
    assert fetching.hints_after(record, path) == []
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / record.file.name).write_bytes(b"damaged")
    assert "(damaged) is used in its place" in fetching.hints_after(record, path)[0]


# Features only


def test_features_only_keeps_the_features_with_their_own_checksum(
    record: WeightRecord, server: Server, esrlab: Any
) -> None:
    code, out, err = esrlab("get", "alexnet", "--features-only")
    path = hub_folder() / "alexnet-features.safetensors"
    assert (code, out.strip()) == (0, str(path))
    assert "9.9 MB of it are kept" in err
    assert sorted(file.name for file in hub_folder().iterdir()) == [path.name, f"{path.name}.sha256"]
    loaded = open_weights("alexnet")
    assert loaded.metadata["source_sha256"] == hashlib.sha256(server.behaviour.body).hexdigest()
    assert loaded.label == "alexnet (alexnet-features.safetensors, features only)"
    original = torch.load(io.BytesIO(server.behaviour.body), weights_only=True)
    assert set(loaded.state) == {key for key in original if key.startswith("features")}
    assert all(torch.equal(tensor, original[key]) for key, tensor in loaded.state.items())
    network, _ = load_feature_network("alexnet", layers=["relu5"])
    assert torch.equal(network.state_dict()["features.0.bias"], original["features.0.bias"])
    assert esrlab("get", "alexnet", "--features-only")[0] == 0
    assert len(server.behaviour.asked) == 1


def test_features_only_leaves_an_original_that_was_there(record: WeightRecord, server: Server) -> None:
    original, _ = fetch_record(record, hub_folder())
    _, said = fetch_record(record, hub_folder(), features_only=True)
    assert original.exists()
    assert "is kept" in said[-1]
    assert len(server.behaviour.asked) == 1


def test_features_are_refused_when_damaged_or_without_their_checksum(record: WeightRecord) -> None:
    path, _ = fetch_record(record, hub_folder(), features_only=True)
    sidecar = path.with_name(path.name + ".sha256")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=r"alexnet-features\.safetensors is damaged.*weights get alexnet"):
        load_weights("alexnet")
    path.write_bytes(content)
    assert load_weights("alexnet")
    sidecar.unlink()
    with pytest.raises(UserError, match=r"cannot be verified.*sha256sum alexnet-features"):
        load_weights("alexnet")


def test_weights_without_a_classifier_are_fetched_as_they_are(
    record: WeightRecord, server: Server, tmp_path: Path
) -> None:
    path, _ = fetch_record(replace(record, features=False), tmp_path / "w", features_only=True)
    assert path.read_bytes() == server.behaviour.body


# Finding and verifying


def make_file(folder: Path, record: WeightRecord, body: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / record.file.name).write_bytes(body)
    return folder / record.file.name


def test_the_order_of_looking(
    record: WeightRecord, alexnet_bytes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_weights("alexnet") is None
    cached = make_file(hub_folder(), record, alexnet_bytes)
    assert getattr(find_weights("alexnet"), "path", None) == cached
    second, first = (make_file(tmp_path / name, record, alexnet_bytes) for name in ("second", "first"))
    folders = (tmp_path / "none", first.parent, second.parent)
    monkeypatch.setenv("ESRLAB_WEIGHTS", os.pathsep.join([*map(str, folders), "", " "]))
    assert search_folders() == [*folders, hub_folder()]
    assert getattr(find_weights("alexnet"), "path", None) == first
    assert getattr(find_weights("alexnet", path=second.parent), "path", None) == second
    renamed = first.rename(tmp_path / "renamed.pth")
    assert getattr(find_weights("alexnet"), "path", None) == second
    found = find_weights("alexnet", path=renamed)
    assert found is not None
    assert (found.path, found.file) == (renamed, record.file)
    assert examine(found) == ("verified", "")
    assert find_weights("alexnet", path=tmp_path) is None
    with pytest.raises(UserError, match="there is no file"):
        find_weights("alexnet", path=tmp_path / "nowhere.pth")


def test_torchs_cache_lies_where_torch_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert hub_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.delenv("TORCH_HOME")
    assert hub_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert hub_folder() == Path(torch.hub.get_dir()) / "checkpoints" == tmp_path / "torch/hub/checkpoints"


def test_a_complete_file_goes_before_a_partial_one_in_its_folder(tmp_path: Path) -> None:
    record = find_record("vgg19")
    assert [file.covers for file in record.files] == [None, None, "conv3_4"]
    (tmp_path / "vgg19_features_to_conv3_4.safetensors").write_bytes(b"")
    found = find_weights("vgg19", path=tmp_path)
    assert found is not None
    assert found.file.covers == "conv3_4"
    (tmp_path / "vgg19-dcbb9e9d.pth").write_bytes(b"")
    found = find_weights("vgg19", path=tmp_path)
    assert found is not None
    assert found.file == record.file


def test_a_damaged_cache_is_refused_by_name(record: WeightRecord, alexnet_bytes: bytes) -> None:
    path = make_file(hub_folder(), record, alexnet_bytes[:-1] + b"!")
    with pytest.raises(
        UserError, match=rf"{path} is damaged: its sha256.*Remove it, then: esrlab weights get"
    ):
        load_weights("alexnet")
    path.write_bytes(alexnet_bytes)
    assert load_weights("alexnet")


def test_a_file_is_hashed_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    true = hashlib.file_digest

    def watched(stream: Any, name: str) -> Any:
        hashed.append(stream.name)
        return true(stream, name)

    monkeypatch.setattr(hashlib, "file_digest", watched)
    path = tmp_path / "f"
    path.write_bytes(b"one")
    assert digest(path) == digest(path) == hashlib.sha256(b"one").hexdigest()
    assert len(hashed) == 1
    path.write_bytes(b"other")
    assert digest(path) == hashlib.sha256(b"other").hexdigest()
    assert len(hashed) == 2


def test_ones_own_file_is_taken_with_a_sidecar_and_said_to_be_so(
    record: WeightRecord, tmp_path: Path
) -> None:
    path = tmp_path / "mine.safetensors"
    save_file({"features.0.bias": torch.ones(3)}, path)
    with pytest.raises(UserError, match=r"cannot be verified.*mine\.safetensors\.sha256"):
        load_weights(record.name, path=path)
    sidecar = tmp_path / "mine.safetensors.sha256"
    write_text(sidecar, f"{digest(path).upper()}  mine.safetensors\n")
    loaded = open_weights(record.name, path=path)
    assert loaded.label == "alexnet (mine.safetensors, not in the catalogue)"
    write_text(sidecar, "\n")
    with pytest.raises(UserError, match="cannot be verified"):
        load_weights(record.name, path=path)


def test_what_is_no_plain_state_is_refused(record: WeightRecord, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save({"state_dict": {"a": torch.ones(1)}}, path)
    write_text(tmp_path / "mine.pth.sha256", digest(path))
    with pytest.raises(UserError, match="state_dict is not a tensor"):
        load_weights(record.name, path=path)


def test_absence_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(UserError) as raised:
        load_weights("vgg19")
    said = str(raised.value)
    assert said == explain_absence("vgg19")
    for part in (
        "vgg19-dcbb9e9d.pth (574.7 MB)",
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        "esrlab weights get vgg19",
        f"into {hub_folder()}",
        "$ESRLAB_WEIGHTS",
        f"{tmp_path / 'none'} (no such folder)",
    ):
        assert part in said
    assert "\n" not in said
    with pytest.raises(UserError, match=rf"Searched: {tmp_path}$"):
        load_weights("vgg19", path=tmp_path)


def test_unknown_weights_get_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"'lpips_alex' \(did you mean lpips-alex\?\); there are vgg16, "):
        find_weights("lpips_alex")


# The catalogue


def test_the_catalogue_is_whole() -> None:
    assert [record.name for record in CATALOGUE] == [
        *("vgg16", "vgg19", "alexnet", "resnet18", "resnet34", "resnet50", "resnet101"),
        *("lpips-alex", "lpips-vgg", "dists"),
    ]
    assert {record.name for record in CATALOGUE if record.features} == set(FEATURE_NETWORKS)
    for record in CATALOGUE:
        assert record.address.startswith("https://")
        assert record.licence in ("BSD-3-Clause", "BSD-2-Clause", "MIT")
        for file in (record.file, *record.alternatives):
            assert file.sha256 is not None
            assert len(bytes.fromhex(file.sha256)) == 32
        if record.features:
            assert record.address.endswith(record.file.name)
            stem, _, digits = record.file.name.removesuffix(".pth").rpartition("-")
            assert stem.startswith(record.name)
            assert (record.file.sha256 or "").startswith(digits)
    names = [file.name for record in CATALOGUE for file in record.files]
    assert len(set(names)) == len(names)


# Partial weights, and the real files


def test_partial_weights_reach_as_far_as_they_reach(tmp_path: Path) -> None:
    state = build_feature_network("resnet18", layers=["layer2"]).state_dict()
    path = tmp_path / "half.safetensors"
    save_file(state, path)
    write_text(tmp_path / "half.safetensors.sha256", digest(path))
    network, loaded = load_feature_network("resnet18", layers=["relu", "layer2"], path=path)
    assert torch.equal(network.state_dict()["conv1.weight"], state["conv1.weight"])
    with pytest.raises(UserError, match=r"half\.safetensors holds resnet18 to layer2; layer3 is deeper"):
        require_covered(loaded, ["layer1", "layer3"])
    with pytest.raises(UserError, match="layer3 and layer4 are deeper"):
        require_covered(loaded, ["layer3", "layer4"])
    other = replace(loaded, state={"something": torch.ones(1)})
    with pytest.raises(UserError, match="holds not even resnet18's first layer"):
        require_covered(other, ["layer1"])


def test_the_real_files_are_found_and_verified(
    shared: Path, monkeypatch: pytest.MonkeyPatch, esrlab: Any
) -> None:
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(shared / "weights"))
    rows = {row["name"]: row for row in json.loads(esrlab("list", "--json")[1])}
    assert {name: row["state"] for name, row in rows.items() if row["path"]} == {
        "vgg19": "partial",
        "alexnet": "verified",
        "lpips-alex": "verified",
    }
    assert rows["vgg19"]["covers"] == "conv3_4"
    assert "partial, to" in esrlab("list")[1]
    assert set(load_weights("lpips-alex")) == {f"lin{i}.model.1.weight" for i in range(5)}
    network = build_feature_network("alexnet", layers=[layer_names("alexnet")[-1]])
    fill_weights(network, load_weights("alexnet"))


def test_vgg19_to_conv3_4_loads_and_refuses_deeper(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(shared / "weights"))
    network, loaded = load_feature_network("vgg19", layers=["conv1_2", "conv3_4", "pool3"])
    state, _ = read_state(shared / "weights/vgg19_features_to_conv3_4.safetensors")
    assert torch.equal(network.state_dict()["features.16.weight"], state["features.16.weight"])
    assert "scale_to_original" in loaded.metadata
    assert loaded.label == (
        "vgg19 (vgg19_features_to_conv3_4.safetensors, to conv3_4, layers rescaled to unit deviation)"
    )
    with pytest.raises(UserError) as raised:
        load_feature_network("vgg19", layers=["conv5_4"])
    said = str(raised.value)
    assert f"{loaded.found.path} holds vgg19 to conv3_4; conv5_4 is deeper" in said
    assert "esrlab weights get vgg19 --to FOLDER" in said


def test_getting_clears_away_what_a_killed_call_left(record: WeightRecord, tmp_path: Path) -> None:
    left = leave_half_written(tmp_path / record.file.name)
    fetch_record(record, tmp_path)
    assert not left.exists()
