"""RateLimitModel: which messages a window has room for, of senders, of receivers and of both."""

import copy
import dataclasses

import numpy as np
import pytest

from failure_api.communication_models import (
    BandwidthModel,
    NodeFailureModel,
    ProbabilisticModel,
    RateLimitModel,
    ScheduledModel,
)
from failure_api.core import Chain, Channel, Links, NumpyStream
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import Scripted, assert_one_sentence, context_of, play

SIDES = ("sender", "receiver", "both")


def counted(transmitted, lost, messages, window, count):
    """Returns what passes, `[rounds, N, N]`, message by message and in the order of the agents."""
    rounds, agents, _ = transmitted.shape
    budgets = np.broadcast_to(messages, agents)
    passes = np.zeros_like(transmitted)
    sent = [[] for _ in range(agents)]
    got = [[] for _ in range(agents)]

    def room(times, number, agent):
        return sum(time > number - window for time in times[agent]) + 1 <= budgets[agent]

    for number in range(rounds):
        for sender in range(agents):
            for receiver in range(agents):
                if sender == receiver or not transmitted[number, sender, receiver]:
                    continue
                if count != "receiver":
                    if not room(sent, number, sender):
                        continue
                    sent[sender].append(number)
                if lost[number, sender, receiver]:
                    continue
                if count != "sender":
                    if not room(got, number, receiver):
                        continue
                    got[receiver].append(number)
                passes[number, sender, receiver] = True
    return passes


@pytest.mark.parametrize("count", SIDES)
@pytest.mark.parametrize("window", [1, 2, 7])
@pytest.mark.parametrize("messages", [0, 1, 3.9, 8, [1, 5, 2, np.inf]], ids=str)
def test_what_passes_is_what_counting_message_by_message_lets_through(count, window, messages):
    generator = np.random.default_rng(0)
    silent, lost = generator.random((2, 60, 4, 4)) < 0.3
    model = RateLimitModel(messages=messages, window=window, count=count)
    arrived = play(Scripted(silent=silent, lost=lost), model, rounds=60, agents=4).arrived
    expected = counted(~silent, lost, messages, window, count)
    np.testing.assert_array_equal(arrived, expected)
    batched = play(Scripted(silent=silent, lost=lost), model, rounds=60, agents=4, batch=(2,))
    np.testing.assert_array_equal(batched.arrived[:, 1], expected)


def test_senders_count_alike_wherever_the_model_stands():
    lost = np.random.default_rng(1).random((30, 3, 3)) < 0.5
    limit, lossy = RateLimitModel(messages=4, window=5), Scripted(lost=lost)
    played = [
        play(*models, rounds=30, agents=3).arrived for models in ((limit, lossy), (lossy, limit))
    ]
    np.testing.assert_array_equal(*played)


def test_a_message_to_all_counts_once_for_each_receiver():
    up = play(RateLimitModel(messages=5, window=4), rounds=9, agents=4).up
    # Three, then the two that are left, in the order of the agents, then none for two rounds.
    assert up[:, 0].sum(axis=-1).tolist() == [3, 2, 0, 0, 3, 2, 0, 0, 3]
    assert up[1, 0].tolist() == [False, True, True, False]
    assert up[1, 3].tolist() == [True, True, False, False]


def test_what_is_lost_on_the_way_has_been_sent_and_not_been_received():
    lossy = ProbabilisticModel(failure_prob=1.0)
    for count, expected in (("sender", [2, 2, 0, 0] * 2), ("receiver", [2] * 8)):
        limit = RateLimitModel(messages=4, window=4, count=count)
        played = play(lossy, limit, rounds=8, agents=3)
        assert not played.arrived.any()
        assert played.sends[:, 1].sum(axis=-1).tolist() == expected, count


def test_a_receiver_does_not_hear_a_message_beyond_its_budget():
    silent = np.zeros((4, 3, 3), dtype=bool)
    silent[:, :, 0] = silent[:, :, 1] = True
    limit = RateLimitModel(messages=3, window=2, count="receiver")
    played = play(Scripted(silent=silent), limit, rounds=4, agents=3)
    assert played.arrived[:, :2, 2].tolist() == [[True, True], [True, False]] * 2
    assert played.sends[:, :2, 2].all()


def test_the_mute_spend_nothing():
    mute = NodeFailureModel(mode="mute", schedule={"agent_0": [(0, 5)]})
    up = play(mute, RateLimitModel(messages=2, window=3), rounds=8, agents=3).up
    assert up[:, 0].sum(axis=-1).tolist() == [0, 0, 0, 0, 0, 2, 0, 0]


def test_what_an_idle_link_has_saved_up_is_no_budget():
    """Outside of its window the model counts and lets pass; a mute sender's credit grows there."""
    limit = RateLimitModel(messages=1, window=50)
    first = ScheduledModel(model=limit, start=3)
    mute = NodeFailureModel(mode="mute", schedule={"agent_0": [(0, 4)]})
    up = play(mute, first, rounds=12, agents=3).up
    assert up[:4, 0].sum() == 0
    assert up[4:, 0].sum() == 1


def test_messages_wait_for_budget_where_there_is_a_queue():
    queue = BandwidthModel(capacity=1.0, queue_length=20)
    limit = RateLimitModel(messages=1, window=3)
    played = play(queue, limit, rounds=12, agents=2)
    assert played.sent[:, 0, 1].tolist() == [0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1]
    # A capacity that would let a link catch up does not spend two in a round.
    fast = dataclasses.replace(queue, capacity=3.0)
    stopped = Scripted(capacities=np.repeat([[[0.0]], [[3.0]]], 6, axis=0))
    played = play(fast, stopped, RateLimitModel(messages=4, window=4), rounds=12, agents=2)
    assert played.arrivals[6:, 0, 1].tolist() == [1] * 6


