"""What a study's recipes may be called: their names become folders beside those of a study's own images."""

from collections.abc import Iterable

from esrlab.core.scores import BICUBIC, CASCADE

TAKEN = {
    "lr": "the folder of the small images",
    "hr": "the folder of the HR images",
    BICUBIC: "the baseline's name",
}
"""Names that a study's own images have."""


def require_free(names: Iterable[str]) -> None:
    """ValueError where a recipe's name stands for other images of a study, or two names share one folder.

    Names become folders, and many disks do not tell capitals from small letters.
    """
    seen: dict[str, str] = {}
    for name in names:
        folded = name.casefold()
        if folded in TAKEN:
            raise ValueError(
                f"a recipe cannot be called {name!r}: that name means {TAKEN[folded]}; rename its table"
            )
        if folded.endswith(CASCADE):
            raise ValueError(
                f"a recipe cannot be called {name!r}: names that end in {CASCADE} are of ×4 images "
                "made in two ×2 steps; rename its table"
            )
        if folded in seen:
            raise ValueError(
                f"two recipes are called {seen[folded]!r} and {name!r}, which many file systems take for "
                "one folder; rename one of their tables"
            )
        seen[folded] = name
