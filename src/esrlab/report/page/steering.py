"""Who steers: each term's share of the pull over training, and whether the terms agree."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from esrlab.report.logs import RunLog
from esrlab.report.page.plots import HUES, LINE, Axis, Canvas, Curve, Legend, Plot
from esrlab.report.page.smoothing import Points, mean_of, read_series, smooth
from esrlab.report.tables import Row, Table

ADVERSARIAL = "adversarial"
PULL = "pull/"
PAIR = "cosine/"

HOW_DERIVED = (
    "Where a log has no cosines between pairs, what is shown is each term's cosine with the sum of all, and "
    "the adversary's with the sum of the others, which follows exactly from norms and cosines: the sum's "
    "length is Σ norm·cosine."
)
"""With p a term's pull of norm n and cosine c with the sum s: |s| = Σ n·c, and p·(s − p) = n·c·|s| − n²."""


@dataclass(frozen=True)
class Steering:
    """One recipe at one scale: how the shares and the cosines went, means over seeds."""

    shares: Plot
    cosines: Plot
    legends: tuple[Legend, ...]
    cosine_legends: tuple[Legend, ...]


def terms_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The terms that pull, in the log's order."""
    names = (key.removeprefix(PULL) for row in rows[-1:] for key in row if key.startswith(PULL))
    return list(dict.fromkeys(names))


