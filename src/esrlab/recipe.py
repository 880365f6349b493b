"""The frozen description of one training: everything that decides what a run computes, bar its seed."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from esrlab.errors import UsageError
from esrlab.losses import AnyLoss, Content, GameName
from esrlab.networks.critic import SMALLEST_SIZE
from esrlab.resize import Convention

Scale = Literal[2, 3, 4]

SEEDS = 2**32
"""Seeds are whole numbers from 0 to below this."""

RUN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._=+-]{0,119}$"
"""What a recipe may be called: it becomes part of a folder's name."""

GAME_TITLES: dict[GameName, str] = {
    "relativistic": "ESRGAN",
    "relativistic-nolog": "ESRGAN (no log)",
    "relativistic-raw": "ESRGAN (no log, no σ)",
    "wgan": "WGAN",
    "wgan-gp": "WGAN-GP",
    "vanilla": "vanilla GAN",
    "lsgan": "LSGAN",
    "hinge": "hinge GAN",
}


class Part(BaseModel):
    """What every piece of a recipe obeys: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Generator(Part):
    """An RRDBNet's shape; the defaults are ESRGAN's."""

    features: int = Field(default=64, ge=8, le=512, description="channels between the blocks")
    growth: int = Field(default=32, ge=1, le=256, description="channels each dense convolution adds")
    blocks: int = Field(default=23, ge=1, le=64, description="residual-in-residual dense blocks")
    start: Literal["random", "interpolation"] = Field(
        default="random",
        description="first weights: 'random' as ESRGAN, or 'interpolation': begins as a linear interpolator",
    )


class Patches(Part):
    """What one training sample is: a random crop, flipped and turned, and its reduction."""

    lr_size: int = Field(default=32, ge=8, le=512, description="side of the low-resolution patch in pixels")
    batch: int = Field(default=16, ge=1, le=4096, description="patches a step")
    convention: Convention = Field(
        default="matlab", description="which bicubic makes the low-resolution patch"
    )


class Optimiser(Part):
    """Adam, for the generator and the critic alike."""

    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Adam's learning rate")
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        default=(0.0, 0.9), description="Adam's decay rates of the first and second moment"
    )


class Critic(Part):
    """The VGG-style critic's shape and how often it learns."""

    features: int = Field(
        default=64, ge=1, le=512, description="channels of its first convolution; 64 as ESRGAN's"
    )
    norm: Literal["batch", "layer", "none"] = Field(
        default="batch", description="normalisation after convolutions"
    )
    updates: int = Field(
        default=1, ge=1, le=100, description="critic updates a step, each on a batch of its own"
    )


class Adversarial(Part):
    """The game between generator and critic."""

    game: GameName = Field(default="wgan", description="what critic and generator minimise")
    weight: float = Field(default=5e-3, ge=0, description="weight of the generator's side of the game")
    clip: float = Field(default=0.01, gt=0, description="bound on the critic's parameters; used by wgan")
    penalty: float = Field(
        default=10.0, gt=0, description="weight λ of the gradient penalty; used by wgan-gp"
    )
    critic: Critic = Critic()

    @model_validator(mode="after")
    def _penalty_needs_independent_samples(self) -> Self:
        if self.game == "wgan-gp" and self.critic.norm == "batch":
            raise ValueError(
                "wgan-gp penalises each sample's gradient, but batch norm couples the samples: "
                "set adversarial.critic.norm to 'layer' or 'none'"
            )
        return self


class Term(Part):
    """One weighted loss on the generated image."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="what logs and tables call it")
    weight: float = Field(ge=0, description="its weight in the sum")
    loss: AnyLoss


class Recipe(Part):
    """One training, whole. Construct it (or `parse_recipe`) and every problem is named at once."""

    name: str = Field(pattern=RUN_NAME)
    about: str = ""
    scale: Scale = Field(default=4, description="magnification")
    generator: Generator = Generator()
    terms: tuple[Term, ...]
    adversarial: Adversarial | None = None
    patches: Patches = Patches()
    optimiser: Optimiser = Optimiser()
    steps: int = Field(default=5000, ge=1, le=100_000_000, description="generator updates")

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        problems = [*self._term_problems(), *self._size_problems()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _term_problems(self) -> list[str]:
        names = [term.name for term in self.terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        problems = [f"two terms are called {name!r}; names must differ" for name in twice]
        if "adversarial" in names:
            problems.append("'adversarial' names the game; call the term otherwise")
        weights = [term.weight for term in self.terms]
        if self.adversarial is not None:
            weights.append(self.adversarial.weight)
        if not any(weight > 0 for weight in weights):
            problems.append("no term has a weight above zero, so the generator would learn nothing")
        return problems

    def _size_problems(self) -> list[str]:
        if self.adversarial is None or self.hr_size >= SMALLEST_SIZE:
            return []
        need = -(-SMALLEST_SIZE // self.scale)
        return [
            f"the critic needs patches of at least {SMALLEST_SIZE} px, and "
            f"patches.lr_size {self.patches.lr_size} at scale {self.scale} gives {self.hr_size}: "
            f"set patches.lr_size to {need} or more"
        ]

    @property
    def hr_size(self) -> int:
        """Side of the high-resolution patch in pixels."""
        return self.patches.lr_size * self.scale

    @property
    def label(self) -> str:
        """What tables call it: the game, the content with its weights' origin, and what else was added."""
        content = [
            term.loss.label for term in self.terms if isinstance(term.loss, Content) and term.weight > 0
        ]
        others = [
            term.loss.label
            for term in self.terms
            if not isinstance(term.loss, Content) and term.weight > 0 and term.name != "pixel"
        ]
        game = [GAME_TITLES[self.adversarial.game]] if self.adversarial is not None else []
        pixel = [term.loss.label for term in self.terms if term.name == "pixel" and not content]
        return " + ".join([*game, *content, *pixel, *others])


def parse_recipe(fields: dict[str, Any]) -> Recipe:
    """Validates a recipe's fields; raises UsageError naming every problem by its dotted field."""
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        raise UsageError(explain(error, what=f"recipe {fields.get('name', '')!r}", fields=fields)) from error


def explain(error: ValidationError, *, what: str, fields: dict[str, Any]) -> str:
    """A pydantic error in sentences: a line for each problem of `fields`, by the dotted name that sets it."""
    lines = []
    for problem in error.errors():
        place = _place(problem["loc"], fields) or "as a whole"
        message = problem["msg"].removeprefix("Value error, ")
        given = problem.get("input")
        shown = f" (given: {given!r})" if isinstance(given, (str, int, float)) else ""
        lines.append(f"  {place}: {message}{shown}")
    return f"{what} is not valid:\n" + "\n".join(lines)


def _place(loc: tuple[int | str, ...], fields: dict[str, Any]) -> str:
    """`terms.0.loss.content.layers` as `terms.content.loss.layers`: a term by its name, no tag of a union."""
    parts: list[str] = []
    value: Any = fields
    for part in loc:
        if isinstance(value, dict) and part == value.get("kind"):
            continue
        try:
            value = value[part]
        except (LookupError, TypeError):
            value = None
        named = isinstance(part, int) and isinstance(value, dict) and isinstance(value.get("name"), str)
        parts.append(str(value["name"]) if named else str(part))
    return ".".join(parts)
