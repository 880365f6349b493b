"""Paths as text work wherever a Path does: from photographs to a report."""

from pathlib import Path

import torch

from esrlab.core.scores import read_scores, write_scores
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.evaluation.benchmark import compare_folders, evaluate_folder
from esrlab.evaluation.metrics.choice import standard_metrics
from esrlab.evaluation.scoring import open_score_folder
from esrlab.models.generator_files import load_generator, save_generator
from esrlab.report.build import make_report
from esrlab.report.merging import merge_studies
from esrlab.study.runner import run_study
from esrlab.study.spec import Study
from esrlab.training.loop import train
from listener import FIELDS, Listener
from tiny import tiny

CPU = torch.device("cpu")


def test_a_run_and_its_generator(tmp_path: Path, samples: Photos) -> None:
    folder = train(tiny("psnr", steps=1), samples, seed=0, device=CPU, out=f"{tmp_path}/run")
    assert folder.path == tmp_path / "run"
    generator = load_generator(f"{tmp_path}/run/generator.safetensors")
    save_generator(generator, f"{tmp_path}/again.safetensors", about={})
    assert load_generator(f"{tmp_path}/again.safetensors").scale == 2


def test_folders_of_images(tmp_path: Path) -> None:
    write_image(torch.rand(1, 3, 24, 24), tmp_path / "a.png")
    metrics = standard_metrics(2)[:1]
    assert compare_folders(f"{tmp_path}", f"{tmp_path}", metrics=metrics)["images"]
    benchmark = open_benchmark(f"{tmp_path}", name="b")
    assert list(evaluate_folder(f"{tmp_path}", benchmark, scale=2, metrics=metrics))
    assert open_score_folder(f"{tmp_path}/new").path == tmp_path / "new"


def test_a_study_its_rows_and_reports(tmp_path: Path, samples: Photos) -> None:
    write_image(torch.rand(1, 3, 32, 32), tmp_path / "images" / "a.png")
    fields = {**FIELDS, "steps": 1}
    benchmarks = {"b": f"{tmp_path}/images"}
    study = Study(
        name="s", scales=(2,), seeds=(0,), fields=fields, recipes={"psnr": {}}, benchmarks=benchmarks
    )
    out = f"{tmp_path}/study"
    assert run_study(study, out=out, device=CPU, photos=samples, watcher=Listener()) == []
    rows = read_scores(f"{out}/scores.jsonl")
    write_scores(f"{out}/scores.jsonl", rows)
    assert make_report(out).files
    assert merge_studies([out], f"{tmp_path}/merged") == tmp_path / "merged"
