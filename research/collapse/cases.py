"""The runs, as data: what each is made of, and whether it was made to fail."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One run: a named recipe with fields changed, at a scale.

    about: what was done to it, in words; fails: whether it was made to fail; start: first weights, or the
    name of another case whose generator it starts from; weights: of the content network.
    """

    name: str
    about: str
    base: str
    fails: bool
    scale: int = 2
    steps: int = 300
    start: str = "faithful"
    weights: str = "student"
    fields: dict[str, Any] = field(default_factory=dict)


SMALL: dict[str, Any] = {
    "generator.features": 16,
    "generator.growth": 16,
    "generator.blocks": 1,
    "patches.lr_size": 16,
    "patches.batch": 4,
}
"""Every run's size, unless its own fields say otherwise."""

SMALL_GAME: dict[str, Any] = {"adversarial.critic.features": 8, "adversarial.clip": 0.05}

DEMO: dict[str, Any] = {
    "generator.growth": 8,
    "generator.blocks": 2,
    "patches.batch": 8,
    "terms.pixel.weight": 10.0,
}
"""What the demo sets beside that."""

NO_OTHERS: dict[str, Any] = {"terms.content.weight": 0.0, "terms.pixel.weight": 0.0}

HEAVY_FAST: dict[str, Any] = {"adversarial.weight": 5.0, "optimiser.learning_rate": 1e-3}

FAITHFUL = {2: "psnr-x2", 3: "psnr-x3", 4: "psnr-x4"}
"""The cases whose generators the start "faithful" stands for."""

FAST: dict[str, Any] = {"patches.batch": 8, "optimiser.learning_rate": 1e-3}

