"""Every kind of exchangeable part has its row in the table of its sort, which speaks of its fields."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.core.parts import kinds_in
from esrlab.data.degradations.any_degradation import AnyDegradation
from esrlab.evaluation.metrics.any_metric import AnyMetric
from esrlab.losses.any_loss import AnyLoss
from esrlab.models.critics.any_critic import AnyCritic
from esrlab.models.critics.base import CriticPart
from esrlab.models.generators.any_generator import AnyGenerator
from esrlab.models.generators.base import GeneratorPart
from esrlab.recipes.optimisers.any_optimiser import AnyOptimiser
from esrlab.recipes.optimisers.base import OptimiserPart

DOCS = Path(__file__).parents[2] / "docs"

# Each union of kinds, and the page and section with its table.
TABLES: dict[str, tuple[Any, str, str]] = {
    "generator": (AnyGenerator, "training.md", "Generators"),
    "critic": (AnyCritic, "training.md", "Critics"),
    "optimiser": (AnyOptimiser, "training.md", "Optimisers"),
    "metric": (AnyMetric, "metrics.md", ""),
    "loss": (AnyLoss, "losses.md", ""),
    "degradation": (AnyDegradation, "degradations.md", ""),
}
KINDS = [(sort, kind) for sort, (union, _, _) in TABLES.items() for kind in kinds_in(union)]


def section(sort: str) -> str:
    """The text below the heading that the table of a sort stands under; the page where there is none."""
    _, page, heading = TABLES[sort]
    text = (DOCS / page).read_text(encoding="utf-8")
    return text if not heading else text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(("sort", "kind"), KINDS)
def test_every_kind_has_a_row(sort: str, kind: str) -> None:
    rows = re.findall(rf"^\| `{re.escape(kind)}` \|", section(sort), flags=re.MULTILINE)
    assert len(rows) == 1, f"{TABLES[sort][1]} needs one row of the {sort} {kind}: | `{kind}` | …"


@pytest.mark.parametrize("kind", kinds_in(AnyCritic))
def test_a_critics_row_has_its_size_and_its_scores_shape_and_its_fields_are_named(kind: str) -> None:
    part = kinds_in(AnyCritic)[kind]()
    assert isinstance(part, CriticPart)
    critic = part.build(size=128).eval()
    row = next(line for line in section("critic").splitlines() if line.startswith(f"| `{kind}` |"))
    assert f"| {sum(weight.numel() for weight in critic.parameters()):,} |" in row
    with torch.no_grad():
        shape = critic(torch.rand(1, 3, 128, 128)).shape
    assert f"| (N, {', '.join(map(str, shape[1:]))}) |" in row
    for name in type(part).model_fields.keys() - {"kind"}:
        assert f"`{name}`" in section("critic"), name


@pytest.mark.parametrize("kind", kinds_in(AnyOptimiser))
def test_an_optimisers_row_has_its_own_fields(kind: str) -> None:
    own = kinds_in(AnyOptimiser)[kind].model_fields.keys() - {"kind", *OptimiserPart.model_fields}
    row = next(line for line in section("optimiser").splitlines() if line.startswith(f"| `{kind}` |"))
    assert all(f"`{name}`" in row for name in own)


@pytest.mark.parametrize("kind", kinds_in(AnyGenerator))
def test_a_generators_row_has_its_fields_and_parameters(kind: str) -> None:
    part = kinds_in(AnyGenerator)[kind]()
    assert isinstance(part, GeneratorPart)
    row = next(line for line in section("generator").splitlines() if line.startswith(f"| `{kind}` |"))
    assert f"| {part.parameters(scale=2):,} | {part.parameters(scale=4):,} |" in row
    for name in part.shape.keys() - {"kind"}:
        assert f"`{name}`" in row, name
