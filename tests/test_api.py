"""The Python API as a stranger would use it: `import esrlab`, and nothing else of ours."""

import ast
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import esrlab
from esrlab.core.scores import write_scores
from esrlab.errors import UserError
from esrlab.losses.inputs import LossInputs, _build_once

PACKAGE = Path(esrlab.__file__).parent
TINY = {
    "steps": 2,
    "generator.features": 8,
    "generator.growth": 4,
    "generator.blocks": 1,
    "patches.lr_size": 16,
    "patches.batch": 2,
}


def random_image(height: int = 40, width: int = 48, *, seed: int = 0) -> np.ndarray:
    smooth = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    large = torch.nn.functional.interpolate(smooth, scale_factor=4.0, mode="bilinear")
    return (large[0].permute(1, 2, 0) * 255).to(torch.uint8).numpy()


@pytest.fixture
def hr() -> np.ndarray:
    return random_image()


@pytest.fixture
def sr(hr: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).integers(-20, 21, hr.shape)
    return np.clip(hr.astype(int) + noise, 0, 255).astype(np.uint8)


def as_batch(*images: np.ndarray) -> torch.Tensor:
    return torch.stack([torch.from_numpy(image).permute(2, 0, 1).float() / 255 for image in images])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("api") / "first"
    return esrlab.train("psnr", photos="samples", out=out, fields={**TINY, "scale": 2}, device="cpu").path


# what importing costs, and what is there


def test_importing_takes_no_time_and_loads_nothing() -> None:
    code = (
        "import sys, time; began = time.process_time(); import esrlab, esrlab.losses; dir(esrlab)\n"
        "heavy = {'torch', 'numpy', 'PIL', 'pydantic'} & set(sys.modules)\n"
        "print(sorted(heavy), time.process_time() - began < 0.1)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["[]", "True"]


@pytest.mark.parametrize("module", [esrlab, esrlab.losses], ids=["esrlab", "losses"])
def test_every_public_name_is_there_listed_and_seen_by_type_checkers(module: object) -> None:
    names = set(getattr(module, "__all__"))  # noqa: B009 (a module is no protocol)
    assert names <= set(dir(module))
    assert all(getattr(module, name).__doc__ for name in names if not name.startswith("__"))
    tree = ast.parse(Path(str(getattr(module, "__file__"))).read_text(encoding="utf-8"))  # noqa: B009
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    (places,) = [node for node in ast.walk(block.orelse[0]) if isinstance(node, ast.Dict)]
    lazy = ast.literal_eval(places)
    lazy |= {name: "esrlab" for name, place in lazy.items() if place == f"esrlab.{name}"}
    assert imported == lazy
    assert names == {*lazy, "__version__"} if module is esrlab else names == set(lazy)


def test_a_name_that_is_not_there_is_an_attribute_error_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"'esrlab' has no attribute 'pnsr'; it has .*psnr"):
        getattr(esrlab, "pnsr")  # noqa: B009 (a type checker would refuse it)


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


# metrics


