"""The house rules that no linter knows: who may import whom, what --help costs, what must be documented."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from esrlab.cli import COMMANDS, call

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "esrlab"

# What each room may import of the others. A room not named here may import nothing of the house.
GROUND = {"errors", "files"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "interruption": set(),
    "devices": {"errors"},
    "engine": {"errors"},
    "health": set(),
    "pulls": set(),
    "shares": {"pulls"},
    "collapse": set(),
    "files": {"errors"},
    "images": GROUND,
    "resize": set(),
    "networks": {"errors"},
    "losses": {"engine", "errors", "networks", "perception", "students", "weights"},
    "metrics": {"networks"},
    "students": {"errors", "networks", "states"},
    "weights": GROUND | {"networks", "states"},
    "perception": {"networks", "students", "weights"},
    "photos": GROUND | {"images"},
    "batches": {"images", "photos", "resize"},
    "settings": {"losses", "resize"},
    "recipe": {"errors", "losses", "networks", "settings"},
    "schedule": {"settings"},
    "prefetch": set(),
    "fields": {"errors", "recipe"},
    "idle": {"recipe"},
    "recipes": {"errors", "fields", "losses", "recipe", "settings"},
    "generators": GROUND | {"networks", "states"},
    "training": {"engine", "generators", "health", "losses", "networks", "recipe", "settings", "shares"},
    "findings": {"batches", "health", "pulls", "training"},
    "step": {"batches", "engine", "findings", "health", "losses", "pulls", "recipe", "schedule", "training"},
    "supply": {"batches", "photos", "prefetch", "recipe"},
    "states": {"errors"},
    "checkpoint": GROUND | {"health", "training"},
    "logfile": GROUND,
    "runfolder": GROUND | {"health", "photos", "recipe"},
    "session": GROUND
    | {"checkpoint", "collapse", "health", "logfile", "photos", "recipe", "runfolder", "supply", "training"}
    | {"watching"},
    "runs": GROUND
    | {"collapse", "devices", "findings", "generators", "health", "interruption", "photos", "recipe"}
    | {"runfolder", "session", "step", "training", "watching"},
    "watching": {"networks", "settings"},
    "upscaling": {"engine", "networks", "resize"},
    "evaluation": {"errors", "images", "metrics", "networks", "perception", "photos", "resize", "upscaling"},
    "validation": {
        "errors",
        "evaluation",
        "images",
        "metrics",
        "perception",
        "photos",
        "resize",
        "upscaling",
        "settings",
    },
    "scores": GROUND,
    "methods": GROUND | {"generators", "images", "networks", "photos", "runfolder", "scores", "upscaling"},
    "scoring": GROUND | {"evaluation", "images", "methods", "metrics", "photos", "scores"},
    "commandlog": GROUND,
    "claims": {"errors", "scores"},
    "statistics": {"claims", "errors", "scores"},
    "study": {"claims", "errors", "fields", "losses", "recipe", "recipes"},
    "pullmaps": {"batches", "engine", "errors", "pulls", "step", "training"},
    "mapfiles": GROUND
    | {"checkpoint", "fields", "images", "photos", "pullmaps", "resize", "runfolder", "study", "training"},
    "studyfolder": GROUND | {"perception", "photos", "runfolder", "scores", "study"},
    "preflight": {"generators", "networks", "runfolder", "settings", "study"},
    "laboratory": GROUND
    | {"commandlog", "evaluation", "generators", "images", "interruption", "mapfiles", "metrics", "photos"}
    | {"preflight", "runfolder", "runs", "scores", "study", "studyfolder", "upscaling", "watching"},
    "report": GROUND | {"claims", "collapse", "commandlog", "scores", "statistics"},
    "progress": set(),
    "panel": {"progress"},
    "trackers": GROUND | {"images"},
    "studyprogress": {"progress", "recipe", "scores", "study"},
    "cli": {"errors", "interruption"},
    "__main__": {"cli"},
}
ANYTHING = {"commands"}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """The rooms and the outside packages that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "esrlab" else [module]
        found.update(names)
    return found


FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_rooms_are_imported_in_the_flows_direction(path: Path) -> None:
    room = room_of(path)
    rooms = {name.split(".")[1] for name in imports_of(path) if name.startswith("esrlab.")} - {
        room,
        "__version__",
    }
    assert room == "__main__" or "cli" not in rooms, "nobody imports the command line"
    if room not in ANYTHING:
        assert rooms <= MAY_IMPORT[room], f"{room} may not import {rooms - MAY_IMPORT[room]}"


def test_every_room_has_its_rule() -> None:
    assert {room_of(path) for path in FILES} == MAY_IMPORT.keys() | ANYTHING


def test_directions_hold_no_circle() -> None:
    open_rooms = {room: set(others) for room, others in MAY_IMPORT.items()}
    while open_rooms:
        ground = {room for room, others in open_rooms.items() if not others & open_rooms.keys()}
        assert ground, f"a circle among {sorted(open_rooms)}"
        open_rooms = {room: others for room, others in open_rooms.items() if room not in ground}


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("PIL", {"images"}),
        ("torchvision", set[str]()),
        ("matplotlib", {"report"}),
        ("scipy", {"statistics"}),
        ("argparse", {"cli", "commands"}),
    ],
)
def test_only_these_rooms_know_this_package(package: str, rooms: set[str]) -> None:
    knowing = {room_of(path) for path in FILES if any(n.split(".")[0] == package for n in imports_of(path))}
    assert knowing == rooms


def test_reports_import_no_torch() -> None:
    code = "import sys, esrlab.report, esrlab.statistics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_only_two_rooms_load_with_torch_and_nothing_is_unpickled() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "import pickle" not in text or room_of(path) in ("checkpoint", "states")
        if "torch.load(" in text:
            assert room_of(path) in ("checkpoint", "states")
            assert text.count("torch.load(") == text.count("weights_only=True)")


def test_top_help_imports_no_torch_and_names_every_command() -> None:
    code = "import sys; from esrlab.cli import call; sys.exit(call(['--help']) or 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert f"  {command.name} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_examples_in_its_help_and_a_place_in_the_readme(
    command: object, capsys: pytest.CaptureFixture[str]
) -> None:
    name = getattr(command, "name")  # noqa: B009 (pytest hands over an object)
    assert call([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert f"  esrlab {name}" in shown
    assert f"esrlab {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_field_of_a_recipe_is_in_the_one_table_of_them() -> None:
    from esrlab.fields import leaves
    from esrlab.recipes import RECIPES

    table = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    for recipe in RECIPES:
        for leaf in leaves(recipe):
            name = re.sub(r"^terms\.\w+\.(weight|share)$", r"terms.<term>.\1", leaf.name)
            assert f"| `{name}` |" in table, name
            assert f"| {leaf.description}" in table, leaf.description


def test_the_project_speaks_of_itself_alone() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    assert "TODO" not in text
    assert "FIXME" not in text
