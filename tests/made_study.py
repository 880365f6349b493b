"""A study's folder written in a moment: made-up scores, logs and pictures, one photograph's name hostile."""

import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

from esrlab.core.command_history import GivenCommand, write_commands
from esrlab.core.files import write_json_lines
from esrlab.core.scores import Score, write_scores

HOSTILE = "<img src=x onerror=alert(1)>"
IMAGES = ("Set5/plain", f"Set5/{HOSTILE}", "Set5/'\"><script>alert(2)<", "Set5/last")
MAPPED = IMAGES[:2]
SIZE = 60
STEPS = 60
QUALITY = {
    "bicubic": 0.6,
    "wgan-vgg": 0.8,
    "esrgan-vgg": 0.4,
    "wgan-vgg-cascade": 0.5,
    "esrgan-vgg-cascade": 0.3,
}


def write_study(folder: Path) -> Path:
    """Two recipes at ×2 and ×4 with cascades, two seeds, four images; esrgan-vgg ×4 collapsed in seed 1."""
    write_scores(folder / "scores.jsonl", list(make_scores()))
    for index, image in enumerate(IMAGES):
        for scale in (2, 4):
            _write_pictures(folder / "pictures" / f"x{scale}", image, scale, index)
    for recipe in ("wgan-vgg", "esrgan-vgg"):
        for scale in (2, 4):
            write_maps(folder / "pulls" / f"x{scale}" / recipe, absent=(recipe, scale) == ("esrgan-vgg", 4))
            for seed in (0, 1):
                _write_run(folder / "runs" / f"{recipe}-x{scale}-s{seed}", recipe, scale, seed)
    (folder / "study.toml").write_text('name = "made</script>"\n[recipes.wgan-vgg]\n[recipes.esrgan-vgg]\n')
    manifest = {"runs": [], "benchmarks": {"Set5": {"count": 4, "fingerprint": "feedc0de"}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    given = GivenCommand(f"esrlab study made.toml --out '{HOSTILE}'", "0.1.0", "2025-02-03")
    write_commands(folder, [given])
    return folder


def methods(scale: int) -> list[str]:
    """Who has pictures and scores at a scale."""
    return [name for name in QUALITY if scale == 4 or not name.endswith("-cascade")]


def make_scores() -> list[Score]:
    made: list[Score] = []
    for scale in (2, 4):
        for recipe in methods(scale):
            for seed in (None,) if recipe == "bicubic" else (0, 1):
                collapsed = (recipe, scale, seed) == ("esrgan-vgg", 4, 1)
                for index, image in enumerate(IMAGES):
                    value = (
                        34
                        - 2 * scale
                        + 4 * QUALITY[recipe]
                        + index * (recipe != "bicubic")
                        + 0.2 * (seed or 0)
                    )
                    metrics = {
                        f"PSNR-Y/{scale}": value,
                        f"SSIM-Y/{scale}": value / 40,
                        "PSNR-paper": value + 42,
                    }
                    metrics |= {"LPIPS": 0.6 - value / 80, f"PSNR-RGB/{scale}": value - 1}
                    made += [
                        Score(
                            study=f"made {HOSTILE}",
                            recipe=recipe,
                            label=recipe,
                            scale=scale,
                            seed=seed,
                            step=None if seed is None else STEPS,
                            image=image,
                            metric=metric,
                            value=number,
                            outcome="collapsed" if collapsed else "",
                        )
                        for metric, number in metrics.items()
                    ]
    return made


def _write_pictures(root: Path, image: str, scale: int, index: int) -> None:
    rng = np.random.default_rng(index)
    truth = rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.float64)
    truth[: SIZE // 2] = 128
    for method in ("hr", "lr", *methods(scale)):
        blend = QUALITY.get(method, 1.0)
        pixels = truth * blend + 100 * (1 - blend)
        if method == "lr":
            pixels = pixels[::scale, ::scale]
        path = root / method / f"{image}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.round().astype(np.uint8)).save(path)


def write_maps(folder: Path, *, absent: bool = False) -> None:
    """Maps of two terms on the first two images: one that pulls everywhere alike, one to the right alone."""
    for image in MAPPED:
        place = folder / image
        place.mkdir(parents=True)
        region = {"top": 4, "left": 8, "height": 32, "width": 48, "patch": 16}
        terms = [
            {"name": "content", "share": 0.75, "cosine": 0.9, "weight": 1.0, "white": 0.1},
            {"name": "adversarial", "share": 0.0004, "cosine": -0.3, "weight": 0.01, "white": 1e-9},
        ]
        about = {"seed": 0, "step": STEPS, "region": region, "terms": terms}
        if absent:
            about = {"seed": 0, "absent": f"the disk ate it {HOSTILE}"}
        (place / "about.json").write_text(json.dumps(about))
        for name, left in (("content", 0), ("adversarial", 24)):
            grey = np.zeros((32, 48), np.uint8)
            grey[:, left:] = 255
            Image.fromarray(grey).save(place / f"{name}.png")


def _write_run(folder: Path, recipe: str, scale: int, seed: int) -> None:
    adversary = 0.2 if recipe == "esrgan-vgg" else 0.01
    write_json_lines(folder / "log.jsonl", [_log_row(step, adversary) for step in range(1, STEPS + 1)])
    about = {
        "recipe": {"name": recipe, "about": HOSTILE, "steps": STEPS},
        "seed": seed,
        "versions": {"esrlab": "0.1.0", "torch": "2.13.0"},
        "machine": "a machine",
        "photos": {"count": 5, "fingerprint": "0ddba11"},
        "origins": {},
    }
    (folder / "recipe.json").write_text(json.dumps(about))
    collapsed = (recipe, scale, seed) == ("esrgan-vgg", 4, 1)
    outcome = {
        "outcome": "collapsed" if collapsed else "finished",
        "step": STEPS,
        "asked": STEPS,
        "signs": {"flat pictures": "flat pictures: 9.0 dB below bicubic"} if collapsed else {},
        "alarms": {"flat pictures": 30} if collapsed else {},
        "rollbacks": [],
    }
    (folder / "outcome.json").write_text(json.dumps(outcome))


def _log_row(step: int, adversary: float) -> dict[str, object]:
    """Content and adversary at right angles: the sum's length is √(1 + a²)."""
    length = math.hypot(1.0, adversary)
    return {
        "step": step,
        "loss/content": 1 / step,
        "pull/content": {"norm": 1.0, "share": 1 / (1 + adversary), "cosine": 1 / length},
        "pull/adversarial": {
            "norm": adversary,
            "share": adversary / (1 + adversary),
            "cosine": adversary / length,
        },
        "critic/gap": 0.01 * step,
        "image/psnr": 25 + step / 30,
        "image/bicubic": 26.0,
        "image/spread": 0.97,
        "seconds": 0.05,
        "images_per_second": 160.0,
        "memory_gib": 0.4,
    }
