"""A convolution whose weight, as a matrix, has spectral norm 1, so that it cannot grow without bound."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_WARM_UP = 15
"""Power iterations at the start, so that the first forward passes are already normalised."""


class SpectralConv2d(nn.Module):
    """A 2-D convolution with W / σ(W) for a weight, σ the largest singular value of W as (outputs, the rest).

    That is the norm of the matrix, as published, not of the convolution, which can be larger.
    In training mode each forward pass takes one power iteration towards σ, from where the last one ended
    (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", algorithm 1); in
    evaluation mode none. Its vectors u and v are buffers, so a network that is saved and loaded goes on as
    it would have. No gradient runs through them, one does through σ = uᵀWv. Takes (N, wide_in, H, W).

    Keys are those of torch's older `torch.nn.utils.spectral_norm`, which the ecosystem's critics are saved
    with: `weight_orig`, `weight_u`, `weight_v`. Initial weights are those of `nn.Conv2d`.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self, wide_in: int, wide_out: int, kernel: int, *, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__()
        weight = nn.Conv2d(wide_in, wide_out, kernel, bias=False).weight.detach()
        self.stride, self.padding = stride, padding
        self.weight_orig = nn.Parameter(weight)
        self.register_buffer("weight_u", functional.normalize(torch.randn(wide_out), dim=0))
        self.register_buffer("weight_v", functional.normalize(torch.randn(weight[0].numel()), dim=0))
        for _ in range(_WARM_UP):
            self._iterate()

    @torch.no_grad()
    def _iterate(self) -> tuple[Tensor, Tensor]:
        """u and v after one more power iteration: new tensors, since earlier passes' graphs hold the old."""
        matrix = self.weight_orig.flatten(1)
        v = functional.normalize(matrix.T @ self.weight_u, dim=0)
        u = functional.normalize(matrix @ v, dim=0)
        self.weight_u.copy_(u)
        self.weight_v.copy_(v)
        return u, v

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):  # σ of bfloat16 would be a coarse one
            u, v = self._iterate() if self.training else (self.weight_u.clone(), self.weight_v.clone())
            weight = self.weight_orig / torch.dot(u, self.weight_orig.flatten(1) @ v)
        return functional.conv2d(features, weight, stride=self.stride, padding=self.padding)
