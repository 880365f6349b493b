"""Every benchmark image: the same crop through every recipe, its scores, and how it shifts colours."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esrlab.core.files import find_inside
from esrlab.core.metrics import BUILT_IN, KnownMetrics
from esrlab.core.scores import BICUBIC, Score
from esrlab.report.page.pictures import (
    Pixels,
    best_window,
    choose_side,
    encode_picture,
    read_picture,
    variance_between,
)
from esrlab.report.page.ranking import Values, gains_over_bicubic, values_of_first_seed

LR, HR = "lr", "hr"

Shifts = dict[tuple[str, int], list[tuple[float, float, float]]]
"""Mean of picture − HR in each channel, in steps of 1/255, of each image, by method and scale."""


@dataclass(frozen=True)
class Panel:
    """One method's crop of one image, and the scores of its whole picture."""

    key: str
    name: str
    picture: str
    words: str
    scores: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Line:
    """The panels of one scale."""

    scale: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Card:
    """An image through all recipes: where it is cut, and how it stands among the others.

    gain: PSNR-Y over bicubic's in dB, mean over recipes, scales and seeds; None where it is not known.
    rank: from the worst, 1, to the best; turn: its place when worst and best take turns.
    """

    key: str
    image: str
    crop: str
    lines: tuple[Line, ...]
    truth: Panel
    gain: float | None
    rank: int = 0
    turn: int = 0


@dataclass(frozen=True)
class Gallery:
    """All cards, worst and best in turn, and the colour shifts that were met on the way."""

    cards: tuple[Card, ...]
    side: int
    seed: int | None
    shifts: Shifts


@dataclass(frozen=True)
class _Shelf:
    """The pictures of a study, found by scale, method and image."""

    root: Path
    methods: tuple[str, ...]
    scales: tuple[int, ...]
    fallen: frozenset[tuple[int, str]]

    def path(self, scale: int, method: str, image: str) -> Path:
        return self.root / f"x{scale}" / method / f"{image}.png"

    def has(self, scale: int, method: str, image: str) -> bool:
        return find_inside(self.root, f"x{scale}", method, f"{image}.png") is not None

    def found(self, scale: int, image: str) -> list[str]:
        return [method for method in self.methods if self.has(scale, method, image)]


def build_gallery(
    study: Path,
    scores: Sequence[Score],
    *,
    taken: int = 0,
    progress: Callable[[int, int], None] | None = None,
    known: KnownMetrics = BUILT_IN,
) -> Gallery | None:
    """The cards of every image that has pictures; None where there are none.

    taken: bytes of the page's budget for pictures that are spent elsewhere; progress: is called with how many
    of how many images are done.
    """
    methods = tuple(dict.fromkeys(score.recipe for score in scores))
    scales = tuple(sorted({score.scale for score in scores}))
    seed = next((score.seed for score in scores if score.seed is not None), None)
    fallen = frozenset((s.scale, s.recipe) for s in scores if s.outcome and s.seed == seed)
    store_root = _Shelf(study / "pictures", methods, scales, fallen)
    images = list(dict.fromkeys(score.image for score in scores))
    images = [image for image in images if any(store_root.has(scale, HR, image) for scale in scales)]
    if not images:
        return None
    side = choose_side(sum(_weigh(store_root, image) for image in images), taken=taken)
    values, gains = values_of_first_seed(scores, known=known), gains_over_bicubic(scores, known=known)
    shifts: Shifts = defaultdict(list)
    cards: list[Card] = []
    for number, image in enumerate(images, start=1):
        key, gain = f"image-{number}", gains.get(image)
        cards.append(_build(store_root, image, key=key, side=side, values=values, gain=gain, shifts=shifts))
        if progress is not None:
            progress(number, len(images))
    return Gallery(tuple(_in_turn(cards)), side, seed, dict(shifts))


def _weigh(store_root: _Shelf, image: str) -> float:
    """How many whole crops an image has; LR is smaller, HR is kept once."""
    return 1 + sum(len(store_root.found(scale, image)) + 1 / scale**2 for scale in store_root.scales)


