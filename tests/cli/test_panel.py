"""The panel fits its terminal, is plain in a pipe, silent when quiet, and is put off by no number."""

import io
import math
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from esrlab.cli.panel.drawing import Scene, bar, draw, sparkline
from esrlab.cli.panel.live import Trend, training_panel
from esrlab.cli.panel.pace import Pace
from esrlab.cli.panel.words import plain_line, short, signed, terms_of

SOURCE = Path(__file__).parents[2] / "src"

VALIDATION: dict[str, Any] = {
    "validation/PSNR-Y/4": 27.913,
    "validation/LPIPS≈": 0.2133,
    "validation/bicubic/PSNR-Y/4": 27.4,
    "validation/bicubic/LPIPS≈": 0.3312,
}


def make_row(step: int, **changes: Any) -> dict[str, Any]:
    """A row of the log with everything in it."""
    return {
        "step": step,
        "loss/content": 0.0123,
        "loss/adversarial": 0.693,
        "pull/content": {"norm": 1.2e-3, "share": 0.823, "cosine": 0.981, "weight": 1.0},
        "pull/adversarial": {"norm": 2.1e-4, "share": 0.177, "cosine": -0.211, "weight": 5e-3},
        "critic/loss": 0.412,
        "critic/real": 0.52,
        "critic/fake": -0.313,
        "critic/gap": 0.833,
        "gradient/generator": 0.121,
        "gradient/critic": 1.33,
        "image/psnr": 26.31,
        "image/bicubic": 26.01,
        "image/spread": 0.972,
        "learning_rate": 1e-4,
        "seconds": 0.5,
        "images_per_second": 8.0,
        "memory_gib": 1.244,
    } | changes


def show(row: dict[str, Any], *, width: int, height: int, **changes: Any) -> list[str]:
    """The lines of a panel drawn for a terminal of that size, without colour."""
    scene = Scene("wgan-vgg, ×4", 50, step=int(row.get("step", 0)), row=row, left=90.0, **changes)
    console = Console(file=io.StringIO(), width=width, height=height, record=True)
    console.print(draw(scene, width=width, height=height))
    return console.export_text().rstrip("\n").split("\n")


def test_every_value_of_a_step_is_shown_within_eighty_columns() -> None:
    validation = {"validation": VALIDATION, "validated": 40}
    lines = show(make_row(41), width=80, height=24, rate=8.0, gains=[0.1, 0.3], **validation)
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    text = "\n".join(lines)
    for words in (
        *("step 41/50", "82%", "1:30 to go", "8 images/s", "1.24 GiB", "wgan-vgg, ×4"),
        *("content", "0.0123", "0.0012", "+0.98", "adversarial", "0.693", "0.005", "2.1e-4", "18%", "−0.21"),
        *("real +0.520", "fake −0.313", "gap +0.833", "generator 0.121", "critic 1.33"),
        *("PSNR 26.31 dB", "+0.30 over bicubic", "spread 0.972", "▁█", "1e-4"),
        *("at 40", "PSNR-Y/4 27.91", "LPIPS≈ 0.2133", "27.40", "0.3312"),
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("width", "height"), [(200, 60), (80, 12), (60, 24), (50, 9), (30, 24), (80, 3), (8, 1)]
)
def test_it_fits_whatever_the_terminal_is(width: int, height: int) -> None:
    for row in ({}, make_row(3), make_row(3, **{"loss/a-term-with-a-very-long-name-indeed": 1.0})):
        lines = show(
            row, width=width, height=height, validation=VALIDATION, warnings=2, last_warning="w" * 99
        )
        assert max(map(len, lines)) <= width
        assert len(lines) <= max(height - 1, 1)


def test_trouble_is_marked_without_colour_and_odd_values_do_not_stop_it() -> None:
    pull = {"norm": math.inf, "share": math.nan, "cosine": math.nan, "weight": 1.0}
    row = make_row(4, **{"loss/content": math.nan, "pull/content": pull, "critic/gap": -math.inf})
    text = "\n".join(show(row, width=80, height=24, warnings=1, last_warning="went back to step 2"))
    assert "! nan" in text
    assert "! inf" in text
    assert "! went back to step 2" in text
    odd = make_row(
        4, **{"loss/content": "none", "pull/content": 3, "image/psnr": None, "image/bicubic": None}
    )
    assert show(odd, width=80, height=24)
    assert plain_line(4, 50, odd, left=None, rate=None).startswith("step 4/50")


