"""A user's own loss on the command line, where it is wrong: their lines, their loss, and an exit code."""

import hashlib
import json
from pathlib import Path

import pytest

from esrlab.cli.main import call


def train_with(folder: Path, code: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Trains by a custom loss alone; returns the exit code and what was said."""
    (folder / "mine.py").write_text(code)
    (folder / "mine.toml").write_text(
        'terms = [{name = "edges", weight = 1, loss = {kind = "custom", file = "%s"}}]\nsteps = 2\n'
        "[generator]\nblocks = 1\nfeatures = 8\ngrowth = 4\n[patches]\nbatch = 2\nlr_size = 16\n"
        % (folder / "mine.py")
    )
    asked = ["train", str(folder / "mine.toml"), "--out", str(folder / "run"), "--validation", "none"]
    code_returned = call([*asked, "--quiet", "--device", "cpu"])
    return code_returned, "".join(capsys.readouterr())


def test_a_loss_that_fails_shows_the_users_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = train_with(tmp_path, "def loss(sr, hr):\n    return (sr - heights).mean()\n", capsys)
    assert code == 1
    assert "loss in" in said
    assert "return (sr - heights).mean()" in said
    assert "NameError: name 'heights' is not defined" in said
    assert said.count('File "') == 1


@pytest.mark.parametrize(
    ("body", "what"),
    [("(sr - hr).abs().mean() / 0 * 0", "value"), ("(sr - sr).sqrt().mean() + sr.mean()", "gradient")],
)
def test_a_loss_that_is_not_finite_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, what: str
) -> None:
    code, said = train_with(tmp_path, f"def loss(sr, hr):\n    return {body}\n", capsys)
    said = " ".join(said.split())
    assert code == 1
    assert f"The {what} of the custom loss edges" in said
    assert "learning_rate" not in said


def test_a_loss_whose_gradient_fails_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = "    root = sr.exp()\n    root += 1\n    return (root - hr).mean()\n"
    code, said = train_with(tmp_path, f"def loss(sr, hr):\n{body}", capsys)
    assert code == 1
    assert "edges" in said
    assert "inplace" in said


def test_a_run_that_failed_before_its_first_step_begins_anew_with_the_mended_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mended = "def loss(sr, hr):\n    return (sr - hr).abs().mean()\n"
    assert train_with(tmp_path, "def loss(sr, hr):\n    return sr - heights\n", capsys)[0] == 1
    assert train_with(tmp_path, mended, capsys)[0] == 0
    about = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert about["origins"]["edges"].endswith(hashlib.sha256(mended.encode()).hexdigest()[:16])
    assert (tmp_path / "run" / about["recipe"]["terms"][0]["loss"]["file"]).read_text() == mended
    (tmp_path / "run" / "generator.safetensors").unlink()  # as if it had been cut off
    code, said = train_with(tmp_path, mended.replace("abs", "square"), capsys)
    assert code == 2, "what has taken steps stays what it is"
    assert "holds another run" in said
