"""Tensor files of torch's format with what a disk, or a hostile hand, made of them."""

import io
import pickle
import random
import zipfile
from collections.abc import Callable
from typing import Any

import torch

from .damage import damage

CALLS = (
    ("os", "system", "('true',)"),
    ("posix", "system", "('true',)"),
    ("subprocess", "Popen", "(['true'],)"),
    ("builtins", "eval", "('1+1',)"),
    ("builtins", "exec", "('import os; os.system(\"true\")',)"),
    ("builtins", "open", "(PRIVATE,)"),
    ("runpy", "run_path", "(PRIVATE,)"),
    ("torch", "load", "(PRIVATE,)"),
    ("importlib", "import_module", "('this',)"),
    ("builtins", "bytearray", "(4000000000,)"),
    ("builtins", "getattr", "('a', '__class__')"),
    ("torch.hub", "load", "('x', 'y')"),
    ("numpy.core.multiarray", "_reconstruct", "()"),
    ("torch._utils", "_rebuild_tensor_v2", "(1, 2, 3, 4, 5, 6)"),
    ("torch._utils", "_rebuild_parameter", "(1, 2, 3)"),
    ("torch", "Size", "((-1,),)"),
    ("collections", "OrderedDict", "(1,)"),
    ("collections", "Counter", "('a',)"),
    ("torch", "FloatStorage", "(10,)"),
    ("__main__", "nothing", "()"),
    ("no_such_module", "x", "()"),
)
"""What a pickle may ask for: a module, a name in it, and the arguments of the call."""


def hostile_pickle(dice: random.Random, private: str) -> tuple[bytes, str]:
    """A pickle that calls something, or is built to exhaust who reads it."""
    kind = dice.choice(("call", "call", "call", "deep", "itself", "long", "memo", "stack", "persistent"))
    if kind == "call":
        module, name, arguments = dice.choice(CALLS)
        given = pickle.dumps(eval(arguments, {"PRIVATE": private}), 2)[2:-1]
        found = f"c{module}\n{name}\n".encode()
        return b"\x80\x02" + found + given + b"R.", f"pickle calls {module}.{name}"
    count = dice.choice((100, 5000, 300_000))
    made = {
        "deep": b"]" * count + b"a" * (count - 1) + b".",
        "itself": b"}q\x00X\x06\x00\x00\x00paramsh\x00s.",
        "long": b"X\xff\xff\xff\x7fabc.",
        "memo": b"h\x09.",
        "stack": b"((((((tttttt" + b"0" * 20 + b".",
        "persistent": b"X\x01\x00\x00\x00aQ.",
    }
    return b"\x80\x02" + made[kind], f"pickle {kind}"


def rewrite(data: bytes, change: Callable[[str, bytes], bytes], *, is_packed: bool = False) -> bytes:
    """The zip archive with its entries changed and their checksums right again."""
    stream = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if is_packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(stream, "w", method) as after:
        for entry in before.infolist():
            moment = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
            moment.compress_type = method
            after.writestr(moment, change(entry.filename, before.read(entry)))
    return stream.getvalue()


def damage_entry(data: bytes, dice: random.Random, private: str) -> tuple[bytes, str]:
    """A file of torch's format, damaged inside: what the archive's own checksums do not tell."""
    how = dice.choice(("pickle", "pickle", "hostile", "record", "packed", "short"))
    words = how

    def change(name: str, content: bytes) -> bytes:
        nonlocal words
        if how == "hostile" and name.endswith("data.pkl"):
            content, words = hostile_pickle(dice, private)
        elif how == "pickle" and name.endswith("data.pkl"):
            content, words = damage(content, dice)
        elif how == "record" and "/data/" in name and content and dice.random() < 0.2:
            content = damage(content, dice)[0]
        elif how == "short" and "/data/" in name:
            content = content[: len(content) // 2]
        return content

    changed = rewrite(data, change, is_packed=how == "packed")
    if how == "packed":
        changed, words = damage(changed, dice)
    return changed, f"in the archive: {how} {words if words != how else ''}".strip()


def saved(state: Any, *, is_old: bool = False) -> bytes:
    """What torch.save writes; in its format of before 2020 where is_old."""
    stream = io.BytesIO()
    torch.save(state, stream, _use_new_zipfile_serialization=not is_old)
    return stream.getvalue()
