"""Directions and what is measured of them, against formulas in numpy's float64."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from esrlab.core.bands import HIGHEST, band_sizes
from esrlab.core.kinship_rows import Direction
from esrlab.core.spectra import band_powers
from esrlab.data.sampling import Batch
from esrlab.kinship.measuring import measure_batch, measure_directions, take_directions
from esrlab.losses.custom import Custom
from esrlab.losses.inputs import Loss, LossFunction
from esrlab.losses.pixel import L1, MSE, Charbonnier
from esrlab.losses.variation import TotalVariation


def images(count: int = 3, side: int = 16) -> tuple[Batch, Tensor]:
    """hr in levels that are far from sr's, all of them different, in float64."""
    source = torch.Generator().manual_seed(5)
    hr = torch.rand(count, 3, side, side, generator=source, dtype=torch.float64)
    sr = hr + 0.1 * torch.randn(hr.shape, generator=source, dtype=torch.float64)
    return Batch(lr=hr[..., ::2, ::2], hr=hr), sr


def built(**losses: Loss) -> list[tuple[Direction, LossFunction]]:
    return [(Direction(name, name), loss.build(torch.device("cpu"))) for name, loss in losses.items()]


def written(tmp_path: Path, body: str) -> Custom:
    file = tmp_path / f"loss_{len(body)}.py"
    file.write_text(f"import torch\ndef loss(sr, hr):\n    return {body}\n", encoding="utf-8")
    return Custom(file=file)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def test_cosines_of_pixel_losses_are_their_formulas() -> None:
    batch, sr = images()
    found = take_directions(
        batch, sr, built(l1=L1(), mse=MSE(), charbonnier=Charbonnier(epsilon=0.05)), [], draw=0
    )
    norms, cosines, _ = measure_directions(found.values, bands=4)
    for place, d in enumerate((sr - batch.hr).numpy()):
        slopes = {"l1": np.sign(d), "mse": 2 * d, "charbonnier": d / np.sqrt(d**2 + 0.05**2)}
        for row, (name, one) in enumerate(slopes.items()):
            assert found.names[row] == name
            # minus the gradient of the mean over the image: a descent direction
            assert np.allclose(found.values[row, place].numpy(), -one / d.size, rtol=1e-12, atol=0)
            assert norms[place, row] == pytest.approx(np.sqrt((one**2).sum()) / d.size, rel=1e-12)
            for column, other in enumerate(slopes.values()):
                assert cosines[place, row, column] == pytest.approx(cosine(one, other), abs=1e-12)


def test_a_direction_is_an_images_own_whatever_the_batch() -> None:
    batch, sr = images(3)
    whole = take_directions(batch, sr, built(mse=MSE(), tv=TotalVariation(reduction="mean")), [], draw=0)
    alone = take_directions(
        Batch(lr=batch.lr[1:2], hr=batch.hr[1:2]),
        sr[1:2],
        built(mse=MSE(), tv=TotalVariation(reduction="mean")),
        [],
        draw=0,
    )
    torch.testing.assert_close(whole.values[:, 1], alone.values[:, 0], rtol=1e-12, atol=0)


def test_itself_its_opposite_and_its_multiple(tmp_path: Path) -> None:
    batch, sr = images()
    losses = built(
        l1=L1(),
        opposite=written(tmp_path, "-(sr - hr).abs().mean()"),
        larger=written(tmp_path, "1000 * (sr - hr).abs().mean()"),
        again=L1(),
    )
    found = take_directions(batch, sr, losses, [], draw=0)
    norms, cosines, shares = measure_directions(found.values, bands=6)
    assert cosines[:, 0] == pytest.approx(np.tile([1, -1, 1, 1], (3, 1)), abs=1e-12)
    assert norms[:, 2] == pytest.approx(1000 * norms[:, 0])
    assert shares[:, 1] == pytest.approx(shares[:, 0], abs=1e-12)


def test_a_loss_without_gradient_has_no_cosine_and_is_told() -> None:
    batch, sr = images()
    sr = sr.clone()
    sr[0] = 0.5  # flat: TV pulls nothing there
    found = take_directions(batch, sr, built(tv=TotalVariation(), mse=MSE()), [], draw=0)
    norms, cosines, shares = measure_directions(found.values, bands=4)
    assert norms[0, 0] == 0
    assert np.isnan(cosines[0, 0]).all()
    assert np.isnan(shares[0, 0]).all()
    assert cosines[0, 1, 1] == pytest.approx(1)
    assert np.isfinite(cosines[1:]).all()
    rows = measure_batch(found, index=0, photos=["a", "b", "c"], bands=4)
    assert np.isnan(rows.cosines[0]).all()
    assert np.isfinite(rows.cosines[1]).all()


def test_tiny_and_infinite_directions() -> None:
    values = torch.randn(3, 1, 3, 8, 8, dtype=torch.float64)
    values[1] *= 1e-200  # whose square is 0 in float64
    values[2, 0, 0, 0, 0] = torch.inf
    norms, cosines, shares = measure_directions(values, bands=4)
    unit = values[:2, 0].flatten(1) * torch.tensor([[1.0], [1e200]], dtype=torch.float64)
    assert cosines[0, 0, 1] == pytest.approx(cosine(unit[0].numpy(), unit[1].numpy()), abs=1e-12)
    assert norms[0, 1] == pytest.approx(1e-200 * float(unit[1].norm()))
    assert np.isnan(norms[0, 2])
    assert np.isnan(cosines[0, 2]).all()
    assert shares[0, :2].sum(axis=-1) == pytest.approx([1, 1])


@pytest.mark.parametrize("frequency", [0.0, 3 / 32, 8 / 32, 16 / 32])
def test_a_sinusoids_pull_lies_in_its_band(frequency: float) -> None:
    side, bands = 32, 8
    wave = torch.cos(2 * torch.pi * frequency * torch.arange(side, dtype=torch.float64))
    hr = torch.full((1, 3, side, side), 0.5, dtype=torch.float64)
    found = take_directions(Batch(lr=hr[..., ::2, ::2], hr=hr), hr + 0.1 * wave, built(mse=MSE()), [], draw=0)
    _, _, shares = measure_directions(found.values, bands=bands)
    expected = np.zeros(bands)
    expected[int(frequency / HIGHEST * bands)] = 1
    assert shares[0, 0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (6, 5)])
def test_bands_hold_the_whole_power_and_as_much_as_the_whole_spectrum_has_there(
    height: int, width: int
) -> None:
    image = torch.randn(2, 3, height, width, dtype=torch.float64)
    powers = band_powers(image, 5)
    assert powers.sum(dim=1).numpy() == pytest.approx((image.numpy() ** 2).sum(axis=(1, 2, 3)), rel=1e-12)
    spectrum = np.abs(np.fft.fft2(image.numpy(), norm="ortho")) ** 2
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    band = np.minimum((radius / HIGHEST * 5).astype(int), 4)
    for each in range(5):
        expected = spectrum[..., band == each].sum(axis=(1, 2))
        assert powers[:, each].numpy() == pytest.approx(expected, rel=1e-10)
        assert float(band_sizes(height, width, 5)[each]) == pytest.approx((band == each).mean())
