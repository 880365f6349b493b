"""What a public data set is: its folders of images, the archives they come in, and what is known of both."""

from dataclasses import dataclass
from typing import Literal

from esrlab.core.digests import Checksum
from esrlab.errors import UserError

FolderKind = Literal["hr", "lr"]


@dataclass(frozen=True)
class Archive:
    """A file to download. size: bytes, None where unknown; `is_exact` where known to the byte."""

    file: str
    address: str
    size: int | None = None
    is_exact: bool = False
    checksum: Checksum | None = None


@dataclass(frozen=True)
class SetFolder:
    """One folder of images of a set, as it lies under the set's own folder.

    inside: the folder in the archive that holds the images. suffix: after the names of the HR images.
    """

    kind: FolderKind
    folder: str
    archive: Archive | None
    inside: str
    scale: int = 1
    suffix: str = ""

    @property
    def label(self) -> str:
        """HR, or LR ×4."""
        return "HR" if self.kind == "hr" else f"LR ×{self.scale}"


@dataclass(frozen=True)
class DataSet:
    """A set by name.

    home: its folder among the data. names: of its images without endings, where they are always the same.
    long_side: least and most pixels of the longer side of an HR image, where stated. page: where its authors
    tell of it. validation: the set whose images are held out for it. how: what to do where no address is
    public.
    """

    name: str
    title: str
    about: str
    home: str
    page: str
    terms: str
    count: int
    folders: tuple[SetFolder, ...]
    names: frozenset[str] = frozenset()
    long_side: tuple[int, int] | None = None
    validation: str | None = None
    how: str = ""

    @property
    def hr(self) -> SetFolder:
        """The folder of its high-resolution images."""
        return self.folders[0]

    def chosen(self, only: FolderKind | None) -> tuple[SetFolder, ...]:
        """Its folders, or those of one kind."""
        return tuple(each for each in self.folders if only in (None, each.kind))


class BadSetError(UserError):
    """An archive or a folder is not what it should be: damaged, hostile, or of other images."""
