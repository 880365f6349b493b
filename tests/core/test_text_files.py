"""JSON as it is written and read: numbers that JSON has no word for, strange names, files of any origin."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from esrlab.core.files import read_json_lines, restore_nan, to_json, write_json_lines
from esrlab.core.scores import Score, read_scores, write_scores
from esrlab.core.text_files import read_text, read_toml
from esrlab.errors import UserError

SCORE = Score(
    study="s",
    recipe="r",
    label="l",
    scale=2,
    seed=0,
    step=3,
    image="Set5/baby",
    metric="PSNR-Y/2",
    value=31.5,
)


def test_a_name_with_a_line_separator_of_unicode_is_one_line(tmp_path: Path) -> None:
    names = [f"Set5/a{letter}b" for letter in "\u2028\u2029\x85\v\f\x1c"]
    scores = [replace(SCORE, image=name) for name in names]
    write_scores(tmp_path / "scores.jsonl", scores)
    assert read_scores(tmp_path / "scores.jsonl") == scores
    write_json_lines(tmp_path / "log.jsonl", [{"name": name} for name in names])
    assert [row["name"] for row in read_json_lines(tmp_path / "log.jsonl", growing=True)] == names


@pytest.mark.parametrize("indent", [None, 2])
def test_numbers_that_json_has_no_word_for_are_written_everywhere(indent: int | None) -> None:
    value = {
        "list": [math.nan, math.inf, -math.inf, 1.5, [math.nan]],
        "table": {"a": math.nan, 'NaN": NaN': "NaN", "b": -math.inf},
        "names": ["NaN", "Infinity", '": Infinity'],
    }
    text = to_json(value, indent=indent)
    assert "NaN]" not in text
    read = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert read["list"] == [None, math.inf, -math.inf, 1.5, [None]]
    assert read["table"] == {"a": None, 'NaN": NaN': "NaN", "b": -math.inf}
    assert read["names"] == value["names"]
    assert math.isnan(restore_nan(read)["list"][4][0])


def test_a_score_that_is_no_number_is_read_back(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.jsonl", [replace(SCORE, value=math.nan), replace(SCORE, value=math.inf)])
    first, second = read_scores(tmp_path / "scores.jsonl")
    assert math.isnan(first.value)
    assert second.value == math.inf


GOOD = asdict(SCORE)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"study": "\xff"}', "line 2: not valid JSON"),
        (b"[1, 2]", "line 2: should be an object"),
        (b"", "line 2: not valid JSON"),
        (b"[" * 100_000, "line 2: not valid JSON"),
        (b'{"study": ' + b"1" * 5000 + b"}", "line 2: not valid JSON"),
        (b'{"study": "\\ud800"}', "line 2: not valid JSON"),
        (json.dumps({**GOOD, "value": "31"}).encode(), 'line 2: value: should be a valid number, not "31"'),
        (json.dumps({**GOOD, "scale": [2]}).encode(), "line 2: scale: should be a valid integer"),
        (json.dumps({**GOOD, "seed": True}).encode(), "line 2: seed: should be a valid integer, not true"),
        (json.dumps({**GOOD, "scale": 10**30}).encode(), "line 2: scale: "),
        (json.dumps({**GOOD, "more": 1}).encode(), "line 2: more: is unknown"),
        (b'{"study": "s"}', "line 2: recipe: is missing"),
    ],
)
def test_a_damaged_row_is_named_by_file_line_and_field(tmp_path: Path, line: bytes, told: str) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n" + line + b"\n")
    with pytest.raises(UserError) as caught:
        read_scores(path)
    assert f"{path}, {told}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a = 1\nb = '\xff'", "line 2: not UTF-8"),
        (b"a = " + b"[" * 10_000, "nested too deeply"),
        (b"a = " + b"1" * 5000, "not valid TOML"),
        (b"a =", "not valid TOML"),
    ],
)
def test_a_damaged_toml_file_is_named(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "claims.toml"
    path.write_bytes(data)
    with pytest.raises(UserError, match=told):
        read_toml(path)


def test_a_file_that_is_a_folder_is_named(tmp_path: Path) -> None:
    reads: list[Any] = [read_text, read_toml, read_scores, read_json_lines]
    for read in reads:
        with pytest.raises(UserError, match=r"cannot read|is a folder"):
            read(tmp_path)


def test_a_name_that_is_no_unicode_can_be_written_and_read() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    text = to_json({name: [name]})
    assert text.encode("utf-8").decode("utf-8") == text
    assert json.loads(text) == {name: [name]}
