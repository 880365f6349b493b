"""Shares of the pull: met on average, bounded, refused where they cannot add up."""

from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.core.files import read_json_lines
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.losses.shares import BOUND, Balance
from esrlab.training.callbacks import Callbacks
from esrlab.training.loop import Saving, train
from tiny import tiny

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")


def simulate(balance: Balance, scales: dict[str, float], *, steps: int, noise: float) -> dict[str, float]:
    """Mean shares of the second half, for raw norms that scatter log-normally and drift."""
    dice = torch.Generator().manual_seed(1)
    totals = dict.fromkeys(scales, 0.0)
    for step in range(steps):
        drift = 1 + 4 * step / steps
        norms = {
            name: torch.tensor(scale * drift) * (noise * torch.randn((), generator=dice)).exp()
            for name, scale in scales.items()
        }
        weights = balance.weigh(norms)
        pulls = {name: weights[name] * norms[name] for name in norms}
        whole = torch.stack(list(pulls.values())).sum()
        shares = {name: pull / whole for name, pull in pulls.items()}
        balance.learn(shares)
        if step >= steps // 2:
            for name, share in shares.items():
                totals[name] += float(share) / (steps - steps // 2)
    return totals


def test_shares_beside_a_fixed_weight_are_met_on_average() -> None:
    balance = Balance(fixed={"pixel": 0.01}, asked={"content": 0.5, "adversarial": 0.1})
    found = simulate(balance, {"pixel": 1.0, "content": 300.0, "adversarial": 1e-6}, steps=800, noise=0.5)
    assert found["content"] == pytest.approx(0.5, rel=0.05)
    assert found["adversarial"] == pytest.approx(0.1, rel=0.05)


def test_shares_alone_are_met_too_and_the_largest_keeps_weight_one() -> None:
    balance = Balance(fixed={}, asked={"content": 0.6, "pixel": 0.3, "adversarial": 0.1})
    found = simulate(balance, {"content": 5.0, "pixel": 0.2, "adversarial": 1e4}, steps=800, noise=0.5)
    assert [found[name] for name in balance.asked] == pytest.approx([0.6, 0.3, 0.1], rel=0.05)
    assert float(balance.log_weights["content"]) == 0


def test_the_first_step_meets_them_exactly() -> None:
    balance = Balance(fixed={"pixel": 2.0}, asked={"content": 0.25})
    norms = {"pixel": torch.tensor(3.0), "content": torch.tensor(7.0)}
    weights = balance.weigh(norms)
    pulls = {name: float(weights[name] * norms[name]) for name in norms}
    assert pulls["content"] / sum(pulls.values()) == pytest.approx(0.25)


def test_a_term_without_a_gradient_is_not_weighed_up_without_bound() -> None:
    balance = Balance(fixed={"pixel": 1.0}, asked={"content": 0.5})
    for _ in range(2000):
        balance.weigh({"pixel": torch.tensor(1.0), "content": torch.tensor(0.0)})
        balance.learn({"pixel": torch.tensor(1.0), "content": torch.tensor(0.0)})
    assert float(balance.log_weights["content"].exp()) == pytest.approx(BOUND, rel=1e-3)


def test_a_late_adversary_does_not_change_whose_weight_is_kept() -> None:
    balance = Balance(fixed={}, asked={"content": 0.3, "adversarial": 0.7}, late={"adversarial"})
    one = torch.tensor(1.0)
    assert float(balance.weigh({"content": one})["content"]) == 1
    balance.learn({"content": one})
    weights = balance.weigh({"content": one, "adversarial": 100 * one})
    assert float(weights["content"]) == 1
    assert float(weights["adversarial"]) == pytest.approx(0.7 / 0.3 / 100)


@pytest.mark.parametrize("game", ["esrgan-log-vgg", "wgan-gp-vgg", "hinge-vgg"])
def test_a_training_holds_the_asked_shares_near_what_was_asked(
    game: str, tmp_path: Path, samples: Photos
) -> None:
    recipe = tiny(game, steps=300, adversarial__share=0.1, terms__content__share=0.4)
    rows = read_json_lines(train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run").log)
    # The adversary's gradient is the least steady: of 10% asked, its mean was 7.4% with hinge.
    for name, asked, within in (("adversarial", 0.1, 0.3), ("content", 0.4, 0.1)):
        late = [row[f"pull/{name}"]["share"] for row in rows[100:]]
        assert sum(late) / len(late) == pytest.approx(asked, rel=within)


class Cut(Exception):
    """Stands for whatever ends a process."""


def test_a_cut_run_goes_on_with_the_weights_it_had(tmp_path: Path, samples: Photos) -> None:
    recipe = tiny("wgan-vgg", steps=9, adversarial__share=0.3, terms__content__share=0.2)
    whole = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "whole")

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == 6:
            raise Cut

    saving = Saving(every=2)
    with pytest.raises(Cut):
        train(
            recipe, samples, seed=0, device=CPU, out=tmp_path / "cut", saving=saving, watcher=Callbacks(cut)
        )
    gone_on = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "cut", saving=saving)
    assert gone_on.generator.read_bytes() == whole.generator.read_bytes()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"adversarial__share": 0.5, "terms__content__share": 0.6}, "leave nothing"),
        (
            {"adversarial__share": 0.5, "terms__content__share": 0.2, "terms__pixel__share": 0.2},
            "add up to 0.9, not 1",
        ),
        ({"adversarial__share": 0.5, "adversarial__weight": 0.5}, "either a weight or a share"),
        ({"adversarial__share": 1.5}, "less than or equal to 1"),
    ],
)
def test_shares_that_cannot_be_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tiny("wgan-vgg", **fields)


def test_tables_say_which_shares_were_asked() -> None:
    recipe = tiny("wgan-vgg", adversarial__share=0.1)
    assert recipe.label.endswith("[shares: adversarial 10%]")
    assert recipe.adversarial is not None
    assert recipe.adversarial.weight is None
