"""The frozen description of one training: everything that decides what a run computes, bar its seed."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from esrlab.core.named_files import GENERATOR_ENDINGS, SCALE, STARTS
from esrlab.core.parts import Part
from esrlab.data.degradations.any_degradation import USUAL
from esrlab.errors import UsageError
from esrlab.losses.adversarial import AdversarialLossName, adversarial_loss
from esrlab.models.critics.base import CriticUse
from esrlab.models.generators.any_generator import AnyGenerator
from esrlab.models.generators.base import SCALES
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.models.shipped import shipped_models
from esrlab.recipes.optimisers.adam import Adam
from esrlab.recipes.optimisers.any_optimiser import AnyOptimiser
from esrlab.recipes.parts import (
    Adversarial,
    Engine,
    Patches,
    Term,
    Validation,
    WeightedTerm,
)
from esrlab.recipes.problems import explain

Scale = Literal[1, 2, 3, 4]

SEEDS = 2**32
"""Seeds are whole numbers from 0 to below this."""

RUN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._=+-]{0,119}$"
"""What a recipe may be called: it becomes part of a folder's name."""

ADVERSARIAL = "adversarial"
"""The adversarial loss's name among the terms."""

ADVERSARIAL_TITLES: dict[AdversarialLossName, str] = {
    "relativistic": "ESRGAN",
    "relativistic-nolog": "ESRGAN (no log)",
    "relativistic-raw": "ESRGAN (no log, no σ)",
    "wgan": "WGAN",
    "wgan-gp": "WGAN-GP",
    "vanilla": "vanilla GAN",
    "lsgan": "LSGAN",
    "hinge": "hinge GAN",
}