def test_numbers_are_short_and_signs_are_written() -> None:
    assert [short(value) for value in (0.0123, 1e-4, 4.13e-6, 12345, 0, None)] == (
        ["0.0123", "1e-4", "4.1e-6", "1.2e4", "0", "–"]
    )
    assert [signed(value) for value in (0.421, -0.1, math.nan, -1e5)] == ["+0.42", "−0.10", "nan", "−1e5"]
    assert (bar(0.0, width=4), bar(0.5, width=4).strip(), bar(9.0, width=4)) == ("", "██", "████")
    assert (sparkline([1.0]), sparkline([0.0, 1.0, math.nan, 0.5])) == ("", "▁█▅")
    assert terms_of({"loss/a/b": 1.0, "pull/a/b": {"norm": 2.0}}) == {"a/b": {"value": 1.0, "norm": 2.0}}


def test_the_pace_ignores_the_first_step_and_follows_changes() -> None:
    pace = Pace(half_life=10.0)
    assert pace.remaining(5) is None
    pace.stepped(1, {"seconds": 30.0, "images_per_second": 0.2}, now=30.0)
    assert pace.remaining(2) == pytest.approx(60.0), "all that is known"
    row = {"seconds": 0.5, "images_per_second": 12.0}
    for step in range(2, 12):
        pace.stepped(step, row, now=30.0 + (step - 1))
    assert pace.step_seconds == pytest.approx(1.0), "waiting between steps counts"
    assert pace.images_per_second == pytest.approx(6.0)
    assert pace.overall == pytest.approx(6.0)
    for step in range(12, 42):
        pace.stepped(step, row, now=40.0 + 2 * (step - 11))
    assert pace.remaining(10) == pytest.approx(20.0, rel=0.02)
    pace.stepped(20, row, now=101.0)
    assert pace.remaining(10) == pytest.approx(20.0, rel=0.02), "going back is no step"


def test_a_trend_spans_everything_in_few_points() -> None:
    trend = Trend(4)
    curve = [trend.add(float(value)) for value in range(64)][-1]
    assert 2 <= len(curve) <= 4
    assert curve == sorted(curve)
    assert curve[0] < 16
    assert curve[-1] > 40


@pytest.mark.parametrize("style", ["auto", "plain"])
def test_where_there_is_no_terminal_there_are_plain_lines(style: Any) -> None:
    stream = io.StringIO()
    with training_panel("x", total=40, style=style, console=Console(file=stream)) as panel:
        for step in range(1, 41):
            panel.update(step, make_row(step, **(VALIDATION if step == 20 else {})))
        panel.say("saved [1]")
        panel.status("validating")
    text = stream.getvalue()
    assert "\x1b" not in text
    first, second, third, *rest = text.splitlines()
    assert first.startswith("step 1/40 2%")
    assert "content 0.0123 82%" in first
    assert second.startswith("step 20/40 50%")
    assert third.startswith("validation at step 20  PSNR-Y/4 27.91 (bicubic 27.40)")
    assert rest[0] == "saved [1]"
    assert rest[1].startswith("40 steps in 0:0")


def test_quiet_only_warnings_are_heard() -> None:
    stream = io.StringIO()
    with training_panel(
        "x", total=2, style="quiet", console=Console(file=stream, force_terminal=True)
    ) as panel:
        panel.update(1, make_row(1, **VALIDATION))
        panel.say("saved")
        panel.say("loss/content is nan", warning=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()) == "! loss/content is nan\n"


def test_redraws_are_few_and_an_error_closes_the_panel() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, height=30, legacy_windows=False)
    began = time.monotonic()

    def train() -> None:
        with training_panel("x", total=3000, console=console) as panel:
            for step in range(1, 3001):
                panel.update(step, make_row(step))
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        train()
    took = time.monotonic() - began
    assert stream.getvalue().count("learn rate") <= 3 + took * 9 + took
    assert stream.getvalue().count("3000/3000") == 1, "the last state is drawn, once"
    assert "\x1b[?25h" in stream.getvalue(), "the cursor is back"


SCRIPT = """
from esrlab.cli.panel.live import training_panel
with training_panel("in a terminal", total=3) as panel:
    for step in (1, 2, 3):
        panel.update(step, {"step": step, "loss/l1": 0.5, "seconds": 0.1, "images_per_second": 20.0})
        panel.say(f"said {step}")
print("the answer")
"""


def test_in_a_real_terminal_the_answer_alone_goes_to_standard_output() -> None:
    leader, follower = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=environment,
    ) as process:
        os.close(follower)
        answer, _ = process.communicate(timeout=30)
    shown = b""
    while select.select([leader], [], [], 0.1)[0]:
        try:
            shown += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    assert answer == b"the answer\n"
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "╭─ in a terminal ─" in text
    assert "said 2" in text
    assert "3 steps in 0:00" in text
