"""Claims -> verdicts: every part compared, Holm over all of them, and a rule that was fixed beforehand.

The rule. A part *holds* where its p after Holm is below 5% and its difference goes the claim's way, stands
*against* the claim where it goes the other way, and is *open* otherwise; it is *missing* where the rows do
not have it. A claim is supported where all its parts hold, contradicted where any part stands against it, not
examined where all are missing, and undecided otherwise. The family of Holm is every part of every claim that
could be tested, each distinct part once. Claims that were written after results are a family of their own, so
that none of them changes what becomes of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from esrlab.core.metrics import BUILT_IN, KnownMetrics, MetricInfo
from esrlab.core.scores import BICUBIC, Score
from esrlab.statistics.claims import COLLAPSED, Claim, ClaimPart
from esrlab.statistics.comparisons import Cell, Comparison, Rows, compare, contrast, gather
from esrlab.statistics.inference import LEVEL, holm, special

Standing = Literal["holds", "against", "open", "missing"]
Outcome = Literal["supported", "contradicted", "undecided", "not examined"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the rows say of one part of a claim.

    metric: the full label that stood for the part's family, and info, what it is: None where no metric of
    the family is known, and nothing could be compared. comparison: oriented so that above 0 speaks for
    the claim where a lead shrinks, else first − second; None where the rows lack a cell. holm: p after Holm.
    absent: the cells that are lacking. ended: of how many seeds the training collapsed or diverged.
    """

    part: ClaimPart
    metric: str
    standing: Standing
    info: MetricInfo | None = None
    comparison: Comparison | None = None
    holm: float | None = None
    absent: tuple[Cell, ...] = ()
    ended: int = 0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A claim, what became of it, and every part's finding."""

    claim: Claim
    outcome: Outcome
    findings: tuple[Finding, ...]
    family: int

    def count(self, standing: Standing) -> int:
        """How many parts stand so."""
        return sum(finding.standing == standing for finding in self.findings)


def judge(
    scores: Sequence[Score], claims: Sequence[Claim], *, known: KnownMetrics = BUILT_IN
) -> tuple[Verdict, ...]:
    """The verdict on each claim, from score rows alone; raises UserError where scipy is missing."""
    special()
    rows = gather(scores)
    ended = {(score.recipe, score.scale, score.seed) for score in scores if score.outcome}
    parts = dict.fromkeys(part for claim in claims for part in claim.parts())
    compared = {part: replace(_compare(rows, part, known), ended=_count_ended(ended, part)) for part in parts}
    families = [
        _judge_family([claim for claim in claims if bool(claim.exploratory) == is_later], compared)
        for is_later in (False, True)
    ]
    return tuple(families[bool(claim.exploratory)][claim] for claim in claims)


def gains_over_bicubic(
    scores: Sequence[Score], verdict: Verdict, *, known: KnownMetrics = BUILT_IN
) -> dict[tuple[str, int], float]:
    """PSNR-Y over bicubic's in dB, by recipe and scale, of a verdict's recipes where rows have both."""
    rows = gather(scores)
    asked = dict.fromkeys(
        (recipe, scale)
        for part in verdict.claim.parts()
        for scale in (part.base, part.scale)
        for recipe in (part.recipe, part.rival)
        if scale is not None and recipe != BICUBIC
    )
    return {
        (recipe, scale): compare(rows, recipe, BICUBIC, scale=scale, metric=label).difference
        for recipe, scale in asked
        for label in [known.distortion.at(scale)]
        if Cell(recipe, scale, label) in rows and Cell(BICUBIC, scale, label) in rows
    }


def _judge_family(claims: Sequence[Claim], found: dict[ClaimPart, Finding]) -> dict[Claim, Verdict]:
    """Verdicts on claims that are corrected together."""
    compared = {part: found[part] for claim in claims for part in claim.parts()}
    tested = {
        part: finding.comparison.p
        for part, finding in compared.items()
        if finding.comparison is not None and finding.comparison.p is not None
    }
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    findings = {part: _settle(finding, adjusted.get(part)) for part, finding in compared.items()}
    return {claim: _conclude(claim, findings, family=len(tested)) for claim in claims}


def metric_of(rows: Rows, family: str, known: KnownMetrics) -> MetricInfo | None:
    """The metric that a family means: its primary one, or an imitation where only that was measured."""
    info = known.primary(family)
    imitation = None if info is None else known.imitation(info)
    if info is None or imitation is None:
        return info
    measured = {known.find(cell.metric) for cell in rows}
    return imitation if imitation in measured and info not in measured else info


def _cells(part: ClaimPart, info: MetricInfo) -> tuple[tuple[float, Cell], ...]:
    """The contrast that a part is about."""

    def cell(recipe: str, scale: int) -> Cell:
        return Cell(recipe, scale, info.at(scale))

    if part.kind == "collapses":
        return ((1.0, cell(part.recipe, part.scale)), (-COLLAPSED, cell(part.rival, part.scale)))
    if part.base is None:
        return ((1.0, cell(part.recipe, part.scale)), (-1.0, cell(part.rival, part.scale)))
    sign = 1.0 if info.higher_is_better else -1.0
    return (
        (sign, cell(part.recipe, part.base)),
        (-sign, cell(part.rival, part.base)),
        (-sign, cell(part.recipe, part.scale)),
        (sign, cell(part.rival, part.scale)),
    )


def claimed_sign(part: ClaimPart, info: MetricInfo) -> int:
    """Whether the part has its comparison's difference above 0 or below."""
    if part.kind == "shrinks":
        return 1
    return -1 if part.kind == "collapses" or not info.higher_is_better else 1


def _compare(rows: Rows, part: ClaimPart, known: KnownMetrics) -> Finding:
    info = metric_of(rows, part.metric, known)
    if info is None:
        lacking = (Cell(part.recipe, part.scale, part.metric),)
        return Finding(part=part, metric=part.metric, standing="missing", absent=lacking)
    cells = _cells(part, info)
    absent = tuple(cell for _, cell in cells if cell not in rows)
    if absent:
        return Finding(part=part, metric=info.at(part.scale), standing="missing", info=info, absent=absent)
    found = contrast(rows, cells, known=known)
    return Finding(part=part, metric=info.at(part.scale), standing="open", info=info, comparison=found)


def _count_ended(ended: set[tuple[str, int, int | None]], part: ClaimPart) -> int:
    return sum((recipe, scale) == (part.recipe, part.scale) for recipe, scale, _ in ended)


def _settle(finding: Finding, adjusted: float | None) -> Finding:
    """The finding with its p after Holm and where it stands.

    Pictures that held up do not stand against a collapse where trainings were seen to collapse.
    """
    standing = finding.standing
    if finding.comparison is not None and adjusted is not None and adjusted < LEVEL:
        assert finding.info is not None
        agrees = finding.comparison.difference * claimed_sign(finding.part, finding.info) > 0
        standing = "holds" if agrees else "against"
        if finding.part.kind == "collapses" and not agrees and finding.ended:
            standing = "open"
    return replace(finding, standing=standing, holm=adjusted)


def _conclude(claim: Claim, findings: dict[ClaimPart, Finding], *, family: int) -> Verdict:
    own = tuple(findings[part] for part in claim.parts())
    standings = {finding.standing for finding in own}
    outcome: Outcome = "undecided"
    if "against" in standings:
        outcome = "contradicted"
    elif standings == {"holds"}:
        outcome = "supported"
    elif standings == {"missing"}:
        outcome = "not examined"
    return Verdict(claim=claim, outcome=outcome, findings=own, family=family)