HEALTHY: tuple[Case, ...] = (
    Case("psnr-x2", "pixels alone, from interpolation", "psnr", False, 2, 900, "interpolation", fields=FAST),
    Case("psnr-x4", "pixels alone, from interpolation", "psnr", False, 4, 900, "interpolation", fields=FAST),
    Case("psnr-x3", "pixels alone, from interpolation", "psnr", False, 3, 400, "interpolation", fields=FAST),
    Case("psnr-random", "pixels alone, from random weights", "psnr", False, 2, 1200, "random"),
    Case(
        "psnr-random-one",
        "pixels alone, from random weights, batch 1",
        "psnr",
        False,
        4,
        300,
        "random",
        fields={"patches.batch": 1},
    ),
    Case("wgan", "WGAN, clipped", "wgan-vgg", False, 2),
    Case("wgan-x4", "WGAN, clipped", "wgan-vgg", False, 4),
    Case(
        "wgan-share",
        "WGAN at a share of 5%, TV",
        "wgan-vgg-tv",
        False,
        2,
        fields={"adversarial.share": 0.05, "adversarial.clip": 0.1},
    ),
    Case("wgan-random", "WGAN, from random weights", "wgan-vgg", False, 2, 300, "random"),
    Case("wgan-gp", "WGAN-GP, layer norm, two critic updates", "wgan-gp-vgg", False, 2, 250),
    Case(
        "wgan-gp-x4",
        "WGAN-GP without norm at a share of 5%",
        "wgan-gp-vgg",
        False,
        4,
        250,
        fields={"adversarial.share": 0.05, "adversarial.critic.norm": "none"},
    ),
    Case("esrgan-log", "ESRGAN's adversarial loss", "esrgan-log-vgg", False, 2, 400),
    Case(
        "esrgan-log-x4",
        "ESRGAN's adversarial loss at a share of 5%, after 50 steps without",
        "esrgan-log-vgg",
        False,
        4,
        400,
        fields={"adversarial.share": 0.05, "adversarial.start_step": 50},
    ),
    Case(
        "esrgan-log-random",
        "ESRGAN's adversarial loss, from random weights",
        "esrgan-log-vgg",
        False,
        3,
        300,
        "random",
    ),
    Case(
        "esrgan-log-one",
        "ESRGAN's adversarial loss, batch 1, critic with layer norm",
        "esrgan-log-vgg",
        False,
        2,
        300,
        fields={"patches.batch": 1, "adversarial.critic.norm": "layer"},
    ),
    Case("lsgan-x3", "LSGAN", "lsgan-vgg", False, 3),
    Case(
        "hinge-untrained",
        "hinge loss, untrained content",
        "hinge-vgg",
        False,
        2,
        150,
        weights="untrained",
        fields={"terms.content.loss.layers": "conv2_1"},
    ),
    Case(
        "vanilla-share",
        "vanilla GAN at a share of 5%, moving average",
        "vanilla-vgg",
        False,
        2,
        fields={"adversarial.share": 0.05, "generator.ema_decay": 0.99},
    ),
    Case(
        "short",
        "ESRGAN's adversarial loss, 100 steps, batch 16",
        "esrgan-log-vgg",
        False,
        2,
        100,
        fields={"patches.batch": 16},
    ),
    Case("demo-wgan-x4", "the demo's WGAN", "wgan-vgg", False, 4, 150, "interpolation", fields=DEMO),
    Case(
        "demo-esrgan-x2",
        "the demo's ESRGAN without logarithms",
        "esrgan-vgg",
        False,
        2,
        150,
        "interpolation",
        fields=DEMO,
    ),
    Case(
        "wgan-fast",
        "WGAN at a share of 5%, learning rate × 10",
        "wgan-vgg",
        False,
        2,
        fields={"adversarial.share": 0.05, "optimiser.learning_rate": 1e-3},
    ),
    Case(
        "psnr-fast-one",
        "pixels alone, from random weights, batch 1, learning rate × 5",
        "psnr",
        False,
        2,
        600,
        "random",
        fields={"patches.batch": 1, "optimiser.learning_rate": 1e-3},
    ),
    Case(
        "esrgan-log-random-one",
        "ESRGAN's loss at a share of 5%, from random weights, batch 1, no norm, learning rate × 5",
        "esrgan-log-vgg",
        False,
        2,
        400,
        "random",
        fields={
            "adversarial.share": 0.05,
            "patches.batch": 1,
            "adversarial.critic.norm": "none",
            "optimiser.learning_rate": 5e-4,
        },
    ),
    Case(
        "wgan-x4-one",
        "WGAN, clipped, batch 1, layer norm",
        "wgan-vgg",
        False,
        4,
        250,
        fields={"patches.batch": 1, "adversarial.critic.norm": "layer"},
    ),
)

