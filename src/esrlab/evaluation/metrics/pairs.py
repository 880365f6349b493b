"""What every metric demands of the images it is given."""

from torch import Tensor

TOLERANCE = 1e-6


class TooSmallError(ValueError):
    """An image is smaller than a metric's windows: it is not defined there."""


def check_image(image: Tensor, *, name: str, taker: str = "a metric") -> None:
    """Accept RGB float images (N, 3, H, W) in [0, 1]; `name` is what the message calls them.

    `taker`: who wants them. ValueError: another shape or dtype, or a value outside [0, 1] by more than 1e-6,
    or not a number.
    """
    if image.ndim != 4 or image.shape[1] != 3 or image.numel() == 0:
        raise ValueError(
            f"{name} has shape {tuple(image.shape)}; {taker} takes RGB images of shape (N, 3, H, W)"
            + _likely_slip(image)
        )
    if not image.is_floating_point():
        raise ValueError(
            f"{name} holds {image.dtype}; {taker} takes floats in [0, 1]: divide 8-bit values by 255"
        )
    low, high = (bound.item() for bound in image.detach().aminmax())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
        raise ValueError(
            f"{name} has values from {low:.6g} to {high:.6g}; {taker} takes [0, 1]: "
            + _likely_cause(low, high)
        )


def check_pair(sr: Tensor, hr: Tensor, *, border: int = 0, smallest: int = 1) -> None:
    """Accept two images of one shape that keep `smallest` pixels a side without their borders.

    ValueError: what check_image refuses, unlike shapes, a negative border. TooSmallError: one that leaves too
    little.
    """
    if sr.shape != hr.shape:
        raise ValueError(f"sr has shape {tuple(sr.shape)}, hr {tuple(hr.shape)}; a metric needs equal shapes")
    check_image(sr, name="sr")
    check_image(hr, name="hr")
    if border < 0:
        raise ValueError(f"border is {border}; it is the number of pixels cropped at each side, 0 or more")
    height, width = hr.shape[-2:]
    if min(height, width) - 2 * border < smallest:
        raise TooSmallError(
            f"border {border} leaves {max(height - 2 * border, 0)}×{max(width - 2 * border, 0)} pixels of "
            f"{height}×{width}; at least {smallest}×{smallest} are needed: "
            "take a larger image or a smaller border"
        )


def _likely_slip(image: Tensor) -> str:
    if image.ndim == 3 and image.shape[0] == 3:
        return ": image[None] makes a batch of one"
    if image.ndim == 4 and image.shape[1] == 1:
        return ": image.expand(-1, 3, -1, -1) makes three channels of one"
    if image.ndim == 4 and image.shape[-1] == 3:
        return ": image.permute(0, 3, 1, 2) puts the channels second"
    return ""


def _likely_cause(low: float, high: float) -> str:
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        return "the network that made it has diverged"
    if high > 2 and low >= 0:
        return "these look like 8-bit values, divide them by 255"
    if -1 - TOLERANCE <= low < -0.5 and high <= 1 + TOLERANCE:
        return "these look like images in [-1, 1], map them by (image + 1) / 2"
    return "this looks like a network's raw output, put it through round_to_8bit first"
