"""Trains a student and writes it into the package: `python research/students/train.py vgg|residual|lpips`.

What is learnt is drawn from the training photographs by a seed; the teachers' answers are kept in --cache,
and used again where they are there. See README.md beside this file.
"""

import argparse
import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from distortions import all_kinds
from lessons import VERSIONS, ask_content_teacher, batches, kept, make_pairs
from objectives import (
    CONTENT_WEIGHTS,
    FEATURES_ALONE,
    LPIPS_WEIGHTS,
    Guides,
    content_loss,
    lpips_loss,
)
from safetensors.torch import save_file
from teachers import EfficientNetTeacher, LPIPSTeacher, VGGTeacher
from torch import Tensor, nn

from esrlab.core.files import replacing
from esrlab.core.tensor_files import read_state
from esrlab.data.photos.folder import open_photos
from esrlab.models.features.imagenet import normalise
from esrlab.models.features.students import LPIPSStudent, ResidualBlock, ResidualStudent, VGGStudent

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "src/esrlab/students"


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """How one student is taught."""

    patches: int
    side: int
    steps: int
    batch: int
    rate: float


LESSONS = {
    "vgg": Lesson(patches=2500, side=64, steps=2200, batch=8, rate=1e-3),
    "residual": Lesson(patches=2500, side=64, steps=1500, batch=8, rate=1e-3),
    "lpips": Lesson(patches=3000, side=96, steps=2400, batch=16, rate=1e-3),
}


def go_on(student: nn.Module, name: str) -> None:
    """Begin with the shipped weights."""
    state, _ = read_state(SHIPPED / f"{name}.safetensors")
    student.load_state_dict({key: value.float() for key, value in state.items()})


@torch.no_grad()
def start(student: nn.Module) -> None:
    """He-normal convolutions without bias; heads of a tenth."""
    for module in student.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.ParameterList):
            for head in module:
                head.fill_(0.1)
    for module in student.modules():
        if isinstance(module, ResidualBlock):
            module.conv2.weight.mul_(0.3)


def fit(
    student: nn.Module,
    loss: Callable[[int, Tensor], dict[str, Tensor]],
    weights: dict[str, float],
    lesson: Lesson,
    *,
    pairs: int,
    seed: int,
    save: Callable[[list[Tensor]], None],
    guides: nn.Module | None = None,
) -> None:
    """Adam with a short warm-up and a cosine end; what is saved is a moving average of the weights."""
    student.requires_grad_(True)
    parameters = list(student.parameters())
    trained = [*parameters, *(guides.parameters() if guides is not None else ())]
    optimiser = torch.optim.Adam(trained, lr=lesson.rate, betas=(0.9, 0.98))
    average = [parameter.detach().clone() for parameter in parameters]
    began, recent = time.monotonic(), dict.fromkeys(weights, 0.0)
    for step, chosen in batches(pairs, lesson.batch, lesson.steps, seed=seed):
        warm = min(1.0, (step + 1) / 100)
        optimiser.param_groups[0]["lr"] = (
            lesson.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / lesson.steps)))
        )
        parts = loss(step, chosen)
        total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(trained, 5.0)
        optimiser.step()
        keep = min(0.995, (step + 1) / (step + 10))
        for mean, parameter in zip(average, parameters, strict=True):
            mean.lerp_(parameter.detach(), 1 - keep)
        for name, part in parts.items():
            recent[name] += (part.item() - recent[name]) * (0.02 if step > 50 else 1 / (step + 1))
        if step % 100 == 99:
            shown = "  ".join(f"{name} {value:.4f}" for name, value in recent.items())
            print(f"{step + 1:5d}/{lesson.steps}  {time.monotonic() - began:5.0f} s  {shown}", flush=True)
        if step % 400 == 399:
            save(average)
    save(average)


def ship(student: nn.Module, weights: list[Tensor], name: str, about: str) -> None:
    """Write weights, one for each parameter, in half precision; print the digest for the list of students."""
    path = SHIPPED / f"{name}.safetensors"
    keys = [key for key, _ in student.named_parameters()]
    state = {key: value.half().contiguous() for key, value in zip(keys, weights, strict=True)}
    with replacing(path) as temporary:
        save_file(state, temporary, metadata={"about": about})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digest}")


