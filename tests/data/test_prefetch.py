"""What is made ahead is what would have been made in time, whatever order steps come in."""

import threading
import time

import pytest
import torch

from esrlab.data.photos.collection import Photos
from esrlab.data.prefetch import Ahead
from esrlab.data.sampling import Batch, make_batch


def test_each_step_gets_its_own_item_also_after_jumps() -> None:
    with Ahead(lambda step: step * 10) as ahead:
        for step in (0, 1, 2, 7, 8, 3, 3, 4, 0):
            assert ahead.take(step) == step * 10


def test_the_next_step_is_made_in_the_background_while_the_caller_is_busy() -> None:
    made: list[tuple[int, str]] = []
    done = threading.Event()

    def make(step: int) -> int:
        made.append((step, threading.current_thread().name))
        if step == 1:
            done.set()
        return step

    with Ahead(make) as ahead:
        ahead.take(0)
        assert done.wait(5)
        ahead.take(1)
    assert made[0] == (0, "MainThread")
    assert made[1][0] == 1
    assert made[1][1].startswith("ahead")
    assert [step for step, _ in made].count(1) == 1


def test_an_error_is_raised_in_the_step_it_belongs_to_and_the_step_can_be_asked_for_again() -> None:
    faults = [ValueError("no such photograph")]

    def make(step: int) -> int:
        if step == 2 and faults:
            raise faults.pop()
        return step

    with Ahead(make) as ahead:
        assert ahead.take(0) == 0
        assert ahead.take(1) == 1
        with pytest.raises(ValueError, match="no such photograph"):
            ahead.take(2)
        assert ahead.take(2) == 2
        assert ahead.take(3) == 3


def test_closing_waits_and_leaves_no_thread() -> None:
    before = threading.active_count()
    ahead = Ahead(lambda step: time.sleep(0.05))
    ahead.take(0)
    assert threading.active_count() == before + 1
    ahead.close()
    ahead.close()
    assert threading.active_count() == before


def test_batches_made_ahead_are_those_made_in_time(samples: Photos) -> None:
    def make(step: int) -> Batch:
        return make_batch(samples, seed=1, step=step, scale=4, lr_size=16, size=4)

    with Ahead(make) as ahead:
        for step in range(4):
            one, other = ahead.take(step), make(step)
            assert torch.equal(one.lr, other.lr)
            assert torch.equal(one.hr, other.hr)
