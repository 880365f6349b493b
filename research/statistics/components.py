"""Where the variance of a study's scores lies: between seeds, images, and both together.

python research/statistics/components.py STUDY/scores.jsonl --metric PSNR-Y/4

For each recipe the two-way layout of seeds and images (expected mean squares, one value a cell); for each
pair of recipes the correlation of their per-seed means, and how far their difference varies from image to
image.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esrlab.core.scores import read_scores
from esrlab.statistics.comparisons import Rows, gather

Array = NDArray[np.float64]


def components(values: Array) -> tuple[float, float, float]:
    """Standard deviations between seeds, images, and of the rest, of (seeds, images); below 0 is 0."""
    seeds, images = values.shape
    rest = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    noise = (rest**2).sum() / ((seeds - 1) * (images - 1))
    between_seeds = values.mean(axis=1).var(ddof=1) - noise / images
    between_images = values.mean(axis=0).var(ddof=1) - noise / seeds
    found = (between_seeds, between_images, noise)
    one, other, rest_sd = (float(np.sqrt(max(part, 0.0))) for part in found)
    return one, other, rest_sd


def tables(rows: Rows, metric: str) -> dict[str, Array]:
    """(seeds, images) of each trained recipe, over the seeds and images that all of them have."""
    cells = [cell for cell in rows if cell.metric == metric and None not in rows[cell]]
    seeds = sorted(set.intersection(*({s for s in rows[cell] if s is not None} for cell in cells)))
    images = sorted(set.intersection(*(set(rows[cell][seed]) for cell in cells for seed in seeds)))
    return {
        f"{cell.recipe} ×{cell.scale}": np.array(
            [[rows[cell][seed][image] for image in images] for seed in seeds], dtype=np.float64
        )
        for cell in cells
    }


def main() -> None:
    """Prints the components."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--metric", default="PSNR-Y/4")
    options = parser.parse_args()
    found = tables(gather(read_scores(options.scores)), options.metric)
    seeds, images = next(iter(found.values())).shape
    print(f"{options.metric}, {seeds} seeds, {images} images: standard deviations")
    print(f"{'recipe':<24}{'mean':>9}{'seeds':>9}{'images':>9}{'rest':>9}{'of seed means':>15}")
    for name, values in found.items():
        line = "".join(f"{sd:9.4f}" for sd in components(values))
        print(f"{name:<24}{values.mean():9.4f}{line}{values.mean(axis=1).std(ddof=1):15.4f}")
    print(f"\n{'pair':<44}{'mean':>9}{'r of seeds':>12}{'sd of seeds':>12}{'sd of images':>13}{'rest':>9}")
    for (first, one), (second, other) in itertools.combinations(found.items(), 2):
        alike = float(np.corrcoef(one.mean(axis=1), other.mean(axis=1))[0, 1])
        between_seeds, between_images, rest = components(one - other)
        pair = f"{first} − {second}"
        mean = (one - other).mean()
        print(f"{pair:<44}{mean:9.4f}{alike:12.2f}{between_seeds:12.4f}{between_images:13.4f}{rest:9.4f}")


if __name__ == "__main__":
    main()
