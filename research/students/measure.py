"""Reprints the students' table of figures from held-out photographs: `python research/students/measure.py`.

Twenty validation photographs and Set14, none of which any student or generator has seen; every kind of
distortion at random strengths; the shipped files in `src/esrlab/students`.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from distortions import Distortion, all_kinds, distort
from teachers import EfficientNetTeacher, LPIPSTeacher, VGGTeacher
from torch import Tensor, nn

from esrlab.data.image_files import read_image
from esrlab.models.features.base import FeatureNetwork
from esrlab.models.features.imagenet import build_feature_network, normalise
from esrlab.models.features.students import LPIPSStudent
from esrlab.models.students.loading import STUDENTS, load_student

ROOT = Path(__file__).parents[2]
SIDE = 128
Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Pair:
    """A held-out patch and a distorted version of it, (1, 3, SIDE, SIDE)."""

    kind: str
    sr: Tensor
    hr: Tensor


def rank(values: Sequence[float]) -> np.ndarray:
    """Ranks from 0, the mean rank for equal values."""
    array = np.asarray(values)
    _, where, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts + 1) / 2)[where]


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's rank correlation."""
    return float(np.corrcoef(rank(first), rank(second))[0, 1])


def by_kind(pairs: Sequence[Pair], first: Sequence[float], second: Sequence[float]) -> dict[str, float]:
    """Spearman within each kind of distortion."""
    found: dict[str, float] = {}
    for kind in dict.fromkeys(pair.kind for pair in pairs):
        chosen = [index for index, pair in enumerate(pairs) if pair.kind == kind]
        found[kind] = spearman([first[index] for index in chosen], [second[index] for index in chosen])
    return found


def draw_held_out(
    folders: Sequence[Path], kinds: Mapping[str, Distortion], *, each: int, seed: int
) -> list[Pair]:
    """`each` pairs of every kind, photographs in turn, every pair from a crop of its own."""
    rng = np.random.default_rng(seed)
    paths = sorted(path for folder in folders for path in folder.iterdir())
    images = [read_image(path) for path in paths]
    pairs: list[Pair] = []
    for kind in kinds:
        for index in rng.permutation(max(each, len(images)))[:each] % len(images):
            image = images[index]
            top = int(rng.integers(image.shape[2] - SIDE + 1))
            left = int(rng.integers(image.shape[3] - SIDE + 1))
            hr = image[:, :, top : top + SIDE, left : left + SIDE]
            pairs.append(Pair(kind, distort(hr, kind, rng, kinds), hr))
    return pairs


def measure_distance(features: Features, pair: Pair) -> tuple[float, Tensor]:
    """The mean squared difference of features, and its gradient at `sr`."""
    sr = pair.sr.clone().requires_grad_()
    with torch.no_grad():
        features_hr = features(pair.hr)
    distance = (features(sr) - features_hr).square().mean()
    (gradient,) = torch.autograd.grad(distance, sr)
    return distance.item(), gradient


def read_features(network: FeatureNetwork) -> Features:
    """The network's one layer, of an image in [0, 1]."""
    (layer,) = network.built

    def features(image: Tensor) -> Tensor:
        return network(normalise(image), [layer])[layer]

    return features


def judge_content(title: str, student: Features, teacher: Features, pairs: Sequence[Pair]) -> None:
    """Print one content student's figures."""
    distances: tuple[list[float], list[float]] = ([], [])
    cosines: list[float] = []
    for pair in pairs:
        ours, our_gradient = measure_distance(student, pair)
        theirs, their_gradient = measure_distance(teacher, pair)
        distances[0].append(ours)
        distances[1].append(theirs)
        flat = (our_gradient.flatten().double(), their_gradient.flatten().double())
        cosines.append(float(torch.nn.functional.cosine_similarity(*flat, dim=0, eps=1e-30)))
    kinds = by_kind(pairs, *distances)
    print(f"\n{title}: {len(pairs)} pairs of {len(kinds)} kinds")
    print(f"  Spearman of distances        {spearman(*distances):.4f}   (wanted: 0.95 or more)")
    low, high = np.percentile(cosines, (10, 90))
    print(f"  mean cosine of gradients     {np.mean(cosines):.4f}   (wanted: 0.5 or more)")
    print(f"    10% and 90% quantiles      {low:.3f}, {high:.3f}")
    print("    kind               Spearman   cosine")
    for kind, value in sorted(kinds.items(), key=lambda item: item[1]):
        mean = np.mean([cosine for cosine, pair in zip(cosines, pairs, strict=True) if pair.kind == kind])
        print(f"    {kind:18s} {value:8.3f} {mean:8.3f}")


