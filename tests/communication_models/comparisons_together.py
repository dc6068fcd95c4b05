"""Agents that fail together, beside what the sizes of the sets say."""

import numpy as np

from comparisons import Case
from failure_api.communication_models import NodeFailureModel

AGENTS = 5
TIMES = {"mean_time_to_failure": 20, "mean_time_to_repair": 5}
"""There is a failure in one round of five, and it takes five rounds in the mean."""


def _down(played):
    """Returns which agents are down, which the links of those that are mute say."""
    sends = played.sends | np.eye(AGENTS, dtype=bool)
    return ~sends.all(axis=-1)


def _case(mode, together, quantity, expected, **options):
    called = quantity if isinstance(quantity, str) else "share of rounds down"
    return Case(
        name=f"{together} together, {mode}, {called}",
        models=(NodeFailureModel(mode=mode, together=together, **TIMES),),
        quantity=quantity,
        expected=expected,
        agents=AGENTS,
        episodes=100,
        warm_up=100 if quantity == "age" else 0,
        **options,
    )


# Of five agents one, two, three or five; of 20 links 12, 6, 2 and 0 have both ends up.
CASES = [
    _case("mute", "one", _down, 0.2 * 1 / 5),
    _case("mute", "majority", _down, 0.2 * 3 / 5),
    _case("mute", "some", _down, 0.2 * 3 / 5),
    _case("mute", ["minority", "all"], _down, 0.2 * 3.5 / 5),
    _case("crash", "one", "loss", 0.2 * 8 / 20),
    _case("crash", "minority", "loss", 0.2 * 14 / 20),
    _case("crash", "all", "loss", 0.2),
    _case("deaf", "minority", "loss", 0.2 * 2 / 5),
    _case("crash", "some", "loss", 0.2 * (8 + 14 + 18 + 20 + 20) / 100),
    _case("crash", "minority", "burst_length", 5),
    # The age of a link in its k-th round down is k, in the mean five, whatever the set.
    _case("crash", "minority", "age", 0.2 * 14 / 20 * 5),
    _case("mute", "one", "age", 0.2 * 1 / 5 * 5),
]
