"""How a training ended, in words, and what to change where it was given up."""

from esrlab.cli.console import console
from esrlab.losses.custom import Custom
from esrlab.recipes.recipe import Recipe
from esrlab.training.non_finite import Rollback
from esrlab.training.run_folder import RunOutcome


def say_outcome(outcome: RunOutcome | None, recipe: Recipe) -> int:
    """Names a collapse or a divergence; the exit code is 1 where the run was given up."""
    if outcome is None or outcome.outcome == "finished":
        return 0
    if outcome.outcome == "collapsed":
        console.print("this run collapsed: " + "; ".join(outcome.signs.values()), markup=False)
        return 0
    last = outcome.rollbacks[-1]
    console.print(
        f"this run diverged after {len(outcome.rollbacks)} rollbacks, the last one: {last}. The generator is "
        f"step {outcome.step}'s of {outcome.asked}; evidence/ has the log lines that led there. "
        f"{_advise(last, recipe)}",
        markup=False,
    )
    return 1


def _advise(rollback: Rollback, recipe: Recipe) -> str:
    """What to change: a custom loss that is not finite, or whose gradient is not, else the learning rate."""
    group, _, name = rollback.place.partition("/")
    custom = {term.name: term.loss for term in recipe.terms if isinstance(term.loss, Custom)}
    if group in ("loss", "pull") and name in custom:
        what = "value" if group == "loss" else "gradient"
        return (
            f"The {what} of the custom loss {name} ({custom[name].function} in {custom[name].file}) is not "
            "finite; look there for a division by 0, or a root or logarithm at 0 (add a small number first)"
        )
    return "Try a lower optimiser.learning_rate, or optimiser.grad_clip_norm 1"
