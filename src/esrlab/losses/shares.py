"""Weights that hold terms at the shares of the pull that a recipe asks for.

A term's weight means nothing without the scale of its gradient. A term with a *share* has its weight set
by what it is seen to pull: share = |w·g| / Σ |w·g| over all terms, norms of the gradients at the generated
image. The weight w that would have met the share differs from step to step; what is used is its slow,
geometric moving average,

    log w ← log w + RATE · clamp((asked − share) / asked, −3, 1),

so single batches hardly move it, and where it comes to rest the *mean* share is the one asked for. It
begins where the first step meets the shares exactly, and stays within a factor of BOUND of 1.
"""

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import torch
from torch import Tensor

from esrlab.losses.pulls import norm_of

RATE = 0.05
"""How fast a weight follows: a lasting change is met after about 1/RATE steps."""

BOUND = 1e8
"""A weight stays between 1/BOUND and BOUND; a term that needs more has practically no gradient."""


@dataclass
class Balance:
    """The weights of all terms: those a recipe fixes, and those it asks shares for.

    With fixed weights beside them, shares are of the whole pull. Where every term has a share, the one
    that asks for most keeps weight 1 and the others are weighed against it; but not one that comes `late`,
    after steps without it.
    """

    fixed: Mapping[str, float]
    asked: Mapping[str, float]
    late: Set[str] = frozenset()
    log_weights: dict[str, Tensor] = field(default_factory=dict)

    def weigh(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """This step's weight for each present term, from its unweighted gradient where it is a new one."""
        if any(name in gradients and name not in self.log_weights for name in self.asked):
            self._begin({name: norm_of(gradient) for name, gradient in gradients.items()})
        weights: dict[str, Tensor] = {}
        for name, gradient in gradients.items():
            log_weight = self.log_weights.get(name)
            weights[name] = gradient.new_tensor(self.fixed[name]) if log_weight is None else log_weight.exp()
        return weights

    def learn(self, shares: Mapping[str, Tensor]) -> None:
        """Moves the weights by what the present terms' shares came to in this step."""
        anchor = self._anchor(shares)
        for name, asked in self._targets(shares).items():
            if name != anchor:
                error = ((asked - shares[name]) / asked).clamp(-3, 1)
                moved = self.log_weights[name] + RATE * error
                self.log_weights[name] = moved.clamp(-math.log(BOUND), math.log(BOUND))

    def _begin(self, norms: Mapping[str, Tensor]) -> None:
        """Initial weights for terms that were not there before: those that meet the shares in this step."""
        targets, anchor = self._targets(norms), self._anchor(norms)
        fixed = [self.fixed[name] * norm for name, norm in norms.items() if name not in self.asked]
        for name, target in targets.items():
            if name in self.log_weights:
                continue
            if name == anchor:
                self.log_weights[name] = torch.zeros_like(norms[name])
                continue
            if anchor is None:
                rest = torch.stack(fixed).sum() / (1 - sum(targets.values()))
            else:
                held = self.log_weights.get(anchor, torch.zeros_like(norms[anchor])).exp()
                rest = held * norms[anchor] / targets[anchor]
            weight = (target * rest / norms[name]).nan_to_num(nan=1.0)
            self.log_weights[name] = weight.clamp(1 / BOUND, BOUND).log()

    def _targets(self, present: Mapping[str, Tensor]) -> dict[str, float]:
        """The shares asked of the present terms; without fixed weights beside them they make up the whole."""
        asked = {name: share for name, share in self.asked.items() if name in present}
        if self._anchor(present) is None:
            return asked
        total = sum(asked.values())
        return {name: share / total for name, share in asked.items()}

    def _anchor(self, present: Mapping[str, Tensor]) -> str | None:
        """The term that keeps its weight while the others follow; None where fixed weights do that."""
        if any(name in present and weight > 0 for name, weight in self.fixed.items()):
            return None
        return min(
            (name for name in self.asked if name in present),
            key=lambda name: (name in self.late, -self.asked[name]),
        )
