"""communication_report(): four numbers of an episode, beside a slow count of every message."""

from __future__ import annotations

import copy
import math
import pickle
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.utils.conversions import parallel_to_aec
from random_chains import chains

from environments_under_test import KNIGHTS, Plain
from failure_api import (
    BandwidthModel,
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    ProbabilisticModel,
    ScheduledModel,
)
from failure_api.errors import NotResetError
from failure_api.wrappers import record_trace
from helpers import Scripted


class Seen(NamedTuple):
    """What an episode showed, round by round."""

    alive: list[Any]
    age: list[Any]
    news: list[Any]


def looks(env, seed, steps=100):
    """Plays an episode, and writes down what anybody can see of the links."""
    seen = Seen([], [], [])

    def look(context, delivery):
        seen.alive.append(context.alive)
        seen.age.append(context.round - delivery.newest)
        seen.news.append(delivery.sent >= 0)

    env._rounds.watchers.append(look)
    env.reset(seed=seed)
    while env.agents and len(seen.alive) <= steps:
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    env._rounds.watchers.remove(look)
    return seen


def counted(seen, trace):
    """Counts message by message, from what was recorded of each."""
    rounds, agents = len(seen.alive), len(trace.agent_ids)
    ages, between, grown, made, arrived, pending, newest_ones = 0, 0, 0, 0, 0, 0, 0
    for sender in range(agents):
        for receiver in range(agents):
            if sender == receiver:
                continue
            arrives: dict[int, list[int]] = {number: [] for number in range(rounds)}
            for number in range(rounds):
                both = seen.alive[number][sender] and seen.alive[number][receiver]
                made += bool(both)
                if trace.lost[number, sender, receiver]:
                    continue
                delay = 0 if trace.delay is None else trace.delay[number, sender, receiver]
                if number + delay < rounds:
                    arrives[number + delay].append(number)
                    arrived += 1
                else:
                    pending += 1
            newest = -1
            for number in range(rounds):
                is_news = max(arrives[number], default=-1) > newest
                newest = max([newest, *arrives[number]])
                newest_ones += is_news
                # What is seen from outside is what the messages say.
                assert seen.news[number][sender, receiver] == is_news
                assert seen.age[number][sender, receiver] == number - newest
                if seen.alive[number][sender] and seen.alive[number][receiver]:
                    between += 1
                    ages += number - newest
                    grown += is_news
    return (
        _share(ages, between),
        _share(arrived, made - pending),
        _share(grown, between),
        _share(arrived - newest_ones, arrived),
    )


def _share(part, whole):
    return float(Fraction(part, whole)) if whole else math.nan


@given(
    chains(),
    st.integers(0, 1000),
    st.sampled_from([{}, {"lengths": {"b": 3, "c": 5}}, {"lengths": {"a": 1}}]),
)
@settings(max_examples=60)
def test_the_four_numbers_are_those_of_a_count_by_hand(models, seed, options):
    env = CommunicationWrapperParallel(Plain(max_cycles=15, **options), models)
    with record_trace(env) as recorder:
        seen = looks(env, seed)
    expected = counted(seen, recorder.trace)
    np.testing.assert_allclose(env.communication_report(), expected, rtol=1e-12)


def test_the_four_numbers_of_a_team_that_dies_one_by_one():
    models = [
        ProbabilisticModel(failure_prob=0.2),
        BandwidthModel(capacity=0.7, queue_length=5),
        DelayBasedModel(max_delay=4),
    ]
    env = CommunicationWrapperParallel(KNIGHTS.make("parallel"), models)
    with record_trace(env) as recorder:
        seen = looks(env, 3, steps=150)
    assert not all(alive.all() for alive in seen.alive)
    np.testing.assert_allclose(env.communication_report(), counted(seen, recorder.trace))


def test_an_episode_of_many_rounds_is_counted_in_parts_that_add_up():
    models = [ProbabilisticModel(failure_prob=0.3), DelayBasedModel(max_delay=2)]
    env = CommunicationWrapperParallel(Plain(max_cycles=700), models)
    with record_trace(env) as recorder:
        seen = looks(env, 0, steps=700)
    np.testing.assert_allclose(env.communication_report(), counted(seen, recorder.trace))


def wrapped(*models, **options):
    return CommunicationWrapperParallel(Plain(**options), models)


def reported(env, seed=0):
    env.reset(seed=seed)
    while env.agents:
        env.step(dict.fromkeys(env.agents, 0))
    return env.communication_report()


def test_perfect_links():
    report = reported(wrapped())
    assert report == (0.0, 1.0, 1.0, 0.0)
    assert report._fields == ("age", "delivery_ratio", "news", "overtaken")


def test_links_that_never_work():
    """Before the first arrival age counts from the round before the reset: 1, 2, ..., 9."""
    age, ratio, news, overtaken = reported(wrapped(ProbabilisticModel(failure_prob=1.0)))
    assert (age, ratio, news) == (5.0, 0.0, 0.0)
    assert math.isnan(overtaken)


