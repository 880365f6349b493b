"""A generator as a file: written with the ecosystem's key names, read from any tool's, started from."""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from esrlab.core.files import replacing
from esrlab.core.named_files import explain_missing
from esrlab.core.tensor_files import read_state
from esrlab.data.degradations.any_degradation import parse_degradation
from esrlab.data.degradations.base import Degradation
from esrlab.errors import UserError
from esrlab.models.generators.any_generator import detect_generator
from esrlab.models.generators.base import AmbiguousScaleError, Detected, GeneratorNetwork
from esrlab.models.generators.state_dicts import unwrap_state
from esrlab.models.shipped import shipped_models

DEGRADATION = "degradation"
"""The metadata's name for how LR images were made that the generator was trained on, as text."""

CONVENTION = "convention"
"""The same in files written before there was any other than bicubic."""


def save_generator(generator: GeneratorNetwork, path: Path | str, *, about: dict[str, str]) -> None:
    """Writes the generator alone as float32 safetensors: the ecosystem's key names, the scale as metadata."""
    state = {key: value.detach().float().cpu().contiguous() for key, value in generator.state_dict().items()}
    metadata = {**about, "architecture": generator.architecture, "scale": str(generator.scale)}
    with replacing(Path(path), failures=(SafetensorError,)) as temporary:
        save_file(state, temporary, metadata=metadata)
        _order_metadata(temporary)


def _order_metadata(path: Path) -> None:
    """Sorts the metadata in a safetensors header, which the library writes in random order.

    Equal generators then give equal files. A header is its length (8 bytes, little-endian) and JSON,
    which sorting does not lengthen.
    """
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(text) <= length
        file.seek(8)
        file.write(text.ljust(length))


def load_generator(path: Path | str, *, scale: int | None = None) -> GeneratorNetwork:
    """The generator in a .safetensors or .pth file; its kind and shape are found from its tensors.

    scale: for a file whose tensors fit several scales and whose metadata tells none.

    Raises UserError for a file that is damaged or holds something else; AmbiguousScaleError is one.
    """
    found, state = _read(Path(path), scale=scale)
    try:
        generator = found.part.build(scale=found.scale)
        generator.load_state_dict(state)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"cannot load a generator from {path}: {error}") from error
    return generator.eval()


def read_degradation(path: Path | str) -> Degradation | None:
    """How the LR images were made that a generator was trained on, where its file tells.

    Raises UserError for a file that is damaged or names a way that there is not.
    """
    _, metadata = read_state(Path(path))
    found = metadata.get(DEGRADATION, metadata.get(CONVENTION))
    try:
        return None if found is None else parse_degradation(found)
    except UserError as error:
        raise UserError(f"{path} was trained on LR images made by {found!r:.60}: {error}") from error


def file_of(init: str) -> Path:
    """The file of trained initial weights (generator.init): a shipped model's by its name, else as it is."""
    return shipped_models().get(init, Path(init))


def start_from(generator: GeneratorNetwork, init: str) -> str:
    """Gives the generator a trained one's weights, a file's or a shipped model's, and returns in words which
    file it was.

    The file may be of another scale: layers that depend on it (`scale_layers`) then keep their initial
    weights. Raises UserError where kind or shape differ, naming the fields to set.
    """
    path = file_of(init)
    if not path.is_file() and (advice := explain_missing(path)):
        raise UserError(f"there is no file {path}{advice}")
    found, state = _read(path, scale=None, fitting=generator.scale)
    own = generator.state_dict()
    mine = detect_generator(own, scale=generator.scale)
    differing = [key for key in own | state if _shape(own.get(key)) != _shape(state.get(key))]
    # Of equal shape, but perhaps of other scales: what only one of them has is a scale's layer.
    outline = found.outline()
    of_scale = (*generator.scale_layers, *outline.scale_layers)
    if found.part.shape != mine.part.shape or not all(key.startswith(of_scale) for key in differing):
        flags = " ".join(f"--generator.{name} {value}" for name, value in found.part.shape.items())
        raise UserError(
            f"{init} holds a generator of another shape; set {flags}, or give another file in generator.init"
        )
    generator.load_state_dict(own | {key: state[key] for key in own if key not in differing})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    remark = "" if found.scale == generator.scale else f", a ×{found.scale}"
    return f"{path.name}{remark}, sha256 {digest[:16]}"


def _shape(value: Tensor | None) -> tuple[int, ...] | None:
    return None if value is None else tuple(value.shape)


def _read(path: Path, *, scale: int | None, fitting: int | None = None) -> tuple[Detected, dict[str, Tensor]]:
    """A file's generator and its tensors; `fitting`: the scale to take where the tensors fit several."""
    state, metadata = read_state(path)
    try:
        bare = unwrap_state(state)
        found = _detect(bare, scale=scale or _as_scale(metadata.get("scale")), fitting=fitting)
        return found, {key: value.float() for key, value in bare.items()}
    except AmbiguousScaleError as error:
        raise AmbiguousScaleError(f"cannot load a generator from {path}: {error}", error.choices) from error
    except (RuntimeError, ValueError) as error:
        raise UserError(f"cannot load a generator from {path}: {error}") from error


def _detect(state: dict[str, Tensor], *, scale: int | None, fitting: int | None) -> Detected:
    try:
        return detect_generator(state, scale=scale)
    except AmbiguousScaleError as error:
        if fitting is None:
            raise
        chosen = fitting if fitting in error.choices else error.choices[0]
        return detect_generator(state, scale=chosen)


def _as_scale(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
