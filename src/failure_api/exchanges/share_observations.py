"""Each agent's message is its own observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from gymnasium import spaces

from failure_api.exchanges.exchange import BoundExchange, Exchange, Team
from failure_api.exchanges.inbox import LARGEST_BLOCK
from failure_api.exchanges.shared_block import SharedBlock
from failure_api.exchanges.shared_objects import SharedObjects
from failure_api.exchanges.shared_vector import SharedVector


@dataclass(frozen=True, kw_only=True)
class ShareObservations(Exchange):
    """Agents tell each other what they observe.

    Where observations are `{"observation", "action_mask"}`, the exchange works on `observation`;
    each agent's own mask stays beside it and is sent to nobody.

    Args:
        form: `"dict"` shows `{agent_id: that agent's observation}`, every key always there, the
            receiver's own among them. `"flat"` shows one float32 vector: the receiver's own
            observation, then for each other agent in the order of `possible_agents` the payload,
            a flag that is 1 where a message arrived in this round, and the age in rounds of what
            was last received; where nothing has arrived yet, the age counts from the round
            before the first. Discrete values are one-hot in it.
        missing: What stands in for a message that did not arrive: `"zero"`, or `"hold"` for the
            newest content that ever arrived (zero before the first).

    Raises:
        InvalidArgumentError: Another word than these; when it is bound, an observation that
            cannot be shared in this form.

    Example:
        >>> from mpe2 import simple_speaker_listener_v4
        >>> from failure_api import CommunicationWrapper
        >>> env = simple_speaker_listener_v4.env()
        >>> wrapped = CommunicationWrapper(env, [], exchange=ShareObservations(form="flat"))
        >>> wrapped.observation_space("speaker_0").shape
        (16,)
    """

    form: Literal["dict", "flat"] = "dict"
    missing: Literal["zero", "hold"] = "zero"

    def bind(self, team: Team) -> BoundExchange:
        """Returns this exchange at work in one environment."""
        hold = self.missing == "hold"
        if self.form == "flat":
            return SharedVector(team, hold)
        return SharedBlock(team, hold) if _one_block(team) else SharedObjects(team, hold)


def _one_block(team: Team) -> bool:
    """Returns whether all observations are arrays that are alike, and together small enough."""
    first, *rest = team.spaces.values()
    if not isinstance(first, spaces.Box) or not first.shape:
        return False
    alike = all(
        isinstance(space, spaces.Box) and (space.shape, space.dtype) == (first.shape, first.dtype)
        for space in rest
    )
    return alike and len(team.agent_ids) ** 2 * int(np.prod(first.shape)) <= LARGEST_BLOCK
