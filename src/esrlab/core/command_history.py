"""Which commands made a folder: `commands.json` beside a study's rows, for its report."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from esrlab.core.files import find_inside, to_json, write_text
from esrlab.core.text_files import read_json
from esrlab.core.version import __version__

COMMANDS_FILE = "commands.json"


@dataclass(frozen=True)
class GivenCommand:
    """A command line as it was given, quoted for a shell; by which version, on which day first (UTC).

    study: whose it is, in a folder that several were merged into.
    """

    command: str
    version: str
    date: str
    study: str = ""


_COMMANDS = TypeAdapter(list[GivenCommand])


def keep_command(folder: Path, command: str) -> None:
    """Adds a command to the folder's, unless this version was given it before."""
    known = read_commands(folder)
    if (command, __version__) not in {(each.command, each.version) for each in known}:
        today = datetime.now(UTC).date().isoformat()
        write_commands(folder, [*known, GivenCommand(command, __version__, today)])


def write_commands(folder: Path, commands: Iterable[GivenCommand]) -> None:
    """Writes a folder's commands, atomically; no file where there are none."""
    records = [asdict(each) for each in commands]
    if records:
        write_text(folder / COMMANDS_FILE, to_json(records, indent=2) + "\n")
    else:
        (folder / COMMANDS_FILE).unlink(missing_ok=True)


def read_commands(folder: Path) -> list[GivenCommand]:
    """A folder's commands in order; none if there is no such file.

    Raises UserError where the file cannot be read.
    """
    path = find_inside(folder, COMMANDS_FILE)
    if path is None:
        return []
    return read_json(path, _COMMANDS)
