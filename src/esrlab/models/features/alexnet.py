"""AlexNet as a feature network, with torchvision's keys (`features.{i}`)."""

from collections.abc import Callable, Iterable

from torch import Tensor, nn

from esrlab.models.features.base import FeatureNetwork, cut_after

# The i-th name is torchvision's features[i].
ALEXNET_LAYERS = (
    *("conv1", "relu1", "pool1"),
    *("conv2", "relu2", "pool2"),
    *("conv3", "relu3"),
    *("conv4", "relu4"),
    *("conv5", "relu5", "pool5"),
)


def _build(name: str) -> nn.Module:
    if name.startswith("relu"):
        return nn.ReLU()
    if name.startswith("pool"):
        return nn.MaxPool2d(kernel_size=3, stride=2)
    return {
        "conv1": lambda: nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
        "conv2": lambda: nn.Conv2d(64, 192, kernel_size=5, padding=2),
        "conv3": lambda: nn.Conv2d(192, 384, kernel_size=3, padding=1),
        "conv4": lambda: nn.Conv2d(384, 256, kernel_size=3, padding=1),
        "conv5": lambda: nn.Conv2d(256, 256, kernel_size=3, padding=1),
    }[name]()


class AlexNet(FeatureNetwork):
    """AlexNet's convolutions (torchvision's, of one column), built up to `deepest` (None: `pool5`).

    Reads (N, 3, h, w) normalised by ImageNet's mean and std.
    Raises UsageError for a `deepest` that does not exist.
    Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks".
    """

    def __init__(self, *, deepest: str | None = None) -> None:
        super().__init__(title="alexnet", built=cut_after(ALEXNET_LAYERS, deepest, network="alexnet"))
        self.features = nn.Sequential(*map(_build, self.built))
        self.freeze()

    def stages(self) -> Iterable[tuple[str, Callable[[Tensor], Tensor]]]:
        return zip(self.built, self.features, strict=True)
