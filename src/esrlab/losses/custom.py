"""A user's own loss, from a Python file of theirs."""

import ast
import hashlib
import importlib.util
import inspect
import keyword
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import ConfigDict, field_validator, model_validator
from torch import Tensor, nn

from esrlab.core.nearest import did_you_mean
from esrlab.errors import UserError
from esrlab.losses.inputs import Loss, LossFunction, LossInputs

Setting = bool | int | float | str
"""What a setting of a user's function may be."""

IMAGES = ("inputs", "views", "sr", "hr", "lr")
"""Names of what a loss is called with; settings have others."""


class Custom(Loss):
    """The loss that `function` in the Python file `file` computes, as a scalar tensor.

    It takes what a loss of ours takes, `def loss(inputs)` with inputs.sr, inputs.hr and inputs.lr, or what
    one takes anywhere else, `def loss(sr, hr)`; a module such as `loss = torch.nn.L1Loss()` will do as well.

    **This runs the file's code**, with everything that code may do: a recipe from a stranger that names
    a file is as trustworthy as that file. It is run by `build`, not when a recipe is read, so that a recipe
    whose file has gone can still be reported on. In a recipe's or study's file a relative path counts from
    that file's folder, elsewhere from the working folder.

    Every further field is a *setting*, a number, text or true or false, passed to the function by its name:
    `eps` for `def loss(sr, hr, eps=0.1)`. It is set and swept as any field is, `terms.NAME.loss.eps`.

    `build` raises UserError where the file is missing or fails, or has no such function, or one that takes
    something else or not these settings; the loss, where the function fails, where its result is not a
    scalar tensor, or where no gradient leads from it to sr.
    """

    needs_lr: ClassVar[bool] = True
    model_config = ConfigDict(extra="allow")

    kind: Literal["custom"] = "custom"
    file: Path
    function: str = "loss"

    @field_validator("function")
    @classmethod
    def _check_function(cls, function: str) -> str:
        if not function.isidentifier():
            raise ValueError(f"{function!r} is not a valid name of a Python function")
        return function

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        for name, value in self.settings.items():
            if not name.isidentifier() or keyword.iskeyword(name) or name in IMAGES:
                raise ValueError(f"{name!r} cannot be a setting: it must be the name of an argument")
            if not isinstance(value, Setting) or (isinstance(value, float) and not math.isfinite(value)):
                raise ValueError(
                    f"the setting {name} is {value!r:.80}; it must be a finite number, text, or true or false"
                )
        return self

    @property
    def settings(self) -> dict[str, Setting]:
        """What the function is given beside the images, by name."""
        return dict(self.model_extra or {})

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
        called = _take_inputs(function, self.settings, file=self.file, name=self.function)
        checked = _check_results(called, file=self.file, name=self.function)
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        setattr(checked, "origin", f"{self.file.name}, sha256 {digest[:16]}")  # noqa: B010 (a function's own)
        return checked

    @property
    def label(self) -> str:
        """The file's and the function's name, and the settings that are not the function's own defaults."""
        usual = read_defaults(self.file, self.function) if self.settings else {}
        own = [
            f"{name}={value}" for name, value in self.settings.items() if not _same(usual.get(name), value)
        ]
        remark = f" ({', '.join(own)})" if own else ""
        return f"{self.file.stem}.{self.function}{remark}"


def read_defaults(file: Path, function: str) -> dict[str, Any]:
    """A function's defaults that are plain values, read without running the file; none where it cannot."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            by_place = [*node.args.posonlyargs, *node.args.args]
            ends = zip(reversed(by_place), reversed(node.args.defaults), strict=False)
            for argument, value in [*ends, *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]:
                with suppress(ValueError):  # not a plain value
                    found[argument.arg] = ast.literal_eval(value) if value is not None else None
    return found


def _same(usual: Any, value: Setting) -> bool:
    return usual == value and isinstance(usual, bool) == isinstance(value, bool)


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


def _take_inputs(
    function: Callable[..., object], settings: Mapping[str, Setting], *, file: Path, name: str
) -> Callable[[LossInputs], object]:
    """The function as one of LossInputs, its settings given; UserError where it takes something else."""
    refusal = f"{name} in {file} {{}}; a loss is {_accepted(name)}"
    if isinstance(function, type):
        raise UserError(refusal.format(f"is a class: give an instance, {name} = {function.__name__}(…)"))
    try:
        signature = inspect.signature(function.forward if isinstance(function, nn.Module) else function)
    except (TypeError, ValueError) as error:
        raise UserError(refusal.format("has no readable signature")) from error
    parameters = list(signature.parameters.values())
    _require_settings(settings, parameters, where=f"{name} in {file}")
    needed = [each for each in parameters if each.default is each.empty and each.name not in settings]
    by_place = [each for each in needed if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    by_name_only = [each for each in needed if each.kind is each.KEYWORD_ONLY]
    if len(by_place) == 1 and not by_name_only:
        return lambda inputs: function(inputs, **settings)
    if len(by_place) == 2 and not by_name_only:
        return lambda inputs: function(inputs.sr, inputs.hr, **settings)
    raise UserError(refusal.format(f"takes {signature}"))


def _require_settings(
    settings: Mapping[str, Setting], parameters: Sequence[inspect.Parameter], *, where: str
) -> None:
    """UserError, naming those that there are, for a setting that the function does not take by name."""
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    behind_images = {each.name: each.default for each in parameters[1:] if each.kind in named}
    unknown = [name for name in settings if name not in behind_images]
    if unknown:
        known = [name for name, default in behind_images.items() if default is not inspect.Parameter.empty]
        having = f"it has {', '.join(known)}" if known else "it has none: give the function such an argument"
        near = did_you_mean(unknown[0], [*known, *Custom.model_fields])
        raise UserError(f"{where} has no setting {unknown[0]!r}{near}; {having}")


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
