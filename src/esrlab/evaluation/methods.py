"""Methods to compare, as given on the command line: bicubic, a generator, a cascade, a folder."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from esrlab.core.files import printable, to_json
from esrlab.core.scores import BICUBIC, CASCADE
from esrlab.data.degradations.base import Degradation
from esrlab.data.image_files import find_images
from esrlab.data.photos.benchmark import Benchmark
from esrlab.errors import UsageError
from esrlab.evaluation.method_files import load_at, load_two
from esrlab.evaluation.run_beside import degradation_of, read_run_beside
from esrlab.evaluation.upscalers import Upscaler, bicubic_upscaler, cascade, generator_upscaler
from esrlab.models.generator_files import read_degradation
from esrlab.models.generators.base import GeneratorNetwork
from esrlab.training.run_folder import RunFolder, read_outcome
from esrlab.upscaling.find_model import find_model, generator_of, shipped_scales

METHOD_FIELDS = ("recipe", "photos", "origins")
"""The parts of a run's recipe.json that make its recipe what it is, whatever its seed."""

RESERVED = ("lr", "hr")
"""Names that stand for the images themselves beside those of the methods."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+ ()-]{0,119}")


@dataclass(frozen=True, kw_only=True)
class Method:
    """Something that makes images larger, and how its rows are headed.

    `upscale` opens it on a device, and is None for images that are in `folder` already. `digest` tells it
    from another one of its name; `trained` is what its recipe is, where that is known; `degradation` is how
    the LR images were made that it was trained on, None where that is not known; once a comparison has
    settled on one, how they are made there. `mixed` names the two of a cascade whose parts were trained on
    different ones.
    """

    name: str
    label: str
    digest: str
    seed: int | None = None
    step: int | None = None
    outcome: str = ""
    degradation: Degradation | None = None
    mixed: str = ""
    trained: dict[str, Any] | None = None
    upscale: Callable[[torch.device], Upscaler] | None = None
    folder: Path | None = None

    def images_of(self, benchmark: Benchmark, *, is_only: bool) -> Path:
        """Where its images of a benchmark are: a folder of that name, or its own where there is but one."""
        assert self.folder is not None
        below = self.folder / benchmark.name
        if below.is_dir() or not is_only:
            return below
        return self.folder


def find_method(text: str, *, scale: int) -> Method:
    """The method that a text names; raises UsageError for a scale that is not its own or no such thing."""
    if text == BICUBIC:
        return Method(
            name=BICUBIC, label=BICUBIC, digest=BICUBIC, upscale=lambda device: bicubic_upscaler(scale)
        )
    path = find_model(text, scale=scale) if shipped_scales(text) else generator_of(text)
    if path.is_dir():
        found = path.resolve().name
        return Method(name=as_name(found), label=found, digest=_digest(path), folder=path)
    if path.is_file():
        return open_generator(path, scale=scale)
    steps = _two_files(text)
    if steps is None:
        raise UsageError(
            f"{text} is neither a file nor a folder; a method is {BICUBIC}, a model that comes with esrlab, "
            "a run's folder, a generator's file, two joined by + (a cascade), or a folder of images"
        )
    return open_cascade(*steps, scale=scale)


def check_name(name: str) -> str:
    """The name, where it can head rows and be a folder of pictures; UsageError where not."""
    if name in RESERVED or not _NAME.fullmatch(name) or name.endswith((".", " ")):
        raise UsageError(
            f"a method's name has letters, digits and . _ = + ( ) - only, begins with a letter or digit, and "
            f"is not {' or '.join(RESERVED)}: choose another one than {name!r} with --name"
        )
    return name


def as_name(text: str) -> str:
    """A name from a file's: letters that a name cannot have become _."""
    kept = re.sub(r"[^A-Za-z0-9._=+-]", "_", text)[:100].lstrip("._=+-").rstrip(".")
    return f"{kept}-images" if kept in (*RESERVED, BICUBIC) else kept or "method"


def open_generator(path: Path, *, scale: int) -> Method:
    """A generator's file as a method, named as the run beside it where there is one (recipe.json).

    Raises UsageError where it is of another scale, UserError where it cannot be read.
    """
    generator = load_at(path, scale=scale)
    if generator.scale != scale:
        raise UsageError(f"{path} is a ×{generator.scale} generator, but --scale is {scale}")
    about = read_run_beside(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    if about is None:
        stem = path.stem if path.stem != "generator" else path.resolve().parent.name
        return Method(
            name=as_name(stem),
            label=stem,
            digest=digest,
            degradation=read_degradation(path),
            upscale=_opened(generator),
        )
    is_best = path.stem != "generator"
    ended = None if is_best else read_outcome(RunFolder(path.parent))
    return Method(
        name=f"{about['recipe']['name']}-{as_name(path.stem)}" if is_best else about["recipe"]["name"],
        label=f"{about['label']}, {path.stem}" if is_best else about["label"],
        digest=digest,
        seed=about["seed"],
        step=None if is_best else ended.step if ended is not None else about["recipe"]["steps"],
        outcome=ended.outcome if ended is not None and ended.outcome != "finished" else "",
        degradation=read_degradation(path) or degradation_of(about, path),
        trained=None if is_best else {key: about.get(key) for key in METHOD_FIELDS},
        upscale=_opened(generator),
    )


def open_cascade(first: Path, second: Path, *, scale: int) -> Method:
    """One generator after another; of one run twice it has the run's name, as in a study."""
    generators = load_two(first, second, scale=scale)
    made = generators[0].scale * generators[1].scale
    if made != scale:
        factors = "∘".join(f"×{generator.scale}" for generator in generators)
        raise UsageError(f"{first.name} and {second.name} make {factors} = ×{made}, but --scale is {scale}")
    parts = [
        open_generator(path, scale=made.scale) for path, made in zip((first, second), generators, strict=True)
    ]
    known = {part.degradation.text: part.degradation for part in parts if part.degradation is not None}
    is_one = parts[0].digest == parts[1].digest
    name = f"{parts[0].name}{CASCADE}" if is_one else f"{parts[0].name}+{parts[1].name}{CASCADE}"
    factors = "∘".join(f"×{generator.scale}" for generator in generators)
    return Method(
        name=name,
        label=f"{parts[0].label if is_one else f'{parts[0].label} + {parts[1].label}'}, {factors}",
        digest="+".join(part.digest for part in parts),
        seed=parts[0].seed if is_one else None,
        step=parts[0].step if is_one else None,
        outcome=next((part.outcome for part in parts if part.outcome), ""),
        degradation=next(iter(known.values())) if len(known) == 1 else None,
        mixed=" and ".join(known) if len(known) > 1 else "",
        trained=parts[0].trained if is_one else None,
        upscale=lambda device: cascade(
            *(generator_upscaler(generator, device=device) for generator in generators)
        ),
    )


def _opened(generator: GeneratorNetwork) -> Callable[[torch.device], Upscaler]:
    return lambda device: generator_upscaler(generator, device=device)


def _two_files(text: str) -> tuple[Path, Path] | None:
    """Both files of a cascade; their own names may hold a + too."""
    parts = text.split("+")
    for cut in range(1, len(parts)):
        first, second = (generator_of("+".join(some)) for some in (parts[:cut], parts[cut:]))
        if first.is_file() and second.is_file():
            return first, second
    return None


def _digest(folder: Path) -> str:
    """Sixteen hex digits over the names and contents of a folder's images."""
    found = [
        (printable(path.relative_to(folder).as_posix()), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in find_images(folder)
    ]
    return hashlib.sha256(to_json(found).encode()).hexdigest()[:16]
