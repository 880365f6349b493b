"""Verified weights as tensors, and the networks they fill, as deep as they reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from esrlab.core.tensor_files import read_state
from esrlab.errors import UserError
from esrlab.models.features.base import FeatureNetwork
from esrlab.models.features.imagenet import (
    FEATURE_NETWORKS,
    FeatureNetworkName,
    build_feature_network,
    fill_weights,
    layer_names,
)
from esrlab.models.weights.finding import Found, explain_absence, find_weights, require_good


@dataclass(frozen=True)
class LoadedWeights:
    """Tensors by their keys, and the file they came from."""

    found: Found
    state: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    @property
    def label(self) -> str:
        """The weights and their file for a table or a log, with what distinguishes the file."""
        file = self.found.file
        notes = [f"to {file.covers}"] if file.covers else []
        notes += [file.note] if file.note else []
        return f"{self.found.name} ({', '.join([self.found.path.name, *notes])})"


def open_weights(name: str, *, path: Path | None = None) -> LoadedWeights:
    """Find, verify and read weights; never downloads.

    Raises UsageError for an unknown name; UserError, with the remedy, where they are absent or damaged.
    """
    found = find_weights(name, path=path)
    if found is None:
        raise UserError(explain_absence(name, path=path))
    require_good(found)
    state, metadata = read_state(found.path)
    wrong = [key for key, tensor in state.items() if not isinstance(tensor, Tensor)]
    if wrong:
        raise UserError(f"{found.path} is not a state dict: {wrong[0]} is not a tensor")
    return LoadedWeights(found, state, metadata)


def load_feature_network(
    name: FeatureNetworkName, *, layers: Sequence[str], path: Path | None = None
) -> tuple[FeatureNetwork, LoadedWeights]:
    """A network just deep enough for `layers`, filled with real weights, and where those came from.

    Raises as `build_feature_network`, `open_weights` and `require_covered` do.
    """
    network = build_feature_network(name, layers=layers)
    loaded = open_weights(name, path=path)
    require_covered(loaded, layers)
    fill_weights(network, loaded.state)
    return network, loaded


def require_covered(loaded: LoadedWeights, layers: Sequence[str]) -> None:
    """Raises UserError, naming the file, its deepest layer and the remedy, for a deeper layer."""
    name, path = loaded.found.name, loaded.found.path
    assert name in FEATURE_NETWORKS, f"{name} has no layers to name"
    network = cast(FeatureNetworkName, name)
    beyond = [layer for layer in layers if not feature_keys(network, layer) <= loaded.state.keys()]
    if not beyond:
        return
    deepest = deepest_covered(network, loaded.state)
    reach = f"{name} to {deepest}" if deepest else f"not even {name}'s first layer"
    raise UserError(
        f"{path} holds {reach}; {' and '.join(beyond)} {'is' if len(beyond) == 1 else 'are'} deeper. "
        f"Use layers up to there, or download all layers: esrlab weights get {name} --to FOLDER, "
        f"with FOLDER first in $ESRLAB_WEIGHTS"
    )


def deepest_covered(network: FeatureNetworkName, state: Mapping[str, Tensor]) -> str | None:
    """The deepest layer with weights of its own down to which no tensor is missing."""
    deepest, before = None, frozenset[str]()
    for layer in layer_names(network):
        keys = feature_keys(network, layer)
        if not keys <= state.keys():
            break
        if keys != before:
            deepest, before = layer, keys
    return deepest


def feature_keys(network: FeatureNetworkName, deepest: str) -> frozenset[str]:
    """The keys that a network down to `deepest` cannot do without."""
    return frozenset(key for key in _shape_of(network, deepest) if not key.endswith("num_batches_tracked"))


def feature_bytes(network: FeatureNetworkName) -> int:
    """How large the feature layers are in float32."""
    shapes = _shape_of(network, layer_names(network)[-1])
    return sum(4 * tensor.numel() for key, tensor in shapes.items() if not key.endswith("tracked"))


def _shape_of(network: FeatureNetworkName, deepest: str) -> dict[str, Tensor]:
    with torch.device("meta"):  # no memory is filled
        return build_feature_network(network, layers=[deepest]).state_dict()
