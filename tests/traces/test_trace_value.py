"""Trace: a value that cannot change, and refuses what is no trace."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from traces_under_test import example

from failure_api.errors import InvalidArgumentError
from failure_api.traces import Trace
from helpers import assert_one_sentence, lock

TWO = np.ones((2, 2, 2), dtype=np.float32)
NOTHING = np.zeros((2, 2, 2), dtype=bool)


def test_traces_are_compared_by_what_they_hold():
    assert example() == example()
    assert hash(example()) == hash(example())
    others = [
        example(seed=1),
        example(rounds=4),
        example(agents=2),
        example(lost=None),
        example(capacity=None),
        example(delay=None),
        example(noise=None),
        example(round_duration=None),
        example(round_duration=0.2),
        example(agent_ids=("x", "y", "z")),
    ]
    assert all(other != example() for other in others)
    assert example() != "a trace"


def test_numbers_and_text_are_different_names():
    assert Trace(agent_ids=(0, 1), lost=NOTHING) != Trace(agent_ids=("0", "1"), lost=NOTHING)


def test_the_diagonal_and_the_sign_of_zero_make_no_difference():
    odd = TWO.copy()
    odd[:, [0, 1], [0, 1]] = np.nan
    one, other = (Trace(agent_ids=["a", "b"], capacity=array) for array in (TWO, odd))
    assert one == other
    everything = Trace(agent_ids=["a", "b"], lost=~NOTHING)
    apart = ~np.eye(2, dtype=bool)
    assert everything == Trace(agent_ids=["a", "b"], lost=np.array([apart, apart]))
    zero, negative = (
        Trace(agent_ids=["a", "b"], capacity=lock(sign * np.zeros((1, 2, 2), np.float32)))
        for sign in (1, -1)
    )
    assert zero == negative
    assert hash(zero) == hash(negative)
    assert repr(zero) == repr(negative)


def test_nothing_in_a_trace_can_be_changed():
    trace = example()
    for field in fields(trace):
        with pytest.raises(FrozenInstanceError):
            setattr(trace, field.name, None)
    for array in (trace.lost, trace.capacity, trace.delay, trace.noise):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 1] = 0


def test_what_the_caller_changes_afterwards_changes_nothing():
    capacity, lost = TWO.copy(), NOTHING.copy()
    trace = Trace(agent_ids=["a", "b"], capacity=capacity, lost=lost)
    capacity[...], lost[...] = 0.0, True
    assert trace.capacity[0, 0, 1] == 1.0
    assert not trace.lost.any()


def test_a_view_of_what_the_caller_can_change_is_copied():
    lost = NOTHING.copy()
    view = lost[...]
    view.flags.writeable = False
    trace = Trace(agent_ids=["a", "b"], lost=view)
    lost[...] = True
    assert not trace.lost.any()


@pytest.mark.parametrize(
    "travel", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
@pytest.mark.parametrize(
    "change", [{}, {"capacity": None, "delay": None, "noise": None, "round_duration": None}]
)
def test_traces_travel(travel, change):
    trace = example(**change)
    other = travel(trace)
    assert other == trace
    assert hash(other) == hash(trace)
    assert not other.lost.flags.writeable


def test_large_traces_are_not_copied_without_need():
    trace = example()
    assert copy.deepcopy(trace) is trace
    assert replace(trace, round_duration=2.0).capacity is trace.capacity


def test_the_text_of_a_trace_makes_it_again_and_is_short_where_it_is_large():
    trace = example(noise=None)
    assert eval(repr(trace), {"Trace": Trace, "inf": np.inf}) == trace
    assert len(repr(example(rounds=100))) < 320
    assert repr(example(rounds=100)) != repr(example(rounds=100, seed=1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"agent_ids": ("a", "a", "b")}, ["agent_ids", "each once"]),
        ({"agent_ids": ("a", 1, "b")}, ["agent_ids", "all text or all whole numbers"]),
        ({"agent_ids": (True, False, 2)}, ["agent_ids", "all text or all whole numbers"]),
        ({"agent_ids": (2**63, 0, 1)}, ["agent_ids"]),
        ({"agent_ids": ("a", "b\0", "c")}, ["agent_ids", "zero bytes"]),
        ({"agent_ids": "abc"}, ["agent_ids"]),
        ({"agent_ids": ("a", "b")}, ["lost", "[T, 2, 2]", "(5, 3, 3)"]),
        ({"lost": None, "capacity": None}, ["lost", "must be given where there is no capacity"]),
        ({"lost": np.zeros((5, 3, 3))}, ["lost", "[T, 3, 3]", "whole numbers"]),
        ({"lost": np.full((5, 3, 3), 2)}, ["lost[0, 0, 1]", "2", "0 to 1"]),
        ({"lost": np.zeros((4, 3, 3), bool)}, ["capacity", "[4, 3, 3]"]),
        ({"capacity": np.zeros((0, 3, 3))}, ["capacity", "[5, 3, 3]"]),
        ({"capacity": np.zeros((3, 3))}, ["capacity", "[5, 3, 3]"]),
        ({"capacity": "0.5"}, ["capacity", "numbers", "'0.5'"]),
        ({"capacity": [[[0, 1], [0]]]}, ["capacity", "numbers"]),
        ({"capacity": np.full((5, 3, 3), None)}, ["capacity", "numbers"]),
        ({"capacity": np.full((5, 3, 3), 1j)}, ["capacity", "numbers"]),
        ({"capacity": np.full((5, 3, 3), -0.5)}, ["capacity[0, 0, 1]", "-0.5"]),
        ({"capacity": np.full((5, 3, 3), np.nan)}, ["capacity[0, 0, 1]", "nan"]),
        ({"delay": np.zeros((4, 3, 3), int)}, ["delay", "[5, 3, 3]", "whole numbers"]),
        ({"delay": np.zeros((5, 3, 3))}, ["delay", "whole numbers"]),
        ({"delay": np.full((5, 3, 3), -1)}, ["delay[0, 0, 1]", "-1", "1e+06"]),
        ({"delay": np.full((5, 3, 3), 1_000_001)}, ["delay[0, 0, 1]", "1000001"]),
        ({"delay": np.full((5, 3, 3), 2**32)}, ["delay[0, 0, 1]", str(2**32)]),
        ({"noise": np.full((5, 3, 3), np.inf)}, ["noise[0, 0, 1]", "inf"]),
        ({"round_duration": 0}, ["round_duration", "0"]),
        ({"round_duration": np.nan}, ["round_duration", "nan"]),
        ({"round_duration": "1 s"}, ["round_duration", "'1 s'"]),
        ({"round_duration": [1.0]}, ["round_duration"]),
    ],
)
def test_what_is_no_trace_is_refused_in_one_sentence(change, words):
    with pytest.raises(InvalidArgumentError) as caught:
        example(**change)
    assert_one_sentence(caught.value, *words)
