"""The optimisers that a recipe can train with."""

from typing import Annotated

from pydantic import Field

from esrlab.core.parts import kind_if_missing
from esrlab.recipes.optimisers.adam import Adam
from esrlab.recipes.optimisers.adamw import AdamW

# A new optimiser is one file in this folder and one name in this line.
AnyOptimiser = Annotated[Adam | AdamW, Field(discriminator="kind"), kind_if_missing("adam")]
