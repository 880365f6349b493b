"""Verdicts on the paper's claims and on those in the study's study.toml, tables, figures and pages. Nothing
is trained or scored again: what is printed and written comes from the study's own files.

Several folders, of studies or of esrlab evaluate, make one report in a folder of its own (--out). Equal
recipes of equal names are taken together as more seeds of one. If recipes of equal names differ, the later
folder's gets " (<study>)" after its name. Two values for one row, or two sets of images under one benchmark's
name, are an error.

examples:
  esrlab report studies/paper
  esrlab report studies/paper --json
  esrlab report studies/paper studies/others --out studies/all
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from esrlab.cli.console import answers, counter
from esrlab.core.files import remove_leftovers
from esrlab.report.build import Report, make_report
from esrlab.report.formats import to_terminal
from esrlab.report.merging import default_place, merge_studies
from esrlab.report.verdicts import Judgement, as_record


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """The studies' folders, where several are reported on; --json."""
    parser.add_argument(
        "studies",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="a folder written by esrlab study or esrlab evaluate",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for a merged report (default: beside the first STUDY, its name joined from all)",
    )
    parser.add_argument(
        "--apart", action="store_true", help="keep every study's recipes apart, equal ones too"
    )
    parser.add_argument("--json", action="store_true", help="print the tables as JSON")


def run(options: argparse.Namespace) -> int:
    """Rebuilds and prints."""
    study = options.studies[0]
    if len(options.studies) > 1 or options.out is not None:
        out = options.out or default_place(options.studies)
        study = merge_studies(options.studies, out, apart=options.apart)
    remove_leftovers(study, shared=True)
    with counter("making the report") as count:
        report = make_report(study, progress=count)
    if options.json:
        tables = [asdict(table) for table in report.tables]
        judgement = report.judgement
        judged = zip(judgement.verdicts, judgement.sentences, strict=False)
        answer = {
            "verdicts": [as_record(verdict, sentence) for verdict, sentence in judged],
            "tables": tables,
            "words": asdict(report.words),
            "files": [str(path) for path in report.files],
        }
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        print_report(report)
    return 0


def print_report(report: Report, *, only_papers: bool = False) -> None:
    """The verdicts, the tables, what they can and cannot say, and where the pages are."""
    console = answers()
    _print_judgement(report.judgement, console)
    for table in report.tables:
        if not only_papers or table.key.startswith("table"):
            console.print(to_terminal(table, width=console.width))
    for heading, lines in (("This can show", report.words.can), ("It cannot show", report.words.cannot)):
        console.print(heading, style="bold")
        for line in lines:
            console.print(f"  · {line}", markup=False)
    for note in report.words.notes:
        console.print(f"\n{note}", markup=False)
    console.print("\nWritten", style="bold")
    for path in report.files:
        console.print(f"  {path}", markup=False, soft_wrap=True)


def _print_judgement(judgement: Judgement, console: Console) -> None:
    """The table of verdicts and a sentence each; what they rest on part by part is in the written files."""
    for table in judgement.tables[:1]:
        console.print(to_terminal(table, width=console.width))
    for line in judgement.sentences:
        console.print(f"  · {line}", markup=False)
    for note in judgement.notes:
        console.print(f"\n{note}", markup=False)
    console.print()
