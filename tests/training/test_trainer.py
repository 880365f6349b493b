"""What people need from a trainer: averages, warm starts, warm-ups, clipping, accumulation, going back."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.core.files import read_json_lines
from esrlab.data.photos.collection import Photos
from esrlab.data.sampling import Batch
from esrlab.errors import UserError
from esrlab.models.generator_files import load_generator, save_generator
from esrlab.models.generators.base import GeneratorNetwork
from esrlab.models.generators.rrdb import RRDBNet
from esrlab.recipes.recipe import Recipe, parse_recipe
from esrlab.training import loop as runs
from esrlab.training.batches import step_batches
from esrlab.training.callbacks import Callbacks
from esrlab.training.loop import Saving, train
from esrlab.training.non_finite import NonFinite
from esrlab.training.run_folder import read_outcome
from esrlab.training.state import TrainState, start_average, start_run
from esrlab.training.step import train_step
from tiny import tiny

CPU = torch.device("cpu")


def batches_for(run: TrainState, photos: Photos) -> list[Batch]:
    return step_batches(run.recipe, photos, seed=run.draw_seed, step=run.step)


def test_the_average_is_the_averages_definition_and_is_what_is_saved(tmp_path: Path, samples: Photos) -> None:
    recipe = tiny("psnr", steps=4, generator__ema_decay=0.6)
    run = start_run(recipe, seed=0, device=CPU)
    expected = copy.deepcopy(run.generator.state_dict())
    for step in range(1, 5):
        train_step(run, batches_for(run, samples))
        decay = min(0.6, (1 + step) / (10 + step))
        for key, value in run.generator.state_dict().items():
            expected[key] = decay * expected[key] + (1 - decay) * value
    assert run.average is not None
    for key, value in run.result.state_dict().items():
        torch.testing.assert_close(value, expected[key])
    folder = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run")
    for key, value in load_generator(folder.generator).state_dict().items():
        torch.testing.assert_close(value, expected[key])


def test_the_average_takes_buffers_in() -> None:
    network = torch.nn.BatchNorm2d(2)
    average = start_average(network, 0.6)
    expected = {key: value.clone() for key, value in network.state_dict().items()}
    for step in range(1, 9):
        network(torch.rand(2, 2, 4, 4, generator=torch.Generator().manual_seed(step)) + step)
        kept = min(0.6, (1 + step) / (10 + step))
        for key, value in network.state_dict().items():
            mean = kept * expected[key] + (1 - kept) * value
            expected[key] = mean if value.is_floating_point() else value.clone()
        average.update_parameters(network)
    for key, value in average.module.state_dict().items():
        torch.testing.assert_close(value, expected[key])
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_accumulated_halves_are_one_whole_batch(samples: Photos) -> None:
    """Without batch norm a mean loss of the whole is the mean of the halves' losses."""
    recipe = tiny("wgan-gp-vgg", adversarial__loss="hinge", patches__batch=4)
    halved = tiny("wgan-gp-vgg", adversarial__loss="hinge", patches__batch=2, optimiser__grad_accumulation=2)
    whole, parts = (start_run(one, seed=0, device=CPU) for one in (recipe, halved))
    (batch,) = batches_for(whole, samples)
    halves = [Batch(lr=batch.lr[rows], hr=batch.hr[rows]) for rows in (slice(0, 2), slice(2, 4))]
    reports = train_step(whole, [batch]), train_step(parts, halves)
    for name in ("loss/content", "pull/content/norm", "pull/adversarial/norm", "gradient/critic"):
        assert reports[1].numbers[name] == pytest.approx(reports[0].numbers[name], rel=1e-4)
    assert whole.adversarial is not None
    assert parts.adversarial is not None
    for one, other in (
        (whole.generator, parts.generator),
        (whole.adversarial.critic, parts.adversarial.critic),
    ):
        for first, second in zip(one.parameters(), other.parameters(), strict=True):
            assert first.grad is not None
            assert second.grad is not None
            torch.testing.assert_close(second.grad, first.grad, rtol=1e-3, atol=1e-6)


def test_a_long_gradient_is_shortened_to_the_bound_and_logged_as_it_was(samples: Photos) -> None:
    free, bound = (
        start_run(tiny("psnr", **fields), seed=0, device=CPU)
        for fields in ({}, {"optimiser__grad_clip_norm": 1e-3})
    )
    reports = [train_step(run, batches_for(run, samples)) for run in (free, bound)]
    assert reports[0].numbers["gradient/generator"] > 1e-3
    assert reports[1].numbers["gradient/generator"] == reports[0].numbers["gradient/generator"]
    norm = torch.nn.utils.get_total_norm([p.grad for p in bound.generator.parameters() if p.grad is not None])
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)


