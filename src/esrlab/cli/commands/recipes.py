"""A recipe describes one training completely. The paper's four come first.

examples:
  esrlab recipes                     all of them, with what each is for
  esrlab recipes wgan-vgg            one, with every field by the name that sets it
  esrlab recipes wgan-vgg --json     the same for a program
"""

import argparse
import json
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from esrlab.cli.console import answers
from esrlab.recipes.overrides import leaves
from esrlab.recipes.parts import WeightedTerm
from esrlab.recipes.presets import RECIPES, find_recipe
from esrlab.recipes.recipe import Recipe


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """One recipe or none; --json."""
    parser.add_argument("recipe", nargs="?", help="a recipe's name, or a .toml or .json file")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Prints."""
    if options.recipe is None:
        if options.json:
            print(
                json.dumps(
                    [recipe.model_dump(mode="json") for recipe in RECIPES], indent=2, ensure_ascii=False
                )
            )
        else:
            answers().print(_table_of_all())
        return 0
    recipe = find_recipe(options.recipe)
    if options.json:
        print(json.dumps(recipe.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        answers().print(_table_of_one(recipe))
    return 0


def _table_of_all() -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("recipe", "terms: weight × loss", "critic", "steps", "about"):
        table.add_column(heading, overflow="fold")
    for recipe in RECIPES:
        terms = [f"{strength(term)} × {term.loss.label}" for term in recipe.terms]
        critic = "–"
        if recipe.adversarial is not None:
            terms.append(f"{strength(recipe.adversarial)} × {recipe.adversarial.loss}")
            critic = recipe.adversarial.critic.label
        cells = (recipe.name, "\n".join(terms), critic, str(recipe.steps), recipe.about)
        table.add_row(*map(Text, cells))
    return table


def strength(part: WeightedTerm) -> str:
    """A weight, or a share of the pull in percent."""
    return f"{part.weight:g}" if part.share is None else f"{part.share:.0%}"


def _table_of_one(recipe: Recipe) -> Table:
    table = Table(title=Text(f"{recipe.name}: {recipe.label}"), title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("field", "value", "meaning"):
        table.add_column(heading, overflow="fold")
    for leaf in leaves(recipe):
        table.add_row(Text(f"--{leaf.name.replace('_', '-')}"), Text(leaf.shown), Text(leaf.description))
    return table
