"""The laws as they concern a wrapped environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, cast

import numpy as np
from pettingzoo import AECEnv

from failure_api.communication_models import ProbabilisticModel
from failure_api.core import Chain, CommunicationModel
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.parameters.rules import WholeNumber
from failure_api.exchanges import Exchange
from failure_api.testing.content_law import check_contents, own_parts
from failure_api.testing.control import Check, hold
from failure_api.testing.handed_out_law import check_handed_out, check_spoiled
from failure_api.testing.random_law import check_determinism, check_randomness
from failure_api.testing.rollout import Moment, play
from failure_api.testing.round_law import Recorder, check_rounds, check_same_in_parallel
from failure_api.testing.travel_law import check_travel
from failure_api.testing.trial import DOWN, LOSSY, Trial, compare
from failure_api.testing.verdict import demand, demand_sentence, same
from failure_api.wrappers.reports import actions_of
from failure_api.wrappers.rounds import Models, NoiseModels


def check_wrapper(
    make_environment: Callable[[], Any],
    failure_models: Models = (),
    *,
    noise_models: NoiseModels = (),
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
        noise_models: Noise models to check it with throughout. What arrives then need not be what
            was sent, and is not compared with it.
        exchange: As in the wrapper.
        positions: As in the wrapper.
        wrapper: What wraps the environment; None takes the class for its kind.
        steps: The most turns, or steps of a Parallel environment, in each trial.
        seed: Seed of the trials.

    Raises:
        InvalidArgumentError: Models that are none, or steps that are no positive number.
        LawError: A law is broken; the text says which, and how.
        EnvironmentLawError: The environment breaks a law by itself, and nothing else is wrong.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import DelayBasedModel
        >>> check_wrapper(simple_spread_v3.parallel_env, DelayBasedModel(min_delay=0, max_delay=2))
    """
    models = list(Chain(models=cast("Any", failure_models)).parts)
    noises = NoiseChain(models=cast("Any", noise_models)).parts
    steps = WholeNumber(1).normalise("steps", steps)
    trial = Trial(make_environment, models, exchange, positions, wrapper, steps, seed, noises)
    hold(trial, _checks(trial), partial(_check_spaces, models=[]))


def _checks(trial: Trial) -> Iterator[Check]:
    for models in ([], DOWN, LOSSY, trial.models):
        yield Check(1, partial(_check_spaces, models=models))
        yield Check(7, partial(check_handed_out, models=models))
    # What the bare environment does says nothing of rounds, nor of how mistakes are answered.
    yield Check(2, check_rounds, asks=False)
    # First of all that compares two episodes, so that the others know what a difference means.
    yield Check(4, partial(check_determinism, models=LOSSY))
    yield Check(4, check_randomness)
    yield Check(2, check_same_in_parallel)
    yield Check(3, partial(_check_looking, models=LOSSY))
    for models in (LOSSY, trial.models):
        yield Check(7, partial(check_spoiled, models=models))
    yield Check(5, partial(_check_against_bare, models=[], law=5))
    perfect: list[CommunicationModel] = [ProbabilisticModel(failure_prob=0.0)]
    yield Check(5, partial(_check_against_bare, models=perfect, law=5))
    for models in (DOWN, LOSSY, trial.models):
        yield Check(6, partial(_check_against_bare, models=models, law=6))
    yield Check(2, _check_contents, control=_check_sources)
    yield Check(9, partial(_check_leaks, models=LOSSY))
    yield Check(10, partial(check_travel, models=LOSSY))
    yield Check(11, _check_mistakes, asks=False)


def _check_spaces(trial: Trial, models: list[CommunicationModel]) -> None:
    env, bare = trial.wrap(models), trial.make()
    for agent in env.possible_agents:
        space = env.observation_space(agent)
        demand(1, space is env.observation_space(agent), f"{agent}'s space is made anew each time")
    for moment, plain in zip(trial.play(env), trial.play(bare), strict=False):
        demand(8, moment.agents == plain.agents, f"agents are {moment.agents}, not {plain.agents}")
        missing = plain.observations.keys() - moment.observations.keys()
        demand(1, not missing, f"there is no observation of {missing}")
        for agent, observation in moment.observations.items():
            space = env.observation_space(agent)
            demand(1, space.contains(observation), f"{agent} sees {observation!r}, not in {space}")
            alike = _alike(space.sample(), observation)
            demand(1, alike, f"{agent}'s view has other types than {space}")
            own = plain.observations[agent]
            if isinstance(own, dict) and "action_mask" in own:
                told = _told(observation, own, actions_of(env))
                passed = same(own["action_mask"], told["action_mask"])
                demand(1, passed, f"the action_mask of {agent} has been changed")


def _within(space: Any, observation: Any) -> bool:
    return bool(space.contains(observation)) and _alike(space.sample(), observation)


