"""The study that `esrlab demo` runs."""

from esrlab.losses.inputs import FeatureWeights
from esrlab.recipes.presets import PAPER
from esrlab.study.spec import Study


def demo_study(weights: FeatureWeights = "student") -> Study:
    """The paper's comparison at a size for two processor cores and a few minutes.

    Small generators that begin as interpolators, a narrow critic, the bundled photographs, two seeds. The
    content networks are the embedded students, or early layers of the full ones where those are asked for.
    """
    early = {"vgg": {"conv2_1": 1.0}, "resnet": {"layer1": 1.0}}
    return Study(
        name="demo",
        seeds=(0, 1),
        weights=weights,
        fields={
            "steps": 150,
            "generator.features": 16,
            "generator.growth": 8,
            "generator.blocks": 2,
            "generator.init": "interpolation",
            "patches.lr_size": 16,
            "patches.batch": 8,
            "adversarial.critic.features": 8,
            # Without a PSNR-trained start, content alone lets brightness drift for the whole of so few steps.
            "terms.pixel.weight": 10.0,
            # At 0.01 batch norm's ε drowns so narrow a critic, and no gradient comes back through it.
            "adversarial.clip": 0.05,
        },
        recipes={
            name: {}
            if weights == "student"
            else {"terms.content.loss.layers": early["resnet" if "resnet" in name else "vgg"]}
            for name in PAPER
        },
    )
