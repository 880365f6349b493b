"""What `--data div2k` and `data = "div2k"` stand for: photographs, validation images, a way of making LR."""

from collections.abc import Sequence
from dataclasses import dataclass

from esrlab.data.degradations.pairs import OFFICIAL
from esrlab.data.sets import catalogue
from esrlab.data.sets.catalogue import find_set
from esrlab.errors import UsageError

OFFICIAL_LR = ":official-lr"
"""After a set's name: on the LR images that it comes with."""


@dataclass(frozen=True)
class DataChoice:
    """Sets chosen by name.

    photos: to train on. validation: the set that is held out, where there is one. is_official: on the LR
    images that the set comes with, in place of those that are made.
    """

    photos: tuple[str, ...]
    validation: str | None
    is_official: bool

    @property
    def fields(self) -> dict[str, str]:
        """The recipe's fields that it sets."""
        if not self.is_official:
            return {}
        return {"patches.degradation.kind": "pairs", "patches.degradation.folder": OFFICIAL}


def read_data(texts: Sequence[str]) -> DataChoice:
    """The choice that one or several names make, such as div2k, or div2k:official-lr.

    Raises UsageError for an unknown set, for official LR images of a set that has none, or with several sets:
    their HR images would not be in one folder.
    """
    sets = [find_set(text.removesuffix(OFFICIAL_LR)) for text in texts]
    is_official = any(text.endswith(OFFICIAL_LR) for text in texts)
    if is_official and len(sets) > 1:
        raise UsageError(f"{' '.join(texts)}: official LR images go with one data set alone")
    if is_official and not sets[0].chosen("lr"):
        known = ", ".join(data_set.name for data_set in catalogue.CATALOGUE if data_set.chosen("lr"))
        raise UsageError(f"{sets[0].title} has no official LR images; those that have are {known}")
    held_out = [data_set.validation for data_set in sets if data_set.validation is not None]
    return DataChoice(
        tuple(data_set.name for data_set in sets), held_out[0] if held_out else None, is_official
    )
