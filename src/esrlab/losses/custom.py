"""A user's own loss, from a Python file of theirs."""

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import ClassVar, Literal

import torch
from pydantic import field_validator
from torch import Tensor, nn

from esrlab.errors import UserError
from esrlab.losses.inputs import Loss, LossFunction, LossInputs


class Custom(Loss):
    """The loss that `function` in the Python file `file` computes, as a scalar tensor.

    It takes what a loss of ours takes, `def loss(inputs)` with inputs.sr, inputs.hr and inputs.lr, or what
    one takes anywhere else, `def loss(sr, hr)`; a module such as `loss = torch.nn.L1Loss()` will do as well.

    **This runs the file's code**, with everything that code may do: a recipe from a stranger that names
    a file is as trustworthy as that file. It is run by `build`, not when a recipe is read, so that a recipe
    whose file has gone can still be reported on. In a recipe's or study's file a relative path counts from
    that file's folder, elsewhere from the working folder.

    `build` raises UserError where the file is missing or fails, or has no such function, or one that takes
    something else; the loss, where the function fails, where its result is not a scalar tensor, or where no
    gradient leads from it to sr.
    """

    needs_lr: ClassVar[bool] = True

    kind: Literal["custom"] = "custom"
    file: Path
    function: str = "loss"

    @field_validator("function")
    @classmethod
    def _check_function(cls, function: str) -> str:
        if not function.isidentifier():
            raise ValueError(f"{function!r} is not a valid name of a Python function")
        return function

    def identity(self) -> str:
        """The file's content too: what is edited is run again."""
        content = self.file.read_bytes() if self.file.is_file() else b""
        return f"{self.model_dump_json()} {hashlib.sha256(content).hexdigest()}"

    def build(self, device: torch.device) -> LossFunction:
        """Run the user's file and return its function, its results checked."""
        function = getattr(load_module(self.file), self.function, None)
        if not callable(function):
            raise UserError(
                f"{self.file} defines no function {self.function!r}: write one there "
                f"({_accepted(self.function)}), or give another function's name"
            )
        if isinstance(function, nn.Module):
            function.to(device)
        called = _take_inputs(function, file=self.file, name=self.function)
        checked = _check_results(called, file=self.file, name=self.function)
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        setattr(checked, "origin", f"{self.file.name}, sha256 {digest[:16]}")  # noqa: B010 (a function's own)
        return checked

    @property
    def label(self) -> str:
        return f"{self.file.stem}.{self.function}"


def load_module(file: Path) -> ModuleType:
    """Run a Python file and return what it defines. Raises UserError where it is missing or fails."""
    if not file.is_file():
        raise UserError(f"there is no file {file} for a custom loss (relative to {Path.cwd()})")
    spec = importlib.util.spec_from_file_location(f"esrlab_custom_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UserError(f"{file} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses in the user's file look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        raise UserError(f"running {file} failed with {_tell(error, file)}") from error
    return module


def _accepted(name: str) -> str:
    return f"def {name}(inputs), which has inputs.sr, inputs.hr and inputs.lr, or def {name}(sr, hr)"


def _take_inputs(function: Callable[..., object], *, file: Path, name: str) -> Callable[[LossInputs], object]:
    """The function as one of LossInputs; UserError where it takes neither these nor two images."""
    refusal = f"{name} in {file} {{}}; a loss is {_accepted(name)}"
    if isinstance(function, type):
        raise UserError(refusal.format(f"is a class: give an instance, {name} = {function.__name__}(…)"))
    try:
        signature = inspect.signature(function.forward if isinstance(function, nn.Module) else function)
    except (TypeError, ValueError) as error:
        raise UserError(refusal.format("has no readable signature")) from error
    needed = [each for each in signature.parameters.values() if each.default is each.empty]
    by_place = [each for each in needed if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    by_name_only = [each for each in needed if each.kind is each.KEYWORD_ONLY]
    if len(by_place) == 1 and not by_name_only:
        return function
    if len(by_place) == 2 and not by_name_only:
        return lambda inputs: function(inputs.sr, inputs.hr)
    raise UserError(refusal.format(f"takes {signature}"))


def _tell(error: Exception, file: Path) -> str:
    """An error and the lines of the user's own files that led to it, without anyone else's."""
    folder = file.resolve().parent
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve().parent == folder
    ]
    said = traceback.format_exception_only(error)
    return "".join([said[-1].rstrip(), "\n", *traceback.format_list(own), *said[:-1]]).rstrip()


def _check_results(function: Callable[[LossInputs], object], *, file: Path, name: str) -> LossFunction:
    where = f"{name} in {file}"

    def checked(inputs: LossInputs) -> Tensor:
        try:
            result = function(inputs)
        except Exception as error:
            raise UserError(f"{where} failed with {_tell(error, file)}") from error
        if not isinstance(result, Tensor):
            raise UserError(f"{where} returned {type(result).__name__}; a loss returns a scalar tensor")
        if result.ndim or not result.is_floating_point():
            raise UserError(
                f"{where} returned {result.dtype} of shape {tuple(result.shape)}; "
                "a loss returns one floating-point number, such as difference.mean()"
            )
        if torch.is_grad_enabled() and inputs.sr.requires_grad and not result.requires_grad:
            raise UserError(f"{where} has no gradient: compute it from sr, without detach() or item()")
        return result

    return checked
