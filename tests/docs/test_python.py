"""The tutorial's code, run block after block in an empty folder; what it says is printed is printed."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


TUTORIAL = Path(__file__).parents[2] / "docs" / "python.md"


def test_every_block_runs_and_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", TUTORIAL.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) > 10
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, TUTORIAL.name, "exec"), names)
        expected = re.findall(r"# prints (.*)$", block, flags=re.MULTILINE)
        if expected:
            assert printed.getvalue().splitlines() == expected, block
