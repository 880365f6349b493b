"""The commands that made a folder: each kept once, in order, read back, merged."""

import json
import shlex
from pathlib import Path

import pytest

from esrlab.core.command_history import COMMANDS_FILE, keep_command, read_commands
from esrlab.core.scores import write_scores
from esrlab.core.version import __version__
from esrlab.errors import UserError
from esrlab.report.merging import merge_studies
from made_study import make_scores


def test_each_command_is_kept_once_in_order(tmp_path: Path) -> None:
    assert read_commands(tmp_path) == []
    keep_command(tmp_path, "esrlab study a")
    written = (tmp_path / COMMANDS_FILE).read_bytes()
    keep_command(tmp_path, "esrlab study a")
    assert (tmp_path / COMMANDS_FILE).read_bytes() == written
    keep_command(tmp_path, "esrlab study a --seeds 0 1")
    first, second = read_commands(tmp_path)
    assert (first.command, first.version) == ("esrlab study a", __version__)
    assert second.command == "esrlab study a --seeds 0 1"
    assert len(first.date) == len("2025-02-03")


def test_the_same_command_of_another_version_is_another(tmp_path: Path) -> None:
    old = {"command": "esrlab study a", "version": "0.0.1", "date": "2025-02-03"}
    (tmp_path / COMMANDS_FILE).write_text(json.dumps([old]))
    keep_command(tmp_path, "esrlab study a")
    assert [each.version for each in read_commands(tmp_path)] == ["0.0.1", __version__]


@pytest.mark.parametrize("text", ["[", "{}x", '[{"typed": 1}]', '["esrlab"]'])
def test_a_file_that_holds_no_commands_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / COMMANDS_FILE).write_text(text)
    with pytest.raises(UserError, match=r"commands\.json: "):
        read_commands(tmp_path)


def test_a_merged_folder_has_the_commands_of_all(tmp_path: Path) -> None:
    first, second = tmp_path / "a b", tmp_path / "b"
    for folder in (first, second):
        write_scores(folder / "scores.jsonl", make_scores())
        keep_command(folder, f"esrlab study {folder.name}.toml")
    keep_command(second, shlex.join(["esrlab", "study", "b.toml", "--out", "a b"]))
    out = merge_studies([first, second], tmp_path / "all", apart=True)
    commands = read_commands(out)
    assert len(commands) == 3
    assert commands[0].study != commands[1].study == commands[2].study != ""
    assert commands[2].command == "esrlab study b.toml --out 'a b'"
    for folder in (first, second):
        (folder / COMMANDS_FILE).unlink()
    merge_studies([first, second], out, apart=True)
    assert not (out / COMMANDS_FILE).exists()
