"""Verdicts in plain sentences: numbers with units, interval, p after Holm, seeds, images."""

from collections.abc import Mapping, Sequence

from esrlab.core.counting import count
from esrlab.core.metrics import BUILT_IN, KnownMetrics, MetricInfo
from esrlab.core.scores import CASCADE
from esrlab.statistics.comparisons import Comparison
from esrlab.statistics.verdicts import Finding, Verdict

MOST_DECIMALS = 8
"""Up to which a difference has more decimals than its metric where nothing would be left of it."""


def write_sentence(
    verdict: Verdict,
    *,
    names: Mapping[str, str],
    gains: Mapping[tuple[str, int], float] | None = None,
    known: KnownMetrics = BUILT_IN,
) -> str:
    """The verdict in one sentence; `names` says how recipes are called.

    gains: PSNR-Y over bicubic's in dB, by recipe and scale; a supported claim of two recipes that are both
    below bicubic says so.
    """
    begun = f"{verdict.claim.id} {outcome_of(verdict)}: "
    if verdict.outcome == "not examined":
        return f"{begun}the study has no {_missing(verdict)}."
    decisive = _decisive(verdict)
    if decisive is None:
        return f"{begun}no part could be compared; the study has no {_missing(verdict)}."
    comparison = decisive.comparison
    assert comparison is not None
    if comparison.untested == "one seed":
        model = _difference(decisive, names)
        images = count(comparison.images, "image")
        return (
            f"{begun}with one seed nothing can be concluded about the loss, only about this model, of which "
            f"it is true that {model} ({images}){_left_out(comparison)}."
        )
    told = f"{begun}{_parts(verdict)}{_difference(decisive, names)} {_evidence(decisive)}{_remedy(verdict)}"
    return f"{told}{_below_bicubic(verdict, names, gains or {}, known.distortion)}."


def show(values: Sequence[float], info: MetricInfo) -> list[str]:
    """Differences with the decimals of their metric, the minus sign a true one."""
    decimals = info.decimals
    while decimals < MOST_DECIMALS and all(float(f"{value:.{decimals}f}") == 0 for value in values):
        decimals += 1
    return [f"{value:.{decimals}f}".replace("-", "−") for value in values]


def show_p(value: float) -> str:
    """A p value with two decimals, three below 0.1, and none invented below 0.001."""
    return "below 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def outcome_of(verdict: Verdict) -> str:
    """What became of a claim, and, where it was written after results, that and when."""
    day = verdict.claim.exploratory
    return f"{verdict.outcome} (exploratory, written {day})" if day else verdict.outcome


def show_interval(interval: tuple[float, float] | None, info: MetricInfo) -> str:
    """Both bounds, or a dash where there is no interval."""
    return "–" if interval is None else " … ".join(show(interval, info))


def show_seeds(comparison: Comparison) -> str:
    """How many seeds: one number where all ran as many."""
    low, high = min(comparison.seeds, default=0), max(comparison.seeds, default=0)
    return f"{low}" if low == high else f"{low} to {high}"


def name_of(recipe: str, names: Mapping[str, str]) -> str:
    """What a recipe is called; a cascade as such where it has no name of its own."""
    shown = recipe.removesuffix(CASCADE) + " ×2∘×2" if recipe.endswith(CASCADE) else recipe
    return names.get(recipe, shown)


def _decisive(verdict: Verdict) -> Finding | None:
    """The part that a sentence is about: one that stands against the claim, else the least certain."""
    compared = [finding for finding in verdict.findings if finding.comparison is not None]
    against = [finding for finding in compared if finding.standing == "against"]
    if against:
        return min(against, key=_weakness)
    opened = [finding for finding in compared if finding.standing == "open"]
    return max(opened or compared, key=_weakness, default=None)


def _weakness(finding: Finding) -> float:
    assert finding.comparison is not None
    return 2.0 if finding.comparison.p is None else finding.comparison.p


def _parts(verdict: Verdict) -> str:
    """How the parts stand, where there are several, and which one follows."""
    if len(verdict.findings) == 1:
        return ""
    words = {"holds": "hold", "against": "contradict it", "open": "are open", "missing": "are missing"}
    singular = {"holds": "holds", "against": "contradicts it", "open": "is open", "missing": "is missing"}
    counted = [
        f"{number} {singular[standing] if number == 1 else words[standing]}"
        for standing in ("holds", "against", "open", "missing")
        if (number := verdict.count(standing))
    ]
    if verdict.outcome == "supported":
        return f"all {len(verdict.findings)} parts hold, the least certain of them: "
    if verdict.count("open") == len(verdict.findings):
        return f"all {len(verdict.findings)} parts are open, the least certain of them: "
    lacking = f" (the study has no {_missing(verdict)})" if verdict.count("missing") else ""
    follows = "against it" if verdict.outcome == "contradicted" else "the least certain"
    if not verdict.count("open") and verdict.outcome == "undecided":
        follows = "the least certain of what holds"
    return f"of {len(verdict.findings)} parts {', '.join(counted)}{lacking}; {follows}: "


