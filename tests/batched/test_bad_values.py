"""What a batch is given may have a wrong value, a mask or no order: one sentence says so."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from failure_api.batched import BatchedChannel
from failure_api.communication_models import DistanceModel
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

IDS = ("a", "b", "c")
RANGE = BatchedChannel(failure_models=DistanceModel(distance_threshold=1.0), agent_ids=IDS)
PAYLOADS = np.ones((2, 3, 1), dtype=np.float32)
NEAR = np.zeros((2, 3, 2))
STATE = RANGE.init(0, PAYLOADS, positions=NEAR)
ALIVE = np.ones((2, 3), dtype=bool)
APART = ~np.eye(3, dtype=bool)


def with_one_at(x, dtype=np.float64):
    """Returns positions of which one is as far as that, in one element of the batch."""
    positions = NEAR.astype(dtype)
    positions[1, 2, 0] = x
    return positions


# Positions


@pytest.mark.parametrize("x", [1e300, -1e300, 1.1e18, np.inf, np.nan])
@pytest.mark.parametrize("call", ["init", "step", "reset_where"])
def test_a_live_agent_is_where_float32_can_tell(x, call):
    positions = with_one_at(x)
    calls = {
        "init": lambda: RANGE.init(0, PAYLOADS, positions=positions),
        "step": lambda: RANGE.step(STATE, PAYLOADS, positions=positions),
        "reset_where": lambda: RANGE.reset_where(STATE, np.ones(2, bool), positions=positions),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidArgumentError) as caught:
            calls[call]()
    assert_one_sentence(caught.value, "positions must be finite, within 1e+18 of 0", repr(x))


@pytest.mark.parametrize("x", [1e300, np.inf, np.nan])
def test_a_dead_agent_may_be_anywhere(x):
    alive = ALIVE.copy()
    alive[1, 2] = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, received = RANGE.step(STATE, PAYLOADS, positions=with_one_at(x), alive=alive)
    np.testing.assert_array_equal(received.flags[0], APART)
    np.testing.assert_array_equal(received.flags[1, :2, :2], APART[:2, :2])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_type_of_positions_is_taken(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, received = RANGE.step(STATE, PAYLOADS, positions=with_one_at(2.0, dtype))
    assert received.flags.sum() == 6 + 2


def test_where_nobody_may_look_what_is_too_far_is_far():
    """The same agent is out of reach in PyTorch, and in a function that JAX compiles."""
    expected = [APART.tolist(), (APART & ~(np.eye(3)[2] + np.eye(3)[2][:, None] > 0)).tolist()]
    tensor = torch.ones(2, 3, 1)
    state = RANGE.init(0, tensor, positions=torch.zeros(2, 3, 2))
    _, received = RANGE.step(state, tensor, positions=torch.tensor(with_one_at(1e300)))
    assert received.flags.tolist() == expected
    array = jnp.ones((2, 3, 1))
    begun = RANGE.init(0, array, positions=jnp.zeros((2, 3, 2)))
    step = jax.jit(lambda state, positions: RANGE.step(state, array, positions=positions)[1])
    far = jnp.asarray(with_one_at(np.inf, np.float32))
    assert step(begun, far).flags.tolist() == expected


# Arrays


@pytest.mark.parametrize("name", ["payloads", "positions", "alive"])
def test_masked_arrays_are_refused(name):
    given = {"payloads": PAYLOADS, "positions": NEAR, "alive": ALIVE}
    given[name] = np.ma.array(given[name])
    for call in (lambda: RANGE.init(0, **given), lambda: RANGE.step(STATE, **given)):
        with pytest.raises(InvalidArgumentError) as caught:
            call()
        assert_one_sentence(caught.value, f"{name} must have no mask", "a masked array of shape")
    with pytest.raises(InvalidArgumentError) as caught:
        RANGE.reset_where(STATE, np.ma.ones(2, dtype=bool), positions=NEAR)
    assert_one_sentence(caught.value, "done must have no mask")


@pytest.mark.parametrize(
    "state",
    [None, 0, (), {}, tuple(STATE), STATE._replace(channel=None), STATE._replace(content=None)],
    ids=range(7),
)
def test_what_is_no_state_is_refused(state):
    for call in (
        lambda: RANGE.step(state, PAYLOADS, positions=NEAR),
        lambda: RANGE.reset_where(state, np.ones(2, bool), positions=NEAR),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            call()
        assert_one_sentence(caught.value, "state must be what this channel's init")


def test_nothing_is_no_payload():
    for call in (
        lambda: RANGE.init(0, None, positions=NEAR),
        lambda: RANGE.step(STATE, None, positions=NEAR),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            call()
        assert_one_sentence(caught.value, "payloads must be an array", "None")


# The channel's own arguments


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("whole", value) for value in (-1, 0.5, 2, [0, 2], "x", np.nan, np.ma.ones(1, bool))),
        *((n, v) for n in ("low", "high", "zero") for v in (True, [True], np.ma.ones(2), "x")),
        *(("agent_ids", value) for value in ({"a"}, frozenset("a"), np.array("a"), None)),
        *((n, v) for n in ("failure_models", "noise_models") for v in ({1}, np.array(0.5), 0.5)),
        ("low", torch.ones(1, requires_grad=True)),
    ],
    ids=str,
)
def test_wrong_arguments(name, value):
    with pytest.raises(InvalidArgumentError) as caught:
        BatchedChannel(**{"failure_models": [], "agent_ids": ("a", "b"), name: value})
    assert_one_sentence(caught.value, name)


@pytest.mark.parametrize("whole", [True, False, [True, False], [0, 1], np.array([True, False]), 1])
def test_flags_of_entries_are_flags_or_nothing_and_one(whole):
    channel = BatchedChannel(failure_models=[], agent_ids=IDS, whole=whole)
    said = np.full((1, 3, 2), 0.4, dtype=np.float32)
    state = channel.init(0, said)
    noisy = channel.step(state, said)[1].content
    assert noisy.shape == (1, 3, 3, 2)


def test_the_keys_of_a_mapping_are_agents_in_their_order():
    channel = BatchedChannel(failure_models=[], agent_ids=dict.fromkeys("bca").keys())
    assert channel.agent_ids == ("b", "c", "a")
