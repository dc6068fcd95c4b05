"""Exchanges: the messages that agents send, and how a receiver sees them."""

import warnings
from typing import Any

from failure_api.core.mailbox import Missing, Predict
from failure_api.environments.segments import is_moved, known_segments, why_unknown
from failure_api.exchanges.exchange import Codec, Exchange, Heard, Received, Team, TeamCodec
from failure_api.exchanges.mask_segments import MaskSegments, holds_arrays
from failure_api.exchanges.send_messages import SendMessages
from failure_api.exchanges.share_observations import ShareObservations

__all__ = [
    "Codec",
    "Exchange",
    "Heard",
    "MaskSegments",
    "Missing",
    "Predict",
    "Received",
    "SendMessages",
    "ShareObservations",
    "Team",
    "TeamCodec",
    "default_exchange",
]


def default_exchange(env: Any) -> Exchange:
    """Returns the exchange that `exchange=None` stands for.

    That is `MaskSegments()` where it is known which parts of an observation come from which
    agent, since such observations carry what others say already, and `ShareObservations()`
    elsewhere. An agent that is alone sees what it observes. Where segments would be known, were it
    not for a layer in between that may have moved entries, a warning says so.

    Args:
        env: A PettingZoo environment of either kind.

    Example:
        >>> from mpe2 import simple_line_v1, simple_spread_v3
        >>> type(default_exchange(simple_spread_v3.env())).__name__
        'MaskSegments'
        >>> default_exchange(simple_line_v1.env())
        ShareObservations(form='dict', missing='zero')
    """
    if known_segments(env) is not None:
        return MaskSegments()
    agents = list(getattr(env, "possible_agents", ()))
    if len(agents) == 1 and holds_arrays(env.observation_space(agents[0])):
        # Nobody else has anything to say, and a Dict of one would only be in the way.
        return MaskSegments(segments={})
    if is_moved(env):
        warnings.warn(
            f"exchange=None stands for ShareObservations() here, since it {why_unknown(env)}: give "
            "exchange=MaskSegments(segments=...) to let parts of observations fail.",
            stacklevel=3,
        )
    return ShareObservations()
