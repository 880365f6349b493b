"""What is known of metrics: id, family, unit, which way is better. Rows hold ids alone.

Statistics and reports read rows without the code that measured them, so descriptions travel with the rows:
whoever writes rows writes `metrics.json` beside them. Folders without it are from before there was one, and
their metrics are described here. Of an id that is described nowhere nothing is assumed.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from esrlab.core.files import find_inside, to_json, write_text
from esrlab.core.text_files import read_json
from esrlab.errors import UsageError

METRICS = "metrics.json"
"""Beside rows: what their metrics are."""

Need = Literal["hr", "lr", "weights"]
Role = Literal["distortion", "perception", "consistency"]
Shown = Literal["always", "measured", "paper"]


@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """What a metric's values are, as far as a reader of rows has to know.

    id: what rows call it, and its column's heading; a final "/s" is the scale (PSNR-Y/s is PSNR-Y/4 at ×4).
    family: what claims call it; `is_primary` marks the one of a family that they are about. unit, decimals:
    how values are shown. needs: what it is measured from beside the generated image. convention: how it is
    measured, in words. role: nearness to HR, how it looks to people, or consistency with LR. imitates: the id
    of the metric that this one estimates; it is never shown under that one's name. shown: "always" has a
    column even where nothing was measured, "paper" only beside the paper's own figures. remedy: what helps
    where there are no values.
    """

    id: str
    family: str
    higher_is_better: bool
    unit: str = ""
    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    needs: tuple[Need, ...] = ("hr",)
    convention: str = ""
    role: Role = "distortion"
    is_primary: bool = False
    imitates: str = ""
    shown: Shown = "measured"
    remedy: str = ""

    def at(self, scale: int) -> str:
        """What rows call it at a scale."""
        return f"{self.name}/{scale}" if self.id.endswith("/s") else self.id

    @property
    def name(self) -> str:
        """The id without the border: PSNR-Y."""
        return self.id.removesuffix("/s")

    @property
    def short(self) -> str:
        """What it is called where conventions are told elsewhere: its family, an imitation by its own id."""
        return self.name if self.imitates or not self.is_primary else self.family

    def show(self, value: float) -> str:
        """A value with the metric's decimals."""
        return f"{value:.{self.decimals}f}"

    def agrees_with(self, other: "MetricInfo") -> bool:
        """Whether both describe one metric: how values are shown may differ, what they are may not."""
        return all(getattr(self, name) == getattr(other, name) for name in _MEANING)


_MEANING = ("family", "unit", "higher_is_better", "convention")


@dataclass(frozen=True)
class KnownMetrics:
    """Descriptions of metrics, in the order of their columns."""

    infos: tuple[MetricInfo, ...]
    _found: dict[str, MetricInfo | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, metric: str) -> MetricInfo | None:
        """The description of what a row calls its metric, such as PSNR-Y/4; None where there is none."""
        if metric not in self._found:
            ids = {info.id: info for info in self.infos}
            bordered = ids.get(f"{metric}/s") or ids.get(re.sub(r"/[0-9]+\Z", "/s", metric))
            self._found[metric] = ids.get(metric) or bordered
        return self._found[metric]

    def primary(self, family: str) -> MetricInfo | None:
        """The metric that claims mean by a family; None for a family that is not known."""
        return next((info for info in self.infos if info.family == family and info.is_primary), None)

    def imitation(self, info: MetricInfo) -> MetricInfo | None:
        """What estimates a metric, where anything does."""
        return next((other for other in self.infos if other.imitates == info.id), None)

    @property
    def families(self) -> tuple[str, ...]:
        """What claims may be about."""
        return tuple(dict.fromkeys(info.family for info in self.infos if info.is_primary))

    @property
    def distortion(self) -> MetricInfo:
        """The measure of nearness that gains over bicubic, planes and pictures are about: the first."""
        return next(info for info in self.infos if info.role == "distortion" and info.is_primary)

    def joined(self, infos: Iterable[MetricInfo]) -> "KnownMetrics":
        """These and others; of an id that both have, the other."""
        return KnownMetrics(
            tuple(({info.id: info for info in self.infos} | {info.id: info for info in infos}).values())
        )


