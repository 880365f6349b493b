"""Whether a folder holds the images of a set: how many, of which names and sizes, undamaged."""

from collections.abc import Callable
from pathlib import Path

from esrlab.core.digests import digest
from esrlab.data.image_files import IMAGE_SUFFIXES, ImageError, opened_image
from esrlab.data.sets import catalogue
from esrlab.data.sets.data_set import BadSetError, DataSet, SetFolder
from esrlab.data.sets.record import ImageRecord, Record
from esrlab.errors import UserError

SHOWN = 5
"""Names or faults that a message gives before it counts the rest."""

MOST_PIXELS = 2**28
"""A header is read, and no pixel decoded."""

Progress = Callable[[int, int], None]


def check_folder(
    data_set: DataSet,
    part: SetFolder,
    folder: Path,
    *,
    digests: dict[str, str] | None = None,
    progress: Progress | None = None,
) -> dict[str, ImageRecord]:
    """The folder's images where they are those of the set, by file name; UserError with all faults where not.

    digests: the files' sha256 where known already; else each file is read.
    """
    paths = list_images(folder)
    faults = _count_faults(data_set, part, paths)
    found: dict[str, ImageRecord] = {}
    for done, path in enumerate(paths, start=1):
        try:
            width, height = _size_of(path)
            sha256 = digest(path) if digests is None else digests[path.name]
        except ImageError as error:
            faults.append(str(error))
            continue
        except OSError as error:
            faults.append(f"{path.name} cannot be read: {error.strerror}")
            continue
        if fault := _size_fault(data_set, part, max(width, height)):
            faults.append(f"{path.name} is {width}×{height}, {fault}")
        found[path.name] = ImageRecord(width=width, height=height, sha256=sha256)
        if progress is not None:
            progress(done, len(paths))
    if faults:
        raise BadSetError(f"{folder} does not hold {data_set.title} ({part.label}): {_join(faults)}")
    return found


def find_known(folder: Path) -> list[tuple[DataSet, SetFolder, Path]]:
    """The sets' folders that a folder is or holds, by their names: DIV2K_train_HR, Set5/HR, Set5."""
    found: list[tuple[DataSet, SetFolder, Path]] = []
    for data_set in catalogue.CATALOGUE:
        for part in data_set.folders:
            names = [part.folder, *([f"{data_set.title}/HR", data_set.title] if part.kind == "hr" else [])]
            own = [folder / "HR", folder] if _is_called(folder, names) else []
            places = [folder / part.folder, *own]
            found += [(data_set, part, each) for each in places if each.is_dir() and list_images(each)][:1]
    return found


def _is_called(folder: Path, names: list[str]) -> bool:
    own = folder.absolute().parts
    return any(own[-len(Path(name).parts) :] == Path(name).parts for name in names)


def check_record(record: Record, folder: Path, *, progress: Progress | None = None) -> None:
    """UserError naming the images that are missing or are no longer as they were recorded; reads them all."""
    faults: list[str] = []
    for done, (name, image) in enumerate(record.images.items(), start=1):
        path = folder / name
        try:
            if digest(path) != image.sha256:
                faults.append(f"{name} has changed")
        except OSError as error:
            faults.append(f"{name} cannot be read: {error.strerror}")
        if progress is not None:
            progress(done, len(record.images))
    if faults:
        raise BadSetError(f"{folder}: {_join(faults)}")


def list_images(folder: Path) -> list[Path]:
    """The image files directly in a folder, by name."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror}") from error
    return [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "."]


def _count_faults(data_set: DataSet, part: SetFolder, paths: list[Path]) -> list[str]:
    """Images that are missing or too many, by name where the set's names are known."""
    stems = [path.stem for path in paths]
    faults = [f"there are two images {stem}" for stem in sorted({s for s in stems if stems.count(s) > 1})]
    wanted = {f"{name}{part.suffix}" for name in data_set.names}
    if missing := sorted(wanted - set(stems)):
        faults.append(f"{len(missing)} of {len(wanted)} images are missing ({_join(missing, ', ')})")
    if wanted and (others := sorted(set(stems) - wanted)):
        faults.append(f"{len(others)} images are not of this set ({_join(others, ', ')})")
    if not wanted and len(paths) != data_set.count:
        faults.append(f"it has {len(paths)} images instead of {data_set.count}")
    return faults


def _size_fault(data_set: DataSet, part: SetFolder, side: int) -> str:
    if data_set.long_side is None:
        return ""
    least, most = (bound // part.scale for bound in data_set.long_side)
    return "" if least <= side <= most else f"but its longer side must have {least} to {most} pixels"


def _size_of(path: Path) -> tuple[int, int]:
    with opened_image(path, name=path.name, most=MOST_PIXELS) as image:
        return image.width, image.height


def _join(texts: list[str], sign: str = "; ") -> str:
    more = f"{sign}and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return sign.join(texts[:SHOWN]) + more