def test_no_window_of_a_queue_has_more_than_its_budget():
    slow = BandwidthModel(capacity=0.7, queue_length=5)
    limit = RateLimitModel(messages=5, window=6)
    sends = play(slow, limit, rounds=200, agents=4).sends
    sent = (sends & ~np.eye(4, dtype=bool)).sum(axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(sent, 6, axis=0).sum(axis=-1)
    assert windows.max() == 5
    # A link whose message is not whole yet keeps a place for it in that round.
    assert windows[20:].mean() > 4.5


def test_agents_outside_of_the_scope_have_no_limit():
    limit = RateLimitModel(messages=0, window=2, count="both", agent_ids=("agent_0", "agent_2"))
    up = play(limit, rounds=2, agents=3).up[1]
    expected = ~np.eye(3, dtype=bool)
    expected[0, 2] = expected[2, 0] = False
    np.testing.assert_array_equal(up, expected)


def test_agents_that_are_not_named_have_no_limit():
    up = play(RateLimitModel(messages={"agent_1": 0}), rounds=1, agents=3).up[0]
    assert up.sum(axis=-1).tolist() == [2, 0, 2]


@pytest.mark.parametrize("window", [3, 20_000])
def test_a_long_window_costs_memory_alone_and_an_attempt_leaves_it_alone(window):
    """Counts of more than 128 KiB are written to in place."""
    limit = RateLimitModel(messages=3, window=window, count="both")
    channel = Channel(chain=Chain(models=[limit]))
    context, random = context_of(3), NumpyStream(0)
    parameters = channel.prepare(context)
    state = channel.init(parameters, context, random)
    sent = []
    for number in range(6):
        context = context._replace(round=number)
        before = state.models
        state, delivery = channel.step(parameters, state, context, random)
        sent.append((delivery.sent[0] >= 0).sum())
        kept = copy.deepcopy(state.models)
        # Nothing arrives in a further attempt, and something does in the next one.
        for lost in (np.ones((3, 3), dtype=bool), None):
            links = Links(delivery.links.sends, lost=lost)
            again = channel.chain.attempt(
                parameters, before, state.models, links, context, random.child("attempt", number)
            )
            assert (lost is None) or again.lost.all()
            np.testing.assert_equal(state.models, kept)
    assert sent == ([2, 1, 0] * 2 if window == 3 else [2, 1, 0, 0, 0, 0])


# Laws


@pytest.mark.sampled(7)
@pytest.mark.parametrize("count", SIDES)
@pytest.mark.parametrize(
    "options",
    [
        {"messages": 5, "window": 10},
        {"messages": 1.5},
        {"messages": [1, 2, 0], "window": 3},
        {"messages": {"a": 2}, "window": 2, "agent_ids": ("a", "c")},
    ],
    ids=str,
)
def test_laws(count, options):
    check_model(RateLimitModel(count=count, **options))


def test_a_loss_on_the_way_is_all_that_receivers_need():
    receiver = RateLimitModel(messages=2, count="receiver")
    assert not receiver.traits.narrows
    assert RateLimitModel(messages=2).traits.narrows
    assert RateLimitModel(messages=2, count="both").traits.narrows


# Closed forms


@pytest.mark.parametrize("count", ["sender", "receiver"])
@pytest.mark.parametrize(("messages", "window"), [(5, 10), (7.5, 3), (1, 1), (0, 4), (100, 2)])
def test_the_loss_of_a_busy_team_is_exact(count, messages, window):
    """Nothing is random here: what is sent repeats after a window."""
    model = RateLimitModel(messages=messages, window=window, count=count)
    for agents in (2, 3, 5):
        arrived = play(model, rounds=3 * window, agents=agents).arrived[window:]
        share = arrived.sum() / (2 * window * agents * (agents - 1))
        assert 1 - share == pytest.approx(model.team_loss(agents))


def test_what_is_not_known_is_none():
    model = RateLimitModel(messages=4, window=2)
    assert model.expected_loss() is model.expected_burst_length() is model.expected_age() is None
    assert dataclasses.replace(model, count="both").team_loss(3) is None
    assert dataclasses.replace(model, messages=[1, 2]).team_loss(2) is None
    assert dataclasses.replace(model, messages=np.inf).team_loss(3) == 0.0
    assert model.team_loss(1) == 0.0


# Errors


@pytest.mark.parametrize(
    ("word", "options"),
    [
        *(("messages", {"messages": wrong}) for wrong in (-1, np.nan, "many", None, [[1]], [])),
        ("messages[1]", {"messages": [1, -2]}),
        *(("window", {"messages": 1, "window": wrong}) for wrong in (0, 1.5, "2", None, -3)),
        ("count", {"messages": 1, "count": "senders"}),
    ],
    ids=str,
)
def test_wrong_arguments(word, options):
    with pytest.raises(InvalidArgumentError) as caught:
        RateLimitModel(**options)
    assert_one_sentence(caught.value, word)


def test_a_window_beyond_all_memory_is_refused_when_the_episode_starts():
    channel = Channel(chain=Chain(models=[RateLimitModel(messages=1, window=2**31 - 1)]))
    with pytest.raises(InvalidArgumentError) as caught:
        channel.init(channel.prepare(context_of()), context_of(), NumpyStream(0))
    assert_one_sentence(caught.value, "RateLimitModel.window", "1 GiB")


def test_a_number_of_agents_is_whole():
    with pytest.raises(InvalidArgumentError) as caught:
        RateLimitModel(messages=1).team_loss(0)
    assert_one_sentence(caught.value, "agents")
