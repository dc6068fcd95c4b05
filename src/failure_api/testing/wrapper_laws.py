"""The laws as they concern a wrapped environment."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from pettingzoo import AECEnv

from failure_api.communication_models import ProbabilisticModel
from failure_api.core import CommunicationModel
from failure_api.exchanges import Exchange
from failure_api.testing.own_part import own_parts
from failure_api.testing.rollout import Moment, play
from failure_api.testing.round_law import check_rounds, check_same_in_parallel
from failure_api.testing.trial import DOWN, LOSSY, Trial, compare
from failure_api.testing.verdict import arrays_in, demand, demand_sentence, same
from failure_api.wrappers.rounds import Models


def check_wrapper(
    make_environment: Callable[[], Any],
    failure_models: Models = (),
    *,
    exchange: Exchange | None = None,
    positions: Callable[[Any], Any] | None = None,
    wrapper: Callable[..., Any] | None = None,
    steps: int = 40,
    seed: int = 0,
) -> None:
    """Checks that a wrapped environment keeps the laws.

    Args:
        make_environment: Returns a new bare environment, AEC or Parallel, each time.
        failure_models: Models to check it with, beside none at all and links that are down.
        exchange: As in the wrapper.
        positions: As in the wrapper.
        wrapper: What wraps the environment; None takes the class for its kind.
        steps: The most turns, or steps of a Parallel environment, in each trial.
        seed: Seed of the trials.

    Raises:
        LawError: A law is broken; the text says which, and how.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import DelayBasedModel
        >>> check_wrapper(simple_spread_v3.parallel_env, DelayBasedModel(min_delay=0, max_delay=2))
    """
    models = [failure_models] if isinstance(failure_models, CommunicationModel) else failure_models
    trial = Trial(make_environment, list(models), exchange, positions, wrapper, steps, seed)
    for chosen in ([], DOWN, LOSSY, trial.models):
        _check_spaces(trial, chosen)
        _check_handed_out(trial, chosen)
    check_rounds(trial)
    check_same_in_parallel(trial)
    _check_looking(trial, LOSSY)
    _check_determinism(trial, LOSSY)
    _check_against_bare(trial, [], 5)
    _check_against_bare(trial, [ProbabilisticModel(failure_prob=0.0)], 5)
    for chosen in (DOWN, LOSSY, trial.models):
        _check_against_bare(trial, chosen, 6)
    _check_leaks(trial, LOSSY)
    _check_travel(trial, LOSSY)
    _check_mistakes(trial)


def _check_spaces(trial: Trial, models: list[CommunicationModel]) -> None:
    env, bare = trial.wrap(models), trial.make()
    for agent in env.possible_agents:
        space = env.observation_space(agent)
        demand(1, space is env.observation_space(agent), f"{agent}'s space is made anew each time")
    for moment, plain in zip(trial.play(env), trial.play(bare), strict=True):
        for agent, observation in moment.observations.items():
            space = env.observation_space(agent)
            demand(1, space.contains(observation), f"{agent} sees {observation!r}, not in {space}")
            declared, seen = space.sample(), observation
            demand(1, _alike(declared, seen), f"{agent}'s view has other types than {space}")
            own = plain.observations[agent]
            if isinstance(own, dict) and "action_mask" in own:
                passed = same(own["action_mask"], observation["action_mask"])
                demand(1, passed, f"the action_mask of {agent} has been changed")


def _alike(declared: Any, seen: Any) -> bool:
    """Returns whether two observations have the same keys, shapes and dtypes."""
    if isinstance(declared, dict):
        both = declared.keys() == seen.keys()
        return both and all(_alike(declared[key], seen[key]) for key in declared)
    if isinstance(declared, tuple):
        return len(declared) == len(seen) and all(map(_alike, declared, seen))
    if isinstance(declared, np.ndarray):
        return bool(declared.dtype == seen.dtype and declared.shape == seen.shape)
    return True


def _check_looking(trial: Trial, models: list[CommunicationModel]) -> None:
    once = trial.play(trial.wrap(models))
    often = trial.play(trial.wrap(models), looks=3)
    compare(3, once, often, "an episode goes differently when agents look more often")


def _check_determinism(trial: Trial, models: list[CommunicationModel]) -> None:
    env = trial.wrap(models)
    first = [trial.play(env), trial.play(env, seed=None)]
    second = [trial.play(env), trial.play(env, seed=None)]
    compare(4, first[0], second[0], "reset(seed) does not fix the episode")
    draws = [[moment.received for moment in episode] for episode in (first[1], second[1])]
    short = min(map(len, draws))
    demand(4, same(draws[0][:short], draws[1][:short]), "reset() after reset(seed) is not fixed")
    other = [moment.received for moment in first[0]]
    enough = len(other) > 8 and len(env.possible_agents) > 1
    demand(4, not enough or not same(other, draws[0]), "reset() repeats the last episode's draws")


def _check_against_bare(trial: Trial, models: list[CommunicationModel], law: int) -> None:
    """Plays the same with and without the wrapper."""
    env, bare = trial.wrap(models), trial.make()
    # Side by side, since what is known of the bare environment is known of its present state.
    both = (play(each, trial.seed, trial.steps) for each in (env, bare))
    for moment, plain in zip(*both, strict=True):
        demand(8, moment.agents == plain.agents, f"agents are {moment.agents}, not {plain.agents}")
        for what in ("rewards", "terminations", "truncations", "infos"):
            equal = same(getattr(moment, what), getattr(plain, what))
            demand(law, equal, f"{what} are not the environment's")
        for agent, view in moment.observations.items():
            seen, own = own_parts(env, bare, agent, view, plain.observations[agent], bool(models))
            demand(law, same(seen, own), f"{agent}'s own part is {seen!r}, not {own!r}")
        _check_dead(env, moment)


def _check_dead(env: Any, moment: Moment) -> None:
    dead = [
        place
        for place, agent in enumerate(env.possible_agents)
        if agent not in moment.observations or moment.terminations.get(agent)
    ]
    received = moment.received
    if received is not None and dead:
        demand(8, not received[:, dead].any(), "an agent that is dead receives messages")
    if received is not None:
        demand(8, not np.diagonal(received).any(), "an agent has a link to itself")


def _check_handed_out(trial: Trial, models: list[CommunicationModel]) -> None:
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
    if isinstance(env, AECEnv) and env.agents:
        _check_vandal(env)


def _check_vandal(env: Any) -> None:
    """Spoils what was handed out, and looks again."""
    agent = env.agents[0]
    kept = copy.deepcopy(env.observe(agent))
    for array in arrays_in(env.observe(agent)):
        array[...] = 1
    demand(7, same(env.observe(agent), kept), "writing to an observation changes the next one")
    state = env.get_communication_state()
    state[...] = True
    demand(7, not env.get_communication_state().all(), "get_communication_state is no copy")


def _check_leaks(trial: Trial, models: list[CommunicationModel]) -> None:
    def second_and_first(env: Any, fresh: Any) -> tuple[list[Moment], list[Moment]]:
        trial.play(env, seed=trial.seed + 1)
        return trial.play(env), trial.play(fresh)

    bare = second_and_first(trial.make(), trial.make())
    if same(*([moment.observations for moment in episode] for episode in bare)):
        # A bare environment that leaks by itself (knights_archers_zombies does) shows nothing.
        wrapped = second_and_first(trial.wrap(models), trial.wrap(models))
        compare(9, *wrapped, "an episode depends on the last one")


def _check_travel(trial: Trial, models: list[CommunicationModel]) -> None:
    def pickled(env: Any) -> Any:
        return pickle.loads(pickle.dumps(env))

    env = trial.wrap(models)
    trial.play(env, steps=3)
    for how, travel in (("pickled", pickled), ("deep-copied", copy.deepcopy)):
        try:
            travel(trial.make())
        except Exception:
            # An environment that cannot travel by itself cannot travel wrapped either.
            continue
        try:
            twin = travel(env)
        except Exception as error:
            demand(10, False, f"the wrapped environment cannot be {how}: {error}")
        compare(
            10, trial.play(copy.deepcopy(env)), trial.play(twin), f"it differs after being {how}"
        )
        going_on = [trial.play(e, seed=None, steps=2)[0] for e in (travel(env), travel(env))]
        on = same(going_on[0].received, going_on[1].received)
        demand(10, on, f"it does not go on as before after being {how}")


def _check_mistakes(trial: Trial) -> None:
    env = trial.wrap([])
    aec = isinstance(env, AECEnv)
    demand_sentence("step before reset", lambda: env.step(None if aec else {}))
    demand_sentence("reset with a negative seed", lambda: env.reset(seed=-1))
    env.reset(seed=trial.seed)
    if aec:
        demand_sentence("observe of an unknown agent", lambda: env.observe("nobody"))
    else:
        demand_sentence("an action for an unknown agent", lambda: env.step({"nobody": 0}))
