"""RLlib trains on wrapped environments, and sees in them what one sees without it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from mpe2 import simple_adversary_v3, simple_speaker_listener_v4, simple_spread_v3
from pettingzoo.utils.conversions import aec_to_parallel
from trainer_runs import CUT, at_once, in_turns, knights, run_example

from failure_api import CommunicationWrapperParallel, ProbabilisticModel, ShareObservations
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError
from failure_api.integrations.rllib import set_severity
from helpers import assert_one_sentence

pytest.importorskip("ray.rllib")
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.connectors.env_to_module import FlattenObservations
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv, PettingZooEnv
from ray.tune.registry import register_env

pytestmark = pytest.mark.trainers
FLAT = ShareObservations(form="flat")
EXCHANGES = pytest.mark.parametrize("exchange", [None, FLAT], ids=["default", "flat"])


def converted(**how):
    """Returns a wrapped environment behind one that passes no calls on."""
    return aec_to_parallel(in_turns(**how))


KINDS = pytest.mark.parametrize(
    ("adapter", "made"),
    [(ParallelPettingZooEnv, at_once), (PettingZooEnv, in_turns)],
    ids=["at once", "in turns"],
)


@pytest.fixture(scope="module", autouse=True)
def _cluster(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # Ray writes a token there.
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield
        ray.shutdown()


def config_of(make, *, together=False, runners=0):
    """Returns a small configuration, with one policy for each agent or one for all together."""
    register_env("wrapped", lambda settings: make())
    agents = make().possible_agents
    if together:
        policies = {"policies": {"all"}, "policy_mapping_fn": lambda agent, *rest, **more: "all"}
    else:
        policies = {"policies": {*agents}, "policy_mapping_fn": lambda agent, *rest, **more: agent}
    return (
        PPOConfig()
        .environment("wrapped")
        .env_runners(num_env_runners=runners, rollout_fragment_length=96)
        .multi_agent(**policies)
        .rl_module(model_config={"fcnet_hiddens": [16]})
        .training(train_batch_size_per_learner=96, minibatch_size=48, num_epochs=1)
        .debugging(seed=7)
    )


def train(config):
    """Trains for two iterations, and raises unless all networks have changed."""
    algorithm = config.build_algo()
    try:
        before = weights(algorithm)
        found = [algorithm.train()["env_runners"]["episode_return_mean"] for _ in range(2)]
        assert np.isfinite(found).all()
        after = weights(algorithm)
        assert before
        assert not any(np.array_equal(before[name], after[name]) for name in before)
    finally:
        algorithm.stop()


def weights(algorithm):
    """Returns copies of the first layers of all policies."""
    policies = algorithm.learner_group.get_weights()
    return {
        (policy, name): np.array(array)
        for policy, arrays in policies.items()
        for name, array in arrays.items()
        if name.endswith("encoder.net.mlp.0.weight")
    }


@KINDS
@EXCHANGES
def test_ppo_trains_one_policy_for_all(adapter, made, exchange):
    train(config_of(lambda: adapter(made(exchange=exchange)), together=True))


@KINDS
@EXCHANGES
def test_ppo_trains_where_agents_observe_other_spaces(adapter, made, exchange):
    train(config_of(lambda: adapter(made(simple_speaker_listener_v4, exchange=exchange))))


def test_a_dict_of_observations_needs_flattening():
    config = config_of(
        lambda: ParallelPettingZooEnv(at_once(exchange=ShareObservations())), together=True
    )
    with pytest.raises(ValueError, match="No default encoder config for obs space=Dict"):
        config.copy().build_algo()
    train(
        config.env_runners(
            env_to_module_connector=lambda *others, **more: FlattenObservations(multi_agent=True)
        )
    )


def test_one_policy_needs_agents_of_one_space():
    config = config_of(lambda: ParallelPettingZooEnv(at_once(simple_adversary_v3)), together=True)
    with pytest.raises(ValueError, match="these agents also have different observation spaces"):
        config.build_algo()


def sampled(make, episodes):
    """Returns the episodes that an environment runner plays with random actions."""
    # A check takes a step, which knights_archers_zombies does not quite forget in a reset.
    config = config_of(make).environment(disable_env_checking=True)
    runner = MultiAgentEnvRunner(config=config)
    # Where it stops amid an episode it leaves out who has just had a turn.
    played: list[Any] = runner.sample(num_episodes=episodes, random_actions=True)
    assert sum(map(len, played)) >= 100
    return played


def rounds(episode):
    """Yields what agents observe and do, step by step."""
    actions = episode.get_actions(return_list=True)
    return zip(episode.get_observations(return_list=True), [*actions, {}], strict=True)


HOW = pytest.mark.parametrize(
    "how", [dict, lambda: {"exchange": FLAT}, knights], ids=["default", "flat", "agents die"]
)


@HOW
def test_it_sees_what_the_environment_shows_without_it(how):
    alone = at_once(**how())
    numbers = set()
    for place, episode in enumerate(sampled(lambda: ParallelPettingZooEnv(at_once(**how())), 13)):
        observations, _ = alone.reset(seed=None if place else 7)
        for seen, actions in rounds(episode):
            np.testing.assert_equal(seen, observations)
            numbers.add(len(alone.agents))
            if actions:
                observations = alone.step(actions)[0]
        assert not alone.agents
    assert how is not knights or len(numbers) > 2


@HOW
def test_it_sees_the_same_turn_by_turn(how):
    alone = in_turns(**how())
    for place, episode in enumerate(sampled(lambda: PettingZooEnv(in_turns(**how())), 5)):
        alone.reset(seed=None if place else 7)
        for seen, actions in rounds(episode):
            for _ in seen:
                agent = alone.agent_selection
                np.testing.assert_array_equal(seen[agent], alone.last()[0])
                alone.step(actions.get(agent))
        assert not alone.agents


def heard(algorithm):
    """Returns on which share of the links messages arrive, in the next episodes."""
    episodes = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: runner.sample(num_episodes=1) if runner.env else [],
    )
    seen = [
        observation[10:14]
        for played in episodes
        for episode in played
        for row in episode.get_observations(return_list=True)
        for observation in row.values()
    ]
    return float(np.mean(np.array(seen) != 0))


@pytest.mark.parametrize(
    ("adapter", "made"),
    [
        (ParallelPettingZooEnv, at_once),
        (PettingZooEnv, in_turns),
        (ParallelPettingZooEnv, converted),
    ],
)
def test_severity_can_be_set(adapter, made):
    algorithm = config_of(lambda: adapter(made(models=CUT)), together=True).build_algo()
    try:
        assert heard(algorithm) == 0
        set_severity(algorithm, 0.0)
        assert heard(algorithm) == 1
    finally:
        algorithm.stop()


def test_severity_can_be_set_in_other_processes_and_from_a_callback():
    def ease(*, algorithm, **others):
        set_severity(algorithm, 0.0)

    def make():
        # Other processes cannot import what the tests share.
        return ParallelPettingZooEnv(
            CommunicationWrapperParallel(simple_spread_v3.parallel_env(max_cycles=8), CUT)
        )

    config = config_of(make, together=True, runners=1).callbacks(on_train_result=ease)
    algorithm = config.build_algo()
    try:
        assert heard(algorithm) == 0
        algorithm.train()
        assert heard(algorithm) == 1
    finally:
        algorithm.stop()


def test_calls_do_not_reach_the_environment_by_themselves():
    config = config_of(lambda: ParallelPettingZooEnv(at_once(models=CUT)))
    runner = MultiAgentEnvRunner(config=config)
    with pytest.raises(AttributeError, match="OrderEnforcing has no attribute 'set_severity'"):
        runner.env.call("set_severity", 0.3)


def test_what_set_severity_refuses():
    steady = config_of(
        lambda: ParallelPettingZooEnv(at_once(models=ProbabilisticModel(failure_prob=0.5)))
    ).build_algo()
    bare = config_of(lambda: ParallelPettingZooEnv(simple_spread_v3.parallel_env())).build_algo()
    try:
        with pytest.raises(InvalidArgumentError):
            set_severity(steady, 0.5)
        with pytest.raises(WrongEnvironmentError) as caught:
            set_severity(bare, 0.5)
        assert_one_sentence(caught.value, "CommunicationWrapperParallel")
    finally:
        steady.stop()
        bare.stop()


def test_the_example_trains(tmp_path):
    printed = run_example("train_rllib.py", tmp_path)
    assert len(re.findall(r"^severity \d\.\d: mean return -\d+\.\d$", printed, re.MULTILINE)) == 6
