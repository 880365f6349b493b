"""Runs with other kinds of critics and optimisers: resumed bit for bit, told apart, and found from before."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from esrlab.core.files import read_json_lines
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.recipes.earlier import as_dumped_now
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import RECIPES
from esrlab.recipes.recipe import Recipe
from esrlab.training.callbacks import Callbacks
from esrlab.training.loop import Saving, train
from esrlab.training.run_folder import RunFolder
from tiny import tiny

CPU = torch.device("cpu")


class Cut(Exception):
    """Stands for whatever ends a process."""


def begin(recipe: Recipe, photos: Photos, out: Path, *, until: int = 2) -> RunFolder:
    """A run that was cut, with the checkpoints of all its steps."""

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == until:
            raise Cut

    saving, watcher = Saving(every=1), Callbacks(on_step=cut)
    with pytest.raises(Cut):
        train(recipe, photos, seed=3, device=CPU, out=out, saving=saving, watcher=watcher)
    return RunFolder(out)


def go_on(recipe: Recipe, photos: Photos, out: Path) -> tuple[RunFolder, list[int], list[str]]:
    """The run to its end: its folder, the steps that were taken, what was said."""
    seen: list[int] = []
    said: list[str] = []
    watcher = Callbacks(on_step=lambda step, row: seen.append(step), on_message=said.append)
    folder = train(
        recipe, photos, seed=3, device=CPU, out=out, saving=Saving(every=1, keep=9), watcher=watcher
    )
    return folder, seen, said


def game(**fields: object) -> Recipe:
    """A tiny adversarial training on pixels, with its moving average."""
    recipe = tiny("hinge-vgg", steps=4, terms__content__weight=0, generator__ema_decay=0.9)
    return with_fields(recipe, {name.replace("__", "."): value for name, value in fields.items()})


GAMES = {
    "unet, adamw": game(adversarial__critic__kind="unet", optimiser__kind="adamw"),
    "unet, penalty, updates": game(
        adversarial__critic__kind="unet",
        adversarial__critic__updates=2,
        adversarial__loss="wgan-gp",
        optimiser__grad_accumulation=2,
    ),
    "patch": game(adversarial__critic__kind="patch", adversarial__critic__layers=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMES)
def test_a_run_cut_and_gone_on_with_equals_an_uncut_one(name: str, tmp_path: Path, samples: Photos) -> None:
    recipe = GAMES[name]
    whole, _, _ = go_on(recipe, samples, tmp_path / "whole")
    begin(recipe, samples, tmp_path / "cut")
    cut, seen, _ = go_on(recipe, samples, tmp_path / "cut")
    assert seen == [3, 4]
    assert cut.generator.read_bytes() == whole.generator.read_bytes()
    first, one, other = (
        torch.load(folder.checkpoints / f"step-{step:08d}.pt", weights_only=True)
        for folder, step in ((whole, 1), (whole, 4), (cut, 4))
    )
    assert one["critic"].keys() == other["critic"].keys()
    assert all(torch.equal(value, other["critic"][key]) for key, value in one["critic"].items())
    vectors = [key for key in one["critic"] if key.endswith("_u")]
    assert len(vectors) == (8 if "unet" in name else 0)
    assert not any(torch.equal(first["critic"][key], one["critic"][key]) for key in vectors)
    assert all(torch.isfinite(value).all() for value in load_file(cut.generator).values())
    rows = read_json_lines(cut.log)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert all(row["pull/adversarial"]["share"] > 0 for row in rows)


def test_another_optimiser_is_another_run_by_name(tmp_path: Path, samples: Photos) -> None:
    adam, adamw = tiny("psnr", steps=4), tiny("psnr", steps=4, optimiser__kind="adamw")
    begin(adam, samples, tmp_path / "adam")
    line = "recipe.optimiser.kind: 'adam' there, 'adamw' asked"
    with pytest.raises(UsageError, match=line):
        go_on(adamw, samples, tmp_path / "adam")
    begin(adamw, samples, tmp_path / "adamw")
    foreign = tmp_path / "adam" / "checkpoints" / "step-00000002.pt"
    shutil.copy(foreign, tmp_path / "adamw" / "checkpoints")
    _, seen, said = go_on(adamw, samples, tmp_path / "adamw")
    assert seen[0] == 2
    assert line in said[0]


def without_kinds(recipe: dict[str, Any]) -> None:
    """Takes off a dumped recipe what recipes did not have before generators, critics, … were of kinds."""
    del recipe["generator"]["kind"], recipe["optimiser"]["kind"], recipe["adversarial"]["critic"]["kind"]


def test_a_run_from_before_there_were_kinds_goes_on(tmp_path: Path, samples: Photos) -> None:
    recipe = tiny("wgan-vgg", steps=4)
    whole, _, _ = go_on(recipe, samples, tmp_path / "whole")
    folder = begin(recipe, samples, tmp_path / "old")
    about = json.loads(folder.recipe.read_text())
    without_kinds(about["recipe"])
    folder.recipe.write_text(json.dumps(about))
    for path in folder.checkpoints.iterdir():
        state = torch.load(path, weights_only=True)
        without_kinds(state["run"]["recipe"])
        torch.save(state, path)
    _, seen, said = go_on(recipe, samples, folder.path)
    assert (seen, said) == ([3, 4], [])
    assert folder.generator.read_bytes() == whole.generator.read_bytes()
    more = with_fields(recipe, {"steps": 5})
    assert go_on(more, samples, folder.path)[1] == [5]


def test_dumped_recipes_are_completed_and_others_left_alone() -> None:
    for recipe in RECIPES:
        dumped = recipe.model_dump(mode="json")
        assert as_dumped_now(dumped) == dumped
        older = json.loads(json.dumps(dumped))
        del older["generator"]["kind"], older["optimiser"]["kind"], older["steps"]
        dumped.pop("steps")
        assert as_dumped_now(older) == dumped
    for other in ({}, {"name": 3}, "text", None):
        assert as_dumped_now(other) == other
