"""High-resolution images as a degradation knows them: by name, where they are, and what is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class HrImages:
    """The high-resolution images whose LR is wanted.

    names: without endings. folder: where they are; None where they are in no folder of their own.
    sizes: (height, width) in pixels by name, where known. corners: of those that are crops, the row and
    column of the whole image at which they begin; sizes are the whole image's there too.
    """

    names: tuple[str, ...] = ()
    folder: Path | None = None
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    corners: Mapping[str, tuple[int, int]] = field(default_factory=dict)


NO_IMAGES = HrImages()
"""For what looks at no image but those that it is given."""


def stem_of(name: str) -> str:
    """An image's name without its ending; folders before it stay."""
    folder, slash, own = name.rpartition("/")
    return f"{folder}{slash}{Path(own).stem}"
