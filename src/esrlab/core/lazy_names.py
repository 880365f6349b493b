"""Names that a package offers without importing what they come from before they are asked for."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, places: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__` (PEP 562); `places`: each name's module, which may be its own.

    A name is looked up once and then kept in the package. The package lists the same imports under
    TYPE_CHECKING, for editors and type checkers.
    """
    module = sys.modules[package]

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {', '.join(places)}")
        place = importlib.import_module(places[name])
        found = place if places[name] == f"{package}.{name}" else getattr(place, name)
        setattr(module, name, found)
        return found

    def names() -> list[str]:
        return sorted({*(name for name in vars(module) if name.startswith("__")), *places})

    return find, names
