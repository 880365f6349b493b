"""What a training step costs beside the usual trainers' (benchmarks/yardstick.py), measured side by side.

    python benchmarks/training.py --size paper|small|tiny [--scale 4] [--batch 16] [--threads 2]
        [--rounds 5] [--device cpu|cuda] [--precision float32|bf16] [--compile]

Every way to take a step has a process of its own. Each round times one step of each in turn, the order
turning with the rounds; ratios are medians of the rounds' own ratios, so that a machine whose speed drifts
favours none. On a CPU that other work shares, the ratio of CPU seconds says more than that of the clock: it
leaves out the time in which others had the cores. Peak is the best of all matrix products (4096×4096, in the
way's precision, three before each round in this process); FLOPs are counted by torch's formulas for
convolutions and matrix products in a step of each way (a compiled way is taken to have the uncompiled one's);
shares of the peak are by the clock and by the CPU. Memory is the process's peak beyond what it had before it
built anything.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from contestants import SIZES, Task, Way, take_part

SIDE = 4096


@dataclass
class Contestant:
    """A way's process, and what was measured of it."""

    way: Way
    line: Any
    process: Any
    flops: float = 0.0
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    content: float = 0.0

    def ask(self, order: str) -> Any:
        """Send an order and wait for its answer."""
        self.line.send(order)
        return self.line.recv()

    def step(self) -> None:
        """Time one step."""
        seconds, cpu_seconds, self.content = self.ask("step")
        self.seconds.append(seconds)
        self.cpu_seconds.append(cpu_seconds)

    def forget(self) -> None:
        """Leave out what was timed so far."""
        self.seconds.clear()
        self.cpu_seconds.clear()


def invite(task: Task, way: Way) -> Contestant:
    """Start a way's process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=take_part, args=(theirs, task, way), daemon=True)
    process.start()
    theirs.close()
    return Contestant(way, ours, process)  # pyright: ignore


def measure_peak(device: torch.device, dtype: torch.dtype) -> float:
    """FLOPs a second of a large matrix product: the best of 3."""
    left, right = (torch.randn(SIDE, SIDE, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(4):
        began, worked = time.perf_counter(), time.process_time()
        product = left @ right
        float(product[0, 0])  # waits for a GPU
        taken = time.perf_counter() - began
        if device.type == "cpu":  # where others have the cores for a while, the cores are no slower
            taken = min(taken, (time.process_time() - worked) / torch.get_num_threads())
        best = min(best, taken)
    return 2 * SIDE**3 / best


def choose_ways(precision: str, *, compile: bool) -> list[Way]:
    """The yardstick, ours, and each named choice asked for."""
    ways = [Way("yardstick"), Way("ours")]
    if compile:
        ways.append(Way("ours", compile=True))
    if precision == "bf16":
        ways += [Way("yardstick", precision="bf16"), Way("ours", precision="bf16")]
        if compile:
            ways.append(Way("ours", precision="bf16", compile=True))
    return ways


def compete(contestants: list[Contestant], task: Task, *, rounds: int) -> dict[str, float]:
    """Time all rounds; gives the peaks by precision."""
    device = torch.device(task.device)
    dtypes = {"float32": torch.float32, "bf16": torch.bfloat16}
    peaks = {one.way.precision: 0.0 for one in contestants}
    for one in contestants:
        one.step()
        one.forget()  # the first step warms up
        one.flops = 0.0 if one.way.compile else one.ask("flops")
    for number in range(rounds):
        found = {name: measure_peak(device, dtypes[name]) for name in peaks}
        peaks = {name: max(peak, found[name]) for name, peak in peaks.items()}
        turn = number % len(contestants)
        for one in [*contestants[turn:], *contestants[:turn]]:
            one.step()
    for one in contestants:
        same = (other.flops for other in contestants if other.way.kind == one.way.kind and other.flops)
        one.flops = one.flops or next(same)
    return peaks


def print_table(contestants: list[Contestant], peaks: dict[str, float], *, threads: int, images: int) -> None:
    """One line a way."""
    base = contestants[0]
    head = (
        "",
        "s/step",
        "images/s",
        "ratio",
        "(range)",
        "CPU s",
        "ratio",
        "GFLOP/image",
        "of peak",
        "memory",
    )
    line = "{:<32}{:>9}{:>10}{:>8}{:>14}{:>9}{:>8}{:>13}{:>13}{:>11}  {}"
    print(line.format(*head, "content loss"))
    for one in contestants:
        seconds, cpu = statistics.median(one.seconds), statistics.median(one.cpu_seconds)
        ratios = _divide(base.seconds, one.seconds)
        rate = one.flops / peaks[one.way.precision]
        cells = (
            *(one.way.title, f"{seconds:.3f}", f"{images / seconds:.2f}"),
            *(f"{statistics.median(ratios):.2f}×", f"{min(ratios):.2f}–{max(ratios):.2f}"),
            *(f"{cpu:.3f}", f"{statistics.median(_divide(base.cpu_seconds, one.cpu_seconds)):.2f}×"),
            *(f"{one.flops / images / 1e9:.1f}", f"{rate / seconds:.0%}, {rate * threads / cpu:.0%}"),
            *(f"{one.ask('memory') / 2**20:.0f} MiB", f"{one.content:.6f}"),
        )
        print(line.format(*cells))


def _divide(plain: list[float], own: list[float]) -> list[float]:
    return [one / other for one, other in zip(plain, own, strict=True)]


def print_surroundings(ours: Contestant) -> None:
    """What a step costs besides its networks."""
    seconds = statistics.median(ours.seconds if torch.cuda.is_available() else ours.cpu_seconds)
    parts = ours.ask("surroundings")
    whole = seconds + parts["patches"] + parts["log"]  # the others are parts of the step
    named = ", ".join(f"{name} {1000 * part:.2f} ms" for name, part in parts.items())
    print(f"\noutside the networks ({ours.way.title}): {named}: {sum(parts.values()) / whole:.2%} of a step")


def main() -> None:
    """Times and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=4)
    parser.add_argument("--batch", type=int, help="patches a step (paper 16, others 8)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    task = Task(options.size, options.scale, options.batch, options.threads, options.device)
    recipe = task.recipe()
    load = os.getloadavg()[0]
    contestants = [invite(task, way) for way in choose_ways(options.precision, compile=options.compile)]
    peaks = compete(contestants, task, rounds=options.rounds)
    shape, critic = recipe.generator, recipe.adversarial.critic if recipe.adversarial else None
    print(f"{recipe.label}, ×{recipe.scale}, {recipe.patches.batch} patches of {recipe.patches.lr_size} px;")
    print(", ".join(f"{name} {value}" for name, value in shape.shape.items()) + f"; critic {critic}")
    print(
        f"{platform.machine()}, {options.device}, {options.threads} threads, torch {torch.__version__}, ",
        end="",
    )
    print(f"{options.rounds} rounds, load before {load:.1f}, after {os.getloadavg()[0]:.1f}")
    named = ", ".join(f"{name} {peak / 1e9:.0f} GFLOP/s" for name, peak in peaks.items())
    print(f"matrix peak: {named}\n")
    print_table(contestants, peaks, threads=options.threads, images=recipe.patches.batch)
    print_surroundings(contestants[1])
    for one in contestants:
        one.line.send("stop")
        one.process.join()


if __name__ == "__main__":
    main()
