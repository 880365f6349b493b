"""What is learnt from: pairs of patches of training photographs, and a teacher's answers, kept on disk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from distortions import Distortion, distort
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from esrlab.core.files import replacing
from esrlab.data.degradations.bicubic import bicubic_down, round_to_8bit
from esrlab.data.image_files import to_tensor
from esrlab.data.photos.collection import Photos

VERSIONS = 3
"""Distorted versions of each patch."""
RARE = {"real-esrgan": 0.12}
"""Kinds that cost much to make, and how often they come beside the others' 1."""


def draw_patch(photos: Photos, side: int, rng: np.random.Generator) -> Tensor:
    """A random crop (1, 3, side, side), three in ten of them of a photograph reduced by half."""
    halved = bool(rng.random() < 0.3)
    wanted = side * 2 if halved else side
    photo = photos.members[int(rng.integers(len(photos.members)))]
    top = int(rng.integers(photo.height - wanted + 1))
    left = int(rng.integers(photo.width - wanted + 1))
    crop = to_tensor(photo.crop(top, left, wanted))
    return round_to_8bit(bicubic_down(crop, 2)) if halved else crop


def make_pairs(
    photos: Photos,
    kinds: Mapping[str, Distortion],
    *,
    patches: int,
    side: int,
    seed: int,
    report: Callable[[str], None],
) -> dict[str, Tensor]:
    """Bytes: `hr` (patches, 3, side, side), `sr` (VERSIONS·patches, …); sr[i] is of hr[i // VERSIONS]."""
    rng = np.random.default_rng(seed)
    names = list(kinds)
    odds = np.array([RARE.get(name, 1.0) for name in names])
    hrs: list[Tensor] = []
    srs: list[Tensor] = []
    for index in range(patches):
        hr = draw_patch(photos, side, rng)
        if rng.integers(2):
            hr = hr.flip(3)
        hrs.append((hr * 255).round().to(torch.uint8))
        for kind in rng.choice(names, VERSIONS, replace=False, p=odds / odds.sum()):
            srs.append((distort(hr, str(kind), rng, kinds) * 255).round().to(torch.uint8))
        if index % 500 == 499:
            report(f"  {index + 1} of {patches} patches")
    return {"hr": torch.cat(hrs), "sr": torch.cat(srs)}


def ask_content_teacher(
    teacher: nn.Module, pairs: Mapping[str, Tensor], *, report: Callable[[str], None]
) -> dict[str, Tensor]:
    """The teacher's features of both images, the distance, and its gradient's direction at `sr`."""
    answers: dict[str, list[Tensor]] = {"features_hr": [], "features_sr": [], "distance": [], "direction": []}
    for index, pixels in enumerate(pairs["hr"]):
        with torch.no_grad():
            features_hr = teacher(pixels[None].float() / 255)
        start = index * VERSIONS
        sr = (pairs["sr"][start : start + VERSIONS].float() / 255).requires_grad_()
        features_sr = teacher(sr)
        distance = (features_sr - features_hr).square().mean(dim=(1, 2, 3))
        (gradient,) = torch.autograd.grad(distance.sum(), sr)
        root = gradient.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + 1e-20
        answers["features_hr"].append(features_hr.half())
        answers["features_sr"].append(features_sr.detach().half())
        answers["distance"].append(distance.detach())
        answers["direction"].append((gradient / root).half())
        if index % 500 == 499:
            report(f"  {index + 1} of {len(pairs['hr'])} patches answered")
    return {name: torch.cat(parts) for name, parts in answers.items()}


def kept(path: Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors in `path`; made, and kept there, where it does not exist."""
    if not path.exists():
        made = make()
        with replacing(path) as temporary:
            save_file({name: value.contiguous() for name, value in made.items()}, temporary)
    return load_file(path)


def batches(count: int, size: int, steps: int, *, seed: int) -> Iterator[tuple[int, Tensor]]:
    """(step, which) for each step: epoch after epoch in a new random order."""
    drawn = torch.Generator().manual_seed(seed)
    order: Sequence[int] = []
    for step in range(steps):
        if len(order) < size:
            order = torch.randperm(count, generator=drawn).tolist()
        yield step, torch.tensor(order[:size])
        order = order[size:]
