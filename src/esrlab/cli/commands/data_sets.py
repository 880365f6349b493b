"""Public data sets from the command line: which there are, getting them, checking them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from esrlab.cli.console import console, counter, transfer
from esrlab.core.digests import megabytes
from esrlab.core.download import part_of
from esrlab.core.signals import Interrupted
from esrlab.data.sets import catalogue
from esrlab.data.sets.catalogue import find_set
from esrlab.data.sets.checking import check_folder, check_record, find_known
from esrlab.data.sets.data_set import DataSet, FolderKind, SetFolder
from esrlab.data.sets.fetching import Getting, get_sets
from esrlab.data.sets.finding import (
    DATA_VARIABLE,
    data_root,
    download_path,
    find_ready,
    record_path,
    total_words,
)
from esrlab.data.sets.record import read_record
from esrlab.data.sets.tasks import Tally
from esrlab.errors import UserError


def rows_of_sets() -> list[dict[str, Any]]:
    """What is known of every set, and what of it is here."""
    return [_row_of(data_set) for data_set in catalogue.CATALOGUE]


def _row_of(data_set: DataSet) -> dict[str, Any]:
    return {
        "name": data_set.name,
        "title": data_set.title,
        "about": data_set.about,
        "images": data_set.count,
        "page": data_set.page,
        "terms": data_set.terms,
        "how": data_set.how,
        "folders": [_folder_row(data_set, part) for part in data_set.folders],
    }


def _folder_row(data_set: DataSet, part: SetFolder) -> dict[str, Any]:
    root, archive = data_root(), part.archive
    found = find_ready(data_set, part, root)
    begun = part_of(download_path(data_set, archive, root)) if archive is not None else None
    checksum = archive.checksum if archive is not None else None
    is_kept = read_record(record_path(data_set, part, root)) is not None
    return {
        "kind": part.kind,
        "scale": part.scale,
        "state": "here" if found else "not whole" if is_kept else "absent",
        "path": str(found[0]) if found else None,
        "verified": found[1].verified if found else None,
        "address": archive.address if archive else None,
        "size": archive.size if archive else None,
        "size_is_exact": archive.is_exact if archive else False,
        "checksum": f"{checksum.algorithm}:{checksum.digits}" if checksum else None,
        "arrived": begun.stat().st_size if begun is not None and begun.is_file() else 0,
    }


def sets_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The sets with their sizes, terms and states."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("set", "images", "download", "checksum", "source", "terms", "here"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "images" else "left")
    for row in rows:
        data_set = find_set(row["name"])
        hr, lr = total_words(data_set.chosen("hr")), data_set.chosen("lr")
        size = hr + (f" + LR {total_words(lr)}" if lr else "")
        source, state = row["page"].split("/")[2].removeprefix("www."), _states(row["folders"])
        kinds = {each["checksum"].partition(":")[0] for each in row["folders"] if each["checksum"]}
        known = ", ".join(sorted(kinds)) or "none published"
        if row["how"]:
            size, known = "on application", "–"
        table.add_row(*map(Text, (row["name"], str(row["images"]), size, known, source, row["terms"], state)))
    return table


def _states(folders: Sequence[dict[str, Any]]) -> str:
    told: list[str] = []
    for each in folders:
        label = "HR" if each["kind"] == "hr" else f"LR ×{each['scale']}"
        if each["state"] != "absent":
            told.append(label if each["state"] == "here" else f"{label} not whole")
        elif each["arrived"]:
            told.append(f"{label} {megabytes(each['arrived'])} downloaded")
    return ", ".join(told) or "–"


def get(names: Sequence[str], *, to: Path | None, archives: Path | None, only: FolderKind | None) -> None:
    """Gets sets, or what is missing of them; says what and how large before."""
    wanted = [(found, part) for found in map(find_set, dict.fromkeys(names)) for part in found.chosen(only)]
    if not wanted:
        raise UserError(f"{', '.join(names)}: there are no official LR images")
    root = (to or data_root()).expanduser().absolute()
    try:
        with transfer("downloading") as progress:
            how = Getting(root, archives, say=say, tally=Tally(progress))
            failed = get_sets(wanted, how)
    except KeyboardInterrupt as stop:
        raise Interrupted(
            f"stopped; what was downloaded is kept in {root}; run the same command again to resume"
        ) from stop
    if root != data_root():
        say(f"to have it found, set {DATA_VARIABLE}={root}")
    if failed:
        raise UserError("\n".join(failed))
    print("\n".join(str(found[0]) for each in wanted if (found := find_ready(*each, root)) is not None))


def check_set(name: str) -> None:
    """Reads all that is here of a set; UserError for what has changed, and where nothing is here."""
    data_set, root, faults, checked = find_set(name), data_root(), list[str](), 0
    for part in data_set.folders:
        path = record_path(data_set, part, root)
        record = read_record(path)
        if record is None:
            continue
        folder = Path(record.place) if record.place is not None else root / data_set.home / part.folder
        again = f"remove {folder} and {path}, then: esrlab data get {name} --only {part.kind}"
        try:
            with counter("checking") as counted:
                check_record(record, folder, progress=counted)
        except UserError as error:
            faults.append(f"{error}; {again}")
        else:
            checked += 1
            what = f"{data_set.title} ({part.label}), all {len(record.images)} images"
            print(f"{folder}: {what}, as they were when they were checked first")
    if faults:
        raise UserError("\n".join(faults))
    if not checked:
        raise UserError(f"nothing of {data_set.title} is in {root}; get it with esrlab data get {name}")


def check_unpacked(folder: Path) -> bool:
    """Checks a user's own folder that holds known sets, and says so; False where it holds none."""
    found = find_known(folder)
    for data_set, part, place in found:
        with counter("checking") as counted:
            images = check_folder(data_set, part, place, progress=counted)
        names = ", of the right names and sizes" if data_set.names else ""
        print(f"{place}: {data_set.title} ({part.label}), all {len(images)} images{names}")
    return bool(found)


def say(text: str) -> None:
    """A line for whoever watches."""
    console.print(text, markup=False, soft_wrap=True)
