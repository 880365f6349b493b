"""`pairs`: LR images from a folder, aligned with crops of HR, checked by name and size."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from esrlab.data.degradations.bicubic import Bicubic, crop_to_multiple, make_lr
from esrlab.data.degradations.pairs import Pairs
from esrlab.data.image_files import read_image, write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.folder import open_photos
from esrlab.data.sampling import make_batch
from esrlab.errors import UserError
from esrlab.evaluation.benchmark import evaluate
from esrlab.evaluation.metrics.psnr import PSNR
from esrlab.evaluation.upscalers import bicubic_upscaler
from esrlab.evaluation.validation.crops import cut_crops
from pictures import save_many

BESIDE = Pairs(folder="LR_matlab_x{scale}")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """HR of 80×85 pixels, and LR beside it at ×2 and ×3, under the names of several tools."""
    save_many(tmp_path / "HR", 4)
    for scale, ending in ((2, ""), (3, "x3")):
        for path in (tmp_path / "HR").iterdir():
            lr = make_lr(crop_to_multiple(read_image(path), scale), scale)
            write_image(lr, tmp_path / f"LR_matlab_x{scale}" / f"{path.stem}{ending}.png")
    return tmp_path


@pytest.mark.parametrize("scale", [2, 3])
def test_batches_are_aligned_crops_of_both(place: Path, scale: int) -> None:
    photos = open_photos(str(place / "HR"), smallest=48)
    reducer = BESIDE.build(scale, photos.hr)
    own = Bicubic().build(scale)
    for step in range(6):
        batch = make_batch(
            photos, seed=1, step=step, scale=scale, lr_size=16, size=3, reducer=reducer, grid=scale
        )
        cut = make_batch(photos, seed=1, step=step, scale=scale, lr_size=16, size=3, reducer=own, grid=scale)
        assert torch.equal(batch.hr, cut.hr)
        assert batch.lr.shape == cut.lr.shape
        inner = (
            slice(None),
            slice(None),
            slice(3, -3),
            slice(3, -3),
        )  # a crop's border is made otherwise
        assert torch.equal(batch.lr[inner], cut.lr[inner])


def test_without_the_grid_they_would_not_be_aligned(place: Path) -> None:
    photos = open_photos(str(place / "HR"), smallest=48)
    reducer = BESIDE.build(2, photos.hr)
    batches = [
        make_batch(photos, seed=1, step=step, scale=2, lr_size=16, size=3, reducer=reducer, grid=grid)
        for step in range(3)
        for grid in (1, 2)
    ]
    own = [make_lr(batch.hr, 2) for batch in batches]
    errors = [float((batch.lr - lr).abs().mean()) for batch, lr in zip(batches, own, strict=True)]
    assert max(errors[1::2]) < 0.03 < min(errors[::2])
    assert BESIDE.grid(2) == 2


def test_a_benchmarks_lr_are_the_files(place: Path) -> None:
    benchmark = open_benchmark(str(place), name="noise")
    reducer = BESIDE.build(3, benchmark.hr)
    for name, image in benchmark.images():
        lr = reducer.reduce_image(crop_to_multiple(image, 3), name=name)
        assert torch.equal(lr, read_image(place / "LR_matlab_x3" / f"{name}x3.png"))


def test_crops_for_validation_have_their_part_of_the_files(place: Path) -> None:
    crops = cut_crops(str(place), limit=2, crop=53, grid=BESIDE.grid(2))
    reducer = BESIDE.build(2, crops.hr)
    for name, image in crops.images():
        top, left = crops.corners[name]
        assert top % 2 == left % 2 == 0
        whole = read_image(place / "LR_matlab_x2" / f"{name}.png")
        lr = reducer.reduce_image(crop_to_multiple(image, 2), name=name)
        assert torch.equal(lr, whole[..., top // 2 : top // 2 + 26, left // 2 : left // 2 + 26])


def test_a_path_is_taken_as_it_is_and_a_name_stands_beside_hr(place: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(place / "LR_matlab_x2", tmp_path / "else" / "x2")
    benchmark = open_benchmark(str(place), name="noise")
    assert Pairs(folder=str(tmp_path / "else" / "x{scale}")).find(2, benchmark.folder) == elsewhere
    assert BESIDE.find(2, benchmark.folder) == place / "LR_matlab_x2"
    with pytest.raises(UserError, match="lie in no folder of their own; give its path"):
        BESIDE.build(2, open_benchmark("samples", name="samples").hr)


def test_missing_partners_and_folders_are_named(place: Path) -> None:
    hr = open_photos(str(place / "HR"), smallest=48).hr
    with pytest.raises(UserError, match=r"no folder .*LR_matlab_x4 with the LR images at ×4"):
        BESIDE.build(4, hr)
    (place / "LR_matlab_x2" / "01.png").unlink()
    with pytest.raises(UserError, match=r"HR/01 has no image of the same name in .*LR_matlab_x2"):
        BESIDE.build(2, hr)


def test_more_lr_than_hr_is_no_fault(place: Path) -> None:
    (place / "HR" / "02.png").unlink()
    hr = open_benchmark(str(place), name="noise").hr
    assert BESIDE.build(3, hr).partners["03"].name == "03x3.png"


def test_a_wrong_size_is_named_with_the_pair(place: Path) -> None:
    write_image(torch.rand(1, 3, 20, 21), place / "LR_matlab_x2" / "01.png")
    message = r"LR_matlab_x2/01.png has 21×20 pixels, but 01 has 85×80: at ×2 its LR image must have 42×40"
    with pytest.raises(UserError, match=message):
        BESIDE.build(2, open_photos(str(place / "HR"), smallest=48).hr)
    benchmark = open_benchmark(str(place), name="noise")
    wrong: list[str] = []
    rows = list(
        evaluate(
            bicubic_upscaler(2),
            benchmark,
            scale=2,
            metrics=[PSNR().build(torch.device("cpu"))],
            degradation=BESIDE,
            on_error=lambda image, error: wrong.append(f"{image}: {error}"),
        )
    )
    assert len(rows) == 3
    assert len(wrong) == 1
    assert wrong[0].startswith("noise/01: ")


def test_labels_name_the_folder_without_the_scale() -> None:
    assert BESIDE.label == "pairs LR_matlab"
    assert Pairs(folder="/data/LR/X{scale}").label == "pairs LR"
    assert Pairs(folder="/data/web").label == "pairs web"


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_published_lr_images_are_the_older_matlabs(shared: Path, scale: int) -> None:
    benchmark = open_benchmark(str(shared / "benchmarks" / "Set5"), name="Set5")
    files = BESIDE.build(scale, benchmark.hr)
    older, todays = Bicubic(convention="matlab-8bit").build(scale), Bicubic().build(scale)
    for name, image in benchmark.images():
        hr = crop_to_multiple(image, scale)
        lr = files.reduce_image(hr, name=name)
        assert torch.equal(lr, older.reduce_image(hr, name=name)), name
        differing = float((lr != todays.reduce_image(hr, name=name)).float().mean())
        assert 0.05 < differing < 0.25


def test_published_pairs_train(shared: Path) -> None:
    photos = open_photos(str(shared / "benchmarks" / "Set5" / "HR"), smallest=96)
    reducer = BESIDE.build(4, photos.hr)
    batch = make_batch(photos, seed=0, step=0, scale=4, lr_size=24, size=5, reducer=reducer, grid=4)
    inner = np.s_[:, :, 3:-3, 3:-3]
    made = make_lr(batch.hr, 4, convention="matlab-8bit")
    assert float((batch.lr - made)[inner].abs().max()) * 255 <= 2.01  # turned, its two passes change places
