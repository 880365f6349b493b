"""Views: their shapes are checked, their memo computes once."""

import pytest
import torch

from esrlab.losses.inputs import LossInputs


def test_once_computes_once_a_batch_and_key(views: LossInputs) -> None:
    calls: list[str] = []

    def compute() -> int:
        calls.append("call")
        return len(calls)

    assert [views.once("a", compute), views.once("a", compute), views.once("b", compute)] == [1, 1, 2]
    other = LossInputs(views.lr, views.sr, views.hr)
    assert other.once("a", compute) == 3


def test_once_remembers_none(views: LossInputs) -> None:
    calls: list[None] = []
    views.once("nothing", lambda: calls.append(None))
    views.once("nothing", lambda: calls.append(None))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("lr", "sr", "hr", "complaint"),
    [
        ((3, 4, 4), (3, 8, 8), (3, 8, 8), "need images as"),
        ((1, 3, 4, 4), (1, 3, 8, 8), (1, 3, 12, 12), "the same shape"),
        ((2, 3, 4, 4), (1, 3, 8, 8), (1, 3, 8, 8), "batch size and channels"),
        ((1, 3, 4, 4), (1, 3, 8, 12), (1, 3, 8, 12), "whole multiple"),
        ((1, 3, 4, 4), (1, 3, 9, 9), (1, 3, 9, 9), "whole multiple"),
        ((1, 3, 4, 4), (1, 3, 2, 2), (1, 3, 2, 2), "whole multiple"),
    ],
)
def test_wrong_shapes_are_named(
    lr: tuple[int, ...], sr: tuple[int, ...], hr: tuple[int, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        LossInputs(torch.zeros(lr), torch.zeros(sr), torch.zeros(hr))
    assert str(lr) in str(caught.value)


def test_half_precision_is_refused_with_the_remedy() -> None:
    images = torch.zeros(1, 3, 4, 4)
    with pytest.raises(ValueError, match=r"sr\.float\(\)"):
        LossInputs(images, images.bfloat16(), images)
