"""Nested records as the flat ones that trackers take."""

import math
from typing import Any

NOT_FINITE = "not_finite"
"""The curve of how many of a step's numbers were nan or infinite; those are left out of their own curves."""


def flatten(row: dict[str, Any]) -> dict[str, float]:
    """A row's finite numbers by their paths: {"pull/content/share": 0.8, …}; `step` itself is left out.

    Names keep to what every tracker takes: "LPIPS≈" is "LPIPS-student".
    """
    flat: dict[str, float] = {}
    unsound = 0
    for path, value in _walk(row, joint="/"):
        if isinstance(value, bool) or not isinstance(value, int | float) or path == "step":
            continue
        if math.isfinite(value):
            flat[path.replace("≈", "-student")] = value
        else:
            unsound += 1
    return flat | ({NOT_FINITE: unsound} if unsound else {})


def flatten_config(config: dict[str, Any]) -> dict[str, str | int | float | bool]:
    """A configuration's values by their dotted paths; what is neither number nor text as text."""
    flat: dict[str, str | int | float | bool] = {}
    for path, value in _walk(config, joint="."):
        flat[path] = value if isinstance(value, str | int | float | bool) else str(value)
    return flat


def _walk(record: dict[str, Any], *, joint: str, path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in record.items():
        place = f"{path}{joint}{key}" if path else str(key)
        found += _walk(value, joint=joint, path=place) if isinstance(value, dict) else [(place, value)]
    return found