def _alike(declared: Any, seen: Any) -> bool:
    """Returns whether two observations have the same keys, shapes and dtypes."""
    if isinstance(declared, dict):
        both = isinstance(seen, dict) and declared.keys() == seen.keys()
        return both and all(_alike(declared[key], seen[key]) for key in declared)
    if isinstance(declared, tuple):
        both = isinstance(seen, tuple) and len(declared) == len(seen)
        return both and all(map(_alike, declared, seen))
    if isinstance(declared, np.ndarray):
        array = isinstance(seen, np.ndarray)
        return array and declared.dtype == seen.dtype and declared.shape == seen.shape
    return True


def _check_looking(trial: Trial, models: list[CommunicationModel]) -> None:
    once = trial.play(trial.wrap(models))
    often = trial.play(trial.wrap(models), looks=3)
    compare(3, once, often, "an episode goes differently when agents look more often")


def _check_against_bare(trial: Trial, models: list[CommunicationModel], law: int) -> None:
    """Plays the same with and without the wrapper."""
    env, bare = trial.wrap([*models, Recorder()]), trial.make()
    spoken = actions_of(env)
    Recorder.asked.clear()
    rounds = 0
    late = any(model.traits.longest_delay for model in models)
    # Side by side, since what is known of the bare environment is known of its present state.
    both = (play(each, trial.seed, trial.steps) for each in (env, bare))
    for moment, plain in zip(*both, strict=False):
        demand(8, moment.agents == plain.agents, f"agents are {moment.agents}, not {plain.agents}")
        for what in ("rewards", "terminations", "truncations", "infos"):
            found, expected = getattr(moment, what), getattr(plain, what)
            if what == "infos":
                found = {a: _told(info, expected.get(a), spoken) for a, info in found.items()}
            equal = same(found, expected)
            deaths = models and what in ("terminations", "truncations")
            demand(8 if deaths else law, equal, f"{what} are not the environment's")
        for agent, view in moment.observations.items():
            own = plain.observations[agent]
            if not trial.bare:
                failing, dead = bool(models) or trial.noisy, _silent(env, moment)
                view, own = own_parts(env, bare, agent, view, own, failing=failing, dead=dead)
            # What contradicts its space need not be shown as it is.
            told = _within(bare.observation_space(agent), plain.observations[agent])
            demand(law, not told or same(view, own), f"{agent}'s own part is {view!r}, not {own!r}")
        # Links tell of the last round: who has died or left since then took part in it.
        if len(Recorder.asked) > rounds:
            _check_dead(env, moment, late)
        rounds = len(Recorder.asked)


def _told(told: Any, own: Any, spoken: Any) -> Any:
    """Returns what is told of an agent, its action mask without the entries of a message.

    Args:
        told: An observation or an info.
        own: The environment's.
        spoken: How actions carry messages; None where they do not.
    """
    mask, before = (np.asarray(_mask_in(each)) for each in (told, own))
    if spoken is None or mask.ndim != 1 or before.ndim != 1:
        return told
    return {**told, "action_mask": mask[: len(before)]} if mask[len(before) :].all() else told


def _mask_in(told: Any) -> Any:
    return told.get("action_mask") if isinstance(told, dict) else None


def _silent(env: Any, moment: Moment) -> list[Any]:
    """Returns the agents that are dead or have left."""
    over = moment.terminations
    return [a for a in env.possible_agents if a not in moment.observations or over.get(a)]


def _check_dead(env: Any, moment: Moment, late: bool) -> None:
    dead = [env.possible_agents.index(agent) for agent in _silent(env, moment)]
    received = moment.received
    if received is not None and dead:
        demand(8, not received[:, dead].any(), "an agent that is dead receives messages")
        # What was sent in life may still arrive.
        demand(8, late or not received[dead].any(), "an agent that is dead sends messages")
    if received is not None:
        demand(8, not np.diagonal(received).any(), "an agent has a link to itself")


def _check_contents(trial: Trial) -> None:
    moments = trial.play(trial.make())
    # Who joins in mid-episode hears nothing that is older than itself.
    if all(set(b.agents) <= set(a.agents) for a, b in pairwise(moments)):
        check_contents(trial)


def _check_sources(trial: Trial) -> None:
    """Asks of a bare environment what contents are compared with: twice the same, and truthful."""
    _check_spaces(trial, [])
    _check_against_bare(trial, [], 2)


def _check_leaks(trial: Trial, models: list[CommunicationModel]) -> None:
    env = trial.wrap(models)
    trial.play(env, seed=trial.seed + 1)
    first = trial.play(trial.wrap(models))
    compare(9, trial.play(env), first, "an episode depends on the last one")


def _check_mistakes(trial: Trial) -> None:
    env = trial.wrap([])
    aec = isinstance(env, AECEnv)
    demand_sentence("step before reset", lambda: env.step(None if aec else {}))
    demand_sentence("reset with a negative seed", lambda: env.reset(seed=-1))
    env.reset(seed=trial.seed)
    if aec:
        demand_sentence("observe of an unknown agent", lambda: env.observe("nobody"))
    else:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        actions["nobody"] = 0
        demand_sentence("an action for an unknown agent", lambda: env.step(actions))
