"""Y is MATLAB's rgb2ycbcr."""

import pytest
import torch
from skimage.color import rgb2ycbcr

from esrlab.evaluation.metrics.luma import luma


def test_equals_skimage() -> None:
    image = torch.rand(2, 3, 9, 7, dtype=torch.float64)
    theirs = torch.from_numpy(rgb2ycbcr(image.permute(0, 2, 3, 1).numpy())[..., :1] / 255).permute(0, 3, 1, 2)
    torch.testing.assert_close(luma(image), theirs, rtol=0, atol=1e-12)


def test_limits_and_dtype() -> None:
    for dtype in (torch.float32, torch.float64):
        ends = luma(torch.tensor([0.0, 1.0], dtype=dtype).reshape(2, 1, 1, 1).expand(2, 3, 1, 1))
        assert ends.shape == (2, 1, 1, 1)
        assert ends.dtype == dtype
        assert ends.flatten().tolist() == pytest.approx([16 / 255, 235 / 255], abs=1e-6)


def test_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        luma(torch.rand(1, 1, 4, 4))
    with pytest.raises(ValueError, match="divide them by 255"):
        luma(torch.full((1, 3, 4, 4), 200.0))
