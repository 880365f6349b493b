"""Every kind of generator is chosen by name, trained, saved as such and found again."""

from pathlib import Path

import pytest
import torch

from esrlab.core.parts import kinds_in
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.evaluation.methods import find_method
from esrlab.models.generator_files import load_generator, save_generator
from esrlab.models.generators.any_generator import AnyGenerator
from esrlab.models.generators.compact import CompactGenerator
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.models.generators.srresnet import SRResNetGenerator
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe
from esrlab.recipes.recipe import Recipe
from esrlab.training.loop import train
from esrlab.training.state import start_run

CPU = torch.device("cpu")
SMALL = {
    "rrdb": {"features": 8, "growth": 4, "blocks": 1},
    "compact": {"features": 8, "convs": 2},
    "srresnet": {"features": 8, "blocks": 2},
}
SPECIAL = {"rrdb": {"unshuffle": False}}


def small(kind: str, **changes: object) -> Recipe:
    shape = {f"generator.{name}": value for name, value in SMALL[kind].items()}
    few = {"steps": 2, "scale": 2, "patches.lr_size": 8, "patches.batch": 2}
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    return with_fields(find_recipe("psnr"), {"generator.kind": kind, **shape, **few, **changed})


def test_every_kind_is_here() -> None:
    assert SMALL.keys() == kinds_in(AnyGenerator).keys()


@pytest.mark.parametrize("kind", SMALL)
def test_a_kind_is_trained_saved_and_a_method(tmp_path: Path, samples: Photos, kind: str) -> None:
    recipe = small(kind)
    assert recipe.generator.shape == {"kind": kind, **SMALL[kind]} | SPECIAL.get(kind, {})
    assert recipe.generator.ema_decay == 0.999  # the named recipe's own, which all kinds have
    folder = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run")
    network = load_generator(folder.generator)
    assert type(network) is type(recipe.generator.build(scale=2))
    lr = torch.rand(1, 3, 9, 7)
    method = find_method(str(tmp_path / "run"), scale=2)
    assert method.upscale is not None
    torch.testing.assert_close(method.upscale(CPU)(lr), network(lr).clamp(0, 1))


@pytest.mark.parametrize("kind", SMALL)
def test_a_kind_starts_as_bilinear(kind: str) -> None:
    run = start_run(small(kind, generator__init="interpolation"), seed=0, device=CPU)
    middle = run.generator(torch.full((1, 3, 9, 9), 0.5))[..., 6:-6, 6:-6]
    torch.testing.assert_close(middle, torch.full_like(middle, 0.5))


def test_what_cannot_begin_as_bilinear_says_why() -> None:
    for kind in ("rrdb", "compact"):
        with pytest.raises(UsageError, match=r"'interpolation' needs generator\.features of"):
            small(kind, generator__init="interpolation", generator__features=2)
    with pytest.raises(UsageError, match=r"cannot be with generator\.unshuffle"):
        small("rrdb", generator__init="interpolation", generator__unshuffle=True)
    with pytest.raises(UsageError, match=r"unshuffle is for scale 1 and 2, not 4"):
        small("rrdb", scale=4, generator__unshuffle=True)


@pytest.mark.parametrize("kind", SMALL)
def test_every_kind_trains_at_the_images_own_size(tmp_path: Path, samples: Photos, kind: str) -> None:
    folder = train(small(kind, scale=1), samples, seed=0, device=CPU, out=tmp_path / "run")
    network = load_generator(folder.generator)
    assert network.scale == 1
    assert network(torch.rand(1, 3, 9, 7)).shape == (1, 3, 9, 7)


def test_a_cascade_is_of_any_kinds(tmp_path: Path) -> None:
    networks = {
        "mended": CompactGenerator(features=8, convs=2).build(scale=1),
        "doubled": SRResNetGenerator(features=8, blocks=1).build(scale=2),
    }
    for name, network in networks.items():
        save_generator(network, tmp_path / f"{name}.safetensors", about={})
    plain = RRDBGenerator(features=8, growth=4, blocks=1).build(scale=2)
    torch.save(plain.state_dict(), tmp_path / "plain.pth")  # tells neither ×2 nor ×3
    lr = torch.rand(1, 3, 9, 7)
    for first, second, scale in (("mended", "doubled", 2), ("mended", "plain", 2), ("plain", "doubled", 4)):
        paths = [next(tmp_path.glob(f"{name}.*")) for name in (first, second)]
        method = find_method("+".join(map(str, paths)), scale=scale)
        assert method.upscale is not None
        one, two = ({**networks, "plain": plain}[name].eval() for name in (first, second))
        with torch.no_grad():
            expected = two(one(lr).clamp(0, 1)).clamp(0, 1)
        torch.testing.assert_close(method.upscale(CPU)(lr), expected)
