"""Claims as data: the paper's A1 to D1, and those that a study file adds; each falls into parts to test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from esrlab.core.files import find_inside
from esrlab.core.metrics import read_known
from esrlab.core.nearest import did_you_mean
from esrlab.core.scores import BICUBIC, CASCADE
from esrlab.core.text_files import conform, read_toml
from esrlab.errors import UserError

Family = Annotated[str, Field(pattern=r"^\S{1,40}$")]
"""A metric by its family: of PSNR and SSIM it is that on Y with the scale as border, of LPIPS it or its
imitation; of any other the one that its description marks as primary.
"""

Kind = Literal["better", "shrinks", "collapses"]

ALL: tuple[Family, ...] = ("PSNR", "SSIM", "LPIPS")
"""The families that the paper's claims are about."""

CLAIMS = "claims.toml"
"""Holds the claims of a folder that is no study's: of evaluated methods, or of several studies."""

COLLAPSED = 0.5
"""Pictures have collapsed where their SSIM is below this part of bicubic's (the paper's 0.07: a tenth)."""


@dataclass(frozen=True, kw_only=True)
class ClaimPart:
    """One comparison that a claim rests on, in the direction in which the claim has it.

    better: `recipe` beats `rival` at `scale`. shrinks: the lead of `recipe` over `rival` is smaller at
    `scale` than at `base`. collapses: `recipe` is below half of bicubic's value at `scale`.
    """

    kind: Kind
    recipe: str
    rival: str
    scale: int
    metric: Family
    base: int | None = None


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """What a claim says of two recipes at some scales in some metrics: a part for each scale and metric.

    Where a lead shrinks, the first scale is the one that every other is compared with.
    """

    kind: Kind
    recipe: str
    rival: str
    scales: tuple[int, ...]
    metrics: tuple[Family, ...]

    def parts(self) -> tuple[ClaimPart, ...]:
        """Every comparison, scale by scale."""
        shrinks = self.kind == "shrinks"
        return tuple(
            ClaimPart(
                kind=self.kind,
                recipe=self.recipe,
                rival=self.rival,
                scale=scale,
                metric=metric,
                base=self.scales[0] if shrinks else None,
            )
            for scale in self.scales[shrinks:]
            for metric in self.metrics
        )


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim: its name, its words, and what it asserts, all of which has to hold.

    exploratory: the day (YYYY-MM-DD) on which it was written where results were there already, else "".
    """

    id: str
    words: str
    assertions: tuple[Assertion, ...]
    exploratory: str = ""

    def parts(self) -> tuple[ClaimPart, ...]:
        """Every comparison that the claim rests on."""
        return tuple(part for assertion in self.assertions for part in assertion.parts())

    def recipes(self) -> frozenset[str]:
        """Every recipe that it speaks of."""
        return frozenset(name for part in self.parts() for name in (part.recipe, part.rival))


class AskedClaim(BaseModel):
    """A claim of the user's own, as a study file has it: `better` beats `than` at all of these scales."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    words: str = Field(min_length=1)
    better: str
    than: str
    scales: tuple[int, ...] = Field(min_length=1)
    metrics: tuple[Family, ...] = Field(default=ALL, min_length=1)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.id in {claim.id for claim in PAPER_CLAIMS}:
            raise ValueError(f"{self.id} is the id of one of the paper's claims; choose another id")
        if self.better == self.than:
            raise ValueError(f"better and than are both {self.better!r}; give two recipes")
        for values in (self.scales, self.metrics):
            if len(set(values)) < len(values):
                raise ValueError(f"claim {self.id}: a scale or metric is listed twice")
        if self.scales != (4,) and any(name.endswith(CASCADE) for name in (self.better, self.than)):
            raise ValueError(f"claim {self.id}: a cascade is a ×4 made of two ×2 steps; set scales = [4]")
        return self

    def claim(self, *, exploratory: str = "") -> Claim:
        """The same as every other claim; exploratory: as `Claim` has it."""
        asserted = Assertion(
            kind="better", recipe=self.better, rival=self.than, scales=self.scales, metrics=self.metrics
        )
        return Claim(id=self.id, words=self.words, assertions=(asserted,), exploratory=exploratory)


