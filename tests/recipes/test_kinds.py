"""Parts of a recipe exchanged by their kind."""

import pytest

from esrlab.cli.commands.options import add_fields, chosen_fields
from esrlab.cli.parsing import Parser
from esrlab.errors import UsageError
from esrlab.losses.pixel import L1, Charbonnier
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe, flatten
from esrlab.recipes.recipe import Recipe, parse_recipe


def recipe_from(*arguments: str) -> Recipe:
    parser, recipe = Parser(), find_recipe("psnr")
    add_fields(parser, recipe, arguments)
    return with_fields(recipe, chosen_fields(parser.parse_args(list(arguments))))


def test_a_part_of_another_kind_takes_the_place() -> None:
    chosen = with_fields(
        find_recipe("psnr"), {"terms.pixel.loss.epsilon": 0.5, "terms.pixel.loss.kind": "charbonnier"}
    )
    assert chosen.terms[0].loss == Charbonnier(epsilon=0.5)
    assert with_fields(chosen, {"terms.pixel.loss.kind": "l1"}).terms[0].loss == L1()
    assert with_fields(chosen, {"terms.pixel.loss.kind": "charbonnier"}) == chosen


def test_the_command_line_knows_the_fields_of_the_kind_that_it_asks_for() -> None:
    for arguments in (
        ("--terms.pixel.loss.kind", "charbonnier", "--terms.pixel.loss.epsilon", "0.5"),
        ("--terms.pixel.loss.epsilon=0.5", "--terms.pixel.loss.kind=charbonnier"),
    ):
        assert recipe_from(*arguments).terms[0].loss == Charbonnier(epsilon=0.5)
    assert recipe_from("--terms.pixel.loss.kind", "l1").terms[0].loss == L1()


def test_a_field_of_the_part_that_was_there_is_refused() -> None:
    chosen = with_fields(find_recipe("psnr"), {"terms.pixel.loss.kind": "charbonnier"})
    told = r"terms\.pixel\.loss is of kind l1, which has no field epsilon; set .* \(charbonnier, fourier\)"
    with pytest.raises(UsageError, match=told):
        with_fields(chosen, {"terms.pixel.loss.kind": "l1", "terms.pixel.loss.epsilon": 0.1})
    with pytest.raises(UsageError, match=r"optimiser is of kind adam, .* set optimiser\.kind to .*adamw"):
        recipe_from("--optimiser.weight-decay", "1")
    with pytest.raises(UsageError, match=r"generator is of kind compact, which has no field blocks"):
        recipe_from("--generator.kind", "compact", "--generator.blocks", "3")
    with pytest.raises(UsageError, match="there is no kind 'nosuch'"):
        recipe_from("--generator.kind", "nosuch", "--generator.convs", "3")


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"there is no kind 'charbonier' \(did you mean charbonnier\?\)"):
        with_fields(find_recipe("psnr"), {"terms.pixel.loss.kind": "charbonier"})


def test_a_part_without_a_kind_is_of_the_usual_one() -> None:
    dumped = find_recipe("psnr").model_dump(mode="json")
    assert dumped["generator"].pop("kind") == "rrdb"
    assert parse_recipe(dumped) == find_recipe("psnr")
    dumped["generator"]["blocks"] = 0
    with pytest.raises(UsageError, match=r"\n  generator\.blocks: .*greater than or equal to 1"):
        parse_recipe(dumped)
    dumped["generator"] = {"block": 3}
    with pytest.raises(UsageError, match=r"\n  generator\.block: .*did you mean blocks"):
        parse_recipe(dumped)


def test_tables_in_a_file_name_a_kind_too() -> None:
    fields = flatten({"terms": {"pixel": {"loss": {"kind": "charbonnier", "epsilon": 0.25}}}})
    assert with_fields(find_recipe("psnr"), fields).terms[0].loss == Charbonnier(epsilon=0.25)


def test_fields_that_only_share_a_name_do_not_come_along() -> None:
    ssim = with_fields(find_recipe("psnr"), {"terms.pixel.loss.kind": "ssim", "terms.pixel.loss.window": 7})
    for kind in ("blurred-colour", "fourier"):
        fresh = with_fields(find_recipe("psnr"), {"terms.pixel.loss.kind": kind})
        assert with_fields(ssim, {"terms.pixel.loss.kind": kind}) == fresh
    own = with_fields(find_recipe("psnr"), {"generator.features": 32, "generator.kind": "compact"})
    assert own.generator.model_dump()["features"] == 32


def test_a_union_s_tag_is_no_part_of_a_field_s_name() -> None:
    for fields, told in (
        ({"optimiser.schedule": "multi-step"}, r"\n  optimiser: milestones and"),
        (
            {
                "terms.pixel.loss.kind": "gram",
                "terms.pixel.loss.network": "vgg-student",
                "terms.pixel.loss.layers": "conv3_4",
            },
            r"\n  terms\.pixel\.loss: ",
        ),
    ):
        with pytest.raises(UsageError, match=told):
            with_fields(find_recipe("psnr"), fields)


def test_a_label_names_another_generator() -> None:
    plain, compact = find_recipe("psnr"), with_fields(find_recipe("psnr"), {"generator.kind": "compact"})
    assert plain.label == "L1"
    assert compact.label == f"L1 [generator: {compact.generator.label}]"


def test_weights_student_alone_takes_the_student_and_its_layer() -> None:
    for kind in ("gram", "swd", "content"):
        recipe = with_fields(
            find_recipe("psnr"),
            {"terms.t.loss.kind": kind, "terms.t.loss.weights": "student", "terms.t.weight": 1.0},
        )
        loss = recipe.terms[1].loss.model_dump()
        assert (loss["network"], loss["layers"]) == ("vgg-student", {"conv3_4": 1.0})
