"""A user's own loss, from a Python file of theirs."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Literal

import torch
from pydantic import field_validator
from torch import Tensor

from esrlab.errors import UserError
from esrlab.losses.inputs import Loss, LossFunction, LossInputs


class Custom(Loss):
    """The loss that `function` in the Python file `file` computes: Views in, a scalar tensor out.

    **This runs the file's code**, with everything that code may do: a recipe from a stranger that names
    a file is as trustworthy as that file. It is run by `ready`, not when a recipe is read, so that a recipe
    whose file has gone can still be reported on. A relative path counts from the working folder.

    `ready` raises UserError where the file is missing or fails, or has no such function; the loss, where
    the function's result is not a scalar tensor or no gradient leads from it to sr.
    """

    kind: Literal["custom"] = "custom"
    file: Path
    function: str = "loss"

    @field_validator("function")
    @classmethod
    def _check_function(cls, function: str) -> str:
        if not function.isidentifier():
            raise ValueError(f"{function!r} cannot be a function's name in Python")
        return function

    def ready(self, device: torch.device) -> LossFunction:
        """Run the user's file and return its function, its results checked."""
        function = getattr(load_module(self.file), self.function, None)
        if not callable(function):
            raise UserError(
                f"{self.file} defines no function {self.function!r}: "
                f"write `def {self.function}(views): ...` there, or name another function"
            )
        checked = _check_results(function, name=f"{self.function} in {self.file}")
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        setattr(checked, "origin", f"{self.file.name}, sha256 {digest[:16]}")  # noqa: B010 (a function's own)
        return checked

    @property
    def label(self) -> str:
        return f"{self.file.stem}.{self.function}"


def load_module(file: Path) -> ModuleType:
    """Run a Python file and return what it defines. Raises UserError where it is missing or fails."""
    if not file.is_file():
        raise UserError(f"no file {file} to take a loss from (looked from {Path.cwd()})")
    spec = importlib.util.spec_from_file_location(f"esrlab_custom_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UserError(f"{file} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses in the user's file look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        raise UserError(f"running {file} failed with {type(error).__name__}: {error}") from error
    return module


def _check_results(function: Callable[[LossInputs], object], *, name: str) -> LossFunction:
    def checked(views: LossInputs) -> Tensor:
        result = function(views)
        if not isinstance(result, Tensor):
            raise UserError(f"{name} returned {type(result).__name__}; a loss returns a scalar tensor")
        if result.ndim or not result.is_floating_point():
            raise UserError(
                f"{name} returned {result.dtype} of shape {tuple(result.shape)}; "
                "a loss returns one floating-point number, such as difference.mean()"
            )
        if torch.is_grad_enabled() and views.sr.requires_grad and not result.requires_grad:
            raise UserError(f"{name} has no gradient: compute it from views.sr, without detach() or item()")
        return result

    return checked