def pairs_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The pairs of terms whose cosines are logged, as "term/other"."""
    return [key.removeprefix(PAIR) for row in rows[-1:] for key in row if key.startswith(PAIR)]


def against_others(row: dict[str, Any], name: str) -> float | None:
    """A term's cosine with the sum of the others' pulls, from their norms and cosines with the sum of all."""
    pulls = {key: value for key, value in row.items() if key.startswith(PULL)}
    own = pulls.get(f"{PULL}{name}")
    if own is None or len(pulls) < 2:
        return None
    total = sum(pull["norm"] * pull["cosine"] for pull in pulls.values())
    norm, along = own["norm"], own["norm"] * own["cosine"]
    rest = math.sqrt(max(total * total - 2 * along * total + norm * norm, 0.0))
    if not math.isfinite(rest) or not norm > 0 or rest <= 1e-3 * norm:
        return None
    return max(-1.0, min(1.0, (own["cosine"] * total - norm) / rest))


def draw_steering(logs: Sequence[RunLog], recipes: Sequence[str]) -> list[Steering]:
    """Two plots for every recipe and scale that has a log with pulls."""
    made: list[Steering] = []
    every = dict.fromkeys(term for log in logs for term in terms_of(log.rows))
    hues = {term: hue % HUES for hue, term in enumerate(sorted(every, key=lambda term: term == ADVERSARIAL))}
    for recipe in recipes:
        for scale in sorted({log.scale for log in logs}):
            runs = [log.rows for log in logs if (log.recipe, log.scale) == (recipe, scale) and log.rows]
            terms = terms_of(runs[0]) if runs else []
            if terms:
                made.append(_draw(f"{recipe} ×{scale}", runs, terms, hues))
    return made


def _draw(
    place: str, runs: Sequence[list[dict[str, Any]]], terms: list[str], hues: dict[str, int]
) -> Steering:
    shares = [_mean(runs, _part(term, "share")) for term in terms]
    last = max((points[-1][0] for points in shares if points), default=1.0)
    canvas = Canvas(Axis(0.0, last), Axis(0.0, 1.0))
    told = ", ".join(f"{term} {_late(runs, _part(term, 'share')):.1%}" for term in terms)
    stacked = canvas.plot(
        title=f"{place}: share of the pull",
        words=f"Shares, medians of the second half: {told}.",
        across="step",
        up="share, stacked",
        curves=_stack(canvas, shares, [(term, hues[term]) for term in terms]),
    )
    series = _cosines(runs, terms)
    between = Canvas(Axis(0.0, last), Axis(-1.0, 1.0))
    said = ", ".join(f"{name} {show_signed(_late(runs, value))}" for name, value in series)
    lines = [
        Curve(between.path(_mean(runs, value)), hue, "line", name) for hue, (name, value) in enumerate(series)
    ]
    cosines = between.plot(
        title=f"{place}: do they agree?",
        words=f"Cosines, medians of the second half: {said}. Above 0 they agree, below 0 they oppose each "
        "other.",
        across="step",
        up="cosine",
        curves=lines,
    )
    legends = tuple(Legend(hues[term], LINE, term) for term in terms)
    named = tuple(Legend(hue, LINE, name) for hue, (name, _) in enumerate(series))
    return Steering(stacked, cosines, legends, named)


Value = Callable[[dict[str, Any]], float | None]


def _cosines(runs: Sequence[list[dict[str, Any]]], terms: Sequence[str]) -> list[tuple[str, Value]]:
    """The pairs that are logged; else each term with the sum, and the adversary with the others."""
    pairs = pairs_of(runs[0])
    if pairs:
        return [(pair.replace("/", " · "), _pair(pair)) for pair in pairs]
    made: list[tuple[str, Value]] = [(f"{term} · sum of all", _part(term, "cosine")) for term in terms]
    if ADVERSARIAL in terms and len(terms) > 1:
        made.append((f"{ADVERSARIAL} · sum of the others", lambda row: against_others(row, ADVERSARIAL)))
    return made


def _part(term: str, part: str) -> Value:
    return lambda row: row.get(f"{PULL}{term}", {}).get(part)


def _pair(pair: str) -> Value:
    return lambda row: row.get(f"{PAIR}{pair}")


def _mean(runs: Sequence[list[dict[str, Any]]], value: Value) -> Points:
    return mean_of([smooth(read_series(rows, value)) for rows in runs])


def _late(runs: Sequence[list[dict[str, Any]]], value: Value) -> float:
    """The median over seeds and the second half of training."""
    found = [number for rows in runs for _, number in read_series(rows[len(rows) // 2 :], value)]
    return statistics.median(found) if found else math.nan


def _stack(canvas: Canvas, shares: Sequence[Points], terms: Sequence[tuple[str, int]]) -> list[Curve]:
    below = [(step, 0.0) for step, _ in shares[0]]
    made: list[Curve] = []
    for (term, hue), points in zip(terms, shares, strict=True):
        heights = dict(points)
        above = [(step, min(base + heights.get(step, 0.0), 1.0)) for step, base in below]
        made.append(Curve(canvas.area(below, above), hue, "area", term))
        below = above
    return made


def tabulate_steering(logs: Sequence[RunLog], recipes: Sequence[str]) -> Table | None:
    """Medians over seeds and the second half of training, a row a recipe, scale and term."""
    rows: list[Row] = []
    for recipe in recipes:
        for scale in sorted({log.scale for log in logs}):
            runs = [log.rows for log in logs if (log.recipe, log.scale) == (recipe, scale) and log.rows]
            terms = terms_of(runs[0]) if runs else []
            for term in terms:
                share, cosine = _late(runs, _part(term, "share")), _late(runs, _part(term, "cosine"))
                rest = (
                    _late(runs, lambda row, term=term: against_others(row, term))
                    if term == ADVERSARIAL
                    else None
                )
                cells = (
                    f"{recipe} ×{scale}",
                    term,
                    show_share(share),
                    show_signed(cosine),
                    _with_content(runs, term),
                    "" if rest is None else show_signed(rest),
                    _verdict(rest, share),
                )
                rows.append(Row(cells, begins_group=term == terms[0]))
    columns = ("recipe ×", "term", "share", "cosine with the sum")
    columns += ("with content", "with the others", "in words")
    title = "Which term moves the image: medians over seeds of the second half of training"
    return Table("steering", title, columns, tuple(rows)) if rows else None


def _with_content(runs: Sequence[list[dict[str, Any]]], term: str) -> str:
    """A term's logged cosine with the content; nothing where there is none."""
    pair = next((pair for pair in pairs_of(runs[0]) if set(pair.split("/")) == {term, "content"}), None)
    return "" if pair is None else show_signed(_late(runs, _pair(pair)))


def show_share(share: float) -> str:
    """A share of the pull, in percent where that says anything."""
    return f"{share:.1%}" if share >= 0.001 else f"{share:.0e}".replace("e-0", "e−").replace("e-", "e−")


def show_signed(value: float) -> str:
    """A cosine with its sign."""
    return "–" if math.isnan(value) else f"{value:+.2f}".replace("-", "−")


def _verdict(rest: float | None, share: float) -> str:
    """What the adversary does to the others, in a word."""
    if rest is None or math.isnan(rest):
        return ""
    if share < 0.001:
        return "almost no pull"
    return "agrees" if rest > 0.1 else "opposes" if rest < -0.1 else "is independent"
