"""What a kinship shows, as tables and sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from esrlab.core.kinship_rows import ANOTHER_CRITIC, Kinship
from esrlab.report.tables import Row, Table
from esrlab.statistics.kinship import (
    APART,
    SAME,
    SURELY_SAME,
    Finding,
    MeanCosines,
    find_apart,
    find_opposed,
    find_same,
    mean_cosines,
    names_of,
)

MOST_SAID = 12
"""Sentences of one sort that are said; the table has all."""


@dataclass(frozen=True)
class Findings:
    """What is found in all models together: tables, and the sentences that sum them up, by their headings."""

    tables: tuple[Table, ...]
    sentences: dict[str, tuple[str, ...]]


def find_all(kinships: Sequence[Kinship]) -> Findings:
    """Everything that the three rules find, those that hold at every model first."""
    found = [mean_cosines(kinship) for kinship in kinships]
    same, opposed, apart = find_same(found), find_opposed(found), find_apart(found)
    keys = tuple(kinship.key for kinship in kinships)
    rule = f"mean cosine above {SAME:g}, 95% interval above {SURELY_SAME:g}"
    tables = (
        _pair_table("same", f"One loss under two names: {rule}", same, found, keys),
        _pair_table("opposed", "Opponents: the cosine's 95% interval is below 0", opposed, found, keys),
        _apart_table(apart, keys),
        _norm_table(kinships),
    )
    sentences = {
        "One loss under two names": _say_pairs(same, "and"),
        "Opposing each other": _say_pairs(opposed, "against"),
        "Directions of their own": _say_apart(apart),
        **_say_starts(found),
    }
    return Findings(tables, sentences)


def tell_absent(kinships: Sequence[Kinship]) -> list[str]:
    """What could not be had, with the reason, once each."""
    told: dict[str, list[str]] = {}
    for kinship in kinships:
        for name, reason in kinship.absent.items():
            told.setdefault(f"{name}: {reason}", []).append(f"×{kinship.scale}")
    every = {f"×{kinship.scale}" for kinship in kinships}
    return [
        line if set(scales) == every else f"{line} (at {', '.join(dict.fromkeys(scales))})"
        for line, scales in told.items()
    ]


def _pair_table(
    key: str, title: str, findings: Sequence[Finding], found: Sequence[MeanCosines], keys: tuple[str, ...]
) -> Table:
    rows: list[Row] = []
    for place, finding in enumerate(findings):
        figures = dict(zip(finding.asked, finding.cosines, strict=True))
        cells = tuple(f"{figures[name][0]:.2f}" if name in figures else "–" for name in keys)
        bounds = tuple(_interval(figures[name]) if name in figures else "" for name in keys)
        words = (" · ".join(finding.names), _where(finding))
        begins = place > 0 and findings[place - 1].is_everywhere and not finding.is_everywhere
        rows.append(Row((*words, *cells), begins, ("", "", *bounds)))
    photographs = ", ".join(str(len(set(each.kinship.photos))) for each in found)
    remark = f"In brackets: 95% intervals over the photographs ({photographs})." if rows else "None."
    return Table(f"kinship-{key}", title, ("losses", "holds at", *keys), tuple(rows), remark=remark)


def _interval(figure: tuple[float, float, float]) -> str:
    return "" if np.isnan(figure[1]) else f"[{figure[1]:.2f}, {figure[2]:.2f}]"


def _apart_table(findings: Sequence[Finding], keys: tuple[str, ...]) -> Table:
    rows: list[Row] = []
    for finding in findings:
        figures = dict(zip(finding.asked, zip(finding.cosines, finding.nearest, strict=True), strict=True))
        cells = tuple(f"{figures[name][0][0]:.2f}" if name in figures else "–" for name in keys)
        nearest = tuple(figures[name][1] if name in figures else "" for name in keys)
        rows.append(Row((finding.names[0], _where(finding), *cells), False, ("", "", *nearest)))
    title = f"Directions of their own: no |cosine| with another reaches {APART:g}"
    remark = "Figures: the largest |cosine| with any other direction, and below it whose that is."
    return Table("kinship-apart", title, ("loss", "holds at", *keys), tuple(rows), remark=remark)


def _norm_table(kinships: Sequence[Kinship]) -> Table:
    """Every direction: label, and at each model the median length of its pull."""
    labels = {each.name: each for kinship in kinships for each in kinship.directions}
    rows: list[Row] = []
    for name, direction in labels.items():
        cells = [_norms(kinship, name) for kinship in kinships]
        rows.append(
            Row(
                (name, direction.label, *(one for one, _ in cells)),
                False,
                ("", "", *(two for _, two in cells)),
            )
        )
    return Table(
        "kinship-pulls",
        "All directions, and how hard each pulls at weight 1",
        ("name", "what it is", *(kinship.key for kinship in kinships)),
        tuple(rows),
        remark="Median over images of the gradient's 2-norm; in brackets its quartiles. For a game, below: "
        "the part of images whose photograph its critic scores above the generated image; 50% is chance.",
    )


def _norms(kinship: Kinship, name: str) -> tuple[str, str]:
    """A direction's median norm, and what stands below it."""
    if name not in kinship.names:
        return "–", ""
    place = kinship.names.index(name)
    norms = kinship.norms[:, place]
    norms = norms[~np.isnan(norms)]
    if not len(norms):
        return "not finite", ""
    low, middle, high = np.quantile(norms, (0.25, 0.5, 0.75))
    zero = int((norms == 0).sum())
    below = f"[{low:.2g}, {high:.2g}]" + (f", none at {zero} of {len(norms)} images" if zero else "")
    accuracy = game_accuracy(kinship, name)
    return f"{middle:.2g}", below if accuracy is None else f"{below}; {accuracy:.0%}"


