"""Which metrics are measured: by their kinds' names, and by what is at hand on this machine."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
from pydantic import TypeAdapter

from esrlab.core.metrics import BUILT_IN, KnownMetrics, MetricInfo
from esrlab.core.nearest import did_you_mean
from esrlab.evaluation.metrics.any_metric import METRICS, STANDARD, AnyMetric
from esrlab.evaluation.metrics.inputs import Metric, MetricPart

_ANY: TypeAdapter[Any] = TypeAdapter(AnyMetric)

PRIMARY = tuple(part for part in STANDARD if part.info.is_primary)
"""The one of each standard family that verdicts are about; a validation measures them."""


PLAIN_KINDS = tuple(dict.fromkeys(part.kind_name() for part in STANDARD if "weights" not in part.info.needs))
"""What is measured where nothing is asked for and no weights need be at hand."""


def parts_of(kinds: Iterable[str], *, paper: bool = True) -> list[MetricPart]:
    """The metrics that names of kinds ask for, in the order of columns; `paper`: the paper's own too.

    Raises ValueError for a kind that there is not, or for none.
    """
    asked = list(kinds)
    unknown = [kind for kind in asked if kind not in METRICS]
    if unknown or not asked:
        hint = did_you_mean(unknown[0], list(METRICS)) if unknown else ""
        raise ValueError(
            f"metrics must be one or more of {', '.join(METRICS)}, not "
            f"{', '.join(unknown) or 'nothing'}{hint}"
        )
    usual = [part for part in STANDARD if part.kind_name() in asked]
    others = [
        metric()
        for kind, metric in METRICS.items()
        if kind in asked and all(part.kind_name() != kind for part in STANDARD)
    ]
    return [part for part in (*usual, *others) if paper or part.info.shown != "paper"]


def expand(asked: Sequence[Any]) -> list[MetricPart]:
    """Metrics as a file lists them: kinds' names, then tables of settings, each metric once.

    Raises ValueError for what is neither, and where nothing is asked for.
    """
    names = [each for each in asked if isinstance(each, str)]
    tables = [
        each if isinstance(each, MetricPart) else _ANY.validate_python(each)
        for each in asked
        if not isinstance(each, str)
    ]
    return list(dict.fromkeys([*(parts_of(names) if names or not tables else []), *tables]))


def settle(asked: Sequence[MetricPart], *, students: bool) -> list[MetricPart]:
    """Those that are ready on this machine; `students`: what estimates one that is not, in its place."""
    settled: list[MetricPart] = []
    for part in asked:
        estimate = part.instead() if students else None
        if part.is_ready():
            settled.append(part)
        elif estimate is not None and estimate.is_ready():
            settled.append(estimate)
    return list(dict.fromkeys(settled))


def estimates_of(asked: Sequence[MetricPart]) -> list[MetricPart]:
    """The same with its estimate in place of each that has one."""
    return list(dict.fromkeys(part.instead() or part for part in asked))


def with_border(asked: Sequence[MetricPart], border: int | None) -> list[MetricPart]:
    """The same with this border where they leave one out; None for the scale."""
    return [
        part.model_copy(update={"border": border})
        if border is not None and "border" in type(part).model_fields and part.info.shown != "paper"
        else part
        for part in asked
    ]


def build_metrics(asked: Iterable[MetricPart], *, device: torch.device) -> tuple[Metric, ...]:
    """Each ready to measure; UserError, with the remedy, where weights are not on this machine."""
    return tuple(part.build(device) for part in asked)


def standard_metrics(scale: int, *, border: int | None = None) -> tuple[Metric, ...]:
    """The field's PSNR and SSIM on Y and on RGB, without `border` pixels at each side: `scale` by default.

    ValueError: a negative border, or a scale below 1.
    """
    if scale < 1:
        raise ValueError(f"the scale must be a whole number of at least 1, not {scale}")
    if border is not None and border < 0:
        raise ValueError(f"border is {border}; it is the number of pixels cropped at each side, 0 or more")
    plain = [part for part in STANDARD if part.info.shown != "paper" and "weights" not in part.info.needs]
    built = build_metrics(with_border(plain, border), device=torch.device("cpu"))
    return tuple(metric.at(scale) for metric in built)


def paper_metrics() -> tuple[Metric, ...]:
    """The paper's PSNR and SSIM, for comparison with its tables only; no border is left out."""
    of_paper = [part for part in STANDARD if part.info.shown == "paper"]
    return build_metrics(of_paper, device=torch.device("cpu"))


@lru_cache(maxsize=1)
def known_here() -> KnownMetrics:
    """What this version knows of metrics: those of rows from before, and every kind's."""
    return BUILT_IN.joined(describe(kind() for kind in METRICS.values()))


def describe(parts: Iterable[MetricPart]) -> tuple[MetricInfo, ...]:
    """What goes beside rows of these metrics, each once."""
    return tuple({part.info.id: part.info for part in parts}.values())
