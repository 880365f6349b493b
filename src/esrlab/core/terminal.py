"""Text from outside on a terminal: shown, never obeyed."""

import re

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but for tab and line feed, and those that turn the direction of what follows."""


def show_controls(text: str) -> str:
    """The text with each character that a terminal would obey replaced by U+FFFD."""
    return _CONTROLS.sub("\ufffd", text)
