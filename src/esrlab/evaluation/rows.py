"""An upscaler of any kind on a benchmark, in one call: `esrlab.evaluate`."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