@pytest.mark.parametrize("border", [0, 3])
def test_psnr_and_ssim_are_another_librarys(sr: np.ndarray, hr: np.ndarray, border: int) -> None:
    inner = np.s_[border:-border, border:-border] if border else np.s_[:, :]
    expected = peak_signal_noise_ratio(hr[inner], sr[inner], data_range=255)
    assert esrlab.psnr(sr, hr, border=border) == pytest.approx(expected, abs=1e-4)
    expected = structural_similarity(
        hr[inner],
        sr[inner],
        data_range=255,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert esrlab.ssim(sr, hr, border=border) == pytest.approx(expected, abs=1e-5)


def test_arrays_pillow_images_files_and_tensors_give_one_number(
    sr: np.ndarray, hr: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(sr).save(tmp_path / "sr.png")
    kinds = [sr, Image.fromarray(sr), tmp_path / "sr.png", str(tmp_path / "sr.png"), as_batch(sr)]
    for metric in (esrlab.psnr, esrlab.ssim):
        values = [metric(kind, hr, channel="y") for kind in kinds]
        assert all(isinstance(value, float) for value in values)
        assert len(set(values)) == 1
    assert len({esrlab.lpips(kind, hr, weights="student") for kind in kinds}) == 1


def test_a_batch_gives_a_value_for_each_image(sr: np.ndarray, hr: np.ndarray) -> None:
    both = esrlab.psnr(as_batch(sr, hr), as_batch(hr, hr))
    assert isinstance(both, torch.Tensor)
    assert both.tolist() == [pytest.approx(esrlab.psnr(sr, hr)), math.inf]
    perceived = esrlab.lpips(as_batch(sr, hr), as_batch(hr, hr), weights="student")
    assert isinstance(perceived, torch.Tensor)
    assert perceived[0] > perceived[1] == 0


def test_lpips_is_its_authors_own_value(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(shared / "weights"))
    golden = json.loads((shared / "golden" / "lpips_set5.json").read_text())["lpips_alex_v0.1"]["bird"]
    picture = Image.open(shared / "benchmarks" / "Set5" / "HR" / "bird.png").convert("RGB")
    width, height = (side - side % 4 for side in picture.size)
    hr = picture.crop((0, 0, width, height))
    small = hr.resize((width // 4, height // 4), Image.Resampling.BICUBIC)
    assert esrlab.lpips(small.resize(hr.size, Image.Resampling.BICUBIC), hr) == pytest.approx(
        golden, abs=1e-5
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda image: image[..., 0], r"sr is an array of shape \(40, 48\).*np.stack"),
        (lambda image: np.dstack([image, image[..., :1]]), r"\(40, 48, 4\).*alpha"),
        (lambda image: image / 255, r"array of float64; .*uint8"),
        (lambda image: image[1:], r"sr has shape \(1, 3, 39, 48\), hr \(1, 3, 40, 48\)"),
        (lambda image: as_batch(image)[0], r"\(3, 40, 48\)"),
        (lambda image: as_batch(image) * 255, r"8-bit values, divide them by 255"),
        (lambda image: as_batch(image) * 2 - 1, r"\[-1, 1\], map them by \(image \+ 1\) / 2"),
        (lambda image: image.tolist(), r"sr is a list; give an 8-bit array"),
        (lambda image: "missing.png", r"missing\.png: No such file"),
    ],
)
def test_what_no_image_can_be_is_refused_with_value_and_remedy(
    hr: np.ndarray, spoil: Callable[[np.ndarray], Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        esrlab.psnr(spoil(hr), hr)


def test_an_array_that_may_not_be_written_to_is_read_without_a_warning(hr: np.ndarray) -> None:
    frozen = np.asarray(Image.fromarray(hr))
    assert not frozen.flags.writeable
    assert esrlab.psnr(frozen, hr[::-1][::-1]) == math.inf


def test_tensors_on_two_devices_are_told_where_to_go(hr: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"sr is on cpu and hr on meta: move one, hr\.to\('cpu'\)"):
        esrlab.psnr(as_batch(hr), as_batch(hr).to("meta"))


def test_a_tensor_of_another_order_is_told_how_to_turn(hr: np.ndarray) -> None:
    image = as_batch(hr)
    for wrong, remedy in (
        (image[0], "image[None]"),
        (image.permute(0, 2, 3, 1), "image.permute(0, 3, 1, 2)"),
    ):
        with pytest.raises(ValueError, match=re.escape(remedy)):
            esrlab.psnr(wrong, wrong)


def test_borders_channels_and_weights_that_are_none_are_refused(hr: np.ndarray) -> None:
    for call in (
        lambda: esrlab.psnr(hr, hr, border=20),
        lambda: esrlab.psnr(hr, hr, channel=cast(Any, "yuv")),
        lambda: esrlab.lpips(hr, hr, weights=cast(Any, "alex")),
    ):
        with pytest.raises(ValueError, match=r"20|yuv|alex"):
            call()


# losses


def test_losses_are_called_on_images_and_train(hr: np.ndarray) -> None:
    target = as_batch(hr)
    sr = torch.nn.Parameter(torch.full_like(target, 0.5))
    loss = esrlab.losses.L1()
    torch.testing.assert_close(loss(sr, target), torch.nn.functional.l1_loss(sr, target))
    torch.testing.assert_close(esrlab.losses.MSE()(sr, target), torch.nn.functional.mse_loss(sr, target))
    optimiser = torch.optim.Adam([sr], lr=0.05)
    values: list[float] = []
    for _ in range(5):
        optimiser.zero_grad()
        value = loss(sr, target)
        assert value.ndim == 0
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    "loss",
    [
        esrlab.losses.Charbonnier(),
        esrlab.losses.TotalVariation(beta=1.0),
        esrlab.losses.Content(network="vgg-student", layers={"conv3_4": 1.0}, weights="student"),
        esrlab.losses.PerceptualDistance(weights="student"),
    ],
    ids=lambda loss: loss.kind,
)
def test_every_loss_gives_a_gradient_and_is_what_trainings_use(hr: np.ndarray, loss: Any) -> None:
    target = as_batch(hr)
    sr = torch.rand_like(target).requires_grad_()
    value = loss(sr, target)
    (gradient,) = torch.autograd.grad(value, sr)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0
    inputs = LossInputs(lr=target, sr=sr, hr=target)
    assert torch.equal(value, loss.build(torch.device("cpu"))(inputs))


def test_a_network_is_loaded_once_for_all_equal_losses(
    monkeypatch: pytest.MonkeyPatch, hr: np.ndarray
) -> None:
    built: list[str] = []
    before = esrlab.losses.PerceptualDistance.build

    def build(self: Any, device: torch.device) -> Any:
        built.append(self.weights)
        return before(self, device)

    _build_once.cache_clear()
    monkeypatch.setattr(esrlab.losses.PerceptualDistance, "build", build)
    for _ in range(3):
        esrlab.losses.PerceptualDistance(weights="student")(as_batch(hr), as_batch(hr))
    assert built == ["student"]


def test_a_users_own_loss_is_run_again_when_it_was_edited(tmp_path: Path, hr: np.ndarray) -> None:
    file, image = tmp_path / "mine.py", as_batch(hr)
    loss = esrlab.losses.Custom(file=file)
    file.write_text("def loss(inputs):\n    return inputs.lr.mean()\n")
    small = torch.full((1, 3, 20, 24), 0.25)
    assert loss(image, image, small).item() == 0.25
    file.write_text("def loss(inputs):\n    return 2 * inputs.lr.mean()\n")
    assert loss(image, image, small).item() == 0.5
    with pytest.raises(ValueError, match=r"mine\.loss may use lr: call it as loss\(sr, hr, lr\)"):
        loss(image, image)


def test_losses_refuse_what_they_cannot_compare(hr: np.ndarray) -> None:
    image = as_batch(hr)
    with pytest.raises(ValueError, match=r"sr and hr must have the same shape"):
        esrlab.losses.L1()(image[..., 1:], image)
    with pytest.raises(ValueError, match=r"float16: pass sr\.float\(\)"):
        esrlab.losses.L1()(image.half(), image)
    with pytest.raises(ValueError, match=r"sr is a ndarray; a loss takes float tensors"):
        esrlab.losses.L1()(cast(Any, hr), image)


def test_adversarial_losses_are_functions_of_raw_scores() -> None:
    real, fake = torch.tensor([[2.0], [1.0]]), torch.tensor([[-1.0], [0.5]])
    hinge = esrlab.losses.adversarial_loss("hinge")
    assert hinge.critic_loss(real, fake).item() == pytest.approx(0 + (0 + 1.5) / 2)
    assert hinge.generator_loss(real, fake).item() == pytest.approx(0.25)
    with pytest.raises(ValueError, match=r"no adversarial loss 'hing', did you mean|hing"):
        esrlab.losses.adversarial_loss("hing")


# resizing


def test_resizing_is_matlabs(shared: Path) -> None:
    cases = json.loads((shared / "golden" / "matlab_imresize.json").read_text())["cases"]
    for case in cases:
        size = case["n"]
        ramp = torch.arange(size * size, dtype=torch.float64).reshape(1, 1, size, size) / 255
        answer = torch.tensor(case["answer"], dtype=torch.float64)
        small = esrlab.resize(ramp.expand(-1, 3, -1, -1), scale=1 / case["scale"])
        torch.testing.assert_close(small[0, 1], answer / 255, rtol=0, atol=1e-9)


def test_resizing_keeps_the_kind(hr: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(hr).save(tmp_path / "hr.png")
    for scale, size in ((1 / 4, (10, 12)), (2, (80, 96))):
        array = esrlab.resize(hr, scale=scale)
        assert isinstance(array, np.ndarray)
        assert array.dtype == np.uint8
        assert array.shape == (*size, 3)
        assert np.array_equal(array, esrlab.resize(hr, size=size))
        for given in (Image.fromarray(hr), tmp_path / "hr.png"):
            picture = esrlab.resize(given, scale=scale)
            assert isinstance(picture, Image.Image)
            assert np.array_equal(np.array(picture), array)
        tensor = esrlab.resize(as_batch(hr), scale=scale)
        assert np.abs(tensor[0].permute(1, 2, 0).numpy() * 255 - array).max() <= 0.501
    older = esrlab.resize(hr, scale=1 / 4, convention="matlab-8bit")
    assert 0 < np.abs(older.astype(int) - esrlab.resize(hr, scale=1 / 4)).max() <= 12


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "a scale or a size"),
        ({"scale": 2, "size": (80, 96)}, "a scale or a size"),
        ({"scale": 1.5}, "scale 1.5 is not a whole factor"),
        ({"scale": 0}, "scale 0 is not a whole factor"),
        ({"size": (10, 24)}, r"size 10×24 of an image of 40×48 .* is not a whole factor"),
        ({"size": (20,)}, r"size is \(20,\); it is \(height, width\)"),
        ({"scale": 1 / 7}, r"does not divide by 7: crop it to 35×42 first"),
        ({"scale": 2, "convention": "matlab-8bit"}, "can only shrink"),
        ({"scale": 1 / 2, "convention": "pillow"}, "unknown convention 'pillow'"),
    ],
)
def test_resizing_refuses_what_it_cannot_do(hr: np.ndarray, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        esrlab.resize(hr, **options)


# training, loading, evaluating


def test_a_generator_is_a_function_that_keeps_the_kind(run: Path, hr: np.ndarray, tmp_path: Path) -> None:
    upscale = esrlab.load(run, device="cpu")
    assert upscale.scale == 2
    Image.fromarray(hr).save(tmp_path / "photo.png")
    tensor = upscale(as_batch(hr, hr[::-1].copy()))
    assert tensor.shape == (2, 3, 80, 96)
    assert not tensor.is_inference()
    assert not tensor.requires_grad
    array = upscale(hr)
    assert array.dtype == np.uint8
    assert np.array_equal(array, (tensor[0] * 255).round().byte().permute(1, 2, 0).numpy())
    for given in (Image.fromarray(hr), tmp_path / "photo.png", str(tmp_path / "photo.png")):
        assert np.array_equal(np.array(upscale(given)), array)
    with pytest.raises(ValueError, match=r"image has shape \(3, 40, 48\); a generator takes .*image\[None\]"):
        upscale(as_batch(hr)[0])


def test_a_generator_is_loaded_from_a_file_or_a_runs_folder(
    run: Path, hr: np.ndarray, tmp_path: Path
) -> None:
    weights = esrlab.load(run, device="cpu").network.state_dict()
    torch.save(weights, tmp_path / "plain.pth")
    with pytest.raises(ValueError, match="scale=2 or scale=3"):
        esrlab.load(tmp_path / "plain.pth")
    from_pth = esrlab.load(tmp_path / "plain.pth", scale=2, device="cpu")
    from_file = esrlab.load(str(run / "generator.safetensors"), device="cpu")
    assert np.array_equal(from_pth(hr), from_file(hr))
    with pytest.raises(ValueError, match="is a folder without a run"):
        esrlab.load(tmp_path)


def test_training_goes_on_and_tells_each_step(run: Path, tmp_path: Path) -> None:
    recipe = esrlab.Recipe.model_validate(
        {
            "name": "mine",
            "scale": 2,
            "steps": 2,
            "terms": [{"name": "pixel", "weight": 1.0, "loss": esrlab.losses.Charbonnier()}],
            "generator": {"features": 8, "growth": 4, "blocks": 1},
            "patches": {"lr_size": 16, "batch": 2},
            "validation": {"every": 100},
        }
    )
    told: list[int] = []
    for steps in (2, 3):
        out = esrlab.train(
            recipe,
            photos="samples",
            out=tmp_path / "run",
            fields={"steps": steps, "generator.init": run / "generator.safetensors"},
            device="cpu",
            on_step=lambda step, row: told.append(step),
        )
    assert told == [1, 2, 3]
    assert out.generator.is_file()


def test_training_takes_photographs_and_names_what_it_skips(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(random_image(64, 64)).save(photos / "good.png")
    (photos / "bad.png").write_bytes(b"no image")
    run = esrlab.train("psnr", photos=photos, out=tmp_path / "run", fields={**TINY, "scale": 2}, device="cpu")
    assert run.generator.is_file()
    assert "skipped bad.png" in caplog.text
    with pytest.raises(ValueError, match=r"no recipe 'pnsr'.*psnr"):
        esrlab.train("pnsr", out=tmp_path / "other")
    with pytest.raises(ValueError, match="below 4294967296, not -1"):
        esrlab.train("psnr", out=tmp_path / "other", seed=-1)


def test_a_run_that_is_given_up_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mine.py").write_text("def loss(sr, hr):\n    return sr.mean() * float('nan')\n")
    recipe = esrlab.Recipe.model_validate(
        {
            "name": "nan",
            "scale": 2,
            "steps": 2,
            "terms": [{"name": "mine", "weight": 1, "loss": esrlab.losses.Custom(file=tmp_path / "mine.py")}],
            "generator": {"features": 8, "growth": 4, "blocks": 1},
            "patches": {"lr_size": 16, "batch": 2},
            "engine": {"max_rollbacks": 0},
        }
    )
    fields = {"optimiser.min_lr_ratio": 0.1}
    run = esrlab.train(recipe, out=tmp_path / "run", device="cpu", fields=fields)
    assert f"{run.path}: this run diverged at step 0 of 2" in caplog.text
    assert "optimiser.min_lr_ratio has no effect in nan" in caplog.text


def test_evaluating_gives_the_rows_that_a_benchmarks_custom_asks_for(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Two" / "HR"
    folder.mkdir(parents=True)
    images = {name: random_image(42, 49, seed=seed) for seed, name in enumerate(("one", "two"))}
    for name, image in images.items():
        Image.fromarray(image).save(folder / f"{name}.png")
    upscale = esrlab.load(run, device="cpu")
    rows = esrlab.evaluate(upscale, tmp_path / "Two", device="cpu")
    assert [row.image for row in rows[::4]] == ["Two/one", "Two/two"]
    assert [row.metric for row in rows[:4]] == ["PSNR-Y/2", "SSIM-Y/2", "PSNR-RGB/2", "SSIM-RGB/2"]
    hr = images["one"][:, :48]
    sr = upscale(esrlab.resize(hr, scale=1 / 2))
    assert rows[0].value == pytest.approx(esrlab.psnr(sr, hr, border=2, channel="y"), abs=1e-4)
    assert [row.value for row in esrlab.evaluate(run, folder, device="cpu")] == [row.value for row in rows]


def test_evaluating_makes_lr_images_as_for_the_training(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(random_image()).save(photos / "one.png")
    fields = {**TINY, "scale": 2, "patches.convention": "matlab-8bit"}
    older = esrlab.train("psnr", out=tmp_path / "run", fields=fields, device="cpu")
    rows = esrlab.evaluate(esrlab.load(older.path, device="cpu"), photos, device="cpu")
    assert "matlab-8bit" in rows[0].label
    with pytest.raises(ValueError, match="were trained with: psnr on matlab-8bit"):
        esrlab.evaluate(older.path, photos, convention="matlab", device="cpu")
    other = esrlab.evaluate("bicubic", photos, scale=2, convention="matlab-8bit", device="cpu")
    assert "matlab-8bit" in other[0].label


def test_evaluating_takes_a_network_of_ones_own(tmp_path: Path) -> None:
    Image.fromarray(random_image()).save(tmp_path / "one.png")
    network = torch.nn.Upsample(scale_factor=4, mode="nearest")
    rows = esrlab.evaluate(
        network, tmp_path, scale=4, metrics=("psnr", "lpips"), weights="student", device="cpu"
    )
    assert {row.recipe for row in rows} == {"Upsample"}
    assert [row.metric for row in rows] == ["PSNR-Y/4", "PSNR-RGB/4", "LPIPS≈"]
    assert network.training
    bicubic = esrlab.evaluate("bicubic", tmp_path, scale=4, metrics=["psnr"], name="MATLAB's")
    assert bicubic[0].value > rows[0].value
    assert bicubic[0].label == "MATLAB's"
    for call, said in (
        (lambda: esrlab.evaluate(lambda lr: lr, tmp_path), "function does not have a scale"),
        (lambda: esrlab.evaluate("gone.pth", tmp_path), "there is no file and no folder gone.pth"),
        (lambda: esrlab.evaluate("bicubic", tmp_path), "'bicubic' does not have a scale"),
        (lambda: esrlab.evaluate("bicubic", tmp_path, scale=4, metrics=["fid"]), "not fid"),
        (lambda: esrlab.evaluate(lambda lr: lr, tmp_path, scale=4), r"upscaled to \(1, 3, 10, 12\)"),
    ):
        with pytest.raises(ValueError, match=said):
            call()


def test_rows_are_read_where_a_study_keeps_them(tmp_path: Path) -> None:
    rows = esrlab.evaluate("bicubic", "samples", scale=4, metrics=["psnr"], device="cpu")
    write_scores(tmp_path / "scores.jsonl", rows)
    assert esrlab.read_scores(tmp_path / "scores.jsonl") == rows


def test_what_is_given_wrongly_is_named_clearly(tmp_path: Path) -> None:
    image = torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match="scale is '2'; it is a number"):
        esrlab.resize(image, scale="2")  # pyright: ignore[reportArgumentType, reportCallIssue]
    with pytest.raises(UserError, match=r"there is no file, run.s folder or model .*nope\. models that come"):
        esrlab.load(tmp_path / "nope")
    with pytest.raises(UserError, match=r"is a folder; give its file of rows, .*scores\.jsonl"):
        esrlab.read_scores(tmp_path)
    with pytest.raises(ValueError, match="same shape") as refused:
        esrlab.losses.L1()(image, image[..., :4])
    assert "lr" not in str(refused.value)
