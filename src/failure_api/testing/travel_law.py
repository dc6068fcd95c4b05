"""Law 10: wrapped environments travel, and go on as before."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

from failure_api.core import CommunicationModel
from failure_api.testing.rollout import Moment
from failure_api.testing.trial import Trial, compare
from failure_api.testing.verdict import demand, same


def check_travel(trial: Trial, models: list[CommunicationModel]) -> None:
    """Sends an environment away in mid-episode, and plays on here and there."""
    env = trial.wrap(models)
    trial.play(env, steps=3)
    twins = {}
    for how, travel in _TRAVELS.items():
        try:
            travel(trial.make())
        except Exception:
            # An environment that cannot travel by itself cannot travel wrapped either.
            continue
        try:
            twins[how] = travel(env)
        except Exception as error:
            demand(10, False, f"the wrapped environment cannot be {how}: {error}")
    if not twins:
        return
    on = trial.play(env, reset=False)
    # A few rounds only: what a rebuilt environment does by chance may kill other agents later.
    few = min(trial.steps, 3 * len(env.possible_agents))
    draws = _draws(trial.play(env, seed=None, steps=few))
    again = trial.play(env)
    for how, twin in twins.items():
        travel = _TRAVELS[how]
        if _goes_on(trial, travel, reset=False):
            going_on = trial.play(twin, reset=False)
            compare(10, on, going_on, f"the episode does not go on as before after being {how}")
        following = _draws(trial.play(twin, seed=None, steps=few))
        equal = all(map(same, draws, following))
        demand(10, equal, f"it does not go on as before after being {how}")
        if _goes_on(trial, travel):
            compare(10, again, trial.play(twin), f"it differs after being {how}")


_TRAVELS: dict[str, Callable[[Any], Any]] = {
    "pickled": lambda env: pickle.loads(pickle.dumps(env)),
    "deep-copied": copy.deepcopy,
}


def _draws(episode: list[Moment]) -> list[Any]:
    """Returns on which links messages arrived for as long as everyone was alive."""
    together = itertools.takewhile(lambda moment: not any(moment.terminations.values()), episode)
    return [moment.received for moment in together]


def _goes_on(trial: Trial, travel: Callable[[Any], Any], **options: Any) -> bool:
    """Returns whether the bare environment's copy goes on as the original does."""
    bare = trial.make()
    trial.play(bare, steps=3)
    try:
        going_on = [trial.play(env, **options) for env in (travel(bare), bare)]
    except Exception:
        return False
    return same(*([(m.observations, m.rewards) for m in moments] for moments in going_on))
