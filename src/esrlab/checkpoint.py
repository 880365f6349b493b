"""Saving and loading what was trained: a run's full state, and a generator alone.

Nothing is unpickled: full state is read with torch's `weights_only=True`, generators are safetensors.
"""

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from esrlab.errors import UserError
from esrlab.files import replacing
from esrlab.networks.rrdb import RRDBNet, describe_rrdb, unwrap_state
from esrlab.states import read_state
from esrlab.training import Run

FORMAT = 1


def save_checkpoint(run: Run, path: Path) -> None:
    """Writes everything a run needs to go on as if never interrupted, atomically."""
    state: dict[str, Any] = {
        "format": FORMAT,
        "step": run.step,
        "generator": run.generator.state_dict(),
        "optimiser": run.optimiser.state_dict(),
    }
    if run.contest is not None:
        state["critic"] = run.contest.critic.state_dict()
        state["critic_optimiser"] = run.contest.optimiser.state_dict()
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(run: Run, path: Path) -> None:
    """Puts a saved state into a fresh run of the same recipe; raises UserError when it cannot be read."""
    try:
        state = torch.load(path, map_location=run.device, weights_only=True)
        if state["format"] != FORMAT:
            raise ValueError(f"its format is {state['format']}, this version reads {FORMAT}")
        run.generator.load_state_dict(state["generator"])
        run.optimiser.load_state_dict(state["optimiser"])
        if run.contest is not None:
            run.contest.critic.load_state_dict(state["critic"])
            run.contest.optimiser.load_state_dict(state["critic_optimiser"])
        run.step = int(state["step"])
    except (
        OSError,
        RuntimeError,
        LookupError,
        TypeError,
        EOFError,
        ValueError,
        pickle.UnpicklingError,
    ) as error:
        raise UserError(
            f"the checkpoint {path} cannot be used ({str(error).splitlines()[0]}); "
            "remove it to begin this run anew"
        ) from error


def save_generator(generator: RRDBNet, path: Path, *, about: dict[str, str]) -> None:
    """Writes the generator alone as float32 safetensors: the ecosystem's key names, the scale as metadata."""
    state = {key: value.detach().float().cpu().contiguous() for key, value in generator.state_dict().items()}
    metadata = {**about, "architecture": "RRDBNet", "scale": str(generator.scale)}
    with replacing(path) as temporary:
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


def load_generator(path: Path, *, scale: int | None = None) -> RRDBNet:
    """The RRDBNet in a .safetensors or .pth file, shape inferred, scale from its metadata unless given.

    Raises UserError for a file that is damaged or holds something else.
    """
    state, metadata = read_state(path)
    try:
        wanted = scale if scale is not None else _as_scale(metadata.get("scale"))
        bare = unwrap_state(state)
        shape = describe_rrdb(bare, scale=wanted)
        generator = RRDBNet(
            scale=shape.scale, features=shape.features, growth=shape.growth, blocks=shape.blocks
        )
        generator.load_state_dict({key: value.float() for key, value in bare.items()})
    except (RuntimeError, ValueError) as error:
        raise UserError(f"cannot load a generator from {path}: {error}") from error
    return generator.eval()


def _as_scale(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
