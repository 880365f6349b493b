"""Pretrained weights are looked for in the folders of $ESRLAB_WEIGHTS, then in torch's cache
($TORCH_HOME/hub/checkpoints). Only `get` downloads; whatever is loaded is verified by its sha256 first.
To resume an interrupted download, run the same command again.

examples:
  esrlab weights list
  esrlab weights list --json
  esrlab weights get vgg19
  esrlab weights get vgg19 --features-only      keep 80 MB of its 575
  esrlab weights get all --to /data/weights     then: export ESRLAB_WEIGHTS=/data/weights
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from esrlab.cli.console import answers, console, counter, transfer
from esrlab.core.digests import megabytes
from esrlab.core.download import part_of
from esrlab.core.signals import Interrupted
from esrlab.errors import UsageError, UserError
from esrlab.models.weights import catalogue
from esrlab.models.weights.catalogue import WeightRecord, find_record
from esrlab.models.weights.fetching import fetch, hints_after
from esrlab.models.weights.finding import examine, find_weights, hub_folder

ALL = "all"


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """`list`, or `get` and a name."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="{list,get}")
    listing = verbs.add_parser(
        "list", help="list the known weights, their files, and whether these are verified", allow_abbrev=False
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    getting = verbs.add_parser("get", help="download weights and verify them", allow_abbrev=False)
    getting.add_argument(
        "name", metavar="NAME|all", help="weights to download (names: esrlab weights list), or all"
    )
    getting.add_argument(
        "--to", type=Path, metavar="DIR", help="folder to download to (default: torch's cache)"
    )
    getting.add_argument(
        "--features-only", action="store_true", help="keep only the feature layers, without the classifier"
    )


def run(options: argparse.Namespace) -> int:
    """Lists or gets."""
    if options.verb == "list":
        _list(as_json=options.json)
    else:
        _get(options.name, folder=options.to, features_only=options.features_only)
    return 0


def _list(*, as_json: bool) -> None:
    records = catalogue.CATALOGUE
    rows: list[dict[str, Any]] = []
    with counter("checking") as count:
        for done, record in enumerate(records):
            count(done, len(records))
            rows.append(_row_of(record))
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        answers().print(_to_table(rows))


def _row_of(record: WeightRecord) -> dict[str, Any]:
    found = find_weights(record.name)
    condition, reason = examine(found) if found else ("absent", "")
    part = part_of(hub_folder() / record.file.name)
    return {
        "name": record.name,
        "about": record.about,
        "file": record.file.name,
        "address": record.address,
        "size": record.size,
        "size_is_exact": record.is_exact,
        "sha256": record.file.sha256,
        "licence": record.licence,
        "state": condition,
        "reason": reason,
        "path": str(found.path) if found else None,
        "covers": found.file.covers if found else None,
        "note": found.file.note if found else "",
        "arrived": part.stat().st_size if part.is_file() else 0,
    }


def _to_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("name", "download", "checksum", "where", "licence"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "download" else "left")
    for row in rows:
        state = f"{row['state']}, to {row['covers']}" if row["covers"] else row["state"]
        if row["reason"]:
            state += f": {row['reason']}"
        where = row["path"] or "–"
        if row["arrived"]:
            where += f" ({megabytes(row['arrived'])} downloaded; `get` resumes from there)"
        about = "" if row["size_is_exact"] else "~"
        table.add_row(*map(Text, (row["name"], about + megabytes(row["size"]), state, where, row["licence"])))
    return table


def _get(name: str, *, folder: Path | None, features_only: bool) -> None:
    """Fetches one or all; one that fails does not keep the others from being tried."""
    records = catalogue.CATALOGUE if name == ALL else (_find(name),)
    failures: list[str] = []
    for record in records:
        try:
            _get_one(record, folder=folder, features_only=features_only)
        except UserError as error:
            failures.append(f"{record.name}: {error}" if len(records) > 1 else str(error))
    if failures:
        raise UserError("\n".join(failures))


def _find(name: str) -> WeightRecord:
    try:
        return find_record(name)
    except UsageError as error:
        raise UsageError(f"{error}, or {ALL}") from error


def _get_one(record: WeightRecord, *, folder: Path | None, features_only: bool) -> None:
    """Fetches into `folder`; without one into torch's cache, unless a good file is found anywhere."""
    if folder is None:
        found = find_weights(record.name)
        is_fit = found is not None and not (features_only and record.features and found.file == record.file)
        if found is not None and is_fit and examine(found)[0] == "verified":
            _say(f"{record.name}: {found.path} is there already, verified")
            print(found.path)
            return
    place = (folder or hub_folder()).expanduser().absolute()
    try:
        with transfer(record.name) as progress:
            path = fetch(record, folder=place, features_only=features_only, progress=progress, say=_say)
    except KeyboardInterrupt as stop:
        part = part_of(place / record.file.name)
        if not part.is_file():
            raise
        raise Interrupted(
            f"stopped; {part} holds {megabytes(part.stat().st_size)} of {megabytes(record.size)}; "
            f"run the same command again to resume"
        ) from stop
    for hint in hints_after(record, path):
        _say(f"{record.name}: {hint}")
    print(path)


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
