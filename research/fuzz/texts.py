"""Damaged and hostile text files: rows, logs, manifests, studies, recipes, and what reads them."""

import json
import random
import shutil
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

from .base import Base, tiny_training
from .cases import LOST, Case, Ended, Fault, nothing_more
from .damage import damage
from .trees import HUGE, alter

RESUMED = 4
"""The step whose checkpoint a damaged run goes on from."""

HUGE_MARK, HUGE_TEXT = "@HUGE@", "9" * 5000
REPORTED = (
    "scores.jsonl",
    "manifest.json",
    "commands.json",
    "study.toml",
    "runs/psnr-x2-s0/log.jsonl",
    "runs/wide-x2-s1/outcome.json",
    "runs/psnr-x2-s0/recipe.json",
    "pulls/x2/psnr/B/b0/about.json",
)
"""Files of a study's folder that its report reads."""

WRITTEN = (
    "study/*.html",
    "study/*.md",
    "study/*.csv",
    "study/*.tex",
    "study/figures/*",
    "study/.*",
    "merged/*",
)
"""What a report may write."""


def make_case(base: Base, folder: Path, dice: random.Random, number: int) -> Case:
    """A text file and the command that reads it."""
    shutil.copytree(base.folder / "photos", folder / "photos")
    shutil.copytree(base.folder / "bench", folder / "bench")
    feeds: tuple[Callable[[Base, Path, random.Random], Case], ...] = (
        _report,
        _study,
        _recipe,
        _resume,
        _beside,
    )
    return dice.choices(feeds, weights=(35, 20, 25, 10, 10))[0](base, folder, dice)


def _report(base: Base, folder: Path, dice: random.Random) -> Case:
    shutil.copytree(base.folder / "study", folder / "study")
    name = dice.choice((*REPORTED[:1], *REPORTED))
    words = spoil(folder / "study" / name, dice)
    if dice.random() < 0.2:
        shutil.copytree(base.folder / "scored", folder / "scored")
        return Case(
            f"{name}: {words} → report A B",
            ("report", "study", "scored", "--out", "merged"),
            may_change=WRITTEN,
        )
    return Case(f"{name}: {words} → report", ("report", "study"), may_change=WRITTEN)


def _study(base: Base, folder: Path, dice: random.Random) -> Case:
    """Steps and sizes stand on the command line too, so that no valid study is a long one."""
    if dice.random() < 0.4:
        shutil.copytree(base.folder / "study", folder / "study")
        shutil.copy(base.folder / "study.toml", folder)
        name = dice.choice(("study.toml", "manifest.json", "scores.jsonl", "runs/psnr-x2-s0/recipe.json"))
        words = spoil(folder / "study" / name, dice)
        arguments = ("study", "study.toml", "--out", "study", "--device", "cpu")
        return Case(f"study/{name}: {words} → study goes on", arguments, may_change=("study/*",))
    shutil.copy(base.folder / "study.toml", folder)
    words = spoil(folder / "study.toml", dice)
    bounds = ["--seeds", "0", "--scales", "2", "--steps", "1", "--patches.batch", "1", "--device", "cpu"]
    return Case(f"study.toml: {words} → study", ("study", "study.toml", "--out", "new", *bounds))


def _recipe(base: Base, folder: Path, dice: random.Random) -> Case:
    shutil.copy(base.folder / "recipe.toml", folder)
    if dice.random() < 0.05:
        (folder / "recipe.toml").write_text('base = "recipe.toml"\n', encoding="utf-8")
        words = "is its own base"
    else:
        words = spoil(folder / "recipe.toml", dice)
    arguments = tiny_training("recipe.toml", out="new", photos="photos", steps=1)
    return Case(f"recipe.toml: {words} → train", arguments)


def _resume(base: Base, folder: Path, dice: random.Random) -> Case:
    run = folder / "run"
    shutil.copytree(base.folder / "run", run)
    for name in ("generator.safetensors", "outcome.json", "checkpoints/step-00000006.pt"):
        (run / name).unlink()
    name = dice.choice(("log.jsonl", "recipe.json"))
    words = spoil(run / name, dice)
    arguments = tiny_training("psnr", out="run", photos="photos")
    about, check = f"run/{name}: {words} → train goes on", nothing_more
    if name == "log.jsonl":
        check = partial(lines_kept, (run / name).read_bytes())
    return Case(about, arguments, may_change=("run/*",), check=check)


