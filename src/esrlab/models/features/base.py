"""What VGG, ResNet and AlexNet have in common: named layers, read in one pass, never trained."""

from collections.abc import Callable, Collection, Iterable, Sequence

from torch import Tensor, nn

from esrlab.core.nearest import did_you_mean
from esrlab.errors import UsageError


def require_layers(layers: Sequence[str], known: Sequence[str], *, network: str) -> None:
    """Raise UsageError, with the layers that exist and the nearest of them, where one is not known."""
    for layer in layers:
        if layer not in known:
            raise UsageError(
                f"{network} has no layer {layer!r}{did_you_mean(layer, known)}; it has {', '.join(known)}"
            )


def cut_after(names: tuple[str, ...], deepest: str | None, *, network: str) -> tuple[str, ...]:
    """The names up to and with `deepest` (None: all). Raises UsageError for an unknown one."""
    if deepest is None:
        return names
    require_layers((deepest,), names, network=network)
    return names[: names.index(deepest) + 1]


class FeatureNetwork(nn.Module):
    """A frozen ImageNet network whose named layers can be read: always in eval mode, whatever `train` is
    called with.

    A subclass builds the modules of `built` under torchvision's keys, calls `freeze`, and lists its stages.
    Gradients reach the image, never the weights.
    """

    spoiling: Collection[str] = ()
    """The layers that are computed in place of their input; all others leave it as it is."""

    def __init__(self, *, title: str, built: tuple[str, ...]) -> None:
        super().__init__()
        self.title = title
        self.built = built

    def stages(self) -> Iterable[tuple[str, Callable[[Tensor], Tensor]]]:
        """The layers' names and functions, from the image on; those of `spoiling` may change their input."""
        raise NotImplementedError

    def freeze(self) -> None:
        """Take the weights out of training and enter eval mode."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "FeatureNetwork":
        """Stay in eval mode: batch statistics of training images must not change the features."""
        del mode
        return super().train(False)

    def forward(self, image_normalised: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Compute the asked layers in one pass, no deeper than the deepest of them.

        Takes (N, 3, h, w), see `imagenet.normalise`; gives layer -> (N, C, h', w') in the order asked.
        Raises UsageError for a layer that was not built.
        """
        require_layers(layers, self.built, network=f"this {self.title}")
        wanted = set(layers)
        found: dict[str, Tensor] = {}
        features = image_normalised
        for name, compute in self.stages():
            if len(found) == len(wanted):
                break
            if name in self.spoiling and any(features is kept for kept in found.values()):
                features = features.clone()
            features = compute(features)
            if name in wanted:
                found[name] = features
        return {layer: found[layer] for layer in layers}
