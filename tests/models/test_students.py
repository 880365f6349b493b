"""The embedded students: what is shipped loads, is what was shipped, and answers as its teacher does."""

from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.core.tensor_files import read_state
from esrlab.data.degradations.bicubic import bicubic_down, bicubic_up
from esrlab.data.image_files import find_images, read_image
from esrlab.errors import UsageError, UserError
from esrlab.models.features.base import FeatureNetwork
from esrlab.models.features.imagenet import build_feature_network, fill_weights, normalise
from esrlab.models.features.students import LPIPSStudent
from esrlab.models.students import loading as students
from esrlab.models.students.loading import STUDENTS, find_student, load_student

each_student = pytest.mark.parametrize("name", [student.name for student in STUDENTS])

GOLDEN: dict[str, tuple[float, ...]] = {
    "vgg-student": (0.145274, 0.220895, 17.8764),
    "residual-student": (0.659584, 0.692798, 45.7973),
    "lpips-student": (0.034529, 0.158544, 11.6219),
}
"""Of `draw_pair`: the distance, and its gradient's 2-norm and 1-norm at `sr`."""


def draw_pair() -> tuple[Tensor, Tensor]:
    """A synthetic image and a noisy version of it."""
    rng = np.random.default_rng(7)
    coarse = torch.from_numpy(rng.random((1, 3, 9, 9), dtype=np.float32))
    hr = functional.interpolate(coarse, size=(64, 64), mode="bilinear")
    noise = torch.from_numpy(rng.standard_normal((1, 3, 64, 64), dtype=np.float32))
    return (hr + 0.05 * noise).clamp(0, 1), hr


def read_layer(network: nn.Module, image: Tensor) -> Tensor:
    assert isinstance(network, FeatureNetwork)
    (layer,) = network.built
    return network(normalise(image), [layer])[layer]


def compare(network: nn.Module, sr: Tensor, hr: Tensor) -> Tensor:
    """The student's distance of a pair."""
    if isinstance(network, LPIPSStudent):
        return network(sr, hr).mean()
    return (read_layer(network, sr) - read_layer(network, hr)).square().mean()


@each_student
def test_shipped_file_is_small_and_has_a_card(name: str) -> None:
    folder = resources.files("esrlab.models.students")
    file = find_student(name).file
    assert len((folder / file).read_bytes()) <= 1.5e6
    card = (folder / file.replace(".safetensors", ".md")).read_text(encoding="utf-8")
    for told in ("Teacher", "Data", "Method", "Figures", "Licence"):
        assert f"## {told}" in card


@each_student
def test_student_is_frozen_float32_and_stays_in_eval_mode(name: str) -> None:
    network = load_student(name).train()
    assert not any(module.training for module in network.modules())
    for parameter in network.parameters():
        assert parameter.dtype == torch.float32
        assert not parameter.requires_grad


@each_student
def test_loading_leaves_the_random_state(name: str) -> None:
    before = torch.get_rng_state()
    load_student(name)
    assert torch.equal(torch.get_rng_state(), before)


@each_student
def test_answers_are_golden(name: str) -> None:
    network = load_student(name)
    sr, hr = draw_pair()
    leaf = sr.clone().requires_grad_()
    distance = compare(network, leaf, hr)
    (gradient,) = torch.autograd.grad(distance, leaf)
    measured = (distance.item(), gradient.norm().item(), gradient.abs().sum().item())
    assert measured == pytest.approx(GOLDEN[name], rel=2e-3, abs=1e-6)


@each_student
def test_image_is_at_no_distance_from_itself(name: str) -> None:
    sr, _ = draw_pair()
    assert compare(load_student(name), sr, sr).item() == 0.0


def test_content_students_layers_have_the_teachers_shape() -> None:
    sr, _ = draw_pair()
    assert read_layer(load_student("vgg-student"), sr).shape == (1, 256, 16, 16)
    assert read_layer(load_student("residual-student"), sr).shape == (1, 40, 8, 8)


def test_unknown_layer_is_named() -> None:
    network = load_student("vgg-student")
    with pytest.raises(UsageError, match="conv3_4"):
        network(torch.zeros(1, 3, 32, 32), ["conv5_4"])


