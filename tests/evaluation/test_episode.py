"""Episodes: like with like, the same in both APIs, counted rightly, and seen when they fail."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from mpe2 import simple_spread_v3, simple_tag_v3

from failure_api import CommunicationWrapperParallel, DelayBasedModel, ProbabilisticModel
from failure_api.evaluation import read_specification
from failure_api.evaluation.episode import Player
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.recording import Meter

STATELESS = """
def policy(observations):
    return {agent: int(abs(seen.sum()) * 1000) % 5 for agent, seen in observations.items()}

def breaks(observations):
    if min(seen[0] for seen in observations.values()) < -0.9:
        raise ValueError("too far to the left")
    return policy(observations)

def gives_up(observations):
    raise SystemExit("enough")

class Noisy:
    def __call__(self, observations):
        import random
        import numpy
        draw = lambda: (random.randrange(5) + numpy.random.randint(5)) % 5
        return {agent: draw() for agent in observations}
"""


@pytest.fixture(autouse=True)
def _stateless(tmp_path, monkeypatch):
    (tmp_path / "stateless.py").write_text(STATELESS)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("stateless", None)


def plan_of(**changes):
    loss = {"model": "probabilistic", "failure_prob": {"grid": [0.2, 0.5, 0.8]}}
    plain = {"environment": "mpe2.simple_spread_v3", "failure_models": loss, "episodes": 5}
    return Plan(read_specification(plain | changes))


def play(plan, cell, episode=0):
    result = Player(plan).play(cell, episode)
    assert result.error is None, result.error
    return result


def test_perfect_communication_is_the_bare_environment():
    plan = plan_of(policies="stateless:policy")
    result = play(plan, 0, 2)
    env = simple_spread_v3.parallel_env()
    observations, _ = env.reset(seed=plan.seed_of(2))
    from stateless import policy

    returns = dict.fromkeys(env.possible_agents, 0.0)
    while env.agents:
        observations, rewards, _, _, _ = env.step(policy(observations))
        returns = {agent: returns[agent] + rewards[agent] for agent in returns}
    assert result.team_return == pytest.approx(np.mean(list(returns.values())), rel=1e-12)
    assert (result.length, result.delivery_ratio, result.mean_age) == (25, 1.0, 0.0)


def test_both_apis_play_the_same_episode():
    for steps in (None, 7):
        plans = [
            plan_of(policies="stateless:policy", api=api, max_steps=steps)
            for api in ("parallel", "aec")
        ]
        one, other = (play(plan, 2) for plan in plans)
        np.testing.assert_allclose(one.rewards, other.rewards, rtol=1e-12)
        assert one.recording is not None
        assert other.recording is not None
        assert one.recording.arrived == other.recording.arrived
        assert one.recording.ended == other.recording.ended == (steps is None)
        assert one[4:7] == other[4:7]
        assert one.length == (steps or 25)


def test_what_fails_at_a_lesser_severity_fails_at_a_greater_one():
    plan = plan_of(policies=["random", "stateless:policy"])
    arrived = {}
    for cell in plan.cells():
        recording = play(plan, cell.number).recording
        assert recording is not None
        arrived[cell.policy, cell.severity] = np.array([list(row) for row in recording.arrived])
    for policy in plan.specification.policies:
        for mild, severe in ((None, 0), (0, 1), (1, 2)):
            assert (arrived[policy, mild] >= arrived[policy, severe]).all()
            assert (arrived[policy, mild] != arrived[policy, severe]).any()
    # The same draws for every policy, too.
    assert all(
        (arrived["random", k] == arrived["stateless:policy", k]).all() for k in (None, 0, 1, 2)
    )


def test_an_episode_does_not_depend_on_what_was_played_before():
    plan = plan_of(policies=["stateless:Noisy", "random"])
    player = Player(plan)
    in_turn = {(c, k): player.play(c, k) for c in range(plan.size) for k in range(3)}
    for (cell, episode), result in reversed(list(in_turn.items())):
        alone = play(plan, cell, episode)
        assert alone.rewards.tobytes() == result.rewards.tobytes()
        assert alone.recording == result.recording


def test_ratio_and_age_follow_the_channel():
    """Against a count by hand from what the wrapper reports in each round."""
    env = CommunicationWrapperParallel(
        simple_spread_v3.parallel_env(),
        [ProbabilisticModel(failure_prob=0.4), DelayBasedModel(min_delay=0, max_delay=2)],
    )
    meter = Meter()
    env._rounds.watchers.append(meter)
    env.reset(seed=3)
    others = ~np.eye(3, dtype=bool)
    news = [env.get_communication_state()[others]]
    ages = [env.message_age[others]]
    while env.agents:
        env.step(dict.fromkeys(env.agents, 0))
        news.append(env.get_communication_state()[others])
        ages.append(env.message_age[others])
    ratio, age, fresh, overtaken = meter.measure()
    assert (age, fresh) == (np.mean(ages), np.mean(news))
    assert 0.5 < ratio < 0.7
    assert 0.2 < overtaken < 0.4
    assert (age, ratio, fresh, overtaken) == env.communication_report()


def test_nobody_to_talk_to_means_no_ratio():
    meter = Meter()
    env = CommunicationWrapperParallel(
        simple_spread_v3.parallel_env(N=1), ProbabilisticModel(failure_prob=0.4)
    )
    env._rounds.watchers.append(meter)
    env.reset(seed=3)
    assert all(map(math.isnan, meter.measure()))


def test_the_team_is_who_counts():
    loss = {"model": "probabilistic", "failure_prob": 0.5}
    plain = {"environment": "mpe2.simple_tag_v3", "failure_models": loss}
    results = {}
    for team in ("adversary_*", "agent_0", "*"):
        plan = plan_of(**plain, team=team)
        results[team] = play(plan, 1).team_return
    env = CommunicationWrapperParallel(
        simple_tag_v3.parallel_env(), ProbabilisticModel(failure_prob=0.5)
    )
    from failure_api.evaluation.policies import make_policy

    policy = make_policy("random", env)
    seed = plan_of(**plain).seed_of(0)
    observations, _ = env.reset(seed=seed)
    policy.reset(seed)
    returns = dict.fromkeys(env.possible_agents, 0.0)
    while env.agents:
        observations, rewards, _, _, _ = env.step(policy(observations))
        returns = {agent: returns[agent] + rewards[agent] for agent in returns}
    adversaries = [value for agent, value in returns.items() if "adversary" in agent]
    assert results["adversary_*"] == pytest.approx(np.mean(adversaries))
    assert results["agent_0"] == pytest.approx(returns["agent_0"])
    assert results["*"] == pytest.approx(np.mean(list(returns.values())))


def test_an_episode_that_raises_is_seen_and_the_next_one_goes_on():
    plan = plan_of(policies=["stateless:breaks"], episodes=40)
    player = Player(plan)
    results = [player.play(0, episode) for episode in range(40)]
    failed = [result for result in results if result.error]
    assert 0 < len(failed) < 40
    assert all('raise ValueError("too far to the left")' in str(r.error) for r in failed)
    assert all(math.isnan(r.team_return) for r in failed)
    for result in results:
        if result.error is None:
            assert result.rewards.tobytes() == play(plan, 0, result.episode).rewards.tobytes()


def test_a_policy_that_ends_the_program_ends_its_episode_alone():
    result = Player(plan_of(policies=["stateless:gives_up"])).play(0, 0)
    assert "SystemExit: enough" in str(result.error)


@pytest.mark.parametrize(
    "environment", ["pettingzoo.classic.tictactoe_v3", "pettingzoo.classic.connect_four_v3"]
)
def test_turn_based_environments_with_masks_are_played(environment):
    plan = plan_of(environment=environment)
    result = play(plan, 2, 1)
    assert 5 <= result.length <= 42
    assert 0 < result.delivery_ratio < 1


def test_environments_where_agents_die_are_played():
    environment = "pettingzoo.butterfly.knights_archers_zombies_v11"
    plan = plan_of(environment=environment, options={"max_cycles": 300})
    result = play(plan, 2)
    assert result.recording is not None
    assert result.recording.positions is not None
    assert "0" in result.recording.alive[-1]
