"""Loss in bursts, beside worked values and numbers that linear algebra gave."""

import numpy as np

from comparisons import Case
from failure_api.communication_models import FourStateModel, GilbertElliottModel
from helpers import off_diagonal

_BURSTY = GilbertElliottModel(p=0.05, r=0.25)
_GENERAL = GilbertElliottModel(p=0.1, r=0.3, loss_good=0.05, loss_bad=0.6)
_ALTERNATING = GilbertElliottModel(p=0.6, r=0.7, loss_bad=0.9)
_GIVEN = GilbertElliottModel.from_loss_and_burst(0.3, 5.0)
_MATRIX = GilbertElliottModel.from_transition_matrix([[0.8, 0.2], [0.1, 0.9]], loss_bad=0.5)
_NETEM = FourStateModel(p13=0.1, p31=0.3, p32=0.4, p23=0.2, p14=0.05)
_SINGLE = FourStateModel(p13=0.1, p14=0.1)


def _lost_twice(played):
    """Whether a message is lost and the next one too; its mean gives the lag-1 correlation."""
    lost = ~off_diagonal(played.arrived)
    return lost[1:] & lost[:-1]


def _lost(played):
    return ~off_diagonal(played.arrived)


def _from_good(rounds, first):
    """Returns the mean loss of rounds 0, 1, ... of the first chain, which starts good."""
    return (1 / 6 * (1 - 0.7 ** (np.arange(rounds) + first))).mean()


CASES = [
    Case(name="Gilbert, loss", models=(_BURSTY,), quantity="loss", expected=1 / 6),
    Case(name="Gilbert, burst", models=(_BURSTY,), quantity="burst_length", expected=4.0),
    Case(name="Gilbert, age", models=(_BURSTY,), quantity="age", expected=2 / 3, warm_up=100),
    Case(
        name="Gilbert, lag-1 correlation 0.7",
        models=(_BURSTY,),
        quantity=_lost_twice,
        expected=1 / 36 + 0.7 * 5 / 36,
    ),
    Case(name="Gilbert-Elliott, loss", models=(_GENERAL,), quantity="loss", expected=0.1875),
    Case(
        name="Gilbert-Elliott, burst",
        models=(_GENERAL,),
        quantity="burst_length",
        expected=1.584786,
    ),
    Case(
        name="Gilbert-Elliott, age",
        models=(_GENERAL,),
        quantity="age",
        expected=0.306510,
        warm_up=100,
    ),
    Case(
        name="Gilbert-Elliott, lag-1 correlation",
        models=(_GENERAL,),
        quantity=_lost_twice,
        expected=0.75 * 0.05 * (0.9 * 0.05 + 0.1 * 0.6) + 0.25 * 0.6 * (0.3 * 0.05 + 0.7 * 0.6),
    ),
    Case(
        name="Gilbert-Elliott that alternates, burst",
        models=(_ALTERNATING,),
        quantity="burst_length",
        expected=1.369863,
    ),
    Case(
        name="Gilbert-Elliott that alternates, age",
        models=(_ALTERNATING,),
        quantity="age",
        expected=0.569020,
        warm_up=50,
    ),
    Case(name="loss and burst, loss", models=(_GIVEN,), quantity="loss", expected=0.3),
    Case(name="loss and burst, burst", models=(_GIVEN,), quantity="burst_length", expected=5.0),
    Case(name="loss and burst, age", models=(_GIVEN,), quantity="age", expected=1.5, warm_up=100),
    Case(name="transition matrix, loss", models=(_MATRIX,), quantity="loss", expected=1 / 3),
    Case(
        name="two bursty models, loss",
        models=(_BURSTY, _GIVEN),
        quantity="loss",
        expected=1 - 5 / 6 * 0.7,
    ),
    Case(
        name="Gilbert from the good state, loss",
        models=(GilbertElliottModel(p=0.05, r=0.25, start="good"),),
        quantity=_lost,
        expected=_from_good(10, 0),
        rounds=10,
        episodes=50_000,
    ),
    Case(name="four states, loss", models=(_NETEM,), quantity="loss", expected=0.186992),
    Case(name="four states, burst", models=(_NETEM,), quantity="burst_length", expected=1.352941),
    Case(name="four states, age", models=(_NETEM,), quantity="age", expected=0.256678, warm_up=100),
    Case(name="single losses, loss", models=(_SINGLE,), quantity="loss", expected=0.174312),
    Case(
        name="single losses, burst", models=(_SINGLE,), quantity="burst_length", expected=1.055556
    ),
    Case(
        name="four states from the good one, loss",
        models=(FourStateModel(p13=0.05, p31=0.25, start="good"),),
        quantity=_lost,
        expected=_from_good(10, 1),
        rounds=10,
        episodes=50_000,
    ),
]
