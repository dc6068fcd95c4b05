"""The wrapper among JaxMARL's own wrappers and environments, and what it refuses."""

from __future__ import annotations

import copy
import importlib
import pickle
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Discrete
from jaxmarl.wrappers.baselines import (
    CTRolloutManager,
    JaxMARLWrapper,
    LogWrapper,
    MPELogWrapper,
    SMAXLogWrapper,
)
from jaxmarl_play import actions_for, assert_same, made, play, spread
from mpe2 import simple_spread_v3

from failure_api import (
    DistanceModel,
    MaskSegments,
    ProbabilisticModel,
    SendMessages,
    ShareObservations,
)
from failure_api.errors import InvalidArgumentError, MissingDependencyError, WrongEnvironmentError
from failure_api.integrations.jaxmarl import CommunicationState, CommunicationWrapper

KEY = np.asarray(jax.random.PRNGKey(0))
NEVER = ProbabilisticModel(failure_prob=0.0)
ALWAYS = ProbabilisticModel(failure_prob=1.0)
HALF = ProbabilisticModel(failure_prob=0.5)
NEAR = DistanceModel(distance_threshold=1.0)
REPORTED = MaskSegments(report_age=True)


class WorldState(JaxMARLWrapper):
    """Shows a centralised critic what all agents observe, as trainers do."""

    def reset(self, key):
        observations, state = self._env.reset(key)
        return self._shown(observations), state

    def step(self, key, state, actions):
        observations, *rest = self._env.step(key, state, actions)
        return self._shown(observations), *rest

    def _shown(self, observations):
        rows = [observations[agent] for agent in self._env.agents]
        return {**observations, "world_state": jnp.concatenate(rows)}


def smax():
    return made("HeuristicEnemySMAX")


def stranger():
    return ProbabilisticModel(failure_prob={("agent_0", "agent_9"): 0.5})


def flags_of(observation, others):
    """Returns the flags that `report_age` appends."""
    return observation[-2 * others :: 2]


def test_the_exchange_is_picked_by_the_environment():
    known = CommunicationWrapper(spread(), NEVER)
    unknown = CommunicationWrapper(smax(), NEVER)
    assert known.exchange == MaskSegments()
    assert unknown.exchange == ShareObservations(form="flat")
    assert "exchange=MaskSegments(" in repr(known)
    assert "HeuristicEnemySMAX" in repr(unknown)
    assert known.name == "SimpleSpreadMPE"
    assert known.agents == spread().agents
    assert known.action_space("agent_0").n == 5


@pytest.mark.heavy
@pytest.mark.parametrize("kind", [LogWrapper, MPELogWrapper])
def test_loggers_around_it_log_what_they_log_of_the_environment(kind):
    bare, wrapped = kind(spread()), kind(CommunicationWrapper(spread(), HALF))
    assert_same(play(wrapped, 6).infos, play(bare, 6).infos)


def test_a_logger_below_it_goes_on_logging():
    logged = LogWrapper(spread())
    env = CommunicationWrapper(logged, NEAR)
    assert_same(play(env, 6).infos, play(logged, 6).infos)


@pytest.mark.heavy
def test_a_rollout_manager_around_it_batches_it():
    env = CommunicationWrapper(spread(), ALWAYS, exchange=ShareObservations(form="flat"))
    manager = CTRolloutManager(env, batch_size=3)
    assert manager.max_obs_length == env.observation_space("agent_0").shape[0]
    observations, state = manager.batch_reset(KEY)
    actions = {agent: manager.batch_sample(KEY, agent) for agent in env.agents}
    observations, state, rewards, *_ = manager.batch_step(KEY, state, actions)
    assert observations["agent_0"].shape == (3, manager.obs_size)
    assert observations["__all__"].shape == (3, 3 * manager.max_obs_length)
    assert rewards["__all__"].shape == (3,)
    # Ages after two rounds in which nothing has arrived.
    assert (observations["agent_0"][:, 18 + 19] == 2).all()


def test_a_world_state_below_it_stays_clean():
    below = WorldState(spread())
    env = CommunicationWrapper(below, ALWAYS)
    bare, played = play(below, 3), play(env, 3)
    assert_same(played.observations["world_state"], bare.observations["world_state"])
    assert (played.observations["agent_0"] != bare.observations["agent_0"]).any()


