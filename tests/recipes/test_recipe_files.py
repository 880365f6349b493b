"""Recipe and study files in which something is wrong: one message with file, field and remedy."""

import json
from pathlib import Path

import pytest

from esrlab.core.nearest import did_you_mean
from esrlab.errors import UsageError
from esrlab.losses.pixel import Charbonnier
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe
from esrlab.study.spec import plan_runs, read_study


def refuse_recipe(path: Path, content: str | bytes) -> str:
    """What is said of a recipe file with this content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        find_recipe(str(path))
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1200
    return str(caught.value)


def refuse_study(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        plan_runs(read_study(path))
    assert len(str(caught.value)) < 1200
    return str(caught.value)


def test_a_recipe_that_is_its_own_base_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    assert "is its own base" in refuse_recipe(path, f'base = "{path}"\n')
    other = tmp_path / "other.toml"
    other.write_text(f'base = "{path}"\n')
    said = refuse_recipe(path, f'base = "{tmp_path}/../{tmp_path.name}/other.toml"\n')
    assert "is its own base" in said
    assert "other.toml" in said


def test_a_chain_of_bases_is_not_endless(tmp_path: Path) -> None:
    for number in range(1, 40):
        (tmp_path / f"r{number}.toml").write_text(f'base = "{tmp_path}/r{number + 1}.toml"\n')
    assert "more than 20 bases" in refuse_recipe(tmp_path / "r0.toml", f'base = "{tmp_path}/r1.toml"\n')


def test_a_base_is_a_name(tmp_path: Path) -> None:
    assert "base must be" in refuse_recipe(tmp_path / "r.toml", "base = [1]\n")
    said = refuse_recipe(tmp_path / "r.toml", 'base = "wgan-vg"\n')
    assert "did you mean wgan-vgg?" in said


DEEP = "a" + ".a" * 3000 + " = 1\n"
DEEP_LIST = "a = " + "[" * 3000 + "]" * 3000 + "\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (DEEP, "nested more than 32 levels deep"),
        (DEEP_LIST, "nested more than 32 levels deep"),
        (b'name = "caf\xe9"\n', "is not UTF-8 text"),
        ("steps = " + "9" * 5000 + "\n", "thousands of digits"),
        ("steps = 0x" + "f" * 5000 + "\n", "steps is a number outside"),
        ("[generator]\nblocks = " + "9" * 4000 + "\n", "generator.blocks is a number outside"),
        ('about = "a\\u0000b"\n', "about has an invalid character"),
        ("steps = 1\nsteps = 2\n", "not valid TOML"),
    ],
)
def test_text_that_no_parser_or_message_survives_is_refused(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    assert said in refuse_recipe(tmp_path / "r.toml", content)
    assert said in refuse_study(tmp_path / "s.toml", content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 100_000, "nested more than 32 levels deep"),
        ("[1]", "must hold a table"),
        ('{"about": "\\ud800"}', "invalid character"),
        ("{", "not valid JSON"),
        ('{"steps": NaN}', "steps"),
    ],
)
def test_json_recipes_are_read_as_carefully(tmp_path: Path, content: str, said: str) -> None:
    assert said in refuse_recipe(tmp_path / "r.json", content)


def test_unknown_fields_of_a_recipe_suggest_the_nearest_in_our_words(tmp_path: Path) -> None:
    fields = {
        "stepz": 3,
        "generator": {"block": 2},
        "adversarial": {"critic": {"feature": 2}},
        "terms": [
            {"name": "pixel", "wieght": 1, "weight": 1, "loss": {"kind": "charbonnier", "epsilom": 1e-3}},
            {"name": "tv", "weight": 1, "loss": {"kind": "tb"}},
            {"name": "none", "weight": 1, "loss": {}},
        ],
    }
    said = refuse_recipe(tmp_path / "r.json", json.dumps(fields))
    for part in (
        "stepz: there is no such field (did you mean steps?); there are about, ",
        "generator.block: there is no such field (did you mean blocks?)",
        "adversarial.critic.feature: there is no such field (did you mean features?)",
        "terms.pixel.wieght: there is no such field (did you mean weight?)",
        "terms.pixel.loss.epsilom: there is no such field (did you mean epsilon?)",
        "terms.tv.loss: there is no kind 'tb' (did you mean tv?); there are l1, ",
        "terms.none.loss: it needs a kind",
    ):
        assert part in said
    assert "Extra inputs" not in said
    assert "terms: it is missing" in refuse_recipe(tmp_path / "r.toml", "steps = 3\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("fields = [1]\n[recipes.psnr]\n", "fields: it must be a table of fields"),
        ("recipes = [1]\n", "recipes: it must be a table of fields"),
        ("[recipes]\npsnr = 1\n", "recipes.psnr: it must be a table of fields"),
        ("sedes = [1]\n[recipes.psnr]\n", "sedes: there is no such field (did you mean seeds?)"),
        ("seeds = 1\n[recipes.psnr]\n", "seeds: it must be a list"),
        (
            '[recipes.psnr]\n[[claims]]\nid = "a"\nword = "b"\nbetter = "psnr"\n'
            'than = "bicubic"\nscales = [4]\n',
            "claims.0.word: there is no such field (did you mean words?)",
        ),
    ],
)
def test_a_wrong_study_file_is_named_with_the_field(tmp_path: Path, content: str, said: str) -> None:
    told = refuse_study(tmp_path / "s.toml", content)
    assert said in told
    assert str(tmp_path / "s.toml") in told
    assert "Extra inputs" not in told


def test_a_wrong_field_in_a_recipe_file_with_a_base_names_the_file(tmp_path: Path) -> None:
    said = refuse_recipe(tmp_path / "r.toml", 'base = "psnr"\n[generator]\nblock = 2\n')
    assert "generator.block (did you mean generator.blocks?)" in said


def test_names_are_alike_whatever_their_case_and_hyphens() -> None:
    assert did_you_mean("Comet-ML", ["comet_ml", "aim"]) == " (did you mean comet_ml?)"
    assert did_you_mean("zzz", ["comet_ml", "aim"]) == ""
    assert did_you_mean("a" * 1_000_000, ["comet_ml"]) == ""


def test_a_known_loss_is_added_as_a_term_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        'scales = [4]\nseeds = [0]\nweights = "untrained"\n[recipes.psnr]\n"terms.tv.weight" = [1e-4, 1e-3]\n'
        '[recipes.wgan-vgg]\n"terms.edges.weight" = 2\n"terms.edges.loss.kind" = "charbonnier"\n'
        '"terms.edges.loss.epsilon" = 0.5\n[recipes.both]\nbase = "psnr"\n"terms.content.weight" = 1\n'
    )
    tv, stronger, wgan, both = (run.recipe for run in plan_runs(read_study(path)))
    assert [(term.name, term.weight, term.loss.kind) for term in tv.terms] == [
        ("pixel", 1.0, "l1"),
        ("tv", 1e-4, "tv"),
    ]
    assert stronger.terms[1].weight == 1e-3
    assert wgan.terms[2].loss == Charbonnier(epsilon=0.5)
    assert "(untrained)" in both.label


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("terms.edges.weight", "has no term edges; it has content, pixel. To add one"),
        ("terms.contnet.weight", "has no term contnet (did you mean content?)"),
        ("terms.tv.wieght", "terms.tv.wieght: there is no such field (did you mean weight?)"),
        (
            "terms.tv.loss.reductoin",
            "terms.tv.loss.reductoin: there is no such field (did you mean reduction?)",
        ),
        ("terms", "must be set one by one"),
    ],
)
def test_a_term_that_cannot_be_added_is_explained(field: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_fields(find_recipe("wgan-vgg"), {field: 1})
    assert said in str(caught.value)
