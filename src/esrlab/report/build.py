"""Scores -> tables, figures, pages. Imports no torch: everything is derived from a study's files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from esrlab.core.files import write_text
from esrlab.core.metrics import KnownMetrics, read_known
from esrlab.core.scores import Score
from esrlab.report.columns import name_conventions
from esrlab.report.figures import FORMATS, draw_figures
from esrlab.report.formats import escape_markdown, to_latex, to_markdown
from esrlab.report.limitations import Words, name_degradations, write_words
from esrlab.report.logs import RunLog, name_absent_adversaries, name_endings, name_unfinished, read_logs
from esrlab.report.page.build import write_page
from esrlab.report.paper import SCALE_NOTE
from esrlab.report.study_files import read_merge_notes, read_rows
from esrlab.report.tables import Table, build_tables
from esrlab.report.tidy import cells_as_csv, verdicts_as_csv
from esrlab.report.verdicts import Judgement, judge_study


@dataclass(frozen=True)
class Report:
    """What was made of a study: its verdicts, its tables, its sentences, the files written."""

    judgement: Judgement
    tables: list[Table]
    words: Words
    files: list[Path]


def make_report(study: Path | str, *, progress: Callable[[int, int], None] | None = None) -> Report:
    """Rebuilds report.md, report.html, tables.tex, tables.csv, verdicts.csv and figures/ of a study's folder.

    progress: is called with how many of how many benchmark images are on the page. Raises UserError where the
    folder holds no scores.
    """
    study = Path(study)
    scores, known = read_rows(study), read_known(study)
    judgement, tables = judge_study(study, scores, known=known), build_tables(scores, known=known)
    logs = read_logs(study)
    words = write_words(scores, notes=_collect_notes(study, scores, tables, logs, known), known=known)
    title = f"Study {' + '.join(dict.fromkeys(score.study for score in scores))}"
    figures = draw_figures(study, scores, logs, known=known)
    page, set_tables = study / "report.html", (*judgement.tables, *tables)
    texts = {
        study / "report.md": _as_markdown(title, judgement, tables, words, figures),
        study / "tables.tex": "% needs \\usepackage{booktabs}\n" + "\n".join(map(to_latex, set_tables)),
        study / "tables.csv": cells_as_csv(scores),
        study / "verdicts.csv": verdicts_as_csv(judgement),
    }
    for path, text in texts.items():
        write_text(path, text)
    write_page(
        page,
        study,
        scores,
        logs,
        title=title,
        judgement=judgement,
        tables=tables,
        words=words,
        progress=progress,
        known=known,
    )
    drawn = [path.with_suffix(suffix) for path in figures for suffix in FORMATS]
    return Report(judgement, tables, words, [page, *texts, *drawn])


def _collect_notes(
    study: Path, scores: list[Score], tables: list[Table], logs: list[RunLog], known: KnownMetrics
) -> list[str]:
    has_papers = any(table.key.startswith("table") for table in tables)
    measured = {score.metric for score in scores}
    return [
        *read_merge_notes(study),
        *name_degradations(scores),
        *name_unfinished(study, scores),
        *name_endings(logs),
        *name_absent_adversaries(logs),
        *name_conventions(known, measured, has_papers=has_papers),
        *([SCALE_NOTE] if has_papers else []),
    ]


def _as_markdown(
    title: str, judgement: Judgement, tables: list[Table], words: Words, figures: list[Path]
) -> str:
    parts = [f"# {escape_markdown(title)}\n", "## Verdicts\n"]
    parts.append("\n".join(f"- {escape_markdown(line)}" for line in judgement.sentences) + "\n")
    parts += [to_markdown(table) for table in judgement.tables]
    parts += [f"{escape_markdown(note)}\n" for note in judgement.notes]
    for heading, lines in (("What this can show", words.can), ("What it cannot show", words.cannot)):
        parts.append(f"## {heading}\n\n" + "\n".join(f"- {escape_markdown(line)}" for line in lines) + "\n")
    parts.append("## Tables\n")
    parts += [to_markdown(table) for table in tables]
    parts += [f"{escape_markdown(note)}\n" for note in words.notes]
    if figures:
        parts.append("## Figures\n")
        parts += [f"![{path.stem}](figures/{path.name})\n" for path in figures]
    return "\n".join(parts)