def test_a_constant_delay_loses_nothing():
    """What is under way at the end is not counted; the first two rounds bring nothing."""
    late = DelayBasedModel(min_delay=2, max_delay=2)
    age, ratio, news, overtaken = reported(wrapped(late))
    assert (ratio, overtaken) == (1.0, 0.0)
    assert news == 7 / 9
    assert age == (1 + 2 + 7 * 2) / 9


def test_what_waits_is_not_counted_and_what_a_full_queue_drops_is_lost():
    """Half a message a round: of nine, those of rounds 0, 1, 2 and 4 arrive, and 6 and 8 wait."""
    report = reported(wrapped(BandwidthModel(capacity=0.5, queue_length=2)))
    assert report.delivery_ratio == 4 / 7
    assert report.news == 4 / 9
    assert report.overtaken == 0.0


def test_a_message_that_is_overtaken_has_arrived_all_the_same():
    delays = np.zeros((9, 3, 3), int)
    delays[0] = delays[3] = 2
    report = reported(wrapped(Scripted(delays=delays)))
    # Round 0 is overtaken by 1, and 3 by 4; rounds 0 and 3 have no news.
    assert report == ((1 + 1) / 9, 1.0, 7 / 9, 2 / 9)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("most", [100, 300, 1000])
def test_however_many_arrive_at_once_are_counted(most):
    """What has waited for long leaves at once, and all of it arrives two rounds later."""
    stopped = ScheduledModel(
        model=BandwidthModel(capacity=0.0, queue_length=most), start=0, stop=most - 1
    )
    models = [
        stopped,
        BandwidthModel(capacity=1e6, queue_length=most),
        DelayBasedModel(min_delay=2, max_delay=2),
    ]
    env = CommunicationWrapperParallel(Plain(max_cycles=most + 3), models)
    with record_trace(env) as recorder:
        seen = looks(env, 0, steps=most + 3)
    report = env.communication_report()
    np.testing.assert_allclose(report, counted(seen, recorder.trace))
    assert report.delivery_ratio == 1.0
    # The newest of those that arrive at once is news, and so is each that comes after them.
    assert report.overtaken == pytest.approx((most - 1) / (most + 2))


def test_a_mute_node_counts_and_a_dead_agent_does_not():
    silent = np.zeros((9, 3, 3), bool)
    silent[:, 0] = True
    mute = reported(wrapped(Scripted(silent=silent)))
    assert mute.delivery_ratio == mute.news == 4 / 6
    dead = reported(wrapped(lengths={"a": 1}))
    # From round 1 on it is not there: round 0 has six messages, and each later one two.
    assert dead == (0.0, 1.0, 1.0, 0.0)


def test_messages_for_who_has_died_are_lost():
    late = DelayBasedModel(min_delay=2, max_delay=2)
    report = reported(wrapped(late, lengths={"b": 2}))
    # Rounds 0 and 1 have six messages, and the other seven two. Of those to b none arrives; of
    # those from it and among the others all do, but for two rounds' that are under way.
    assert report.delivery_ratio == (4 * 2 + 2 * 5) / (6 * 2 + 2 * 5)


def test_where_nobody_is_left_there_is_nothing_to_count():
    env = wrapped(lengths=dict.fromkeys("abc", 1))
    env.reset(seed=0)
    assert env.communication_report().age == 0.0
    lonely = CommunicationWrapperParallel(Plain({"a": Plain().observation_space("a")}), ())
    assert all(math.isnan(number) for number in reported(lonely))


def test_each_episode_is_counted_by_itself():
    env = wrapped(ProbabilisticModel(failure_prob=0.5))
    first, second = reported(env, 1), reported(env, None)
    assert first != second
    assert reported(env, 1) == first


def test_the_report_may_be_had_in_every_round_and_changes_nothing():
    models = [BandwidthModel(capacity=0.7), DelayBasedModel(max_delay=3)]
    often, once = wrapped(*models), wrapped(*models)
    for env in (often, once):
        env.reset(seed=4)
    while often.agents:
        assert often.communication_report() == often.communication_report()
        for env in (often, once):
            env.step(dict.fromkeys(env.agents, 0))
    assert often.communication_report() == once.communication_report()


def test_aec_reports_what_parallel_reports():
    models = [ProbabilisticModel(failure_prob=0.4), DelayBasedModel(max_delay=3)]
    aec = CommunicationWrapper(parallel_to_aec(Plain()), models)
    aec.reset(seed=2)
    for _ in aec.agent_iter():
        *_, terminated, truncated, _ = aec.last()
        aec.step(None if terminated or truncated else 0)
    assert aec.communication_report() == reported(wrapped(*models), 2)


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_counting(travel):
    models = [ProbabilisticModel(failure_prob=0.4), BandwidthModel(capacity=0.8)]
    env = wrapped(*models)
    env.reset(seed=2)
    env.step(dict.fromkeys(env.agents, 0))
    twin = travel(env)
    for one in (env, twin):
        while one.agents:
            one.step(dict.fromkeys(one.agents, 0))
    assert twin.communication_report() == env.communication_report()


def test_before_the_reset_there_is_no_report():
    with pytest.raises(NotResetError) as caught:
        wrapped().communication_report()
    assert "call reset()" in str(caught.value)
