"""Maps of pulls: what the step measures, pixel by pixel; nothing of the run is changed by looking."""

import copy
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from esrlab.data.degradations.bicubic import make_lr
from esrlab.data.photos.collection import Photos
from esrlab.data.sampling import Batch
from esrlab.errors import UserError
from esrlab.losses.pixel import MSE
from esrlab.models.generator_files import save_generator
from esrlab.recipes.parts import Term
from esrlab.recipes.recipe import Recipe
from esrlab.report.build import make_report
from esrlab.study.runner import run_study
from esrlab.study.spec import Study, parse_study
from esrlab.training.pull_maps import Region, choose_region, cut_patches, join_patches, map_pulls
from esrlab.training.state import TrainState, start_run
from esrlab.training.step import train_step
from listener import Listener
from tiny import TINY, tiny

CPU = torch.device("cpu")


def pair(size: int = 64, *, scale: int = 2) -> tuple[Tensor, Tensor]:
    """LR and HR of noise, on 8-bit levels."""
    levels = torch.randint(0, 256, (1, 3, size, size), generator=torch.Generator().manual_seed(3))
    hr = levels.float() / 255
    return make_lr(hr, scale), hr


def squared(**changes: object) -> Recipe:
    """The tiny psnr, its pixels compared by MSE."""
    return tiny("psnr", **changes).model_copy(update={"terms": (Term(name="pixel", weight=1, loss=MSE()),)})


def begun(name: str, samples: Photos, **changes: object) -> TrainState:
    """A run after two steps."""
    run = start_run(tiny(name, **changes), seed=1, device=CPU)
    lr, hr = pair()
    region = Region(0, 0, 2, 2, 32)
    batch = Batch(lr=cut_patches(lr, region, side=16), hr=cut_patches(hr, region, side=32))
    for _ in range(2):
        train_step(run, [batch])
    return run


def state_of(run: TrainState) -> dict[str, Any]:
    """All that a run is, in copies."""
    networks = [run.generator, *([run.average] if run.average else [])]
    networks += [run.adversarial.critic] if run.adversarial else []
    return {
        "weights": [{k: v.clone() for k, v in network.state_dict().items()} for network in networks],
        "gradients": [p.grad if p.grad is None else p.grad.clone() for n in networks for p in n.parameters()],
        "balance": dict(run.balance.log_weights),
        "modes": [network.training for network in networks],
        "optimiser": copy.deepcopy(run.optimiser.state_dict()["state"]),
        "step": run.step,
        "random": torch.get_rng_state(),
    }


def assert_equal(one: Any, other: Any) -> None:
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list):
        for mine, its in zip(one, other, strict=True):
            assert_equal(mine, its)
    else:
        assert one == other


def test_an_l1_terms_map_is_its_weight_over_the_number_of_values_everywhere() -> None:
    run = start_run(tiny("psnr", terms__pixel__weight=3.0), seed=0, device=CPU)
    assert run.recipe.terms[0].loss.kind == "l1"
    lr, hr = pair()
    found = map_pulls(run, lr=lr, hr=hr)
    assert found.region == Region(0, 0, 2, 2, 32)
    pull = found.terms["pixel"]
    values = 3 * 64 * 64
    torch.testing.assert_close(pull.strength, torch.full((64, 64), 3.0 / values * math.sqrt(3)).double())
    assert (pull.share, pull.weight) == (1.0, 3.0)
    assert pull.cosine == pytest.approx(1, abs=1e-6)


