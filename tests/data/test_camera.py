"""`camera`: each stage against scipy or a formula, its order, its purity, and bicubic where all is off."""

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from scipy import ndimage

from esrlab.data.degradations.base import Crop
from esrlab.data.degradations.bicubic import Bicubic, bicubic_down, round_levels
from esrlab.data.degradations.camera import Camera
from esrlab.data.degradations.camera_stages import (
    Blur,
    add_gaussian,
    add_poisson,
    apply_blurs,
    gaussian_kernel,
    gaussian_taps,
)
from esrlab.data.image_files import through_jpeg

NOTHING: dict[str, Any] = {"blur": 0, "poisson": 0, "gaussian": 0, "jpeg": 0}


def photograph(side: int = 64, count: int = 1, seed: int = 0) -> torch.Tensor:
    """(count, 3, side, side) bytes, smooth as a photograph is, up to both ends."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal((count, 3, side, side)), (0, 0, 2, 2))
    return torch.from_numpy(np.clip(127 + 500 * noise, 0, 255).astype(np.uint8))


def crops_of(count: int) -> list[Crop]:
    return [Crop("a", 0, 0, 64, False, 0)] * count


def test_kernels_sum_to_one_and_are_the_formula() -> None:
    assert float(gaussian_taps(21, 1.3).sum()) == pytest.approx(1, abs=1e-15)
    kernel = gaussian_kernel(9, Blur(2.0, 0.7, 0.4))
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-15)
    turn = np.array([[math.cos(0.4), -math.sin(0.4)], [math.sin(0.4), math.cos(0.4)]])
    inverse = np.linalg.inv(turn @ np.diag([2.0**2, 0.7**2]) @ turn.T)
    values = np.array(
        [
            [math.exp(-0.5 * (np.array([x, y]) @ inverse @ np.array([x, y]))) for x in range(-4, 5)]
            for y in range(-4, 5)
        ]
    )
    np.testing.assert_allclose(kernel, values / values.sum(), atol=1e-15)


def test_isotropic_blur_is_scipys() -> None:
    levels = photograph(40, count=2).double()
    found = apply_blurs(levels, [Blur(1.7, 1.7), Blur(0.4, 0.4)], size=15)
    for index, sigma in enumerate((1.7, 0.4)):
        expected = ndimage.gaussian_filter(
            levels[index].numpy(), sigma, axes=(1, 2), mode="reflect", radius=7
        )
        np.testing.assert_allclose(found[index], expected, atol=1e-3)


def test_anisotropic_blur_is_scipys_correlation_and_others_stay() -> None:
    levels = photograph(24, count=3).double()
    blur = Blur(2.5, 0.6, 1.1)
    found = apply_blurs(levels, [None, blur, None], size=33)  # wider than the image
    kernel = gaussian_kernel(33, blur).numpy()
    expected = [ndimage.correlate(plane, kernel, mode="reflect") for plane in levels[1].numpy()]
    np.testing.assert_allclose(found[1], expected, atol=1e-3)
    assert torch.equal(found[0], levels[0])
    assert torch.equal(found[2], levels[2])


def test_equal_sigmas_are_one_blur_whichever_way_it_is_computed() -> None:
    levels = photograph(32).double()
    two_passes = apply_blurs(levels, [Blur(1.2, 1.2)], size=9)
    one_kernel = apply_blurs(levels, [Blur(1.2, 1.2 + 1e-12, 0.3)], size=9)
    np.testing.assert_allclose(two_passes, one_kernel, atol=1e-3)


@pytest.mark.parametrize("sigma", [2.0, 25.0])
def test_gaussian_noise_has_its_sigma_and_no_mean(sigma: float) -> None:
    noise = add_gaussian(np.zeros((3, 200, 200)), sigma, is_grey=False, rng=np.random.default_rng(0))
    assert noise.std() == pytest.approx(sigma, rel=0.01)
    assert abs(noise.mean()) < sigma * 0.01
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.02


def test_poissons_variance_is_proportional_to_the_signal_and_has_its_sigma_at_white() -> None:
    rng = np.random.default_rng(1)
    for level in (255.0, 127.5, 25.5):
        found = add_poisson(np.full((3, 200, 200), level), 20.0, is_grey=False, rng=rng)
        assert found.var() == pytest.approx(20.0**2 * level / 255, rel=0.02)
        assert found.mean() == pytest.approx(level, abs=0.2)
    assert np.all(add_poisson(np.zeros((3, 8, 8)), 20.0, is_grey=False, rng=rng) == 0)


@pytest.mark.parametrize("add", [add_gaussian, add_poisson])
def test_grey_noise_is_one_noise_for_all_channels(add: Any) -> None:
    levels = photograph(16)[0].double().numpy()
    noise = add(levels, 9.0, is_grey=True, rng=np.random.default_rng(0)) - levels
    np.testing.assert_allclose(noise[0], noise[1], atol=1e-12)
    np.testing.assert_allclose(noise[0], noise[2], atol=1e-12)
    assert noise[0].std() > 3


def test_jpeg_is_pillows_own_round_trip() -> None:
    pixels = photograph(33)[0].permute(1, 2, 0).contiguous().numpy()
    for quality in (10, 40, 95):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "jpeg", quality=quality)
        found = through_jpeg(pixels, quality=quality)
        assert np.array_equal(found, np.asarray(Image.open(file)))
    chroma_halved = io.BytesIO()
    Image.fromarray(pixels).save(chroma_halved, "jpeg", quality=95, subsampling="4:2:0")
    assert np.array_equal(found, np.asarray(Image.open(chroma_halved)))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_with_every_stage_off_it_is_bicubic(scale: int) -> None:
    hr = photograph(60, count=4)
    off = Camera(**NOTHING).build(scale).reduce_crops(hr, crops_of(4), seed=0, step=0)
    assert torch.equal(off, Bicubic().build(scale).reduce_crops(hr, crops_of(4), seed=0, step=0))


@pytest.mark.parametrize("stage", list(NOTHING))
def test_each_stage_alone_changes_the_image_and_leaves_8_bit_levels(stage: str) -> None:
    hr = photograph(64, count=2)
    plain = Bicubic().build(2).reduce_crops(hr, crops_of(2), seed=3, step=1)
    lr = Camera(**{**NOTHING, stage: 1}).build(2).reduce_crops(hr, crops_of(2), seed=3, step=1)
    assert lr.dtype == torch.float32
    assert lr.shape == (2, 3, 32, 32)
    assert not torch.equal(lr[0], plain[0])
    assert torch.equal((lr * 255).round() / 255, lr)
    assert 0 <= float(lr.min()) <= float(lr.max()) <= 1


def test_the_order_is_blur_reduction_poisson_gaussian_rounding_jpeg() -> None:
    camera = Camera(blur=1, poisson=1, gaussian=1, grey_noise=0, anisotropic=1, jpeg=1)
    hr = photograph(48)
    seed = (5, 6, 0, 2)
    rng = np.random.default_rng(seed)
    shot = camera.draw(rng)
    assert shot.blur is not None
    assert shot.poisson is not None
    assert shot.gaussian is not None
    assert shot.quality is not None
    kernel = gaussian_kernel(21, shot.blur).numpy()
    blurred = np.stack([ndimage.correlate(plane, kernel, mode="reflect") for plane in hr[0].double().numpy()])
    small = bicubic_down(torch.from_numpy(blurred)[None], 2)[0].numpy()
    photons = (255 / shot.poisson) ** 2
    light = np.clip(small / 255, 0, 1)
    noisy = small + 255 * (rng.poisson(light * photons) / photons - light)
    noisy = noisy + shot.gaussian * rng.standard_normal(small.shape)
    whole = round_levels(torch.from_numpy(noisy)).byte().permute(1, 2, 0).contiguous().numpy()
    expected = through_jpeg(whole, quality=shot.quality)
    found = (camera.reduce(hr, 2, [seed])[0].permute(1, 2, 0) * 255).round().byte().numpy()
    assert np.array_equal(found, expected)


def test_crops_are_a_pure_function_of_seed_step_and_index() -> None:
    hr = photograph(64).expand(3, -1, -1, -1)
    reducer = Camera().build(2)

    def make(seed: int, step: int) -> torch.Tensor:
        return reducer.reduce_crops(hr, crops_of(3), seed=seed, step=step)

    assert torch.equal(make(1, 2), make(1, 2))
    assert not torch.equal(make(1, 2), make(1, 3))
    assert not torch.equal(make(1, 2), make(2, 2))
    assert not torch.equal(make(1, 2)[0], make(1, 2)[1])


def test_an_images_degradation_is_decided_by_its_name() -> None:
    hr = photograph(64).float() / 255
    reducer = Camera().build(4)
    assert torch.equal(reducer.reduce_image(hr, name="baby"), reducer.reduce_image(hr, name="baby"))
    assert not torch.equal(reducer.reduce_image(hr, name="baby"), reducer.reduce_image(hr, name="bird"))


def test_another_probability_leaves_the_other_draws_as_they_are() -> None:
    one, other = (
        Camera(jpeg=0, anisotropic=1).draw(np.random.default_rng(4)),
        Camera(blur=0, jpeg=1).draw(np.random.default_rng(4)),
    )
    assert (one.poisson, one.gaussian) == (other.poisson, other.gaussian)
    assert one.quality is None
    assert other.blur is None


def test_draws_fill_their_ranges_at_their_rates() -> None:
    camera = Camera(blur=0.7, gaussian=0.25)
    shots = [camera.draw(np.random.default_rng((0, index, 0, 2))) for index in range(4000)]
    blurs = [shot.blur for shot in shots if shot.blur is not None]
    sigmas = [blur.sigma for blur in blurs]
    assert len(blurs) / 4000 == pytest.approx(0.7, abs=0.03)
    assert np.mean([not blur.is_isotropic for blur in blurs]) == pytest.approx(0.35, abs=0.03)
    assert 0.2 <= min(sigmas) < 0.21
    assert 2.99 < max(sigmas) <= 3.0
    assert np.mean([shot.gaussian is not None for shot in shots]) == pytest.approx(0.25, abs=0.03)
    assert {shot.quality for shot in shots} == set(range(30, 96))
    assert np.mean([shot.is_gaussian_grey for shot in shots]) == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("probability", [0, 1])
def test_probabilities_of_0_and_1_are_never_and_always(probability: int) -> None:
    camera = Camera(blur=probability, poisson=probability, gaussian=probability, jpeg=probability)
    for seed in range(200):
        shot = camera.draw(np.random.default_rng(seed))
        stages = (shot.blur, shot.poisson, shot.gaussian, shot.quality)
        assert all((stage is not None) == bool(probability) for stage in stages)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"blur_sigma": (3, 1)}, "give the smaller number first, or one alone"),
        ({"jpeg_quality": (90, 30)}, "jpeg_quality goes from 90 to 30"),
        ({"jpeg_quality": 0}, "greater than or equal to 1"),
        ({"kernel_size": 8}, "must be odd, such as 9"),
        ({"blur": 1.5}, "less than or equal to 1"),
        ({"blur_sigma": (0, 1)}, "greater than 0"),
        ({"poisson_sigma": (0, math.inf)}, "finite"),
    ],
)
def test_wrong_fields_are_refused_with_the_remedy(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Camera(**fields)


def test_one_number_is_a_range_from_it_to_itself() -> None:
    camera = Camera.model_validate({"jpeg_quality": 40, "blur_sigma": [1.5]})
    assert camera.jpeg_quality == (40, 40)
    assert camera.blur_sigma == (1.5, 1.5)
    assert camera.label == "camera:blur_sigma=1.5:jpeg_quality=40"
    assert {camera.draw(np.random.default_rng(seed)).quality for seed in range(9)} == {40}


def test_every_field_has_a_meaning() -> None:
    assert all(info.description for name, info in Camera.model_fields.items() if name != "kind")
