"""A short trial of all that a sweep needs, so that mistakes show before anything is written."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from failure_api.errors import FailureApiError, invalid
from failure_api.evaluation.episode import Player, globals_preserved, seed_globals
from failure_api.evaluation.plan import Cell, Plan
from failure_api.evaluation.policies import check_actions
from failure_api.evaluation.policies.policy import reason
from failure_api.evaluation.reading import locating, specification_from_dict
from failure_api.evaluation.results import reason_of
from failure_api.evaluation.stage import Stage, about, exchange_of, models_of
from failure_api.serialization.paths import KeyPath, refused

_MODELS_TRIED = 5_000
_STAGES_TRIED = 24


def prepare(
    source: str | Path | Mapping[str, Any], done: Callable[[Plan], bool] = lambda plan: False
) -> Plan:
    """Reads a specification, tries out what it names, and returns the plan.

    Every value of every grid is read; an environment and each policy take one step.

    Args:
        source: As in `read_specification`.
        done: Whether nothing of a plan is left to do, so that nothing need be tried.

    Raises:
        FailureApiError: Something in the specification does not suit; for YAML the error tells the
            line.
    """
    with locating(source) as plain:
        plan = Plan(specification_from_dict(plain))
        if not done(plan):
            _try_out(plan)
    return plan


def _try_out(plan: Plan) -> None:
    for cell in itertools.islice(plan.telling_cells(_MODELS_TRIED), _MODELS_TRIED):
        filled = plan.filled(cell)
        models_of(filled)
        exchange_of(filled["exchange"])
    with globals_preserved():
        for cell in _stages(plan):
            _take_a_step(plan, cell)


def estimate_seconds(plan: Plan) -> float:
    """Returns how long a plan would take on one processor, from a few episodes of each policy.

    Args:
        plan: What would be played.

    Raises:
        InvalidArgumentError: One of these episodes failed.
    """
    player = Player(plan)
    seconds: dict[str, list[float]] = {}
    with globals_preserved():
        for cell in _stages(plan):
            # The first episode of a cell also makes its environment.
            for episode in (1, 2):
                result = player.play(cell.number, episode)
                if result.error is not None:
                    environment = plan.specification.environment
                    rule = f"must play {environment} to its end ({reason_of(result.error)})"
                    raise invalid("policies", rule, cell.policy, "fix the policy")
            seconds.setdefault(cell.policy, []).append(result.seconds)
        player.leave()
    means = [sum(found) / len(found) for found in seconds.values()]
    return plan.episodes * sum(means) / len(means)


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
    at_policy = ("policies", plan.specification.policies.index(cell.policy))
    acts = f"must act on what {environment} lets agents observe"
    seed_globals(seed)
    with closing(Stage(plan, cell)) as stage:
        with _said(at_environment, "must be one that can be reset", environment):
            observations = _first_observations(stage, seed)
        with _said(at_policy, acts, cell.policy):
            if hasattr(stage.policy, "reset"):
                stage.policy.reset(seed)
        # Rewards may come with the last turn of a cycle.
        turns = 1 if stage.is_parallel else len(stage.env.agents)
        while observations and turns:
            with _said(at_policy, acts, cell.policy):
                actions = stage.policy(observations)
                check_actions(actions, stage.env, observations)
            with _said(at_environment, "must be one that takes a step", environment):
                rewards, observations = _stepped(stage, actions)
            for reward in rewards.values():
                stage.scalar(reward)
            turns -= 1


@contextmanager
def _said(path: KeyPath, rule: str, value: str) -> Iterator[None]:
    """Turns whatever is raised into one sentence about a place of the specification."""
    try:
        yield
    except FailureApiError as error:
        raise about(path, error) from error
    except Exception as error:
        what = "fix it, or its options" if path == ("environment",) else "fix the policy"
        raise refused(path, f"{rule} ({reason(error)})", value, what) from error


def _first_observations(stage: Stage, seed: int) -> dict[Any, Any]:
    if stage.is_parallel:
        observations, _ = stage.env.reset(seed=seed)
        return dict(observations)
    stage.env.reset(seed=seed)
    return _observed_by_next(stage.env)


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
