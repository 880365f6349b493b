"""The losses, ready to be called: `esrlab.losses.L1()(sr, hr)` is a scalar tensor with a gradient to sr.

They are the records that recipes hold. `adversarial_loss(name)` gives an adversarial loss's two halves, as
functions of the critic's raw scores: `adversarial_loss("wgan").generator_loss(real, fake)`.
"""

from typing import TYPE_CHECKING

from esrlab.core.lazy_names import lazy_names

if TYPE_CHECKING:  # what follows `else` must name the same; tests/test_api.py holds them together
    from esrlab.losses.adversarial import AdversarialLoss, adversarial_loss, clip_parameters, gradient_penalty
    from esrlab.losses.colour import BlurredColour, Chroma
    from esrlab.losses.consistency import Consistency
    from esrlab.losses.content import Content
    from esrlab.losses.contextual import Contextual
    from esrlab.losses.custom import Custom
    from esrlab.losses.dists import DISTS
    from esrlab.losses.edges import GradientVariance, SobelGradient
    from esrlab.losses.fdl import FrequencyDistribution
    from esrlab.losses.focal_frequency import FocalFrequency
    from esrlab.losses.fourier import FourierAmplitudePhase
    from esrlab.losses.gram import Gram
    from esrlab.losses.laplacian import LaplacianPyramid
    from esrlab.losses.ldl import LDL
    from esrlab.losses.lpips import PerceptualDistance
    from esrlab.losses.pixel import L1, MSE, Charbonnier, Huber
    from esrlab.losses.sliced import SlicedWasserstein
    from esrlab.losses.structure import MSSSIM, SSIM
    from esrlab.losses.variation import TotalVariation
    from esrlab.losses.wavelet import StationaryWavelet
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
            "BlurredColour": "esrlab.losses.colour",
            "Chroma": "esrlab.losses.colour",
            "Consistency": "esrlab.losses.consistency",
            "Contextual": "esrlab.losses.contextual",
            "DISTS": "esrlab.losses.dists",
            "FrequencyDistribution": "esrlab.losses.fdl",
            "Gram": "esrlab.losses.gram",
            "LDL": "esrlab.losses.ldl",
            "SlicedWasserstein": "esrlab.losses.sliced",
            "FourierAmplitudePhase": "esrlab.losses.fourier",
            "FocalFrequency": "esrlab.losses.focal_frequency",
            "StationaryWavelet": "esrlab.losses.wavelet",
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
    "DISTS",
    "L1",
    "LDL",
    "MSE",
    "MSSSIM",
    "SSIM",
    "AdversarialLoss",
    "BlurredColour",
    "Charbonnier",
    "Chroma",
    "Consistency",
    "Content",
    "Contextual",
    "Custom",
    "FocalFrequency",
    "FourierAmplitudePhase",
    "FrequencyDistribution",
    "GradientVariance",
    "Gram",
    "Huber",
    "LaplacianPyramid",
    "PerceptualDistance",
    "SlicedWasserstein",
    "SobelGradient",
    "StationaryWavelet",
    "TotalVariation",
    "adversarial_loss",
    "clip_parameters",
    "gradient_penalty",
]
