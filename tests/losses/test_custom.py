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


# Settings


def with_settings(file: Path, code: str, **settings: object) -> Custom:
    file.write_text(code, encoding="utf-8")
    return Custom.model_validate({"file": file, **settings})


@pytest.mark.parametrize(
    "code",
    [
        "def loss(sr, hr, eps=0.5, *, power=1):\n    return eps * (sr - hr).abs().pow(power).mean()\n",
        "def loss(sr, hr, *, eps, power):\n    return eps * (sr - hr).abs().pow(power).mean()\n",
        "def loss(sr, hr, eps, power):\n    return eps * (sr - hr).abs().pow(power).mean()\n",
        "def loss(i, eps, power):\n    return eps * (i.sr - i.hr).abs().pow(power).mean()\n",
        "def loss(sr, hr, **more):\n    return more['eps'] * (sr - hr).abs().pow(more['power']).mean()\n",
    ],
)
def test_settings_reach_the_function_by_name(tmp_path: Path, views: LossInputs, code: str) -> None:
    loss = with_settings(tmp_path / "mine.py", code, eps=0.25, power=3)
    expected = 0.25 * (views.sr - views.hr).abs().pow(3).mean()
    assert torch.equal(loss.build(CPU)(views), expected)
    assert torch.equal(loss(views.sr, views.hr, views.lr), expected)


def test_a_modules_settings_are_its_forwards(tmp_path: Path, views: LossInputs) -> None:
    code = (
        "import torch\nclass Scaled(torch.nn.Module):\n    def forward(self, sr, hr, by=1.0):\n"
        "        return by * (sr - hr).abs().mean()\nloss = Scaled()\n"
    )
    loss = with_settings(tmp_path / "mine.py", code, by=2)
    assert torch.equal(loss.build(CPU)(views), 2 * (views.sr - views.hr).abs().mean())


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (
            "def loss(sr, hr, eps=1e-3, by=1):\n    pass\n",
            r"no setting 'epz' \(did you mean eps\?\); it has eps, by",
        ),
        (
            "def loss(sr, hr):\n    pass\n",
            "has no setting 'epz'; it has none: give the function such an argument",
        ),
        ("import torch\nloss = torch.nn.L1Loss()\n", "has no setting 'epz'; it has none"),
    ],
)
def test_a_setting_that_there_is_not_is_told_when_the_file_is_loaded(
    tmp_path: Path, code: str, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        with_settings(tmp_path / "mine.py", code, epz=0.1).build(CPU)


def test_a_needed_setting_that_is_not_given_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"takes \(sr, hr, eps\)"):
        with_settings(tmp_path / "mine.py", "def loss(sr, hr, eps):\n    pass\n").build(CPU)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("eps", [0.1, 0.2], "the setting eps is"),
        ("eps", {"a": 1}, "the setting eps is"),
        ("eps", None, "finite number, text, or true or false"),
        ("eps", float("nan"), "the setting eps is nan"),
        ("e-ps", 1, "'e-ps' cannot be a setting"),
        ("sr", 1, "'sr' cannot be a setting"),
        ("lambda", 1, "'lambda' cannot be a setting"),
    ],
)
def test_settings_are_numbers_text_and_truth_values_under_names(
    name: str, value: object, complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Custom.model_validate({"file": "mine.py", name: value})


def test_settings_are_part_of_the_loss_its_json_and_its_identity(tmp_path: Path) -> None:
    code = "def loss(sr, hr, eps=0.1, mode='l1', on=True):\n    return eps * sr.mean()\n"
    plain, other = (with_settings(tmp_path / "mine.py", code, eps=eps) for eps in (0.1, 0.2))
    assert plain != other
    assert plain.identity() != other.identity()
    whole = with_settings(tmp_path / "mine.py", code, eps=0.3, mode="l2", on=False)
    again = Custom.model_validate_json(whole.model_dump_json())
    assert again == whole
    assert again.settings == {"eps": 0.3, "mode": "l2", "on": False}


def test_the_label_names_settings_that_are_not_the_functions_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    code = "1 / 0\ndef loss(sr, hr, eps=0.1, *, mode='l1', on=True, by=None):\n    return sr.mean()\n"
    assert with_settings(file, code, eps=0.1, mode="l1", on=True).label == "mine.loss", "nothing was run"
    assert with_settings(file, code, eps=0.2, on=False).label == "mine.loss (eps=0.2, on=False)"
    assert with_settings(file, code, on=1).label == "mine.loss (on=1)"
    file.unlink()
    assert Custom.model_validate({"file": file, "eps": 0.1}).label == "mine.loss (eps=0.1)"
