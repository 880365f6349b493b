"""Images of two folders, paired by name."""

from pathlib import Path

import pytest

from esrlab.data.photos.partners import find_partners
from esrlab.errors import UserError


def pair(sr: list[str], hr: list[str]) -> dict[str, str]:
    files = ({name: Path(f"{name}.png") for name in names} for names in (sr, hr))
    found = find_partners(*files, sr_folder=Path("sr"), hr_folder=Path("hr"))
    return {name: path.stem for name, path in found.items()}


def test_whatever_a_tool_adds_to_every_name_is_set_aside() -> None:
    assert pair(["baby_SwinIR", "baby_2_SwinIR"], ["baby", "baby_2"]) == {
        "baby": "baby_SwinIR",
        "baby_2": "baby_2_SwinIR",
    }
    assert pair(["babyx4-mine", "birdx4-mine"], ["baby", "bird"])["bird"] == "birdx4-mine"


@pytest.mark.parametrize(
    ("sr", "hr"),
    [
        (["baby_2"], ["baby"]),
        (["baby_SwinIR", "bird_Real"], ["baby", "bird"]),
        (["baby_SwinIR", "baby_Real"], ["baby"]),
        (["babyface"], ["baby"]),
    ],
)
def test_what_may_be_another_image_is_refused(sr: list[str], hr: list[str]) -> None:
    with pytest.raises(UserError, match="has no image of the same name"):
        pair(sr, hr)
