"""esrlab: a loss-function laboratory for image super-resolution.

    import esrlab

    run = esrlab.train("psnr", photos="DIV2K/train", out="runs/first")
    upscale = esrlab.load(run.generator)
    rows = esrlab.evaluate(upscale, "Set5")

Everything is imported when it is first used, so that `import esrlab` itself takes no time.
"""

from typing import TYPE_CHECKING

from esrlab.core.lazy_names import lazy_names
from esrlab.core.version import __version__

if TYPE_CHECKING:  # what follows `else` must name the same; tests/test_api.py holds them together
    from esrlab import losses
    from esrlab.core.scores import read_scores
    from esrlab.evaluation.functional import lpips, psnr, resize, ssim
    from esrlab.evaluation.loaded import load
    from esrlab.evaluation.rows import evaluate
    from esrlab.kinship.measure import measure_kinship
    from esrlab.recipes.recipe import Recipe
    from esrlab.study.single_run import train
    from esrlab.upscaling.images import upscale
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Recipe": "esrlab.recipes.recipe",
            "evaluate": "esrlab.evaluation.rows",
            "load": "esrlab.evaluation.loaded",
            "losses": "esrlab.losses",
            "lpips": "esrlab.evaluation.functional",
            "measure_kinship": "esrlab.kinship.measure",
            "psnr": "esrlab.evaluation.functional",
            "read_scores": "esrlab.core.scores",
            "resize": "esrlab.evaluation.functional",
            "ssim": "esrlab.evaluation.functional",
            "train": "esrlab.study.single_run",
            "upscale": "esrlab.upscaling.images",
        },
    )

__all__ = [
    "Recipe",
    "__version__",
    "evaluate",
    "load",
    "losses",
    "lpips",
    "measure_kinship",
    "psnr",
    "read_scores",
    "resize",
    "ssim",
    "train",
    "upscale",
]
