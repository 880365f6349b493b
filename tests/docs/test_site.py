"""The documentation site: what must fail its build, links of all Markdown files, the drawing of the rooms."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "research").rglob("*.md")],
)


def build(source: Path, out: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the strict build with the site's own configuration on other pages."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-E",
        "-b",
        "html",
        "-c",
        str(DOCS),
    ]
    environment = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    return subprocess.run(
        [*command, *settings, str(source), str(out)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )


FAULTLESS = '''"""A module."""

__all__ = ["known"]


def known(x: int) -> int:
    """The double of |x_|, as `known_`."""
    return 2 * x
'''
REFERENCE = """# Reference

```{eval-rst}
.. autofunction:: stranger.known
```
"""


def write_site(folder: Path, *, index: str = "", module: str = FAULTLESS, reference: str = REFERENCE) -> Path:
    folder.mkdir()
    (folder / "stranger.py").write_text(module, encoding="utf-8")
    (folder / "api.md").write_text(reference, encoding="utf-8")
    (folder / "index.md").write_text(
        f"# Index\n\n## A section\n\n[it](#a-section)\n\n{index}\n\n```{{toctree}}\napi\n```\n",
        encoding="utf-8",
    )
    return folder


def test_a_faultless_site_passes_the_strict_build(tmp_path: Path) -> None:
    done = build(write_site(tmp_path / "site"), tmp_path / "out", "-D", "public_module=stranger")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "The double of |x_|" in (tmp_path / "out" / "api.html").read_text(encoding="utf-8")


def test_the_strict_build_fails_on_broken_links_and_undocumented_names(tmp_path: Path) -> None:
    site = write_site(
        tmp_path / "site",
        index="[page](gone.md) [anchor](api.md#no-such) [file](gone.txt) ![picture](gone.png)",
        module=FAULTLESS.replace('"known"', '"known", "mute", "absent"')
        + "\n\ndef mute(x: int) -> int:\n    return x\n\n\nabsent = known\n",
        reference=REFERENCE.replace("known\n", "known\n.. autofunction:: stranger.mute\n"),
    )
    (site / "lonely.md").write_text("# In no table of contents\n", encoding="utf-8")
    done = build(site, tmp_path / "out", "-D", "public_module=stranger")
    assert done.returncode != 0
    for complaint in (
        "cross-reference target not found: 'gone.md'",
        "local id not found in doc 'api': 'no-such'",
        "cross-reference target not found: 'gone.txt'",
        "image file not readable: gone.png",
        "stranger.mute has no docstring",
        "stranger.absent is public, but no page documents it",
        "lonely.md: WARNING: document isn't included in any toctree",
    ):
        assert complaint in done.stderr, done.stderr


def text_of(page: Path) -> str:
    """A page without its blocks and pieces of code, in which no link is one."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", lambda code: re.sub(r"[\[\]()]", "", code[0]), text)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub and the site give a page's headings."""
    headings = re.findall(r"^#{1,6} +(.+?) *$", text_of(page), flags=re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "") for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page}: {target} does not exist"
        assert not anchor or anchor in anchors_of(file), f"{page}: {target}: {file.name} has no such heading"


def load_rooms() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rooms", DOCS / "rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_drawing_and_the_table_of_rooms_are_the_contracts() -> None:
    rooms = load_rooms()
    layers = rooms.read_layers()
    drawing = rooms.DRAWING.read_text(encoding="utf-8")
    assert drawing == rooms.draw(layers), "out of date: run python docs/rooms.py"
    names = [room for layer in layers for room in layer]
    assert re.findall(r'text-anchor="middle">([^<]+)<', drawing) == names
    table = re.findall(
        r"^\| `(\w+)` \|", (DOCS / "architecture.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert table == names


def test_a_contract_without_layers_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no layers contract"):
        load_rooms().read_layers(tmp_path / "pyproject.toml")
