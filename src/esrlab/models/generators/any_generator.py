"""The generators that a recipe can train."""

from typing import Annotated

from esrlab.core.parts import kind_if_missing
from esrlab.models.generators.rrdb_state import RRDBGenerator

# A new generator is one file in this folder and one name in this line.
AnyGenerator = Annotated[RRDBGenerator, kind_if_missing("rrdb")]
