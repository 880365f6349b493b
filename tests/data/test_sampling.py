"""A batch is a pure function of photographs, seed and step; its LR is the reduction of its HR."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from esrlab.data.degradations.bicubic import CONVENTIONS, Bicubic, Convention, make_lr
from esrlab.data.photos.collection import Photo, Photos
from esrlab.data.photos.folder import open_photos
from esrlab.data.sampling import make_batch, visit


@pytest.fixture(scope="module")
def photos() -> Photos:
    return open_photos("samples", smallest=128)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_equal_arguments_give_equal_batches_and_others_do_not(photos: Photos, scale: int) -> None:
    def make(seed: int, step: int) -> torch.Tensor:
        return make_batch(photos, seed=seed, step=step, scale=scale, lr_size=16, size=3).hr

    assert torch.equal(make(5, 7), make(5, 7))
    assert not torch.equal(make(5, 7), make(5, 8))
    assert not torch.equal(make(5, 7), make(6, 7))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_lr_is_the_8_bit_bicubic_reduction_of_hr(photos: Photos, convention: Convention) -> None:
    reducer = Bicubic(convention=convention).build(4)
    batch = make_batch(photos, seed=0, step=0, scale=4, lr_size=32, size=4, reducer=reducer)
    assert batch.lr.shape == (4, 3, 32, 32)
    assert batch.hr.shape == (4, 3, 128, 128)
    assert batch.hr.dtype == batch.lr.dtype == torch.float32
    assert torch.equal(batch.lr, make_lr(batch.hr, 4, convention=convention))
    assert torch.allclose(batch.lr * 255, (batch.lr * 255).round(), atol=1e-4)


def test_every_photograph_isvisited_once_an_epoch_in_a_new_order() -> None:
    visited = [index for step in range(14) for index in visit(7, seed=3, start=step * 3, count=3)]
    assert Counter(visited) == dict.fromkeys(range(7), 6)
    epochs = [tuple(visited[start : start + 7]) for start in range(0, 42, 7)]
    assert len(set(epochs)) == 6


def test_all_eight_orientations_occur_and_nothing_else() -> None:
    pixels = np.arange(12 * 12 * 3, dtype=np.uint8).reshape(12, 12, 3)
    single = Photos("one", (Photo("a", Path("a"), 12, 12, "", pixels),))
    seen = {
        make_batch(single, seed=0, step=step, scale=2, lr_size=6, size=1)
        .hr.mul(255)
        .round()
        .byte()
        .numpy()
        .tobytes()
        for step in range(100)
    }
    turned = [
        np.rot90(flip, k).transpose(2, 0, 1).tobytes() for flip in (pixels, pixels[:, ::-1]) for k in range(4)
    ]
    assert seen == set(turned)
