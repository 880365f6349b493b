"""How the site is built: `make docs`, or `sphinx-build -W --keep-going -b html docs build/docs`.

Every warning fails the build. Besides Sphinx's own (links, anchors, pictures, pages in no table of contents)
there are two of ours: a public name that no page documents, and a documented name that has no docstring.
"""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).parent))

from rooms import write_drawing

project = "esrlab"
author = "the esrlab authors"
project_copyright = "the esrlab authors, Apache-2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["results/*/runs"]
myst_heading_anchors = 4
default_role = "literal"  # docstrings write `name` as Markdown does

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "esrlab"
html_show_sourcelink = False

_log = logging.getLogger(__name__)
_CODE = re.compile(r"(`[^`]*`)")


def _escape(line: str) -> str:
    """A docstring's line without what reStructuredText would take for markup: |x| and name_."""
    parts = _CODE.split(line)
    return "".join(
        part if part.startswith("`") else re.sub(r"\||(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts
    )


def _prepare_docstring(  # noqa: PLR0917 (Sphinx's own signature)
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    if not any(lines):
        _log.warning("%s %s has no docstring: write one", what, name, type="esrlab", subtype="docstring")
    lines[:] = [_escape(line) for line in lines]


def _check_public_names(app: Sphinx, env: BuildEnvironment) -> None:
    module = app.config.public_module
    documented = {name for name, *_ in env.get_domain("py").get_objects()}
    for name in importlib.import_module(module).__all__ if module else ():
        if f"{module}.{name}" not in documented and not name.startswith("__"):
            _log.warning(
                "%s.%s is public, but no page documents it: add it to docs/api.md",
                module,
                name,
                type="esrlab",
                subtype="public",
            )


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_config_value("public_module", "esrlab", "env", types=[str])
    app.connect("builder-inited", lambda app: write_drawing())
    app.connect("autodoc-process-docstring", _prepare_docstring)
    app.connect("env-check-consistency", _check_public_names)
