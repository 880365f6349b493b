"""The columns of figures that tables have, and what has to be said of them."""

from collections.abc import Iterable, Iterator

from esrlab.core.metrics import CONVENTIONS, KnownMetrics, MetricInfo

PAPERS = "paper"
"""Heads the paper's own figure, beside ours."""

ABSENT = "n/a"
"""What stands in a column where it was not measured."""

INTERVALS = (
    "In brackets: the 95% interval of a mean over seeds, by t, on these images. It does not tell whether one "
    "recipe is better than another: intervals of differences do."
)
NO_INTERVALS = "No mean has a ± or a 95% interval: that takes several seeds."

BESIDE = ", the paper's beside it included,"
"""What the note on an imitation adds where the paper's value stands beside it."""

UNKNOWN_METRICS_NOTE = (
    "{metrics}: it is not known whether higher or lower is better, so it is in tables.csv only and not "
    "compared."
)


def field_columns(known: KnownMetrics) -> tuple[MetricInfo, ...]:
    """The metrics whose columns stand in every table, whatever was measured, perceptual ones apart."""
    return tuple(info for info in known.infos if info.shown == "always" and info.role != "perception")


def paper_columns(known: KnownMetrics) -> tuple[MetricInfo, ...]:
    """The metrics that stand beside the paper's own figures alone."""
    return tuple(info for info in known.infos if info.shown == "paper")


def other_columns(known: KnownMetrics, measured: Iterable[str]) -> tuple[MetricInfo, ...]:
    """Perceptual metrics, then whatever else rows have or were to have, from the ids that were measured.

    Of a perceptual metric that always has a column the imitation stands beside it, or in its place where it
    alone was measured. Those that were described beside the rows, but could not be measured, have a column.
    """
    found = {known.find(metric) for metric in measured}
    shown: list[MetricInfo] = []
    for info in known.infos:
        imitation = known.imitation(info)
        if info.shown == "always" and info.role == "perception":
            shown += [info] if info in found or imitation not in found else []
        elif info.shown == "measured" and (info in found or not info.imitates):
            shown.append(info)
    return tuple(sorted(shown, key=lambda info: info.role != "perception"))


def name_conventions(known: KnownMetrics, measured: Iterable[str], *, has_papers: bool) -> Iterator[str]:
    """What each column measures and how, and what helps where it has no values."""
    metrics = set(measured)
    found = {known.find(metric) for metric in metrics}
    yield CONVENTIONS
    for info in known.infos:
        imitation = known.imitation(info)
        if info.imitates and info in found:
            beside = BESIDE if has_papers else ""
            yield (
                f"{info.id} is {info.convention}; it is not {info.imitates}, and how far it is from a "
                f"published value{beside} means nothing."
            )
        elif info.shown == "measured" and not info.imitates:
            yield f"{info.id}: {info.convention}{_direction(info)}."
        if info.remedy and info not in found and (imitation is None or imitation not in found):
            yield (
                f"No row has {info.id}: it was not asked for, or its weights were not there when these rows "
                f"were made. {info.remedy}; finished runs then have to be scored anew in a new folder."
            )
    unknown = sorted(metric for metric in metrics if known.find(metric) is None)
    if unknown:
        yield UNKNOWN_METRICS_NOTE.format(metrics=", ".join(unknown))


def _direction(info: MetricInfo) -> str:
    return ", larger is better" if info.higher_is_better else ", smaller is better"
