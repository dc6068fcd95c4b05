"""The usual kinds of a noise model's parameters: numbers in the units of the content."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from failure_api.core.parameters.rules import Number

LARGEST = 1e30
"""What is added to finite content stays finite in float32; bounds beyond this are no bounds."""

Level: TypeAlias = Annotated[
    float,
    Number(
        "must be at least 0 and at most 1e30",
        lambda x: 0 <= x <= LARGEST,
        "give a number in the units of the content",
        "units of the content",
    ),
]
"""How large something is."""

Entry: TypeAlias = Annotated[
    float,
    Number(
        "must lie between -1e30 and 1e30",
        lambda x: -LARGEST <= x <= LARGEST,
        "give a number in the units of the content",
        "units of the content",
    ),
]
"""A value that an entry may have, or the difference of two."""
