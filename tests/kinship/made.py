"""A measurement that takes a moment."""

from pathlib import Path
from typing import Any

from esrlab.core.kinship_rows import Kinship
from esrlab.kinship.measure import measure_kinship
from esrlab.kinship.pace import OnProgress

TINY: dict[str, Any] = {
    "patches": 5,
    "batch": 2,
    "lr_size": 16,
    "bands": 4,
    "critic": {"kind": "vgg", "features": 2, "norm": "layer"},
    "critic_steps": 2,
    "critic_seeds": [0],
    "critic_pool": 2,
    "mapped": 1,
}


def measure_tiny(
    out: Path | None,
    *,
    models: tuple[str, ...] = ("bilinear",),
    losses: tuple[str, ...] = ("l1,mse,tv",),
    games: tuple[str, ...] = ("hinge,wgan-gp",),
    on_progress: OnProgress | None = None,
    **fields: Any,
) -> tuple[Kinship, ...]:
    """Three losses and two games at five images of bilinear enlargement at ×2."""
    return measure_kinship(
        models,
        scales=[2],
        losses=losses,
        games=games,
        fields={**TINY, **fields},
        out=out,
        device="cpu",
        on_progress=on_progress,
    )
