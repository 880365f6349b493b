"""The maps that a study's folder keeps: each about.json found and read; the pictures stay on the disk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from esrlab.core.files import find_inside
from esrlab.core.scores import Score
from esrlab.core.text_files import Count, Number, read_json
from esrlab.report.page.pictures import BYTES_A_PIXEL

MOST_PIXELS = 10**5
"""A side of a region at most."""

BYTES_A_MAP_PIXEL = 0.8 * 4 / 3
"""Of a map in `pictures.LEVELS` colours, encoded without loss and then as text."""

UNREADABLE = (OSError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError)
"""What reading files of any origin may raise, a picture's included."""


@dataclass(frozen=True)
class KeptMap:
    """One about.json with maps: of which picture, its region as (top, left, height, width), its terms.

    patch: pixels a side of the patches that were taken; terms: name, share and cosine of each.
    """

    place: Path
    recipe: str
    scale: int
    image: str
    seed: int
    step: int
    box: tuple[int, int, int, int]
    patch: int
    terms: tuple[tuple[str, float, float], ...]

    def factor(self, side: int) -> int:
        """How many times smaller it is shown, so that no side is longer."""
        return -(-max(self.box[2:]) // side)

    def weigh(self, side: int) -> float:
        """Bytes that it takes, about, with no side longer."""
        pixels = self.box[2] * self.box[3] / self.factor(side) ** 2
        return pixels * (BYTES_A_PIXEL + BYTES_A_MAP_PIXEL * len(self.terms))


def find_maps(study: Path, scores: Sequence[Score]) -> Iterator[tuple[int, str, str, Path]]:
    """Every about.json with scale, recipe and image; whole images first, so that each has all recipes."""
    recipes = dict.fromkeys(score.recipe for score in scores if score.seed is not None)
    for image in dict.fromkeys(score.image for score in scores):
        for scale in sorted({score.scale for score in scores}):
            for recipe in recipes:
                path = find_inside(study, "pulls", f"x{scale}", recipe, image, "about.json")
                if path is not None:
                    yield scale, recipe, image, path


@dataclass(frozen=True)
class _Region:
    top: Annotated[Count, Field(ge=0)]
    left: Annotated[Count, Field(ge=0)]
    height: Annotated[Count, Field(ge=1, le=MOST_PIXELS)]
    width: Annotated[Count, Field(ge=1, le=MOST_PIXELS)]
    patch: Annotated[Count, Field(ge=1)]


@dataclass(frozen=True)
class _Term:
    name: str
    share: Number
    cosine: Number


@dataclass(frozen=True)
class _About:
    seed: Count
    step: Count
    region: _Region
    terms: list[_Term]


@dataclass(frozen=True)
class _Absence:
    absent: str | None = None


_ABOUT, _ABSENT = TypeAdapter(_About), TypeAdapter(_Absence)


def read_map(path: Path, *, recipe: str, scale: int, image: str) -> KeptMap:
    """What an about.json says; ValueError with its reason where there is no map, others where it is none."""
    about = read_json(path, _ABSENT)
    if about.absent is not None:
        raise ValueError(about.absent)
    about = read_json(path, _ABOUT)
    box = about.region
    terms = [(term.name, term.share, term.cosine) for term in about.terms]
    if any("/" in name or "\\" in name for name, _, _ in terms):
        raise ValueError("a term's name is not a valid file name")
    return KeptMap(
        place=path.parent,
        recipe=recipe,
        scale=scale,
        image=image,
        seed=about.seed,
        step=about.step,
        box=(box.top, box.left, box.height, box.width),
        patch=box.patch,
        terms=tuple(terms),
    )
