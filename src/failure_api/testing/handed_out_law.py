"""Law 7: what is handed out stays as it is."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from failure_api.core import CommunicationModel
from failure_api.testing.rollout import play
from failure_api.testing.trial import Trial, compare
from failure_api.testing.verdict import arrays_in, demand, same


def check_handed_out(trial: Trial, models: list[CommunicationModel]) -> None:
    """Looks for memory that is shared, and for reports that are no copies."""
    env = trial.wrap(models)
    before: list[np.ndarray[Any, Any]] = []
    moments = []
    for moment in play(env, trial.seed, min(trial.steps, 12)):
        arrays = [array for view in moment.handed.values() for array in arrays_in(view)]
        for place, array in enumerate(arrays):
            others = before + arrays[:place]
            shared = any(np.shares_memory(array, other) for other in others)
            demand(7, not shared, "two of the arrays that were handed out share memory")
        before = arrays
        moments.append(moment)
    for moment in moments:
        unchanged = same(moment.handed, moment.observations)
        demand(7, unchanged, "an observation changed after it was handed out")
        then = (moment.rewards, moment.terminations, moment.truncations, moment.infos)
        unchanged = not moment.told or same(moment.told, then)
        demand(7, unchanged, "rewards, flags or infos changed after they were handed out")
    for name in ("get_communication_state", "links", "message_age"):
        if hasattr(env, name):
            _check_copy(env, name)


def _check_copy(env: Any, name: str) -> None:
    """Spoils what a wrapper reports, and asks again."""

    def report() -> list[Any]:
        told = getattr(env, name)
        told = told() if callable(told) else told
        return arrays_in(told)

    kept = copy.deepcopy(report())
    for array in report():
        array[...] = 1 - array.astype(array.dtype if array.dtype != bool else np.int8)
    demand(7, same(report(), kept), f"{name} is no copy")


def check_spoiled(trial: Trial, models: list[CommunicationModel]) -> None:
    """Writes to everything that is handed out, and plays on."""
    kept = trial.play(trial.wrap(models))
    spoiled = trial.play(trial.wrap(models), spoil=True)
    compare(7, kept, spoiled, "writing to what was handed out changes what comes next")
