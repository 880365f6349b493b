"""The folders that a merged report is made from: what they hold, and what their recipes are called."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esrlab.core.metrics import BUILT_IN, MetricInfo
from esrlab.core.scores import CASCADE, Score
from esrlab.errors import UsageError
from esrlab.report.recipe_identity import Identity, read_identities
from esrlab.report.study_files import read_manifest, read_rows


@dataclass
class MergeSource:
    """A study's folder: what it is called here, its rows, its manifest, and what its recipes are."""

    folder: Path
    name: str
    scores: list[Score]
    manifest: dict[str, Any]
    identities: dict[str, Identity]
    renamed: dict[str, str] = field(default_factory=dict)

    def called(self, recipe: str) -> str:
        """A recipe's name in the merged rows; a cascade goes with what it is made of."""
        base = recipe.removesuffix(CASCADE)
        return self.renamed.get(base, base) + recipe[len(base) :]


def open_sources(folders: Sequence[Path]) -> list[MergeSource]:
    """Reads every folder; studies of one name get their folders' names, or numbers.

    Raises UserError for a folder without rows.
    """
    sources: list[MergeSource] = []
    for folder in folders:
        scores = read_rows(folder)
        wanted = re.sub(r"[^A-Za-z0-9._=+-]", "_", scores[0].study)[:60] or "study"
        if wanted in {source.name for source in sources}:
            wanted = re.sub(r"[^A-Za-z0-9._=+-]", "_", folder.resolve().name)[:60]
        name = unused_name(wanted, {source.name for source in sources}, joint="-")
        manifest = read_manifest(folder)
        sources.append(MergeSource(folder, name, scores, manifest, read_identities(folder, manifest, scores)))
    return sources


def refuse_other_images(sources: Sequence[MergeSource]) -> None:
    """UsageError where a benchmark is of other images in another folder."""
    first: dict[str, tuple[MergeSource, dict[str, Any]]] = {}
    for source in sources:
        for name, images in source.manifest.get("benchmarks", {}).items():
            other, known = first.setdefault(name, (source, images))
            if known != images:
                raise UsageError(
                    f"{name} is {known.get('count')} images (fingerprint {known.get('fingerprint')}) in "
                    f"{other.folder}, and {images.get('count')} others ({images.get('fingerprint')}) in "
                    f"{source.folder}: their rows cannot be in one table; rename one of the benchmarks"
                )


def refuse_other_lr(sources: Sequence[MergeSource]) -> None:
    """UsageError where folders of one benchmark were scored on LR images made in different ways."""
    first: dict[str, tuple[MergeSource, frozenset[str]]] = {}
    for source in sources:
        here = _lr_images(source.manifest)
        for name in source.manifest.get("benchmarks", {}):
            other, known = first.setdefault(name, (source, here))
            if known != here:
                ways = (f"{', '.join(sorted(made))} in {place.folder}" for place, made in
                        ((other, known), (source, here)))  # fmt: skip
                raise UsageError(
                    f"{name}'s LR images were made by {' and by '.join(ways)}: their rows cannot be in one "
                    "table; report the folders one by one"
                )


def _lr_images(manifest: Mapping[str, Any]) -> frozenset[str]:
    """How a folder's LR images were made, by today's or the older names in its manifest."""
    one = manifest.get("degradation", manifest.get("convention"))
    if one is not None:
        return frozenset([one])
    several = manifest.get("degradations", manifest.get("conventions", {}))
    return frozenset(several.values()) or frozenset(["matlab"])


def unused_name(name: str, taken: set[str], *, joint: str = " ") -> str:
    """The name, with a number after it where it is taken."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}{joint}{number}", number + 1
    return found


def name_perceptual(sources: Sequence[MergeSource], described: Sequence[MetricInfo]) -> list[str]:
    """A note for each family of perceptual metrics of which not all have the same rows."""
    known = BUILT_IN.joined(described)
    notes: list[str] = []
    for family in dict.fromkeys(info.family for info in known.infos if info.role == "perception"):
        found = [
            (
                source.name,
                sorted(
                    metric
                    for metric in {score.metric for score in source.scores}
                    for info in [known.find(metric)]
                    if info is not None and info.family == family
                ),
            )
            for source in sources
        ]
        if len({tuple(metrics) for _, metrics in found}) > 1:
            each = "; ".join(f"{name}: {' and '.join(metrics) or 'none'}" for name, metrics in found)
            notes.append(
                f"These studies were not measured with the same {family} ({each}); n/a marks one that was "
                "not measured."
            )
    return notes
