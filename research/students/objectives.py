"""What the students are to get right: the losses of their training, and how much each counts."""

from collections.abc import Callable

import torch
from teachers import LPIPSTeacher
from torch import Tensor, nn
from torch.nn import functional

from esrlab.models.features.students import LPIPSStudent

CONTENT_WEIGHTS = {"features": 1.0, "difference": 1.0, "distance": 0.3, "gradient": 2.0}
FEATURES_ALONE = {"vgg": 400, "residual": 200}
"""First steps, in which a content student learns features and their difference, not yet the gradient."""


def content_loss(
    student: Callable[[Tensor], Tensor], answers: dict[str, Tensor], *, with_gradient: bool
) -> dict[str, Tensor]:
    """How far the student is from the teacher: features, their difference, distance, gradient."""
    sr = answers["sr"].requires_grad_(with_gradient)
    # In two passes, that the gradient at `sr` is not sought through the other.
    features_sr, features_hr = student(sr), student(answers["hr"])
    missed_sr, missed_hr = features_sr - answers["features_sr"], features_hr - answers["features_hr"]
    missed = (missed_sr - missed_hr).square().mean(dim=(1, 2, 3)) / (answers["distance"] + 0.03)
    parts = {
        "features": 0.5 * (missed_sr.square().mean() + missed_hr.square().mean()),
        "difference": missed.mean(),
    }
    if not with_gradient:
        return parts
    distance = (features_sr - features_hr).square().mean(dim=(1, 2, 3))
    (gradient,) = torch.autograd.grad(distance.sum(), sr, create_graph=True)
    wanted = answers["direction"].flatten(1)
    cosine = functional.cosine_similarity(gradient.flatten(1), wanted, dim=1, eps=1e-30)
    logs = (distance + 1e-4).log() - (answers["distance"] + 1e-4).log()
    return {**parts, "distance": logs.square().mean(), "gradient": (1 - cosine).mean()}


class Guides(nn.Module):
    """Linear maps from the student's taps to the teacher's, for training only."""

    def __init__(self, teacher: LPIPSTeacher, student: LPIPSStudent) -> None:
        super().__init__()
        widths = zip(student.heads, teacher.heads, strict=True)
        self.maps = nn.ModuleList(
            nn.Conv2d(len(ours), len(theirs), kernel_size=1, bias=False) for ours, theirs in widths
        )
        self.weights = [head.clamp(min=0).sqrt().view(1, -1, 1, 1) for head in teacher.heads]

    def forward(self, taps: list[Tensor], wanted: list[Tensor]) -> Tensor:
        """The share of the teacher's taps (weighted as LPIPS weighs) that the maps do not explain."""
        missed = torch.zeros(())
        for guide, weight, ours, theirs in zip(self.maps, self.weights, taps, wanted, strict=True):
            goal = theirs * weight
            spread = (goal - goal.mean(dim=(0, 2, 3), keepdim=True)).square().mean() + 1e-8
            missed = missed + (guide(ours) - goal).square().mean() / spread
        return missed


def lpips_loss(
    student: LPIPSStudent, teacher: LPIPSTeacher, guides: Guides | None, sr: Tensor, hr: Tensor
) -> dict[str, Tensor]:
    """How far the student is from LPIPS: the whole distance, each tap's, its map of places, its features."""
    count = len(sr)
    with torch.no_grad():
        taught = teacher.taps(torch.cat((sr, hr)))
        wanted = teacher.compare([tap[:count] for tap in taught], [tap[count:] for tap in taught])
    taps = student.taps(torch.cat((sr, hr)))
    maps = student.compare([tap[:count] for tap in taps], [tap[count:] for tap in taps])
    places = torch.zeros(())
    parts: list[Tensor] = []
    for found, target in zip(maps, wanted, strict=True):
        roots, goals = (found + 1e-6).sqrt(), (target + 1e-6).sqrt()
        scale = goals.square().mean(dim=(1, 2)) + 1e-4
        places = places + ((roots - goals).square().mean(dim=(1, 2)) / scale).mean()
        ratio = (found.mean(dim=(1, 2)) + 1e-4).log() - (target.mean(dim=(1, 2)) + 1e-4).log()
        parts.append(ratio.square().mean())
    wholes = torch.stack([found.mean(dim=(1, 2)) for found in maps]).sum(dim=0)
    goals = torch.stack([target.mean(dim=(1, 2)) for target in wanted]).sum(dim=0)
    logs = (wholes + 1e-4).log() - (goals + 1e-4).log()
    return {
        "features": torch.zeros(()) if guides is None else guides(taps, taught),
        "places": places,
        "parts": torch.stack(parts).sum(),
        "distance": logs.square().mean(),
    }


LPIPS_WEIGHTS = {"features": 1.0, "places": 1.0, "parts": 0.3, "distance": 1.0}
