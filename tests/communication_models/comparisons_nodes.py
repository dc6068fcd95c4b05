"""Nodes beside their closed forms.

Links with an end in common fail together, which the mean of an episode takes into account.
"""

import numpy as np

from comparisons import Case
from failure_api.communication_models import NodeFailureModel

_TIMES = {"mean_time_to_failure": 20, "mean_time_to_repair": 4}
_CRASH = NodeFailureModel(mode="crash", **_TIMES)
_UNEQUAL = NodeFailureModel(
    mode="crash", mean_time_to_failure=[10, 40, np.inf], mean_time_to_repair=[5, 2, 3]
)
_FIRST_TWO = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)


def _unequal(quantity, expected, **options):
    return Case(
        name=f"crash of unequal agents, {quantity}",
        models=(_UNEQUAL,),
        quantity=quantity,
        expected=expected,
        agents=3,
        links=_FIRST_TWO,
        **options,
    )


def _down_in_round_3(played):
    return ~played.up[3:, :, 0, 1, None]


CASES = [
    # One end is a Gilbert-Elliott link with p = 0.05 and r = 0.25: the worked values of those.
    *(
        Case(
            name=f"{mode}, {quantity}",
            models=(NodeFailureModel(mode=mode, **_TIMES),),
            quantity=quantity,
            expected=expected,
            agents=3,
            episodes=200,
            warm_up=150 if quantity == "age" else 0,
        )
        for mode in ("mute", "deaf")
        for quantity, expected in (("loss", 1 / 6), ("burst_length", 4), ("age", 2 / 3))
    ),
    # Both ends up: 25/36. A burst begins with 25/36 (1 - 0.95^2).
    Case(
        name="crash, loss",
        models=(_CRASH,),
        quantity="loss",
        expected=11 / 36,
        agents=3,
        episodes=200,
    ),
    Case(
        name="crash, burst",
        models=(_CRASH,),
        quantity="burst_length",
        expected=11 / 25 / (1 - 0.95**2),
        agents=3,
        episodes=200,
    ),
    # With (up, down) as likely as (down, up), a, and b of both down: the mean number of rounds t
    # and s until both are up solve t = 1 + (.75 * .95 + .05 * .25) t + .75 * .05 s and
    # s = 1 + 2 * .25 * .75 t + .5625 s.
    Case(
        name="crash, age",
        models=(_CRASH,),
        quantity="age",
        expected=float(
            np.array([10, 1])
            / 36
            @ np.linalg.solve([[1 - 0.725, -0.0375], [-0.375, 1 - 0.5625]], [1, 1])
        ),
        agents=3,
        episodes=200,
        warm_up=150,
    ),
    _unequal("loss", 1 - (10 / 15) * (40 / 42)),
    _unequal("burst_length", (42 * 15 / 400 - 1) / (1 - 0.9 * 0.975)),
    _unequal("age", float(_UNEQUAL.expected_age()[0, 1]), warm_up=150),
    Case(
        name="an agent that never fails, loss",
        models=(_UNEQUAL,),
        quantity="loss",
        expected=1 / 3,
        agents=3,
        links=np.eye(3, k=2, dtype=bool) | np.eye(3, k=-2, dtype=bool),
    ),
    Case(
        name="everyone up at the start, loss in round 3",
        models=(NodeFailureModel(mode="mute", start="up", **_TIMES),),
        # 1/6 of what three steps of the chain have left of the start.
        quantity=_down_in_round_3,
        expected=(1 - 0.7**3) / 6,
        rounds=4,
        episodes=250_000,
    ),
    Case(
        name="failures for good, loss in round 3",
        models=(NodeFailureModel(mode="crash", mean_time_to_failure=20),),
        quantity=_down_in_round_3,
        expected=1 - 0.95**6,
        rounds=4,
        episodes=250_000,
    ),
]
