"""Damaged and hostile tensor files: generators that are evaluated or started from, runs that go on."""

import json
import random
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from .base import START_FLAG, Base, tiny_training
from .cases import LOST, Case, Ended, Fault, nothing_more
from .damage import damage, splice
from .pickles import damage_entry, hostile_pickle, saved
from .states import crafted_state
from .trees import alter

LATEST, BEFORE = "step-00000004.pt", "step-00000002.pt"
KINDS = ("bytes", "entry", "header", "state", "pickle", "file")
SUFFIXES = (".pth", ".pt", ".safetensors", ".ckpt")


def make_case(base: Base, folder: Path, dice: random.Random, number: int) -> Case:
    """A tensor file and the command that reads it."""
    if dice.random() < 0.3:
        return _resumed(base, folder, dice)
    about, name = _generator_file(base, folder, dice)
    if dice.random() < 0.3:
        shutil.copytree(base.folder / "photos", folder / "photos")
        arguments = tiny_training("psnr", out="new", photos="photos", steps=1, more=(START_FLAG, name))
        return Case(f"{about} → train {START_FLAG}", arguments)
    shutil.copytree(base.folder / "bench", folder / "bench")
    method = f"{name}+{name}" if dice.random() < 0.1 else name
    scale = "4" if "+" in method else dice.choice(("2", "2", "2", "3", "4"))
    return Case(
        f"{about} → evaluate {'A+A' if '+' in method else 'FILE'}",
        ("evaluate", method, "--benchmark", "B=bench", "--scale", scale, "--json"),
    )


def _generator_file(base: Base, folder: Path, dice: random.Random) -> tuple[str, str]:
    """Writes one; returns what it is and its name."""
    good = base.folder / "run" / "generator.safetensors"
    kind = dice.choices(KINDS, weights=(35, 20, 12, 20, 8, 5))[0]
    private, state = str(base.private), load_file(good)
    suffix = dice.choice(SUFFIXES[:3])
    match kind:
        case "bytes":
            data = (
                good.read_bytes()
                if suffix == ".safetensors"
                else saved({"params_ema": state}, is_old=dice.random() < 0.2)
            )
            data, words = damage(data, dice)
        case "entry":
            suffix = dice.choice((".pth", ".pt"))
            data, words = damage_entry(saved({"params": state}), dice, private)
        case "header":
            suffix = ".safetensors"
            data, words = _damage_header(good.read_bytes(), dice)
        case "state":
            crafted, words = crafted_state(state, dice)
            suffix, data = (".pth", saved(crafted))
        case "pickle":
            suffix = dice.choice((".pth", ".pt", ".ckpt"))
            data, words = hostile_pickle(dice, private)
        case _:
            return _odd_file(base, folder, dice)
    (folder / f"model{suffix}").write_bytes(data)
    return f"{suffix}, {kind}: {words}", f"model{suffix}"


def _damage_header(data: bytes, dice: random.Random) -> tuple[bytes, str]:
    """A safetensors file whose header says something else, and is as long as it says."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if dice.random() < 0.3:
        header["__metadata__"]["scale"] = dice.choice(
            ("3", "4", "²", "٣", "-2", "0", "1e9", "", "2.0", "99999")
        )
        words = f"scale {header['__metadata__']['scale']!a}"
    else:
        header, words = alter(header, dice)
    try:
        text = json.dumps(header).encode()
    except (ValueError, RecursionError):
        text = b"[" * 100_000
    claimed = dice.choice((len(text),) * 8 + (0, len(text) + 1, 2**40, 2**64 - 1))
    return claimed.to_bytes(8, "little") + text + data[8 + length :], f"header {words}"


def _odd_file(base: Base, folder: Path, dice: random.Random) -> tuple[str, str]:
    """Not a tensor file at all, or one under another's name."""
    name = f"model{dice.choice(SUFFIXES)}"
    good = base.folder / "run" / "generator.safetensors"
    kind = dice.choice(("empty", "noise", "text", "picture", "renamed", "folder", "link", "spliced", "tar"))
    match kind:
        case "folder":
            (folder / name).mkdir()
        case "link":
            (folder / name).symlink_to("nowhere")
        case "renamed":
            data = good.read_bytes() if not name.endswith(".safetensors") else saved(load_file(good))
            (folder / name).write_bytes(data)
        case "spliced":
            (folder / name).write_bytes(splice(saved(load_file(good)), good.read_bytes(), dice))
        case _:
            picture = (base.folder / "photos" / "p0.png").read_bytes()
            others = {"empty": b"", "noise": dice.randbytes(999), "text": b"hello\n" * 50, "picture": picture}
            (folder / name).write_bytes(others.get(kind, b"model\x00" + bytes(506) + b"ustar" + bytes(500)))
    return f"{name}, {kind}", name