def game_accuracy(kinship: Kinship, name: str) -> float | None:
    """The part of images whose photograph a game's critic scores above the generated one; None for a loss."""
    games = [direction.name for direction in kinship.directions if direction.is_game]
    return float((kinship.margins[:, games.index(name)] > 0).mean()) if name in games else None


def _where(finding: Finding) -> str:
    return "every model" if finding.is_everywhere and len(finding.asked) > 1 else ", ".join(finding.holds)


def _say_pairs(findings: Sequence[Finding], word: str) -> tuple[str, ...]:
    said: list[str] = []
    for finding in findings:
        means = [mean for mean, _, _ in finding.cosines]
        pair = f"{finding.names[0]} {word} {finding.names[1]}"
        said.append(f"{pair}: cosine {_span(means)} ({_where(finding)})")
    return _shortened(said)


def _say_apart(findings: Sequence[Finding]) -> tuple[str, ...]:
    return _shortened(
        [
            f"{finding.names[0]}: at most {max(value for value, _, _ in finding.cosines):.2f} with any other "
            f"({_where(finding)})"
            for finding in findings
        ]
    )


def _say_starts(found: Sequence[MeanCosines]) -> dict[str, tuple[str, ...]]:
    """Each game beside itself with another start of its critic, where several were trained; else nothing."""
    said: list[str] = []
    for name in names_of(each.kinship for each in found):
        first = name.partition(ANOTHER_CRITIC)[0]
        means = [
            float(each.mean[place])
            for each in found
            if name != first and (place := each.place((first, name))) is not None
        ]
        if means:
            said.append(f"{first} and {name}: cosine {_span(means)}")
    if not said:
        return {}
    told = "where these are nearly 0, cosines between games of one start tell of the start, not of the games"
    return {"The same game, another start of its critic": (*said, told)}


def _span(means: Sequence[float]) -> str:
    low, high = f"{min(means):.2f}", f"{max(means):.2f}"
    return low if low == high else f"{low} to {high}"


def _shortened(said: Sequence[str]) -> tuple[str, ...]:
    if len(said) <= MOST_SAID:
        return tuple(said) or ("none",)
    return (*said[:MOST_SAID], f"and {len(said) - MOST_SAID} more, in the table")