FAILING: tuple[Case, ...] = (
    Case("unclipped", "WGAN without clipping", "wgan-vgg", True, 2, fields={"adversarial.clip": 1e6}),
    Case(
        "unclipped-x4",
        "WGAN without clipping or norm, three critic updates, learning rate × 10",
        "wgan-vgg",
        True,
        4,
        fields={
            "adversarial.clip": 1e6,
            "adversarial.critic.norm": "none",
            "adversarial.critic.updates": 3,
            "optimiser.learning_rate": 1e-3,
        },
    ),
    Case(
        "rate-100", "learning rate × 100", "esrgan-log-vgg", True, 2, fields={"optimiser.learning_rate": 1e-2}
    ),
    Case(
        "rate-1000", "learning rate × 1000", "wgan-vgg", True, 4, 200, fields={"optimiser.learning_rate": 0.1}
    ),
    Case(
        "rate-1000-psnr",
        "learning rate × 1000, no adversarial loss",
        "psnr",
        True,
        2,
        200,
        fields={"optimiser.learning_rate": 0.2, "optimiser.schedule": "constant"},
    ),
    Case(
        "nolog-x4",
        "ESRGAN without logarithms at weight 0.5, strong critic",
        "esrgan-vgg",
        True,
        4,
        fields={
            "adversarial.weight": 0.5,
            "adversarial.critic.features": 16,
            "adversarial.critic.updates": 3,
        },
    ),
    Case(
        "demo-nolog-x4",
        "the demo's ESRGAN without logarithms",
        "esrgan-vgg",
        True,
        4,
        250,
        "interpolation",
        fields=DEMO,
    ),
    Case(
        "nolog-share",
        "ESRGAN without logarithms at a share of 30%, strong critic",
        "esrgan-vgg",
        True,
        4,
        250,
        fields={"adversarial.share": 0.3, "adversarial.critic.features": 16, "adversarial.critic.updates": 3},
    ),
    Case("raw", "ESRGAN without logarithms or sigmoid", "esrgan-raw-vgg", True, 2),
    Case(
        "heavy-esrgan",
        "adversarial weight × 1000",
        "esrgan-log-vgg",
        True,
        2,
        fields={"adversarial.weight": 5.0},
    ),
    Case(
        "heavy-lsgan",
        "adversarial weight × 1000",
        "lsgan-vgg",
        True,
        4,
        250,
        fields={"adversarial.weight": 5.0},
    ),
    Case(
        "heavy-vanilla",
        "adversarial weight × 1000",
        "vanilla-vgg",
        True,
        3,
        fields={"adversarial.weight": 5.0},
    ),
    Case(
        "heavy-wgan-gp",
        "adversarial weight × 1000",
        "wgan-gp-vgg",
        True,
        2,
        200,
        fields={"adversarial.weight": 5.0},
    ),
    Case(
        "alone-hinge",
        "adversary alone, learning rate × 10",
        "hinge-vgg",
        True,
        2,
        fields={**NO_OTHERS, "adversarial.weight": 1.0, "optimiser.learning_rate": 1e-3},
    ),
    Case(
        "alone-esrgan",
        "adversary alone, from random weights",
        "esrgan-log-vgg",
        True,
        2,
        1200,
        "random",
        fields={**NO_OTHERS, "adversarial.weight": 1.0},
    ),
    Case(
        "strong-critic",
        "five critic updates, wide critic, adversarial weight × 100",
        "hinge-vgg",
        True,
        2,
        200,
        fields={
            "adversarial.weight": 0.5,
            "adversarial.critic.updates": 5,
            "adversarial.critic.features": 16,
        },
    ),
    Case(
        "raw-x4",
        "ESRGAN without logarithms or sigmoid at weight × 20, strong critic",
        "esrgan-raw-vgg",
        True,
        4,
        340,
        fields={
            "adversarial.weight": 0.1,
            "adversarial.critic.features": 16,
            "adversarial.critic.updates": 3,
        },
    ),
    Case(
        "heavy-esrgan-fast",
        "adversarial weight × 1000, learning rate × 10",
        "esrgan-log-vgg",
        True,
        2,
        200,
        fields=HEAVY_FAST,
    ),
    Case(
        "heavy-vanilla-fast",
        "adversarial weight × 1000, learning rate × 10",
        "vanilla-vgg",
        True,
        3,
        200,
        fields=HEAVY_FAST,
    ),
    Case(
        "heavy-lsgan-fast",
        "adversarial weight × 1000, learning rate × 10",
        "lsgan-vgg",
        True,
        4,
        200,
        fields=HEAVY_FAST,
    ),
    Case(
        "rate-100-psnr",
        "learning rate × 100, no adversarial loss",
        "psnr",
        True,
        2,
        200,
        fields={"optimiser.learning_rate": 0.02},
    ),
    Case(
        "rate-100-random",
        "learning rate × 100, from random weights",
        "wgan-vgg",
        True,
        4,
        200,
        "random",
        fields={"optimiser.learning_rate": 0.01},
    ),
    Case(
        "rate-rising",
        "learning rate rising to × 300 over 400 steps",
        "esrgan-log-vgg",
        True,
        2,
        400,
        fields={"optimiser.learning_rate": 0.03, "optimiser.warmup_steps": 400},
    ),
    Case("dead-critic", "WGAN clipped at 0.001", "wgan-vgg", True, 2, 150, fields={"adversarial.clip": 1e-3}),
)

CASES = (*HEALTHY, *FAILING)
