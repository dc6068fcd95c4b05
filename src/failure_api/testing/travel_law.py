"""Law 10: wrapped environments travel, and go on as before."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

from pettingzoo import AECEnv

from failure_api.core import CommunicationModel
from failure_api.errors import NotResetError
from failure_api.testing.rollout import Moment
from failure_api.testing.trial import Trial, compare
from failure_api.testing.verdict import demand, same


def check_travel(trial: Trial, models: list[CommunicationModel]) -> None:
    """Sends an environment away in mid-episode, and plays on here and there."""
    env = trial.wrap(models)
    *_, last = trial.play(env, steps=3)
    twins = {}
    for how, travel in _TRAVELS.items():
        try:
            twins[how] = travel(env)
        except Exception as error:
            demand(10, False, f"it cannot be {how}: {type(error).__name__}: {error}")
    on = trial.play(env, after=last)
    # A few rounds only: what a rebuilt environment does by chance may kill other agents later.
    few = min(trial.steps, 3 * len(env.possible_agents))
    draws = _draws(trial.play(env, seed=None, steps=few))
    again = trial.play(env)
    for how, twin in twins.items():
        if _goes_on(trial, _TRAVELS[how]):
            going_on = trial.play(twin, after=last)
            compare(10, on, going_on, f"the episode does not go on as before after being {how}")
        else:
            mixed = f"it goes on with an environment that does not, after being {how}"
            demand(10, _refuses(trial, twin), f"{mixed}: step must raise NotResetError")
        following = _draws(trial.play(twin, seed=None, steps=few))
        equal = all(map(same, draws, following))
        demand(10, equal, f"it does not go on as before after being {how}")
        compare(10, again, trial.play(twin), f"it differs after being {how}")


_TRAVELS: dict[str, Callable[[Any], Any]] = {
    "pickled": lambda env: pickle.loads(pickle.dumps(env)),
    "deep-copied": copy.deepcopy,
}


def _draws(episode: list[Moment]) -> list[Any]:
    """Returns on which links messages arrived for as long as everyone was alive."""
    together = itertools.takewhile(lambda moment: not any(moment.terminations.values()), episode)
    return [moment.received for moment in together]


def _goes_on(trial: Trial, travel: Callable[[Any], Any]) -> bool:
    """Returns whether the bare environment's copy goes on as the original does."""
    bare = trial.make()
    *_, last = trial.play(bare, steps=3)
    try:
        going_on = [trial.play(env, after=last) for env in (travel(bare), bare)]
    except Exception:
        return False
    return same(*([(m.observations, m.rewards) for m in moments] for moments in going_on))


def _refuses(trial: Trial, twin: Any) -> bool:
    """Returns whether a copy says that it has not been reset; a bare one may do so in any way."""
    try:
        twin.step(None if isinstance(twin, AECEnv) else {})
    except NotResetError:
        return True
    except Exception:
        return trial.bare
    return False
