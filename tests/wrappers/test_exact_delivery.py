"""What arrives, when, and with which content, to the last number."""

from __future__ import annotations

import numpy as np
import pytest
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import Plain
from failure_api import (
    BandwidthModel,
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    MatrixModel,
    ProbabilisticModel,
    ShareObservations,
)

# The second number that an agent observes comes from the next one.
NEXT = {"a": "b", "b": "c", "c": "a"}
SEGMENTS = {agent: {sender: [1]} for agent, sender in NEXT.items()}
LATE = DelayBasedModel(min_delay=3, max_delay=3)


def schedule(*rounds):
    """Returns a model in which everyone's links are up in the rounds that say 1."""
    return MatrixModel(matrix=np.array(rounds, dtype=float)[:, None, None] * np.ones((3, 3)))


def wrapped(models, exchange=None, **options):
    return CommunicationWrapperParallel(Plain(**options), models, exchange=exchange)


def rounds_of(env, seed=5):
    """Yields the round's number and all views, from the reset to the end."""
    views, _ = env.reset(seed=seed)
    yield 0, views
    number = 0
    while env.agents:
        number += 1
        views = env.step(dict.fromkeys(env.agents, 0))[0]
        yield number, views


def heard_in(exchange, view, receiver, sender):
    """Returns what a view shows of a sender."""
    if isinstance(exchange, MaskSegments):
        return view[1:2]
    if exchange.form == "dict":
        return view[sender]
    others = [agent for agent in "abc" if agent != receiver]
    start = 2 + 4 * others.index(sender)
    return view[start : start + 2]


def said_in(exchange, env, receiver, sender, number):
    """Returns what a sender said in a round, as the environment has it."""
    if isinstance(exchange, MaskSegments):
        return env.content(receiver, number)[1:2]
    return env.content(sender, number)


EXCHANGES = [
    MaskSegments(segments=SEGMENTS),
    MaskSegments(segments=lambda env: SEGMENTS),
    MaskSegments(segments=SEGMENTS, missing="hold", report_age=True),
    ShareObservations(),
    ShareObservations(missing="hold"),
    ShareObservations(form="flat"),
    ShareObservations(form="flat", missing="hold"),
]
# Numbered, because the text of a function differs from process to process.
NAMES = [f"{number}-{type(exchange).__name__}" for number, exchange in enumerate(EXCHANGES)]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=NAMES)
def test_a_delay_of_three_shows_the_content_of_three_rounds_ago(exchange):
    env = wrapped(LATE, exchange)
    for number, views in rounds_of(env):
        for receiver, sender in NEXT.items():
            heard = heard_in(exchange, views[receiver], receiver, sender)
            if number < 3:
                assert not heard.any()
            else:
                said = said_in(exchange, env.unwrapped, receiver, sender, number - 3)
                np.testing.assert_array_equal(heard, said)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=NAMES)
def test_what_is_missing_is_zero_or_what_came_last(exchange):
    arrives = [0, 1, 0, 0, 1, 1, 0, 0, 0]
    env = wrapped(schedule(*arrives), exchange)
    newest = None
    for number, views in rounds_of(env):
        newest = number if arrives[number] else newest
        shown = newest if arrives[number] or exchange.missing == "hold" else None
        for receiver, sender in NEXT.items():
            heard = heard_in(exchange, views[receiver], receiver, sender)
            if shown is None:
                assert not heard.any()
            else:
                said = said_in(exchange, env.unwrapped, receiver, sender, shown)
                np.testing.assert_array_equal(heard, said)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=NAMES)
def test_held_content_is_the_newest_and_not_the_latest_to_arrive(exchange):
    # Round 0 takes two rounds, round 1 none: what arrives in round 2 is older and stays unread.
    env = wrapped([schedule(1, 1, 0, 0, 0, 0, 0, 0, 0), Overtaken()], exchange)
    for number, views in rounds_of(env):
        shown = {0: None, 1: 1}.get(number, 1 if exchange.missing == "hold" else None)
        for receiver, sender in NEXT.items():
            heard = heard_in(exchange, views[receiver], receiver, sender)
            if shown is None:
                assert not heard.any()
            else:
                said = said_in(exchange, env.unwrapped, receiver, sender, shown)
                np.testing.assert_array_equal(heard, said)