def refuse_unknown(claims: Sequence[AskedClaim], *, recipes: Sequence[str], scales: Sequence[int]) -> None:
    """ValueError naming a claim's recipe or scale that the study does not have, and what it has."""
    for claim in claims:
        for name in (claim.better, claim.than):
            if name.removesuffix(CASCADE) not in recipes and name != BICUBIC:
                known = ", ".join((*recipes, BICUBIC))
                raise ValueError(f"claim {claim.id}: the study has no recipe {name!r}; it has {known}")
            if name.endswith(CASCADE) and not {2, 4} <= set(scales):
                raise ValueError(f"claim {claim.id}: {name} needs the scales 2 and 4 in the study")
        absent = sorted(set(claim.scales) - set(scales))
        if absent:
            known = ", ".join(f"{scale}" for scale in scales)
            raise ValueError(
                f"claim {claim.id}: the study has no scale {absent[0]}, only {known}; "
                "add it to the study's scales, or take it out of the claim's"
            )
    ids = [claim.id for claim in claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"two claims are called {twice[0]!r}; give each its own id")


def refuse_unknown_families(claims: Sequence[AskedClaim], families: Sequence[str]) -> None:
    """ValueError naming a claim's metric that is no family of those that are measured."""
    for claim in claims:
        for family in claim.metrics:
            if family not in families:
                known = f"{', '.join(families)}, not {family!r}{did_you_mean(family, families)}"
                raise ValueError(f"claim {claim.id}: metrics should be of {known}")


def read_claims(study: Path) -> tuple[Claim, ...]:
    """The user's own claims in a study's folder, as `read_asked_claims` finds them."""
    return tuple(asked.claim() for asked in read_asked_claims(study))


class _AskedClaims(BaseModel):
    claims: tuple[AskedClaim, ...] = ()


_ASKED = TypeAdapter(_AskedClaims)


def read_asked_claims(study: Path) -> tuple[AskedClaim, ...]:
    """[[claims]] of a folder's study.toml, or of claims.toml where it is no study's; none without either.

    Raises UserError naming the file where they are not valid.
    """
    path = find_inside(study, "study.toml") or find_inside(study, CLAIMS)
    if path is None:
        return ()
    claims = conform(read_toml(path), _ASKED, place=f"{path}").claims
    try:
        refuse_unknown_families(claims, read_known(study).families)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    return claims


def _better(recipe: str, rival: str, scales: tuple[int, ...], metrics: tuple[Family, ...] = ALL) -> Assertion:
    return Assertion(kind="better", recipe=recipe, rival=rival, scales=scales, metrics=metrics)


def _shrinks(
    recipe: str, rival: str, scales: tuple[int, ...], metrics: tuple[Family, ...] = ALL
) -> Assertion:
    return Assertion(kind="shrinks", recipe=recipe, rival=rival, scales=scales, metrics=metrics)


WGAN, ESRGAN, TV, RESNET = "wgan-vgg", "esrgan-vgg", "wgan-vgg-tv", "wgan-resnet"
FAITHFUL: tuple[Family, ...] = ("PSNR", "SSIM")

PAPER_CLAIMS = (
    Claim(
        id="A1",
        words="at ×2 the ESRGAN loss beats WGAN",
        assertions=(_better(ESRGAN, WGAN, (2,)),),
    ),
    Claim(
        id="A2",
        words="at ×3 and ×4 WGAN beats the ESRGAN loss",
        assertions=(_better(WGAN, ESRGAN, (3, 4)),),
    ),
    Claim(
        id="A3",
        words="at ×4 training with the ESRGAN loss collapses",
        assertions=(
            Assertion(kind="collapses", recipe=ESRGAN, rival=BICUBIC, scales=(4,), metrics=("SSIM",)),
        ),
    ),
    Claim(
        id="B1",
        words="total variation improves ×2",
        assertions=(_better(TV, WGAN, (2,)),),
    ),
    Claim(
        id="B2",
        words="total variation's benefit is smaller at ×3 and at ×4 than at ×2",
        assertions=(_shrinks(TV, WGAN, (2, 3, 4)),),
    ),
    Claim(
        id="C1",
        words="ResNet content beats VGG content at every magnification",
        assertions=(_better(RESNET, WGAN, (2, 3, 4), FAITHFUL),),
    ),
    Claim(
        id="C2",
        words="that advantage shrinks at ×3, yet is there at ×4",
        assertions=(_shrinks(RESNET, WGAN, (2, 3), FAITHFUL), _better(RESNET, WGAN, (4,), FAITHFUL)),
    ),
    Claim(
        id="D1",
        words="×4 by two ×2 steps (a cascade) beats ×4 in one step",
        assertions=tuple(_better(f"{name}{CASCADE}", name, (4,)) for name in (WGAN, ESRGAN, TV, RESNET)),
    ),
)
"""The claims of Miao Pan, DAML 2023, as docs/decisions/0011-how-differences-are-tested.md reads them."""
