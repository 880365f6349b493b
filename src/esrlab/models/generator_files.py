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
from esrlab.models.generators.rrdb import RRDBNet
from esrlab.models.generators.rrdb_state import RRDBShape, describe_rrdb, unwrap_state

DEGRADATION = "degradation"
"""The metadata's name for how LR images were made that the generator was trained on, as text."""

CONVENTION = "convention"
"""The same in files written before there was any other than bicubic."""


def save_generator(generator: RRDBNet, path: Path | str, *, about: dict[str, str]) -> None:
    """Writes the generator alone as float32 safetensors: the ecosystem's key names, the scale as metadata."""
    state = {key: value.detach().float().cpu().contiguous() for key, value in generator.state_dict().items()}
    metadata = {**about, "architecture": "RRDBNet", "scale": str(generator.scale)}
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


def load_generator(path: Path | str, *, scale: int | None = None) -> RRDBNet:
    """The RRDBNet in a .safetensors or .pth file, shape inferred, scale from its metadata unless given.

    Raises UserError for a file that is damaged or holds something else.
    """
    shape, state = _read(Path(path), scale=scale, is_start=False)
    try:
        generator = shape.build()
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


def start_from(generator: RRDBNet, path: str) -> str:
    """Gives the generator a trained one's weights, and returns in words which file it was.

    The file may be of another scale: all but `conv_up2` is shared, which only ×4 has and which then keeps
    its initial weights. Raises UserError where features, growth or blocks differ, naming the fields to set.
    """
    if not Path(path).is_file() and (advice := explain_missing(path)):
        raise UserError(f"there is no file {path}{advice}")
    shape, state = _read(Path(path), scale=None, is_start=True)
    own = generator.state_dict()
    wrong = [key for key, value in state.items() if key in own and own[key].shape != value.shape]
    missing = [key for key in own if key not in state and not key.startswith("conv_up2.")]
    extra = [key for key in state if key not in own and not key.startswith("conv_up2.")]
    if wrong or missing or extra:
        raise UserError(
            f"{path} holds a generator of another shape; set --generator.features {shape.features} "
            f"--generator.growth {shape.growth} --generator.blocks {shape.blocks}, or give another file in "
            "generator.init"
        )
    generator.load_state_dict({**own, **{key: value for key, value in state.items() if key in own}})
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    remark = "" if shape.scale == generator.scale else f", a ×{shape.scale}"
    return f"{Path(path).name}{remark}, sha256 {digest[:16]}"


def _read(path: Path, *, scale: int | None, is_start: bool) -> tuple[RRDBShape, dict[str, Tensor]]:
    state, metadata = read_state(path)
    try:
        wanted = scale if scale is not None else _as_scale(metadata.get("scale"))
        bare = unwrap_state(state)
        if wanted is None and is_start:  # ×2 or ×3: whichever it is, the same weights are taken over
            wanted = 4 if "conv_up2.weight" in bare else 2
        return describe_rrdb(bare, scale=wanted), {key: value.float() for key, value in bare.items()}
    except (RuntimeError, ValueError) as error:
        raise UserError(f"cannot load a generator from {path}: {error}") from error


def _as_scale(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
