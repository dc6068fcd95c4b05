"""The usual kinds of parameters, as types that say which rule a field has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from failure_api.core.parameters.fields import AgentRule, LinkRule
from failure_api.core.parameters.rules import Number, WholeNumber

LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).tiny)
"""Links are float32: beyond these a finite number is infinite, or zero, to them."""

FARTHEST = 1e18
"""Coordinates of agents: float32 holds the squares of what lies so far apart."""

LinkValue: TypeAlias = float | ArrayLike | Mapping[tuple[Any, Any], float]
AgentValue: TypeAlias = float | ArrayLike | Mapping[Any, float]

Probability: TypeAlias = Annotated[
    LinkValue,
    LinkRule("must lie in [0, 1]", lambda p: (p >= 0) & (p <= 1), 0.0, "give a probability"),
]
"""A probability for each link; links that a mapping does not name have 0."""

Bandwidth: TypeAlias = Annotated[
    LinkValue,
    LinkRule(
        "must be finite and at least 0",
        lambda b: (b >= 0) & (b <= LARGEST),
        1.0,
        "give messages per round, where 1 is nominal",
        "messages per round",
    ),
]
"""A bandwidth for each link; links that a mapping does not name have 1."""

Distance: TypeAlias = Annotated[
    LinkValue,
    LinkRule(
        "must be greater than 0",
        lambda d: d >= SMALLEST,
        np.inf,
        "give a distance in the environment's units",
        "the environment's units",
    ),
]
"""A distance for each link; links that a mapping does not name have no limit."""

AgentProbability: TypeAlias = Annotated[
    AgentValue,
    AgentRule("must lie in [0, 1]", lambda p: (p >= 0) & (p <= 1), 0.0, "give a probability"),
]
"""A probability for each agent; agents that a mapping does not name have 0."""

MeanRounds: TypeAlias = Annotated[
    AgentValue,
    AgentRule(
        "must be at least 1 round",
        lambda t: t >= 1,
        np.inf,
        "give a mean number of rounds, infinite for never",
        "rounds",
    ),
]
"""A mean time for each agent; agents that a mapping does not name have an infinite one."""

LONGEST_DELAY = 10_000
"""Rounds that a message may take; what is in flight takes memory for each of them."""

Rounds: TypeAlias = Annotated[int, WholeNumber(0, "rounds")]
Period: TypeAlias = Annotated[int, WholeNumber(1, "rounds")]
Count: TypeAlias = Annotated[int, WholeNumber(1)]

MeanTime: TypeAlias = Annotated[
    float, Number("must be finite and at least 1 round", lambda t: t >= 1, "give rounds", "rounds")
]
"""One mean number of rounds."""

SHARE = Number("must lie in [0, 1]", lambda p: 0 <= p <= 1, "give a share")
Share: TypeAlias = Annotated[float, SHARE]
"""One probability or share for all links."""


def positive(unit: str) -> Number:
    """Returns the rule of one number above 0.

    Example:
        >>> positive("Hz").normalise("frequency", 2.4e9)
        2400000000.0
    """
    return Number("must be finite and greater than 0", lambda x: x > 0, "give a number", unit)


def not_negative(unit: str) -> Number:
    """Returns the rule of one number that is 0 or more."""
    return Number("must be finite and at least 0", lambda x: x >= 0, "give a number", unit)


def finite(unit: str) -> Number:
    """Returns the rule of one finite number of either sign."""
    return Number("must be finite", lambda x: True, "give a number", unit)


LARGEST_NOISE = 1e30
"""What is added to finite content stays finite in float32; bounds beyond this are no bounds."""

Level: TypeAlias = Annotated[
    float,
    Number(
        "must be at least 0 and at most 1e30",
        lambda x: 0 <= x <= LARGEST_NOISE,
        "give a number in the units of the content",
        "units of the content",
    ),
]
"""How large something is."""

Entry: TypeAlias = Annotated[
    float,
    Number(
        "must lie between -1e30 and 1e30",
        lambda x: -LARGEST_NOISE <= x <= LARGEST_NOISE,
        "give a number in the units of the content",
        "units of the content",
    ),
]
"""A value that an entry may have, or the difference of two."""
