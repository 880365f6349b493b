"""What a killed process leaves half-written: made by one that is killed for real."""

import os
import signal
import subprocess
import sys
from pathlib import Path

_WRITE = """
import os, signal, sys
from pathlib import Path
from esrlab.core.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def leave_half_written(path: Path) -> Path:
    """The temporary file of a process that was killed while it wrote `path`."""
    before = set(path.parent.glob(".*")) if path.parent.exists() else set[Path]()
    ended = subprocess.run([sys.executable, "-c", _WRITE, os.fspath(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = set(path.parent.glob(".*")) - before
    assert left.read_bytes() == b"half"
    return left
