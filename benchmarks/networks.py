"""What each feature network costs per 128×128 image, beside VGG19 to conv5_4.

    python benchmarks/networks.py [--threads 2] [--rounds 7]

Each round times every network once, in turn, forward and with the gradient at the image; printed are medians
in milliseconds an image and the median of the ratios to VGG19's in the same round, so that a machine whose
speed drifts does not favour one of them. Weights play no part in the cost; all are untrained or shipped.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from esrlab.models.features.imagenet import FeatureNetworkName, build_feature_network, normalise
from esrlab.models.features.lpips import LPIPSNetwork
from esrlab.models.students.loading import load_student

BATCH = 4
SIDE = 128
YARDSTICK = "vgg19 conv5_4"
LAYERS: tuple[tuple[FeatureNetworkName, str], ...] = (
    ("vgg19", "conv5_4"),
    ("vgg19", "conv3_4"),
    ("vgg16", "conv5_3"),
    ("resnet18", "layer3"),
    ("resnet34", "layer3"),
    ("resnet50", "layer3"),
    ("resnet101", "layer3"),
    ("alexnet", "relu5"),
)

Measure = Callable[[Tensor], Tensor]


def list_networks() -> dict[str, Measure]:
    """Every network as a function of an image batch in [0, 1] that gives a scalar."""
    measures: dict[str, Measure] = {}
    for name, layer in LAYERS:
        network = build_feature_network(name, layers=(layer,))
        measures[f"{name} {layer}"] = _of_features(network, layer)
    measures["vgg-student"] = _of_features(load_student("vgg-student"), "conv3_4")
    measures["residual-student"] = _of_features(load_student("residual-student"), "block4")
    other = torch.rand(BATCH, 3, SIDE, SIDE)
    for title, network in (
        ("LPIPS (pair)", LPIPSNetwork()),
        ("lpips-student (pair)", load_student("lpips-student")),
    ):
        measures[title] = _of_pairs(network, other)
    return measures


def _of_features(network: nn.Module, layer: str) -> Measure:
    return lambda image: network(normalise(image), (layer,))[layer].square().mean()


def _of_pairs(network: nn.Module, other: Tensor) -> Measure:
    return lambda image: network(image, other).mean()


def time_once(measure: Measure, *, with_gradient: bool) -> float:
    """Milliseconds an image."""
    image = torch.rand(BATCH, 3, SIDE, SIDE, requires_grad=with_gradient)
    began = time.perf_counter()
    with torch.set_grad_enabled(with_gradient):
        value = measure(image)
        if with_gradient:
            torch.autograd.grad(value, image)
    return (time.perf_counter() - began) * 1000 / BATCH


def main() -> None:
    """Times and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    networks = list_networks()
    times: dict[tuple[str, bool], list[float]] = {
        (name, grad): [] for name in networks for grad in (False, True)
    }
    for _ in range(options.rounds + 1):
        for (name, with_gradient), found in times.items():
            found.append(time_once(networks[name], with_gradient=with_gradient))
    print(f"{BATCH} images of {SIDE}×{SIDE}, {options.threads} threads, torch {torch.__version__}, median of")
    print(f"{options.rounds} rounds after one to warm up; ratios to {YARDSTICK} in the same round\n")
    print(f"{'network':<22}{'forward':>12}{'ratio':>8}{'+ gradient':>14}{'ratio':>8}")
    for name in networks:
        cells = ""
        for with_gradient, width in ((False, 9), (True, 11)):
            own, base = times[name, with_gradient][1:], times[YARDSTICK, with_gradient][1:]
            ratio = statistics.median(one / other for one, other in zip(own, base, strict=True))
            cells += f"{statistics.median(own):>{width}.1f} ms{ratio:>8.3f}"
        print(f"{name:<22}{cells}")


if __name__ == "__main__":
    main()
