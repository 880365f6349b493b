"""A user's own loss, and every way in which their file can be wrong."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from esrlab.errors import UserError
from esrlab.losses.custom import Custom
from esrlab.losses.inputs import LossFunction, LossInputs

CPU = torch.device("cpu")


def prepare(folder: Path, code: str, *, function: str = "loss") -> LossFunction:
    file = folder / "mine.py"
    file.write_text(code, encoding="utf-8")
    return Custom(file=file, function=function).ready(CPU)


def test_users_function_is_the_loss(tmp_path: Path, views: LossInputs) -> None:
    loss = prepare(tmp_path, "def loss(views):\n    return (views.sr - views.hr).pow(4).mean()\n")
    assert torch.equal(loss(views), (views.sr - views.hr).pow(4).mean())
    assert torch.autograd.gradcheck(lambda sr: loss(LossInputs(views.lr, sr, views.hr)), views.sr)


def test_function_by_another_name(tmp_path: Path, views: LossInputs) -> None:
    loss = prepare(tmp_path, "def edges(views):\n    return views.sr.mean()\n", function="edges")
    assert torch.equal(loss(views), views.sr.mean())


def test_users_file_may_define_dataclasses(tmp_path: Path, views: LossInputs) -> None:
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Scaled:\n    by: float\n"
        "    def __call__(self, views):\n        return self.by * views.sr.mean()\n\nloss = Scaled(2.0)\n"
    )
    assert torch.equal(prepare(tmp_path, code)(views), 2 * views.sr.mean())


def test_two_files_of_one_name_stay_apart(tmp_path: Path, views: LossInputs) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    first, second = (
        prepare(folder, f"FACTOR = {factor}\ndef loss(views):\n    return FACTOR * views.sr.mean()\n")
        for folder, factor in zip(folders, (2, 3), strict=True)
    )
    assert torch.equal(first(views), 2 * views.sr.mean())
    assert torch.equal(second(views), 3 * views.sr.mean())


def test_missing_file_is_named_when_it_is_wanted(tmp_path: Path) -> None:
    gone = Custom(file=tmp_path / "gone.py")
    with pytest.raises(UserError, match=r"gone\.py"):
        gone.ready(CPU)


def test_folder_and_foreign_suffix_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        Custom(file=tmp_path).ready(CPU)
    (tmp_path / "mine.txt").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"must end in \.py"):
        Custom(file=tmp_path / "mine.txt").ready(CPU)


def test_missing_function_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="defines no function 'loss'"):
        prepare(tmp_path, "def lost(views):\n    return views.sr.mean()\n")


@pytest.mark.parametrize(
    ("code", "complaint"), [("def loss(", "SyntaxError"), ("1 / 0", "ZeroDivisionError")]
)
def test_failing_file_is_named_with_its_error(tmp_path: Path, code: str, complaint: str) -> None:
    with pytest.raises(UserError, match=rf"mine\.py failed with {complaint}"):
        prepare(tmp_path, code)


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        ("views.sr.mean().item()", "returned float"),
        ("None", "returned NoneType"),
        ("views.sr", r"of shape \(2, 3, 8, 10\)"),
        ("views.sr.mean().reshape(1)", r"of shape \(1,\)"),
        ("views.sr.argmax()", r"torch\.int64"),
        ("views.sr.detach().mean()", "no gradient"),
    ],
)
def test_result_that_is_no_loss_is_explained(
    tmp_path: Path, views: LossInputs, result: str, complaint: str
) -> None:
    loss = prepare(tmp_path, f"def loss(views):\n    return {result}\n")
    with pytest.raises(UserError, match=complaint):
        loss(LossInputs(views.lr, views.sr.detach().requires_grad_(), views.hr))


def test_loss_may_be_measured_without_gradients(tmp_path: Path, views: LossInputs) -> None:
    loss = prepare(tmp_path, "def loss(views):\n    return views.sr.mean()\n")
    with torch.no_grad():
        assert not loss(views).requires_grad


def test_function_must_be_a_name() -> None:
    with pytest.raises(ValidationError, match="cannot be a function's name"):
        Custom(file=Path("mine.py"), function="a.b")


def test_label() -> None:
    assert Custom(file=Path("folder/edges.py"), function="sobel").label == "edges.sobel"
