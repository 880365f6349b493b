"""Pretrained weights: found in the places of convention, fetched when asked, verified before every use."""

from esrlab.weights.catalogue import CATALOGUE, WeightFile, WeightRecord, find_record
from esrlab.weights.finding import Found, examine, explain_absence, find_weights, hub_folder, search_folders
from esrlab.weights.loading import (
    LoadedWeights,
    deepest_covered,
    load_feature_network,
    load_weights,
    open_weights,
    require_covered,
)

__all__ = [
    "CATALOGUE",
    "Found",
    "LoadedWeights",
    "WeightFile",
    "WeightRecord",
    "deepest_covered",
    "examine",
    "explain_absence",
    "find_record",
    "find_weights",
    "hub_folder",
    "load_feature_network",
    "load_weights",
    "open_weights",
    "require_covered",
    "search_folders",
]
