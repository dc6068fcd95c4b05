"""How many bits messages have, counted by hand, and for each exchange."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from mpe2 import collect_treasure_v1, simple_speaker_listener_v4, simple_spread_v3

from environments_under_test import Plain
from failure_api import (
    BandwidthModel,
    CommunicationWrapper,
    CommunicationWrapperParallel,
    MaskSegments,
    SendMessages,
    ShareObservations,
)
from failure_api.exchanges import Codec, Exchange
from failure_api.exchanges.spaces.zero import bits_of


@pytest.mark.parametrize(
    ("space", "bits"),
    [
        (spaces.Discrete(1), 0),
        (spaces.Discrete(2), 1),
        (spaces.Discrete(5, start=-7), 3),
        (spaces.Discrete(8), 3),
        (spaces.Discrete(9), 4),
        (spaces.Discrete(2**49 + 1), 50),
        (spaces.MultiDiscrete([2, 5, 1]), 1 + 3),
        (spaces.MultiDiscrete([[4, 4], [3, 2]]), 2 + 2 + 2 + 1),
        (spaces.MultiBinary(7), 7),
        (spaces.MultiBinary((2, 3)), 6),
        (spaces.Box(-1, 1, ()), 32),
        (spaces.Box(-1, 1, (2, 3)), 6 * 32),
        (spaces.Box(-1, 1, (3,), np.float64), 3 * 64),
        (spaces.Box(0, 255, (4, 4), np.uint8), 16 * 8),
        (spaces.Box(0, 1, (3,), np.bool_), 3),
        (spaces.Box(-1, 1, (0,)), 0),
        (spaces.Dict(a=spaces.Discrete(3), b=spaces.Tuple([spaces.MultiBinary(2)])), 4),
    ],
    ids=str,
)
def test_counted_by_hand(space, bits):
    assert bits_of(space) == bits


def test_what_has_no_fixed_number_of_bits():
    with pytest.raises(TypeError, match="no fixed number"):
        bits_of(spaces.Text(3))


TEAM = {"a": spaces.Box(-1, 1, (2,)), "b": spaces.Discrete(5), "c": spaces.MultiBinary(3)}


@pytest.mark.parametrize(
    ("team", "exchange", "bits"),
    [
        (TEAM, ShareObservations(), [64, 3, 3]),
        (TEAM, ShareObservations(form="flat"), [64, 3, 3]),
        (dict.fromkeys("abc", TEAM["a"]), ShareObservations(), [64, 64, 64]),
        (TEAM, SendMessages(spaces.Discrete(9)), [4, 4, 4]),
        (TEAM, SendMessages({"b": spaces.Box(0, 1, (2,))}, form="flat"), [0, 64, 0]),
    ],
)
def test_who_says_the_same_to_all(team, exchange, bits):
    env = CommunicationWrapperParallel(Plain(team), [], exchange=exchange)
    apart = ~np.eye(3, dtype=bool)
    np.testing.assert_array_equal(env.message_bits, np.array(bits)[:, None] * apart)
    assert env.message_bits.dtype == np.float64


def test_segments_have_the_bits_of_their_entries():
    boxes = {"a": spaces.Box(-1, 1, (4,)), "b": spaces.Box(0, 9, (3,), np.uint8)}
    segments = MaskSegments(segments={"a": {"b": [1, 2, 3]}, "b": {"a": slice(0, 2)}})
    env = CommunicationWrapperParallel(Plain(boxes), [], exchange=segments)
    assert env.message_bits.tolist() == [[0, 2 * 8], [3 * 32, 0]]
    # Position and what it says, two numbers each, of each other agent.
    spread = CommunicationWrapper(simple_spread_v3.env(), [])
    assert spread.message_bits.tolist() == [[0, 128, 128], [128, 0, 128], [128, 128, 0]]
    # The listener says nothing that the speaker could hear.
    pair = CommunicationWrapper(simple_speaker_listener_v4.env(), [])
    assert pair.message_bits.tolist() == [[0, 96], [0, 0]]


def test_nobody_counts_segments_that_move():
    assert CommunicationWrapper(collect_treasure_v1.env(), []).message_bits is None


class Words(Codec):
    """Agents say their names, and see what they observe."""

    def __init__(self, team):
        super().__init__(team, dict.fromkeys(team.agent_ids, spaces.Text(9)))
        self.spaces = dict(team.spaces)

    def say(self, agent, observation, message):
        return str(agent)

    def see(self, agent, observation, heard):
        return observation.copy()

    def own(self, agent, view):
        return view

    def heard(self, agent, view):
        return {}


def test_exchanges_of_ones_own_need_not_count():
    class Nothing(Exchange):
        def bind(self, team):
            return Words(team)

    env = CommunicationWrapperParallel(Plain(), [], exchange=Nothing())
    env.reset(seed=1)
    assert env.message_bits is None
    assert env.action_space("a") == spaces.Discrete(3)


def test_the_report_is_a_copy_of_what_an_exchange_of_ones_own_counts():
    class Counting(Words):
        bits = np.full((3, 3), 7.0)

        @property
        def message_bits(self):
            return self.bits

    class Sevens(Exchange):
        def bind(self, team):
            return Counting(team)

    env = CommunicationWrapperParallel(
        Plain(), BandwidthModel(capacity=3.5, unit="bits"), exchange=Sevens()
    )
    env.reset(seed=1)
    assert env.links.capacity[0, 1] == 0.5
    env.message_bits[:] = 1
    assert env.message_bits[0, 1] == 7
