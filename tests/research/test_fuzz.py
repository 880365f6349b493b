"""The fuzz command stays runnable: a few of its cases, judged and told."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and watched as Linux has it")
def test_a_case_is_made_run_and_judged(tmp_path: Path) -> None:
    kept = tmp_path / "failures.jsonl"
    asked = ["--part", "images", "--count", "12", "--scratch", str(tmp_path), "--failures", str(kept)]
    done = subprocess.run(
        [sys.executable, "-m", "research.fuzz", *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    row = next(row for row in rows if row and row[0] == "images")
    assert row[1] == "12"
    assert sum(map(int, row[2:])) == 12
    assert all(json.loads(line)["repeat"] for line in kept.read_text().splitlines())


@pytest.mark.parametrize(
    ("sent", "code", "said", "verdict"),
    [
        (signal.SIGKILL, -9, "", "clean error"),
        (
            signal.SIGINT,
            130,
            "packing\nesrlab data: stopped; run the same command again to resume",
            "clean error",
        ),
        (signal.SIGTERM, 130, "", "unclear"),
        (signal.SIGTERM, 130, "packing", "unclear"),
        (signal.SIGTERM, -15, "", "unclear"),
        (signal.SIGINT, 1, "no", "unclear"),
        (signal.SIGINT, 130, "x" * 2000, "unclear"),
        (signal.SIGINT, 0, "", "result"),
        (signal.SIGINT, None, "", "hang"),
    ],
)
def test_a_stopped_command_says_so_with_130(
    monkeypatch: pytest.MonkeyPatch, sent: signal.Signals, code: int | None, said: str, verdict: str
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    from research.fuzz.kills import judge_end

    assert judge_end(sent, code, said)[0] == verdict


def test_seed_and_number_decide_what_is_killed_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    from research.fuzz.kills import COMMANDS, plan_case

    plans = [plan_case(number, seed=0) for number in range(30)]
    assert plans == [plan_case(number, seed=0) for number in range(30)]
    assert plans != [plan_case(number, seed=1) for number in range(30)]
    assert [plan.name for plan in plans] == [*COMMANDS] * 6
    kills = [kill for plan in plans for kill in plan.kills]
    assert {sent for sent, _ in kills} == {signal.SIGKILL, signal.SIGINT, signal.SIGTERM}
    assert {moment.is_write for _, moment in kills} == {True, False}
    assert all(0 <= moment.share < 1 for _, moment in kills)


WRITER = """\
import pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
for index in range(50):
    folder = pathlib.Path(f"out/{index}")
    folder.mkdir(parents=True)
    (folder / "half").write_text("half")
    (folder / "half").rename(folder / "whole")
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
def test_a_moment_of_writing_comes_as_a_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    from research.fuzz.moments import Course, FileEvents, Moment, wait_for

    with FileEvents(tmp_path) as events:
        process = subprocess.Popen([sys.executable, "-c", WRITER], cwd=tmp_path, stdin=subprocess.PIPE)
        wait_for(Moment(is_write=True, share=0.5), process, events=events, course=Course(9.0, events=100))
        seen = events.count
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 130, "it was there to hear the signal"
    assert seen >= 51


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
def test_a_moment_of_time_does_not_outlast_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    from research.fuzz.moments import Course, FileEvents, Moment, wait_for

    with FileEvents(tmp_path) as events, subprocess.Popen([sys.executable, "-c", ""]) as process:
        wait_for(Moment(is_write=False, share=0.9), process, events=events, course=Course(500.0, events=1))
        assert process.returncode == 0


def test_a_repeated_command_is_compared_without_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    from research.fuzz.compare import differences

    for name, seconds in (("whole", 1), ("cut", 2)):
        (tmp_path / name / "out").mkdir(parents=True)
        row = {"step": 1, "seconds": seconds}
        (tmp_path / name / "out" / "log.jsonl").write_text(json.dumps(row) + "\n")
        (tmp_path / name / "out" / "outcome.json").write_text(json.dumps({"deep": [row]}))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert differences(whole, cut) == []
    (cut / "out" / "outcome.json").write_text("{")
    (cut / "out" / ".index.json.abcd1234").write_text("")
    assert differences(whole, cut) == ["out/outcome.json", ".index.json.abcd1234"]


def test_a_line_of_the_log_may_not_be_lost_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    from research.fuzz.cases import Ended
    from research.fuzz.texts import lines_kept

    before = b'{"step": 1}\n{"st\n{"step": 3}\n'
    silent, said = (Ended(0, "", text, 0.1, 0, ()) for text in ("", "kept as log.damaged-1.jsonl"))
    (tmp_path / "run").mkdir()
    log = tmp_path / "run" / "log.jsonl"
    log.write_bytes(b'{"step": 1}\n{"step": 3}\n')
    assert lines_kept(before, tmp_path, silent) is None
    log.write_bytes(b'{"step": 1}\n')
    fault = lines_kept(before, tmp_path, silent)
    assert fault is not None
    assert fault[0] == "lost"
    log.with_name("log.damaged-1.jsonl").write_bytes(before)
    assert lines_kept(before, tmp_path, silent) is not None
    assert lines_kept(before, tmp_path, said) is None
