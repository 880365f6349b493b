"""argparse that takes "_" for "-" in a flag, and names the nearest to what is misspelt."""

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from esrlab.core.nearest import did_you_mean
from esrlab.core.terminal import show_controls

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


class Parser(argparse.ArgumentParser):
    """A parser whose flags may be written with "_" as recipe files have them."""

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]  # overloads of the same
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """As argparse's, once flags have their own spelling; exits with 2 where one is not known."""
        spelt = None if args is None else self._spell(list(args))
        return super().parse_known_args(spelt, namespace)

    def _spell(self, arguments: list[str]) -> list[str]:
        """The arguments with "-" for "_" in the names of flags; a subcommand's are left to its own parser."""
        if self._subparsers is not None:
            return arguments
        end = arguments.index("--") if "--" in arguments else len(arguments)
        return [*(self._spell_one(text) for text in arguments[:end]), *arguments[end:]]

    def _spell_one(self, text: str) -> str:
        flag, sign, value = text.partition("=")
        known = self._option_string_actions
        if not flag.startswith("--") or flag in known:
            return text
        if flag.replace("_", "-") in known:
            return flag.replace("_", "-") + sign + value
        if " " not in flag:
            self._refuse(flag)
        return text

    def _refuse(self, flag: str) -> NoReturn:
        known = list(self._option_string_actions)
        self.error(
            f"there is no option {flag}{did_you_mean(flag, known)}; {self.prog} --help lists the options"
        )

    def error(self, message: str) -> NoReturn:
        """One line and where the options are listed, in place of the whole usage; exits with 2."""
        listed = f"{self.prog} --help"
        hint = "" if listed in message else f"; {listed} lists the options"
        self.exit(2, show_controls(f"{self.prog}: {message}{hint}") + "\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(
                action,
                f"there is no {value!r}{did_you_mean(str(value), names)}; choose from {', '.join(names)}",
            )


def image_size(text: str) -> tuple[int, int]:
    """3840x2160 as (width, height)."""
    found = re.fullmatch(r"([1-9]\d{0,6})[x×]([1-9]\d{0,6})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"it is WIDTHxHEIGHT, such as 3840x2160, not {text!r}")
    return int(found[1]), int(found[2])


def cascade_scales(text: str) -> tuple[int, ...]:
    """2x2 as (2, 2)."""
    if re.fullmatch(r"[2-9]([x×][2-9]){1,3}", text) is None:
        raise argparse.ArgumentTypeError(f"it is two to four scales, such as 2x2 or 2x3, not {text!r}")
    return tuple(int(scale) for scale in re.split("[x×]", text))


def memory_size(text: str) -> int:
    """2GB, 500MB, 1.5GiB as bytes."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?) ?([KMG]?I?)B?", text.upper())
    if found is None or found[2] == "I" or float(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"it is an amount such as 2GB, 500MB or 1.5GiB, not {text!r}")
    return int(float(found[1]) * _UNITS[found[2]])
