"""Signs of collapse, read from a run's own log lines."""

from collections.abc import Sequence
from typing import Any

WINDOW = 200
"""Log lines that the signs are read from."""


def find_signs(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The signs of collapse in a run's last WINDOW lines: what was measured, in words, by the sign's name."""
    return {}
