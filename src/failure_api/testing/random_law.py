"""Law 4: a seed fixes every draw, and the environment keeps its own."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from failure_api.communication_models import ProbabilisticModel
from failure_api.core import CommunicationModel
from failure_api.testing.rollout import Moment
from failure_api.testing.trial import Trial, compare
from failure_api.testing.verdict import demand, same


def check_determinism(trial: Trial, models: list[CommunicationModel]) -> None:
    """Plays the same sequence of episodes in two new environments."""
    first, second = (
        [trial.play(env, seed=seed) for seed in (trial.seed, None, None)]
        for env in (trial.wrap(models), trial.wrap(models))
    )
    compare(4, first[0], second[0], "reset(seed) does not fix the episode")
    draws = [[_drawn(moment) for moment in episode] for episode in (first[1], second[1])]
    short = min(map(len, draws))
    demand(4, same(draws[0][:short], draws[1][:short]), "reset() after reset(seed) is not fixed")
    received = [[moment.received for moment in episode] for episode in first]
    enough = min(map(len, received)) > 8 and len(first[0][0].agents) > 1
    if enough and received[0][0] is not None:
        new = not same(received[0], received[1]) and not same(received[1], received[2])
        demand(4, new, "reset() repeats the last episode's draws")


def check_randomness(trial: Trial) -> None:
    """Plays two episodes with and without a wrapper: the second shows what the first has used."""

    def played(env: Any) -> Any:
        random.seed(trial.seed)
        np.random.seed(trial.seed)  # noqa: NPY002
        trial.play(env)
        second = trial.play(env, seed=None)
        shown = [(moment.rewards, moment.terminations) for moment in second]
        return shown, (random.getstate(), np.random.get_state())  # noqa: NPY002

    kept = random.getstate(), np.random.get_state()  # noqa: NPY002
    nothing_fails: list[CommunicationModel] = [ProbabilisticModel(failure_prob=0.0)]
    bare = played(trial.make())
    wrapped = [played(trial.wrap(models)) for models in (nothing_fails, trial.models)]
    random.setstate(kept[0])
    np.random.set_state(kept[1])  # noqa: NPY002
    for place, what in enumerate(("environment's randomness", "state of the global generators")):
        equal = all(same(bare[place], episode[place]) for episode in wrapped)
        demand(4, equal, f"the {what} goes on differently with the wrapper")


def _drawn(moment: Moment) -> Any:
    """Returns what the draws of a round have led to: of the links, or of a bare environment."""
    return moment.observations if moment.received is None else moment.received
