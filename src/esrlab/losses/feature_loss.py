"""What the losses on a frozen network's features have in common: network, layers, origin of the weights."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from pydantic import Field, ValidationInfo, field_validator, model_validator
from torch import Tensor

from esrlab.core.backend import full_precision, prepare
from esrlab.core.nearest import did_you_mean
from esrlab.errors import UserError
from esrlab.losses.inputs import FeatureWeights, Loss, LossFunction, LossInputs
from esrlab.models.features.base import FeatureNetwork
from esrlab.models.features.imagenet import (
    FeatureNetworkName,
    build_feature_network,
    layer_names,
    make_untrained,
    normalise,
)
from esrlab.models.features.sizes import smallest_side
from esrlab.models.features.students import RESIDUAL_STUDENT_LAYER, VGG_STUDENT_LAYER
from esrlab.models.students.loading import load_student
from esrlab.models.weights.loading import load_feature_network

StudentName = Literal["vgg-student", "residual-student"]
ContentNetwork = FeatureNetworkName | StudentName

STUDENT_LAYERS: dict[str, str] = {
    "vgg-student": VGG_STUDENT_LAYER,
    "residual-student": RESIDUAL_STUDENT_LAYER,
}
"""The one layer of each student."""

_FAMILIES = {"vgg": "VGG", "resnet": "ResNet", "alexnet": "AlexNet"}


class FeatureLoss(Loss):
    """A loss of sr's and hr's features: a subclass compares them, and says which layers it takes by default.

    layers: weight by layer name, also as text: "conv5_4" or "relu1_2=0.1,conv5_4=1"; VGG's convN_M is the
    layer before its activation. Weights are at least 0. Raises ValueError for a layer the network lacks.
    """

    network: ContentNetwork = Field(default="vgg19", description="network whose features are compared")
    layers: dict[str, float] = Field(
        default={"conv5_4": 1.0}, validate_default=True, description="weight of each layer, such as conv5_4=1"
    )
    weights: FeatureWeights = Field(default="real", description="origin of the network's weights")

    @model_validator(mode="before")
    @classmethod
    def _take_the_students_own(cls, fields: Any) -> Any:
        """Of a student, what is not given: the VGG's, and the one layer that it has."""
        if not isinstance(fields, dict) or fields.get("weights") != "student":
            return fields
        network = fields.get("network", "vgg-student")
        layer = STUDENT_LAYERS.get(network)
        return {**({} if layer is None else {"layers": {layer: 1.0}}), **fields, "network": network}

    @field_validator("layers", mode="before")
    @classmethod
    def _read_layers(cls, layers: Any) -> Any:
        return parse_layers(layers) if isinstance(layers, str) else layers

    @field_validator("layers")
    @classmethod
    def _check_layers(cls, layers: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        problems = [f"layer {name!r} has the negative weight {w:g}" for name, w in layers.items() if w < 0]
        if not any(layers.values()):
            problems.append("no layer has a weight above 0: give one, such as conv5_4=1")
        network: ContentNetwork | None = info.data.get("network")
        if network is not None:  # None: the network's own name is wrong, and reported by its field
            known = content_layers(network)
            problems += [_unknown_layer(network, name, known) for name in layers if name not in known]
        if problems:
            raise ValueError("; ".join(problems))
        return layers

    @model_validator(mode="after")
    def _students_are_named(self) -> Self:
        if (self.network in STUDENT_LAYERS) != (self.weights == "student"):
            raise ValueError(
                f"network {self.network!r} cannot have weights {self.weights!r}: students are "
                f"networks of their own ({' and '.join(STUDENT_LAYERS)}), with weights 'student'"
            )
        return self

    @abstractmethod
    def compare(self, sr: Mapping[str, Tensor], hr: Mapping[str, Tensor]) -> Tensor:
        """The loss as a scalar, of the features (N, C, h, w) of each of `layers`, in float32 or float64."""

    def with_weights(self, weights: FeatureWeights) -> Self:
        """The same loss on other weights; for "student" the family's student stands in.

        Raises ValueError where a student is to become a teacher again: which layer is then to be named.
        """
        if weights == self.weights:
            return self
        if self.weights == "student":
            raise ValueError(
                f"{self.network} is a student network; for {weights!r} weights give another network and its "
                "layers"
            )
        changes: dict[str, Any] = {"weights": weights}
        if weights == "student":
            student = "residual-student" if self.network.startswith("resnet") else "vgg-student"
            changes |= {"network": student, "layers": {STUDENT_LAYERS[student]: 1.0}}
        return type(self).model_validate({**self.model_dump(), **changes})

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.network,) if self.weights == "real" else ()

    @property
    def smallest_side(self) -> int:
        return max(smallest_side(self.network, layer) for layer in self.layers)

    def build(self, device: torch.device) -> "ReadyFeatureLoss":
        """Build the frozen feature network on `device`.

        Raises UserError where its weights are not to be found, or do not reach the layers asked for.
        """
        network, origin = self._build()
        return ReadyFeatureLoss(self, prepare(network.to(device)), origin, tuple(self.layers))

    def _build(self) -> tuple[FeatureNetwork, str]:
        """The network, and in words where its weights came from."""
        match self.network:
            case "vgg-student" | "residual-student":
                student = load_student(self.network)
                assert isinstance(student, FeatureNetwork)
                return student, f"{self.network}, shipped with esrlab"
            case network if self.weights == "real":
                try:
                    filled, loaded = load_feature_network(network, layers=tuple(self.layers))
                except UserError as error:
                    raise UserError(f"{error}. Or use the embedded students: --weights student") from error
                return filled, loaded.label
            case network:
                built = build_feature_network(network, layers=tuple(self.layers))
                make_untrained(built)
                return built, f"{network}, untrained"

    def name_network(self, *remarks: str) -> str:
        """The network, its layers and what else there is to remark, for a label.

        Many layers are left out where they are those that the loss takes by default.
        """
        if self.weights == "student":
            title = "VGG" if self.network == "vgg-student" else "residual"
            return f"{title} ({', '.join(filter(None, ('student', *remarks)))})"
        names = [name if weight == 1 else f"{weight:g}·{name}" for name, weight in self.layers.items()]
        if len(names) > 2 and self.layers == type(self).model_fields["layers"].default:
            names = []
        stem = self.network.rstrip("0123456789")
        origin = "" if self.weights == "real" else self.weights
        said = ", ".join(filter(None, (origin, *remarks)))
        network = f"{_FAMILIES[stem]}{self.network.removeprefix(stem)} {' + '.join(names)}".rstrip()
        return f"{network} ({said})" if said else network


