"""Content loss: the distance between sr and hr in the features of a frozen classification network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.losses.views import Loss, Views
from esrlab.networks.imagenet import (
    FeatureNetworkName,
    build_feature_network,
    layer_names,
    make_untrained,
    normalise,
)

FeatureWeights = Literal["real", "student", "untrained"]

DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mse": F.mse_loss, "l1": F.l1_loss}


class Content(Loss):
    """Weighted sum over layers of the mean squared (or absolute) feature difference. Paper, eq. 7 and 8.

    Mean over the batch, the positions *and the channels* of a layer: eq. 7 divides by W_ij·H_ij alone,
    so it is larger by the number of channels (512 at conv5_4), while ESRGAN's code averages as here.
    ESRGAN's code takes `criterion` "l1" where the paper has "mse". Range [0, ∞), 0 where sr = hr.

    layers: weight by layer name, also as text: "conv5_4" or "relu1_2=0.1,conv5_4=1"; VGG's convN_M is the
    layer before its activation. Weights are at least 0. Raises ValueError for a layer the network lacks.
    """

    kind: Literal["content"] = "content"
    network: FeatureNetworkName = "vgg19"
    layers: dict[str, float] = Field(default={"conv5_4": 1.0}, validate_default=True)
    criterion: Literal["mse", "l1"] = "mse"
    weights: FeatureWeights = "untrained"

    @field_validator("layers", mode="before")
    @classmethod
    def _read_layers(cls, layers: Any) -> Any:
        return parse_layers(layers) if isinstance(layers, str) else layers

    @field_validator("layers")
    @classmethod
    def _check_layers(cls, layers: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        problems = [f"layer {name!r} has the negative weight {w:g}" for name, w in layers.items() if w < 0]
        if not any(layers.values()):
            problems.append("no layer has a weight above 0: name one, such as conv5_4=1")
        network: FeatureNetworkName | None = info.data.get("network")
        if network is not None:  # None: the network's own name is wrong, and reported by its field
            known = layer_names(network)
            problems += [_unknown_layer(network, name, known) for name in layers if name not in known]
        if problems:
            raise ValueError("; ".join(problems))
        return layers

    @field_validator("weights")
    @classmethod
    def _check_weights(cls, weights: FeatureWeights) -> FeatureWeights:
        if weights != "untrained":
            raise ValueError(
                f"feature networks with weights {weights!r} are not there yet in this version of esrlab; "
                "take weights 'untrained' (--weights untrained)"
            )
        return weights

    def ready(self, device: torch.device) -> "ReadyContent":
        """Build the frozen feature network on `device`."""
        network = build_feature_network(self.network, layers=tuple(self.layers))
        make_untrained(network)
        return ReadyContent(self, network.to(device))

    @property
    def label(self) -> str:
        names = [name if weight == 1 else f"{weight:g}·{name}" for name, weight in self.layers.items()]
        family = {"vgg": "VGG", "resnet": "ResNet", "alexnet": "AlexNet"}
        stem = self.network.rstrip("0123456789")
        criterion = "" if self.criterion == "mse" else f", {self.criterion.upper()}"
        network = family[stem] + self.network.removeprefix(stem)
        return f"{network} {' + '.join(names)} ({self.weights}{criterion})"


@dataclass(frozen=True)
class ReadyContent:
    """A content loss with its network on a device: the target's features once a batch and without a graph."""

    loss: Content
    network: nn.Module

    def __call__(self, views: Views) -> Tensor:
        layers = tuple(self.loss.layers)
        key = ("features of hr", self.loss.network, self.loss.weights, layers)
        targets = views.once(key, lambda: self._measure_target(views.hr))
        features: Mapping[str, Tensor] = self.network(normalise(views.sr), layers)
        distance = DISTANCES[self.loss.criterion]
        terms = [w * distance(features[name], targets[name]) for name, w in self.loss.layers.items()]
        return torch.stack(terms).sum()

    def _measure_target(self, hr: Tensor) -> Mapping[str, Tensor]:
        with torch.no_grad():
            return self.network(normalise(hr), tuple(self.loss.layers))


def parse_layers(text: str) -> dict[str, float]:
    """Read "conv5_4" or "relu1_2=0.1,conv5_4=1" into weights by layer; a bare name weighs 1.

    Raises ValueError for a weight that is no number and for a layer named twice.
    """
    layers: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        if name in layers:
            raise ValueError(f"layer {name!r} is named twice in {text!r}")
        try:
            layers[name] = float(weight) if "=" in part else 1.0
        except ValueError:
            raise ValueError(
                f"{part!r} in {text!r} is not LAYER or LAYER=WEIGHT, such as conv5_4=1"
            ) from None
    return layers


def _unknown_layer(network: str, name: str, known: tuple[str, ...]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0)
    return f"{network} has no layer {name!r}; did you mean {nearest[0]!r}? It has: {', '.join(known)}"