def _resumed(base: Base, folder: Path, dice: random.Random) -> Case:
    """A run that was cut off after its fourth step, its latest checkpoint no longer what it was."""
    run = folder / "run"
    shutil.copytree(base.folder / "run", run)
    shutil.copytree(base.folder / "photos", folder / "photos")
    for name in ("generator.safetensors", "outcome.json", "checkpoints/step-00000006.pt"):
        (run / name).unlink()
    latest = run / "checkpoints" / LATEST
    good = latest.read_bytes()
    kind = dice.choices(
        ("bytes", "entry", "state", "pickle", "foreign", "name"), weights=(35, 15, 25, 8, 10, 7)
    )[0]
    is_told_apart, refusable = True, False
    match kind:
        case "bytes":
            data, words = damage(good, dice)
        case "entry":
            data, words = damage_entry(good, dice, str(base.private))
            is_told_apart = False  # rewritten with its checksums: where it is still sound, another checkpoint
        case "state":
            data, words = _altered(good, dice)
            is_told_apart = False
        case "pickle":
            data, words = hostile_pickle(dice, str(base.private))
        case "foreign":
            data, words, refusable = *_foreign(base, latest, dice), True
        case _:
            data, words, refusable = good, _misname(latest, dice), True
    latest.write_bytes(data)
    if dice.random() < 0.15:
        (latest.parent / BEFORE).write_bytes(damage(data, dice)[0])
        words, refusable = f"{words}; the one before is damaged too", True
    expected = (base.folder / "run" / "generator.safetensors").read_bytes()
    check = partial(_same_end, expected=expected, refusable=refusable) if is_told_apart else nothing_more
    arguments = tiny_training("psnr", out="run", photos="photos")
    return Case(f"checkpoint, {kind}: {words} → train goes on", arguments, may_change=("run/*",), check=check)


def _altered(good: bytes, dice: random.Random) -> tuple[bytes, str]:
    state = torch.load(_stream(good), weights_only=True)
    if dice.random() < 0.3:
        state["step"] = dice.choice((-1, 10**9, "4", 4.0, True, None, [4], 2**70, float("nan")))
        return saved(state), f"step {state['step']!r}"
    altered, words = alter(state, dice)
    return saved(altered), words


def _foreign(base: Base, latest: Path, dice: random.Random) -> tuple[bytes, str]:
    """Another run's, or another step's of this run, under this one's name."""
    other = base.folder / "other-run" / "checkpoints" / LATEST
    if dice.random() < 0.5:
        return other.read_bytes(), "another run's"
    return (latest.parent / BEFORE).read_bytes(), "an earlier step's"


def _misname(latest: Path, dice: random.Random) -> str:
    """A copy beside it under a name that is no step's, or a step's that it is not."""
    names = (
        "step-².pt",
        "step--0000005.pt",
        "step-00000099.pt",
        "step-٥.pt",
        "step-.pt",
        "stop-00000005.pt",
        "step-5.pt",
    )
    name = dice.choice(names)
    shutil.copy(latest, latest.parent / name)
    return f"a copy called {name!a}"


def _same_end(folder: Path, ended: Ended, *, expected: bytes, refusable: bool) -> Fault:
    """The run ends as if nothing had happened, from the checkpoint before; or is refused where it may be."""
    generator = folder / "run" / "generator.safetensors"
    if not generator.is_file():
        return None if refusable else (LOST, "did not go on from the undamaged checkpoint before")
    if generator.read_bytes() != expected:
        return LOST, "the run's end is another one"
    return None


def _stream(data: bytes) -> Any:
    import io

    return io.BytesIO(data)
