"""Methods of any origin scored on benchmarks, kept as rows, and merged with a study into one report."""

import dataclasses
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from esrlab.cli.commands.mean_tables import set_means
from esrlab.cli.main import call
from esrlab.core.metrics import described
from esrlab.core.scores import Score, read_scores
from esrlab.data.degradations.bicubic import crop_to_multiple, make_lr, round_to_8bit
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.evaluation.benchmark import evaluate
from esrlab.evaluation.metrics.choice import paper_metrics, parts_of, standard_metrics
from esrlab.evaluation.upscalers import cascade, generator_upscaler
from esrlab.models.generator_files import load_generator, save_generator
from esrlab.models.generators.rrdb import RRDBNet
from esrlab.report.logs import name_unfinished, read_logs
from esrlab.report.merging import merge_studies
from esrlab.report.study_files import read_merge_notes
from esrlab.report.tables import build_tables
from esrlab.study.runner import run_study
from esrlab.study.spec import parse_study
from listener import FIELDS, Listener

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two benchmarks, of two images and of one; none is a multiple of four."""
    root = tmp_path_factory.mktemp("comparing")
    images = [image for _, image in open_benchmark("samples", name="samples").images()]
    write_image(images[0][..., 80:161, 120:203], root / "Cats" / "HR" / "eye.png")
    write_image(images[0][..., 0:82, 60:140], root / "Cats" / "HR" / "ear.png")
    write_image(images[1][..., 100:181, 200:280], root / "Cups" / "cup.png")
    return root


@pytest.fixture(scope="module")
def study(place: Path, samples: Photos) -> Path:
    """A study of one recipe, ×2 and ×4, one seed, on both benchmarks."""
    asked = {
        "name": "small",
        "benchmarks": {"Cats": str(place / "Cats"), "Cups": str(place / "Cups")},
        "scales": [2, 4],
        "seeds": [0],
        "weights": "student",
        "fields": FIELDS,
        "recipes": {"psnr": {}},
        "claims": [{"id": "own", "words": "better", "better": "psnr", "than": "bicubic", "scales": [4]}],
    }
    out = place / "study"
    assert run_study(parse_study(asked), out=out, device=CPU, photos=samples, watcher=Listener()) == []
    return out


@pytest.fixture(scope="module")
def doubler(place: Path) -> Path:
    """A ×2 generator as another tool might have saved it: torch's format, no scale told."""
    torch.manual_seed(3)
    network = RRDBNet(scale=2, features=4, growth=2, blocks=1)
    torch.save({"params_ema": network.state_dict()}, place / "their+own.pth")
    return place / "their+own.pth"


