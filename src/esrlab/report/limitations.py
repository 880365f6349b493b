"""What a study's rows can say and what they cannot, in sentences, from the rows alone."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from esrlab.core.metrics import BUILT_IN, KnownMetrics
from esrlab.core.scores import BICUBIC, CASCADE, Score
from esrlab.report.coverage import count_common, find_fewer, name_fewer
from esrlab.report.paper import PRINTED
from esrlab.report.verdict_text import name_of
from esrlab.statistics.verdicts import Verdict

PAPER_STEPS = 5000
SETTLING_SEEDS = 3

_SCORED_ON = re.compile(r"\[scored on LR: ([^;\]]+)")
_MADE_BY = re.compile(r"(?:\[|; )LR: ([^;\]]+)")
"""What a label tells among its remarks: on which LR images it was scored, else how all were made."""

SPELT_WITH_AN = "AEFHILMNORSX"
"""Letters whose own names begin with a vowel: an LPIPS loss, a DISTS loss."""


@dataclass(frozen=True)
class Words:
    """What a report says in sentences: what its rows can say, what they cannot, and notes on conventions."""

    can: tuple[str, ...]
    cannot: tuple[str, ...]
    notes: tuple[str, ...]


def write_words(scores: Sequence[Score], *, notes: Sequence[str], known: KnownMetrics = BUILT_IN) -> Words:
    """The sentences of a report, from its rows alone."""
    methods = [score for score in scores if score.recipe != BICUBIC]
    if not methods:
        return Words(can=(), cannot=("anything about a loss: nothing was trained yet",), notes=tuple(notes))
    trained = [score for score in methods if score.seed is not None]
    seeds = len({score.seed for score in trained})
    common, images = count_common(scores, known=known)
    kind = "trained generators" if len(trained) == len(methods) else "methods"
    where = _count(images, "image") if common == images else f"the {common} of {images} images that all have"
    higher = f"which of these {kind} scores higher on {where}, under the conventions named in each column"
    can = [higher] if common else []
    if seeds > 1:
        can.append("how much the seeds of one recipe differ (±), the scale for any other difference")
    cannot = [*_limits_of_training(trained, seeds=seeds), *_limits_of_judging(scores, methods, known)]
    return Words(can=tuple(can), cannot=tuple(cannot), notes=tuple(notes))


def _limits_of_training(trained: Sequence[Score], *, seeds: int) -> Iterator[str]:
    """What cannot be said for how the methods were trained: with few seeds or steps, on small networks."""
    if seeds == 0:
        yield "whether a difference is a loss's or a seed's: the seeds of these methods are not known"
    elif seeds < SETTLING_SEEDS:
        yield f"whether a difference is the loss's or the seed's: {_count(seeds, 'seed')} cannot settle it"
    steps = sorted({score.step for score in trained if score.step is not None})
    if steps and steps[-1] < PAPER_STEPS:
        yield f"what the paper's training of {PAPER_STEPS} steps would give: these had {_span(steps)} steps"
    if any("untrained" in score.label for score in trained):
        yield (
            "what ImageNet features buy: the content networks here are untrained (random weights), "
            "so VGG against ResNet compares two random architectures"
        )
    if any("student" in score.label for score in trained):
        residual = any("residual (student)" in score.label for score in trained)
        yield (
            "what the full ImageNet networks buy: the content networks here are small students of them"
            + (", and the residual student's teacher is an EfficientNet, not a ResNet" if residual else "")
        )


def _limits_of_judging(
    scores: Sequence[Score], methods: Sequence[Score], known: KnownMetrics
) -> Iterator[str]:
    """What cannot be concluded, because of the metrics and images of the evaluation."""
    fewer = find_fewer(scores, known=known)
    for benchmark in dict.fromkeys(place.benchmark for place in fewer):
        few = name_fewer({place: place.recipe for place in fewer if place.benchmark == benchmark}, fewer)
        yield (
            f"how means of fewer images stand beside the others on {benchmark}: {few}; they are in no plane "
            "of perception and distortion"
        )
    for family in learnt_metrics([score.label for score in methods], known):
        article = "an" if family[0] in SPELT_WITH_AN else "a"
        yield f"whether a recipe with {article} {family} loss is perceptually nearer: {learnt_words(family)}"
    below = _below_bicubic(scores, known)
    if below:
        measured = known.distortion.name
        yield f"how good these losses are at their best: {below} of the rows are below bicubic in {measured}"
    if PRINTED.keys() & {score.recipe for score in scores}:
        yield "the paper's figures as such: its photographs, its generator's size and its test images differ"


def name_degradations(scores: Iterable[Score]) -> list[str]:
    """A note on each way in which the LR images of rows were made that tables do not tell."""
    found: dict[str, dict[str, None]] = {}
    for score in scores:
        others, made = _SCORED_ON.findall(score.label), _MADE_BY.findall(score.label)
        for degradation in others or made:
            how = "other ones than it was trained on" if others else "not the benchmarks' bicubic ones"
            found.setdefault(f"LR images made by {degradation}, {how}", {})[score.recipe] = None
    return [f"{', '.join(recipes)}: scored on {images}." for images, recipes in found.items()]


def learnt_metrics(labels: Iterable[str], known: KnownMetrics = BUILT_IN) -> tuple[str, ...]:
    """The families of perceptual metrics that are, or whose imitation is, a loss in any of the labels."""
    losses = {loss for label in set(labels) for loss in label.partition(" [")[0].split(" + ")}
    return tuple(
        family
        for family in dict.fromkeys(info.family for info in known.infos if info.role == "perception")
        if any(re.match(rf"{re.escape(family)}(?:≈|,|$)", loss) for loss in losses)
    )


def learnt_words(*families: str) -> str:
    """The caveat of a recipe that has a metric for a loss."""
    told = " and ".join(families)
    shown = f"its {told} shows how well it learnt the metric"
    return f"it was trained on {told} and is evaluated with it, so {shown}"


def name_learnt(examined: Sequence[Verdict], labels: Mapping[str, str], known: KnownMetrics) -> list[str]:
    """A note on the recipes that were trained on a metric which a verdict compares them in."""
    findings = [finding for verdict in examined for finding in verdict.findings]
    notes: list[str] = []
    for family in dict.fromkeys(finding.part.metric for finding in findings):
        recipes = {
            recipe
            for finding in findings
            if finding.part.metric == family
            for recipe in (finding.part.recipe, finding.part.rival)
            if family in learnt_metrics([labels.get(recipe, "")], known)
        }
        if recipes:
            told = ", ".join(sorted(name_of(recipe, {}) for recipe in recipes))
            notes.append(f"{told}: {learnt_words(family)}.")
    return notes


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _span(steps: list[int]) -> str:
    return str(steps[0]) if len(steps) == 1 else f"{steps[0]} to {steps[-1]}"


def _below_bicubic(scores: Sequence[Score], known: KnownMetrics) -> str:
    """How many (recipe, scale) means of trainings are below bicubic's, as "n of m", or nothing."""
    measured = [score for score in scores if score.metric == known.distortion.at(score.scale)]
    base = {(s.image, s.scale): s.value for s in measured if s.recipe == BICUBIC}
    gains: dict[tuple[str, int], float] = {}
    for score in measured:  # on the images that bicubic has, too
        if score.seed is not None and not score.recipe.endswith(CASCADE):
            gain = score.value - base.get((score.image, score.scale), score.value)
            gains[score.recipe, score.scale] = gains.get((score.recipe, score.scale), 0.0) + gain
    below = [key for key, gain in gains.items() if gain < 0]
    return f"{len(below)} of {len(gains)}" if below else ""
