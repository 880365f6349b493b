"""Tensor files from strangers: a table of dense tensors, or one sentence and nothing allocated."""

import pickle
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.core.tensor_files import named_tensors, read_state
from esrlab.errors import UserError
from esrlab.models.generator_files import load_generator


def test_a_state_that_contains_itself_is_refused_and_not_opened_for_ever(tmp_path: Path) -> None:
    state: dict[str, Any] = {"weight": torch.zeros(1)}
    state["params"] = state
    torch.save(state, tmp_path / "ring.pth")
    began = time.monotonic()
    with pytest.raises(UserError, match="contains itself"):
        load_generator(tmp_path / "ring.pth")
    assert time.monotonic() - began < 30
    assert [name for name, _ in named_tensors(state)] == ["weight"]


def test_a_tensor_larger_than_the_file_stores_is_refused(tmp_path: Path) -> None:
    wide = torch.zeros(1).expand(700_000_000)
    torch.save({"params": {"conv_first.weight": wide}}, tmp_path / "wide.pth")
    assert (tmp_path / "wide.pth").stat().st_size < 5000
    with pytest.raises(UserError, match=r"params\.conv_first\.weight of shape .* needs 2,800,000,000 bytes"):
        read_state(tmp_path / "wide.pth")


def test_an_archive_that_unpacks_to_more_than_its_size_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1_000_000)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in plain.infolist():
            packed.writestr(member.filename, plain.read(member))
    with pytest.raises(UserError, match="it unpacks to"):
        read_state(tmp_path / "packed.pth")


@pytest.mark.parametrize(
    "content", [b"\x80\x02garbage", b"not a tensor file\n", b"", pickle.dumps({"a": print})], ids=repr
)
def test_garbage_is_named_without_advice_to_load_it_unsafely(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "garbage.pth"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_state(path)
    text = str(raised.value)
    assert "weights_only" not in text.lower()
    assert "weights only" not in text.lower()
    assert "\n" not in text
    assert text.isprintable()
    assert len(text) < 400


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ([torch.zeros(1)], "no state dict"),
        ({1: torch.zeros(1)}, "no state dict"),
        ({"a": torch.eye(3).to_sparse()}, "a is not a dense tensor"),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, "complex"),
        ({"a": torch.zeros(2, device="meta")}, "not a dense tensor"),
    ],
    ids=["list", "number as name", "sparse", "complex", "meta"],
)
def test_what_is_no_table_of_dense_tensors_is_refused(state: object, reason: str, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(UserError, match=reason):
        read_state(tmp_path / "odd.pth")


def test_shared_and_sliced_tensors_are_still_read(tmp_path: Path) -> None:
    whole = torch.arange(12.0)
    torch.save({"head": whole[:6], "turned": whole.view(3, 4).T}, tmp_path / "views.pth")
    state, metadata = read_state(tmp_path / "views.pth")
    assert metadata == {}
    assert torch.equal(state["turned"], whole.view(3, 4).T)
