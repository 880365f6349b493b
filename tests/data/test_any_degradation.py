"""Degradations by their text, their labels, and the fields of older files."""

from typing import Any

import pytest

from esrlab.core.parts import kinds_in
from esrlab.data.degradations.any_degradation import (
    USUAL,
    AnyDegradation,
    name_degradation,
    parse_degradation,
)
from esrlab.data.degradations.base import Degradation
from esrlab.data.degradations.bicubic import Bicubic
from esrlab.data.degradations.camera import Camera
from esrlab.data.degradations.pairs import Pairs
from esrlab.errors import UsageError
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.parts import Patches
from esrlab.recipes.recipe import parse_recipe
from tiny import tiny

OLDER = Bicubic(convention="matlab-8bit")


@pytest.mark.parametrize(
    ("text", "degradation"),
    [
        ("matlab", Bicubic()),
        ("matlab-8bit", OLDER),
        ("camera", Camera()),
        ("camera:blur_sigma=0.123456789..1:jpeg=0", Camera(blur_sigma=(0.123456789, 1), jpeg=0)),
        ("camera:jpeg_quality=40", Camera(jpeg_quality=(40, 40))),
        ("pairs:folder=LR_matlab_x{scale}", Pairs(folder="LR_matlab_x{scale}")),
        ("pairs:folder=../data/LR", Pairs(folder="../data/LR")),
        ("pairs:folder=C:\\LR", Pairs(folder="C:\\LR")),
    ],
)
def test_a_text_and_its_degradation_make_each_other(text: str, degradation: Degradation) -> None:
    assert parse_degradation(text) == degradation
    assert degradation.text == text


def test_bicubic_may_be_written_in_full() -> None:
    assert parse_degradation("bicubic") == USUAL
    assert parse_degradation("bicubic:convention=matlab-8bit") == OLDER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("camara", "there is no degradation 'camara', did you mean camera"),
        ("camera:jpg=3", "the degradation camera has no field jpg"),
        ("camera:jpeg_quality=90..30", "give the smaller number first"),
        ("camera:blur=often", "the degradation camera, blur: "),
        ("pairs", "the degradation pairs, folder: it is missing"),
    ],
)
def test_a_wrong_text_is_refused_with_what_there_is(text: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_degradation(text)
    assert words in str(error.value).replace("; did you", ", did you").replace(" (did you", ", did you")


def test_labels_say_what_is_not_usual_once() -> None:
    assert name_degradation("mine", USUAL) == "mine"
    assert name_degradation("mine", OLDER) == "mine [LR: matlab-8bit]"
    assert name_degradation("mine [LR: camera]", Camera()) == "mine [LR: camera]"
    harder = Camera(jpeg_quality=(40, 40))
    assert name_degradation("a [LR: camera:jpeg_quality=40]", Camera()).endswith("[LR: camera]")
    assert name_degradation("a [LR: camera]", harder, trained=Camera()) == (
        "a [LR: camera] [scored on LR: camera:jpeg_quality=40]"
    )
    assert name_degradation("a [LR: camera]", USUAL, trained=Camera()).endswith("[scored on LR: matlab]")


@pytest.mark.parametrize(
    ("fields", "degradation"),
    [
        ({}, USUAL),
        ({"convention": "matlab-8bit"}, OLDER),
        ({"degradation": {"convention": "matlab-8bit"}}, OLDER),
        ({"degradation": {"kind": "camera", "jpeg": 0}}, Camera(jpeg=0)),
    ],
)
def test_patches_read_todays_fields_and_the_older_convention(
    fields: dict[str, Any], degradation: Degradation
) -> None:
    assert Patches.model_validate(fields).degradation == degradation


def test_a_recipe_takes_any_kind_and_the_older_name() -> None:
    recipe = tiny("psnr")
    assert recipe.patches.degradation == USUAL
    older = with_fields(recipe, {"patches.convention": "matlab-8bit"})
    assert older.patches.degradation == OLDER
    assert older.label.endswith("[LR: matlab-8bit]")
    camera = with_fields(older, {"patches.degradation.kind": "camera", "patches.degradation.jpeg": 0.5})
    assert camera.patches.degradation == Camera(jpeg=0.5)
    assert camera.label.endswith("[LR: camera:jpeg=0.5]")
    assert parse_recipe(camera.model_dump(mode="json")) == camera
    with pytest.raises(UsageError, match=r"convention is the old name of degradation\.convention"):
        parse_recipe({**recipe.model_dump(), "patches": {"convention": "matlab", "degradation": {}}})


def test_every_kind_has_a_label_and_described_fields() -> None:
    for kind, model in kinds_in(AnyDegradation).items():
        for name, info in model.model_fields.items():
            assert name == "kind" or info.description, f"{kind}.{name}"


@pytest.mark.parametrize("folder", ["4", "a..b", "LR_matlab_x{scale}", "true"])
def test_a_folders_name_is_text_whatever_it_looks_like(folder: str) -> None:
    assert parse_degradation(Pairs(folder=folder).text) == Pairs(folder=folder)
