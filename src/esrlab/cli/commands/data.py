"""Public data sets are got by name, from the web, from archives or from unpacked folders that are here, into
$ESRLAB_DATA (else ~/.cache/esrlab/data). Only `get` downloads, after saying what, how large and on what
terms; run again, it resumes. Then: esrlab train RECIPE --data div2k, esrlab study … --benchmark set5.

Training reads photographs from a packed store: decoded once, mapped into memory. It packs a folder itself
when it first uses it or when the folder has changed; `pack` does so ahead. Stores are in $ESRLAB_CACHE,
else in ~/.cache/esrlab. No command changes a photograph.

examples:
  esrlab data list                     data sets, and packed stores
  esrlab data list --json
  esrlab data get set5 set14
  esrlab data get div2k --only hr
  esrlab data get div2k div2k-valid --from-archives ~/Downloads
  esrlab data check set5               read every image and compare checksums
  esrlab data check /data/DIV2K        names, number and sizes of a set's images
  esrlab data pack DIV2K/train Flickr2K
  esrlab data check                    read every packed byte and compare checksums
  esrlab data clean                    remove stores whose folder is gone or has changed
  esrlab data clean DIV2K/train
  esrlab data clean --all
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from esrlab.cli.commands.data_sets import check_set, check_unpacked, get, rows_of_sets, say, sets_table
from esrlab.cli.console import answers, counter
from esrlab.core.counting import count
from esrlab.core.signals import Interrupted
from esrlab.data.photos.opening import open_store
from esrlab.data.photos.samples import SAMPLES
from esrlab.data.photos.store import place_of, size_text, store_root
from esrlab.data.photos.upkeep import (
    StoreStatus,
    damaged_photographs,
    find_store,
    list_stores,
    remedy,
    remove_store,
    remove_useless,
)
from esrlab.data.sets.catalogue import is_set
from esrlab.data.sets.finding import data_root
from esrlab.errors import UsageError, UserError


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """`get`, `list`, `check`, `pack` or `clean`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="{get,list,check,pack,clean}")
    _add_getting(verbs.add_parser("get", help="get data sets by name, and check them", allow_abbrev=False))
    packing = verbs.add_parser(
        "pack", help="decode folders of photographs into packed stores, ahead of training", allow_abbrev=False
    )
    packing.add_argument("folders", nargs="+", metavar="FOLDER", help="a folder of photographs")
    listing = verbs.add_parser(
        "list", help="list data sets and packed stores, and the state of each", allow_abbrev=False
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    checking = verbs.add_parser(
        "check", help="read images or packed bytes, and compare them with what they were", allow_abbrev=False
    )
    checking.add_argument(
        "folders",
        nargs="*",
        metavar="NAME|FOLDER",
        help="a data set, a folder with one, or a folder whose store to check (default: all stores)",
    )
    cleaning = verbs.add_parser("clean", help="remove stores", allow_abbrev=False)
    cleaning.add_argument(
        "folders",
        nargs="*",
        metavar="FOLDER",
        help="folders whose stores to remove (default: those that are gone or have changed)",
    )
    cleaning.add_argument("--all", action="store_true", help="remove all stores")


def _add_getting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="data sets (names: esrlab data list)")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="folder for all sets (default: $ESRLAB_DATA, or the cache)"
    )
    parser.add_argument(
        "--from-archives",
        type=Path,
        metavar="DIR",
        help="a folder with archives, or unpacked images, that need not be downloaded",
    )
    parser.add_argument(
        "--only", choices=("hr", "lr"), help="only the HR images, or only the official LR images"
    )


def run(options: argparse.Namespace) -> int:
    """Gets, lists, checks, packs or cleans."""
    match options.verb:
        case "get":
            get(options.names, to=options.to, archives=options.from_archives, only=options.only)
        case "pack":
            _pack(options.folders)
        case "list":
            _list(as_json=options.json)
        case "check":
            _check(options.folders)
        case _:
            _clean(options.folders, everything=options.all)
    return 0


