"""What a study's rows can say and what they cannot, in sentences, from the rows alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from esrlab.core.scores import BICUBIC, CASCADE, Score
from esrlab.report.paper import PRINTED

PAPER_STEPS = 5000
SETTLING_SEEDS = 3

LEARNT_LPIPS = (
    "it was trained on LPIPS and is evaluated with it, so its LPIPS shows how well it learnt the metric"
)
"""The caveat of a recipe that has the metric for a loss."""


@dataclass(frozen=True)
class Words:
    """What a report says in sentences: what its rows can say, what they cannot, and notes on conventions."""

    can: tuple[str, ...]
    cannot: tuple[str, ...]
    notes: tuple[str, ...]


def write_words(scores: Sequence[Score], *, notes: Sequence[str]) -> Words:
    """The sentences of a report, from its rows alone."""
    methods = [score for score in scores if score.recipe != BICUBIC]
    if not methods:
        return Words(can=(), cannot=("anything about a loss: nothing was trained yet",), notes=tuple(notes))
    trained = [score for score in methods if score.seed is not None]
    seeds = len({score.seed for score in trained})
    images = len({score.image for score in scores})
    kind = "trained generators" if len(trained) == len(methods) else "methods"
    can = [
        f"which of these {kind} scores higher on {_count(images, 'image')}, "
        "under the conventions named in each column"
    ]
    if seeds > 1:
        can.append("how much the seeds of one recipe differ (±), the scale for any other difference")
    cannot = [*_limits_of_training(trained, seeds=seeds), *_limits_of_judging(scores, methods)]
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


def _limits_of_judging(scores: Sequence[Score], methods: Sequence[Score]) -> Iterator[str]:
    """What cannot be concluded, because of the metrics and images of the evaluation."""
    if any(learnt_lpips(score.label) for score in methods):
        yield f"whether a recipe with an LPIPS loss is perceptually nearer: {LEARNT_LPIPS}"
    below = _below_bicubic(scores)
    if below:
        yield f"how good these losses are at their best: {below} of the rows are below bicubic in PSNR-Y"
    if PRINTED.keys() & {score.recipe for score in scores}:
        yield "the paper's figures as such: its photographs, its generator's size and its test images differ"


def learnt_lpips(label: str) -> bool:
    """Whether LPIPS, or its imitation, is among the losses that a recipe's label names."""
    losses = label.partition(" [")[0].split(" + ")
    return any(re.match(r"LPIPS(?:≈|,|$)", loss) for loss in losses)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _span(steps: list[int]) -> str:
    return str(steps[0]) if len(steps) == 1 else f"{steps[0]} to {steps[-1]}"


def _below_bicubic(scores: Sequence[Score]) -> str:
    """How many (recipe, scale) means of trainings are below bicubic's, as "n of m", or nothing."""
    totals: dict[tuple[str, int], list[float]] = {}
    for score in scores:
        counts = score.recipe == BICUBIC or score.seed is not None
        if counts and score.metric == f"PSNR-Y/{score.scale}":
            totals.setdefault((score.recipe, score.scale), []).append(score.value)
    means = {key: sum(values) / len(values) for key, values in totals.items()}
    rivals = [key for key in means if key[0] != BICUBIC and not key[0].endswith(CASCADE)]
    below = [key for key in rivals if means[key] < means.get((BICUBIC, key[1]), float("-inf"))]
    return f"{len(below)} of {len(rivals)}" if below else ""