def test_lpips_student_compares_each_pair_of_a_batch() -> None:
    network = load_student("lpips-student")
    sr, hr = draw_pair()
    distances = network(torch.cat((sr, hr)), torch.cat((hr, hr)))
    assert distances.shape == (2,)
    assert distances[0].item() == pytest.approx(network(sr, hr).item(), rel=1e-5)
    assert distances[1].item() == 0.0
    flat = torch.full((1, 3, 64, 64), 0.5, requires_grad=True)
    network(flat, flat.detach()).sum().backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def test_lpips_student_refuses_what_it_cannot_compare() -> None:
    network = load_student("lpips-student")
    with pytest.raises(ValueError, match="31×31"):
        network(torch.zeros(1, 3, 30, 64), torch.zeros(1, 3, 30, 64))
    with pytest.raises(ValueError, match="of one shape"):
        network(torch.zeros(1, 3, 64, 64), torch.zeros(2, 3, 64, 64))


def test_unknown_student_is_named() -> None:
    with pytest.raises(UsageError, match="lpips-student"):
        load_student("resnet-student")


def test_file_that_was_not_shipped_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tuple(students.Student(**{**vars(student), "sha256": "0" * 64}) for student in STUDENTS)
    monkeypatch.setattr(students, "STUDENTS", changed)
    with pytest.raises(UserError, match="reinstall"):
        load_student("vgg-student")


def rank(values: Sequence[float]) -> np.ndarray:
    return np.argsort(np.argsort(values))


def distort_mildly(hr: Tensor, rng: np.random.Generator) -> list[Tensor]:
    """Noise, a coarser image and a darker one, at random strengths."""
    strength = rng.uniform(0.2, 1.0)
    coarse = bicubic_up(bicubic_down(hr, 4), 4)
    noise = torch.from_numpy(rng.standard_normal(hr.shape, dtype=np.float32))
    return [hr + 0.2 * strength**2 * noise, hr.lerp(coarse, strength), hr * (1 - 0.6 * strength)]


def measure_agreement(
    shared: Path, student: Callable[[Tensor, Tensor], Tensor], teacher: Callable[[Tensor, Tensor], Tensor]
) -> float:
    """Spearman between the two distances over 36 pairs of held-out patches."""
    rng = np.random.default_rng(3)
    distances: list[tuple[float, float]] = []
    for path in find_images(shared / "photos/valid")[:12]:
        hr = read_image(path)[:, :, 100:196, 100:196]
        for distorted in distort_mildly(hr, rng):
            sr = distorted.clamp(0, 1)
            distances.append((student(sr, hr).item(), teacher(sr, hr).item()))
    ours, theirs = zip(*distances, strict=True)
    return float(np.corrcoef(rank(ours), rank(theirs))[0, 1])


@pytest.mark.shared
def test_vgg_student_ranks_as_vgg_does(shared: Path) -> None:
    vgg = build_feature_network("vgg19", layers=["conv3_4"])
    fill_weights(vgg, read_state(shared / "weights/vgg19_features_to_conv3_4.safetensors")[0])
    network = load_student("vgg-student")

    def teach(sr: Tensor, hr: Tensor) -> Tensor:
        found = [vgg(normalise(image), ["conv3_4"])["conv3_4"] for image in (sr, hr)]
        return (found[0] - found[1]).square().mean()

    assert measure_agreement(shared, lambda sr, hr: compare(network, sr, hr), teach) > 0.95


@pytest.mark.shared
def test_lpips_student_ranks_as_lpips_does(shared: Path) -> None:
    alexnet = build_feature_network("alexnet", layers=["relu5"])
    fill_weights(alexnet, read_state(shared / "weights/alexnet_features.safetensors")[0])
    heads, _ = read_state(shared / "weights/lpips_alex_linear_v0.1.safetensors")
    shift, scale = (torch.tensor(v).view(3, 1, 1) for v in ((-0.03, -0.088, -0.188), (0.458, 0.448, 0.45)))
    layers = [f"relu{index}" for index in range(1, 6)]

    def teach(sr: Tensor, hr: Tensor) -> Tensor:
        found = [alexnet((2 * image - 1 - shift) / scale, layers) for image in (sr, hr)]
        units = [[functional.normalize(taps[layer], dim=1, eps=1e-10) for layer in layers] for taps in found]
        differences = [(one - other).square() for one, other in zip(*units, strict=True)]
        parts = [
            functional.conv2d(difference, heads[key].float()).mean()
            for key, difference in zip(sorted(heads), differences, strict=True)
        ]
        return torch.stack(parts).sum()

    network = load_student("lpips-student")
    assert measure_agreement(shared, lambda sr, hr: compare(network, sr, hr), teach) > 0.95