def _bt601(family: str, *, unit: str = "", decimals: int = 4) -> tuple[MetricInfo, MetricInfo, MetricInfo]:
    """The field's metric on luma and on RGB, and the paper's."""
    luma = "on BT.601 luma, s = scale pixels of border left out, 8-bit images, mean over images"
    rgb = "on the three channels, s = scale pixels of border left out, 8-bit images, mean over images"
    paper = "on images in [−1, 1] with the paper's own constants, no border left out"
    return (
        MetricInfo(
            id=f"{family}-Y/s",
            family=family,
            higher_is_better=True,
            unit=unit,
            decimals=decimals,
            convention=luma,
            is_primary=True,
            shown="always",
        ),
        MetricInfo(
            id=f"{family}-RGB/s",
            family=family,
            higher_is_better=True,
            unit=unit,
            decimals=decimals,
            convention=rgb,
            shown="always",
        ),
        MetricInfo(
            id=f"{family}-paper",
            family=family,
            higher_is_better=True,
            unit=unit,
            decimals=decimals,
            convention=paper,
            shown="paper",
        ),
    )


_PSNR, _SSIM = _bt601("PSNR", unit="dB", decimals=2), _bt601("SSIM")
_LPIPS = MetricInfo(
    id="LPIPS",
    family="LPIPS",
    higher_is_better=False,
    needs=("hr", "weights"),
    convention="AlexNet, v0.1, whole images, smaller is nearer",
    role="perception",
    is_primary=True,
    shown="always",
    remedy="esrlab weights get alexnet and esrlab weights get lpips-alex fetch them (244 MB and 6 kB)",
)
_LPIPS_STUDENT = MetricInfo(
    id="LPIPS≈",
    family="LPIPS",
    higher_is_better=False,
    convention="a small network that was taught to imitate LPIPS-Alex",
    role="perception",
    imitates="LPIPS",
)

BUILT_IN = KnownMetrics(
    (
        *(info for pair in zip(_PSNR, _SSIM, strict=True) for info in pair),
        _LPIPS,
        _LPIPS_STUDENT,
    )
)
"""The metrics that rows had before descriptions lay beside them, in the order of their columns."""


CONVENTIONS = (
    "PSNR-Y/s and SSIM-Y/s: on BT.601 luma, s = scale pixels of border left out, 8-bit images, mean over "
    "images; -RGB: on the three channels. ± is the standard deviation between seeds of each seed's mean. "
    "LPIPS: AlexNet, v0.1, whole images, smaller is nearer."
)
"""The conventions of those that have a column in every table."""


def described(metric: str) -> MetricInfo:
    """The built-in description of an id with its "/s"; KeyError for another."""
    return {info.id: info for info in BUILT_IN.infos}[metric]


def _each_once(infos: tuple[MetricInfo, ...]) -> tuple[MetricInfo, ...]:
    twice = {info.id for info in infos if sum(other.id == info.id for other in infos) > 1}
    if twice:
        raise ValueError(f"{min(twice)} is described twice")
    return infos


_INFOS = TypeAdapter(Annotated[tuple[MetricInfo, ...], AfterValidator(_each_once)])


def read_described(folder: Path) -> tuple[MetricInfo, ...]:
    """What metrics.json of a folder describes, none without it; UserError naming file and field."""
    path = find_inside(folder, METRICS)
    return () if path is None else read_json(path, _INFOS)


def read_known(folder: Path) -> KnownMetrics:
    """What is known of the metrics in a folder's rows: its own descriptions, and the built-in ones."""
    return BUILT_IN.joined(read_described(folder))


def write_described(folder: Path, infos: Iterable[MetricInfo]) -> None:
    """Writes metrics.json, atomically."""
    write_text(folder / METRICS, to_json([asdict(info) for info in infos], indent=2) + "\n")


def add_described(folder: Path, infos: Iterable[MetricInfo]) -> None:
    """Adds descriptions to a folder's metrics.json; UsageError as `merge_described`."""
    there, new = read_described(folder), tuple(infos)
    merged = merge_described([(f"{folder}", there), ("this version of esrlab", new)])
    if merged != there:
        write_described(folder, merged)


def merge_described(sources: Iterable[tuple[str, Iterable[MetricInfo]]]) -> tuple[MetricInfo, ...]:
    """The descriptions of several sources, each with what it is called, by the first that has each.

    Raises UsageError where two describe one id as different metrics: their rows cannot be compared.
    """
    found: dict[str, tuple[str, MetricInfo]] = {}
    for source, infos in sources:
        for info in infos:
            first, known = found.setdefault(info.id, (source, info))
            if not known.agrees_with(info):
                name = next(name for name in _MEANING if getattr(known, name) != getattr(info, name))
                raise UsageError(
                    f"{info.id} is one metric in {first} and another in {source}: {name} is "
                    f"{getattr(known, name)!r} and {getattr(info, name)!r}; report them apart"
                )
    return tuple(info for _, info in found.values())
