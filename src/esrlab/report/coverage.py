"""Whether means are of the same images: which are of fewer, and which images all methods have scores for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from esrlab.core.metrics import BUILT_IN, KnownMetrics
from esrlab.core.scores import Score

FEWER = "¶"
"""The mark of a row whose means are of fewer images than others of its benchmark and scale."""


class Place(NamedTuple):
    """Where a method's means stand."""

    benchmark: str
    scale: int
    recipe: str


@dataclass(frozen=True)
class Fewer:
    """Of how many images a method's means are, at least, and how many others have at this place."""

    images: int
    of: int

    def __str__(self) -> str:
        return f"{self.images} of {self.of} images"


def find_fewer(scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> dict[Place, Fewer]:
    """The methods with a mean of fewer images than have that metric at their benchmark and scale.

    Counted in each seed and known metric apart: one seed that lacks an image is enough.
    """
    found: dict[Place, Fewer] = {}
    for (benchmark, scale, _), columns in _gather(scores, known).items():
        every = len(set().union(*columns.values()))
        for (recipe, _), own in columns.items():
            place = Place(benchmark, scale, recipe)
            if len(own) < every and (place not in found or len(own) < found[place].images):
                found[place] = Fewer(len(own), every)
    return found


def keep_comparable(scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> list[Score]:
    """The rows without those of methods whose means are of fewer images, where these are."""
    fewer = find_fewer(scores, known=known)
    return [score for score in scores if _place(score) not in fewer]


def count_common(scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> tuple[int, int]:
    """On how many images all methods of a scale have scores in all seeds, at every scale; how many there are.

    Of several metrics the one counts that most images have from all.
    """
    common: dict[tuple[str, int], set[str]] = defaultdict(set)
    for (benchmark, scale, _), columns in _gather(scores, known).items():
        common[benchmark, scale] = max(common[benchmark, scale], set.intersection(*columns.values()), key=len)
    places = {(place.benchmark, place.scale, score.image) for score in scores for place in [_place(score)]}
    lacking = {image for benchmark, scale, image in places if image not in common[benchmark, scale]}
    images = len({score.image for score in scores})
    return images - len(lacking), images


def name_fewer(shown: Mapping[Place, str], fewer: Mapping[Place, Fewer]) -> str:
    """The rows of fewer images in words, with what `shown` calls them; empty where there are none."""
    return ", ".join(
        f"{name} ×{place.scale} ({fewer[place]})" for place, name in shown.items() if place in fewer
    )


def _place(score: Score) -> Place:
    return Place(score.image.split("/", 1)[0], score.scale, score.recipe)


_Columns = dict[tuple[str, int | None], set[str]]
"""Images by recipe and seed."""


def _gather(scores: Sequence[Score], known: KnownMetrics) -> dict[tuple[str, int, str], _Columns]:
    """Which images have scores, by benchmark, scale and known metric."""
    found: dict[tuple[str, int, str], _Columns] = defaultdict(lambda: defaultdict(set))
    for score in scores:
        if known.find(score.metric) is not None:
            place = _place(score)
            found[place.benchmark, place.scale, score.metric][score.recipe, score.seed].add(score.image)
    return found