class Recipe(Part):
    """One training, whole. Construct it (or `parse_recipe`) and all problems are reported at once."""

    name: str = Field(pattern=RUN_NAME)
    about: str = ""
    scale: Scale = Field(default=4, description="magnification")
    generator: AnyGenerator = RRDBGenerator()
    terms: tuple[Term, ...]
    adversarial: Adversarial | None = None
    patches: Patches = Patches()
    optimiser: AnyOptimiser = Adam()
    engine: Engine = Engine()
    validation: Validation = Validation()
    steps: int = Field(default=5000, ge=1, le=100_000_000, description="generator updates")

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        problems = [
            *self._term_problems(),
            *self._share_problems(),
            *self._critic_problems(),
            *self._loss_problems(),
            *self._start_problems(),
            *self.generator.problems(scale=self.scale),
            *self._time_problems(),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def active_terms(self) -> dict[str, WeightedTerm]:
        """The terms with a weight or share above 0, by name; the adversarial loss is one of them."""
        found: dict[str, WeightedTerm] = {term.name: term for term in self.terms if term.is_active}
        if self.active_adversarial is not None:
            found[ADVERSARIAL] = self.active_adversarial
        return found

    @property
    def active_adversarial(self) -> Adversarial | None:
        """The adversarial part if its weight or share is above 0; else None, and no critic is trained."""
        return self.adversarial if self.adversarial is not None and self.adversarial.is_active else None

    def _term_problems(self) -> list[str]:
        names = [term.name for term in self.terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        problems = [f"two terms are called {name!r}; give each its own name" for name in twice]
        if ADVERSARIAL in names:
            problems.append(
                f"a term cannot be called {ADVERSARIAL!r}, the adversarial loss's name; choose another name"
            )
        if not self.active_terms:
            problems.append(
                "no term has a weight or share above 0, so the generator would learn nothing; set one"
            )
        if self._adversarial_start and not any(term.is_active for term in self.terms):
            problems.append(
                "adversarial.start_step is above 0, and no other term has a weight to train on until then; "
                "add a term, or set it to 0"
            )
        return problems

    @property
    def _adversarial_start(self) -> int:
        return self.active_adversarial.start_step if self.active_adversarial is not None else 0

    def _share_problems(self) -> list[str]:
        shares = [part.share for part in self.active_terms.values() if part.share is not None]
        has_weights = any(part.weight is not None for part in self.active_terms.values())
        total = sum(shares)
        if shares and has_weights and total >= 1:
            return [
                f"the shares add up to {total:g} and leave nothing to the terms that have weights; make "
                "them less than 1 in sum"
            ]
        if shares and not has_weights and abs(total - 1) > 1e-6:
            return [
                f"all terms have shares, and they add up to {total:g}, not 1; "
                "make them add up to 1, or give one term a weight instead"
            ]
        return []

    def _time_problems(self) -> list[str]:
        latest = {
            "adversarial.start_step": self._adversarial_start,
            "optimiser.warmup_steps": self.optimiser.warmup_steps,
            "optimiser.milestones": max(self.optimiser.milestones, default=0),
        }
        return [
            f"{field} reaches to step {step}, but training ends at step {self.steps}; lower it or raise steps"
            for field, step in latest.items()
            if step >= self.steps and step > 0
        ]

    def _start_problems(self) -> list[str]:
        start = self.generator.init
        shipped = shipped_models()
        names = {start.replace(SCALE, str(scale)) for scale in SCALES}
        if start in STARTS or Path(start).suffix in GENERATOR_ENDINGS or names & shipped.keys():
            return []
        return [
            f"generator.init is {start!r}; it must be 'random', 'interpolation', a .safetensors or .pth file "
            f"of a trained generator, or a shipped model's name: {', '.join(shipped)}"
        ]

    def _critic_problems(self) -> list[str]:
        adversarial = self.active_adversarial
        if adversarial is None:
            return []
        use = CriticUse(
            size=self.hr_size,
            origin=f"patches.lr_size {self.patches.lr_size} at scale {self.scale}",
            scale=self.scale,
            batch=self.patches.batch,
            loss=adversarial.loss,
            constraint=adversarial_loss(adversarial.loss).constraint,
        )
        return adversarial.critic.problems(use)

    def _loss_problems(self) -> list[str]:
        side = self.hr_size
        return [
            f"term {term.name}: {problem} (patches.lr_size {self.patches.lr_size} × scale {self.scale})"
            for term in self.terms
            if term.is_active
            for problem in term.loss.problems(height=side, width=side)
        ]

    @property
    def hr_size(self) -> int:
        """Side of the high-resolution patch in pixels."""
        return self.patches.lr_size * self.scale

    @property
    def label(self) -> str:
        """What tables call it: the adversarial loss, the content with its weights' origin, and what else was
        added.
        """
        content = [term.loss.label for term in self.terms if term.loss.names_recipe and term.is_active]
        others = [
            term.loss.label
            for term in self.terms
            if not term.loss.names_recipe and term.is_active and term.name != "pixel"
        ]
        gan = (
            [ADVERSARIAL_TITLES[self.active_adversarial.loss]] if self.active_adversarial is not None else []
        )
        pixel = [term.loss.label for term in self.terms if term.name == "pixel" and not content]
        return " + ".join([*gan, *content, *pixel, *others]) + self._remarks

    @property
    def _remarks(self) -> str:
        """What a table has to say beside the losses: shares for weights, how LR is made, the arithmetic."""
        shares = [
            f"{name} {part.share:.0%}" for name, part in self.active_terms.items() if part.share is not None
        ]
        remarks = [f"shares: {', '.join(shares)}"] if shares else []
        if _is_unusual(self, "generator"):
            remarks.append(f"generator: {self.generator.label}")
        if self.active_adversarial is not None and _is_unusual(self.active_adversarial, "critic"):
            remarks.append(f"critic: {self.active_adversarial.critic.label}")
        if _is_unusual(self, "optimiser"):
            remarks.append(self.optimiser.label)
        if self.patches.degradation != USUAL:
            remarks.append(f"LR: {self.patches.degradation.label}")
        if self.engine.precision != "float32":
            remarks.append(self.engine.precision)
        if self.engine.compile:
            remarks.append("compiled")
        return f" [{'; '.join(remarks)}]" if remarks else ""


def _is_unusual(owner: Part, field: str) -> bool:
    """Whether a part is of another kind than the usual one, which labels do not name."""
    return getattr(owner, field).kind != type(owner).model_fields[field].default.kind


def parse_recipe(fields: dict[str, Any], *, file: Path | None = None) -> Recipe:
    """Validates a recipe's fields, read from `file`; UsageError names every problem by its dotted field."""
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        what = f"recipe {fields.get('name', '')!r}" + (f" in {file}" if file is not None else "")
        raise UsageError(explain(error, what=what, fields=fields, model=Recipe)) from error
