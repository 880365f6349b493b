"""What each loss costs beside L1: time forward, time with the gradient, and memory.

    python benchmarks/losses.py --rounds 5 > docs/results/losses-cpu.txt

Every kind of loss with its defaults, on random images; those on a network with random weights, which cost the
same as real ones, and once more on the student where there is one. Each round times every loss once, in turn;
printed are medians in milliseconds an image and medians of the ratios to L1 in the same round, so that a
machine whose speed drifts favours none of them. Memory is the peak of resident memory during one pass with
the gradient, less what was resident before: the whole batch's, without images and weights (Linux alone).
"""

import argparse
import ctypes
import platform
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from esrlab.core.parts import kinds_in
from esrlab.losses.any_loss import AnyLoss
from esrlab.losses.inputs import Loss, LossFunction, LossInputs

FITTED: Mapping[str, Mapping[str, Any]] = {"ms-ssim": {"scales": 4}}
"""Settings that make a loss take patches of 128 px."""

LEFT_OUT = ("custom",)
"""A user's own file costs what it costs."""

YARDSTICK = "l1"
_M_MMAP_THRESHOLD = -3


def list_losses() -> dict[str, Loss]:
    """Every kind by its name, on untrained weights where it wants some, and on the student's after it."""
    found: dict[str, Loss] = {}
    for kind, model in kinds_in(AnyLoss).items():
        if kind in LEFT_OUT:
            continue
        loss = model.model_validate(FITTED.get(kind, {}))
        assert isinstance(loss, Loss)
        found[kind] = loss.with_weights("untrained")
        if loss.needs:
            found[f"{kind}, student"] = loss.with_weights("student")
    return found


def draw(batch: int, side: int, *, with_gradient: bool) -> LossInputs:
    """A fresh batch: nothing of a former pass is remembered."""
    hr = torch.rand(batch, 3, side, side)
    sr = (hr + 0.05 * torch.randn_like(hr)).requires_grad_(with_gradient)
    return LossInputs(lr=torch.nn.functional.avg_pool2d(hr, 4), sr=sr, hr=hr)


def run_once(measure: LossFunction, inputs: LossInputs) -> float:
    """Seconds of one pass, with the gradient where sr wants one."""
    began = time.perf_counter()
    with torch.set_grad_enabled(inputs.sr.requires_grad):
        value = measure(inputs)
        if inputs.sr.requires_grad:
            torch.autograd.grad(value, inputs.sr)
    return time.perf_counter() - began


def measure_memory(measure: LossFunction, *, batch: int, side: int) -> float:
    """MiB at the peak of a pass with the gradient, beyond what is resident before it."""
    inputs = draw(batch, side, with_gradient=True)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before = _resident("VmRSS")
    run_once(measure, inputs)
    return max(0.0, (_resident("VmHWM") - before) / 1024)


def _resident(name: str) -> int:
    """KiB, from the kernel."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """Times and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in (("--threads", 1), ("--rounds", 5), ("--batch", 8), ("--side", 128)):
        parser.add_argument(name, type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2**16)  # what is freed goes back, and is not seen as in use
    losses = list_losses()
    built = {name: loss.build(torch.device("cpu")) for name, loss in losses.items()}
    times: dict[tuple[str, bool], list[float]] = {
        (name, grad): [] for name in built for grad in (False, True)
    }
    for _ in range(options.rounds + 1):
        for (name, with_gradient), found in times.items():
            inputs = draw(options.batch, options.side, with_gradient=with_gradient)
            found.append(run_once(built[name], inputs) * 1000 / options.batch)
    print(f"{options.batch} images of {options.side}×{options.side}, {options.threads} thread(s) of", end=" ")
    print(f"{_processor()}, Python {platform.python_version()}, torch {torch.__version__},")
    print(f"float32; medians of {options.rounds} rounds")
    print(f"after one to warm up; ratios to {YARDSTICK} in the same round; MiB: peak of the whole batch\n")
    print(f"{'kind':<28}{'label':<30}{'forward':>11}{'ratio':>8}{'+ gradient':>13}{'ratio':>8}{'MiB':>7}")
    for name, measure in built.items():
        cells = ""
        for with_gradient, width in ((False, 8), (True, 10)):
            own, base = times[name, with_gradient][1:], times[YARDSTICK, with_gradient][1:]
            ratio = statistics.median(one / other for one, other in zip(own, base, strict=True))
            cells += f"{statistics.median(own):>{width}.2f} ms{ratio:>8.1f}"
        memory = measure_memory(measure, batch=options.batch, side=options.side)
        print(f"{name:<28}{losses[name].label:<30}{cells}{memory:>7.0f}")


if __name__ == "__main__":
    main()
