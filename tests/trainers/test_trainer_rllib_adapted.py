"""RLlib's own environments keep the laws in front of a wrapper, and train behind one."""

from __future__ import annotations

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from environments_under_test import breaking
from failure_api import CommunicationWrapperParallel, ProbabilisticModel, ShareObservations
from failure_api.environments import as_parallel, from_rllib
from failure_api.testing import check_wrapper

pytest.importorskip("ray.rllib")
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.rllib.examples.envs.classes.multi_agent import (
    GuessTheNumberGame,
    MultiAgentCartPole,
    TwoStepGame,
)
from ray.rllib.examples.envs.classes.multi_agent.double_row_corridor_env import (
    DoubleRowCorridorEnv,
)
from ray.rllib.examples.envs.classes.multi_agent.rock_paper_scissors import RockPaperScissors
from ray.rllib.examples.envs.classes.multi_agent.tic_tac_toe import TicTacToe
from ray.tune.registry import register_env

pytestmark = pytest.mark.trainers

# The class of MultiAgentCartPole is made in a function, so it does not pickle.
SUBJECTS = {
    "cart poles": (lambda: MultiAgentCartPole({"num_agents": 3}), (10,)),
    "guess the number": (lambda: GuessTheNumberGame({}), ()),
    "two steps": (lambda: TwoStepGame({}), ()),
    "rock, paper, scissors": (lambda: RockPaperScissors({}), ()),
    "corridor": (lambda: DoubleRowCorridorEnv({}), ()),
}
EACH = pytest.mark.parametrize(("make", "broken"), SUBJECTS.values(), ids=SUBJECTS)


@EACH
def test_it_keeps_all_laws(make, broken):
    with breaking(*broken):
        check_wrapper(make, steps=12)
    parallel_api_test(as_parallel(make()), num_cycles=40)
    parallel_seed_test(lambda: as_parallel(make()), num_cycles=30)


def test_agents_that_wait_for_their_turn_see_what_they_saw():
    """RLlib draws who begins at tic-tac-toe without a seed, so its laws cannot be checked."""
    env = as_parallel(TicTacToe({}))
    seen, _ = env.reset()
    assert len(env.agents) == 1
    while env.agents:
        before = seen
        seen, _, _, _, infos = env.step({a: env.action_space(a).sample() for a in env.agents})
        waiting = [agent for agent in before if not infos[agent]["acts"]]
        assert all(np.array_equal(seen[agent], before[agent]) for agent in waiting)
        assert waiting or not env.agents


def wrapped():
    return CommunicationWrapperParallel(
        MultiAgentCartPole({"num_agents": 3}),
        ProbabilisticModel(failure_prob=0.5),
        exchange=ShareObservations(form="flat"),
    )


def test_the_way_back_shows_what_the_wrapper_shows():
    back, twin = ParallelPettingZooEnv(wrapped()), wrapped()
    seen, again = back.reset(seed=3)[0], twin.reset(seed=3)[0]
    over = {"__all__": False}
    steps = 0
    while not over["__all__"]:
        assert seen.keys() == again.keys()
        for agent, observation in seen.items():
            np.testing.assert_array_equal(observation, again[agent])
            assert observation in back.get_observation_space(agent)
        actions = dict.fromkeys(twin.agents, steps % 2)
        seen, gained, over, _, _ = back.step(actions)
        again, gained_again, *_ = twin.step(actions)
        assert gained == gained_again
        steps += 1
    assert steps > 5
    assert not twin.agents


def test_there_and_back_is_the_same():
    once, twice = wrapped(), from_rllib(ParallelPettingZooEnv(wrapped()))
    seen, again = once.reset(seed=3)[0], twice.reset(seed=3)[0]
    for step in range(5):
        for agent in once.agents:
            np.testing.assert_array_equal(seen[agent], again[agent])
        actions = dict.fromkeys(once.agents, step % 2)
        seen, again = once.step(actions)[0], twice.step(actions)[0]


def test_rllib_trains_behind_the_wrapper(tmp_path, monkeypatch):
    # Ray writes a token there.
    monkeypatch.setenv("HOME", str(tmp_path))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        register_env("adapted", lambda settings: ParallelPettingZooEnv(wrapped()))
        config = (
            PPOConfig()
            .environment("adapted")
            .env_runners(num_env_runners=0)
            .training(train_batch_size=60, minibatch_size=30, num_epochs=1)
            .multi_agent(policies={"all"}, policy_mapping_fn=lambda agent, *rest, **more: "all")
        )
        algorithm = config.build_algo()
        result = algorithm.train()
        algorithm.stop()
    finally:
        ray.shutdown()
    assert result["env_runners"]["num_env_steps_sampled"] >= 60
