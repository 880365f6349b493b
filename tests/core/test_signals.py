"""A stop ends the process that is asked to, with a message, at whatever moment it comes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from esrlab.core.signals import stopping_at_once

STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

WHILE_LOADING = """\
import os, sys
from importlib.abc import MetaPathFinder

class Stop(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "esrlab.cli.commands.report":
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Stop())
from esrlab.cli.main import main
main(["report", "nowhere"])
"""
AFTER_THE_END = """\
import atexit, os
atexit.register(lambda: os.kill(os.getpid(), {number}))
from esrlab.cli.main import main
main(["--version"])
"""


@pytest.fixture(autouse=True)
def heard_interrupts() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell's background job ignores it, and so does what it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run_program(text: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)


def read_damaged_file(number: signal.Signals) -> None:
    """As photographs and checkpoints are read: whatever a library raises sets the file aside."""
    with suppress(Exception):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_is_not_taken_for_a_damaged_file(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), stopping_at_once():
        read_damaged_file(number)


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_while_the_command_is_loaded_ends_with_130_and_a_message(number: signal.Signals) -> None:
    done = run_program(WHILE_LOADING.format(number=int(number)))
    assert done.returncode == 130, done.stderr
    assert done.stderr.startswith("esrlab report: stopped")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_after_the_end_does_not_undo_it(number: signal.Signals) -> None:
    done = run_program(AFTER_THE_END.format(number=int(number)))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("esrlab ")
