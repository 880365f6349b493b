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
    return Custom(file=file, function=function).build(CPU)


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


@pytest.mark.parametrize(
    "code",
    [
        "def loss(sr, hr):\n    return (sr - hr).abs().mean()\n",
        "def loss(prediction, target, scale=1.0):\n    return scale * (prediction - target).abs().mean()\n",
        "import torch\nloss = torch.nn.L1Loss()\n",
        "import torch\nloss = torch.nn.functional.l1_loss\n",
        "def loss(inputs, scale=1.0, *, floor=0.0):\n    return (inputs.sr - inputs.hr).abs().mean()\n",
    ],
)
def test_a_loss_may_take_two_images_or_all_inputs(tmp_path: Path, views: LossInputs, code: str) -> None:
    assert torch.equal(prepare(tmp_path, code)(views), (views.sr - views.hr).abs().mean())


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("def loss():\n    pass\n", r"takes \(\)"),
        ("def loss(lr, sr, hr):\n    pass\n", r"takes \(lr, sr, hr\)"),
        ("def loss(sr, *, hr):\n    pass\n", r"takes \(sr, \*, hr\)"),
        ("def loss(*images):\n    pass\n", r"takes \(\*images\)"),
        ("class loss:\n    def __call__(self, sr, hr):\n        pass\n", "is a class"),
        ("import torch\nloss = torch.dist\n", "has no readable signature"),
    ],
)
def test_a_wrong_signature_is_told_when_the_file_is_loaded(tmp_path: Path, code: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        prepare(tmp_path, code)
    assert "def loss(inputs), which has inputs.sr, inputs.hr and inputs.lr, or def loss(sr, hr)" in str(
        caught.value
    )


def test_an_error_inside_shows_the_users_own_lines_and_no_others(tmp_path: Path, views: LossInputs) -> None:
    code = (
        "import torch\n\ndef halve(image):\n    return torch.nn.functional.interpolate(image, size={})\n"
        "\ndef loss(sr, hr):\n    return halve(sr).mean()\n"
    )
    loss = prepare(tmp_path, code)
    with pytest.raises(UserError) as caught:
        loss(views)
    said = str(caught.value)
    assert "loss in" in said
    assert "line 7, in loss" in said
    assert "return halve(sr).mean()" in said
    assert "line 4, in halve" in said
    assert said.count('File "') == 2


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
        gone.build(CPU)


def test_folder_and_foreign_suffix_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        Custom(file=tmp_path).build(CPU)
    (tmp_path / "mine.txt").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"must end in \.py"):
        Custom(file=tmp_path / "mine.txt").build(CPU)


def test_missing_function_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="defines no function 'loss'"):
        prepare(tmp_path, "def lost(views):\n    return views.sr.mean()\n")


@pytest.mark.parametrize(
    ("code", "complaint"), [("def loss(", "SyntaxError"), ("1 / 0", "ZeroDivisionError")]
)
def test_failing_file_is_named_with_its_error(tmp_path: Path, code: str, complaint: str) -> None:
    with pytest.raises(UserError, match=rf"(?s)mine\.py failed with {complaint}.*line 1"):
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
    with pytest.raises(ValidationError, match="is not a valid name of a Python function"):
        Custom(file=Path("mine.py"), function="a.b")


def test_label() -> None:
    assert Custom(file=Path("folder/edges.py"), function="sobel").label == "edges.sobel"
