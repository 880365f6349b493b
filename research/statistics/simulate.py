"""How often the tests and intervals of esrlab.statistics are right, on simulated studies of known truth.

python research/statistics/simulate.py            all tables, about two minutes on one core

A simulated study scores two recipes on the same images with S seeds:
score = image + recipe×image + seed + seed×recipe + rest, all normal, their standard deviations as measured
by research/statistics/components.py (docs/statistics.md says on what).
"""

import argparse
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from esrlab.statistics.bootstrap import BOUNDS, crossed_interval
from esrlab.statistics.inference import LEVEL, POWER, holm, power, t_test

Array = NDArray[np.float64]

SEEDS = (3, 5, 10)
CORRELATIONS = (0.0, 0.25, 0.5, 0.75, 0.9)
EFFECTS = (1.0, 2.0, 4.0)
STUDIES = 20_000


@dataclass(frozen=True)
class World:
    """What scores vary by, in dB of PSNR-Y.

    seed: sd between the seeds of one recipe; ratio: by which the second recipe's is larger; correlation: of
    two recipes' seeds; image: between images;
    pair: of the recipes' difference between images; rest: of seed and image together; is_heavy: seeds are
    drawn from a t distribution with 4 degrees of freedom, scaled to the same sd.
    """

    seed: float = 0.2
    ratio: float = 1.0
    correlation: float = 0.5
    image: float = 3.3
    pair: float = 0.1
    rest: float = 0.13
    images: int = 19
    is_heavy: bool = False


WORLD = World()


def draw(
    world: World, *, seeds: int, studies: int, effect: float = 0.0, new_images: bool = False, start: int = 0
) -> tuple[Array, Array]:
    """Scores of both recipes, (studies, seeds, images); the first is truly better by `effect`.

    new_images: the images are a sample of others, and the effect is true of all of them; otherwise it is
    true of the mean over these.
    """
    rng = np.random.default_rng([start, seeds])
    image = rng.normal(0, world.image, (studies, 1, world.images))
    pair = rng.normal(0, world.pair, (studies, 1, world.images))
    if not new_images:
        pair -= pair.mean(axis=-1, keepdims=True)
    shape = (studies, seeds, 1)

    def seed_effects(share: float) -> Array:
        drawn = rng.standard_t(4, shape) / np.sqrt(2) if world.is_heavy else rng.standard_normal(shape)
        return drawn * world.seed * np.sqrt(share)

    def rest() -> Array:
        return rng.normal(0, world.rest, (studies, seeds, world.images))

    common = seed_effects(world.correlation)
    first = image + pair + common + seed_effects(1 - world.correlation) + rest() + effect
    second = image + world.ratio * (common + seed_effects(1 - world.correlation)) + rest()
    return first, second


def p_values(first: Array, second: Array, *, paired: bool) -> Array:
    """p of every study, by the tests that reports use."""
    one, other = first.mean(axis=-1), second.mean(axis=-1)
    return t_test([one - other], [1.0]).p if paired else t_test([one, other], [1.0, -1.0]).p


def rate(world: World, *, seeds: int, paired: bool, effect: float = 0.0, studies: int = STUDIES) -> float:
    """How often the test finds a difference at 5%, alone."""
    first, second = draw(world, seeds=seeds, studies=studies, effect=effect)
    return float((p_values(first, second, paired=paired) < LEVEL).mean())


def sampled_rate(world: World, *, seeds: int, studies: int = STUDIES) -> float:
    """False alarms of the paired test, taken to speak of the images that these are a sample of."""
    first, second = draw(world, seeds=seeds, studies=studies, new_images=True)
    return float((p_values(first, second, paired=True) < LEVEL).mean())


def planned(size: float, *, level: float) -> int:
    """The least seeds that find `size` sds of per-seed differences with 80% power at `level`."""
    return next(n for n in range(2, 1000) if power(size * np.sqrt(n), n - 1, level=level) >= POWER)


