"""A validation measures what evaluation measures, on the same crops each time, and leaves no trace."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from esrlab.core.metrics import described
from esrlab.data.degradations.bicubic import bicubic_up, make_lr, round_to_8bit
from esrlab.data.image_files import read_image, write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.errors import UsageError, UserError
from esrlab.evaluation.metrics.choice import standard_metrics
from esrlab.evaluation.metrics.inputs import Metric
from esrlab.evaluation.metrics.lpips import LPIPS
from esrlab.evaluation.metrics.psnr import psnr
from esrlab.evaluation.validation.sheet import GAP, SIDE
from esrlab.evaluation.validation.validator import Validator, is_better, open_validation
from esrlab.models.generators.rrdb import RRDBNet

CPU = torch.device("cpu")


class Bicubic(nn.Module):
    """A generator that equals bicubic interpolation, draws noise when training, and may yield nan."""

    def __init__(self, scale: int, *, is_broken: bool = False) -> None:
        super().__init__()
        self.scale = scale
        self.part = nn.Dropout(0.5)
        self.part.training = False
        self.is_broken = is_broken

    def forward(self, lr: Tensor) -> Tensor:
        assert not self.training
        torch.rand(1)
        sr = bicubic_up(lr, self.scale)
        return sr * math.nan if self.is_broken else sr


@pytest.fixture(scope="module", autouse=True)
def student_only() -> Iterator[None]:
    """The embedded student measures, whatever weights are on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("esrlab.evaluation.metrics.lpips.has_real_lpips", lambda: False)
        yield


@pytest.fixture(scope="module")
def validator(student_only: None) -> Validator:
    return open_validation("samples", scale=4, device=CPU, crop=96)


def test_a_bicubic_generator_scores_as_bicubic_and_as_by_hand(validator: Validator) -> None:
    values = validator(Bicubic(4))
    assert list(values) == [
        f"validation/{who}{label}" for who in ("", "bicubic/") for label in ("PSNR-Y/4", "SSIM-Y/4", "LPIPS≈")
    ]
    for key, value in list(values.items())[:3]:
        assert value == values[key.replace("validation/", "validation/bicubic/")]
    by_hand: list[float] = []
    for _, image in open_benchmark("samples", name="samples").images():
        top, left = (image.shape[-2] - 96) // 2, (image.shape[-1] - 96) // 2
        hr = image[..., top : top + 96, left : left + 96]
        sr = round_to_8bit(bicubic_up(make_lr(hr, 4), 4))
        by_hand.append(psnr(sr, hr, border=4, channel="y").item())
    assert values["validation/PSNR-Y/4"] == pytest.approx(sum(by_hand) / 3)
    assert values == validator(Bicubic(4)), "equal each time"


def test_the_generator_and_random_states_are_left_as_they_were(validator: Validator) -> None:
    generator = RRDBNet(scale=4, features=4, growth=2, blocks=1).train()
    modes = [module.training for module in generator.modules()]
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    noisy = Bicubic(4).train()
    noisy.part.eval()
    state = torch.get_rng_state()
    validator(generator)
    validator(noisy)
    assert torch.equal(torch.get_rng_state(), state)
    assert (noisy.training, noisy.part.training) == (True, False)
    assert [module.training for module in generator.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())
    assert all(parameter.grad is None for parameter in generator.parameters())
    generator(torch.rand(1, 3, 8, 8)).sum().backward()


def test_modes_are_put_back_after_an_error(validator: Validator) -> None:
    wrong = Bicubic(2).train()
    with pytest.raises(ValueError, match="upscaled to"):
        validator(wrong)
    assert wrong.training


def test_a_diverged_generator_scores_nan_beside_bicubics_numbers(
    validator: Validator, tmp_path: Path
) -> None:
    values = validator(Bicubic(4, is_broken=True), sheet=tmp_path / "sheet.png")
    assert all(math.isnan(value) == ("bicubic" not in key) for key, value in values.items())
    assert (tmp_path / "sheet.png").exists()


def test_a_sheet_shows_lr_bicubic_sr_and_hr_side_by_side(validator: Validator, tmp_path: Path) -> None:
    path = tmp_path / "pictures" / "step.png"
    generator = Bicubic(4)
    validator(generator, sheet=path)
    sheet = read_image(path)
    assert sheet.shape == (1, 3, 3 * (SIDE + GAP) + GAP, 4 * (SIDE + GAP) + GAP)
    drawn = validator.draw(generator)
    assert torch.equal((drawn * 255).round(), (sheet * 255).round())
    tiles = [drawn[..., GAP : GAP + 96, x : x + 96] for x in range(GAP, sheet.shape[-1] - GAP, SIDE + GAP)]
    nearest, bicubic, sr, hr = tiles
    assert torch.equal(bicubic, sr)
    assert not torch.equal(sr, hr)
    assert torch.equal(nearest[..., ::4, ::4], nearest[..., 3::4, 3::4])
    assert torch.equal(sheet[..., GAP + 96 : GAP + SIDE, :], torch.ones_like(sheet[..., : SIDE - 96, :]))


