"""A dry run: all that a sweep needs is tried out, so that mistakes show before anything is written.

It says what a sweep would do, and for how long.
"""

from __future__ import annotations

import itertools
import math
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from failure_api.environments.positions import read_positions
from failure_api.errors import FailureApiError, invalid, reason
from failure_api.evaluation.engines import check_engine
from failure_api.evaluation.episode import Player, seed_globals
from failure_api.evaluation.grid import OBJECT
from failure_api.evaluation.plan import KEYS, Cell, Plan, Specification
from failure_api.evaluation.policies import check_actions
from failure_api.evaluation.reading import locating, specification_from_dict
from failure_api.evaluation.results import reason_of
from failure_api.evaluation.stage import (
    HEARD,
    Stage,
    beginning_with,
    exchange_of,
    models_of,
    policy_path,
)
from failure_api.serialization.paths import KeyPath, PlainDataError, refused
from failure_api.user_code import ANYTHING, globals_preserved

_MODELS_TRIED = 5_000
_STAGES_TRIED = 24


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a sweep would do.

    Attributes:
        environment: Name of the environment.
        policies: Names of the policies.
        severity: What varies along a curve.
        severities: Its values, from the mildest to the severest; 1, 2, ... where labels tell them.
        severity_labels: What each is called; empty where numbers say it.
        settings: The values of what else varies, by name.
        cells: Number of cells, those of perfect communication included.
        episodes: Episodes in all.
        seconds: How long they would take, by a few episodes that were played.
        cut: Whether one of these did not end within `STEPS_TRIED` steps, so that it takes longer.
    """

    environment: str
    policies: tuple[str, ...]
    severity: str
    severities: tuple[float, ...]
    settings: Mapping[str, tuple[str, ...]]
    cells: int
    episodes: int
    seconds: float
    cut: bool = False
    severity_labels: tuple[str, ...] = ()


def check(specification: str | Path | Mapping[str, Any], *, workers: int = 1) -> Check:
    """Reads a specification, tries out all that it names, and counts. Nothing is written.

    Args:
        specification: As `sweep` takes it.
        workers: Number of processes that would play.

    Raises:
        FailureApiError: Something in the specification is wrong.

    Example:
        >>> found = check({
        ...     "environment": "mpe2.simple_spread_v3",
        ...     "failure_models": {"model": "probabilistic", "failure_prob": {"grid": "0:1:0.1"}},
        ... })
        >>> found.cells, found.episodes
        (12, 1200)
    """
    check_engine(None, workers, None)
    plan = prepare(specification, workers=workers)
    seconds, cut = estimate_seconds(plan)
    return Check(
        environment=plan.specification.environment,
        policies=tuple(plan.specification.policies),
        severity=plan.severity_name,
        severities=plan.severities,
        settings=dict(zip(plan.settings, (axis.texts for axis in plan.further), strict=True)),
        cells=plan.size,
        episodes=plan.episodes,
        seconds=seconds / workers,
        cut=cut,
        severity_labels=plan.severity_labels,
    )


def prepare(
    source: str | Path | Mapping[str, Any],
    done: Callable[[Plan], bool] = lambda plan: False,
    *,
    workers: int = 1,
) -> Plan:
    """Reads a specification, tries out what it names, and returns the plan.

    Every value of every grid is read, of long ones some in even steps; an environment and each
    policy take one step.

    Args:
        source: As in `read_specification`.
        done: Whether nothing of a plan is left to do, so that nothing need be tried.
        workers: Number of processes that are to play.

    Raises:
        FailureApiError: Something in the specification does not suit; for YAML the error tells the
            line.
    """
    with locating(source) as plain:
        plan = Plan(specification_from_dict(plain))
        if done(plan):
            return plan
        if workers > 1:
            check_travel(plan.specification)
        for number in _in_even_steps(list(plan.telling_numbers(_MODELS_TRIED))):
            cell = plan.cell(number)
            filled = plan.filled(cell)
            try:
                models_of(filled)
                exchange_of(filled["exchange"], plan.specification)
            except PlainDataError as error:
                raise plan.located(cell, error) from error
        with globals_preserved():
            for cell in _stages(plan):
                _take_a_step(plan, cell)
    return plan


def _in_even_steps(numbers: list[int]) -> list[int]:
    """Returns so many numbers as are tried, the last one among them."""
    step = -(-len(numbers) // _MODELS_TRIED)
    return numbers[:-1][::step] + numbers[-1:]


def check_travel(asked: Specification) -> None:
    """Raises an error for what other processes could not find.

    Args:
        asked: What they are to do.
    """
    script = getattr(sys.modules["__main__"], "__file__", None)
    has_script = script is not None and Path(script).exists()
    known = {key: getattr(asked, key) for key in ("environment", "positions", "segments")}
    named: dict[KeyPath, Any] = {("policies",): list(asked.policies.values())}
    named |= {(key,): [value] for key, value in known.items()}
    remedy = "put it into a module, at the top level, or take one worker"
    for path, names in named.items():
        for name in names:
            if isinstance(name, str) and name.startswith("__main__:") and not has_script:
                rule = "must be found by other processes, where there is no script to find it in"
                raise refused(path, rule, name, remedy)
    for name, value in asked.objects.items():
        path = next(_paths_of(name, asked.to_plain(), ()), ("objects",))
        rule = "must be something that other processes can be given"
        try:
            pickle.loads(pickle.dumps(value))
        except Exception as error:
            raise refused(path, f"{rule} ({reason(error)})", value, remedy) from error


def _paths_of(name: str, plain: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yields where plain data names an object."""
    if plain in (name, {OBJECT: name}):
        yield path
    elif isinstance(plain, Mapping | list):
        steps = plain.items() if isinstance(plain, Mapping) else enumerate(plain)
        for step, held in steps:
            yield from _paths_of(name, held, (*path, step))


