"""Where each term pulls: the maps that a study's folder keeps of a few pictures, beside these.

No torch: `pulls/` holds grey pictures and an about.json for each (`mapfiles` says what is in it).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from esrlab.core.files import find_inside
from esrlab.core.scores import Score
from esrlab.report.page.kept_maps import UNREADABLE, KeptMap, find_maps, read_map
from esrlab.report.page.pictures import colour, encode_picture, read_picture, shrink
from esrlab.report.page.steering import show_share, show_signed

BUDGET = 2_500_000
"""Bytes of the page that maps and their pictures may take."""

SIDES = (256, 192, 128, 96, 64)
"""The most pixels a side that maps have on the page: the first of these with which all find room."""


@dataclass(frozen=True)
class TermMap:
    """One term's map, and what its caption says of its pull there."""

    name: str
    picture: str
    words: str
    told: tuple[str, ...]


@dataclass(frozen=True)
class MapRow:
    """One recipe's picture, empty where there is none, and the maps of its terms."""

    recipe: str
    told: str
    picture: str
    words: str
    maps: tuple[TermMap, ...]


@dataclass(frozen=True)
class MapCard:
    """One region of one image: as it should be, and through the recipes."""

    image: str
    region: str
    truth: str
    words: str
    rows: tuple[MapRow, ...]


@dataclass(frozen=True)
class MapScale:
    """The cards of one magnification."""

    scale: int
    cards: tuple[MapCard, ...]


@dataclass(frozen=True)
class Maps:
    """All that are shown; `ramp`: the palette from nothing to the strongest pull.

    absent: what has no map, and why; left_out: of how many pictures the maps found no room; size: characters
    that all pictures take.
    """

    scales: tuple[MapScale, ...]
    ramp: str
    absent: tuple[str, ...]
    left_out: int
    size: int


def build_maps(study: Path, scores: Sequence[Score]) -> Maps | None:
    """The maps that the folder has for the scores' recipes and images; None where there is nothing to tell.

    They are as large as BUDGET allows; those that find no room at the smallest size are counted.
    """
    found: list[KeptMap] = []
    absent: list[str] = []
    for scale, recipe, image, about in find_maps(study, scores):
        try:
            found.append(read_map(about, recipe=recipe, scale=scale, image=image))
        except UNREADABLE as reason:
            absent.append(f"{recipe} ×{scale}, {image}: {reason}")
    if not found and not absent:
        return None
    side = next((side for side in SIDES if sum(each.weigh(side) for each in found) <= BUDGET), SIDES[-1])
    endings = {(score.recipe, score.scale, score.seed): score.outcome for score in scores}
    wall = _Wall(study, side)
    left_out = 0
    for each in found:
        if wall.taken > BUDGET:
            left_out += 1
            continue
        try:
            wall.hang(each, ending=endings.get((each.recipe, each.scale, each.seed), ""))
        except UNREADABLE as reason:
            absent.append(f"{each.recipe} ×{each.scale}, {each.image}: {reason}")
    return Maps(wall.scales(), _draw_ramp(), tuple(absent), left_out, wall.taken)


_Place = tuple[int, str, tuple[int, ...], int]


@dataclass
class _Wall:
    """Rows under their region, by scale, image, box and patch; `taken`: characters of their pictures."""

    study: Path
    side: int
    rows: dict[_Place, list[MapRow]] = field(default_factory=dict)
    truths: dict[_Place, str] = field(default_factory=dict)
    taken: int = 0

    def hang(self, found: KeptMap, *, ending: str) -> None:
        """Reads and encodes the maps of one picture, and the picture; raises one of UNREADABLE."""
        maps = tuple(self._draw(found, *term) for term in found.terms)
        picture = self._cut(found, found.recipe)
        place = (found.scale, found.image, found.box, found.patch)
        if place not in self.rows:
            self.rows[place] = []
            self.truths[place] = self._cut(found, "hr")
            self.taken += len(self.truths[place])
        told = f"seed {found.seed}, after step {found.step:,}{ending and ', '}{ending}"
        words = f"{found.image} at ×{found.scale}: the mapped region as {found.recipe} makes it"
        self.rows[place].append(MapRow(found.recipe, told, picture, words, maps))
        self.taken += len(picture) + sum(len(one.picture) for one in maps)

    def scales(self) -> tuple[MapScale, ...]:
        """All cards, the smallest magnification's first."""
        cards: dict[int, list[MapCard]] = {scale: [] for scale in sorted({place[0] for place in self.rows})}
        for place, rows in self.rows.items():
            scale, image, (top, left, height, width), patch = place
            across, down = width // patch, height // patch
            smaller = -(-max(height, width) // self.side)
            region = (
                f"{width}×{height} pixels from column {left} and row {top}, "
                f"in {across}×{down} patches of {patch}"
            ) + (f"; shown {smaller} times smaller" if smaller > 1 else "")
            truth = f"{image}: the mapped region of HR"
            cards[scale].append(MapCard(image, region, self.truths[place], truth, _align(rows)))
        return tuple(MapScale(scale, tuple(each)) for scale, each in cards.items())

    def _draw(self, found: KeptMap, name: str, share: float, cosine: float) -> TermMap:
        path = find_inside(found.place, f"{name}.png")
        if path is None:
            raise ValueError(f"the map of {name} is not in its folder")
        grey = read_picture(path)[..., :1]
        if grey.shape[:2] != found.box[2:]:
            raise ValueError(f"the map of {name} is not as large as its region")
        part = f"{show_share(share)} of the pull"
        words = f"{found.image} at ×{found.scale}: where {name} pulls in {found.recipe}, {part} there"
        picture = encode_picture(colour(shrink(grey, found.factor(self.side))))
        return TermMap(name, picture, words, (part, f"cosine {show_signed(cosine)}"))

    def _cut(self, found: KeptMap, method: str) -> str:
        """The region of a method's picture; empty where there is none of it."""
        path = find_inside(self.study, "pictures", f"x{found.scale}", method, f"{found.image}.png")
        if path is None:
            return ""
        top, left, height, width = found.box
        cut = read_picture(path)[top : top + height, left : left + width]
        return (
            encode_picture(shrink(cut, found.factor(self.side))) if cut.shape[:2] == (height, width) else ""
        )


def _align(rows: Sequence[MapRow]) -> tuple[MapRow, ...]:
    """The same rows, terms that most of them have first, so that terms stand below each other."""
    have = Counter(term.name for row in rows for term in row.maps)
    return tuple(
        replace(row, maps=tuple(sorted(row.maps, key=lambda term: -have[term.name]))) for row in rows
    )


def _draw_ramp() -> str:
    return encode_picture(colour(np.tile(np.arange(256, dtype=np.uint8), (16, 1))[..., None]))
