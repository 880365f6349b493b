"""What a training step costs beside the usual trainers' (benchmarks/yardstick.py), measured side by side.

    python benchmarks/training.py --size paper|small|tiny [--scale 4] [--batch 16] [--threads 2]
        [--rounds 5] [--device cpu|cuda] [--precision float32|bf16] [--compile]

Every way to take a step has a process of its own. Each round times one step of each in turn, the order
turning with the rounds; ratios are medians of the rounds' own ratios, so that a machine whose speed drifts
favours none. Peak is the best of all matrix products (4096×4096, in the way's precision, three before each
round in this process); FLOPs are counted by torch's formulas for convolutions and matrix products in a step
of each way (a compiled way is taken to have the uncompiled one's). Memory is the process's peak beyond what
it had before it built anything.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import torch
from contestants import SIZES, Task, Way, take_part

SIDE = 4096


@dataclass
class Contestant:
    """A way's process, and what was measured of it."""

    way: Way
    line: Connection
    process: Any
    flops: float = 0.0
    seconds: list[float] = field(default_factory=list)
    content: float = 0.0

    def ask(self, order: str) -> Any:
        """Send an order and wait for its answer."""
        self.line.send(order)
        return self.line.recv()

    def step(self) -> float:
        """Time one step."""
        taken, self.content = self.ask("step")
        return taken


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
        began = time.perf_counter()
        product = left @ right
        float(product[0, 0])  # waits for a GPU
        best = min(best, time.perf_counter() - began)
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
        one.flops = 0.0 if one.way.compile else one.ask("flops")
    for number in range(rounds):
        found = {name: measure_peak(device, dtypes[name]) for name in peaks}
        peaks = {name: max(peak, found[name]) for name, peak in peaks.items()}
        turn = number % len(contestants)
        for one in [*contestants[turn:], *contestants[:turn]]:
            one.seconds.append(one.step())
    for one in contestants:
        same = (other.flops for other in contestants if other.way.kind == one.way.kind and other.flops)
        one.flops = one.flops or next(same)
    return peaks


def print_table(contestants: list[Contestant], peaks: dict[str, float], *, images: int) -> None:
    """One line a way."""
    base = contestants[0].seconds
    head = ("", "s/step", "images/s", "ratio", "(range)", "GFLOP/image", "of peak", "memory", "content loss")
    print("{:<32}{:>9}{:>10}{:>8}{:>14}{:>13}{:>9}{:>10}{:>14}".format(*head))
    for one in contestants:
        seconds = statistics.median(one.seconds)
        ratios = [plain / own for plain, own in zip(base, one.seconds, strict=True)]
        share = one.flops / seconds / peaks[one.way.precision]
        spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
        print(
            f"{one.way.title:<32}{seconds:>9.3f}{images / seconds:>10.2f}{statistics.median(ratios):>7.2f}×"
            f"{spread:>14}{one.flops / images / 1e9:>13.1f}{share:>9.0%}"
            f"{one.ask('memory') / 2**20:>6.0f} MiB{one.content:>14.6f}"
        )


def print_surroundings(ours: Contestant) -> None:
    """What a step costs besides its networks."""
    seconds = statistics.median(ours.seconds)
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
    print(
        f"RRDBNet of {shape.blocks} blocks, {shape.features} features, growth {shape.growth}; critic {critic}"
    )
    print(
        f"{platform.machine()}, {options.device}, {options.threads} threads, torch {torch.__version__}, ",
        end="",
    )
    print(f"{options.rounds} rounds, load before {load:.1f}, after {os.getloadavg()[0]:.1f}")
    named = ", ".join(f"{name} {peak / 1e9:.0f} GFLOP/s" for name, peak in peaks.items())
    print(f"matrix peak: {named}\n")
    print_table(contestants, peaks, images=recipe.patches.batch)
    print_surroundings(contestants[1])
    for one in contestants:
        one.line.send("stop")
        one.process.join()


if __name__ == "__main__":
    main()
