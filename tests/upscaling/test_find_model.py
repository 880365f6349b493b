"""Which generator a name, a file or a run's folder means."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import esrlab
from esrlab.data.photos.samples import sample_paths
from esrlab.errors import UserError
from esrlab.evaluation.methods import find_method
from esrlab.models.shipped import shipped_models
from esrlab.upscaling import find_model as module
from esrlab.upscaling.find_model import find_model, generator_of, scale_to_open, shipped_scales

X2 = shipped_models()["faithful-x2"]


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Path]:
    """Models that come at ×2 and ×4, and one whose name begins alike."""
    models = {name: tmp_path / name for name in ("fine-x2", "fine-x4", "fine-x-x3")}
    monkeypatch.setattr(module, "SHIPPED", models)
    return models


@pytest.mark.parametrize(
    ("scale", "found"), [(None, "fine-x4"), (1, "fine-x2"), (2, "fine-x2"), (3, "fine-x4"), (8, "fine-x4")]
)
def test_a_name_without_a_magnification_means_the_least_that_suffices(
    two: dict[str, Path], scale: int | None, found: str
) -> None:
    assert shipped_scales("fine") == [2, 4]
    assert find_model("fine", scale=scale) == two[found]


def test_a_full_name_means_itself(two: dict[str, Path]) -> None:
    assert find_model("fine-x2", scale=4) == generator_of(Path("fine-x2")) == two["fine-x2"]


def test_a_file_of_a_models_name_is_had_by_its_path(
    two: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fine-x2").write_bytes(b"mine")
    assert find_model("./fine-x2") == Path("fine-x2")
    assert find_model("fine-x2") == two["fine-x2"]


@pytest.mark.parametrize(("wanted", "scale"), [(None, None), (1.5, 2), (2.0, 2), (2.1, 3), (6.0, 6)])
def test_a_name_is_opened_at_the_next_whole_magnification(
    two: dict[str, Path], wanted: float | None, scale: int | None
) -> None:
    assert scale_to_open("fine", wanted) == scale


def test_a_file_is_opened_at_a_whole_magnification_only(two: dict[str, Path]) -> None:
    assert [scale_to_open("any.pth", wanted) for wanted in (None, 1.5, 3.0)] == [None, None, 3]


def test_shipped_models_are_loaded_and_scored_by_name() -> None:
    assert esrlab.load("faithful-x2", device="cpu").path == X2
    assert esrlab.load("faithful", scale=2, device="cpu").path == X2
    for text in ("faithful-x2", "faithful"):
        method = find_method(text, scale=2)
        assert (method.name, method.degradation and method.degradation.text) == ("faithful-x2", "matlab")


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"model splendid.*models that come with esrlab: .*faithful-x2"):
        find_model("splendid")


def test_a_shipped_model_upscales_better_than_bicubic() -> None:
    with PIL.Image.open(sample_paths(("coffee.png",))[0][1]) as file:
        image = np.asarray(file.convert("RGB"))[:128, :128]
    small = esrlab.resize(image, scale=1 / 2)
    sharp = esrlab.upscale(small, model="faithful", scale=2, device="cpu")
    smooth = esrlab.resize(small, scale=2)
    assert esrlab.psnr(sharp, image, border=2) > esrlab.psnr(smooth, image, border=2) + 1
