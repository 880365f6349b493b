"""Large images are measured in pieces: to the value of the whole, in memory that does not grow with them."""

import subprocess
import sys

import pytest
import torch

from esrlab.core.structure import ssim_map
from esrlab.evaluation.metrics import tiles
from esrlab.evaluation.metrics.luma import luma
from esrlab.evaluation.metrics.psnr import psnr
from esrlab.evaluation.metrics.ssim import ssim
from esrlab.models.features.lpips import LPIPS_FORMS, LPIPSNetwork
from esrlab.models.features.students import LPIPSStudent

pytestmark = pytest.mark.slow


PEAK = """
import resource, sys, torch
from esrlab.evaluation.metrics.psnr import psnr
from esrlab.evaluation.metrics.ssim import ssim
hr = torch.rand(1, 3, int(sys.argv[1]), int(sys.argv[2]))
sr = hr.flip(-1)
psnr(sr[..., :64, :64], hr[..., :64, :64])
ssim(sr[..., :64, :64], hr[..., :64, :64], channel="y")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
psnr(sr, hr), psnr(sr, hr, channel="y"), ssim(sr, hr), ssim(sr, hr, channel="y")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("shape", [(700, 1100), (40, 9000), (9000, 40)])
def test_psnr_and_ssim_are_those_of_the_whole_image(shape: tuple[int, int]) -> None:
    sr, hr = torch.rand(1, 3, *shape), torch.rand(1, 3, *shape)
    for border in (0, 3):
        height, width = shape[0] - border, shape[1] - border
        one, other = (image[..., border:height, border:width].double() for image in (sr, hr))
        whole = -10 * torch.log10((one - other).square().mean())
        assert float(psnr(sr, hr, border=border)) == pytest.approx(float(whole), abs=1e-12)
        whole = -10 * torch.log10((luma(one) - luma(other)).square().mean())
        assert float(psnr(sr, hr, border=border, channel="y")) == pytest.approx(float(whole), abs=1e-12)
        whole = ssim_map(one, other).mean()
        assert float(ssim(sr, hr, border=border)) == pytest.approx(float(whole), abs=1e-12)


@pytest.mark.parametrize(("height", "width"), [(1500, 3000), (31, 5000), (400_000, 1)])
def test_psnr_and_ssim_hold_little_beside_the_images(height: int, width: int) -> None:
    wide = max(width, 11)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(height), str(wide)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 60_000


@pytest.mark.parametrize("shape", [(330, 500), (31, 700), (700, 47), (256, 257), (333, 288)])
@pytest.mark.parametrize("core", [1, 3, 8])
def test_a_distance_by_tiles_is_that_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], core: int
) -> None:
    monkeypatch.setattr(tiles, "_CORE", core)
    sr, hr = torch.rand(1, 3, *shape), torch.rand(1, 3, *shape)
    student, network = LPIPSStudent(), LPIPSNetwork()
    heads = {
        f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1)
        for i, width in enumerate(LPIPS_FORMS["alex"].widths)
    }
    network.fill(features=network.backbone.state_dict(), heads=heads)
    with torch.inference_mode():
        found = tiles.mean_distance(lambda a, b: student.compare(student.taps(a), student.taps(b)), sr, hr)
        torch.testing.assert_close(found, student(sr, hr), rtol=1e-5, atol=0)
        if core == 3:
            found = tiles.mean_distance(
                lambda a, b: network.distances(network.measure(a), network.measure(b)), sr, hr
            )
            torch.testing.assert_close(found, network(sr, hr), rtol=1e-5, atol=0)


def test_large_images_are_measured_by_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    from esrlab.evaluation.metrics import lpips
    from esrlab.models.students.loading import load_student

    student = load_student("lpips-student")
    assert isinstance(student, LPIPSStudent)
    sizes: list[int] = []
    student.convs[0].register_forward_hook(lambda _, given, __: sizes.append(given[0].shape[-1]))
    monkeypatch.setattr(lpips, "WHOLE_PIXELS", 100 * 100)
    monkeypatch.setattr(tiles, "_CORE", 4)
    sr, hr = torch.rand(1, 3, 200, 600), torch.rand(1, 3, 200, 600)
    value = lpips.StudentMeter(student)(sr, hr)
    assert max(sizes) == 15 * 16
    torch.testing.assert_close(value, student(sr, hr), rtol=1e-5, atol=0)
