"""Every kind of part is added by a file and its name in one union: done here, to a copy of the package.

The files are in `parts`; train, evaluate and report then run with all of them at once.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PARTS = Path(__file__).parent / "parts"

ADDED = (
    ("generator", "PlainGenerator", "models/generators", "any_generator", "AnyGenerator"),
    ("critic", "Shallow", "models/critics", "any_critic", "AnyCritic"),
    ("optimiser", "Momentum", "recipes/optimisers", "any_optimiser", "AnyOptimiser"),
    ("degradation", "Box", "data/degradations", "any_degradation", "AnyDegradation"),
    ("metric", "MAE", "evaluation/metrics", "any_metric", "AnyMetric"),
    ("loss", "L4", "losses", "any_loss", "AnyLoss"),
)
"""File, class, folder, and the union with its file."""

RECIPE = """
name = "added"
scale = 2
steps = 3
generator = { kind = "plain", features = 4, init = "interpolation" }
optimiser = { kind = "sgd", learning_rate = 1e-3, momentum = 0.5 }

[patches]
lr_size = 16
batch = 2
degradation = { kind = "box" }

[[terms]]
name = "pixel"
weight = 1.0
loss = { kind = "l4" }

[adversarial]
loss = "hinge"
weight = 1e-3
critic = { kind = "shallow", features = 2 }
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the package and the added parts; only the unions' files are changed in it."""
    top = tmp_path_factory.mktemp("added")
    copy = top / "esrlab"
    shutil.copytree(ROOT / "src" / "esrlab", copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, name, folder, union_file, union in ADDED:
        shutil.copy(PARTS / f"{file}.py", copy / folder / f"added_{file}.py")
        place = copy / folder / f"{union_file}.py"
        text = place.read_text(encoding="utf-8")
        listed = re.search(rf"^{union} = (?:Annotated\[\s*)+(?=\w+\s+\|)", text, re.MULTILINE)
        assert listed is not None, f"{union} lists no classes with | in {place}"
        module = f"esrlab.{folder.replace('/', '.')}.added_{file}"
        text = text[: listed.end()] + f"{name} | " + text[listed.end() :]
        place.write_text(f"from {module} import {name}\n{text}", encoding="utf-8")
    yield top
    shutil.rmtree(top)


def call(package: Path, *arguments: str) -> str:
    """What the copied package's command prints; fails with what it said where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "esrlab", *arguments],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_part_of_each_kind_trains_is_evaluated_and_reported(package: Path) -> None:
    (package / "added.toml").write_text(RECIPE, encoding="utf-8")
    call(package, "train", "added.toml", "--photos", "samples", "--out", "run", "--device", "cpu", "--quiet")
    kept = json.loads((package / "run" / "recipe.json").read_text(encoding="utf-8"))["recipe"]
    chosen = (kept["generator"], kept["optimiser"], kept["patches"]["degradation"], kept["terms"][0]["loss"])
    assert [part["kind"] for part in chosen] == ["plain", "sgd", "box", "l4"]
    assert kept["adversarial"]["critic"]["kind"] == "shallow"

    scored = call(
        package, "evaluate", "run", "--benchmark", "samples=samples", "--scale", "2", "--metrics", "psnr,mae",
        "--out", "scored", "--device", "cpu", "--json",
    )  # fmt: skip
    rows = json.loads(scored)["rows"]
    assert {"PSNR-Y/2", "MAE"} <= {row["metric"] for row in rows}
    assert all("LR: box" in row["label"] for row in rows)
    assert all(0 < row["value"] < 30 for row in rows if row["metric"] == "MAE")

    call(package, "evaluate", "bicubic", "--benchmark", "samples=samples", "--scale", "2", "--degradation",
         "box", "--metrics", "psnr,mae", "--out", "scored", "--device", "cpu")  # fmt: skip
    call(package, "report", "scored")
    report = (package / "scored" / "report.md").read_text(encoding="utf-8")
    heading = next(line for line in report.splitlines() if line.startswith("|") and "MAE" in line)
    assert "PSNR-Y" in heading
    assert "mean over RGB and all pixels" in report, "its convention is told"


def test_the_command_line_knows_the_added_kinds(package: Path) -> None:
    shown = call(package, "recipes", "psnr", "--json")
    assert json.loads(shown)["generator"]["kind"] == "rrdb"
    helped = call(package, "train", "psnr", "--help")
    for kind in ("plain", "sgd", "box", "l4"):
        assert re.search(rf"\b{kind}\b", helped), kind
    assert re.search(r"\bmae\b", call(package, "evaluate", "--help"))
