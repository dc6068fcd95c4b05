"""record_trace: what was delivered is delivered again, to the last message."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo import AECEnv
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec

from environments_under_test import KNIGHTS, Plain, Subject
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.communication_models import TraceModel
from failure_api.errors import (
    FailureApiError,
    InvalidArgumentError,
    NotResetError,
    WrongEnvironmentError,
)
from failure_api.traces import Trace
from failure_api.wrappers import record_trace
from helpers import Scripted, assert_one_sentence

SPREAD = Subject("mpe2", "simple_spread", {"max_cycles": 6})
TAG = Subject("mpe2", "simple_tag", {"max_cycles": 6})
MORTAL = {"lengths": {"b": 3, "c": 5}}
HELD = ShareObservations(missing="hold")
LOSSY = [ProbabilisticModel(failure_prob=0.4), DelayBasedModel(min_delay=0, max_delay=2)]


def wrapped(env: Any, models: Any, **options: Any) -> Any:
    kind = CommunicationWrapper if isinstance(env, AECEnv) else CommunicationWrapperParallel
    return kind(env, models, **options)


def action(env: Any, agent: Any) -> Any:
    return env.possible_agents.index(agent) % env.action_space(agent).n


def played(env: Any, seed: int | None, steps: int = 100) -> list[Any]:
    """Plays an episode and returns all that is shown in it."""
    shown = []
    if hasattr(env, "agent_iter"):
        env.reset(seed=seed)
        for agent in env.agent_iter(max_iter=steps * 4):
            view, reward, terminated, truncated, _ = env.last()
            shown.append((agent, view, reward, env.get_communication_state(), env.message_age))
            env.step(None if terminated or truncated else action(env, agent))
    else:
        view, _ = env.reset(seed=seed)
        shown.append((view, env.get_communication_state(), env.message_age))
        while env.agents and len(shown) <= steps:
            view = env.step({agent: action(env, agent) for agent in env.agents})[0]
            shown.append((view, env.get_communication_state(), env.message_age))
    return shown


def assert_replayed(make: Any, models: Any, seed: int = 3, steps: int = 100, **options: Any) -> Any:
    """Raises unless the recorded trace alone brings the same episode; returns the trace."""
    env = wrapped(make(), models, **options)
    with record_trace(env) as recorder:
        first = played(env, seed, steps)
    trace = recorder.trace
    again = played(wrapped(make(), TraceModel(trace=trace), **options), seed, steps)
    np.testing.assert_equal(again, first)
    down = wrapped(make(), TraceModel(trace=trace, at_end="down"), **options)
    np.testing.assert_equal(played(down, seed, steps), first)
    return trace


PROBABILITIES = st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])
CHAINS = st.lists(
    st.one_of(
        st.builds(
            ProbabilisticModel,
            failure_prob=PROBABILITIES,
            max_bandwidth=st.sampled_from([1.0, 0.5, 0.3, 0.7]),
        ),
        st.builds(
            lambda least, more, lost: DelayBasedModel(
                min_delay=least, max_delay=least + more, message_drop_probability=lost
            ),
            st.integers(0, 3),
            st.integers(0, 4),
            PROBABILITIES,
        ),
        st.builds(
            lambda matrix: MatrixModel(matrix=np.reshape(matrix, (2, 3, 3))),
            st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=18, max_size=18),
        ),
    ),
    max_size=3,
)
NEAR = st.lists(
    st.builds(
        DistanceModel,
        distance_threshold=st.sampled_from([0.5, 1.5]),
        falloff=st.just("linear"),
        failure_prob=st.sampled_from([0.0, 0.3]),
    ),
    max_size=1,
)


@given(CHAINS, st.integers(0, 1000), st.sampled_from([{}, MORTAL]), st.booleans())
@settings(max_examples=60)
def test_any_chain_is_replayed_exactly(models, seed, options, turns):
    def make():
        return parallel_to_aec(Plain(**options)) if turns else Plain(**options)

    assert_replayed(make, models, seed, exchange=HELD)


@given(CHAINS, NEAR, st.integers(0, 1000), st.sampled_from(["aec", "parallel"]))
@settings(max_examples=25)
def test_any_chain_is_replayed_exactly_in_simple_spread(models, near, seed, api):
    assert_replayed(SPREAD.maker(api), [*near, *models], seed)


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_a_team_that_dies_one_by_one_is_replayed_exactly(api):
    trace = assert_replayed(KNIGHTS.maker(api), LOSSY, steps=60)
    assert trace.rounds > 20


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_two_kinds_of_agents_are_replayed_exactly(api):
    assert_replayed(TAG.maker(api), [*LOSSY, ProbabilisticModel(failure_prob=0, max_bandwidth=0.4)])


def test_rounds_links_and_delays_are_those_of_the_deliveries():
    """Round 0 takes two rounds and is overtaken by round 1; round 2 takes one round."""
    delays = np.zeros((9, 3, 3), int)
    delays[0], delays[2] = 2, 1
    up = np.zeros((9, 3, 3))
    up[:3, 0, 1] = 1
    env = wrapped(Plain(), [Scripted(bandwidths=up, delays=delays)])
    with record_trace(env, round_duration=0.5) as recorder:
        played(env, 0)
    trace = recorder.trace
    assert trace.agent_ids == ("a", "b", "c")
    assert trace.rounds == 9
    assert trace.round_duration == 0.5
    assert np.argwhere(trace.bandwidth).tolist() == [[1, 0, 1], [2, 0, 1]]
    assert np.argwhere(trace.delay).tolist() == [[2, 0, 1]]
    assert trace.delay[2, 0, 1] == 1
    assert trace.noise is None


def test_what_is_on_its_way_at_the_end_has_not_happened():
    env = wrapped(Plain(max_cycles=3), DelayBasedModel(min_delay=2, max_delay=2))
    with record_trace(env) as recorder:
        played(env, 0)
    sent = recorder.trace.bandwidth.any(axis=(1, 2))
    assert sent.tolist() == [True, True, False, False]


def test_noise_is_kept_round_by_round():
    noises = np.random.default_rng(0).random((9, 3, 3))
    env = wrapped(Plain(), [Scripted(noises=noises), ProbabilisticModel(failure_prob=0.5)])
    with record_trace(env) as recorder:
        played(env, 0)
    apart = ~np.eye(3, dtype=bool)
    np.testing.assert_array_equal(
        recorder.trace.noise[:, apart], noises.astype(np.float32)[:, apart]
    )
    replay = wrapped(Plain(), TraceModel(trace=recorder.trace))
    replay.reset(seed=0)
    np.testing.assert_array_equal(replay.links.noise[apart], noises.astype(np.float32)[0, apart])


def test_every_episode_has_its_trace():
    env = wrapped(Plain(max_cycles=4), LOSSY)
    recorder = record_trace(env)
    shown = [played(env, seed) for seed in (1, None, None)]
    env.reset()
    assert [trace.rounds for trace in recorder.traces] == [5, 5, 5, 1]
    for trace, (seed, episode) in zip(recorder.traces, enumerate(shown), strict=False):
        replay = wrapped(Plain(max_cycles=4), TraceModel(trace=trace))
        replay.reset(seed=1)
        for _ in range(seed):
            replay.reset()
        heard = played(replay, None) if seed else played(replay, 1)
        for one, other in zip(heard, episode, strict=True):
            np.testing.assert_equal(one[1:], other[1:])
    assert recorder.trace == recorder.traces[-1]
    assert "recording, episodes: 4" in repr(recorder)


def test_an_episode_that_has_begun_is_not_recorded():
    env = wrapped(Plain(), LOSSY)
    env.reset(seed=0)
    recorder = record_trace(env)
    env.step(dict.fromkeys(env.agents, 0))
    assert recorder.traces == []
    with pytest.raises(NotResetError, match=r"there has been no episode.*: call reset\(\)"):
        _ = recorder.trace
    env.reset()
    assert recorder.trace.rounds == 1


def test_stopping_keeps_what_there_is():
    env = wrapped(Plain(), LOSSY)
    first, second = record_trace(env), record_trace(env)
    env.reset(seed=0)
    first.stop()
    first.stop()
    env.step(dict.fromkeys(env.agents, 0))
    assert first.trace.rounds == 1
    assert second.trace.rounds == 2
    assert "stopped, episodes: 1" in repr(first)
    assert env._rounds.watchers == [second._watch]


def test_recording_stops_where_the_block_fails():
    env = wrapped(Plain(), LOSSY)
    with pytest.raises(ZeroDivisionError), record_trace(env):
        raise ZeroDivisionError
    assert env._rounds.watchers == []


def test_recording_changes_nothing():
    plain, recorded = (wrapped(Plain(), LOSSY, exchange=HELD) for _ in range(2))
    record_trace(recorded)
    np.testing.assert_equal(played(recorded, 4), played(plain, 4))


def layers() -> dict[str, Any]:
    """Returns environments around a wrapper, by name."""
    supersuit = pytest.importorskip("supersuit")

    def aec() -> Any:
        return wrapped(SPREAD.make("aec"), LOSSY)

    def parallel() -> Any:
        return wrapped(SPREAD.make("parallel"), LOSSY)

    return {
        "aec to parallel": aec_to_parallel(aec()),
        "parallel to aec": parallel_to_aec(parallel()),
        "there and back": aec_to_parallel(parallel_to_aec(parallel())),
        "frames": supersuit.frame_stack_v1(parallel(), 2),
        "frames of aec": supersuit.frame_stack_v1(aec(), 2),
        "vector": supersuit.pettingzoo_env_to_vec_env_v1(parallel()),
        "twice": wrapped(aec(), ProbabilisticModel(failure_prob=1.0)),
    }


LAYERS = [
    "aec to parallel",
    "parallel to aec",
    "there and back",
    "frames",
    "frames of aec",
    "vector",
    "twice",
]


@pytest.mark.parametrize("name", LAYERS)
def test_the_wrapper_is_found_below_others(name):
    env = layers()[name]
    with record_trace(env) as recorder:
        env.reset(seed=0)
    bare = wrapped(SPREAD.make("parallel"), LOSSY)
    bare.reset(seed=0)
    arrived = bare.get_communication_state() & (name != "twice")
    np.testing.assert_array_equal(recorder.trace.bandwidth[0] > 0, arrived)


def test_an_environment_without_a_wrapper_is_refused():
    circle = Plain()
    circle.env = circle
    for env in (Plain(), SPREAD.make("aec"), circle, None, "env", TraceModel):
        with pytest.raises(WrongEnvironmentError) as caught:
            record_trace(env)
        assert_one_sentence(caught.value, "env must be", "CommunicationWrapper")


def test_what_no_trace_can_hold_is_refused_at_once():
    env = wrapped(Plain(dict.fromkeys([(0, 1), (1, 0)], Plain().observation_space("a"))), [])
    with pytest.raises(FailureApiError) as caught:
        record_trace(env)
    assert_one_sentence(caught.value, "agent_ids", "text or all whole numbers")
    with pytest.raises(InvalidArgumentError) as caught:
        record_trace(wrapped(Plain(), []), round_duration=-1)
    assert_one_sentence(caught.value, "round_duration")


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_of_the_environment_are_not_recorded(travel):
    env = wrapped(Plain(), LOSSY)
    recorder = record_trace(env)
    env.reset(seed=0)
    twin = travel(env)
    assert played(twin, 0)
    size = len(pickle.dumps(twin))
    for _ in range(9):
        played(twin, 0)
    assert len(pickle.dumps(twin)) < 1.1 * size
    assert recorder.trace.rounds == 1
    env.step(dict.fromkeys(env.agents, 0))
    assert recorder.trace.rounds == 2
    with record_trace(twin) as second:
        played(twin, 0)
    assert second.trace.rounds == 9
    assert len(recorder.traces) == 1


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_of_the_recorder_keep_the_traces(travel):
    env = wrapped(Plain(), LOSSY)
    recorder = record_trace(env)
    played(env, 0)
    twin = travel(recorder)
    env.reset()
    assert len(twin.traces) == 1
    assert twin.trace == recorder.traces[0]
    twin.stop()
    env.step(dict.fromkeys(env.agents, 0))
    assert recorder.trace.rounds == 2


def test_traces_of_a_recorder_are_saved_and_replayed(tmp_path):
    env = wrapped(SPREAD.make(), LOSSY)
    with record_trace(env) as recorder:
        first = played(env, 5)
    recorder.trace.save(tmp_path / "trace.npz")
    assert Trace.load(tmp_path / "trace.npz") == recorder.trace
    replay = wrapped(SPREAD.make(), TraceModel.from_file(tmp_path / "trace.npz"))
    np.testing.assert_equal(played(replay, 5), first)