@pytest.mark.heavy
def test_smax_shares_observations_among_the_living():
    env = CommunicationWrapper(SMAXLogWrapper(smax()), NEVER)
    observations, state = env.reset(KEY)
    bare, below = smax().reset(KEY)
    size = bare["ally_0"].size
    assert_same(observations["world_state"], bare["world_state"])
    assert_same(observations["ally_0"][:size], bare["ally_0"])
    assert_same(observations["ally_0"][size : 2 * size], bare["ally_1"])
    assert env.observation_space("ally_0").contains(observations["ally_0"])
    assert_same(env.get_avail_actions(state), smax().get_avail_actions(below))

    units = below.state.replace(
        unit_alive=below.state.unit_alive.at[1].set(False),
        unit_health=below.state.unit_health.at[1].set(0.0),
    )
    logged = state.env_state.replace(env_state=below.replace(state=units))
    nobody = {agent: np.int32(4) for agent in env.agents}
    observations, *_ = env.step(KEY, state.replace(env_state=logged), nobody)
    flags = {
        agent: [bool(row[size * (place + 2) + 2 * place]) for place in range(4)]
        for agent, row in ((agent, observations[agent]) for agent in env.agents)
    }
    assert not any(flags["ally_1"])
    assert flags["ally_0"] == [False, True, True, True]
    assert flags["ally_2"] == flags["ally_3"] == flags["ally_4"] == [True, False, True, True]
    assert not observations["ally_0"][size : 2 * size].any()


@pytest.mark.heavy
def test_available_actions_are_asked_of_the_wrapped_state():
    env = CommunicationWrapper(smax(), HALF)
    _, state = env.reset(KEY)
    expected = smax().get_avail_actions(state.env_state)
    assert_same(env.get_avail_actions(state), expected)
    assert_same(jax.jit(env.get_avail_actions)(state), expected)
    manager = CTRolloutManager(env, batch_size=2)
    _, state = manager.batch_reset(KEY)
    assert manager.get_valid_actions(state)["ally_0"].shape == (2, 10)


def test_whole_numbers_are_shared_as_floating_point_ones():
    env = CommunicationWrapper(made("switch_riddle"), NEVER)
    observations, _ = env.reset(KEY)
    space = env.observation_space("agent_0")
    assert observations["agent_0"].dtype == space.dtype == jnp.float32
    assert space.high[:2].tolist() == [1.0, 1.0]
    assert space.contains(observations["agent_0"])


@pytest.mark.parametrize("where", [None, lambda state: state.p_pos[:3] * 0.7])
def test_links_in_range_are_those_of_the_positions(where):
    env = CommunicationWrapper(spread(), NEAR, exchange=REPORTED, positions=where)
    played = play(env, 29)
    places = played.states.p_pos[:, :3] * (1 if where is None else np.float32(0.7))
    distances = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
    for receiver, agent in enumerate(env.agents):
        near = np.delete(distances[:, :, receiver], receiver, axis=1) <= 1.0
        flags = np.stack([flags_of(row, 2) for row in played.observations[agent]])
        assert_same(flags == 1, near)
        assert near.any()
        assert not near.all()


def test_smax_knows_its_positions():
    env = CommunicationWrapper(smax(), DistanceModel(distance_threshold=0.01))
    observations, state = env.reset(KEY)
    assert jnp.ptp(state.state.unit_positions[:5], axis=0).max() > 0.01
    assert not observations["ally_0"][127 + 127]


def test_it_starts_where_it_is_told_to():
    env = CommunicationWrapper(spread(), HALF)
    _, state = env.reset(KEY)
    _, other = env.reset(np.asarray(jax.random.PRNGKey(7)))
    last = state.replace(env_state=state.env_state.replace(step=jnp.array(4)))
    actions = actions_for(env, np.random.default_rng(0))
    for target in (other, other.env_state):
        observations, started, _, dones, _ = env.step(KEY, last, actions, target)
        assert dones["__all__"]
        assert_same(started.env_state, other.env_state)
        assert started.channel_state.round == 1
        assert_same(observations["agent_0"][:10], spread().get_obs(other.env_state)["agent_0"][:10])


def test_it_stays_where_an_episode_ended_if_asked():
    env = CommunicationWrapper(spread(), HALF)
    _, state = env.reset(KEY)
    last = state.replace(env_state=state.env_state.replace(step=jnp.array(4)))
    _, after, _, dones, _ = env.step_env(KEY, last, actions_for(env, np.random.default_rng(0)))
    assert dones["__all__"]
    assert (after.step, after.channel_state.round) == (5, 2)


def test_the_state_answers_for_the_environments():
    env = CommunicationWrapper(spread(), HALF)
    _, state = env.reset(KEY)
    assert isinstance(state, CommunicationState)
    assert state.p_pos is state.env_state.p_pos
    with pytest.raises(AttributeError, match="nothing"):
        _ = state.nothing


