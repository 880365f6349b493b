"""What a killed process leaves half-written is gone after the next call, wherever it lies."""

from pathlib import Path

import numpy as np
import pytest
import torch

from esrlab.cli.main import call
from esrlab.core.files import remove_leftovers, replacing
from esrlab.data.image_files import write_image
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.opening import open_store
from esrlab.data.photos.store import place_of
from esrlab.study.runner import run_study
from esrlab.study.spec import parse_study
from esrlab.training.loop import train
from leftovers import leave_half_written
from listener import FIELDS, Listener
from made_study import write_study
from pictures import save_many
from tiny import tiny

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")


def test_in_a_shared_folder_a_living_processs_file_stays(tmp_path: Path) -> None:
    left = leave_half_written(tmp_path / "mine.json")
    elsewhere = tmp_path / ".tmp-00000000-99999999-abcdefgh.json"
    elsewhere.write_text("of another machine, for all that is known")
    user = tmp_path / ".my.settings"
    user.write_text("a user's own")
    with replacing(tmp_path / "other.json") as temporary:
        assert remove_leftovers(tmp_path, shared=True) == len("half")
        assert temporary.exists()
    assert not left.exists()
    assert elsewhere.exists()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".my.settings", "other.json"]


def test_training_clears_a_runs_folder_even_when_the_run_is_done(tmp_path: Path, samples: Photos) -> None:
    folder = train(tiny("psnr"), samples, seed=0, device=CPU, out=tmp_path / "run")
    left = [leave_half_written(folder.path / name) for name in ("scores.jsonl", "checkpoints/x.pt")]
    train(tiny("psnr"), samples, seed=0, device=CPU, out=tmp_path / "run")
    assert not any(path.exists() for path in left)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    draw = np.random.default_rng(0)
    write_image(torch.from_numpy(draw.random((1, 3, 32, 32), dtype=np.float32)), folder / "one.png")
    return folder


def test_a_study_clears_its_folder(tmp_path: Path, samples: Photos, images: Path) -> None:
    study = parse_study(
        {
            "name": "short",
            "benchmarks": {"one": str(images)},
            "scales": [2],
            "seeds": [0],
            "fields": FIELDS,
            "recipes": {"psnr": {}},
        }
    )
    out = tmp_path / "study"
    assert run_study(study, out=out, device=CPU, photos=samples, watcher=Listener()) == []
    left = [leave_half_written(out / name) for name in ("study.toml", "pictures/x2/lr/one.png")]
    assert run_study(study, out=out, device=CPU, photos=samples, watcher=Listener()) == []
    assert not any(path.exists() for path in left)


def test_evaluate_clears_its_folder(tmp_path: Path, images: Path) -> None:
    command = ["evaluate", "bicubic", "--benchmark", f"one={images}", "--scale", "2", "--out"]
    out = tmp_path / "scores"
    assert call([*command, str(out)]) == 0
    left = leave_half_written(out / "scores.jsonl")
    assert call([*command, str(out)]) == 0
    assert not left.exists()


def test_packing_clears_the_stores_folder(tmp_path: Path) -> None:
    save_many(tmp_path / "photos", 2)
    left = leave_half_written(place_of(tmp_path / "photos") / "index.json")
    open_store(tmp_path / "photos")
    assert not left.exists()


def test_reporting_clears_the_studys_folder(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    left = leave_half_written(study / "figures" / "one.svg")
    assert call(["report", str(study)]) == 0
    assert not left.exists()
