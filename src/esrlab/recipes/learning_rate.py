"""The learning rate as a function of the step, so that resuming needs no state."""

import bisect
import math

from esrlab.recipes.optimisers.base import OptimiserPart


def learning_rate(optimiser: OptimiserPart, *, step: int, steps: int) -> float:
    """The learning rate of the update after `step` updates, in a training of `steps`.

    constant: as given. multi-step: times gamma for each milestone passed (ESRGAN halves at milestones).
    cosine: from the learning rate at step 0 to floor times it at the end, half a period (Loshchilov &
    Hutter 2017, eq. 5, without restarts). All of them rise linearly over the first `rise` steps.
    """
    risen = min(1.0, (step + 1) / optimiser.warmup_steps) if optimiser.warmup_steps else 1.0
    match optimiser.schedule:
        case "constant":
            factor = 1.0
        case "multi-step":
            factor = optimiser.gamma ** bisect.bisect_right(optimiser.milestones, step)
        case "cosine":
            down = (1 + math.cos(math.pi * min(step, steps) / steps)) / 2
            factor = optimiser.min_lr_ratio + (1 - optimiser.min_lr_ratio) * down
    return optimiser.learning_rate * risen * factor