def _pack(folders: Sequence[str]) -> None:
    if SAMPLES in folders:
        raise UsageError(f"{SAMPLES} are never packed; give folders (./{SAMPLES} is one)")
    for folder in folders:
        try:
            with counter("packing") as counted:
                store = open_store(Path(folder), progress=counted, say=say)
        except KeyboardInterrupt as stop:
            raise Interrupted(
                f"stopped before {folder} was packed; run the same command again to pack it"
            ) from stop
        for aside in store.index.set_aside:
            say(f"  set aside: {aside.reason}")
        packed = count(len(store.index.packed), "photograph")
        print(f"{folder}: {packed}, {size_text(store.index.length)} in {store.place}")


def _list(*, as_json: bool) -> None:
    stores, sets = list_stores(), rows_of_sets()
    if as_json:
        rows = [{**vars(store), "place": str(store.place)} for store in stores]
        print(json.dumps({"sets": sets, "packed": rows}, indent=2, ensure_ascii=False))
        return
    answers().print(sets_table(sets))
    for row in sets:
        if row["how"]:
            print(f"{row['name']}: {row['how']}")
    print(f"data sets are in {data_root()}\n")
    if not stores:
        print(f"nothing is packed in {store_root()}")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("folder", "photographs", "size", "state"):
        is_number = heading in ("photographs", "size")
        table.add_column(heading, overflow="fold", justify="right" if is_number else "left")
    for store in stores:
        number = f"{store.photographs}" + (f" (+{store.skipped} set aside)" if store.skipped else "")
        table.add_row(Text(store.title), number, size_text(store.size), Text(_describe(store)))
    answers().print(table)
    total = sum(store.size for store in stores)
    print(f"{size_text(total)} in {store_root()}")


def _describe(store: StoreStatus) -> str:
    return f"{store.state}: {store.reason}" if store.state in ("changed", "damaged") else store.state


def _check(folders: Sequence[str]) -> None:
    """Checks one after the other; what is wrong with one does not keep the others from being read."""
    faults: list[str] = []
    for folder in folders or [store.folder for store in list_stores() if store.folder]:
        try:
            _check_source(folder, is_asked=bool(folders))
        except UserError as error:
            faults.append(str(error))
    if not folders:
        faults += [
            f"{store.place} is damaged: {store.reason}; remove it with esrlab data clean"
            for store in list_stores()
            if store.state == "damaged"
        ]
    if faults:
        raise UserError("\n".join(faults))


def _check_source(source: str, *, is_asked: bool) -> None:
    """A set by name; or a folder: the set that it is, where it is one, and its store, where it has one."""
    if is_set(source):
        check_set(source)
        return
    folder = Path(source)
    has_set = is_asked and check_unpacked(folder)
    if not has_set or place_of(folder).is_dir():
        _check_one(folder)


def _check_one(folder: Path) -> None:
    store = find_store(folder)
    with counter("checking") as counted:
        damaged = damaged_photographs(store, progress=counted)
    if damaged:
        shown = ", ".join(damaged[:5]) + (f" and {len(damaged) - 5} more" if len(damaged) > 5 else "")
        raise UserError(
            f"{folder}: the packed pixels of {len(damaged)} of {len(store.index.packed)} photographs are "
            f"damaged ({shown}); {remedy(folder)}"
        )
    print(f"{folder}: all {len(store.index.packed)} photographs are as they were packed")


def _clean(folders: Sequence[str], *, everything: bool) -> None:
    if folders and everything:
        raise UsageError("give folders or --all, not both")
    freed = 0
    if folders or everything:
        asked = [(place_of(Path(folder)), folder) for folder in folders]
        for place, title in asked or [(store.place, store.title) for store in list_stores()]:
            found = remove_store(place, title=title)
            say(f"removed {title} ({size_text(found)})" if found else f"{title} is not packed")
            freed += found
    else:
        for store in list_stores():
            seen, found = remove_useless(store.place, title=store.title)
            if found:
                reason = "files of interrupted builds" if seen.state == "current" else _describe(seen)
                say(f"removed {store.title} ({size_text(found)}): {reason}")
            freed += found
    print(f"{size_text(freed)} freed in {store_root()}")
