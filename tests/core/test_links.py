"""Links and contexts are plain tuples: nothing is lost, delayed or noisy unless a model says so."""

import numpy as np
import pytest

from failure_api.core import Links
from failure_api.core.links import NEVER, mixed
from helpers import context_of

LINKS = Links(sends=np.ones((2, 2), dtype=bool))
FORTH, BACK = np.eye(2, k=1, dtype=bool), np.eye(2, k=-1, dtype=bool)


def test_links_that_nobody_speaks_of_carry_and_lose_nothing_in_particular():
    assert all(field is None for field in LINKS[1:])


def test_what_is_said_twice_adds_up():
    """Losses, silence, deafness and delays add, and of two capacities the smaller one counts."""
    lost = LINKS.lose(FORTH)
    assert lost.lost.tolist() == FORTH.tolist()
    assert lost.lose(BACK).lost.tolist() == (FORTH | BACK).tolist()
    silent = LINKS.silence(FORTH).silence(BACK)
    assert silent.sends.tolist() == np.eye(2, dtype=bool).tolist()
    assert LINKS.silence(FORTH[:, 1:]).sends.tolist() == [[False, False], [True, True]]
    assert LINKS.deafen(FORTH).deafen(BACK).hears.tolist() == np.eye(2, dtype=bool).tolist()
    late = LINKS.slow(FORTH.astype(np.int32)).slow(np.full((2, 2), 2, dtype=np.int32))
    assert late.delay.tolist() == [[2, 3], [2, 2]]
    narrow = LINKS.narrow(np.float32([[1, 2], [np.inf, 0]]), np)
    narrow = narrow.narrow(np.float32([[3, 1], [5, 1]]), np)
    assert narrow.capacity.tolist() == [[1, 1], [5, 0]]


def test_links_that_are_worse_in_some_places_are_as_given_in_the_others():
    """Where nothing was said of a field, the others keep what that stands for."""
    worse = Links(
        sends=np.zeros((2, 2), dtype=bool),
        capacity=np.full((2, 2), 0.5, dtype=np.float32),
        lost=np.ones((2, 2), dtype=bool),
        delay=np.full((2, 2), 3, dtype=np.int32),
        in_order=np.ones((2, 2), dtype=bool),
        expiry=np.full((2, 2), 7, dtype=np.int32),
        noise=np.full((2, 2), 2.0, dtype=np.float32),
        interference=np.full((2, 2), 4.0, dtype=np.float32),
        hears=np.zeros((2, 2), dtype=bool),
    )
    found = mixed(FORTH, worse, LINKS, context_of(2))
    assert found.rejected is None
    for name, unsaid in {
        "sends": True,
        "capacity": np.inf,
        "lost": False,
        "delay": 0,
        "in_order": False,
        "expiry": NEVER,
        "noise": 0.0,
        "interference": 0.0,
        "hears": True,
    }.items():
        array, bad = getattr(found, name), getattr(worse, name)
        assert array.dtype == bad.dtype
        expected = np.where(FORTH, bad, unsaid).astype(bad.dtype)
        np.testing.assert_array_equal(array, expected, err_msg=name)
    again = mixed(np.ones((1, 1), dtype=bool), worse, found, context_of(2))
    for name in Links._fields:
        np.testing.assert_array_equal(getattr(again, name), getattr(worse, name), err_msg=name)


def test_links_and_contexts_cannot_be_written_to():
    with pytest.raises(AttributeError):
        LINKS.delay = 3
    with pytest.raises(AttributeError):
        context_of(2).round = 1


def test_the_first_axis_is_the_sender_in_what_a_channel_delivers():
    from failure_api.communication_models import MatrixModel
    from helpers import play

    played = play(MatrixModel(matrix=[[0, 1, 0], [0, 0, 0], [0, 0, 0]]))
    assert np.argwhere(played.arrived[0]).tolist() == [[0, 1]]
