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
            actions = stage.policy(observations)
            check_actions(actions, stage.env, observations)
        with _said(at_environment, "must be one that takes a step", environment):
            stage.env.step(actions if stage.is_parallel else actions[next(iter(observations))])


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
    return {stage.env.agent_selection: stage.env.observe(stage.env.agent_selection)}
