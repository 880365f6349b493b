"""How a step is computed, whatever it computes: memory format, precision, compiling, the optimiser's kernel.

Exact, and so always on: channels-last weights (`prepare`), one fused kernel for Adam and AdamW (`make_adam`,
`make_adamw`), freed memory kept (`keep_freed_memory`). Choices, since they change numbers: "bf16"
(`precision_context`) and compiling (`compiled`). What each buys is measured by `benchmarks/training.py`.
"""

import ctypes
import importlib.util
import os
import platform
import shutil
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from esrlab.errors import UsageError, UserError

Precision = Literal["float32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

Network = TypeVar("Network", bound=nn.Module)


def prepare(network: Network) -> Network:
    """The same network, its 4-D weights channels-last in memory: convolutions then compute so, and quicker.

    Changes it in place, after `.to(device)`; values, keys and shapes stay. Saving as safetensors wants
    `.contiguous()` tensors. Images need no change: a convolution follows its weights.
    """
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (torch's gap)


def prepare_backend(device: torch.device) -> None:
    """Set torch's switches for a training on this device: "float32" is float32, kernels are chosen by timing.

    On CUDA, convolutions of float32 would round their input to TF32 by default; and as all patches have one
    shape, timing the kernels once pays. On a CPU nothing is to be set but `keep_freed_memory`.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
    elif device.type == "cpu":
        keep_freed_memory()


def precision_context(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """Where forward passes are to run: under autocast to bfloat16, or as they are. Backward passes need none.

    Weights, gradients of weights and Adam's state stay float32; the generator's image, the critic's score and
    the losses come out as float32 too. Raises UsageError for an unknown precision, and UserError for a GPU
    that has no bfloat16.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"there is no precision {precision!r}; choose one of {', '.join(PRECISIONS)}")
    if precision == "float32":
        return nullcontext()
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise UserError(
            f"{torch.cuda.get_device_name(device)} cannot compute in bf16; set engine.precision to float32"
        )
    return torch.autocast(device.type, dtype=torch.bfloat16)


def full_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Where what is computed keeps the precision of its tensors, whatever the precision outside."""
    return torch.autocast(device.type, enabled=False)


def compiled(network: Network, *, device: torch.device) -> Network:
    """The same network, its calls compiled by torch.compile from the first one on; saved as before.

    For the generator and feature networks. Not for the critic: its graph is walked twice (and
    differentiated twice by the gradient penalty), which compiled graphs refuse.
    Raises UserError where what torch.compile needs is not on this machine.
    """
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise UserError(
            "engine.compile on a GPU needs triton: pip install triton, or set engine.compile to false"
        )
    compiler = os.environ.get("CXX", "g++")
    if device.type != "cuda" and shutil.which(compiler) is None:
        raise UserError(
            f"engine.compile needs a C++ compiler, and {compiler!r} was not found: install g++ "
            "(apt install g++), set $CXX to another, or set engine.compile to false"
        )
    network.compile()  # in place: no wrapper whose state dict would say `_orig_mod.`
    return network


class _AnyMemoryFormat(Optimizer):
    """Mixed into Adam's fused kernels: safe whatever the memory format of gradients and loaded state.

    torch's fused kernels walk parameter, gradient and moments side by side through memory; where their
    strides differ they silently pair the wrong numbers (measured with torch 2.13).
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update. Takes no closure."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad = _laid_out_as(parameter, parameter.grad)
        super().step()

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take a saved state, in the parameters' memory format."""
        super().load_state_dict(state_dict)
        for parameter, state in self.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = _laid_out_as(parameter, state[name])


class FusedAdam(_AnyMemoryFormat, Adam):
    """Adam in one kernel a parameter."""


class FusedAdamW(_AnyMemoryFormat, AdamW):
    """AdamW in one kernel a parameter."""


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    if value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def make_adam(network: nn.Module, *, learning_rate: float, betas: tuple[float, float]) -> Adam:
    """Adam for a network on its final device and in its final memory format: fused on CPU and CUDA."""
    parameters = list(network.parameters())
    if _can_fuse(parameters):
        return FusedAdam(parameters, lr=learning_rate, betas=betas, fused=True)
    return Adam(parameters, lr=learning_rate, betas=betas)


def make_adamw(
    network: nn.Module, *, learning_rate: float, betas: tuple[float, float], weight_decay: float
) -> AdamW:
    """AdamW for a network on its final device and in its final memory format: fused on CPU and CUDA."""
    parameters = list(network.parameters())
    if _can_fuse(parameters):
        return FusedAdamW(parameters, lr=learning_rate, betas=betas, weight_decay=weight_decay, fused=True)
    return AdamW(parameters, lr=learning_rate, betas=betas, weight_decay=weight_decay)


def _can_fuse(parameters: list[nn.Parameter]) -> bool:
    return all(parameter.device.type in ("cpu", "cuda") for parameter in parameters)


_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def keep_freed_memory() -> bool:
    """Let this process keep the memory that tensors free, for the next ones; tells whether it could.

    glibc hands large blocks back to the system, which clears every page anew at its next use: some hundred
    thousand page faults a step. The peak is as before, but memory is returned only when the process ends.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    largest = 2**31 - 1
    return bool(mallopt(_M_MMAP_THRESHOLD, largest)) and bool(mallopt(_M_TRIM_THRESHOLD, largest))
