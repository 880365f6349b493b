"""LPIPS-VGG and DISTS as metrics: n/a without their weights, and what they measure with a network."""

from functools import partial
from pathlib import Path

import pytest
import torch

from esrlab.core.metrics import BUILT_IN
from esrlab.errors import UserError
from esrlab.evaluation.metrics.choice import describe, settle
from esrlab.evaluation.metrics.dists import DISTS
from esrlab.evaluation.metrics.inputs import of_pair
from esrlab.evaluation.metrics.lpips_vgg import LPIPSVGG, measure_whole
from esrlab.evaluation.metrics.pairs import TooSmallError
from esrlab.evaluation.metrics.psnr import PSNR
from esrlab.models.dists_choice import build_dists
from esrlab.report.columns import name_conventions, other_columns

CPU = torch.device("cpu")


@pytest.mark.parametrize(("part", "weights"), [(LPIPSVGG(), "lpips-vgg"), (DISTS(), "dists")])
def test_without_weights_a_study_leaves_it_out_and_the_report_says_what_helps(
    part: LPIPSVGG | DISTS, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="esrlab weights get vgg16"):
        part.build(CPU)
    assert settle([PSNR(), part], students=True) == [PSNR()]
    known = BUILT_IN.joined(describe([PSNR(), part]))
    assert other_columns(known, ["PSNR-Y/2"])[-1] == part.info, "its column stays, n/a"
    notes = " ".join(name_conventions(known, ["PSNR-Y/2"], has_papers=False))
    assert f"No row has {part.info.id}: it was not asked for" in notes
    assert f"esrlab weights get {weights}" in notes


@pytest.mark.slow
def test_a_network_measures_whole_images() -> None:
    network = build_dists("untrained")
    metric = of_pair(DISTS().info, partial(measure_whole, network, CPU, 16))
    sr, hr = torch.rand(2, 1, 3, 24, 40, generator=torch.Generator().manual_seed(0))
    assert metric.measure(hr, hr) == 0
    with torch.inference_mode():
        assert metric.measure(sr, hr) == pytest.approx(network(sr, hr).item())
    with pytest.raises(TooSmallError, match="at least 16×16"):
        metric.measure(sr[..., :15], hr[..., :15])
