"""LPIPS against its golden values, on real weights where they are at hand."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from esrlab.data.image_files import read_image, to_tensor
from esrlab.errors import UserError
from esrlab.evaluation.metrics.lpips import LPIPSMeter
from esrlab.models.features.lpips import LPIPS_FORMS, LPIPSNetwork


@pytest.fixture(scope="module")
def real(shared: Path) -> LPIPSNetwork:
    network = LPIPSNetwork()
    network.fill(
        features=load_file(shared / "weights" / "alexnet_features.safetensors"),
        heads=load_file(shared / "weights" / "lpips_alex_linear_v0.1.safetensors"),
    )
    return network


@pytest.fixture
def made_up() -> LPIPSNetwork:
    network = LPIPSNetwork()
    heads = {
        f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1)
        for i, width in enumerate(LPIPS_FORMS["alex"].widths)
    }
    network.fill(features=network.backbone.state_dict(), heads=heads)
    return network


def test_golden_values_on_set5(shared: Path, real: LPIPSNetwork) -> None:
    import numpy as np

    golden = json.loads((shared / "golden" / "lpips_set5.json").read_text())["lpips_alex_v0.1"]
    assert len(golden) == 5
    meter = LPIPSMeter(real)
    for name, expected in golden.items():
        picture = Image.open(shared / "benchmarks" / "Set5" / "HR" / f"{name}.png").convert("RGB")
        width, height = (side - side % 4 for side in picture.size)
        hr = picture.crop((0, 0, width, height))
        small = hr.resize((width // 4, height // 4), Image.Resampling.BICUBIC)
        sr = small.resize((width, height), Image.Resampling.BICUBIC)
        value = meter(to_tensor(np.array(sr)), to_tensor(np.array(hr)))
        assert float(value) == pytest.approx(expected, abs=1e-5)


def test_the_formula_written_out(made_up: LPIPSNetwork) -> None:
    sr, hr = torch.rand(2, 3, 40, 50), torch.rand(2, 3, 40, 50)
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])

    def activations(image: torch.Tensor) -> list[torch.Tensor]:
        features = (image * 2 - 1 - shift[:, None, None]) / scale[:, None, None]
        found: list[torch.Tensor] = []
        for layer in made_up.backbone.features:  # pyright: ignore[reportGeneralTypeIssues]
            features = layer(features)
            if isinstance(layer, torch.nn.ReLU):
                found.append(features / features.square().sum(1, keepdim=True).sqrt().add(1e-10))
        return found

    expected = torch.zeros(2)
    for head, one, other in zip(made_up.heads, activations(sr), activations(hr), strict=True):
        expected += ((one - other) ** 2 * head).sum(1).mean((-1, -2))
    torch.testing.assert_close(made_up(sr, hr), expected)
    torch.testing.assert_close(LPIPSMeter(made_up)(sr, hr), expected)


def test_equal_images_have_no_distance_and_the_order_does_not_matter(made_up: LPIPSNetwork) -> None:
    one, other = torch.rand(1, 3, 33, 35), torch.rand(1, 3, 33, 35)
    meter = LPIPSMeter(made_up)
    assert float(meter(one, one)) == 0
    assert float(meter(one, other)) == pytest.approx(float(meter(other, one)), rel=1e-6)


def test_the_true_images_activations_are_computed_once(made_up: LPIPSNetwork) -> None:
    calls: list[int] = []
    made_up.backbone.register_forward_hook(lambda *_: calls.append(1))
    meter = LPIPSMeter(made_up)
    hr = torch.rand(1, 3, 40, 40)
    values = [float(meter(torch.rand(1, 3, 40, 40), hr.clone())) for _ in range(3)]
    assert len(calls) == 4
    assert len(set(values)) == 3
    small = LPIPSMeter(made_up, cache_bytes=1)
    for index in (0, 1, 0):
        small(hr, hr * 0 + index)
    assert len(calls) == 4 + 6, "a small cache forgets, and only that"


def test_wrong_ranges_and_sizes_are_refused(made_up: LPIPSNetwork) -> None:
    meter = LPIPSMeter(made_up)
    hr = torch.rand(1, 3, 40, 40)
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        meter(hr * 2 - 1, hr)
    with pytest.raises(ValueError, match="31×31"):
        meter(hr[..., :30], hr[..., :30])
    with pytest.raises(UserError, match=r"lin0\.model\.1\.weight"):
        made_up.fill(features=made_up.backbone.state_dict(), heads={})


def test_gradients_reach_the_image_and_are_finite_on_flat_ones(made_up: LPIPSNetwork) -> None:
    sr = torch.full((1, 3, 48, 48), 0.5, requires_grad=True)
    (gradient,) = torch.autograd.grad(made_up(sr, torch.rand(1, 3, 48, 48)).sum(), sr)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0
    assert not any(parameter.requires_grad for parameter in made_up.parameters())


def test_bicubic_on_set5_has_the_published_distance(shared: Path, real: LPIPSNetwork) -> None:
    from esrlab.data.degradations.bicubic import bicubic_up, crop_to_multiple, make_lr, round_to_8bit

    meter = LPIPSMeter(real)
    values: list[float] = []
    for path in sorted((shared / "benchmarks" / "Set5" / "HR").glob("*.png")):
        hr = crop_to_multiple(read_image(path), 4)
        values.append(float(meter(round_to_8bit(bicubic_up(make_lr(hr, 4), 4)), hr)))
    assert sum(values) / len(values) == pytest.approx(0.341, abs=0.005)
