"""A trained generator -> the same in half precision, with what its file says of it: half the size.

    python models/pack.py runs/faithful-x2-2/generator.safetensors models/faithful-x2.safetensors

Rounding a weight to float16 changes it by at most a 2048th of itself; what that costs in dB is to be measured
with esrlab evaluate, on the packed file.
"""

import argparse
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from esrlab.core.files import replacing


def pack(source: Path, out: Path) -> None:
    """Writes every tensor as float16, and the metadata as it is."""
    with safe_open(source, framework="pt") as file:
        metadata = file.metadata()
        state = {name: file.get_tensor(name).to(torch.float16) for name in file.keys()}  # noqa: SIM118
    with replacing(out) as temporary:
        save_file(state, temporary, metadata=metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    pack(asked.source, asked.out)
