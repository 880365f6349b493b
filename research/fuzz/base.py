"""What the cases are made from: photographs, a finished training, a finished study; made by the program."""

import contextlib
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .pictures import photograph

START_FLAG = "--generator.init"
CLOCK = re.compile(r'("(?:seconds|images_per_second|memory_gib)": )[0-9.e+-]+')
STUDY = """\
photos = "photos"
scales = [2]
seeds = [0, 1]
weights = "untrained"
[benchmarks]
B = "bench"
[fields]
steps = 4
"generator.features" = 8
"generator.growth" = 4
"generator.blocks" = 1
"patches.lr_size" = 8
"patches.batch" = 2
[recipes.psnr]
[recipes.wide]
base = "psnr"
"generator.growth" = 6
[[claims]]
id = "wider"
words = "the wider one is better"
better = "wide"
than = "psnr"
scales = [2]
metrics = ["PSNR"]
"""
RECIPE = """\
base = "psnr"
name = "own"
scale = 2
steps = 2
"generator.features" = 8
"generator.growth" = 4
"generator.blocks" = 1
"patches.lr_size" = 8
"patches.batch" = 2
"terms.pixel.weight" = 1.0
"""


@dataclass(frozen=True)
class Base:
    """The folder that holds photos/, bench/, run/, other-run/, study/, study.toml and recipe.toml."""

    folder: Path

    @property
    def private(self) -> Path:
        """A picture that no file has a right to have opened."""
        return self.folder.parent / "sentinel" / "private.png"


def tiny_training(
    recipe: str, *, out: str, photos: str, steps: int = 6, seed: int = 0, more: Sequence[str] = ()
) -> tuple[str, ...]:
    """The arguments of a training that takes a tenth of a second."""
    asked = (
        f"train {recipe} --photos {photos} --scale 2 --steps {steps} --out {out} --seed {seed} --quiet "
        "--checkpoint-every 2 --keep 3 --generator.features 8 --generator.growth 4 --generator.blocks 1 "
        "--patches.lr-size 8 --patches.batch 2 --device cpu"
    )
    return (*asked.split(), *more)


def build_base(call: Callable[[Sequence[str]], int], folder: Path, *, part: str) -> Base:
    """Makes it, by the command line alone; the clock's numbers are made equal, so that cases are, too.

    Of the trainings and studies only what the part's cases are made from: the texts' need all.
    """
    for name, count in (("photos", 3), ("bench", 2)):
        (folder / name).mkdir()
        for index in range(count):
            photograph(44, 40, phase=index).save(folder / name / f"{name[0]}{index}.png")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    with contextlib.chdir(folder):
        _must(call, tiny_training("psnr", out="run", photos="photos"))
        if part not in ("images", "upscale"):
            _must(call, tiny_training("psnr", out="other-run", photos="photos", seed=1))
        if part == "texts":
            _must(call, ("study", "study.toml", "--out", "study", "--device", "cpu"))
            _must(call, ("evaluate", "bicubic", "--benchmark", "B=bench", "--scale", "2", "--out", "scored"))
    for log in folder.rglob("log.jsonl"):
        log.write_text(CLOCK.sub(r"\g<1>0.05", log.read_text(encoding="utf-8")), encoding="utf-8")
    for commands in folder.rglob("commands.json"):
        records = json.loads(commands.read_text(encoding="utf-8"))
        text = json.dumps([{**record, "date": "2026-01-02"} for record in records], indent=2)
        commands.write_text(f"{text}\n", encoding="utf-8")
    return Base(folder)


def _must(call: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> None:
    """Carries out an undamaged command; a fuzz command that cannot begin says why."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = call(arguments)
    if code != 0:
        raise SystemExit(f"undamaged, esrlab {' '.join(arguments)} failed:\n{said.getvalue()}")