STEPS_TRIED = 1_000
"""Steps after which a check ends an episode, unless the specification says when."""


def estimate_seconds(plan: Plan) -> tuple[float, bool]:
    """Returns how long a plan would take on one processor, from a few episodes of each policy.

    Args:
        plan: What would be played.

    Returns:
        The seconds, and whether an episode was ended before its environment ended it.

    Raises:
        InvalidArgumentError: One of these episodes failed.
    """
    player, cut = Player(plan, STEPS_TRIED), False
    unlimited = plan.specification.max_steps is None
    seconds: dict[str, list[float]] = {}
    with globals_preserved():
        for cell in _stages(plan):
            # The first episode of a cell also makes its environment.
            for episode in (1, 2):
                result = player.play(cell.number, episode)
                if result.error is not None:
                    played, problem = plan.specification.environment, reason_of(result.error)
                    rule = f"must play {played} to its end ({problem})"
                    if HEARD in problem:
                        raise invalid("policies", rule, cell.policy, "fix the policy")
                    rule = f"must be played to its end ({problem})"
                    raise invalid("environment", rule, played, "fix it, or its options")
                cut |= unlimited and result.length >= STEPS_TRIED
            seconds.setdefault(cell.policy, []).append(result.seconds)
        player.leave()
    means = [sum(found) / len(found) for found in seconds.values()]
    return plan.episodes * sum(means) / len(means), cut


def _stages(plan: Plan) -> Iterator[Cell]:
    """Yields a few cells in which every policy occurs."""
    return itertools.islice(plan.telling_cells(0), _STAGES_TRIED)


def _take_a_step(plan: Plan, cell: Cell) -> None:
    """Plays the beginning of an episode.

    Raises:
        PlainDataError: The environment or the policy does not do its part.
    """
    environment, seed = plan.specification.environment, plan.seed_of(0)
    at_environment = ("environment",)
    at_policy = policy_path(plan.specification, cell.policy)
    acts = f"must act on what {environment} lets agents observe"
    seed_globals(seed)
    with closing(Stage(plan, cell)) as stage:
        with _said(at_environment, "must be one that can be reset", environment):
            reset = stage.env.reset(seed=seed)
            observations = dict(reset[0]) if stage.is_parallel else _observed_by_next(stage.env)
            if stage.positions is not None:
                env = stage.env
                alive = np.array([agent in env.agents for agent in env.possible_agents])
                look = stage.positions
                read_positions(lambda _: look(), env, env.possible_agents, alive)
        with _said(at_policy, acts, cell.policy):
            if hasattr(stage.policy, "reset"):
                stage.policy.reset(seed)
        # Rewards may come with the last turn of a cycle.
        turns = 1 if stage.is_parallel else len(stage.env.agents)
        while observations and turns:
            with _said(at_policy, acts, cell.policy):
                actions = stage.act(observations)
                check_actions(actions, stage.env, observations)
            with _said(at_environment, "must be one that takes a step", environment):
                rewards, observations = _stepped(stage, actions)
            for reward in rewards.values():
                if not math.isfinite(stage.scalar(reward)):
                    remedy = "let it return finite numbers"
                    raise refused(at_environment, "must have finite rewards", reward, remedy)
            turns -= 1


def _stepped(stage: Stage, actions: Mapping[Any, Any]) -> tuple[Any, dict[Any, Any]]:
    """Takes a step; returns the rewards, and what the agent observes whose turn it is."""
    env = stage.env
    if stage.is_parallel:
        return env.step(actions)[1], {}
    env.step(actions[env.agent_selection])
    over = not env.agents or any(env.last(observe=False)[2:4])
    return env.rewards, {} if over else _observed_by_next(env)


def _observed_by_next(env: Any) -> dict[Any, Any]:
    return {env.agent_selection: env.observe(env.agent_selection)}


@contextmanager
def _said(path: KeyPath, rule: str, value: str) -> Iterator[None]:
    """Turns whatever is raised into one sentence about a place of the specification."""
    try:
        yield
    except PlainDataError:
        raise
    except FailureApiError as error:
        word = str(error).partition(" ")[0].partition("[")[0]
        raise beginning_with((word,) if word in KEYS else path, error) from error
    except ANYTHING as error:
        remedy = "fix it, or its options" if path == ("environment",) else "fix the policy"
        raise refused(path, f"{rule} ({reason(error)})", value, remedy) from error
