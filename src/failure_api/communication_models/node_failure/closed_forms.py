"""Closed forms of the link between two agents that fail and are repaired.

Every function takes the chances to fail and to be repaired in a round, of the sender and then of
the receiver, as NumPy float64 arrays of one shape. An agent that does not matter never fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Chances: TypeAlias = NDArray[np.float64]


def of_links(form: Callable[..., Any], mode: str, means: list[Any]) -> Any:
    """Returns one of the forms below of all links.

    Args:
        form: Takes the chances of both ends.
        mode: Which end matters: the sender's for `"mute"`, the receiver's for `"deaf"`, or both.
        means: The mean times to failure and to repair, numbers or arrays `[N]`.

    Returns:
        A number, or an array `[N, N]` where one of the means is an array.
    """
    chances = np.broadcast_arrays(*(1.0 / np.asarray(mean, dtype=np.float64) for mean in means))
    single = chances[0].ndim == 0
    ends = [
        [chance if single else np.expand_dims(chance, axis) for chance in chances]
        for axis in (1, 0)
    ]
    irrelevant = {"mute": 1, "deaf": 0}.get(mode)
    if irrelevant is not None:
        ends[irrelevant] = [np.zeros_like(chance) for chance in ends[irrelevant]]
    result = form(*np.broadcast_arrays(*ends[0], *ends[1]))
    return float(result) if single else np.where(np.eye(len(result), dtype=bool), 0.0, result)


def unavailability(fails: Chances, repaired: Chances) -> Chances:
    """Returns the long-run share of rounds for which an agent is down, `p / (p + r)`."""
    # The divisor of an agent that never fails may be 0, and does not matter.
    share: Chances = fails / (fails + repaired + (fails == 0))
    return share


def loss(fails: Chances, repaired: Chances, fails_too: Chances, repaired_too: Chances) -> Chances:
    """Returns `1 - (1 - u_s)(1 - u_r)`."""
    one, other = unavailability(fails, repaired), unavailability(fails_too, repaired_too)
    return one + other - one * other


def burst_length(
    fails: Chances, repaired: Chances, fails_too: Chances, repaired_too: Chances
) -> Chances:
    """Returns the loss over the chance that a burst begins; NaN where nothing is ever lost."""
    one, other = unavailability(fails, repaired), unavailability(fails_too, repaired_too)
    lost = one + other - one * other
    begins = (1.0 - one) * (1.0 - other) * (fails + fails_too - fails * fails_too)
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.where(lost == 0, np.nan, lost / begins)
    return np.where(_out_of_step(fails, repaired, fails_too, repaired_too), np.inf, length)


def age(fails: Chances, repaired: Chances, fails_too: Chances, repaired_too: Chances) -> Chances:
    """Returns the mean age, the sum over `k` of the chance that no round of `k` had both up.

    In a round in which not both are up, the mean number of rounds until both are is the solution
    `t` of `t = 1 + Q t`, where `Q` leads from one such state to the other.
    """
    apart = _out_of_step(fails, repaired, fails_too, repaired_too)
    stays_lost = (fails > 0) & (repaired == 0) | (fails_too > 0) & (repaired_too == 0) | apart
    # The repair of who never fails, or of who spoils everything, does not matter but for Q.
    repaired, repaired_too = (np.where(r == 0, 1.0, r) for r in (repaired, repaired_too))
    one, other = _chain(fails, repaired), _chain(fails_too, repaired_too)
    whole = np.einsum("...ab,...cd->...acbd", one, other).reshape(*np.shape(fails), 4, 4)
    leaves = np.where(apart[..., None, None], np.eye(3), np.eye(3) - whole[..., 1:, 1:])
    until = np.linalg.solve(leaves, np.ones((*np.shape(fails), 3, 1)))
    shares = np.einsum(
        "...a,...c->...ac", _shares(fails, repaired), _shares(fails_too, repaired_too)
    )
    states = shares.reshape(*np.shape(fails), 4)[..., 1:]
    return np.where(stays_lost, np.inf, (states * until[..., 0]).sum(axis=-1))


def _out_of_step(
    fails: Chances, repaired: Chances, fails_too: Chances, repaired_too: Chances
) -> NDArray[np.bool_]:
    """Returns where both agents are up in every second round, in half the cases never together."""
    apart: NDArray[np.bool_] = (fails * repaired * fails_too * repaired_too) == 1
    return apart


def _chain(fails: Chances, repaired: Chances) -> Any:
    """Returns the transitions of one agent, `[..., 2, 2]`, up before down."""
    rows = [1.0 - fails, fails, repaired, 1.0 - repaired]
    return np.stack(rows, axis=-1).reshape(*np.shape(fails), 2, 2)


def _shares(fails: Chances, repaired: Chances) -> Any:
    down = unavailability(fails, repaired)
    return np.stack([1.0 - down, down], axis=-1)
