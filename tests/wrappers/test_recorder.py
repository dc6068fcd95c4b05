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
from random_chains import chains

from environments_under_test import KNIGHTS, Plain, Subject
from failure_api import (
    BandwidthModel,
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    DistanceModel,
    NodeFailureModel,
    ProbabilisticModel,
    ScheduledModel,
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


def wrapped(env, models, **options):
    kind = CommunicationWrapper if isinstance(env, AECEnv) else CommunicationWrapperParallel
    return kind(env, models, **options)


def action(env, agent):
    return env.possible_agents.index(agent) % env.action_space(agent).n


def played(env, seed, steps=100):
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


def arrivals(env):
    """Returns a list that fills with how many messages arrive on each link in each round."""
    found: list[Any] = []

    def look(context, delivery):
        count = delivery.arrivals
        found.append((delivery.sent >= 0).astype(int) if count is None else count)

    env._rounds.watchers.append(look)
    return found


def assert_replayed(make, models, seed=3, steps=100, **options):
    """Raises unless the recorded trace alone brings the same episode; returns the trace.

    The same are what is shown, the ages, how many messages arrive when, and the four numbers.
    """
    env = wrapped(make(), models, **options)
    came = arrivals(env)
    with record_trace(env) as recorder:
        first = came, played(env, seed, steps), env.communication_report()
    trace = recorder.trace
    for at_end in ("repeat", "down"):
        replay = wrapped(make(), TraceModel(trace=trace, at_end=at_end), **options)
        again = arrivals(replay), played(replay, seed, steps), replay.communication_report()
        np.testing.assert_equal(again, first)
    return trace


NEAR = st.lists(
    st.builds(
        DistanceModel,
        distance_threshold=st.sampled_from([0.5, 1.5]),
        falloff=st.just("linear"),
        failure_prob=st.sampled_from([0.0, 0.3]),
    ),
    max_size=1,
)


@given(chains(), st.integers(0, 1000), st.sampled_from([{}, MORTAL]), st.booleans())
@settings(max_examples=100)
def test_any_chain_is_replayed_exactly(models, seed, options, turns):
    def make():
        return parallel_to_aec(Plain(**options)) if turns else Plain(**options)

    assert_replayed(make, models, seed, exchange=HELD)


@given(chains(most=3), NEAR, st.integers(0, 1000), st.sampled_from(["aec", "parallel"]))
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


@pytest.mark.parametrize(
    "models",
    [
        [BandwidthModel(capacity=0.6, queue_length=40)],
        [
            ScheduledModel(
                model=BandwidthModel(capacity=0.0, queue_length=5), stop=6, start=1, period=8
            ),
            BandwidthModel(capacity=3.0, queue_length=5),
            DelayBasedModel(max_delay=3),
        ],
        [DelayBasedModel(min_delay=1, max_delay=6, delivery="fifo")],
        [
            DelayBasedModel(max_delay=9, delivery="fifo", expiry=6),
            ProbabilisticModel(failure_prob=0.2),
        ],
        [
            NodeFailureModel(mode="deaf", mean_time_to_failure=4, mean_time_to_repair=2),
            DelayBasedModel(max_delay=4),
        ],
        [
            NodeFailureModel(mode="mute", mean_time_to_failure=3, mean_time_to_repair=3),
            BandwidthModel(capacity=1.5, queue_length=3, drop="newest_first", max_wait=3),
        ],
    ],
    ids=["waits", "leaves at once", "in order", "in order and expires", "deaf", "mute"],
)
@pytest.mark.parametrize("options", [{}, MORTAL], ids=["all live", "some die"])
def test_what_comes_late_for_any_reason_is_replayed_exactly(models, options):
    assert_replayed(lambda: Plain(max_cycles=40, **options), models, exchange=HELD)


def test_several_messages_that_leave_a_queue_at_once_all_arrive_again():
    stopped = np.zeros((9, 3, 3))
    stopped[5:] = 4.0
    models = [Scripted(capacities=stopped), BandwidthModel(capacity=9.0, queue_length=8)]
    trace = assert_replayed(Plain, models, exchange=HELD)
    assert not trace.lost.any()
    assert trace.delay[:, 0, 1].tolist() == [5, 4, 3, 2, 2, 1, 0, 0, 0]


def test_rounds_links_and_delays_are_those_of_the_deliveries():
    """Round 0 takes two rounds and arrives all the same; round 1 overtakes it."""
    delays = np.zeros((9, 3, 3), int)
    delays[0], delays[2] = 2, 1
    lost = np.ones((9, 3, 3), bool)
    lost[:3, 0, 1] = False
    env = wrapped(Plain(), [Scripted(lost=lost, delays=delays)])
    with record_trace(env, round_duration=0.5) as recorder:
        played(env, 0)
    trace = recorder.trace
    assert trace.agent_ids == ("a", "b", "c")
    assert trace.rounds == 9
    assert trace.round_duration == 0.5
    apart = ~np.eye(3, dtype=bool)
    assert np.argwhere(~trace.lost & apart).tolist() == [[0, 0, 1], [1, 0, 1], [2, 0, 1]]
    assert np.argwhere(trace.delay).tolist() == [[0, 0, 1], [2, 0, 1]]
    assert trace.delay[:3, 0, 1].tolist() == [2, 0, 1]
    assert trace.capacity is None
    assert trace.noise is None


def test_what_is_on_its_way_at_the_end_has_its_delay_and_not_arrived():
    env = wrapped(Plain(max_cycles=3), DelayBasedModel(min_delay=2, max_delay=2))
    with record_trace(env) as recorder:
        played(env, 0)
    trace, apart = recorder.trace, ~np.eye(3, dtype=bool)
    assert not trace.lost.any()
    assert (trace.delay[:, apart] == 2).all()
    # A message that nobody will be there to hear may as well be lost.
    env = wrapped(Plain(max_cycles=3, lengths={"b": 1}), DelayBasedModel(min_delay=2, max_delay=2))
    with record_trace(env) as recorder:
        played(env, 0)
    assert np.argwhere(recorder.trace.lost[0]).tolist() == [[0, 1], [2, 1]]


def test_what_still_waits_at_the_end_has_a_delay_beyond_it():
    env = wrapped(Plain(max_cycles=5), BandwidthModel(capacity=0.4, queue_length=3))
    with record_trace(env) as recorder:
        played(env, 0)
    trace = recorder.trace
    # Two fifths a round: 0 is through in round 2, 1 in round 4; 4 finds three waiting.
    assert trace.rounds == 6
    assert trace.lost[:, 0, 1].tolist() == [False, False, False, False, True, False]
    assert trace.delay[:, 0, 1].tolist() == [2, 3, 4, 3, 0, 1]
    assert trace.capacity is None


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


def test_delays_of_0_are_none():
    """They may be written down where nothing else of the chain delays anything."""
    nothing = np.zeros((2, 3, 3), int)
    trace = Trace(agent_ids=("a", "b", "c"), lost=nothing, delay=nothing)
    env = wrapped(Plain(), TraceModel(trace=trace))
    played(env, 0)
    assert env.communication_report() == (0.0, 1.0, 1.0, 0.0)


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
    assert len(env._rounds.watchers) == 1


def test_recording_stops_where_the_block_fails():
    env = wrapped(Plain(), LOSSY)
    with pytest.raises(ZeroDivisionError), record_trace(env):
        raise ZeroDivisionError
    assert env._rounds.watchers == []


def test_recording_changes_nothing():
    plain, recorded = (wrapped(Plain(), LOSSY, exchange=HELD) for _ in range(2))
    record_trace(recorded)
    np.testing.assert_equal(played(recorded, 4), played(plain, 4))


def layers():
    """Returns environments around a wrapper, by name."""
    supersuit = pytest.importorskip("supersuit")

    def aec():
        return wrapped(SPREAD.make("aec"), LOSSY)

    def parallel():
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
    trace, apart = recorder.trace, ~np.eye(3, dtype=bool)
    arrived = bare.get_communication_state() & (name != "twice")
    delay = np.zeros((3, 3), int) if trace.delay is None else trace.delay[0]
    np.testing.assert_array_equal(~trace.lost[0] & (delay == 0) & apart, arrived)


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
