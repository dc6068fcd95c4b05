"""Traits: what a chain must know of its models beforehand, combined by one rule."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

from failure_api.core.queue import Queue


class Stage(IntEnum):
    """When a message's fate is decided; models of an earlier stage are asked first.

    Attributes:
        SENT: Whether the sender's node is up.
        ADMITTED: Loss by chance, before the queue where the model stands before it in the list,
            and on the air elsewhere.
        SERVED: What a link can carry, and whose turn it is.
        ON_AIR: What befalls a message that is transmitted, and how long it takes.
    """

    SENT = 2
    ADMITTED = 3
    SERVED = 4
    ON_AIR = 5


QueuePlace = Literal["later", "here", "passed", "none"]
"""Where the first queue of a chain stands, seen from one of its models: later in the list, within
that model, or earlier; `"none"` where no message ever waits."""


class Asked(NamedTuple):
    """What a model that holds others is asked for.

    Attributes:
        stage: The stage whose models are asked.
        queue: Where the first queue stands.
    """

    stage: Stage
    queue: QueuePlace


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a chain must know of a model beforehand.

    Attributes:
        stages: The stages that the model decides in.
        longest_delay: The most rounds that it adds to any link's delay.
        queue: Where messages wait for a link that is not free; None where they are lost.
        narrows: Whether it may leave a link with a capacity below 1.
        in_order: Whether there may be links on which no message overtakes another.
        expires: Whether messages may expire.
        steady: Whether what it loses is known to be lost alike in every round, whatever its number.
        positions: Whether it reads `context.positions`.
        raises_interference: Whether it raises interference that a later model has to hear.
        hears_interference: Whether it hears the interference that earlier models raise.

    Example:
        >>> late = Traits(longest_delay=2)
        >>> Traits.combined([late, Traits(stages={Stage.SENT}), late]).longest_delay
        4
    """

    stages: Set[Stage] = frozenset({Stage.ON_AIR})
    longest_delay: int = 0
    queue: Queue | None = None
    narrows: bool = False
    in_order: bool = False
    expires: bool = False
    steady: bool = False
    positions: bool = False
    raises_interference: bool = False
    hears_interference: bool = False

    def __post_init__(self) -> None:
        """Takes any collection of stages."""
        object.__setattr__(self, "stages", frozenset(self.stages))

    @classmethod
    def combined(cls, all_traits: Iterable[Traits]) -> Traits:
        """Returns the traits of models that act one after the other.

        Raises:
            InvalidArgumentError: Their queues differ.
        """
        return functools.reduce(cls._then, all_traits, cls(stages=frozenset(), steady=True))

    def _then(self, other: Traits) -> Traits:
        either = ("narrows", "in_order", "expires", "positions", "hears_interference")
        queue = self.queue or other.queue
        if self.queue and other.queue:
            queue = self.queue.joined(other.queue)
        unheard = self.raises_interference and not other.hears_interference
        return Traits(
            stages=self.stages | other.stages,
            longest_delay=self.longest_delay + other.longest_delay,
            queue=queue,
            steady=self.steady and other.steady,
            raises_interference=other.raises_interference or unheard,
            **{name: getattr(self, name) or getattr(other, name) for name in either},
        )
