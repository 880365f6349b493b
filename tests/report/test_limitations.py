"""What a report says of its rows in sentences."""

from esrlab.core.scores import Score
from esrlab.report.limitations import name_degradations


def test_unusual_lr_images_are_told_by_the_methods_that_were_scored_on_them() -> None:
    labels = {
        "bicubic": "bicubic [LR: camera:jpeg_quality=40]",
        "own": "L1 [shares: pixel 50%; LR: camera] [scored on LR: camera:jpeg_quality=40]",
        "plain": "L1 [shares: pixel 50%]",
        "box": "L1 [AdamW, decay 0.1; LR: box]",
    }
    scores = [
        Score(
            study="s", recipe=name, label=label, scale=2, seed=0, step=1, image="a/b", metric="m", value=0.0
        )
        for name, label in labels.items()
    ]
    assert name_degradations(scores) == [
        "bicubic: scored on LR images made by camera:jpeg_quality=40, not the benchmarks' bicubic ones.",
        "own: scored on LR images made by camera:jpeg_quality=40, other ones than it was trained on.",
        "box: scored on LR images made by box, not the benchmarks' bicubic ones.",
    ]
