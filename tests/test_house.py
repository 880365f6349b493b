"""The house rules that no linter knows: who may import whom, what --help costs, what must be documented."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from esrlab.cli.main import COMMANDS, call

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "esrlab"
LOADERS = ("core.tensor_files",)
"""The module that may call torch.load."""

PILLOW_KNOWN = ("metadata", "modes", "pillow", "wide", "writing")
"""Of `data.photograph_files`: EXIF tables, colour profiles, how pixels are stored, and JPEG are Pillow's."""


def module_of(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").as_posix().replace("/", ".")


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


@pytest.mark.parametrize(
    ("package", "places"),
    [
        ("PIL", {"data.image_files", *(f"data.photograph_files.{part}" for part in PILLOW_KNOWN)}),
        ("torchvision", set[str]()),
        ("matplotlib", {"report"}),
        ("scipy", {"statistics"}),
        ("argparse", {"cli"}),
    ],
)
def test_only_this_room_or_module_knows_this_package(package: str, places: set[str]) -> None:
    knowing = {module_of(path) for path in FILES if any(n.split(".")[0] == package for n in imports_of(path))}
    assert {name if name in places else name.split(".")[0] for name in knowing} == places


def test_no_file_and_no_function_is_long() -> None:
    long = []
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 250:
            long.append(f"{path}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 40:
                    long.append(f"{path}: {node.name} has {lines} lines")
    assert long == []


def test_packages_are_empty_but_for_the_public_ones() -> None:
    full = [
        module_of(path) for path in SOURCE.rglob("*/__init__.py") if path.read_text(encoding="utf-8").strip()
    ]
    assert full == [
        "losses.__init__",
        "models.shipped.__init__",
    ]  # lazy, as the top one is; tests/test_api.py has what they cost


def test_reports_import_no_torch() -> None:
    code = "import sys, esrlab.report.build, esrlab.statistics.verdicts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_only_one_module_loads_with_torch_and_nothing_is_unpickled() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "import pickle" not in text or module_of(path) in LOADERS
        if "torch.load(" in text:
            assert module_of(path) in LOADERS
            assert text.count("torch.load(") == text.count("weights_only=True)")


def test_top_help_imports_no_torch_and_names_every_command() -> None:
    code = (
        "import sys; from esrlab.cli.main import call as c; sys.exit(c(['--help']) or 'torch' in sys.modules)"
    )
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
    from esrlab.recipes.overrides import leaves
    from esrlab.recipes.presets import RECIPES

    table = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    for recipe in RECIPES:
        for leaf in leaves(recipe):
            name = re.sub(r"^terms\.\w+\.(weight|share|loss\.kind)$", r"terms.<term>.\1", leaf.name)
            assert f"| `{name}` |" in table, name
            assert f"| {leaf.description}" in table, leaf.description


def test_the_project_speaks_of_itself_alone() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    assert "TODO" not in text
    assert "FIXME" not in text
