"""Trained generators that come with the package: a file each, named for what it is and its magnification.

Each kind has a card beside its files (`start.md` for `start-x2`): how it was trained, on what, and what it
scored. The recipes are in the repository's folder models/.
"""

from pathlib import Path


def shipped_models() -> dict[str, Path]:
    """The generators in this folder, by name ("faithful-x2")."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.safetensors"))}
