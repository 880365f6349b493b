"""Validation during training: a generator on a few held-out images, again and again.

The metrics are evaluation's own; what they are measured on is the centre of each image, `crop` pixels a
side, so that a validation costs the same whatever the photographs' size. The validation's title includes it.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor, nn

from esrlab.core.nearest import did_you_mean
from esrlab.data.degradations.any_degradation import USUAL
from esrlab.data.degradations.base import Degradation
from esrlab.data.image_files import write_image
from esrlab.errors import UsageError
from esrlab.evaluation.benchmark import Measurement, NotMeasurableError, Picture, evaluate
from esrlab.evaluation.metrics.any_metric import METRICS
from esrlab.evaluation.metrics.choice import PRIMARY, parts_of, settle
from esrlab.evaluation.metrics.inputs import Metric, MetricPart
from esrlab.evaluation.upscalers import Upscaler, bicubic_upscaler
from esrlab.evaluation.validation.crops import SMALLEST, Crops, cut_crops
from esrlab.evaluation.validation.sheet import MOST_ROWS, draw_sheet
from esrlab.recipes.parts import AUTO

CROP = 256
"""Pixels a side of the part of each image that is measured: a 2K photograph whole takes a large generator
minutes.
"""

PREFIX = "validation/"


class Validator:
    """Judges a generator on the same crops each time; made by `open_validation`.

    Called, it gives the means over the images as {"validation/<label>": value}, and bicubic's beside them as
    {"validation/bicubic/<label>": value}. Where the generator yields anything but finite numbers, its values
    are nan. The generator is left as it was, training or not, and so is every random state.
    """

    def __init__(
        self,
        crops: Crops,
        *,
        scale: int,
        crop: int | None,
        device: torch.device,
        metrics: Mapping[str, Metric],
        degradation: Degradation,
    ) -> None:
        self._crops = crops
        self._scale = scale
        self._crop = crop
        self._device = device
        self._metrics = {kind: metric.at(scale) for kind, metric in metrics.items()}
        self._degradation = degradation
        self._bicubic = {
            f"{PREFIX}bicubic/{name}": value for name, value in self._measure(bicubic_upscaler(scale)).items()
        }

    def __call__(self, generator: nn.Module, *, sheet: Path | None = None) -> dict[str, float]:
        """Each metric's mean over the crops; `sheet`: where to write `draw`'s."""
        kept: list[Picture] = []
        with _undisturbed(generator, self._device):
            upscale = _Upscale(generator, self._device)
            means = self._measure(upscale, keep=kept)
        if sheet is not None:
            write_image(draw_sheet(kept, scale=self._scale), sheet)
        if upscale.is_broken:
            means = dict.fromkeys(means, math.nan)
        return {f"{PREFIX}{name}": value for name, value in means.items()} | self._bicubic

    def draw(self, generator: nn.Module) -> Tensor:
        """(1, 3, H, W): for up to four images, below each other, one crop as LR, bicubic, SR and HR."""
        few = replace(self._crops, members=self._crops.members[:MOST_ROWS])
        kept: list[Picture] = []
        with _undisturbed(generator, self._device):
            list(self._run(_Upscale(generator, self._device), few, metrics=(), keep=kept))
        return draw_sheet(kept, scale=self._scale)

    @property
    def title(self) -> str:
        """What is measured: "3 images of samples, the middle 256 px of each"."""
        count = len(self._crops.members)
        of = f"{count} image{'s' if count > 1 else ''} of {self._crops.name}"
        return f"{of}, whole" if self._crop is None else f"{of}, the middle {self._crop} px of each"

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits over the crops' names and pixels: equal crops, equal fingerprint."""
        return self._crops.fingerprint

    def best_by(self, by: str = AUTO, *, has_adversarial: bool) -> str:
        """The key by which the best generator is chosen: the metric of the kind `by`.

        "auto" is perception with an adversarial loss (LPIPS), else distortion (PSNR-Y), which would select
        the generator from before adversarial training, since invented sharp detail lowers it. Raises
        UsageError for a metric that this validation does not measure.
        """
        return f"{PREFIX}{self._chosen(by, has_adversarial=has_adversarial).name}"

    def _chosen(self, by: str, *, has_adversarial: bool) -> Metric:
        if by == AUTO:
            role = "perception" if has_adversarial else "distortion"
            return next(metric for metric in self._metrics.values() if metric.info.role == role)
        if by not in self._metrics:
            measured = ", ".join((AUTO, *self._metrics))
            raise UsageError(f"validation.best_by must be one of {measured} here, not {by}")
        return self._metrics[by]

    def improves(
        self, values: dict[str, float], best: float | None, *, by: str, has_adversarial: bool
    ) -> float | None:
        """The value that decides, where it is better than the best so far, else None."""
        metric = self._chosen(by, has_adversarial=has_adversarial)
        value = values[f"{PREFIX}{metric.name}"]
        return value if is_better(metric, value, best) else None

    def _measure(self, upscale: Upscaler, *, keep: list[Picture] | None = None) -> dict[str, float]:
        values: defaultdict[str, list[float]] = defaultdict(list)
        for row in self._run(upscale, self._crops, metrics=tuple(self._metrics.values()), keep=keep):
            values[row.metric].append(row.value)
        return {
            metric.name: fmean(values[metric.name]) if values[metric.name] else math.nan
            for metric in self._metrics.values()
        }

    def _run(
        self, upscale: Upscaler, crops: Crops, *, metrics: Sequence[Metric], keep: list[Picture] | None
    ) -> Iterator[Measurement]:
        def remember(picture: Picture) -> None:
            if keep is not None and len(keep) < MOST_ROWS:
                keep.append(picture)

        return evaluate(
            upscale,
            crops,
            scale=self._scale,
            metrics=metrics,
            degradation=self._degradation,
            keep=remember,
            on_error=_pass_over_the_unmeasurable,
        )