def test_a_warm_up_leaves_the_game_out_and_the_critic_alone(samples: Photos) -> None:
    run = start_run(tiny("wgan-vgg", adversarial__start_step=2, steps=4), seed=0, device=CPU)
    assert run.adversarial is not None
    before = copy.deepcopy(run.adversarial.critic.state_dict())
    reports = [train_step(run, batches_for(run, samples)) for _ in range(2)]
    assert all(torch.equal(value, before[key]) for key, value in run.adversarial.critic.state_dict().items())
    assert "adversarial" not in reports[1].pulls
    report = train_step(run, batches_for(run, samples))
    assert "adversarial" in report.pulls
    assert not torch.equal(run.adversarial.critic.conv0_0.weight, before["conv0_0.weight"])  # pyright: ignore


@pytest.mark.parametrize(("scale", "other"), [(2, 2), (4, 2), (2, 4), (3, 2)])
def test_a_run_starts_from_a_trained_generator_of_any_scale(tmp_path: Path, scale: int, other: int) -> None:
    path = tmp_path / "trained.safetensors"
    torch.manual_seed(7)
    trained = RRDBNet(scale=other, features=8, growth=4, blocks=1)
    save_generator(trained, path, about={})
    run = start_run(tiny("psnr", scale=scale, generator__init=str(path)), seed=0, device=CPU)
    mine, theirs = run.generator.state_dict(), trained.state_dict()
    shared = mine.keys() & theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in shared)
    assert {key.split(".")[0] for key in mine.keys() ^ theirs.keys()} <= {"conv_up2"}
    assert "trained.safetensors" in run.origins["init"]
    assert ("×" in run.origins["init"]) == (scale != other)


def test_another_shape_is_refused_with_the_fields_to_set(tmp_path: Path) -> None:
    path = tmp_path / "trained.safetensors"
    save_generator(RRDBNet(scale=2, features=16, growth=4, blocks=2), path, about={})
    with pytest.raises(UserError, match=r"--generator.features 16 --generator.growth 4 --generator.blocks 2"):
        start_run(tiny("psnr", generator__init=str(path)), seed=0, device=CPU)


