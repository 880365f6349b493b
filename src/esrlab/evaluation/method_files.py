"""Generators' files that a method is made of, at the scale that is asked for."""

from pathlib import Path

from esrlab.errors import UsageError
from esrlab.models.generator_files import load_generator
from esrlab.models.generators.base import AmbiguousScaleError, GeneratorNetwork

GENERATORS = (".safetensors", ".pth", ".pt", ".ckpt")
"""Endings of files that may hold a generator."""


def load_two(first: Path, second: Path, *, scale: int) -> list[GeneratorNetwork]:
    """Both generators of a cascade; one whose file fits several scales makes what the other leaves."""
    ambiguous: list[Path] = []
    found: dict[Path, GeneratorNetwork] = {}
    for path in dict.fromkeys((first, second)):
        try:
            found[path] = load_at(path, scale=None)
        except AmbiguousScaleError:
            ambiguous.append(path)
    each = scale // next(iter(found.values())).scale if found else round(scale**0.5)
    found |= {path: load_at(path, scale=each) for path in ambiguous}
    return [found[first], found[second]]


def load_at(path: Path, *, scale: int | None) -> GeneratorNetwork:
    """A generator at the scale that its file tells; at `scale` if a file fits several and tells none."""
    if path.suffix not in GENERATORS:
        raise UsageError(
            f"{path} is not a generator's file; its name must end in one of {', '.join(GENERATORS)}"
        )
    try:
        return load_generator(path)
    except AmbiguousScaleError:
        if scale is None:
            raise
        return load_generator(path, scale=scale)
