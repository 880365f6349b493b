"""The command line: parse, call, print. A command's module is imported when it is called, not before."""

import argparse
import codecs
import importlib
import io
import json
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, cast

from esrlab.cli.parsing import Parser
from esrlab.core.signals import Interrupted, ignore_stops, stopping_at_once
from esrlab.core.terminal import show_controls
from esrlab.core.version import __version__
from esrlab.errors import UsageError, UserError

GOOD, FAILED, WRONG_USAGE, STOPPED = 0, 1, 2, 130


@dataclass(frozen=True)
class Command:
    """A command's name, which is also its module in `esrlab.cli.commands`, and what it does."""

    name: str
    summary: str


COMMANDS = (
    Command("demo", "run a whole small study in a few minutes, offline, on bundled photographs"),
    Command("train", "train one generator with a recipe"),
    Command("study", "train recipes × scales × seeds, score them, report"),
    Command("report", "rebuild tables, figures and page from the rows of a study, or of several"),
    Command("upscale", "enlarge photographs with a trained generator, whatever their format and size"),
    Command("evaluate", "score checkpoints, cascades, bicubic and folders of images on benchmarks"),
    Command("kinship", "compare losses by the directions in which they pull the same generated images"),
    Command("data", "get data sets by name and check them; pack photographs for training"),
    Command("weights", "list pretrained weights, and download them"),
    Command("recipes", "list the named recipes, or print one whole"),
)


class CommandModule(Protocol):
    """What a module in `esrlab.cli.commands` has."""

    def configure(self, parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
        """Adds the command's options; `arguments` are what was typed after its name."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Does it; returns the exit code. `options.command` is the whole command line as it was given."""
        ...


def main(arguments: Sequence[str] | None = None) -> None:
    """The `esrlab` command."""
    codecs.register_error("escaping", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="escaping")
    code = call(sys.argv[1:] if arguments is None else arguments)
    ignore_stops()
    if (error := _flush_output()) is not None:
        code = FAILED
        if not isinstance(error, BrokenPipeError):  # whoever read our output has gone
            with suppress(OSError):
                print(f"esrlab: cannot write to standard output: {error.strerror}", file=sys.stderr)
    sys.exit(code)


def _escape(error: UnicodeError) -> tuple[str, int]:
    """What the output's encoding lacks as \\uXXXX, which is valid in JSON too."""
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _flush_output() -> OSError | None:
    """Writes what standard output holds; where that fails it is dropped, else Python would try again."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None


def call(arguments: Sequence[str]) -> int:
    """Runs a command line and returns its exit code: 0 good, 1 failed, 2 wrong usage, 130 stopped."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    command = next((command for command in COMMANDS if command.name == name), None)
    if command is None:
        return _without_command(arguments or ["--help"])
    try:
        with stopping_at_once():
            return _run(command, rest)
    except SystemExit as stop:  # argparse has said what it had to
        return stop.code if isinstance(stop.code, int) else FAILED
    except BrokenPipeError:  # whoever read our output has gone
        sys.stderr.close()
        return FAILED
    except OSError as error:  # standard output on a full disk, a file that went while it was read, ...
        _flush_output()
        where = f"{error.filename}: " if error.filename else ""
        with suppress(OSError):
            print(f"esrlab {command.name}: {where}{error.strerror or error}", file=sys.stderr)
        return FAILED
    except (UserError, Interrupted, KeyboardInterrupt) as error:
        with suppress(OSError):  # nobody may be there to read it, after a terminal was closed
            words = str(error) or "stopped; run the same command again to resume"
            print(f"esrlab {command.name}: {show_controls(words)}", file=sys.stderr)
        return _exit_code(error)


def _run(command: Command, arguments: Sequence[str]) -> int:
    """Loads the command's module, which takes seconds where it needs torch, and runs it."""
    module = cast(CommandModule, importlib.import_module(f"esrlab.cli.commands.{command.name}"))
    parser = Parser(
        prog=f"esrlab {command.name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser, arguments)
    given = argparse.Namespace(command=shlex.join(["esrlab", command.name, *arguments]))
    return module.run(parser.parse_args(arguments, given))


def _exit_code(error: BaseException) -> int:
    if isinstance(error, UserError):
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    return STOPPED


def _without_command(arguments: Sequence[str]) -> int:
    """`esrlab --help`, `esrlab --version`, or a command that does not exist."""
    width = max(len(command.name) for command in COMMANDS)
    listed = "\n".join(f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS)
    parser = Parser(
        prog="esrlab",
        usage="esrlab COMMAND [options]",
        description="A loss-function laboratory for image super-resolution.",
        epilog=f"commands:\n{listed}\n\nesrlab COMMAND --help shows a command's options and examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"esrlab {__version__}")
    names = [command.name for command in COMMANDS]
    parser.add_argument("command", choices=names, metavar="command", help=argparse.SUPPRESS)
    try:
        parser.parse_args(list(arguments[:1]))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    return WRONG_USAGE