@pytest.mark.heavy
def test_it_travels():
    env = CommunicationWrapper(spread(), [HALF, NEAR], exchange=MaskSegments(missing="hold"))
    _, state = env.reset(KEY)
    actions = actions_for(env, np.random.default_rng(0))
    expected = env.step(KEY, state, actions)
    for travelled in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert repr(travelled) == repr(env)
        assert_same(travelled.step(KEY, pickle.loads(pickle.dumps(state)), actions), expected)


def test_agents_with_observations_of_several_lengths_share_them():
    env = CommunicationWrapper(
        made("MPE_simple_speaker_listener_v4"), NEVER, exchange=ShareObservations(form="flat")
    )
    observations, _ = env.reset(KEY)
    assert {agent: row.size for agent, row in observations.items()} == {
        "listener_0": 11 + 3 + 2,
        "speaker_0": 3 + 11 + 2,
    }
    assert_same(observations["speaker_0"][3:14], observations["listener_0"][:11])


@pytest.mark.parametrize(
    ("error", "sentence", "options"),
    [
        (WrongEnvironmentError, "gymnasium|PettingZoo", {"env": simple_spread_v3.parallel_env()}),
        (WrongEnvironmentError, "is none", {"env": None}),
        (WrongEnvironmentError, "flat", {"env": made("overcooked")}),
        (
            WrongEnvironmentError,
            "put CTRolloutManager around",
            {"env": CTRolloutManager(spread(), batch_size=2)},
        ),
        (InvalidArgumentError, "flat", {"exchange": ShareObservations(form="dict")}),
        (InvalidArgumentError, "exchange", {"exchange": "mask"}),
        (InvalidArgumentError, "BatchedChannel", {"exchange": SendMessages(Discrete(3))}),
        (InvalidArgumentError, "hears from another", {"env": smax(), "exchange": MaskSegments()}),
        (
            InvalidArgumentError,
            "agent_7",
            {"exchange": MaskSegments(segments={"agent_0": {"agent_7": [10]}})},
        ),
        (InvalidArgumentError, "failure_models", {"failure_models": "loss"}),
        (InvalidArgumentError, "noise_models", {"noise_models": 0.3}),
        (InvalidArgumentError, "agent_9", {"failure_models": stranger()}),
        (InvalidArgumentError, "streams", {"streams": "fast"}),
        (
            InvalidArgumentError,
            "DistanceModel needs the agents' positions",
            {"env": made("switch_riddle"), "failure_models": NEAR},
        ),
        (InvalidArgumentError, "must be a function", {"positions": np.zeros((3, 2))}),
        (
            InvalidArgumentError,
            re.escape("shape [3, dim]"),
            {"failure_models": NEAR, "positions": lambda state: state.p_pos},
        ),
    ],
)
def test_a_mistake_is_one_sentence(error, sentence, options):
    given = {"env": spread(), "failure_models": HALF, **options}
    with pytest.raises(error, match=sentence) as caught:
        CommunicationWrapper(**given)
    assert str(caught.value).count(". ") == 0
    assert str(caught.value).endswith((".", "?"))


def test_what_has_arrived_cannot_be_asked_for_later():
    env = CommunicationWrapper(spread(), HALF)
    with pytest.raises(WrongEnvironmentError, match="take observations from reset and step"):
        env.get_obs(None)


def test_without_jaxmarl_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jaxmarl", None)
    monkeypatch.delitem(sys.modules, CommunicationWrapper.__module__)
    with pytest.raises(MissingDependencyError, match=re.escape("'failure-api[jaxmarl]'")):
        importlib.import_module(CommunicationWrapper.__module__)


@pytest.mark.heavy
def test_keys_of_another_kind_are_taken():
    with jax.default_prng_impl("rbg"):
        env = CommunicationWrapper(spread(), HALF, exchange=REPORTED)
        keys = jax.random.split(jax.random.PRNGKey(0), 8)
        assert keys.shape == (8, 4)
        observations, state = jax.vmap(env.reset)(keys)
        alone, _ = env.reset(keys[3])
        actions = {agent: jnp.zeros(8, dtype=int) for agent in env.agents}
        jax.vmap(env.step)(keys, state, actions)
    flags = [np.stack([flags_of(row, 2) for row in rows]) for rows in observations.values()]
    assert len({row.tobytes() for row in np.stack(flags, axis=1)}) > 4
    for agent, rows in zip(observations, flags, strict=True):
        np.testing.assert_array_equal(rows[3], flags_of(alone[agent], 2))