def _build(
    store_root: _Shelf,
    image: str,
    *,
    key: str,
    side: int,
    values: Values,
    gain: float | None,
    shifts: Shifts,
) -> Card:
    pictures: dict[tuple[int, str], Pixels] = {}
    for scale in store_root.scales:
        if not store_root.has(scale, HR, image):
            continue
        truth = pictures[scale, HR] = read_picture(store_root.path(scale, HR, image))
        for method in store_root.found(scale, image):
            picture = pictures[scale, method] = read_picture(store_root.path(scale, method, image))
            if picture.shape == truth.shape:
                shift = (picture.astype(np.float64) - truth).mean(axis=(0, 1))
                shifts[method, scale].append((float(shift[0]), float(shift[1]), float(shift[2])))
        if store_root.has(scale, LR, image):
            pictures[scale, LR] = read_picture(store_root.path(scale, LR, image))
    scales = [scale for scale in store_root.scales if (scale, HR) in pictures]
    top, left, height, width = best_window(_difference(pictures, scales, store_root.fallen), side=side)
    window = (slice(top, top + height), slice(left, left + width))
    full = pictures[scales[0], HR]
    crop = f"{width}×{height} pixels, from column {left} and row {top} of {full.shape[1]}×{full.shape[0]}"
    lines = [
        _line(store_root, image, pictures, window, key=key, scale=scale, values=values) for scale in scales
    ]
    truth = Panel(f"{key}-hr", "HR", encode_picture(full[window]), f"{image}: HR", (), HR)
    return Card(key, image, crop, tuple(lines), truth, gain)


def _line(
    store_root: _Shelf,
    image: str,
    pictures: dict[tuple[int, str], Pixels],
    window: tuple[slice, slice],
    *,
    key: str,
    scale: int,
    values: Values,
) -> Line:
    """The panels of one scale, LR's first."""
    panels: list[Panel] = []
    if (scale, LR) in pictures:
        rows, columns = (slice(part.start // scale, part.stop // scale) for part in window)
        small = pictures[scale, LR][rows, columns]
        panels.append(_panel(key, image, small, method=LR, scale=scale, values=values))
    for method in store_root.found(scale, image):
        pixels = pictures[scale, method][window]
        if not pixels.size:  # a picture of another size, which the window is outside of
            continue
        panels.append(_panel(key, image, pixels, method=method, scale=scale, values=values))
    return Line(scale, tuple(panels))


def _difference(
    pictures: dict[tuple[int, str], Pixels], scales: Sequence[int], fallen: frozenset[tuple[int, str]]
) -> NDArray[np.float64]:
    """The variance between methods over the part that all scales share; with HR where there is one method."""
    rows = min(pictures[scale, HR].shape[0] for scale in scales)
    columns = min(pictures[scale, HR].shape[1] for scale in scales)
    total = np.zeros((rows, columns))
    for scale in scales:
        shape = pictures[scale, HR].shape
        found = {
            place: picture
            for place, picture in pictures.items()
            if place[0] == scale and place[1] not in (LR, HR) and picture.shape == shape
        }
        standing = [picture for place, picture in found.items() if place not in fallen]
        compared = standing if len(standing) > 1 else list(found.values())
        compared = compared if len(compared) > 1 else [*compared, pictures[scale, HR]]
        total += variance_between(compared)[:rows, :columns]
    return total


def _panel(
    key: str,
    image: str,
    pixels: Pixels,
    *,
    method: str,
    scale: int,
    values: Values,
) -> Panel:
    name = f"LR, enlarged ×{scale}" if method == LR else method
    kind = method if method in (LR, BICUBIC) else "recipe"
    words = f"{image} at ×{scale}: {name}"
    return Panel(
        f"{key}-x{scale}-{method}",
        name,
        encode_picture(pixels),
        words,
        values.get((method, scale, image), ()),
        kind,
    )


def _in_turn(cards: Sequence[Card]) -> list[Card]:
    """The worst, the best, the second worst, the second best, and so on; what is not known comes last."""
    known = sorted((card for card in cards if card.gain is not None), key=lambda card: card.gain or 0.0)
    ranked = known + [card for card in cards if card.gain is None]
    ranks = {card.key: rank for rank, card in enumerate(ranked, start=1)}
    ordered: list[Card] = []
    rest = list(known)
    while rest:
        ordered.append(rest.pop(0 if len(ordered) % 2 == 0 else -1))
    ordered += ranked[len(known) :]
    return [
        Card(c.key, c.image, c.crop, c.lines, c.truth, c.gain, ranks[c.key], turn)
        for turn, c in enumerate(ordered, start=1)
    ]
