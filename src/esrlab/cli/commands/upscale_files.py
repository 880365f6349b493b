"""Which photographs a call means, and the file that each becomes."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from esrlab.core.named_files import absolute
from esrlab.data.image_files import IMAGE_SUFFIXES, find_images
from esrlab.data.photograph_files.writing import PNG, OutputFormat, format_of_suffix
from esrlab.errors import UsageError, UserError

STANDARD = "-"
"""Standard input, or output."""


@dataclass(frozen=True)
class Job:
    """One photograph: its file and the one that it becomes; None for standard input and output."""

    source: Path | None
    target: Path | None


@dataclass
class Plan:
    """All jobs of a call; what is not done, with the reason; what was named and is not there."""

    jobs: list[Job] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How results are named. label: "_x4". out: a folder, or a file where one photograph has that name."""

    label: str
    out: Path | None
    wanted: OutputFormat | None
    overwrite: bool

    @property
    def names_a_file(self) -> bool:
        """True where `out` is the name of an image and not a folder that is there."""
        return (
            self.out is not None and format_of_suffix(self.out.suffix) is not None and not self.out.is_dir()
        )

    def target(self, source: Path, root: Path | None) -> Path:
        """Beside the photograph, its name with the label; of a folder `root`, below a folder named so; with
        `out`, below that by its own name."""
        if self.out is not None and self.names_a_file:
            return self.out
        if format_of_suffix(source.suffix) is self.wanted or self.wanted is None:
            suffix = source.suffix if format_of_suffix(source.suffix) else PNG.suffix
        else:
            suffix = self.wanted.suffix
        if root is None:
            folder, label = (source.parent, self.label) if self.out is None else (self.out, "")
        else:
            place = Path(absolute(root))
            folder = place.with_name(f"{place.name}{self.label}") if self.out is None else self.out
            folder, label = folder / source.relative_to(root).parent, ""
        return folder / f"{source.stem}{label}{suffix}"


def plan_files(inputs: Sequence[str], naming: Naming) -> Plan:
    """The jobs of what was named; raises UsageError where two photographs would become one file."""
    plan, found = Plan(), dict[Path, Path]()
    for text in dict.fromkeys(inputs):
        try:
            for source, root in _expand(text):
                if naming.out is None or root is None or not _is_below(source, naming.out):
                    found.setdefault(source, naming.target(source, root))
        except UserError as error:
            plan.failed.append((Path(text), str(error)))
    if naming.names_a_file and len(found) > 1:
        raise UsageError(
            f"--out {naming.out} is one file, and {len(found)} photographs are given: name a folder"
        )
    _check_distinct(found)
    results = {os.path.realpath(target) for target in found.values()}
    for source, target in found.items():
        if os.path.realpath(source) == os.path.realpath(target):
            plan.failed.append(
                (source, f"{source} would be overwritten by its own result: give another --out")
            )
        elif os.path.realpath(source) in results:
            plan.skipped.append((source, "it is the result of another photograph given here"))
        elif target.exists() and not naming.overwrite:
            plan.skipped.append((source, f"{target} is there already"))
        else:
            plan.jobs.append(Job(source, target))
    return plan


def _is_below(path: Path, folder: Path) -> bool:
    """Whether a file is inside a folder, whatever links and dots lead to either."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _check_distinct(found: dict[Path, Path]) -> None:
    first: dict[str, Path] = {}
    for source, target in found.items():
        other = first.setdefault(os.path.realpath(target), source)
        if other != source:
            raise UsageError(
                f"{other} and {source} would both become {target}: give them one at a time, "
                "or leave --format out"
            )


def _expand(text: str) -> Iterator[tuple[Path, Path | None]]:
    """The files that a name means, each with the folder whose structure is kept, if any."""
    path = Path(text)
    if path.is_dir():
        images = find_images(path)
        if not images:
            raise UserError(f"there are no images in {path} ({', '.join(IMAGE_SUFFIXES)})")
        yield from ((image, path) for image in images)
    elif path.exists() or not glob.has_magic(text):
        if not path.exists():
            raise UserError(f"there is no file or folder {path}")
        yield path, None
    else:
        matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207 (any pattern)
        files = [match for match in matches if match.suffix.lower() in IMAGE_SUFFIXES and match.is_file()]
        if not files:
            raise UserError(f"no image matches {text}")
        root = Path(*_fixed_parts(text)) if "**" in text else None
        yield from ((match, root) for match in files)


def _fixed_parts(pattern: str) -> Iterator[str]:
    """The folders that a pattern begins with, up to the first that has a sign with a meaning."""
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            return
        yield part
