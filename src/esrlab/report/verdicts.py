"""The verdicts of a report: tables, a sentence each, and what has to be known to read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrlab.core.counting import count
from esrlab.core.metrics import BUILT_IN, KnownMetrics
from esrlab.core.scores import BICUBIC, Score
from esrlab.report.limitations import name_learnt
from esrlab.report.tables import Row, Table
from esrlab.report.verdict_text import (
    name_of,
    outcome_of,
    show,
    show_interval,
    show_p,
    show_seeds,
    write_sentence,
)
from esrlab.statistics.claim_register import dated_claims
from esrlab.statistics.claims import PAPER_CLAIMS, ClaimPart
from esrlab.statistics.verdicts import Finding, Verdict, gains_over_bicubic, judge

TEST_NOTE = (
    "Differences are tested on the means of seeds: t tests of per-seed differences where both recipes ran "
    "the same seeds (or all but a quarter of them), Welch's where not, two-sided, with Holm's correction "
    "over all comparisons of claims that were written before the results ({family}; one that two claims "
    "rest on counts once). A claim is supported where all its parts hold after Holm, contradicted where one "
    "contradicts it, otherwise undecided. A test speaks of losses as these images show them. The seeds "
    "that would settle something are reckoned for 80% power at 5% before Holm, from the difference and the "
    "spread seen: few seeds make that a rough guess."
)
INTERVAL_NOTE = (
    "95% intervals are of the t test that decides, of one comparison alone, before Holm. Beside them is "
    "a bootstrap of seeds and, crossed with them, images, widened by √(S/(S − 1)) for S seeds: in simulated "
    "studies it contains the true difference less often than 95%, {coverage} (paired), and no verdict uses "
    "it."
)
EXPLORATORY_NOTE = (
    "Exploratory claims were written when results were there already, on the date beside each, so "
    "they may have been chosen by them. They are corrected in a family of their own ({family}) "
    "and change no other verdict; confirm what they find with new seeds."
)
COVERAGE = {2: 82, 3: 86, 5: 90, 10: 93}
"""How often a paired bootstrap holds the truth, in percent, by seeds: the lower of docs/statistics.md."""

IMAGES_NOTE = (
    "Tests over images are left out on purpose: they mistake the chance of one training for an effect of "
    "the loss. With 3 "
    "seeds they would find a difference that is not there in {alarms}% of simulated studies, not in 5%."
)
IMAGE_ALARMS = 56
"""False alarms of a t test over images, in percent: docs/statistics.md."""

IMITATION_NOTE = "{metric} was not measured; {imitation}, an imitation of it, replaces it in these verdicts."

SHOWN = ("claim", "statement", "verdict", "hold", "against", "open", "missing")
PARTS = (
    *("claim", "comparison", "metric", "difference", "95% interval", "bootstrap"),
    *("p", "after Holm", "effect", "seeds", "images"),
)


@dataclass(frozen=True)
class Judgement:
    """A report's verdicts: the records, a sentence each, tables (none where nothing was examined), notes.

    Where none of the paper's claims was examined, one more sentence stands for all of theirs.
    """

    verdicts: tuple[Verdict, ...]
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]


def judge_study(study: Path, scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> Judgement:
    """The verdicts on the paper's claims, then on the user's own in the folder; what is not examined last.

    Claims that the folder's register does not know are registered in it, as of today.

    Raises UserError where scipy is missing, or a claim in study.toml is none.
    """
    has_results = any(score.recipe != BICUBIC for score in scores)
    verdicts = judge(scores, (*PAPER_CLAIMS, *dated_claims(study, has_results=has_results)), known=known)
    added: tuple[str, ...] = ()
    if all(verdict.outcome == "not examined" for verdict in verdicts[: len(PAPER_CLAIMS)]):
        verdicts = verdicts[len(PAPER_CLAIMS) :]
        added = ("None of the paper's claims is examined: their recipes are not in this study's rows.",)
    verdicts = tuple(sorted(verdicts, key=lambda verdict: verdict.outcome == "not examined"))
    names = _names(scores)
    sentences = tuple(
        write_sentence(
            verdict,
            names=names,
            gains=gains_over_bicubic(scores, verdict, known=known) if verdict.outcome == "supported" else {},
            known=known,
        )
        for verdict in verdicts
    )
    sentences += added
    examined = tuple(verdict for verdict in verdicts if verdict.outcome != "not examined")
    if not examined:
        return Judgement(verdicts, sentences, (), ())
    return Judgement(
        verdicts,
        sentences,
        (_short_table(verdicts), _parts_table(examined)),
        _notes(examined, scores, known),
    )


def as_record(verdict: Verdict, sentence: str) -> dict[str, Any]:
    """A verdict as plain data, for programs."""
    return {
        "id": verdict.claim.id,
        "words": verdict.claim.words,
        "exploratory": verdict.claim.exploratory,
        "verdict": verdict.outcome,
        "sentence": sentence,
        "parts": [_part_record(finding) for finding in verdict.findings],
    }


def _part_record(finding: Finding) -> dict[str, Any]:
    part, comparison = finding.part, finding.comparison
    record: dict[str, Any] = {
        "kind": part.kind,
        "recipe": part.recipe,
        "rival": part.rival,
        "scale": part.scale,
        "base": part.base,
        "metric": finding.metric,
        "standing": finding.standing,
    }
    if comparison is None:
        return record
    return record | {
        "difference": comparison.difference if comparison.images else None,
        "interval": comparison.interval,
        "bootstrap": comparison.bootstrap,
        "p": comparison.p,
        "p_holm": finding.holm,
        "effect": comparison.effect,
        "effect_of": comparison.effect_of,
        "seeds": comparison.seeds,
        "seeds_left_out": comparison.unshared,
        "images": comparison.images,
        "images_left_out": comparison.left_out + comparison.not_finite,
        "paired": comparison.paired,
        "needed_seeds": comparison.needed_seeds,
        "untested": comparison.untested,
        "trainings_ended_badly": finding.ended,
    }


def _names(scores: Sequence[Score]) -> Mapping[str, str]:
    """Recipes by their labels, where these tell them apart; a cascade has its parent's with ×2∘×2."""
    labels = {score.recipe: score.label for score in scores}
    shown = list(labels.values())
    return {recipe: label for recipe, label in labels.items() if shown.count(label) == 1}