@dataclass(frozen=True)
class ReadyFeatureLoss:
    """A loss of features with its network on a device: the target's once a batch and without a graph."""

    loss: FeatureLoss
    network: FeatureNetwork
    origin: str
    measured: tuple[str, ...]
    """The target's layers that are measured: the loss's own, and those of others that share the network."""

    def __call__(self, views: LossInputs) -> Tensor:
        key = ("features of hr", self.loss.network, self.loss.weights, self.measured)
        targets = views.once(key, lambda: self._measure_target(views.hr))
        features: Mapping[str, Tensor] = self.network(normalise(views.sr), tuple(self.loss.layers))
        with full_precision(views.sr.device):
            return self.loss.compare({name: _whole(each) for name, each in features.items()}, targets)

    def _measure_target(self, hr: Tensor) -> Mapping[str, Tensor]:
        with torch.no_grad():
            features: Mapping[str, Tensor] = self.network(normalise(hr), self.measured)
            return {name: _whole(feature) for name, feature in features.items()}


def _whole(features: Tensor) -> Tensor:
    """At least float32: what autocast computed in half precision is not summed in it."""
    return features if features.dtype in (torch.float32, torch.float64) else features.float()


def share_networks(functions: Sequence[LossFunction]) -> list[LossFunction]:
    """The same losses, those on one network with one copy of it, measuring the target once for all."""
    groups: dict[tuple[str, str], list[ReadyFeatureLoss]] = {}
    for function in functions:
        if isinstance(function, ReadyFeatureLoss):
            groups.setdefault((function.loss.network, function.loss.weights), []).append(function)
    shared: list[LossFunction] = []
    for function in functions:
        if isinstance(function, ReadyFeatureLoss):
            group = groups[function.loss.network, function.loss.weights]
            deepest = max(group, key=lambda ready: len(ready.network.built))
            layers = tuple(dict.fromkeys(layer for ready in group for layer in ready.loss.layers))
            shared.append(replace(function, network=deepest.network, measured=layers))
        else:
            shared.append(function)
    return shared


def content_layers(network: ContentNetwork) -> tuple[str, ...]:
    """The layers that a loss of features may read of this network."""
    match network:
        case "vgg-student" | "residual-student":
            return (STUDENT_LAYERS[network],)
        case imagenet:
            return layer_names(imagenet)


def parse_layers(text: str) -> dict[str, float]:
    """Read "conv5_4" or "relu1_2=0.1,conv5_4=1" into weights by layer; a bare name weighs 1.

    Raises ValueError for a weight that is no number and for a layer given twice.
    """
    layers: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        if name in layers:
            raise ValueError(f"layer {name!r} is given twice in {text!r}")
        try:
            layers[name] = float(weight) if "=" in part else 1.0
        except ValueError:
            raise ValueError(
                f"{part!r} in {text!r} is not LAYER or LAYER=WEIGHT, such as conv5_4=1"
            ) from None
    return layers


def _unknown_layer(network: str, name: str, known: tuple[str, ...]) -> str:
    return f"{network} has no layer {name!r}{did_you_mean(name, known)}; it has {', '.join(known)}"
