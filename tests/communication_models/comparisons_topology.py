"""Topology beside its closed forms; worked values are those of patterns that Jepsen has."""

import numpy as np

from comparisons import Case
from failure_api.communication_models import PartitionModel
from failure_api.communication_models.partition import CutAtRandom, CutOnSchedule

_RANDOM = CutAtRandom(mean_time_to_partition=20, mean_time_to_heal=4)
_CUT = PartitionModel(pattern="halves", switching=_RANDOM)
_SHUFFLED = PartitionModel(pattern="halves", shuffle=True, switching=_RANDOM)
_WHOLE = CutAtRandom(mean_time_to_partition=20, mean_time_to_heal=4, start="whole")
_GROUPS = PartitionModel(groups=[["agent_0"], ["agent_1", "agent_2"]], switching=_RANDOM)
_RENEWED = PartitionModel(pattern="isolate", shuffle=True, switching=CutOnSchedule(period=3))
_ONE_SENDER = (np.arange(5)[:, None] == 0) & (np.arange(5) != 0)
_TWO_LINKS = np.eye(3, k=2, dtype=bool) | np.eye(3, k=-2, dtype=bool)


def _shuffled(pattern, share, agents=5, **options):
    """Returns the case of a pattern whose links all lose as much, for they are shuffled."""
    model = PartitionModel(pattern=pattern, shuffle=True, switching=CutOnSchedule(period=1))
    return Case(
        name=f"shuffled {pattern} of {agents}, {'one sender' if 'links' in options else 'all'}",
        models=(model,),
        quantity="loss",
        expected=share,
        agents=agents,
        **options,
    )


def _counted(played):
    return played.lost[:, :, 0, 1, None]


CASES = [
    # A link that the cut takes is a Gilbert-Elliott link with p = 0.05 and r = 0.25.
    Case(name="random cut, loss", models=(_CUT,), quantity="loss", expected=1 / 6, episodes=1000),
    Case(
        name="random cut, burst", models=(_CUT,), quantity="burst_length", expected=4, episodes=1000
    ),
    Case(
        name="random cut, age",
        models=(_CUT,),
        quantity="age",
        expected=2 / 3,
        warm_up=150,
        episodes=1000,
    ),
    Case(
        name="random cut of groups, loss",
        models=(_GROUPS,),
        quantity="loss",
        expected=_GROUPS.expected_loss()["agent_2", "agent_0"],
        agents=3,
        links=_TWO_LINKS,
    ),
    Case(
        name="random cut of groups, age",
        models=(_GROUPS,),
        quantity="age",
        expected=_GROUPS.expected_age()["agent_0", "agent_2"],
        agents=3,
        links=_TWO_LINKS,
        warm_up=150,
    ),
    Case(
        name="random cut that begins whole, cut in round 3",
        models=(PartitionModel(pattern="halves", switching=_WHOLE),),
        # The share of cuts after three steps of the chain: 1/6 of what is left of the start.
        quantity=lambda played: _counted(played)[3:],
        expected=(1 - 0.7**3) / 6,
        rounds=4,
        episodes=250_000,
        warm_up=0,
    ),
    Case(
        name="shuffled random cut, loss",
        models=(_SHUFFLED,),
        quantity="loss",
        expected=12 / 20 / 6,
        agents=5,
        episodes=200,
    ),
    Case(
        name="shuffled random cut, burst",
        models=(_SHUFFLED,),
        quantity="burst_length",
        expected=4,
        agents=5,
        episodes=200,
    ),
    Case(
        name="shuffled random cut, age",
        models=(_SHUFFLED,),
        quantity="age",
        expected=_SHUFFLED.team_age(5),
        agents=5,
        episodes=200,
        warm_up=150,
    ),
    _shuffled("halves", 12 / 20, episodes=60),
    _shuffled("bridge", 8 / 20, episodes=60),
    _shuffled("majorities_ring", 10 / 20, episodes=60),
    _shuffled("minority_third", 42 / 90, agents=10, rounds=300, episodes=60),
    # One sender alone must lose as much as all of them.
    _shuffled("halves", 12 / 20, episodes=250, links=_ONE_SENDER),
    _shuffled("isolate", 8 / 20, episodes=250, links=_ONE_SENDER),
    Case(
        name="cuts that follow each other, age",
        models=(_RENEWED,),
        quantity="age",
        # Each cut of 3 rounds takes a link with probability 2/5, whatever the last one did.
        expected=0.4 * (3 * (1 + 0.4) / (1 - 0.4) + 1) / 2,
        agents=5,
        rounds=900,
        episodes=60,
        warm_up=150,
    ),
    Case(
        name="periodic cut, age",
        models=(
            PartitionModel(pattern="halves", switching=CutOnSchedule(start=3, stop=7, period=10)),
        ),
        quantity="age",
        expected=(1 + 2 + 3 + 4) / 10,
        warm_up=10,
    ),
]