def _notes(examined: Sequence[Verdict], scores: Sequence[Score], known: KnownMetrics) -> tuple[str, ...]:
    """What has to be known to read the tables; about tests only where there are any."""
    notes: list[str] = []
    used = dict.fromkeys(finding.info for verdict in examined for finding in verdict.findings if finding.info)
    notes += [
        IMITATION_NOTE.format(metric=info.imitates, imitation=info.id) for info in used if info.imitates
    ]
    planned, later = (
        max((v.family for v in examined if bool(v.claim.exploratory) == is_later), default=0)
        for is_later in (False, True)
    )
    if planned or later:
        coverage = ", ".join(f"{percent}% with {seeds} seeds" for seeds, percent in COVERAGE.items())
        notes.append(TEST_NOTE.format(family=planned))
        notes.append(INTERVAL_NOTE.format(coverage=coverage))
    if any(verdict.claim.exploratory for verdict in examined):
        notes.append(EXPLORATORY_NOTE.format(family=count(later, "comparison")))
    notes += name_learnt(examined, {score.recipe: score.label for score in scores}, known)
    notes.append(IMAGES_NOTE.format(alarms=IMAGE_ALARMS))
    return tuple(notes)


def _short_table(verdicts: Sequence[Verdict]) -> Table:
    rows = [
        Row(
            (
                verdict.claim.id,
                verdict.claim.words,
                outcome_of(verdict),
                *(f"{verdict.count(standing)}" for standing in ("holds", "against", "open", "missing")),
            ),
            begins_group=False,
        )
        for verdict in verdicts
    ]
    return Table(
        "verdicts", "Verdicts on the claims, and the number of their parts by result", SHOWN, tuple(rows)
    )


def _parts_table(examined: Sequence[Verdict]) -> Table:
    rows: list[Row] = []
    for verdict in examined:
        compared = [finding for finding in verdict.findings if finding.comparison is not None]
        rows += [
            Row((verdict.claim.id, *_part_cells(finding)), begins_group=finding is compared[0])
            for finding in compared
        ]
    return Table("verdict-parts", "Comparisons behind the verdicts", PARTS, tuple(rows))


def _part_cells(finding: Finding) -> tuple[str, ...]:
    part, comparison, info = finding.part, finding.comparison, finding.info
    assert comparison is not None
    assert info is not None
    effect = f"{comparison.effect:.1f} {comparison.effect_of}" if comparison.effect is not None else "–"
    return (
        _compared(part),
        finding.metric if part.base is None else finding.metric.split("/", 1)[0],
        show([comparison.difference], info)[0] if comparison.images else "–",
        show_interval(comparison.interval, info),
        show_interval(comparison.bootstrap, info),
        "–" if comparison.p is None else show_p(comparison.p).replace("below ", "<"),
        "–" if finding.holm is None else show_p(finding.holm).replace("below ", "<"),
        effect.replace("-", "−"),
        show_seeds(comparison),
        f"{comparison.images}",
    )


def _compared(part: ClaimPart) -> str:
    first, second = name_of(part.recipe, {}), name_of(part.rival, {})
    if part.kind == "shrinks":
        return f"×{part.base} to ×{part.scale}: shrinkage of the lead of {first} over {second}"
    return f"×{part.scale}: {first} − {'half of ' if part.kind == 'collapses' else ''}{second}"
