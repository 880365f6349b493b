"""A study on data sets by name: `data = "div2k"` in place of photos and benchmarks."""

from collections.abc import Sequence
from typing import Any

from esrlab.data.photos.samples import SAMPLES
from esrlab.data.sets.catalogue import find_set
from esrlab.data.sets.choice import read_data
from esrlab.errors import UsageError


def expand_data(asked: dict[str, Any]) -> dict[str, Any]:
    """A study's fields with `data`, where it is there, as photos, benchmarks and fields.

    Raises UsageError where `photos` is there too, or the value is no name or list of names.
    """
    if "data" not in asked:
        return asked
    rest = {key: value for key, value in asked.items() if key != "data"}
    if "photos" in rest:
        raise UsageError("a study has data (sets by name) or photos (folders), not both; remove one of them")
    data = asked["data"]
    names = [data] if isinstance(data, str) else data
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise UsageError(f"a study's data is a set's name or several, such as data = \"div2k\", not {data!r}")
    return with_data(rest, list(names))


def with_data(asked: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A study's fields on these sets; evaluated on those held out, where no benchmark is asked for."""
    choice = read_data(names)
    changed = {**asked, "photos": choice.photos[0] if len(choice.photos) == 1 else list(choice.photos)}
    if choice.validation is not None and asked.get("benchmarks", {SAMPLES: SAMPLES}) == {SAMPLES: SAMPLES}:
        changed["benchmarks"] = {find_set(choice.validation).title: choice.validation}
    if choice.is_official:
        changed["fields"] = {**choice.fields, **changed.get("fields", {})}
    return changed
