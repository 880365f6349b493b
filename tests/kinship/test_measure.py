"""A measurement as a whole: what comes out, resuming, refusals, games."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from esrlab.core.kinship_rows import read_batches, read_header
from esrlab.core.signals import Interrupted
from esrlab.data.photos.folder import open_photos
from esrlab.data.sampling import make_batch
from esrlab.errors import UsageError, UserError
from esrlab.kinship.directions import choose_games, choose_losses, list_games
from esrlab.kinship.games import pull_of_game, train_game
from esrlab.kinship.models import find_models
from esrlab.kinship.settings import KinshipSettings
from esrlab.models.generator_files import save_generator
from kinship.made import TINY, measure_tiny
from small_generators import compact


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kinship") / "whole"
    measure_tiny(out)
    return out


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_comes_out(whole: Path) -> None:
    (found,) = measure_tiny(whole)  # nothing is left to do: read from the files
    assert found.names == ("l1", "mse", "tv", "hinge", "wgan-gp")
    assert [each.is_game for each in found.directions] == [False] * 3 + [True] * 2
    assert (found.model, found.scale, found.key) == ("bilinear", 2, "bilinear-x2")
    assert found.cosines.shape == (5, 5, 5)
    assert np.array_equal(found.cosines, found.cosines.transpose(0, 2, 1))
    assert np.diagonal(found.cosines, axis1=1, axis2=2) == pytest.approx(1)
    assert (found.cosines[:, 0, 1] > 0.3).all()
    assert (found.cosines[:, 0, 1] < 1).all()
    assert found.shares.sum(axis=2) == pytest.approx(1, abs=1e-4)
    assert found.margins.shape == (5, 2)
    # the images are the crops of a training's batches, 2 + 2 + 1 of them
    photos = open_photos("samples", smallest=32)
    batch = make_batch(photos, seed=0, step=1, scale=2, lr_size=16, size=2)
    bilinear = torch.nn.functional.interpolate(batch.lr, scale_factor=2.0, mode="bilinear")
    slope = 2 * (bilinear - batch.hr).double() / batch.hr[0].numel()
    assert found.norms[2:4, 1] == pytest.approx(slope.flatten(1).norm(dim=1).numpy(), rel=1e-5)
    assert len(found.photos) == 5
    assert set(found.photos) <= {photo.name for photo in photos.members}


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (found,) = measure_tiny(None, games=("none",), mapped=0)
    assert found.names == ("l1", "mse", "tv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop_at", [1, 3])
def test_a_stopped_measurement_goes_on_to_the_same_bytes(whole: Path, tmp_path: Path, stop_at: int) -> None:
    signalled: list[int] = []

    def stop(done: int, total: int, note: str, eta: float | None) -> None:
        if done == stop_at and not signalled:
            signalled.append(done)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="run the same command again"):
        measure_tiny(tmp_path, on_progress=stop)
    rows = tmp_path / "rows" / "bilinear-x2.jsonl"
    assert files_of(tmp_path) != files_of(whole)
    with rows.open("ab") as file:  # what a process leaves that is killed while it writes
        file.write(b'{"batch": 1, "photos": ["')
    seen: list[int] = []
    measure_tiny(tmp_path, on_progress=lambda done, total, note, eta: seen.append(total))
    assert files_of(tmp_path) == files_of(whole)
    assert len(read_batches(rows)) == 3
    assert max(seen) < 2 + 3 + 1  # critics and batches that were done are not done again


def test_a_folder_of_another_measurement_is_refused(whole: Path, tmp_path: Path) -> None:
    before = files_of(whole)
    with pytest.raises(UsageError, match=r"another measurement \(different: critic_steps\): choose another"):
        measure_tiny(whole, critic_steps=3)
    with pytest.raises(UsageError, match="different: directions, losses"):
        measure_tiny(whole, losses=("l1,mse",))
    file = tmp_path / "small.safetensors"
    save_generator(compact(), file, about={})
    with pytest.raises(
        UsageError, match=r"different: seed\)"
    ):  # another model, but the folder's way to measure
        measure_tiny(whole, models=(f"small={file}",), seed=1)
    assert files_of(whole) == before


def test_a_damaged_critic_is_trained_anew_and_a_damaged_row_is_named(whole: Path, tmp_path: Path) -> None:
    measure_tiny(tmp_path, games=("hinge",), patches=2, mapped=0)
    rows = tmp_path / "rows" / "bilinear-x2.jsonl"
    kept = rows.read_bytes()
    rows.unlink()
    (critic,) = (tmp_path / "critics").iterdir()
    critic.write_bytes(b"no critic")
    measure_tiny(tmp_path, games=("hinge",), patches=2, mapped=0)
    assert rows.read_bytes() == kept
    rows.write_bytes(kept.replace(b'"norms"', b'"normal"'))
    with pytest.raises(UserError, match=r"bilinear-x2\.jsonl, line 1: norm"):
        measure_tiny(tmp_path, games=("hinge",), patches=2, mapped=0)


def test_losses_that_cannot_be_had_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("ESRLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    losses = ("l1", "lpips", "ms-ssim", "ssim:window=43")
    (found,) = measure_tiny(tmp_path / "out", losses=losses, games=("none",))
    assert found.names == ("l1", "ms-ssim")
    assert found.directions[1].label == "MS-SSIM (2 scales)"  # as many as fit into 32 px
    assert set(found.absent) == {"lpips", "ssim:window=43"}
    assert "weights" in found.absent["lpips"]
    assert "needs images of at least" in found.absent["ssim:window=43"]


def test_losses_and_games_are_chosen_by_text() -> None:
    kinds = choose_losses(["all"], ["real"])
    assert "custom" not in kinds
    assert len(kinds) == 24
    layers = "content:layers=relu1_2=0.5,conv2_1=1"
    both = choose_losses(["l1,content", layers], ["real", "student"])
    assert list(both) == ["l1", "content", "content@student", layers]  # the student has but one layer
    assert both["content@student"].label == "VGG (student)"
    with pytest.raises(UsageError, match=r"there is no loss 'contnt' \(did you mean content\?\)"):
        choose_losses(["contnt"], ["real"])
    with pytest.raises(UsageError, match=r"the loss tv has no field bta \(did you mean beta\?\)"):
        choose_losses(["tv:bta=1"], ["real"])
    with pytest.raises(UsageError, match=r"the loss huber, delta: .* \(given: 2\)"):
        choose_losses(["huber:delta=2"], ["real"])
    assert len(choose_games(["all"])) == 8
    assert choose_games(["none"]) == []
    assert choose_games(["lsgan,hinge", "lsgan"]) == ["lsgan", "hinge"]
    with pytest.raises(UsageError, match="did you mean hinge"):
        choose_games(["hing"])
    batch_norm = KinshipSettings.model_validate(
        {"critic": {"kind": "vgg", "norm": "batch"}, "critic_seeds": [3, 4]}
    )
    games, unfit = list_games(["hinge", "wgan-gp"], batch_norm, scale=2)
    assert [game.direction.name for game in games] == ["hinge", "hinge#4"]
    assert "couples the samples" in unfit["wgan-gp"]


def test_models_are_chosen_by_text(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    save_generator(compact(), file, about={})
    (found,) = find_models([f"mine={file}"], scales=[])
    assert (found.name, found.label, found.scale, len(found.digest)) == ("mine", "net", 2, 16)
    small = torch.rand(1, 3, 9, 8)
    generated = found.open(torch.device("cpu"))(small)
    torch.testing.assert_close(generated, compact()(small).detach())
    assert (generated.min() < 0) | (generated.max() > 1)  # as in training: not clamped
    assert [(each.name, each.scale) for each in find_models(["bicubic"], scales=[2, 4])] == [
        ("bicubic", 2),
        ("bicubic", 4),
    ]
    with pytest.raises(UsageError, match="bicubic has no scale of its own: give --scale"):
        find_models(["bicubic"], scales=[])
    with pytest.raises(UsageError, match="two models at ×2 are called net: give each a name"):
        find_models([str(file), str(file)], scales=[])
    with pytest.raises(UsageError, match=r"is a ×2 generator, but --scale is 4"):
        find_models([str(file)], scales=[4])


def test_a_games_critic_learns_and_its_pull_is_the_generator_losses() -> None:
    """A trained critic tells noise apart; its pull is the gradient of the loss's own formula."""
    settings = KinshipSettings.model_validate(
        {**TINY, "critic_steps": 40, "optimiser": {"kind": "adam", "learning_rate": 2e-3}}
    )
    source = torch.Generator().manual_seed(1)
    hr = torch.rand(4, 3, 4, 4, generator=source).repeat_interleave(8, 2).repeat_interleave(8, 3)
    sr = hr + 0.2 * torch.randn(hr.shape, generator=source)
    (game,), _ = list_games(["lsgan"], settings, scale=2)
    trained = train_game(game, [(hr, sr)], settings, scale=2, device=torch.device("cpu"))
    gradient, margins = pull_of_game(trained, hr, sr)
    assert (margins > 0).all()
    image = sr.clone().requires_grad_()
    scores = trained.adversarial.critic(image)
    ((scores - 1).square().mean() / 2).backward()
    assert image.grad is not None
    torch.testing.assert_close(gradient, image.grad)
    again = train_game(game, [(hr, sr)], settings, scale=2, device=torch.device("cpu"))
    assert torch.equal(pull_of_game(again, hr, sr)[0], gradient)


