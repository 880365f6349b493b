"""One way of making LR images for all methods of a comparison."""

from collections.abc import Sequence
from dataclasses import replace

from esrlab.data.degradations.bicubic import DEFAULT_CONVENTION, Convention, name_convention
from esrlab.errors import UsageError
from esrlab.evaluation.methods import Method


def settle_convention(methods: Sequence[Method], *, asked: Convention | None) -> list[Method]:
    """The methods with one convention of making LR images for all, which labels tell where it is not usual.

    It is the one that is asked for, or that of those that know theirs, or the usual one. Raises UsageError
    where a method was trained under another one: its rows would not be what they say.
    """
    known: dict[str, Convention] = {
        method.name: method.convention for method in methods if method.convention is not None
    }
    candidates: list[Convention] = [*([asked] if asked else []), *known.values(), DEFAULT_CONVENTION]
    convention = candidates[0]
    others = [f"{name} on {trained}" for name, trained in known.items() if trained != convention]
    if others:
        raise UsageError(
            f"LR images would be made by {convention}, but others were trained with: {', '.join(others)}; "
            "score the methods of each convention in a call and a folder of their own"
            + (", or leave --convention out" if asked and len(set(known.values())) == 1 else "")
        )
    return [
        replace(method, convention=convention, label=name_convention(method.label, convention))
        for method in methods
    ]