def judge_lpips(student: nn.Module, teacher: nn.Module, pairs: Sequence[Pair], title: str) -> None:
    """Print the lpips-student's figures."""
    with torch.no_grad():
        ours = [student(pair.sr, pair.hr).item() for pair in pairs]
        theirs = [teacher(pair.sr, pair.hr).item() for pair in pairs]
    kinds = by_kind(pairs, ours, theirs)
    worst = min(kinds, key=lambda kind: kinds[kind])
    error = np.abs(np.subtract(ours, theirs))
    ratio = np.exp(np.abs(np.log(np.add(ours, 1e-4) / np.add(theirs, 1e-4))).mean())
    print(f"\n{title}: {len(pairs)} pairs of {len(kinds)} kinds")
    print(f"  Spearman overall             {spearman(ours, theirs):.4f}   (wanted: 0.95 or more)")
    print(f"  lowest Spearman of one kind  {kinds[worst]:.4f}   (wanted: 0.9 or more; {worst})")
    print(f"  mean absolute error          {error.mean():.4f}   (mean LPIPS {np.mean(theirs):.3f})")
    print(f"  typical ratio                {ratio:.3f}")
    print("    kind               Spearman   mean LPIPS≈   mean LPIPS")
    for kind, value in sorted(kinds.items(), key=lambda item: item[1]):
        chosen = [index for index, pair in enumerate(pairs) if pair.kind == kind]
        means = np.mean([ours[index] for index in chosen]), np.mean([theirs[index] for index in chosen])
        print(f"    {kind:18s} {value:8.3f} {means[0]:12.4f} {means[1]:12.4f}")


def time_networks(*, repeats: int) -> None:
    """Print the time of each network on one image, forward and with gradient, taken side by side."""
    vgg = build_feature_network("vgg19", layers=["conv5_4"])
    shallow = build_feature_network("vgg19", layers=["conv3_4"])
    alexnet = build_feature_network("alexnet", layers=["relu5"])
    judged: dict[str, Features] = {
        "VGG19 conv5_4": lambda image: vgg(normalise(image), ["conv5_4"])["conv5_4"],
        "VGG19 conv3_4": lambda image: shallow(normalise(image), ["conv3_4"])["conv3_4"],
        "AlexNet relu5": lambda image: alexnet(normalise(image), ["relu5"])["relu5"],
    }
    for record in STUDENTS:
        network = load_student(record.name)
        if isinstance(network, LPIPSStudent):
            judged[record.name] = lambda image, network=network: network.taps(image)[-1]
        elif isinstance(network, FeatureNetwork):
            judged[record.name] = read_features(network)
    image = torch.rand(1, 3, SIDE, SIDE)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in judged}
    for _ in range(repeats):
        for name, features in judged.items():
            began = time.perf_counter()
            with torch.no_grad():
                features(image)
            forward = time.perf_counter() - began
            began = time.perf_counter()
            leaf = image.clone().requires_grad_()
            torch.autograd.grad(features(leaf).square().mean(), leaf)
            times[name].append((forward, time.perf_counter() - began))
    medians = {name: np.median(taken, axis=0) for name, taken in times.items()}
    reference = medians["VGG19 conv5_4"]
    print(f"\ntime for one {SIDE}×{SIDE} image, {torch.get_num_threads()} thread(s), median of {repeats}")
    print("  network               forward   of VGG19 conv5_4   with gradient   of VGG19 conv5_4")
    for name, (forward, both) in medians.items():
        shares = f"{forward / reference[0]:16.3f}", f"{both / reference[1]:16.3f}"
        print(f"  {name:18s} {1e3 * forward:7.1f} ms {shares[0]}   {1e3 * both:10.1f} ms {shares[1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/students"), help="holds generators/")
    parser.add_argument("--efficientnet", type=Path, default=None, help="efficientnet-lite0-57934424.pth")
    parser.add_argument("--only", nargs="+", default=["vgg", "residual", "lpips", "time"])
    parser.add_argument("--each", type=int, default=12, help="pairs of each kind; for lpips 4 times as many")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    weights = options.shared / "weights"
    kinds = all_kinds(options.cache / "generators", weights / "RealESRGAN_x4plus_fp16.safetensors")
    folders = [options.shared / "photos/valid", options.shared / "benchmarks/Set14/HR"]
    if {"vgg", "residual"} & set(options.only):
        pairs = draw_held_out(folders, kinds, each=options.each, seed=1)
        for key, name in (("vgg", "vgg-student"), ("residual", "residual-student")):
            if key not in options.only:
                continue
            if key == "residual" and options.efficientnet is None:
                print("\nresidual-student: not judged, --efficientnet does not say where its teacher is")
                continue
            network = load_student(name)
            assert isinstance(network, FeatureNetwork)
            efficientnet = options.efficientnet or Path()
            teacher = VGGTeacher(weights) if key == "vgg" else EfficientNetTeacher(efficientnet)
            judge_content(name, read_features(network), teacher, pairs)
    if "lpips" in options.only:
        pairs = draw_held_out(folders, kinds, each=4 * options.each, seed=2)
        judge_lpips(load_student("lpips-student"), LPIPSTeacher(weights), pairs, "lpips-student")
    if "time" in options.only:
        time_networks(repeats=15)


if __name__ == "__main__":
    main()