def poison(step: int, *, times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A weight of the generator becomes nan before this step, so many times; returns where it did."""
    hit: list[int] = []

    def poisoned(run: TrainState, batches: list[Batch]) -> Any:
        if run.step + 1 == step and len(hit) < times:
            hit.append(step)
            with torch.no_grad():
                run.generator.get_parameter("conv_body.weight")[0, 0, 0, 0] = float("nan")
        return train_step(run, batches)

    monkeypatch.setattr(runs, "train_step", poisoned)
    return hit


def test_a_value_that_is_not_finite_is_named_not_applied_and_gone_back_from(
    tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit = poison(6, times=1, monkeypatch=monkeypatch)
    said: list[str] = []
    seen: list[int] = []
    watcher = Callbacks(on_step=lambda step, row: seen.append(step), on_message=said.append)
    recipe, saving = tiny("wgan-vgg", steps=8), Saving(every=2)
    folder = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run", saving=saving, watcher=watcher)
    assert hit == [6]
    assert seen == [1, 2, 3, 4, 5, 5, 6, 7, 8], "back to step 4"
    assert said == [
        "the generator's weight conv_body.weight is not finite at step 6 (nan in 1 of its 576 values): "
        "not applied; went back to step 4 and continues with other patches"
    ]
    outcome = read_outcome(folder)
    assert outcome is not None
    assert (outcome.outcome, outcome.step, len(outcome.rollbacks)) == ("finished", 8, 1)
    assert [row["step"] for row in read_json_lines(folder.log)] == list(range(1, 9))
    *before, failed = read_json_lines(folder.evidence / "rollback-1.jsonl")
    assert [row["step"] for row in before] == [1, 2, 3, 4, 5]
    assert (failed["step"], failed["numbers"] != {}) == (6, True)
    calm = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "calm", saving=saving)
    assert read_json_lines(calm.log)[4]["loss/pixel"] != read_json_lines(folder.log)[4]["loss/pixel"]


def test_after_too_many_the_run_ends_as_diverged_with_its_last_good_generator(
    tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, saving = tiny("psnr", steps=9, engine__max_rollbacks=2), Saving(every=3)
    good: dict[str, Any] = {}

    def keep(step: int, row: dict[str, Any]) -> None:
        good.setdefault(f"{step}", row["loss/pixel"])

    poison(8, times=99, monkeypatch=monkeypatch)
    folder = train(
        recipe, samples, seed=0, device=CPU, out=tmp_path / "run", saving=saving, watcher=Callbacks(keep)
    )
    outcome = read_outcome(folder)
    assert outcome is not None
    assert (outcome.outcome, outcome.step, outcome.asked) == ("diverged", 6, 9)
    assert [rollback.step for rollback in outcome.rollbacks] == [8, 8, 8]
    assert len(list(folder.evidence.iterdir())) == 3
    state = torch.load(folder.checkpoints / "step-00000006.pt", weights_only=True)
    saved = load_generator(folder.generator).state_dict()
    assert all(torch.equal(state["average"][f"module.{key}"], value) for key, value in saved.items())
    assert json.loads(folder.outcome.read_text())["rollbacks"][0]["place"].endswith("conv_body.weight")


def test_a_state_that_is_not_finite_is_never_a_checkpoint(
    tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt: list[int] = []

    def spoiling(run: TrainState, batches: list[Batch]) -> Any:
        report = train_step(run, batches)
        if run.step == 4 and not spoilt:
            spoilt.append(run.step)
            assert run.adversarial is not None
            with torch.no_grad():
                run.adversarial.critic.get_parameter("linear2.weight").fill_(float("inf"))
        return report

    monkeypatch.setattr(runs, "train_step", spoiling)
    said: list[str] = []
    saving, watcher = Saving(every=2), Callbacks(on_message=said.append)
    recipe = tiny("esrgan-vgg", steps=6)
    folder = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run", saving=saving, watcher=watcher)
    assert said[0].startswith("the critic's weight linear2.weight is not finite at step 4")
    assert "went back to step 2" in said[0]
    for path in folder.checkpoints.iterdir():
        state = torch.load(path, weights_only=True)
        assert all(bool(value.isfinite().all()) for value in state["critic"].values())


class Cut(Exception):
    """Stands for whatever ends a process."""


def test_a_run_killed_after_a_rollback_remembers_it(
    tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, saving = tiny("wgan-vgg", steps=8), Saving(every=2)
    hit = poison(4, times=1, monkeypatch=monkeypatch)
    whole = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "whole", saving=saving)
    hit.clear()

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == 4:
            raise Cut

    with pytest.raises(Cut):
        train(
            recipe, samples, seed=0, device=CPU, out=tmp_path / "cut", saving=saving, watcher=Callbacks(cut)
        )
    gone_on = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "cut", saving=saving)
    assert gone_on.generator.read_bytes() == whole.generator.read_bytes()
    assert gone_on.outcome.read_bytes() == whole.outcome.read_bytes()


@pytest.mark.parametrize(
    ("break_it", "place"),
    [
        ("critic", "the critic's weight conv0_0.weight"),
        ("batch", "the low-resolution batch"),
        ("content", "loss/content"),
    ],
)
def test_the_first_culprit_is_named(samples: Photos, break_it: str, place: str) -> None:
    run = start_run(tiny("wgan-vgg"), seed=0, device=CPU)
    assert run.adversarial is not None
    (batch,) = batches_for(run, samples)
    if break_it == "critic":
        with torch.no_grad():
            run.adversarial.critic.get_parameter("conv0_0.weight")[0] = float("inf")
    elif break_it == "batch":
        batch.lr[0, 0, 0, 0] = float("nan")
    else:
        (term, loss), *others = run.terms
        assert term.name == "content"
        run.terms = ((term, lambda views: loss(views) * float("inf")), *others)
    before = copy.deepcopy(run.generator.state_dict())
    with pytest.raises(NonFinite) as caught:
        train_step(run, [batch])
    assert caught.value.rollback.place == place
    assert caught.value.rollback.step == 1
    assert all(torch.equal(value, before[key]) for key, value in run.generator.state_dict().items())
    assert run.step == 0


def test_going_on_elsewhere_is_said(tmp_path: Path, samples: Photos) -> None:
    recipe, out = tiny("psnr", steps=4), tmp_path / "run"

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == 2:
            raise Cut

    with pytest.raises(Cut):
        train(recipe, samples, seed=0, device=CPU, out=out, watcher=Callbacks(cut))
    about = json.loads((out / "recipe.json").read_text())
    about["threads"] = 64
    (out / "recipe.json").write_text(json.dumps(about))
    said: list[str] = []
    train(recipe, samples, seed=0, device=CPU, out=out, watcher=Callbacks(on_message=said.append))
    here = torch.get_num_threads()
    assert said == [
        f"threads: 64 there, {here} asked: "
        "resuming in a different environment: results may differ in the last digits"
    ]


def test_bf16_is_a_choice_that_tables_name_and_that_resumes(tmp_path: Path, samples: Photos) -> None:
    recipe = tiny("wgan-gp-vgg", steps=5, engine__precision="bf16")
    assert recipe.label.endswith("[bf16]")
    whole = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "whole")

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == 4:
            raise Cut

    out, saving = tmp_path / "cut", Saving(every=2)
    with pytest.raises(Cut):
        train(recipe, samples, seed=0, device=CPU, out=out, saving=saving, watcher=Callbacks(cut))
    gone_on = train(recipe, samples, seed=0, device=CPU, out=out, saving=saving)
    assert gone_on.generator.read_bytes() == whole.generator.read_bytes()
    exact = train(tiny("wgan-gp-vgg", steps=5), samples, seed=0, device=CPU, out=tmp_path / "exact")
    one, other = (read_json_lines(folder.log)[0]["loss/content"] for folder in (whole, exact))
    assert one == pytest.approx(other, rel=0.02)
    assert one != other


def test_a_loss_of_ones_own_that_draws_is_repeated_on_going_on(tmp_path: Path, samples: Photos) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n\ndef loss(views):\n"
        "    return ((views.sr - views.hr).abs() * torch.rand_like(views.hr)).mean()\n"
    )
    term = {"name": "mine", "weight": 1.0, "loss": {"kind": "custom", "file": str(file)}}
    recipe = parse_recipe({**tiny("psnr", steps=5).model_dump(), "terms": [term]})
    whole = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "whole")

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == 3:
            raise Cut

    out, saving = tmp_path / "cut", Saving(every=2)
    with pytest.raises(Cut):
        train(recipe, samples, seed=0, device=CPU, out=out, saving=saving, watcher=Callbacks(cut))
    gone_on = train(recipe, samples, seed=0, device=CPU, out=out, saving=saving)
    assert gone_on.generator.read_bytes() == whole.generator.read_bytes()


def test_a_watcher_that_has_gone_does_not_end_a_training(tmp_path: Path, samples: Photos) -> None:
    told: list[int] = []

    def gone(step: int, row: dict[str, Any]) -> None:
        told.append(step)
        raise BrokenPipeError

    folder = train(tiny("psnr"), samples, seed=0, device=CPU, out=tmp_path / "run", watcher=Callbacks(gone))
    assert told == [1]
    assert folder.generator.exists()


def test_checkpoints_that_were_due_stay_so_under_another_interval(
    tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = tiny("psnr", steps=9), tmp_path / "run"

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == 5:
            raise Cut

    with pytest.raises(Cut):
        train(recipe, samples, seed=0, device=CPU, out=out, saving=Saving(every=2), watcher=Callbacks(cut))
    poison(8, times=1, monkeypatch=monkeypatch)
    said: list[str] = []
    saving = Saving(every=1000, keep=1, minutes=0)
    train(
        recipe, samples, seed=0, device=CPU, out=out, saving=saving, watcher=Callbacks(on_message=said.append)
    )
    assert "went back to step 4" in said[0]


def test_where_a_rollback_leads_does_not_hang_on_the_clock(
    tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, kept = tiny("psnr", steps=5), []
    for name, minutes in (("slow", 0.0), ("quick", 1000.0)):  # a checkpoint after every step, and none
        with monkeypatch.context() as patch:
            poison(4, times=1, monkeypatch=patch)
            said: list[str] = []
            saving, watcher = Saving(minutes=minutes), Callbacks(on_message=said.append)
            folder = train(
                recipe, samples, seed=0, device=CPU, out=tmp_path / name, saving=saving, watcher=watcher
            )
        assert "went back to step 0" in said[0]
        kept.append(folder.generator.read_bytes())
    assert kept[0] == kept[1]


def test_validation_keeps_the_best_and_draws_samples(tmp_path: Path, samples: Photos) -> None:
    values = iter([20.0, 25.0, 22.0, 24.0])

    class Judge:
        title, fingerprint = "made up", "0"

        def __call__(self, generator: GeneratorNetwork, *, sheet: Path | None = None) -> dict[str, float]:
            assert sheet is not None
            sheet.parent.mkdir(exist_ok=True)
            sheet.write_bytes(b"")
            return {"validation/PSNR": next(values)}

        def best_by(self, by: str = "auto", *, has_adversarial: bool) -> str:
            return "validation/PSNR"

        def improves(self, values: dict[str, float], best: float | None, **_: object) -> float | None:
            value = values["validation/PSNR"]
            return value if best is None or value > best else None

    recipe: Recipe = tiny("psnr", steps=7, validation__every=2)
    pictured: list[int] = []
    doing: list[str] = []
    watcher = Callbacks(on_image=lambda step, path: pictured.append(step), on_phase=doing.append)
    folder = train(
        recipe, samples, seed=0, device=CPU, out=tmp_path / "run", validator=Judge(), watcher=watcher
    )
    assert pictured == [2, 4, 6, 7]
    assert doing == ["validating"] * 4
    rows = {row["step"]: row for row in read_json_lines(folder.log)}
    assert [step for step in rows if "validation/PSNR" in rows[step]] == [2, 4, 6, 7]
    from safetensors import safe_open

    with safe_open(folder.best, framework="pt") as opened:
        assert opened.metadata()["step"] == "4"