def test_a_games_critic_is_held_by_its_constraint() -> None:
    """Clipped, or punished for its gradient's length: the same data and start without either differ."""
    settings = KinshipSettings.model_validate({**TINY, "critic_steps": 3})
    hr = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    games, _ = list_games(["wgan", "wgan-gp", "hinge"], settings, scale=2)
    wgan, penalised, hinge = (
        train_game(game, [(hr, hr / 2)], settings, scale=2, device=torch.device("cpu")).adversarial.critic
        for game in games
    )
    assert max(float(weight.detach().abs().max()) for weight in wgan.parameters()) <= 0.01
    assert max(float(weight.detach().abs().max()) for weight in hinge.parameters()) > 0.1
    # hinge's critic loss is wgan's plus 2 while scores are small, so that only the penalty is between them
    pairs = zip(penalised.parameters(), hinge.parameters(), strict=True)
    assert any(not torch.allclose(one, other, atol=1e-5) for one, other in pairs)


def test_settings_that_cannot_be_are_named() -> None:
    with pytest.raises(UsageError, match=r"patches.*greater than or equal to 1 \(given: 0\)"):
        measure_tiny(None, patches=0)
    with pytest.raises(UsageError, match="no model is given"):
        measure_tiny(None, models=())


def test_the_header_says_what_decides_the_numbers(whole: Path) -> None:
    header = read_header(whole / "rows" / "bilinear-x2.jsonl")
    assert header.settings["critic_steps"] == 2
    assert header.settings["losses"]["tv"] == '{"kind":"tv","beta":2.0,"reduction":"sum"}'
    assert len(header.settings["photos"]) == 16