def test_an_mse_terms_map_is_the_error() -> None:
    run = start_run(squared(), seed=0, device=CPU)
    lr, hr = pair()
    strength = map_pulls(run, lr=lr, hr=hr).terms["pixel"].strength
    region = Region(0, 0, 2, 2, 32)
    with torch.no_grad():
        sr = join_patches(run.generator(cut_patches(lr, region, side=16)), region)
    expected = 2 * (sr - hr[0]).norm(dim=0) / (3 * 64 * 64)
    torch.testing.assert_close(strength, expected.double(), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", ["wgan-vgg-tv", "esrgan-vgg", "hinge-vgg"])
def test_maps_are_of_the_pulls_that_the_next_step_measures(name: str, samples: Photos) -> None:
    run = begun(name, samples, **({"adversarial__clip": 0.5} if "wgan" in name else {}))
    lr, hr = pair()
    found = map_pulls(run, lr=lr, hr=hr)
    region = found.region
    batch = Batch(lr=cut_patches(lr, region, side=16), hr=cut_patches(hr, region, side=32))
    report = train_step(run, [batch])
    assert found.terms.keys() == report.pulls.keys()
    assert "adversarial" in found.terms
    for term, pull in report.pulls.items():
        mapped = found.terms[term]
        assert mapped.share == float(pull.share)
        assert mapped.cosine == float(pull.cosine)
        assert mapped.weight == float(pull.weight)
        assert float(mapped.strength.norm()) == pytest.approx(float(pull.norm), rel=1e-5)


def test_nothing_of_the_run_changes(samples: Photos) -> None:
    run = begun("esrgan-vgg", samples, generator__ema_decay=0.9)
    lr, hr = pair()
    before = state_of(run)
    first = map_pulls(run, lr=lr, hr=hr)
    assert_equal(state_of(run), before)
    again = map_pulls(run, lr=lr, hr=hr)
    assert all(torch.equal(again.terms[term].strength, pull.strength) for term, pull in first.terms.items())
    assert (first.seed, first.step) == (1, 2)


def test_a_share_that_has_no_weight_yet_gets_one_for_the_map_alone() -> None:
    run = start_run(tiny("wgan-vgg", adversarial__share=0.25, adversarial__clip=0.5), seed=0, device=CPU)
    lr, hr = pair()
    found = map_pulls(run, lr=lr, hr=hr)
    assert found.terms["adversarial"].share == pytest.approx(0.25, rel=1e-3)
    assert run.balance.log_weights == {}


def test_with_an_average_the_picture_is_the_averages() -> None:
    run = start_run(squared(generator__ema_decay=0.9), seed=0, device=CPU)
    lr, hr = pair()
    before = map_pulls(run, lr=lr, hr=hr).terms["pixel"].strength
    with torch.no_grad():
        for parameter in run.generator.parameters():
            parameter.zero_()
    assert torch.equal(map_pulls(run, lr=lr, hr=hr).terms["pixel"].strength, before)


def test_the_region_is_where_most_detail_is_and_small_enough() -> None:
    hr = torch.zeros(1, 3, 600, 300)
    hr[..., 320:560, 16:280] = pair(600)[1][..., 320:560, 16:280]
    region = choose_region(hr, side=64, scale=4)
    assert (region.rows, region.columns) == (4, 4)
    assert region.top % 4 == region.left % 4 == 0
    assert 300 <= region.top <= 320
    assert region.left <= 24
    assert choose_region(hr, side=32, scale=4).width == 128, "16 patches at most"
    assert choose_region(hr, side=192, scale=3).height == 384, "two patches where there is room"
    assert choose_region(hr[..., :200, :], side=150, scale=3).width == 300
    alone = choose_region(hr[..., :200, :200], side=192, scale=4)
    assert (alone.rows, alone.columns) == (1, 1)
    with pytest.raises(UserError, match="300×600 pixels is smaller than a patch of 512"):
        choose_region(hr, side=512, scale=4)


def test_patches_are_cut_and_joined() -> None:
    image = torch.arange(3 * 20 * 30).reshape(1, 3, 20, 30).float()
    region = Region(0, 0, 2, 3, 8)
    patches = cut_patches(image, region, side=8)
    assert torch.equal(patches[4], image[0, :, 8:16, 8:16])
    assert torch.equal(join_patches(patches, region), image[0, :, :16, :24])


def test_what_is_not_finite_is_refused(samples: Photos) -> None:
    run = begun("esrgan-vgg", samples)
    lr, hr = pair()
    with torch.no_grad():
        next(run.generator.parameters()).fill_(math.nan)
    with pytest.raises(UserError, match="pull of content is not finite"):
        map_pulls(run, lr=lr, hr=hr)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two recipes at ×2, two seeds, two benchmarks, of which one is smaller than a patch."""
    root = tmp_path_factory.mktemp("benchmarks")
    rng = np.random.default_rng(0)
    for name, size in (("big/<b>eye", 100), ("big/later", 60), ("less/dot", 40)):
        path = root / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(path)
    return parse_study(
        {
            "name": "mapped",
            "benchmarks": {"big": str(root / "big"), "less": str(root / "less")},
            "scales": [2],
            "seeds": [5, 0],
            "weights": "student",
            "fields": {**TINY, "patches.lr_size": 24},
            "recipes": {"esrgan-vgg": {}, "wgan-vgg": {}},
        }
    )


def carry_out(study: Study, out: Path, samples: Photos) -> dict[Path, bytes]:
    listener = Listener()
    assert run_study(study, out=out, device=CPU, photos=samples, watcher=listener) == []
    paths = sorted((out / "pulls").rglob("*"))
    return {path.relative_to(out / "pulls"): path.read_bytes() for path in paths if path.is_file()}


def test_a_study_keeps_maps_and_makes_those_that_it_lacks(
    study: Study, samples: Photos, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    made = carry_out(study, out, samples)
    place = Path("x2", "esrgan-vgg", "big", "<b>eye")
    names = {path.name for path in made if path.parent == place}
    assert names == {"about.json", "content.png", "pixel.png", "adversarial.png"}
    assert not any("later" in path.parts for path in made), "the first image of each benchmark"
    about = json.loads(made[place / "about.json"])
    assert (about["seed"], about["step"]) == (5, 3)
    assert about["region"].items() >= {"height": 96, "width": 96, "patch": 48}.items()
    assert sum(term["share"] for term in about["terms"]) == pytest.approx(1)
    grey = np.asarray(Image.open(out / "pulls" / place / "content.png"))
    assert grey.shape == (96, 96)
    assert 0.002 < (grey == 255).mean() < 0.02
    absent = json.loads(made[Path("x2", "wgan-vgg", "less", "dot", "about.json")])
    assert absent == {"seed": 5, "absent": "the picture of 40×40 pixels is smaller than a patch of 48"}

    (out / "pulls" / place / "about.json").write_text('{"cut')
    assert carry_out(study, out, samples) == made, "made again, to the byte"
    make_report(out)
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "esrgan-vgg ×2, less/dot: the picture of 40×40 pixels is smaller" in html
    assert "big/&lt;b&gt;eye at ×2: where adversarial pulls in wgan-vgg" in html

    for path in (out / "runs" / "wgan-vgg-x2-s5" / "checkpoints").iterdir():
        path.unlink()
    for path in (out / "pulls").rglob("about.json"):
        path.unlink()
    now = carry_out(study, out, samples)
    assert now[place / "about.json"] == made[place / "about.json"]
    gone = json.loads(now[Path("x2", "wgan-vgg", "big", "<b>eye", "about.json")])
    assert gone["absent"] == "the checkpoint of the run's last step is no longer in its folder"


def test_a_loss_that_cannot_be_mapped_and_a_start_that_has_gone_stop_no_study(
    study: Study, samples: Photos, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(
        "def loss(views):\n    assert len(views.sr) == 2, 'two alone'\n    return views.sr.mean()\n"
    )
    loss = f"{{ kind = 'custom', file = '{tmp_path / 'mine.py'}' }}"
    (tmp_path / "own.toml").write_text(f"base = 'psnr'\n[terms.own]\nweight = 1.0\nloss = {loss}\n")
    start = tmp_path / "start.safetensors"
    save_generator(start_run(tiny("psnr"), seed=0, device=CPU).generator, start, about={})
    recipes: dict[str, dict[str, Any]] = {
        "own": {"base": str(tmp_path / "own.toml")},
        "psnr": {"generator.init": str(start), "generator.ema_decay": 0.9},
    }
    fields = {key: value for key, value in study.fields.items() if "adversarial" not in key}
    changed = study.model_copy(update={"recipes": recipes, "seeds": (0,), "fields": fields})
    made = carry_out(changed, tmp_path / "study", samples)
    absent = json.loads(made[Path("x2", "own", "big", "<b>eye", "about.json")])
    assert "two alone" in absent["absent"]
    assert Path("x2", "psnr", "big", "<b>eye", "pixel.png") in made
    start.unlink()
    shutil.rmtree(tmp_path / "study" / "pulls")
    assert carry_out(changed, tmp_path / "study", samples) == made
