"""A kinship's page: one file that opens from disk and asks nothing of a network. Needs Jinja2."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esrlab.core.files import to_json, write_text
from esrlab.core.kinship_rows import Kinship
from esrlab.errors import UserError
from esrlab.report.kinship.findings import Findings
from esrlab.report.page.build import ASSETS

TEMPLATES = Path(__file__).parent

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Pictures from within the page, and nothing else: it has no script."""

MOST_MAPS = 4
"""Figures of maps on the page; the others are in the folder."""


def write_kinship_page(
    path: Path,
    *,
    about: str,
    findings: Findings,
    absent: Sequence[str],
    figures: dict[str, list[Path]],
    limits: Sequence[str],
    kinships: Sequence[Kinship],
) -> None:
    """Writes the page; equal files give equal bytes. Raises UserError naming the extra without Jinja2."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise UserError("the page needs Jinja2: pip install 'esrlab[report]'") from error
    setting: dict[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    loader = FileSystemLoader([TEMPLATES, ASSETS])
    environment = Environment(undefined=StrictUndefined, loader=loader, **setting)
    html = environment.get_template("kinship.html.j2").render(
        about=about,
        findings=findings,
        absent=absent,
        limits=limits,
        cosines=[(file.stem, _as_data(file)) for file in figures["cosines"]],
        frequencies=[(file.stem, _as_data(file)) for file in figures["frequencies"]],
        maps=[(file.stem, _as_data(file)) for file in figures["maps"][:MOST_MAPS]],
        left_out=max(0, len(figures["maps"]) - MOST_MAPS),
        style=(ASSETS / "page.css").read_text(encoding="utf-8"),
        policy=POLICY,
        settings=to_json({each.key: each.settings for each in kinships}, indent=2),
    )
    write_text(path, html)


def _as_data(file: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
