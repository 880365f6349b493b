"""Sizes, cascades, 16 bits and memory of `enlarge`, `enlarge_array` and `esrlab.upscale`."""

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

import esrlab
from esrlab.data.degradations.bicubic_sizes import bicubic_to_size
from esrlab.errors import UsageError, UserError
from esrlab.models.generator_files import save_generator
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.upscaling import memory as memory_module
from esrlab.upscaling import network_step
from esrlab.upscaling.enlarge import enlarge, enlarge_array
from esrlab.upscaling.find_model import SHIPPED, find_model
from esrlab.upscaling.memory import bytes_per_pixel, free_memory
from esrlab.upscaling.network_step import choose_overlap
from esrlab.upscaling.tile_plan import Overlap
from small_generators import compact, photo

CPU = torch.device("cpu")


class Nearest(nn.Module):
    """×2, exactly."""

    scale, receptive_field = 2, 0

    def forward(self, lr: Tensor) -> Tensor:
        return torch.nn.functional.interpolate(lr, scale_factor=2, mode="nearest")


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({}, (20, 30)),
        ({"scale": 2}, (20, 30)),
        ({"scale": 1.5}, (15, 22)),
        ({"scale": 0.5}, (5, 8)),
        ({"scale": 3.3}, (33, 50)),
        ({"size": (31, 17)}, (31, 17)),
    ],
)
def test_what_the_network_does_not_make_is_bicubics(asked: dict[str, Any], size: tuple[int, int]) -> None:
    image = photo(10, 15)
    made = enlarge(image, Nearest(), keep_colour=False, **asked)
    expected = bicubic_to_size(Nearest()(image), size).clamp(0, 1)
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-6)


def test_resizing_in_bands_is_resizing_at_once() -> None:
    image = photo(150, 20)
    for scale in (0.3, 1.4, 2.9):
        made = enlarge(image, Nearest(), keep_colour=False, scale=scale)
        whole = bicubic_to_size(Nearest()(image), (round(150 * scale), round(20 * scale))).clamp(0, 1)
        torch.testing.assert_close(made, whole, rtol=0, atol=1e-6)


def test_a_cascade_is_one_after_another_in_little_memory_too() -> None:
    first, second, image = compact(), compact(scale=3), photo(70, 40)
    with torch.inference_mode():
        whole = second(first(image).clamp(0, 1)).clamp(0, 1).clone()
    told: list[tuple[int, int]] = []
    for memory in (None, 4 * 10**6):
        told.clear()
        made = enlarge(
            image,
            [first, second],
            memory=memory,
            keep_colour=False,
            progress=lambda done, of: told.append((done, of)),
        )
        torch.testing.assert_close(made, whole, rtol=0, atol=1e-5)
        assert told[-1][0] == told[-1][1] == len(told)
    assert len(told) > 4


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_go_through_without_a_rounding(channels: int) -> None:
    levels = np.random.default_rng(0).integers(0, 65536, (9, 12, channels)).astype(np.uint16)
    levels[..., 1::2] |= channels % 2 == 0  # nothing is wholly transparent
    bands = list(enlarge_array(levels, Nearest(), keep_colour=False))
    made = np.concatenate(bands)
    assert made.dtype == np.uint16
    kept = np.array_equal(made, levels.repeat(2, axis=0).repeat(2, axis=1))
    assert kept
    fine = np.linspace(20000, 20300, 40).astype(np.uint16)[None, :, None].repeat(10, axis=0)
    assert len(np.unique(np.concatenate(list(enlarge_array(fine, compact()))))) > 100