def image_level_rate(world: World, *, seeds: int, studies: int = STUDIES) -> float:
    """For comparison: false alarms of a t test over images, on their differences of means over seeds."""
    first, second = draw(world, seeds=seeds, studies=studies)
    return float((t_test([(first - second).mean(axis=1)], [1.0]).p < LEVEL).mean())


def family_error(world: World, *, seeds: int, members: int, studies: int = STUDIES // 10) -> float:
    """How often any of `members` comparisons without a true difference is found after Holm."""
    first, second = draw(world, seeds=seeds, studies=studies * members)
    found = p_values(first, second, paired=True).reshape(studies, members)
    return float(np.mean([min(holm(list(row))) < LEVEL for row in found]))


def decisive_coverage(
    world: World, *, seeds: int, paired: bool, new_images: bool = False, studies: int = STUDIES
) -> float:
    """How often the interval that reports draw, of the test that decides, holds the truth, which is 0."""
    first, second = draw(world, seeds=seeds, studies=studies, new_images=new_images)
    one, other = first.mean(axis=-1), second.mean(axis=-1)
    tested = t_test([one - other], [1.0]) if paired else t_test([one, other], [1.0, -1.0])
    low, high = tested.interval()
    return float(((low <= 0) & (high >= 0)).mean())


def nested_interval(differences: Array, *, draws: int) -> tuple[float, float]:
    """For comparison: percentiles where images are drawn anew within each drawn seed, not widened."""
    rng = np.random.default_rng(0)
    seeds, images = differences.shape
    chosen = differences[rng.integers(seeds, size=(draws, seeds))]
    counts = rng.multinomial(images, np.full(images, 1 / images), size=(draws, seeds))
    low, high = np.percentile((chosen * counts).sum(axis=(1, 2)) / (seeds * images), BOUNDS)
    return float(low), float(high)


def coverage(
    world: World, *, seeds: int, paired: bool, new_images: bool, studies: int = 2000, draws: int = 1000
) -> dict[str, float]:
    """How often each kind of interval holds the truth, which is 0."""
    first, second = draw(world, seeds=seeds, studies=studies, new_images=new_images)
    widening = np.sqrt(seeds / (seeds - 1))
    hits = dict.fromkeys(("crossed, widened", "crossed", "nested, widened", "nested"), 0)
    for one, other in zip(first, second, strict=True):
        groups, weights = ([one - other], [1.0]) if paired else ([one, other], [1.0, -1.0])
        low, high = crossed_interval(groups, weights, draws=draws)
        centre = float((one - other).mean())
        hits["crossed, widened"] += low <= 0 <= high
        hits["crossed"] += (low - centre) / widening + centre <= 0 <= (high - centre) / widening + centre
        if paired:
            low, high = nested_interval(one - other, draws=draws)
            hits["nested"] += low <= 0 <= high
            hits["nested, widened"] += (
                (low - centre) * widening + centre <= 0 <= (high - centre) * widening + centre
            )
    return {name: count / studies for name, count in hits.items() if paired or "nested" not in name}


def mean_coverage(world: World, *, seeds: int, studies: int = STUDIES) -> float:
    """How often one recipe's own interval holds its true mean over all seeds on these images, which is 0."""
    first, _ = draw(replace(world, image=0.0), seeds=seeds, studies=studies)
    low, high = t_test([first.mean(axis=-1)], [1.0]).interval()
    return float(((low <= 0) & (high >= 0)).mean())


def print_rates(world: World, *, effect: float) -> None:
    """A line for each test and number of seeds, a column for each correlation."""
    for seeds in SEEDS:
        for paired in (True, False):
            line = [
                rate(replace(world, correlation=r), seeds=seeds, paired=paired, effect=effect)
                for r in CORRELATIONS
            ]
            name = "paired" if paired else "Welch"
            print(f"{seeds:>3} {name:<8}" + "".join(f"{100 * value:8.1f}%" for value in line))


def print_plans() -> None:
    """What tests are worth beyond these images, and the seeds to plan for."""
    print(
        "\nfalse alarms, paired, about images that these are a sample of, by the sd of pairs between images"
    )
    for pair in (0.05, 0.1, 0.3):
        line = [(seeds, sampled_rate(replace(WORLD, pair=pair), seeds=seeds)) for seeds in SEEDS]
        print(f"{pair:4.2f} dB" + "".join(f"  {seeds} seeds {100 * value:.1f}%" for seeds, value in line))
    print("\nseeds for 80% power, paired, by the difference in sds of per-seed differences")
    for level, name in ((LEVEL, "one comparison"), (LEVEL / 39, "the hardest of 39 after Holm")):
        shown = "".join(f"  {size:g} sd: {planned(size, level=level)}" for size in (0.5, *EFFECTS))
        print(f"{name:<30}{shown}")


def print_decisive() -> None:
    """Coverage of the intervals that reports draw: of differences, and of one recipe's own mean."""
    print("\ncoverage of the 95% interval of the test that decides")
    kinds = (("paired", True, 0.5), ("apart", False, 0.0), ("apart, r=0.5", False, 0.5))
    for new_images in (False, True):
        for seeds in (2, *SEEDS):
            shown = ""
            for name, paired, correlation in kinds:
                world = replace(WORLD, correlation=correlation)
                found = decisive_coverage(world, seeds=seeds, paired=paired, new_images=new_images)
                shown += f"  {name} {100 * found:.1f}%"
            print(f"{'other' if new_images else 'these'} images, {seeds:>2} seeds{shown}")
    print("\ncoverage of one recipe's own 95% interval, of all seeds on these images")
    for seeds in (2, *SEEDS):
        normal, heavy = (
            mean_coverage(world, seeds=seeds) for world in (WORLD, replace(WORLD, is_heavy=True))
        )
        print(f"{seeds:>3} seeds  {100 * normal:.1f}%  heavy-tailed {100 * heavy:.1f}%")


def main() -> None:
    """Prints every table of docs/statistics.md."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    heading = " " * 12 + "".join(f"{'r=' + str(r):>9}" for r in CORRELATIONS)
    print(f"{WORLD}, {STUDIES} studies a figure\n\nfalse alarms at 5%\n{heading}")
    print_rates(WORLD, effect=0.0)
    print("\nfalse alarms, heavy-tailed seeds")
    print_rates(replace(WORLD, is_heavy=True), effect=0.0)
    print("\nfalse alarms, one recipe ten times as unsteady as the other")
    print_rates(replace(WORLD, ratio=10.0), effect=0.0)
    for effect in EFFECTS:
        print(f"\npower for a difference of {effect:g} seed sds ({effect * WORLD.seed:.2f} dB)")
        print_rates(WORLD, effect=effect * WORLD.seed)
    print_plans()
    print("\nfalse alarms of a t test over images")
    for seeds in SEEDS:
        line = [image_level_rate(replace(WORLD, correlation=r), seeds=seeds) for r in CORRELATIONS]
        print(f"{seeds:>3}         " + "".join(f"{100 * value:8.1f}%" for value in line))
    print("\nany false alarm after Holm, paired, independent comparisons")
    for seeds in SEEDS:
        shown = [
            f"{members}: {100 * family_error(WORLD, seeds=seeds, members=members):.1f}%"
            for members in (3, 39)
        ]
        print(f"{seeds:>3} seeds  {'  '.join(shown)}")
    print_decisive()
    print("\ncoverage of 95% intervals by bootstrap")
    for new_images in (False, True):
        for seeds in (2, *SEEDS):
            for paired in (True, False):
                found = coverage(WORLD, seeds=seeds, paired=paired, new_images=new_images)
                which, how = "other" if new_images else "these", "paired" if paired else "apart"
                about = f"{which} images, {seeds} seeds, {how}"
                shown = "  ".join(f"{name} {100 * value:.1f}%" for name, value in found.items())
                print(f"{about:<32}{shown}")


if __name__ == "__main__":
    main()
