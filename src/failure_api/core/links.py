"""What a link is and what a model may know: shapes and dtypes, said once.

`N` is the number of agents. Every link array is indexed `[..., sender, receiver]`; leading axes
are batch. The diagonal means nothing: an agent needs no link to itself.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

Array: TypeAlias = Any
"""An array of whatever namespace the computation runs in."""


class Links(NamedTuple):
    """The state of every link in one round.

    Attributes:
        bandwidth: Messages per round that a link can carry now, float32 `[..., N, N]`. 0 lets
            nothing through, 1 is nominal, one half carries every second message.
        delay: Whole rounds between sending and arrival, int32 `[..., N, N]`; None where no link
            delays anything.
        noise: Variance of what the link adds to the content, float32 `[..., N, N]`; None where
            no link adds any.
        interference: Power of others' signals at the receiver, in milliwatts, float32
            `[..., N, N]`; None where there is none. Models of a later place in the chain that
            know of signal and noise take it into account.
        in_order: Where no message arrives before one that was sent earlier, bool `[..., N, N]`;
            None where messages may overtake each other.

    Example:
        >>> import numpy as np
        >>> links = Links(bandwidth=np.ones((3, 3), dtype=np.float32))
        >>> links.delay is None
        True
    """

    bandwidth: Array
    delay: Array | None = None
    noise: Array | None = None
    interference: Array | None = None
    in_order: Array | None = None


class Context(NamedTuple):
    """What a model may know of the round it is asked about.

    Attributes:
        round: Number of the round; 0 is the reset. An integer, or an int32 array `[...]` of the
            batch's shape, whose elements may be in different rounds.
        alive: Which agents take part, bool `[..., N]`. Like every array here it is never written
            to: a change is another array.
        positions: Where the agents are, float32 `[..., N, dim]`, in the environment's units; None
            where nobody asked for them.
        xp: The array namespace that every operation comes from.
        shape: Shape of a link array, `(..., N, N)`.
        agent_ids: The environment's `possible_agents`, in that order.
        message_bits: Bits of one message on each link, float32 `[N, N]`; None where nobody has
            counted them.

    Example:
        >>> import numpy as np
        >>> context = Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b"))
        >>> context.agent_ids.index("b")
        1
        >>> context.round_over(2).shape
        (1, 1)
    """

    round: Any
    alive: Array
    positions: Array | None
    xp: ModuleType
    shape: tuple[int, ...]
    agent_ids: tuple[Any, ...]
    message_bits: Array | None = None

    def round_over(self, axes: int) -> Array:
        """Returns the round as an int32 array that broadcasts over so many axes after the batch.

        Args:
            axes: Number of axes of length 1 to append, as in 2 for `[..., N, N]`.
        """
        number = self.xp.asarray(self.round, dtype=self.xp.int32)
        return number[(..., *(None,) * axes)]