def lines_kept(before: bytes, folder: Path, ended: Ended) -> Fault:
    """Every line of the log stays in it, or the whole log as it was stays beside it and that is said.

    The last line may be one that a crash cut, and steps after the checkpoint are made again.
    """
    run = folder / "run"
    aside = [path for path in run.glob("log*") if path.name != "log.jsonl" and path.read_bytes() == before]
    if aside:
        return None if aside[0].name in ended.said else (LOST, f"{aside[0].name} is not told of")
    if ended.code != 0:
        return None if (run / "log.jsonl").read_bytes() == before else (LOST, "log.jsonl, without a word")
    after = set((run / "log.jsonl").read_bytes().split(b"\n"))
    gone = [line for line in before.split(b"\n")[:-1] if _is_row(line) and line not in after]
    return (LOST, f"{len(gone)} valid lines of log.jsonl, without a word") if gone else None


def _is_row(line: bytes) -> bool:
    """Whether a line of a log holds a step's row that the run does not make again."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and type(row.get("step")) is int and 0 < row["step"] <= RESUMED


def _beside(base: Base, folder: Path, dice: random.Random) -> Case:
    """The files beside a generator that is evaluated."""
    shutil.copytree(base.folder / "run", folder / "run")
    name = dice.choice(("recipe.json", "outcome.json"))
    words = spoil(folder / "run" / name, dice)
    arguments = ("evaluate", "run/generator.safetensors", "--benchmark", "B=bench", "--scale", "2", "--json")
    return Case(f"run/{name}: {words} → evaluate", arguments)


def spoil(path: Path, dice: random.Random) -> str:
    """Damages a text file in its bytes, or changes what it says; returns what was done."""
    data = path.read_bytes()
    kind = dice.choices(("bytes", "says", "whole"), weights=(30, 60, 10))[0]
    if kind == "bytes":
        data, words = damage(data, dice)
    elif kind == "says":
        data, words = _say_otherwise(path.suffix, data, dice)
    else:
        name, data = dice.choice(_whole(data))
        words = name
    path.write_bytes(data)
    return words


def _whole(data: bytes) -> tuple[tuple[str, bytes], ...]:
    return (
        ("empty", b""),
        ("utf-16", data.decode("utf-8", "replace").encode("utf-16")),
        ("byte order mark", b"\xef\xbb\xbf" + data),
        ("100,000 brackets", b"[" * 100_000),
        ("deep toml", b"a = " + b"[" * 5000 + b"]" * 5000 + b"\n"),
        ("deep tables", b"[" + b"a." * 5000 + b"a]\n"),
        ("latin-1", data + b'"caf\xe9"\n'),
        ("null bytes", bytes(200)),
        ("a number", b"1\n"),
        ("a list", b"[]\n"),
        ("null", b"null\n"),
        ("a long number", HUGE_TEXT.encode() + b"\n"),
    )


def _say_otherwise(suffix: str, data: bytes, dice: random.Random) -> tuple[bytes, str]:
    text = data.decode("utf-8")
    if suffix == ".toml":
        tree, words = alter(tomllib.loads(text), dice)
        try:
            made = tomli_w.dumps(_marked(tree) if isinstance(tree, dict) else {"a": _marked(tree)})
        except (TypeError, ValueError, AttributeError, RecursionError):  # what TOML has no word for
            return damage(data, dice)[0], "bytes"
        return _as_bytes(made.replace(f'"{HUGE_MARK}"', HUGE_TEXT)), words
    if suffix == ".jsonl":
        lines = text.removesuffix("\n").split("\n")
        index = dice.randrange(len(lines))
        tree, words = alter(json.loads(lines[index]), dice)
        lines[index] = _to_json(tree, dice)
        return _as_bytes("\n".join(lines) + "\n"), f"line {index + 1}: {words}"
    tree, words = alter(json.loads(text), dice)
    return _as_bytes(_to_json(tree, dice)), words


def _to_json(tree: Any, dice: random.Random) -> str:
    """JSON, now and then with characters as they are; infinities and long numbers as Python writes them."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)  # the trees are nested deeper than Python goes by itself
    try:
        made = json.dumps(_marked(tree), ensure_ascii=dice.random() < 0.5)
    finally:
        sys.setrecursionlimit(limit)
    return made.replace(f'"{HUGE_MARK}"', HUGE_TEXT)


def _marked(tree: Any) -> Any:
    """The tree with a mark for each number that Python refuses to write."""
    if isinstance(tree, dict):
        return {key: _marked(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_marked(value) for value in tree]
    return HUGE_MARK if isinstance(tree, int) and tree == HUGE else tree


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