def _difference(finding: Finding, names: Mapping[str, str]) -> str:
    """What was found, in the part's own words."""
    part, comparison, info = finding.part, finding.comparison, finding.info
    assert comparison is not None
    assert info is not None
    first, second = name_of(part.recipe, names), name_of(part.rival, names)
    if not comparison.images:
        return f"at ×{part.scale} {first} and {second} cannot be compared in {finding.metric}"
    amount = f"{show([abs(comparison.difference)], info)[0]} {info.unit}".rstrip()
    is_above = comparison.difference > 0
    if part.kind == "shrinks":
        change = "shrinks" if is_above else "grows"
        metric = finding.metric.split("/", 1)[0]
        lead = f"the lead of {first} over {second} in {metric}"
        return f"from ×{part.base} to ×{part.scale} {lead} {change} by {amount}"
    side = "above" if is_above else "below"
    if part.kind == "collapses":
        ended = (
            f", and {finding.ended} of its trainings collapsed or diverged by their logs"
            if finding.ended
            else ""
        )
        return f"at ×{part.scale} {first} is {amount} {side} half of {second}'s {finding.metric}{ended}"
    remark = "" if info.higher_is_better else "where smaller is better"
    if info.imitates:
        remark = f"an imitation of {info.imitates} {remark}"
    metric = ", ".join(filter(None, (finding.metric, remark)))
    return f"at ×{part.scale} {first} is {amount} {side} {second} in {metric}"


def _evidence(finding: Finding) -> str:
    """Interval, p, seeds and images, in brackets, and what was left out."""
    comparison = finding.comparison
    assert comparison is not None
    assert finding.info is not None
    shown = show_seeds(comparison)
    seeds, images = f"{shown} seed{'' if shown == '1' else 's'}", count(comparison.images, "image")
    if comparison.p is None or finding.holm is None:
        return f"(not tested: {comparison.untested}; {seeds}, {images}){_left_out(comparison)}"
    p = f"p {show_p(finding.holm)} after Holm"
    if comparison.p < 0.05 <= finding.holm:
        p = f"p {show_p(comparison.p)} alone, {show_p(finding.holm)} after Holm"
    bounds = comparison.interval
    if finding.part.kind == "shrinks" and comparison.difference < 0 and bounds is not None:
        bounds = (-bounds[1], -bounds[0])  # of what the sentence says: by how much the lead grows
    interval = show_interval(bounds, finding.info)
    return f"(95% interval {interval}; {p}; {seeds}, {images}){_left_out(comparison)}"


def _left_out(comparison: Comparison) -> str:
    """Which seeds and images do not count, and why."""
    said = f"; {count(comparison.unshared, 'seed')} not run by all left out" if comparison.unshared else ""
    if comparison.left_out:
        said += f"; {count(comparison.left_out, 'image')} not scored by all left out"
    if comparison.not_finite:
        said += f"; {count(comparison.not_finite, 'image')} with an infinite value or none left out"
    return said


def _remedy(verdict: Verdict) -> str:
    """How many more seeds would settle what is open."""
    if verdict.outcome != "undecided":
        return ""
    opened = [finding.comparison for finding in verdict.findings if finding.standing == "open"]
    tested = [comparison for comparison in opened if comparison is not None and comparison.p is not None]
    if not tested:
        return ""
    more = [c.needed_seeds - max(c.seeds) if c.needed_seeds is not None else None for c in tested]
    known = [number for number in more if number is not None]
    whole = "it" if len(verdict.findings) == 1 else "every open part"
    if len(known) < len(more):
        return f"; more than 100 seeds would be needed to settle {whole}"
    return f"; about {count(max(known), 'more seed')} would settle {whole}, before Holm"


def _below_bicubic(
    verdict: Verdict, names: Mapping[str, str], gains: Mapping[tuple[str, int], float], info: MetricInfo
) -> str:
    """Which recipes of a supported claim are both below bicubic, where, and by how much."""
    if verdict.outcome != "supported":
        return ""
    told: dict[tuple[str, str], list[str]] = {}
    places = dict.fromkeys(
        (part.recipe, part.rival, scale)
        for part in verdict.claim.parts()
        for scale in (part.base, part.scale)
        if scale is not None and part.kind != "collapses"
    )
    for recipe, rival, scale in places:
        lost = [-gains.get((name, scale), 0.0) for name in (recipe, rival)]
        if all(amount > 0 for amount in lost):
            amounts = f"{info.show(lost[0])} and {info.show(lost[1])} {info.unit}"
            told.setdefault((recipe, rival), []).append(f"at ×{scale} by {amounts}")
    return "".join(
        f"; but {name_of(recipe, names)} and {name_of(rival, names)} are both below bicubic in {info.name}, "
        f"{', '.join(where)}"
        for (recipe, rival), where in told.items()
    )


def _missing(verdict: Verdict) -> str:
    """The lacking recipes and scales, with the metrics where only these are lacking."""
    asked = {part.metric for part in verdict.claim.parts()}
    lacking: dict[tuple[str, int], set[str]] = {}
    for finding in verdict.findings:
        for cell in finding.absent:
            lacking.setdefault((cell.recipe, cell.scale), set()).add(finding.part.metric)
    told = [
        f"{name_of(recipe, {})} at ×{scale}"
        + ("" if metrics == asked else f" in {', '.join(sorted(metrics))}")
        for (recipe, scale), metrics in lacking.items()
    ]
    return " or ".join(told[:3]) + (f" (and {len(told) - 3} more)" if len(told) > 3 else "")
