"""Estimates NIQE's parameters from pristine photographs, by the paper's procedure, and writes them.

    python -m research.niqe.fit PHOTOS [--except SET…]

PHOTOS: a folder of photographs with SOURCES.tsv above it (columns file and set); those of the sets that are
named, such as photographs that were JPEG files before, are left out. Of each photograph the whole 96×96
patches count whose sharpness is above 0.75 of its sharpest patch's (Mittal et al. 2013, section II.B).
"""

import argparse
import csv
from pathlib import Path

import torch

from esrlab.core.files import to_json, write_text
from esrlab.data.image_files import find_images, read_image
from esrlab.evaluation.metrics.niqe import PRISTINE
from esrlab.evaluation.metrics.niqe_features import FEATURES, patch_features

SHARP = 0.75


def main() -> None:
    """Reads, fits, writes, prints how many patches of how many photographs there were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--except", dest="left_out", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=PRISTINE)
    options = parser.parse_args()
    with (options.photos.parent / "SOURCES.tsv").open(encoding="utf-8") as lines:
        sets = {Path(row["file"]).name: row["set"] for row in csv.DictReader(lines, delimiter="\t")}
    paths = [path for path in find_images(options.photos) if sets.get(path.name) not in options.left_out]
    found: list[torch.Tensor] = []
    for path in paths:
        features, sharpness = patch_features(read_image(path))
        kept = features[sharpness > SHARP * sharpness.max()]
        found.append(kept[kept.isfinite().all(dim=1)])
    features = torch.cat(found)
    rows, columns = torch.triu_indices(FEATURES, FEATURES)
    stored = {
        "about": f"NIQE's mean and covariance (upper triangle, row by row) of {len(features)} patches of "
        f"{len(paths)} photographs, by research/niqe/fit.py",
        "mean": [float(f"{value:.10g}") for value in features.mean(dim=0)],
        "covariance": [float(f"{value:.10g}") for value in torch.cov(features.T)[rows, columns]],
    }
    write_text(options.out, to_json(stored) + "\n")
    print(stored["about"], options.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
