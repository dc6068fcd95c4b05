"""Results that look like those of a sweep, made by formulas; and episodes that were played."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from failure_api.evaluation.recording import Recording
from failure_api.evaluation.results import Results

TENTHS = tuple(round(0.1 * step, 1) for step in range(11))
TRACEBACK = """ValueError: <b>shapes</b> (1,18) and (20,64) not aligned

Traceback (most recent call last):
  File "policy.py", line 12, in act
    return self.network(observation)
ValueError: <b>shapes</b> (1,18) and (20,64) not aligned
"""


def make_results(
    *,
    policies=("assignment", "random"),
    missing=("zero", "hold"),
    severities=TENTHS,
    severity="failure_prob",
    episodes=60,
    scale=1.0,
    recordings=(),
    environment="mpe2.simple_spread_v3",
):
    """Returns the results of a sweep over `missing` and the severities."""
    random = np.random.default_rng(7)
    luck = random.normal(0, 2.0, episodes)
    seeds = 1_834_522_004 + np.arange(episodes)
    returns: dict[tuple[str, str, float | None], np.ndarray] = {}
    for (row, policy), (column, held) in itertools.product(enumerate(policies), enumerate(missing)):
        perfect = -20.0 - 9.0 * row
        for place, value in [(None, None), *enumerate(severities)]:
            share = 0.0 if place is None else _share(place, severities)
            loss = (0.75 / (1 + 2 * row)) * share ** (1.3 + column) if row < 6 else 0.02 * share
            noise = random.normal(0, 0.6 * share + 1e-9, episodes)
            returns[policy, held, value] = scale * (perfect * (1 + loss) + luck + noise)
    cells, rows, curves = [], [], []
    for (policy, held, value), found in returns.items():
        name = {"policy": policy, "missing": held}
        drops = returns[policy, held, None] - found
        place = 0.0 if value is None else _share(list(severities).index(value), severities)
        ratio, age = 1 - 0.97 * place, place / (1.04 - place)
        cells.append(
            name
            | {"severity": math.nan if value is None else value, "episodes": episodes, "failed": 0}
            | estimate("mean", found)
            | estimate("iqm", np.sort(found)[episodes // 4 : 3 * episodes // 4 + 1])
            | {"cvar": np.sort(found)[: max(1, episodes // 10)].mean()}
            | {"delivery_ratio": ratio, "mean_age": age, "news": ratio, "overtaken": 0.0}
            | (estimate("drop", drops) if value is not None else dict.fromkeys(DROPS, math.nan))
            | {"relative_drop": drops.mean() / abs(returns[policy, held, None].mean())}
        )
        for episode, gained in enumerate(found):
            rows.append(
                name
                | {"severity": cells[-1]["severity"], "episode": episode}
                | {"seed": int(seeds[episode]), "return": gained, "length": 25}
                | {"delivery_ratio": ratio, "mean_age": age, "news": ratio, "overtaken": 0.0}
                | {"error": None}
            )
    for policy, held in itertools.product(policies, missing):
        means = np.array([returns[policy, held, value].mean() for value in severities])
        perfect = returns[policy, held, None].mean()
        broken = [v for v, m in zip(severities, means, strict=True) if perfect - m > 0.1 * -perfect]
        point = broken[0] if broken else math.inf
        at = list(severities).index(point) if broken else 0
        curves.append(
            {"policy": policy, "missing": held, "perfect": perfect}
            | {"area": means.mean(), "area_low": means.mean() - 0.5 * scale}
            | {"area_high": means.mean() + 0.5 * scale, "breaking_point": point}
            | {"breaking_point_low": severities[max(at - 1, 0)] if broken else severities[-1]}
            | {
                "breaking_point_high": severities[min(at + 1, len(severities) - 1)]
                if broken
                else point
            }
            | dict.fromkeys(("recovery", "recovery_low", "recovery_high"), math.nan)
        )
    labels = list(itertools.product(policies, missing))
    comparisons = [
        {
            "first": f"{one[0]}, missing={one[1]}",
            "second": f"{other[0]}, missing={other[1]}",
            "severity": value,
            **estimate("difference", returns[*one, value] - returns[*other, value]),
            "effect_size": 0.4,
            "p_value": 0.0004,
            "p_corrected": 0.0312,
        }
        for one, other in itertools.combinations(labels, 2)
        for value in severities
    ]
    return Results(
        specification={
            "environment": environment,
            "api": "parallel",
            "options": {"N": 3, "max_cycles": 25},
            "policies": list(policies),
            "exchange": {"type": "mask_segments", "missing": {"grid": list(missing)}},
            "failure_models": [{"model": "probabilistic", severity: {"grid": list(severities)}}],
            "episodes": episodes,
            "seed": 0,
        },
        severity=severity,
        severities=tuple(severities),
        settings=("missing",),
        share=0.1,
        episodes=pd.DataFrame(rows),
        cells=pd.DataFrame(cells),
        curves=pd.DataFrame(curves),
        comparisons=pd.DataFrame(comparisons),
        recordings=recordings,
        runs=[
            {
                "command": "failure-api sweep sweep.yaml --output results/spread",
                "started": "2026-11-25 12:20:03",
                "versions": {"python": "3.11.7", "failure_api": "1.0.0", "numpy": "2.3.5"},
                "machine": {"processor": "AMD EPYC 7B13", "cores": 2, "platform": "Linux"},
            }
        ],
    )


DROPS = ("drop", "drop_low", "drop_high")


def _share(place, severities):
    return place / (len(severities) - 1) if len(severities) > 1 else 1.0


def estimate(name, found):
    """Returns a mean with an interval."""
    mean, half = found.mean(), 1.96 * found.std() / math.sqrt(len(found))
    return {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}


def made_recording(
    agents=3,
    rounds=26,
    *,
    dimensions=2,
    loss=0.5,
    **about,
):
    """Returns a recording whose links were drawn by lot."""
    random = np.random.default_rng(round(100 * loss))
    arrived = random.random((rounds, agents, agents)) >= loss
    arrived[:, range(agents), range(agents)] = False
    newest, age = np.full((agents, agents), -1), []
    for number in range(rounds):
        newest = np.where(arrived[number], number, newest)
        now = number - newest
        now[range(agents), range(agents)] = 0
        age.append(now.ravel().tolist())
    positions = None
    if dimensions is not None:
        places = random.normal(size=(1, agents, dimensions))
        walk = np.cumsum(random.normal(0, 0.1, (rounds, agents, dimensions)), axis=0)
        positions = (places + walk).round(4).tolist()
    return Recording(
        agents=[f"agent_{index}" for index in range(agents)],
        alive=["1" * agents] * rounds,
        arrived=["".join(str(int(flag)) for flag in links.ravel()) for links in arrived],
        age=age,
        rewards=[0.0, *random.normal(-1, 0.2, rounds - 1).tolist()],
        positions=positions,
        seed=1_834_522_004,
        **about,
    )


@cache
def played_recordings(severities=TENTHS):
    """Returns an episode of simple_spread for each cell of `make_results`, really played."""
    cells = itertools.product(("assignment", "random"), ("zero", "hold"), (None, *severities))
    return tuple(_play(*cell) for cell in cells)


def _play(policy, missing, severity):
    from mpe2 import simple_spread_v3

    from failure_api import CommunicationWrapperParallel, MaskSegments, ProbabilisticModel
    from failure_api.environments.positions import known_positions

    env = CommunicationWrapperParallel(
        simple_spread_v3.parallel_env(N=3, max_cycles=25),
        ProbabilisticModel(failure_prob=severity or 0.0),
        exchange=MaskSegments(missing=missing),
    )
    where = known_positions(env)
    recording = Recording(
        policy=policy,
        setting={"missing": missing},
        severity=severity,
        seed=1_834_522_004,
        agents=list(env.possible_agents),
        positions=[],
    )
    random = np.random.default_rng(3)

    def keep(reward):
        alive = [agent in env.agents for agent in env.possible_agents]
        recording.alive.append("".join(str(int(flag)) for flag in alive))
        links = env.get_communication_state().ravel()
        recording.arrived.append("".join(str(int(flag)) for flag in links))
        recording.age.append(env.message_age.ravel().tolist())
        recording.rewards.append(reward)
        recording.positions.append(where(env).round(4).tolist())

    observations, _ = env.reset(seed=recording.seed)
    keep(0.0)
    while env.agents:
        actions = {
            agent: int(random.integers(5)) if policy == "random" else _towards(seen)
            for agent, seen in observations.items()
        }
        observations, rewards, _, _, _ = env.step(actions)
        keep(float(np.mean(list(rewards.values()))))
    env.close()
    # All agents end together; the last round is shown with them.
    recording.alive[-1] = "111"
    return recording


def _towards(seen):
    """Returns the action that goes to the landmark for which this agent is the best placed."""
    landmarks, others = seen[4:10].reshape(3, 2), seen[10:14].reshape(2, 2)
    own = np.linalg.norm(landmarks, axis=1)
    theirs = np.linalg.norm(landmarks[:, None] - others[None], axis=2).min(axis=1)
    x, y = landmarks[np.argmin(own - theirs)]
    if max(abs(x), abs(y)) < 0.05:
        return 0
    if abs(x) > abs(y):
        return 2 if x > 0 else 1
    return 4 if y > 0 else 3


SCENARIOS = ("clear", "a field day", "bursts & <jam>")


def scenarios(labels=SCENARIOS, **how):
    """Returns the results of a sweep over scenarios, which labels alone tell apart."""
    severities = tuple(float(index) for index in range(1, len(labels) + 1))
    made = make_results(severities=severities, severity="links", **how)
    whole = ["area", "breaking_point"]
    names = [f"{name}{end}" for name in whole for end in ("", "_low", "_high")]
    curves = made.curves.assign(**dict.fromkeys(names, math.nan))
    return replace(made, curves=curves, severity_labels=tuple(labels), is_ordered=False)