def open_validation(
    source: str,
    *,
    scale: int,
    device: torch.device,
    limit: int | None = None,
    crop: int | None = CROP,
    degradation: Degradation = USUAL,
    best_by: str = AUTO,
) -> Validator:
    """A validation on the images at `source`: a folder (its `HR` where there is one), or "samples".

    `limit`: so many of the images, evenly spread over their sorted names. `crop`: the middle so many pixels
    a side, None for whole images. `degradation`: how LR is made, best as in training. Measured are the
    standard metrics (LPIPS≈ where LPIPS's weights are not at hand), and the one of the kind `best_by`.
    Bicubic is measured at once. UserError: no image, or one too small; UsageError: a limit or crop that
    leaves nothing, a metric that there is not.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"a validation needs at least 1 image, not {limit}")
    if crop is not None and crop < SMALLEST:
        raise UsageError(f"validation crops need at least {SMALLEST} px a side, not {crop}")
    metrics = {part.kind_name(): part.build(device) for part in _measured(best_by)}
    crops = cut_crops(source, limit=limit, crop=crop, grid=degradation.grid(scale))
    return Validator(crops, scale=scale, crop=crop, device=device, metrics=metrics, degradation=degradation)


def _measured(best_by: str) -> list[MetricPart]:
    if best_by != AUTO and best_by not in METRICS:
        raise UsageError(
            f"validation.best_by must be {AUTO} or one of {', '.join(METRICS)}, not {best_by}"
            + did_you_mean(best_by, list(METRICS))
        )
    usual = settle(PRIMARY, students=True)
    if best_by in (AUTO, *(part.kind_name() for part in usual)):
        return usual
    return [*usual, parts_of([best_by])[0]]


def is_better(metric: Metric, new: float, old: float | None) -> bool:
    """Whether `new` is better than `old` in this metric, which defines whether higher is better.

    nan never wins, and loses to anything; `old` is None where there is none yet.
    """
    if math.isnan(new):
        return False
    if old is None or math.isnan(old):
        return True
    return new > old if metric.higher_is_better else new < old


def _pass_over_the_unmeasurable(image: str, error: Exception) -> None:
    """A flat or broken image has no value of some metrics: it is in no mean. Whatever else fails, raises."""
    if not isinstance(error, NotMeasurableError):
        raise error


class _Upscale:
    """A generator as an upscaler of finite values, remembering whether it had to be mended."""

    def __init__(self, generator: nn.Module, device: torch.device) -> None:
        self._generator = generator
        self._device = device
        self.is_broken = False

    def __call__(self, lr: Tensor) -> Tensor:
        sr = self._generator(lr.to(self._device)).float()
        if not torch.isfinite(sr).all():
            self.is_broken = True
            sr = torch.nan_to_num(sr)
        return sr.clamp(0, 1).cpu()


@contextmanager
def _undisturbed(generator: nn.Module, device: torch.device) -> Iterator[None]:
    """Eval mode without gradients; every module's own mode and all random states are put back after."""
    modes = [(module, module.training) for module in generator.modules()]
    generator.eval()
    try:
        # no_grad, not inference_mode: what a module keeps from here must serve in training too.
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.no_grad():
            yield
    finally:
        for module, was_training in modes:
            module.training = was_training
