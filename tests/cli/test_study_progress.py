"""The time to go: exact where every kind of run has been seen, in proportion where it has not."""

import pytest

from esrlab.cli.console import meter
from esrlab.cli.study_progress import StudyProgress, model_cost
from esrlab.study.spec import parse_study, plan_runs

STUDY = parse_study(
    {"name": "s", "scales": [2, 4], "seeds": [0, 1], "weights": "untrained", "fields": {"steps": 10}}
    | {"recipes": {"wgan-vgg": {}}}
)
SECONDS = {2: 1.0, 4: 3.0}


def test_the_time_to_go_is_what_is_left_at_the_pace_so_far() -> None:
    runs = plan_runs(STUDY)
    with meter("study") as shown:
        watcher = StudyProgress(runs, finished={runs[0].name}, meter=shown)
        assert watcher.remaining() == 0, "nothing is known yet"
        run = runs[1]
        watcher.run_began(run)
        for step in range(1, 6):
            watcher.on_step(run, step, {"seconds": SECONDS[4]})
        unseen = SECONDS[4] * model_cost(2) / model_cost(4)
        assert watcher.remaining() == pytest.approx(5 * 3.0 + 10 * unseen + 10 * 3.0)
        watcher.evaluated(scale=4, seconds=2.0)
        judged = 3 + 3 / 2  # three runs wait, and of a ×2 and a ×4 one is judged once more, as a cascade
        assert watcher.remaining() == pytest.approx(5 * 3.0 + 10 * unseen + 10 * 3.0 + 2.0 * judged)
        watcher.run_failed(run, "for this test")
        watcher.run_began(runs[2])
        watcher.on_step(runs[2], 1, {"seconds": SECONDS[2]})
        assert watcher.remaining() == pytest.approx(9 * 1.0 + 10 * 3.0 + 2.0 * (2 + 2 / 2))