@pytest.fixture
def run(place: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs esrlab in this process; returns standard output, or standard error where it is to fail."""

    def command(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        found = call([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert found == code, said.err
        return said.err if code else said.out

    return command


def on(place: Path, *names: str) -> list[str]:
    return [part for name in names for part in ("--benchmark", f"{name}={place / name}")]


def foreign_images(place: Path, folder: Path, *, add: float = 0.02) -> Path:
    """What another tool might have made: the true pictures, a little brighter, in one folder a benchmark."""
    for name in ("Cats", "Cups"):
        for image, hr in open_benchmark(str(place / name), name=name).images():
            write_image((hr + add).clamp(0, 1), folder / name / f"{image}.bmp")
    return folder


def test_bicubic_and_a_run_have_the_rows_of_their_study(place: Path, study: Path, run: Run) -> None:
    generator = study / "runs" / "psnr-x2-s0" / "generator.safetensors"
    options = [*on(place, "Cats", "Cups"), "--scale", 4, "--weights", "student", "--json"]
    answer = json.loads(run("evaluate", "bicubic", f"{generator}+{generator}", *options))
    found = [dataclasses.replace(Score(**row), study="small") for row in answer["rows"]]
    own = read_scores(study / "scores.jsonl")
    assert [row for row in own if row.recipe == "bicubic" and row.scale == 4] == found[: len(found) // 2]
    assert [row for row in own if row.recipe == "psnr-cascade"] == found[len(found) // 2 :]
    means = {(row["benchmark"], row["recipe"], row["metric"]): row for row in answer["mean"]}
    assert means["Cats", "bicubic", "PSNR-Y/4"]["images"] == 2
    assert "LPIPS≈" in {row.metric for row in found}


def test_a_cascade_is_the_generator_applied_twice(place: Path, doubler: Path, run: Run) -> None:
    options = [*on(place, "Cats"), "--scale", 4, "--metrics", "psnr", "--json"]
    answer = json.loads(run("evaluate", f"{doubler}+{doubler}", *options))
    twice = generator_upscaler(load_generator(doubler, scale=2), device=CPU)
    benchmark = open_benchmark(str(place / "Cats"), name="Cats")
    metrics = [one for one in (*standard_metrics(4), *paper_metrics()) if one.name.startswith("PSNR")]
    expected = list(evaluate(cascade(twice, twice), benchmark, scale=4, metrics=metrics))
    assert [(row["image"], row["metric"], row["value"]) for row in answer["rows"]] == [
        (one.image, one.metric, one.value) for one in expected
    ]
    assert {(row["recipe"], row["seed"]) for row in answer["rows"]} == {("their+own-cascade", None)}
    lr = make_lr(crop_to_multiple(next(benchmark.images())[1], 4), 4)
    assert torch.equal(cascade(twice, twice)(lr), twice(twice(lr)))


def test_images_of_any_tool_are_matched_cropped_and_measured(place: Path, tmp_path: Path, run: Run) -> None:
    theirs = foreign_images(place, tmp_path / "theirs")
    options = ["--scale", 4, "--metrics", "psnr", "--json"]
    both = json.loads(run("evaluate", theirs, *on(place, "Cats", "Cups"), *options))["rows"]
    assert {row["image"] for row in both} == {"Cats/eye", "Cats/ear", "Cups/cup"}
    assert {(row["recipe"], row["label"], row["seed"], row["step"]) for row in both} == {
        ("theirs", "theirs", None, None)
    }
    one = json.loads(run("evaluate", theirs / "Cups", *on(place, "Cups"), *options))["rows"]
    assert [row["value"] for row in one] == [row["value"] for row in both if row["image"] == "Cups/cup"]
    benchmark = open_benchmark(str(place / "Cups"), name="Cups")
    for _, hr in benchmark.images():
        cropped = crop_to_multiple(hr, 4)
        write_image((cropped + 0.02).clamp(0, 1), tmp_path / "cropped" / "cup.png")
        expected = standard_metrics(4)[0].measure(round_to_8bit((cropped + 0.02).clamp(0, 1)), cropped)
        assert next(row["value"] for row in one if row["metric"] == "PSNR-Y/4") == expected
    again = json.loads(run("evaluate", tmp_path / "cropped", *on(place, "Cups"), *options))["rows"]
    assert [row["value"] for row in again] == [row["value"] for row in one]


def test_a_runs_folder_stands_for_its_generator(place: Path, study: Path, tmp_path: Path, run: Run) -> None:
    options = [*on(place, "Cups"), "--scale", 4, "--metrics", "psnr", "--json"]
    folder = study / "runs" / "psnr-x4-s0"
    assert run("evaluate", folder, *options) == run("evaluate", folder / "generator.safetensors", *options)
    double = study / "runs" / "psnr-x2-s0"
    assert run("evaluate", f"{double}+{double}/generator.safetensors", *options) == run(
        "evaluate", f"{double}/generator.safetensors+{double}/generator.safetensors", *options
    )
    shutil.copytree(folder, tmp_path / "cut")
    (tmp_path / "cut" / "generator.safetensors").rename(tmp_path / "cut" / "best.safetensors")
    said = run("evaluate", tmp_path / "cut", *options, code=2)
    assert (
        "is a run that is not finished; finish it by running the same esrlab train command again, or use "
        f"the best generator so far, {tmp_path}" in said
    )


def test_what_does_not_fit_is_named(place: Path, tmp_path: Path, run: Run) -> None:
    asked = [*on(place, "Cats"), "--scale", 4, "--metrics", "psnr"]
    assert "is neither a file nor a folder" in run("evaluate", tmp_path / "absent", *asked, code=2)
    assert "not a generator's file" in run("evaluate", place / "Cups" / "cup.png", *asked, code=2)
    save_generator(RRDBNet(scale=2, features=4, growth=2, blocks=1), tmp_path / "x2.safetensors", about={})
    assert "is a ×2 generator" in run("evaluate", tmp_path / "x2.safetensors", *asked, code=2)
    save_generator(RRDBNet(scale=3, features=4, growth=2, blocks=1), tmp_path / "x3.safetensors", about={})
    mixed = f"{tmp_path / 'x2.safetensors'}+{tmp_path / 'x3.safetensors'}"
    assert "make ×2∘×3 = ×6" in run("evaluate", mixed, *asked, code=2)
    assert "two METHODs have the name bicubic" in run("evaluate", "bicubic", "bicubic", *asked, code=2)
    assert "--name is given 1 time for 2" in run(
        "evaluate", "bicubic", place / "Cats", *asked, "--name", "a", code=2
    )
    assert "give either --benchmark" in run("evaluate", "bicubic", "--scale", 4, code=2)
    assert "--seed, --convention, --degradation and --replace need --benchmark" in run(
        "evaluate", place, place, "--against", place, "--scale", 4, code=2
    )
    for wicked in ("../up", "lr", "a/b", ".hidden", "x\n", "", "a."):
        said = run("evaluate", "bicubic", *asked, "--name", wicked, "--out", tmp_path / "o", code=2)
        assert "choose another one than" in said
    assert not (tmp_path / "o").exists()
    theirs = foreign_images(place, tmp_path / "theirs")
    (theirs / "Cats" / "ear.bmp").rename(theirs / "Cats" / "ear_x4.bmp")
    (theirs / "Cats" / "eye.bmp").unlink()
    assert "has no image of the same name" in run("evaluate", theirs, *asked, code=1)
    write_image(torch.rand(1, 3, 20, 20), theirs / "Cats" / "eye.png")
    assert "eye.png is 20×20, but Cats/eye is 83×81" in run("evaluate", theirs, *asked, code=1)


def test_rows_are_kept_added_to_and_replaced_only_when_asked(place: Path, tmp_path: Path, run: Run) -> None:
    out, theirs = tmp_path / "others", foreign_images(place, tmp_path / "theirs")
    asked = ["--scale", 4, "--metrics", "psnr", "--out", out]
    run("evaluate", "bicubic", theirs, *on(place, "Cats"), *asked)
    first = read_scores(out / "scores.jsonl")
    assert {row.study for row in first} == {"others"}
    assert (out / "pictures" / "x4" / "theirs" / "Cats" / "eye.png").exists()
    assert (out / "pictures" / "x4" / "hr" / "Cats" / "ear.png").exists()
    run("evaluate", theirs, *on(place, "Cats"), *asked)
    assert read_scores(out / "scores.jsonl") == first, "the same rows in their places"
    run("evaluate", "bicubic", *on(place, "Cups"), *asked)
    assert read_scores(out / "scores.jsonl")[: len(first)] == first, "another benchmark's come after"

    brighter = foreign_images(place, tmp_path / "elsewhere" / "theirs", add=0.1)
    before = (out / "scores.jsonl").read_bytes()
    said = run("evaluate", brighter, *on(place, "Cats"), *asked, code=2)
    assert "holds rows of another theirs ×4" in said
    assert (out / "scores.jsonl").read_bytes() == before
    run("evaluate", brighter, *on(place, "Cats"), *asked, "--replace")
    now = {(row.recipe, row.image): row.value for row in read_scores(out / "scores.jsonl")}
    old = {(row.recipe, row.image): row.value for row in first}
    assert now["bicubic", "Cats/eye"] == old["bicubic", "Cats/eye"]
    assert now["theirs", "Cats/eye"] < old["theirs", "Cats/eye"] - 5
    other = ["--benchmark", f"Cats={place / 'Cups'}"]
    assert "Cats was 2 other images" in run("evaluate", "bicubic", *other, *asked, code=2)
    assert "holds no evaluated methods" in run(
        "evaluate", "bicubic", *on(place, "Cats"), "--scale", 4, "--out", place, code=2
    )


def test_a_collapsed_run_is_marked_and_a_studys_folder_is_left_alone(
    place: Path, study: Path, tmp_path: Path, run: Run
) -> None:
    shutil.copytree(study / "runs" / "psnr-x4-s0", tmp_path / "fallen")
    ended = json.loads((tmp_path / "fallen" / "outcome.json").read_text())
    (tmp_path / "fallen" / "outcome.json").write_text(json.dumps(ended | {"outcome": "collapsed", "step": 2}))
    asked = [*on(place, "Cups"), "--scale", 4, "--metrics", "psnr"]
    rows = json.loads(run("evaluate", tmp_path / "fallen" / "generator.safetensors", *asked, "--json"))[
        "rows"
    ]
    assert {(row["recipe"], row["seed"], row["step"], row["outcome"]) for row in rows} == {
        ("psnr", 0, 2, "collapsed")
    }
    assert "holds a study" in run("evaluate", "bicubic", *asked, "--out", study, code=2)
    wicked = json.loads((tmp_path / "fallen" / "recipe.json").read_text())
    wicked["recipe"]["name"] = "../../up"
    (tmp_path / "fallen" / "recipe.json").write_text(json.dumps(wicked))
    fallen = tmp_path / "fallen" / "generator.safetensors"
    assert "choose another one" in run("evaluate", fallen, *asked, "--out", tmp_path / "o", code=2)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_foreign_method_is_one_more_line_and_the_merged_report_always_the_same(
    place: Path, study: Path, tmp_path: Path, run: Run
) -> None:
    theirs = foreign_images(place, tmp_path / "theirs")
    others, out = tmp_path / "others", tmp_path / "all"
    label = 'Theirs & <b>co</b>_1, "quoted"'
    options = [*on(place, "Cats", "Cups"), "--scale", 4, "--weights", "student", "--out", others]
    run("evaluate", theirs, *options, "--name", "their one", "--label", label)
    alone = build_tables(read_scores(study / "scores.jsonl"))
    merged = json.loads(run("report", study, others, "--out", out, "--json"))
    for before, now in zip(alone, merged["tables"], strict=True):
        lines = [row["cells"] for row in now["rows"]]
        added = [cells for cells in lines if tuple(cells) not in [row.cells for row in before.rows]]
        assert [cells[:2] for cells in added] == [["×4", "their one"]]
        assert added[0][-1] == "–", "it has no seed"
    assert merged["verdicts"][0]["id"] == "own", "the study's own claims are judged"
    crops = (out / "figures" / "crops-x4.svg").read_text()
    assert (out / "pictures" / "x4" / "their one" / "Cats" / "eye.png").exists()
    assert len(re.findall(r'<g id="axes_', crops)) == 3 * 6, "LR, bicubic, ×4, cascade, theirs, HR"
    files = files_of(out)
    assert "<b>co" not in files["report.html"].decode()
    assert "<b>co" not in files["report.md"].decode()
    run("report", study, others, "--out", out)
    assert files_of(out) == files
    for one in (study, others):
        assert "is one of the folders" in run("report", study, others, "--out", one, code=2)
    assert "holds no merged report" in run("report", study, others, "--out", place, code=2)
    assert "holds a merged report" in run("evaluate", "bicubic", *options[:-1], out, code=2)


def copy_with(study: Path, place: Path, **change: Any) -> Path:
    """A study's copy, its rows, its recipes' fields and its name changed."""
    shutil.copytree(study, place)
    rows = [json.loads(line) for line in (place / "scores.jsonl").read_text().splitlines()]
    for row in rows:
        row["study"] = change.get("name", row["study"])
        row["seed"] = row["seed"] if row["seed"] is None else row["seed"] + change.get("seed", 0)
        row["value"] += change.get("shift", 0) if row["recipe"] != "bicubic" else change.get("bicubic", 0)
    (place / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for path in (place / "runs").glob("*/recipe.json"):
        about = json.loads(path.read_text())
        about["recipe"]["steps"] = change.get("steps", about["recipe"]["steps"])
        path.write_text(json.dumps(about))
    return place


def test_equal_recipes_are_more_seeds_and_others_are_kept_apart(
    study: Path, tmp_path: Path, run: Run
) -> None:
    more = copy_with(study, tmp_path / "more", name="more", seed=1, shift=0.5)
    longer = copy_with(study, tmp_path / "longer", name="../up", steps=9, shift=0.25)
    merge_studies([study, more, longer], tmp_path / "all")
    rows = read_scores(tmp_path / "all" / "scores.jsonl")
    assert {(row.recipe, row.seed) for row in rows if row.recipe != "bicubic"} == {
        *((name, seed) for name in ("psnr", "psnr-cascade") for seed in (0, 1)),
        *((f"psnr (.._up){end}", 0) for end in ("", "-cascade")),
    }
    assert sum(row.recipe == "bicubic" for row in rows) == 2 * 3 * 7, "bicubic's rows are there once"
    assert read_merge_notes(tmp_path / "all") == [
        "psnr of .._up is shown as psnr (.._up): they differ in steps (3 and 9)."
    ]
    assert (tmp_path / "all" / "pictures" / "x4" / "psnr (.._up)-cascade" / "Cats" / "eye.png").exists()
    assert name_unfinished(tmp_path / "all", rows) == []
    assert {log.recipe for log in read_logs(tmp_path / "all")} == {"psnr", "psnr (.._up)"}
    merge_studies([study, more], tmp_path / "apart", apart=True)
    apart = {row.recipe for row in read_scores(tmp_path / "apart" / "scores.jsonl")}
    assert apart == {"bicubic", "psnr", "psnr-cascade", "psnr (more)", "psnr (more)-cascade"}


def test_rows_of_two_values_and_benchmarks_of_other_images_are_refused(
    study: Path, tmp_path: Path, run: Run
) -> None:
    again = copy_with(study, tmp_path / "again", name="again", shift=0.5)
    said = run("report", study, again, "--out", tmp_path / "all", code=2)
    assert re.search(r"psnr ×2, seed 0, Cats/e\w+, PSNR-Y/2: .* in .*/study, .* in .*/again", said)
    assert "give --apart" in said
    odd = copy_with(study, tmp_path / "odd", name="odd", bicubic=1.0, steps=9)
    assert "bicubic ×2" in run("report", study, odd, "--out", tmp_path / "all", "--apart", code=2)
    manifest = json.loads((odd / "manifest.json").read_text())
    manifest["benchmarks"]["Cats"]["fingerprint"] = "0" * 16
    (odd / "manifest.json").write_text(json.dumps(manifest))
    said = run("report", study, odd, "--out", tmp_path / "all", code=2)
    assert "Cats is 2 images (fingerprint" in said
    assert not (tmp_path / "all").exists()
    assert "given twice" in run("report", study, study, "--out", tmp_path / "all", code=2)


def test_another_lpips_is_named(place: Path, study: Path, tmp_path: Path, run: Run) -> None:
    options = [*on(place, "Cats", "Cups"), "--scale", 4, "--metrics", "psnr,ssim"]
    run("evaluate", foreign_images(place, tmp_path / "theirs"), *options, "--out", tmp_path / "others")
    merge_studies([study, tmp_path / "others"], tmp_path / "all")
    (note,) = read_merge_notes(tmp_path / "all")
    assert "not measured with the same LPIPS (small: LPIPS≈; others: none)" in note


def test_a_mean_of_fewer_images_says_so(place: Path, tmp_path: Path, run: Run) -> None:
    theirs = foreign_images(place, tmp_path / "theirs")
    (theirs / "Cats" / "ear.bmp").write_text("no image")
    out = tmp_path / "others"
    asked = [*on(place, "Cats"), "--scale", 4, "--metrics", "psnr", "--out", out]
    assert call([str(part) for part in ("evaluate", theirs, "bicubic", *asked)]) == 1
    shown = " ".join(run("evaluate", "bicubic", *asked).split())
    assert "Cats, means of 2 images, ×4" in shown
    assert "(mean of" not in shown
    report = run("report", out)
    assert "theirs ¶" in report
    assert "higher on the 1 of 2 images that all have" in " ".join(report.split())


def test_evaluates_table_tells_of_how_many_images_a_row_is() -> None:
    means = [
        {"recipe": name, "seed": None, "scale": 4, "metric": "PSNR-Y/4", "images": images, "value": 30.0}
        for name, images in (("bicubic", 5), ("o3", 3))
    ]
    shown, infos = io.StringIO(), {"PSNR-Y/4": described("PSNR-Y/s")}
    Console(file=shown, width=100).print(set_means("Set5", means, infos, images=5))
    assert "o3 (mean of 3 of 5 images)" in shown.getvalue()
    assert "bicubic (" not in shown.getvalue()
    assert "not comparable" in shown.getvalue()


def test_many_metrics_have_a_row_each_and_all_are_shown_in_a_narrow_terminal() -> None:
    kinds = ("psnr", "ssim", "lpips", "ms-ssim", "lr-psnr", "niqe")
    infos = {part.info.at(4): part.info for part in parts_of(kinds)}
    head = {"recipe": "bicubic", "seed": None, "scale": 4, "images": 5}
    means = [head | {"metric": metric, "value": 12.34567} for metric in infos]
    shown = io.StringIO()
    Console(file=shown, width=60).print(set_means("Set5", means, infos, images=5))
    for info in infos.values():
        line = next(line for line in shown.getvalue().splitlines() if info.at(4) in line.split())
        assert line.split()[-1] == info.show(12.34567)
    assert "bicubic" in shown.getvalue()