def draw_pairs(options: argparse.Namespace, lesson: Lesson) -> dict[str, Tensor]:
    """Pairs of patches of the training photographs; from the cache where they are there."""

    def make() -> dict[str, Tensor]:
        photos = open_photos(str(options.shared / "photos/train"), smallest=256)
        real = options.shared / "weights/RealESRGAN_x4plus_fp16.safetensors"
        kinds = all_kinds(options.cache / "generators", real)
        _say(f"{len(photos.members)} photographs, {len(kinds)} kinds of distortion")
        return make_pairs(
            photos, kinds, patches=lesson.patches, side=lesson.side, seed=options.seed, report=_say
        )

    return kept(options.cache / f"pairs-{_describe(options, lesson)}.safetensors", make)


def _describe(options: argparse.Namespace, lesson: Lesson) -> str:
    return f"{options.seed}-{lesson.patches}-{lesson.side}"


def teach_content(options: argparse.Namespace, lesson: Lesson) -> None:
    """Train and ship the vgg-student or the residual-student."""
    pairs = draw_pairs(options, lesson)
    if options.student == "vgg":
        student, teacher = VGGStudent(), VGGTeacher(options.shared / "weights")
        start(student)
        about = "taught by ImageNet VGG19's conv3_4"
    else:
        if options.efficientnet is None:
            raise SystemExit("say with --efficientnet where efficientnet-lite0-57934424.pth is")
        student, teacher = ResidualStudent(), EfficientNetTeacher(options.efficientnet)
        start(student)
        teacher.start(student.front)
        about = "taught by ImageNet EfficientNet-Lite0's _blocks.4"
    if options.go_on:
        go_on(student, f"{options.student}-student")
    (layer,) = student.built
    answered = kept(
        options.cache / f"answers-{options.student}-{_describe(options, lesson)}.safetensors",
        lambda: ask_content_teacher(teacher, pairs, report=_say),
    )

    def loss(step: int, chosen: Tensor) -> dict[str, Tensor]:
        parents = chosen // VERSIONS
        taken = {key: answered[key][chosen].float() for key in ("features_sr", "distance", "direction")}
        taken["features_hr"] = answered["features_hr"][parents].float()
        taken["sr"] = pairs["sr"][chosen].float() / 255
        taken["hr"] = pairs["hr"][parents].float() / 255
        return content_loss(
            lambda image: student(normalise(image), [layer])[layer],
            taken,
            with_gradient=options.go_on or step >= FEATURES_ALONE[options.student],
        )

    def save(weights: list[Tensor]) -> None:
        ship(student, weights, f"{options.student}-student", about)

    weights = {**CONTENT_WEIGHTS, "gradient": 5.0} if options.go_on else CONTENT_WEIGHTS
    fit(student, loss, weights, lesson, pairs=len(pairs["sr"]), seed=options.seed, save=save)


def teach_lpips(options: argparse.Namespace, lesson: Lesson) -> None:
    """Train and ship the lpips-student."""
    pairs = draw_pairs(options, lesson)
    student, teacher = LPIPSStudent(), LPIPSTeacher(options.shared / "weights")
    start(student)
    guides = None if options.go_on else Guides(teacher, student)
    if options.go_on:
        go_on(student, "lpips-student")

    def loss(step: int, chosen: Tensor) -> dict[str, Tensor]:
        sr, hr = pairs["sr"][chosen].float() / 255, pairs["hr"][chosen // VERSIONS].float() / 255
        del step
        return lpips_loss(student, teacher, guides, sr, hr)

    def save(weights: list[Tensor]) -> None:
        ship(student, weights, "lpips-student", "taught by LPIPS-Alex v0.1")

    count = len(pairs["sr"])
    weights = {**LPIPS_WEIGHTS, "places": 0.3, "distance": 5.0} if options.go_on else LPIPS_WEIGHTS
    fit(student, loss, weights, lesson, pairs=count, seed=options.seed, save=save, guides=guides)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("student", choices=sorted(LESSONS))
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/students"), help="holds generators/")
    parser.add_argument("--efficientnet", type=Path, help="efficientnet-lite0-57934424.pth", default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=None, help="in place of the lesson's")
    parser.add_argument("--go-on", action="store_true", help="from the shipped weights, at half the rate")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    lesson = LESSONS[options.student]
    if options.steps is not None:
        lesson = replace(lesson, steps=options.steps)
    if options.go_on:
        lesson = replace(lesson, rate=lesson.rate / 2)
    options.cache.mkdir(parents=True, exist_ok=True)
    if options.student == "lpips":
        teach_lpips(options, lesson)
    else:
        teach_content(options, lesson)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
