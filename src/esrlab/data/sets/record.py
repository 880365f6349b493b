"""What is written beside a set's images: where they are from, and every file's size and sha256."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from esrlab.core.files import write_text
from esrlab.errors import UserError

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class ImageRecord(BaseModel):
    """One image file."""

    model_config = STRICT

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    sha256: str


class Record(BaseModel):
    """One folder of images that was checked.

    place: where it is, if elsewhere than beside this record. origin: the archive's address or path, or the
    folder it was found in. verified: by what its archive was verified.
    """

    model_config = STRICT

    format: Literal[1] = 1
    data_set: str
    folder: str
    place: str | None = None
    origin: str
    verified: str
    images: dict[str, ImageRecord]

    def differences(self, folder: Path) -> str:
        """How the folder's file names differ from those recorded: "3 missing, 1 more", or ""."""
        try:
            now = {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        missing = len(self.images.keys() - now)
        return f"{missing} of {len(self.images)} images are missing" if missing else ""


def read_record(path: Path) -> Record | None:
    """The record in a file; None where there is none. Raises UserError for a damaged one."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise UserError(
            f"{path} is damaged ({error.errors()[0]['msg']}); remove it and run esrlab data get again"
        ) from error


def write_record(path: Path, record: Record) -> None:
    """Writes it, atomically."""
    write_text(path, record.model_dump_json() + "\n")
