"""The generators that a recipe can train."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import Tensor

from esrlab.core.parts import kind_if_missing, kinds_in
from esrlab.errors import UserError
from esrlab.models.generators.base import Detected, GeneratorPart
from esrlab.models.generators.compact import CompactGenerator
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.models.generators.srresnet import SRResNetGenerator

# A new generator is one file in this folder and one name in this line.
AnyGenerator = Annotated[
    RRDBGenerator | CompactGenerator | SRResNetGenerator,
    Field(discriminator="kind"),
    kind_if_missing("rrdb"),
]


def detect_generator(state: Mapping[str, Tensor], *, scale: int | None) -> Detected:
    """Which generator of which kind and scale a bare state dict belongs to.

    Raises UserError where it is of no kind, and what the kind's own `detect` raises.
    """
    kinds = kinds_in(AnyGenerator)
    for part in kinds.values():
        assert issubclass(part, GeneratorPart)
        found = part.detect(state, scale=scale)
        if found is not None:
            return found
    raise UserError(
        f"it is no generator of a kind that esrlab knows ({', '.join(kinds)}); its keys begin "
        f"{list(state)[:3]}"
    )