def test_images_are_chosen_evenly_cropped_and_named(tmp_path: Path) -> None:
    for index in range(6):
        write_image(torch.rand(1, 3, 64, 50 + index), tmp_path / "HR" / f"{index}.png")
    few = open_validation(str(tmp_path), scale=3, device=CPU, limit=2, crop=48)
    assert few.title == f"2 images of {tmp_path.name}, the middle 48 px of each"
    assert (
        few.fingerprint != open_validation(str(tmp_path), scale=3, device=CPU, limit=3, crop=48).fingerprint
    )
    whole = open_validation(str(tmp_path), scale=2, device=CPU, limit=1, crop=None)
    assert whole.title == f"1 image of {tmp_path.name}, whole"
    assert whole.draw(Bicubic(2)).shape[-2] == SIDE + 2 * GAP
    assert "validation/PSNR-Y/2" in whole(Bicubic(2))


def test_what_cannot_be_judged_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1 image"):
        open_validation("samples", scale=4, device=CPU, limit=0)
    with pytest.raises(UsageError, match="at least 48 px"):
        open_validation("samples", scale=4, device=CPU, crop=20)
    with pytest.raises(UserError, match="no folder"):
        open_validation(str(tmp_path / "absent"), scale=4, device=CPU)
    write_image(torch.rand(1, 3, 20, 60), tmp_path / "thin.png")
    with pytest.raises(UserError, match=r"thin in .* is 60×20"):
        open_validation(str(tmp_path), scale=4, device=CPU)


def test_the_metric_itself_says_which_way_it_is_better() -> None:
    """Its name says nothing: one called LPIPS-like of a family that is better higher is better higher."""
    odd = Metric(replace(described("SSIM-Y/s"), id="LPIPS-agreement"), lambda inputs: 0.0)
    assert is_better(odd, 0.9, 0.1)
    assert not is_better(odd, 0.1, 0.9)


def test_the_best_is_chosen_by_what_the_recipe_is_after(validator: Validator) -> None:
    assert validator.best_by(has_adversarial=True) == "validation/LPIPS≈"
    assert validator.best_by(has_adversarial=False) == "validation/PSNR-Y/4"
    assert LPIPS(weights="student").build(CPU).name == "LPIPS≈"
    higher, lower = standard_metrics(4)[0], LPIPS(weights="student").build(CPU)
    assert is_better(higher, 30.0, 29.0)
    assert not is_better(higher, 29.0, 29.0)
    assert is_better(lower, 0.1, 0.2)
    assert not is_better(lower, 0.3, 0.2)
    for metric in (higher, lower):
        assert is_better(metric, 0.5, None)
        assert is_better(metric, 0.5, math.nan)
        assert not is_better(metric, math.nan, None)


def test_any_metric_may_choose_the_best_generator(validator: Validator) -> None:
    chosen = open_validation("samples", scale=2, device=CPU, crop=96, limit=1, best_by="lr-psnr")
    assert chosen.best_by("lr-psnr", has_adversarial=True) == "validation/LR-PSNR"
    values = chosen(Bicubic(2))
    assert values["validation/LR-PSNR"] == values["validation/bicubic/LR-PSNR"]
    best = {"by": "lr-psnr", "has_adversarial": True}
    assert chosen.improves({"validation/LR-PSNR": 50.0}, 49.0, **best) == 50.0
    assert chosen.improves({"validation/LR-PSNR": 48.0}, 49.0, **best) is None
    assert validator.best_by("ssim", has_adversarial=True) == "validation/SSIM-Y/4"
    with pytest.raises(UsageError, match="must be one of auto, psnr, ssim, lpips here, not lr-psnr"):
        validator.best_by("lr-psnr", has_adversarial=False)
    with pytest.raises(UsageError, match=r"not lr-pnsr \(did you mean lr-psnr"):
        open_validation("samples", scale=2, device=CPU, best_by="lr-pnsr")


def test_a_flat_result_has_no_niqe_and_does_not_stop_the_training() -> None:
    chosen = open_validation("samples", scale=2, device=CPU, crop=256, limit=1, best_by="niqe")
    values = chosen(Flat())
    assert math.isnan(values["validation/NIQE-esrlab"])
    assert math.isfinite(values["validation/bicubic/NIQE-esrlab"])
    assert math.isfinite(values["validation/PSNR-Y/2"])
    assert chosen.improves(values, None, by="niqe", has_adversarial=False) is None


class Flat(nn.Module):
    """One grey, whatever it is given."""

    def forward(self, lr: Tensor) -> Tensor:
        return torch.full((*lr.shape[:2], 2 * lr.shape[2], 2 * lr.shape[3]), 0.5)
