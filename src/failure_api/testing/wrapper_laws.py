"""The laws as they concern a wrapped environment."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, cast

import numpy as np
from pettingzoo import AECEnv
from pettingzoo.utils.conversions import aec_to_parallel

from failure_api.core import Chain, CommunicationModel
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.parameters.rules import WholeNumber
from failure_api.environments.adapters import adapted
from failure_api.errors import NotResetError, invalid
from failure_api.exchanges import Exchange
from failure_api.testing.array_laws import TRAVELS, global_generators
from failure_api.testing.bare_environment import Check, hold
from failure_api.testing.content_law import check_contents, own_parts
from failure_api.testing.rollout import Moment, play
from failure_api.testing.verdict import arrays_in, demand, demand_sentence, same
from failure_api.testing.wrapper_trial import DOWN, LOSSY, PERFECT, Trial, compare
from failure_api.wrappers.reports import actions_of
from failure_api.wrappers.rounds import Models, NoiseModels


@dataclass(frozen=True, kw_only=True)
class Recorder(CommunicationModel):
    """Writes down which rounds it is asked about."""

    asked: ClassVar[list[int]] = []

    def step(self, parameters: Any, state: Any, links: Any, context: Any, random: Any) -> Any:
        """Returns the links as they are."""
        self.asked.append(int(context.round))
        return state, links


def check_rounds(trial: Trial) -> None:
    """Counts the rounds of an episode against the actions that were taken in it."""
    env = trial.wrap([Recorder()])
    cycles = isinstance(env, AECEnv) and env.metadata.get("is_parallelizable", False)
    expected: list[int] = []
    acting: Any = None
    waiting: set[Any] = set()
    Recorder.asked.clear()
    for moment in play(env, trial.seed, trial.steps):
        counts = acting in waiting or not isinstance(env, AECEnv)
        waiting.discard(acting)
        if not waiting <= set(moment.agents):
            # Who has left without a last turn has nothing more to do in this cycle.
            waiting.intersection_update(moment.agents)
            counts = True
        if not expected or (counts and not (cycles and waiting)):
            expected.append(len(expected))
            ended = moment.terminations, moment.truncations
            waiting = {a for a in moment.agents if not any(flags[a] for flags in ended)}
        found = Recorder.asked
        demand(2, found == expected, f"the rounds are {found} where they should be {expected}")
        acting = env.agent_selection if isinstance(env, AECEnv) and env.agents else None


def check_same_in_parallel(trial: Trial) -> None:
    """Compares an AEC environment wrapped and then converted with the other way round."""
    bare = trial.make()
    convertible = isinstance(bare, AECEnv) and bare.metadata.get("is_parallelizable", False)
    # PettingZoo's own conversion takes names alone.
    named = all(isinstance(agent, str) for agent in bare.possible_agents)
    if not convertible or not named or trial.wrapper is not None:
        return
    steps = max(trial.steps // len(bare.possible_agents), 2)
    inside = trial.play(aec_to_parallel(trial.wrap(LOSSY, bare)), steps=steps)
    outside = trial.play(trial.wrap(LOSSY, aec_to_parallel(trial.make())), steps=steps)
    demand(2, len(inside) == len(outside), "AEC and Parallel episodes differ in length")
    for one, other in zip(inside, outside, strict=True):
        equal = same(one.observations, other.observations)
        demand(2, equal, "with the same seed AEC and Parallel deliver different messages")


def check_determinism(trial: Trial, models: list[CommunicationModel]) -> None:
    """Plays the same sequence of episodes in two new environments."""
    first, second = (
        [trial.play(env, seed=seed) for seed in (trial.seed, None, None)]
        for env in (trial.wrap(models), trial.wrap(models))
    )
    compare(4, first[0], second[0], "reset(seed) does not fix the episode")
    for one, other in zip(first[1], second[1], strict=False):
        # What the draws of a round have led to: of the links, or of a bare environment.
        what = "observations" if one.received is None else "received"
        equal = same(getattr(one, what), getattr(other, what))
        demand(4, equal, "reset() after reset(seed) is not fixed")
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
        return shown, global_generators()

    kept = global_generators()
    bare = played(trial.make())
    wrapped = [played(trial.wrap(models)) for models in (PERFECT, trial.models)]
    random.setstate(kept[0])
    np.random.set_state(kept[1])  # noqa: NPY002
    for index, what in enumerate(("environment's randomness", "state of the global generators")):
        equal = all(same(bare[index], episode[index]) for episode in wrapped)
        demand(4, equal, f"the {what} goes on differently with the wrapper")


def check_handed_out(trial: Trial, models: list[CommunicationModel]) -> None:
    """Looks for memory that is shared, and for reports that are no copies."""
    env = trial.wrap(models)
    before: list[np.ndarray[Any, Any]] = []
    moments = []
    for moment in play(env, trial.seed, min(trial.steps, 12)):
        arrays = [array for view in moment.handed.values() for array in arrays_in(view)]
        for index, array in enumerate(arrays):
            shared = any(np.shares_memory(array, other) for other in before + arrays[:index])
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
        if not hasattr(env, name):
            continue
        # What a wrapper reports is spoiled, and asked for again.
        kept = copy.deepcopy(_report(env, name))
        for array in _report(env, name):
            array[...] = 1 - array.astype(array.dtype if array.dtype != bool else np.int8)
        demand(7, same(_report(env, name), kept), f"{name} is no copy")


def _report(env: Any, name: str) -> list[Any]:
    told = getattr(env, name)
    return arrays_in(told() if callable(told) else told)


def check_twice(
    trial: Trial, models: list[CommunicationModel], law: int, finding: str, **options: Any
) -> None:
    """Plays the same in two ways, as when everything that is handed out is written to."""
    usual = trial.play(trial.wrap(models))
    compare(law, usual, trial.play(trial.wrap(models), **options), finding)


def check_travel(trial: Trial, models: list[CommunicationModel]) -> None:
    """Sends an environment away in mid-episode, and plays on here and there."""
    env = trial.wrap(models)
    *_, last = trial.play(env, steps=3)
    twins = {}
    for how, travel in TRAVELS.items():
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
        if _goes_on(trial, TRAVELS[how]):
            going_on = trial.play(twin, after=last)
            compare(10, on, going_on, f"the episode does not go on as before after being {how}")
        else:
            mixed = f"it goes on with an environment that does not, after being {how}"
            demand(10, _refuses(trial, twin), f"{mixed}: step must raise NotResetError")
        following = _draws(trial.play(twin, seed=None, steps=few))
        equal = all(map(same, draws, following))
        demand(10, equal, f"it does not go on as before after being {how}")
        compare(10, again, trial.play(twin), f"it differs after being {how}")


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
        make_environment: Returns a new bare environment each time, AEC, Parallel, or of another
            interface that the wrappers take.
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
    if not callable(make_environment):
        remedy = "give a function or class that makes one, since the laws compare several"
        raise invalid("make_environment", "must be a function", make_environment, remedy)
    models = list(Chain(models=cast("Any", failure_models)).parts)
    noises = NoiseChain(models=cast("Any", noise_models)).parts
    steps = WholeNumber(1).normalise("steps", steps)
    trial = Trial(
        lambda: adapted(make_environment()),
        models,
        exchange,
        positions,
        wrapper,
        steps,
        seed,
        noises,
    )
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
    finding = "an episode goes differently when agents look more often"
    yield Check(3, partial(check_twice, models=LOSSY, law=3, finding=finding, looks=3))
    finding = "writing to what was handed out changes what comes next"
    for models in (LOSSY, trial.models):
        yield Check(7, partial(check_twice, models=models, law=7, finding=finding, spoil=True))
    for models in ([], PERFECT):
        yield Check(5, partial(_check_against_bare, models=models, law=5))
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
                failing, dead = bool(models) or bool(trial.noise_models), _silent(env, moment)
                view, own = own_parts(env, bare, agent, view, own, failing=failing, dead=dead)
            # What contradicts its space need not be shown as it is.
            space, shown = bare.observation_space(agent), plain.observations[agent]
            told = space.contains(shown) and _alike(space.sample(), shown)
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
    masks = (each.get("action_mask") if isinstance(each, dict) else None for each in (told, own))
    mask, before = map(np.asarray, masks)
    if spoken is None or mask.ndim != 1 or before.ndim != 1:
        return told
    return {**told, "action_mask": mask[: len(before)]} if mask[len(before) :].all() else told


def _silent(env: Any, moment: Moment) -> list[Any]:
    """Returns the agents that are dead or have left."""
    over = moment.terminations
    return [a for a in env.possible_agents if a not in moment.observations or over.get(a)]


def _check_dead(env: Any, moment: Moment, late: bool) -> None:
    received = moment.received
    if received is None:
        return
    dead = [env.possible_agents.index(agent) for agent in _silent(env, moment)]
    demand(8, not received[:, dead].any(), "an agent that is dead receives messages")
    # What was sent in life may still arrive.
    demand(8, late or not received[dead].any(), "an agent that is dead sends messages")
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
