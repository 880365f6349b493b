"""One way of making LR images for all methods of a comparison."""

from collections.abc import Sequence
from dataclasses import replace

from esrlab.data.degradations.any_degradation import USUAL, name_degradation, name_scored_on
from esrlab.data.degradations.base import Degradation
from esrlab.errors import UsageError
from esrlab.evaluation.methods import Method


def settle_degradation(
    methods: Sequence[Method], *, asked: Degradation | None = None, expected: Degradation | None = None
) -> list[Method]:
    """The methods with one way of making LR images for all, which labels tell where it is not the usual one.

    It is the one that is asked for, whatever the methods were trained on; else that of those that know
    theirs, or the one expected of those that do not, or the usual one. Raises UsageError where nothing is
    asked for and a method was trained on another one: its rows would not be what they say.
    """
    if asked is not None:
        return [_settle(method, asked) for method in methods]
    for method in methods:
        if method.mixed:
            raise UsageError(
                f"{method.name} joins generators that were trained on different LR images ({method.mixed}); "
                "choose those to score it on with --degradation"
            )
    known = [(method.name, method.degradation) for method in methods if method.degradation is not None]
    chosen = next(iter([*([expected] if expected else []), *(trained for _, trained in known), USUAL]))
    others = dict.fromkeys(f"{name} on {trained.text}" for name, trained in known if trained != chosen)
    if others:
        is_one = len({trained.text for _, trained in known}) == 1
        raise UsageError(
            f"LR images would be made by {chosen.text}, but others were trained with: {', '.join(others)}; "
            "score the methods of each in a call and a folder of their own"
            + (", leave --convention out" if expected and is_one else "")
            + ", or choose one for all with --degradation"
        )
    return [_settle(method, chosen) for method in methods]


def _settle(method: Method, degradation: Degradation) -> Method:
    if method.mixed:
        label = name_scored_on(method.label, degradation)
    else:
        label = name_degradation(method.label, degradation, trained=method.degradation)
    is_own = method.degradation in (None, degradation)
    return replace(method, degradation=degradation, label=label, trained=method.trained if is_own else None)
