"""The losses, ready to be called: `esrlab.losses.L1()(sr, hr)` is a scalar tensor with a gradient to sr.

They are the records that recipes hold. `adversarial_loss(name)` gives an adversarial loss's two halves, as
functions of the critic's raw scores: `adversarial_loss("wgan").generator_loss(real, fake)`.
"""

from typing import TYPE_CHECKING

from esrlab.core.lazy_names import lazy_names

if TYPE_CHECKING:  # what follows `else` must name the same; tests/test_api.py holds them together
    from esrlab.losses.adversarial import AdversarialLoss, adversarial_loss, clip_parameters, gradient_penalty
    from esrlab.losses.content import Content
    from esrlab.losses.custom import Custom
    from esrlab.losses.edges import GradientVariance, SobelGradient
    from esrlab.losses.laplacian import LaplacianPyramid
    from esrlab.losses.lpips import PerceptualDistance
    from esrlab.losses.pixel import L1, MSE, Charbonnier, Huber
    from esrlab.losses.structure import MSSSIM, SSIM
    from esrlab.losses.variation import TotalVariation
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "L1": "esrlab.losses.pixel",
            "MSE": "esrlab.losses.pixel",
            "Charbonnier": "esrlab.losses.pixel",
            "Huber": "esrlab.losses.pixel",
            "SSIM": "esrlab.losses.structure",
            "MSSSIM": "esrlab.losses.structure",
            "SobelGradient": "esrlab.losses.edges",
            "GradientVariance": "esrlab.losses.edges",
            "LaplacianPyramid": "esrlab.losses.laplacian",
            "Content": "esrlab.losses.content",
            "Custom": "esrlab.losses.custom",
            "AdversarialLoss": "esrlab.losses.adversarial",
            "PerceptualDistance": "esrlab.losses.lpips",
            "TotalVariation": "esrlab.losses.variation",
            "clip_parameters": "esrlab.losses.adversarial",
            "adversarial_loss": "esrlab.losses.adversarial",
            "gradient_penalty": "esrlab.losses.adversarial",
        },
    )

__all__ = [
    "L1",
    "MSE",
    "MSSSIM",
    "SSIM",
    "AdversarialLoss",
    "Charbonnier",
    "Content",
    "Custom",
    "GradientVariance",
    "Huber",
    "LaplacianPyramid",
    "PerceptualDistance",
    "SobelGradient",
    "TotalVariation",
    "adversarial_loss",
    "clip_parameters",
    "gradient_penalty",
]
