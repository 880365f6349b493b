"""A state dict taken out of the wrappers that training tools put around it."""

from collections.abc import Mapping

from torch import Tensor

from esrlab.errors import UserError

_WRAPPERS = ("params_ema", "params", "state_dict", "model", "generator")


def unwrap_state(state: Mapping[str, object]) -> dict[str, Tensor]:
    """Take the bare key -> tensor mapping out of a checkpoint's usual wrappers.

    Opens `params_ema`, `params`, `state_dict`, `model` and `generator` (in this order, nested too), then
    drops a leading `module.` of every key. Raises UserError where something other than tensors is left.
    """
    opened = {id(state)}
    while wrapper := next((key for key in _WRAPPERS if isinstance(state.get(key), Mapping)), None):
        inner = state[wrapper]
        assert isinstance(inner, Mapping)
        if id(inner) in opened:
            raise UserError(f"it is not a state dict: {wrapper!r} in it contains itself")
        opened.add(id(inner))
        state = inner
    tensors: dict[str, Tensor] = {}
    for key, value in state.items():
        if not isinstance(value, Tensor):
            known = ", ".join(_WRAPPERS)
            raise UserError(
                f"it is not a state dict: {key!r} is a {type(value).__name__}, and none of the keys {known} "
                "holds one"
            )
        if not isinstance(key, str):
            raise UserError(f"it is not a state dict: a tensor's name in it is {key!r}, not text")
        tensors[key.removeprefix("module.")] = value
    return tensors