def test_8_bit_results_are_rounded_once() -> None:
    levels = (photo(20, 30)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    image = torch.from_numpy(levels.copy()).permute(2, 0, 1)[None].float() / 255
    made = np.concatenate(list(enlarge_array(levels, compact(), scale=3)))
    exact = enlarge(image, compact(), scale=3)[0].permute(1, 2, 0).numpy() * 255
    assert made.dtype == np.uint8
    assert np.abs(made - exact).max() <= 0.5 + 1e-3


def test_a_large_result_comes_in_bands_of_a_bounded_height() -> None:
    levels = np.zeros((700, 12, 3), np.uint8)
    heights = [len(band) for band in enlarge_array(levels, compact(), scale=1.5, memory=2 * 10**6)]
    assert sum(heights) == 1050
    assert max(heights) <= 128


# memory


def test_bytes_of_a_pixel_are_those_of_the_layers_alive_at_once() -> None:
    network = compact()
    # Two feature maps of 8 floats; the last convolution's 12 channels and their shuffled and added copies
    # are fewer.
    assert 2 * 8 * 4 <= bytes_per_pixel(network, device=CPU) <= 4 * 12 * 4


def test_free_memory_is_what_the_machine_and_its_group_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 2**20 < free_memory(CPU) < 2**50
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("300\n")
    assert memory_module._left_in_group(tmp_path) == 700
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_module._left_in_group(tmp_path) is None
    monkeypatch.setattr(memory_module, "_left_in_group", lambda: 12345)
    assert free_memory(CPU) == 12345


def test_the_overlap_is_the_receptive_field_where_that_is_small() -> None:
    assert choose_overlap(compact(), None) == Overlap(margin=5)
    assert choose_overlap(nn.Identity(), None) == Overlap(margin=48, blend=16)
    assert choose_overlap(compact(), 3) == Overlap(margin=3, blend=1)
    assert choose_overlap(compact(), 20) == Overlap(margin=20)


# esrlab.upscale


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "small.safetensors"
    save_generator(compact(), file, about={})
    return file


def test_upscale_keeps_the_kind(model: Path, tmp_path: Path) -> None:
    levels = (photo(20, 24)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    made = esrlab.upscale(levels, model=model)
    assert made.shape == (40, 48, 3)
    Image.fromarray(levels).save(tmp_path / "one.png")
    for given in (Image.fromarray(levels), tmp_path / "one.png", str(tmp_path / "one.png")):
        picture = esrlab.upscale(given, 2, model=model)
        assert isinstance(picture, Image.Image)
        assert np.array_equal(np.array(picture), made)
    tensor = torch.from_numpy(levels.copy()).permute(2, 0, 1)[None].float() / 255
    both = esrlab.upscale(torch.cat([tensor, tensor.flip(3)]).double(), model=str(model))
    assert both.dtype == torch.float64
    assert both.shape == (2, 3, 40, 48)
    assert np.abs(both[0].permute(1, 2, 0).numpy() * 255 - made).max() <= 0.501
    floats = esrlab.upscale(levels / 255, model=compact())
    assert floats.dtype == np.float64
    assert np.abs(floats * 255 - made).max() <= 0.501
    grey = esrlab.upscale(levels[..., 0], size=(33, 50), model=[model, model])
    assert grey.shape == (33, 50)
    assert grey.dtype == np.uint8


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("L", "L"),
        ("LA", "LA"),
        ("RGBA", "RGBA"),
        ("P", "RGB"),
        ("1", "L"),
        ("CMYK", "RGB"),
        ("I;16", "I;16"),
    ],
)
def test_pillows_modes_stay_where_there_is_one_of_their_like(mode: str, expected: str, model: Path) -> None:
    colours = Image.fromarray((photo(12, 10)[0] * 255).byte().permute(1, 2, 0).numpy())
    grey = np.arange(120, dtype=np.uint16).reshape(12, 10) * 500
    image = Image.fromarray(grey) if mode == "I;16" else colours.convert(mode)
    made = esrlab.upscale(image, 1.5, model=model)
    assert made.mode == expected
    assert made.size == (15, 18)
    if mode == "P":
        image.info["transparency"] = 0
        assert esrlab.upscale(image, model=model).mode == "RGBA"


def test_orientation_is_applied(model: Path, tmp_path: Path) -> None:
    image = Image.fromarray((photo(12, 20)[0] * 255).byte().permute(1, 2, 0).numpy())
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    assert esrlab.upscale(tmp_path / "turned.png", model=model).size == (24, 40)


