"""argparse that takes "_" for "-" in a flag, and names the nearest to what is misspelt."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from esrlab.core.nearest import did_you_mean
from esrlab.core.terminal import show_controls


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