class Overtaken(DelayBasedModel):
    """Delays the message of round 0 by two rounds and no other."""

    def __init__(self):
        super().__init__(min_delay=0, max_delay=2)

    def step(self, parameters, state, links, context, random):
        rounds = 2 if context.round == 0 else 0
        return state, links._replace(delay=np.full(context.shape, rounds, dtype=np.int32))


def test_ages_and_links_of_a_constant_delay():
    env = wrapped(LATE)
    apart = ~np.eye(3, dtype=bool)
    for number, _ in rounds_of(env):
        age, state = env.message_age, env.get_communication_state()
        assert (np.diagonal(age) == 0).all()
        assert (age[apart] == (3 if number >= 3 else number + 1)).all()
        assert (state == (apart & (number >= 3))).all()
        assert state.dtype == bool
        assert (env.links.delay == 3).all()
        assert env.links.sends[apart].all()
        # What nobody speaks of is not there.
        for field in ("capacity", "rejected", "lost", "in_order", "expiry", "noise", "hears"):
            assert getattr(env.links, field) is None


def test_the_age_counts_from_the_newest_arrival():
    env = wrapped(schedule(0, 0, 1, 0, 0, 1, 0, 0, 0))
    ages = [int(env.message_age[0, 1]) for _ in rounds_of(env)]
    assert ages == [1, 2, 0, 1, 2, 0, 1, 2, 3]


def test_reports_are_copies():
    loss = ProbabilisticModel(failure_prob=0.5)
    env = wrapped([loss, BandwidthModel(capacity=0.5), loss])
    env.reset(seed=0)
    for report in (
        env.get_communication_state,
        lambda: env.message_age,
        lambda: env.links.sends,
        lambda: env.links.lost,
        lambda: env.links.rejected,
        lambda: env.links.capacity,
    ):
        before = report().copy()
        report()[...] = 1 - before.astype(np.int8)
        np.testing.assert_array_equal(report(), before)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=NAMES)
def test_the_first_round_of_an_episode_knows_nothing_of_the_last(exchange):
    env = wrapped(schedule(*[0] * 9), exchange)
    wrapped_up = wrapped(schedule(*[1] * 9), exchange)
    for one in (env, wrapped_up):
        list(rounds_of(one))
    views, _ = env.reset(seed=9)
    for receiver, sender in NEXT.items():
        assert not heard_in(exchange, views[receiver], receiver, sender).any()
    assert (env.message_age[~np.eye(3, dtype=bool)] == 1).all()


def test_aec_delivers_what_parallel_delivers():
    models = [ProbabilisticModel(failure_prob=0.5), DelayBasedModel(min_delay=0, max_delay=2)]
    parallel = wrapped(models)
    aec = CommunicationWrapper(parallel_to_aec(Plain()), models)
    aec.reset(seed=5)
    for _, views in rounds_of(parallel):
        for agent, view in views.items():
            seen = aec.observe(agent)
            assert seen.keys() == view.keys()
            for sender in view:
                np.testing.assert_array_equal(seen[sender], view[sender])
        np.testing.assert_array_equal(
            aec.get_communication_state(), parallel.get_communication_state()
        )
        for _ in "abc":
            aec.step(0 if parallel.agents else None)


@pytest.mark.parametrize("delay", [0, 2])
def test_greater_failure_probabilities_lose_the_same_messages_and_more(delay):
    kept = None
    for failure_prob in (0.0, 0.1, 0.3, 0.5, 0.9, 1.0):
        late = DelayBasedModel(min_delay=delay, max_delay=delay)
        env = wrapped([ProbabilisticModel(failure_prob=failure_prob), late])
        arrived = np.array([env.get_communication_state() for _ in rounds_of(env)])
        assert kept is None or not (arrived & ~kept).any()
        kept = arrived
    assert kept is not None
    assert not kept.any()