def test_what_cannot_be_upscaled_is_named(model: Path) -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    for call, said in (
        (lambda: esrlab.upscale(image, -1, model=model), "the scale is -1; it must be a number above 0"),
        (lambda: esrlab.upscale(image, 2, size=(4, 4), model=model), "either a scale or a size"),
        (lambda: esrlab.upscale(image, size=(0, 4), model=model), r"the size is \(0, 4\)"),
        (lambda: esrlab.upscale(image.astype(np.int32), model=model), "uint8, uint16 or floats.*not int32"),
        (lambda: esrlab.upscale(image[..., :0], model=model), r"array of shape \(8, 8, 0\)"),
        (lambda: esrlab.upscale(np.zeros((8, 8, 5), np.uint8), model=model), "1 to 4 channels.*not 5"),
        (lambda: esrlab.upscale(image + 7.5, model=model), "values from 7.5 to 7.5"),
        (lambda: esrlab.upscale(torch.full((1, 3, 4, 4), torch.nan), model=model), "values from nan"),
        (lambda: esrlab.upscale(torch.zeros(3, 4, 4), model=model), r"\(3, 4, 4\).*\(N, C, H, W\)"),
        (lambda: esrlab.upscale([1], model=model), "image is a list"),  # pyright: ignore
        (lambda: esrlab.upscale(image, model=nn.Identity().eval()), "Identity does not tell its scale"),
        (lambda: esrlab.upscale(image, model=[]), "there is no generator"),
        (lambda: esrlab.upscale(image, model=compact(), memory=5000), "not enough for even a small tile"),
    ):
        with pytest.raises(UserError, match=said):
            call()


def test_models_are_found_by_name_file_or_run(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_model(model) == model
    for name, said in (("splendid", "no file, run's folder or model splendid"), (tmp_path, "without a run")):
        with pytest.raises(UserError, match=f"{said}.*models that come with esrlab: .*faithful-x2"):
            find_model(name)
    monkeypatch.setitem(SHIPPED, "sharp-x2", model)
    assert find_model("sharp-x2") == find_model("sharp", scale=2) == model
    assert find_model("sharp", scale=3) == model


def test_a_file_that_fits_two_scales_is_opened_at_the_one_that_is_told(tmp_path: Path) -> None:
    network = RRDBGenerator(features=8, growth=4, blocks=1).build(scale=2)
    save_file(network.state_dict(), tmp_path / "bare.safetensors")
    image = photo(8, 8)
    told = esrlab.upscale(image, 2, model=tmp_path / "bare.safetensors", device="cpu")
    assert torch.allclose(told, esrlab.upscale(image, 2, model=network.eval()), atol=1e-5)
    for scale in (2.5, None):
        with pytest.raises(UserError, match=r"×2 .* ×3|scale=2"):
            esrlab.upscale(image, scale, model=tmp_path / "bare.safetensors", device="cpu")


def test_a_network_in_training_mode_is_refused() -> None:
    with pytest.raises(UsageError, match=r"in training mode: call its eval\(\)"):
        esrlab.upscale(photo(8, 8), model=compact().train())


def test_what_a_failed_pass_held_is_given_up_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Tensor]] = []
    network = compact()
    forward = network.forward

    def fail_once(lr: Tensor) -> Tensor:
        if not held:
            activations = torch.zeros(4)
            held.append(weakref.ref(activations))
            raise torch.OutOfMemoryError("no")
        assert held[0]() is None
        return forward(lr)

    image = photo(64, 64)
    expected = enlarge(image, network, memory=2**30)
    monkeypatch.setattr(network, "forward", fail_once)
    monkeypatch.setattr(network_step, "bytes_per_pixel", lambda network, device: 1000.0)
    assert torch.allclose(enlarge(image, network, memory=2**30), expected, atol=1e-5)
    assert len(held) == 1
