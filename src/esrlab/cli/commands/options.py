"""Options that several commands share, and a recipe's fields as flags."""

import argparse
import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from esrlab.cli.console import console
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.samples import SAMPLES
from esrlab.data.sets.catalogue import find_set, is_set
from esrlab.data.sets.choice import OFFICIAL_LR, DataChoice, read_data
from esrlab.data.sets.finding import folder_of
from esrlab.errors import UsageError, UserError
from esrlab.losses.inputs import FeatureWeights
from esrlab.recipes.kinds import name_setting
from esrlab.recipes.overrides import OLD_NAMES, fields_of_kinds, leaves
from esrlab.recipes.recipe import Recipe

FIELD = "field:"
"""Begins the place where a recipe field's flag puts its value."""


def add_device(parser: argparse.ArgumentParser) -> None:
    """--device."""
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="device to compute on; auto takes a GPU if there is one (default: auto)",
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """--data."""
    parser.add_argument(
        "--data",
        nargs="+",
        metavar="NAME",
        help="data sets by name (esrlab data list) in place of --photos: div2k trains on 0001 to 0800 and "
        f"holds out 0801 to 0900; div2k{OFFICIAL_LR}, on its official LR images",
    )


def chosen_data(options: argparse.Namespace) -> DataChoice | None:
    """What --data chooses; the fields that it sets are set in `options` too. UsageError beside --photos."""
    if options.data is None:
        return None
    if options.photos is not None:
        raise UsageError("--data (sets by name) and --photos (folders) both choose photographs; give one")
    choice = read_data(options.data)
    for name, value in choice.fields.items():
        setattr(options, f"{FIELD}{name}", value)
    return choice


def take_data(options: argparse.Namespace) -> None:
    """Sets a training's photographs and validation images as --data chooses, before anything is opened."""
    choice = chosen_data(options)
    if choice is None:
        return
    options.photos = list(choice.photos)
    if options.validation is None and choice.validation is not None:
        options.validation = choice.validation
        require_folders("--data", [*choice.photos, choice.validation])


def add_weights(parser: argparse.ArgumentParser, *, default: str) -> None:
    """--weights; `default` says in words what holds without it."""
    parser.add_argument(
        "--weights",
        choices=get_args(FeatureWeights),
        help="weights of the networks that losses measure with: ImageNet's (real), the small embedded "
        f"students', or random ones (untrained); every table names the kind (default: {default})",
    )


def add_fields(parser: argparse.ArgumentParser, recipe: Recipe, arguments: Sequence[str]) -> None:
    """A flag for every field of the recipe, by its dotted name; scale and steps are fields too.

    So are, among `arguments`, the fields of terms that the recipe does not have: they may add one.
    """
    group = parser.add_argument_group(
        f"fields of the recipe {recipe.name}",
        "set any field by its dotted name; the values shown are the recipe's",
    )
    for leaf in leaves(recipe):
        flag = f"--{leaf.name.replace('_', '-')}"
        choices = f" {{{','.join(leaf.choices)}}}" if leaf.choices else ""
        group.add_argument(
            flag,
            dest=f"{FIELD}{leaf.name}",
            nargs="+" if leaf.is_tuple else None,
            default=None,
            metavar=leaf.name.rsplit(".", 1)[-1].upper(),
            help=f"{leaf.description}{choices} ({leaf.shown})".strip().replace("%", "%%"),
        )

    known = {leaf.name.replace("_", "-") for leaf in leaves(recipe)}
    kinds = _asked_kinds(arguments)
    exchanged = [name.replace("_", "-") for name in fields_of_kinds(recipe)]
    settings = [name for name in _flags_of_terms(arguments) if name_setting(recipe, name, kinds)]
    others = dict.fromkeys([*_other_terms(recipe, arguments), *exchanged, *settings, *OLD_NAMES])
    for name in others:
        if name.replace("_", "-") in known:
            continue
        group.add_argument(
            f"--{name}", dest=f"{FIELD}{name}", nargs="+", action=_OneOrMore, help=argparse.SUPPRESS
        )


class _OneOrMore(argparse.Action):
    """One value as itself, several as a list: whether such a field holds several is not known yet."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *rest: Any
    ) -> None:
        setattr(namespace, self.dest, values[0] if len(values) == 1 else values)


def _asked_kinds(arguments: Sequence[str]) -> dict[str, str]:
    """The kinds that arguments such as `--generator.kind compact` ask for, by the part's dotted name."""
    found: dict[str, str] = {}
    for text, following in itertools.zip_longest(arguments, arguments[1:], fillvalue=""):
        flag, sign, value = text.partition("=")
        if flag.startswith("--") and flag.endswith(".kind"):
            found[flag[2:].removesuffix(".kind").replace("-", "_")] = value if sign else following
    return found


def _other_terms(recipe: Recipe, arguments: Sequence[str]) -> list[str]:
    """The dotted names among the arguments that speak of terms which the recipe does not have."""
    own = {term.name.replace("_", "-") for term in recipe.terms}
    parts = {name: name.split(".") for name in _flags_of_terms(arguments)}
    return [
        name
        for name, split in parts.items()
        if len(split) > 2 and split[1] and split[1].replace("_", "-") not in own
    ]


def _flags_of_terms(arguments: Sequence[str]) -> list[str]:
    """The dotted names among the arguments that speak of terms, once each."""
    flags = (text.partition("=")[0] for text in arguments if text.startswith("--terms."))
    return [flag.removeprefix("--") for flag in dict.fromkeys(flags)]


def chosen_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The recipe fields given on the command line, by dotted name; numbers are read as numbers."""
    found: dict[str, Any] = {}
    for place, value in vars(options).items():
        if place.startswith(FIELD) and value is not None:
            many = isinstance(value, list)
            found[place.removeprefix(FIELD)] = [_read(text) for text in value] if many else _read(value)
    return found


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def first_positional(arguments: Sequence[str]) -> str | None:
    """The first argument that is no flag; it must come before any flag that takes a value."""
    return arguments[0] if arguments and not arguments[0].startswith("-") else None


def say_skipped(photos: Photos) -> None:
    """Names and counts the photographs that were set aside."""
    if photos.skipped:
        console.print(f"skipped {len(photos.skipped)} of {len(photos.skipped) + len(photos.members)} files:")
        for _, reason in photos.skipped[:10]:
            console.print(f"  {reason}", markup=False)
        if len(photos.skipped) > 10:
            console.print(f"  … and {len(photos.skipped) - 10} more (recipe.json lists them all)")


def require_folders(option: str, sources: Iterable[str]) -> None:
    """UserError that names the option where it gives a folder that is not there; samples is none.

    A data set by its name must be here.
    """
    for source in sources:
        if source != SAMPLES and not folder_of(source).exists():
            raise UserError(f"{option}: there is no folder {source}")


def named_folders(texts: Sequence[str]) -> dict[str, str]:
    """What --benchmark NAME=DIR names, repeated; UsageError for another form, or a name given twice.

    A data set's name alone stands for itself.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, folder = (find_set(text).title, "=", text) if is_set(text) else text.partition("=")
        if not sign or not name or not folder:
            raise UsageError(
                f"--benchmark must be NAME=DIR, such as Set5=benchmarks/Set5, or a data set's name, such as "
                f"set5, not {text!r}"
            )
        if found.get(name, folder) != folder:
            raise UsageError(f"--benchmark gives two folders the name {name}: {found[name]} and {folder}")
        require_folders(f"--benchmark {name}", [folder])
        found[name] = folder
    return found
