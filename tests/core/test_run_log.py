"""A damaged log loses its damaged lines alone."""

import json
from pathlib import Path

import pytest

from esrlab.core.run_log import truncate_log

LINES = [json.dumps({"step": step, "loss": 0.5}).encode() + b"\n" for step in range(1, 31)]


def write(path: Path, lines: list[bytes]) -> bytes:
    path.write_bytes(b"".join(lines))
    return path.read_bytes()


@pytest.mark.parametrize(
    "damaged",
    [
        b'{"step": 2, "loss": 0.\xff}\n',
        b'{"step": 2; "loss": 0.5}\n',
        b'{"step": 7, "loss": 0.5}\n',
        b'{"step": 1, "loss": 0.5}\n',
        b'{"stop": 2, "loss": 0.5}\n',
        b"[2]\n",
        b"\n",
    ],
)
def test_one_damaged_line_costs_no_other_and_the_file_is_kept_aside(tmp_path: Path, damaged: bytes) -> None:
    path, said = tmp_path / "log.jsonl", list[str]()
    was = write(path, [LINES[0], damaged, *LINES[2:]])
    rows, count = truncate_log(path, 30, tail=99, warn=said.append)
    steps = [row["step"] for row in rows]
    assert (len(steps), count, steps[-1]) == (29, 29, 30)
    assert said == [f"{path} had 1 damaged line, left out; the file as it was is kept as log.damaged-1.jsonl"]
    assert (tmp_path / "log.damaged-1.jsonl").read_bytes() == was
    assert len(path.read_bytes().splitlines()) == 29
    assert truncate_log(path, 30, tail=2, warn=pytest.fail) == (rows[-2:], 29)


def test_what_was_kept_aside_stays(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for number in (1, 2):
        write(path, [*LINES[:number], b"?\n", *LINES[number + 1 :]])
        truncate_log(path, 30, tail=1, warn=lambda words: None)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "log.damaged-1.jsonl",
        "log.damaged-2.jsonl",
        "log.jsonl",
    ]


def test_a_cut_last_line_and_later_steps_go_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, [*LINES[:20], LINES[20][:-5]])
    assert truncate_log(path, 20, tail=1, warn=pytest.fail)[1] == 20
    assert path.read_bytes() == b"".join(LINES[:20])
    write(path, [*LINES[:20], b"?\n", *LINES[21:]])
    assert truncate_log(path, 12, tail=1, warn=pytest.fail)[1] == 12
    assert path.read_bytes() == b"".join(LINES[:12])


def test_a_damaged_line_at_the_end_is_told_of_too(tmp_path: Path) -> None:
    path, said = tmp_path / "log.jsonl", list[str]()
    write(path, [*LINES[:19], b"?\n"])
    assert truncate_log(path, 20, tail=1, warn=said.append)[1] == 19
    assert "1 damaged line" in said[0]
    assert path.read_bytes() == b"".join(LINES[:19])
