"""The usual trainers' step, written plainly: what ours is timed against.

The arithmetic of the common ESRGAN trainers: textbook forward passes with concatenations, NCHW, one backward
pass of the weighted sum through everything while the critic's parameters are frozen, then the critic's own
update, for which it scores both images anew: four passes of the critic a step. Activations are in place, the
target's features without a graph, as those trainers have them. Adam is torch's default one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from esrlab.data.sampling import Batch
from esrlab.losses.adversarial import AdversarialLoss, clip_parameters
from esrlab.losses.feature_loss import ReadyFeatureLoss
from esrlab.models.generators.rrdb import RRDBNet
from esrlab.training.state import TrainState

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def generate(net: RRDBNet, lr: Tensor) -> Tensor:
    """RRDBNet's forward pass as published."""
    shallow = net.conv_first(lr)
    body = shallow
    for block in net.body:
        dense = body
        for name in ("rdb1", "rdb2", "rdb3"):
            dense = _densely(block.get_submodule(name), dense)
        body = dense * 0.2 + body
    features = shallow + net.conv_body(body)
    factors = (net.scale,) if net.conv_up2 is None else (2, 2)
    for factor, conv in zip(factors, (net.conv_up1, net.conv_up2), strict=False):
        assert conv is not None
        features = _lrelu(conv(functional.interpolate(features, scale_factor=factor, mode="nearest")))
    return net.conv_last(_lrelu(net.conv_hr(features)))


def _densely(block: nn.Module, features: Tensor) -> Tensor:
    conv1, conv2, conv3, conv4, conv5 = (block.get_submodule(f"conv{i}") for i in range(1, 6))
    x1 = _lrelu(conv1(features))
    x2 = _lrelu(conv2(torch.cat((features, x1), 1)))
    x3 = _lrelu(conv3(torch.cat((features, x1, x2), 1)))
    x4 = _lrelu(conv4(torch.cat((features, x1, x2, x3), 1)))
    x5 = conv5(torch.cat((features, x1, x2, x3, x4), 1))
    return x5 * 0.2 + features


def _lrelu(features: Tensor) -> Tensor:
    return functional.leaky_relu(features, negative_slope=0.2, inplace=True)


def score(critic: nn.Module, image: Tensor) -> Tensor:
    """The VGG-style critic's forward pass, with batch norm."""
    features = _lrelu(critic.get_submodule("conv0_0")(image))
    for index in range(1, 10):
        place = f"{index // 2}_{index % 2}"
        features = critic.get_submodule(f"bn{place}")(critic.get_submodule(f"conv{place}")(features))
        features = _lrelu(features)
    linear1, linear2 = (critic.get_submodule(name) for name in ("linear1", "linear2"))
    return linear2(_lrelu(linear1(features.flatten(1))))


def measure_features(network: nn.Module, image: Tensor) -> Tensor:
    """VGG19's last built layer."""
    mean = torch.tensor(MEAN, dtype=image.dtype, device=image.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, dtype=image.dtype, device=image.device).view(1, 3, 1, 1)
    features = (image - mean) / std
    for module in network.get_submodule("features").children():
        features = functional.relu_(features) if isinstance(module, nn.ReLU) else module(features)
    return features


class Yardstick:
    """The networks and terms of a fresh run, trained plainly; VGG content, L1 and an adversarial loss are
    expected.
    """

    def __init__(
        self, run: TrainState, *, memory_format: torch.memory_format = torch.contiguous_format
    ) -> None:
        assert run.adversarial is not None
        assert isinstance(run.generator, RRDBNet)
        self.generator = run.generator
        self.run, self.adversarial = run, run.adversarial
        (self.content,) = (loss for _, loss in run.terms if isinstance(loss, ReadyFeatureLoss))
        self.weights = {term.name: term.weight or 0.0 for term, _ in run.terms}
        for network in (run.generator, self.adversarial.critic, self.content.network):
            network.to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]
        self.optimiser = self._adam(run.generator)
        self.critic_optimiser = self._adam(self.adversarial.critic)

    def _adam(self, network: nn.Module) -> Optimizer:
        settings = self.run.recipe.optimiser
        return Adam(network.parameters(), lr=settings.learning_rate, betas=settings.betas)

    def step(self, batch: Batch) -> Tensor:
        """One update of each; gives the content loss."""
        generator, critic, adversarial = self.generator, self.adversarial.critic, self.adversarial.loss
        critic.requires_grad_(False)
        self.optimiser.zero_grad()
        sr = generate(generator, batch.lr)
        pixel = functional.l1_loss(sr, batch.hr)
        target = measure_features(self.content.network, batch.hr.detach())
        content = functional.mse_loss(measure_features(self.content.network, sr), target)
        real, fake = score(critic, batch.hr).detach(), score(critic, sr)
        total = self.weights["pixel"] * pixel + self.weights["content"] * content
        (
            total + (self.adversarial.settings.weight or 0.0) * adversarial.generator_loss(real, fake)
        ).backward()
        self.optimiser.step()
        critic.requires_grad_(True)
        self._update_critic(adversarial, batch, sr)
        return content.detach()

    def _update_critic(self, adversarial: AdversarialLoss, batch: Batch, sr: Tensor) -> None:
        critic = self.adversarial.critic
        self.critic_optimiser.zero_grad()
        adversarial.critic_loss(score(critic, batch.hr), score(critic, sr.detach())).backward()
        self.critic_optimiser.step()
        if adversarial.constraint == "clip":
            clip_parameters(critic, self.adversarial.settings.clip)
