"""A kinship's folder -> tables, figures, a page. Imports no torch: all comes from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from esrlab.core.files import write_text
from esrlab.core.kinship_rows import Kinship, read_kinships
from esrlab.report.formats import escape_markdown, to_markdown
from esrlab.report.kinship.csvs import cosines_as_csv, norms_as_csv, shares_as_csv
from esrlab.report.kinship.figures import draw_kinship
from esrlab.report.kinship.findings import Findings, find_all, tell_absent
from esrlab.report.kinship.page import write_kinship_page

LIMITS = (
    "It looks at single steps: two losses may pull alike at these images and lead to different generators, "
    "or pull apart and lead to the same one.",
    "It holds at these models' images of these photographs; other images, and other settings of a loss, may "
    "differ.",
    "Cosines know no sizes: how hard a loss pulls beside others is its weight's matter, or its share's.",
    "In so many dimensions a random direction has a cosine of nearly 0 with anything; small ones may still "
    "be reliable, which their intervals tell.",
    "A game's direction is that of one critic, trained briefly from one start against a fixed generator. "
    "Another start may give another direction: compare a game with itself (#1) before games with each other.",
)
"""What it cannot show."""


@dataclass(frozen=True)
class KinshipReport:
    """What was found, what could not be had, and the files that say so, the page first."""

    findings: Findings
    absent: tuple[str, ...]
    files: tuple[Path, ...]


def make_kinship_report(folder: Path) -> KinshipReport:
    """Writes tables, figures, page and Markdown from the folder's rows; equal rows give equal bytes.

    Raises UserError where the folder holds no rows, or damaged ones, or an extra is missing.
    """
    kinships = read_kinships(folder)
    findings, absent = find_all(kinships), tell_absent(kinships)
    figures = draw_kinship(folder, kinships)
    about = summarise(kinships)
    texts = {
        folder / "kinship.csv": cosines_as_csv(kinships),
        folder / "spectra.csv": shares_as_csv(kinships),
        folder / "pulls.csv": norms_as_csv(kinships),
        folder / "kinship.md": _as_markdown(about, findings, absent, figures),
    }
    for path, text in texts.items():
        write_text(path, text)
    page = folder / "kinship.html"
    write_kinship_page(
        page, about=about, findings=findings, absent=absent, figures=figures, limits=LIMITS, kinships=kinships
    )
    drawn = [path for paths in figures.values() for path in paths]
    return KinshipReport(findings, tuple(absent), (page, *texts, *drawn))


def summarise(kinships: Sequence[Kinship]) -> str:
    """What was measured, in a sentence."""
    models = ", ".join(f"{each.label} (×{each.scale})" for each in kinships)
    losses = len({each.name for kinship in kinships for each in kinship.directions if not each.is_game})
    games = len({each.name for kinship in kinships for each in kinship.directions if each.is_game})
    first, settings = kinships[0], kinships[0].settings
    critic = settings["critic"]
    told = ", ".join(f"{name} {value}" for name, value in critic.items() if name not in ("kind", "updates"))
    trained = (
        f"; critics ({critic['kind']}, {told}) trained for {settings['critic_steps']} steps at each model"
        if games
        else ""
    )
    return (
        f"{losses} losses and {games} adversarial games at {len(first.photos)} generated images (LR "
        f"{settings['lr_size']}×{settings['lr_size']}, crops of {len(set(first.photos))} photographs) of "
        f"each of: {models}{trained}"
    )


def _as_markdown(
    about: str, findings: Findings, absent: Sequence[str], figures: dict[str, list[Path]]
) -> str:
    parts = ["# Kinship of losses\n", f"{escape_markdown(about)}.\n"]
    for heading, lines in findings.sentences.items():
        parts.append(f"## {heading}\n\n" + _listed(lines))
    parts.append("## What it cannot show\n\n" + _listed(LIMITS))
    if absent:
        parts.append("## What could not be had\n\n" + _listed(absent))
    parts.append("## Tables\n")
    parts += [to_markdown(table) for table in findings.tables]
    parts.append("## Figures\n")
    parts += [f"![{path.stem}](figures/{path.name})\n" for paths in figures.values() for path in paths]
    return "\n".join(parts)


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {escape_markdown(line)}" for line in lines) + "\n"
