"""Radio links beside closed forms that their models do not use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate, special

from comparisons import Case
from failure_api.communication_models import SignalBasedModel
from failure_api.communication_models.radio import (
    LogDistance,
    LogisticReception,
    LogNormalShadowing,
    Nakagami,
    PacketError,
    Rayleigh,
    Rician,
    SnrThreshold,
)
from failure_api.core import CommunicationModel

APART = [[0.0, 0.0], [1.0, 0.0]]
"""Two agents a metre apart: no loss, so that the transmit power is the SNR."""


def link(snr, **parts):
    free = LogDistance(reference_loss=0.0)
    parts = {"reception": SnrThreshold(threshold=0.0), **parts}
    return SignalBasedModel(transmit_power=snr, path_loss=free, noise_floor=0.0, **parts)


@dataclass(frozen=True, kw_only=True)
class Placed(CommunicationModel):
    """A model among agents that a function of (context, random) places anew in every round."""

    model: CommunicationModel
    place: Callable[..., Any]

    def prepare(self, context):
        return self.model.prepare(context)

    def init(self, parameters, context, random):
        return self.model.init(parameters, self._placed(context, random), random)

    def step(self, parameters, state, links, context, random):
        placed = self._placed(context, random)
        return self.model.step(parameters, state, links, placed, random)

    def _placed(self, context, random):
        return context._replace(positions=self.place(context, random.child("places")))


def anywhere(context, random):
    """Places the agents uniformly in a unit square."""
    return random.uniform((*context.shape[:-1], 2))


def around(context, random):
    """Takes one agent around the other, 1 m away: the chord of each step is 0.2 m."""
    angle = 2 * math.asin(0.1) * context.round
    places = np.array([[0.0, 0.0], [math.cos(angle), math.sin(angle)]], dtype=np.float32)
    return np.broadcast_to(places, (*context.shape[:-1], 2))


def both(lag):
    """Returns whether the first link works in a round and in one later."""
    return lambda played: (played.arrived[lag:] & played.arrived[:-lag])[..., 0, 1]


def orthant(correlation):
    """Probability that two standard normal numbers are both positive."""
    return 0.25 + math.asin(correlation) / (2 * math.pi)


def rician_outage(k, power):
    """Integrates the density of Rician power, from its Bessel function."""

    def density(x):
        root = 2 * math.sqrt(k * (1 + k) * x)
        return (1 + k) * math.exp(-k - (1 + k) * x + root) * float(special.ive(0, root))

    return float(integrate.quad(density, 0.0, power)[0])


def suzuki_outage(margin, sigma):
    """Integrates Rayleigh outage over normal decibels."""

    def outage(z):
        lost = -math.expm1(-(10 ** (-(margin + sigma * z) / 10)))
        return lost * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    return float(integrate.quad(outage, -8.0, 8.0)[0])


def zigbee_error(decibels):
    ratio = 10 ** (decibels / 10)
    terms = (
        (-1) ** k * math.comb(16, k) * math.exp(20 * ratio * (1 / k - 1)) for k in range(2, 17)
    )
    return 8 / 15 / 16 * sum(terms)


TWICE = 10 * math.log10(2)
STILL = LogNormalShadowing(standard_deviation=4.0, decorrelation_distance=10.0)
WALK = LogNormalShadowing(standard_deviation=8.0, decorrelation_distance=0.5)
SUBT = SignalBasedModel(
    path_loss=LogDistance(exponent=2.5, reference_loss=40.0),
    shadowing=STILL,
    noise_floor=-90.0,
    reception=SnrThreshold(threshold=0.0),
)
QUARTER = SignalBasedModel(
    transmit_power=40.0 * math.log10(0.25 / 0.01),
    path_loss=LogDistance(exponent=4.0, reference_distance=0.01, reference_loss=0.0),
    noise_floor=-10.0,
    reception=SnrThreshold(threshold=10.0),
)
"""Reaches a quarter of a metre."""


def case(name, model, expected, **others):
    others = {"quantity": "loss", "positions": APART, **others}
    return Case(name=name, models=(model,), expected=expected, **others)


CASES = [
    case("Rayleigh outage", link(TWICE, fading=Rayleigh()), 1 - math.exp(-0.5)),
    case(
        "Rayleigh outage, one way each",
        link(10.0, fading=Rayleigh(reciprocal=False)),
        1 - math.exp(-0.1),
    ),
    case(
        "Rayleigh age",
        link(TWICE, fading=Rayleigh()),
        math.exp(0.5) - 1,
        quantity="age",
        warm_up=60,
    ),
    case("Nakagami 2", link(TWICE, fading=Nakagami(shape_parameter=2)), 1 - 2 * math.exp(-1)),
    case("Nakagami 1/2", link(TWICE, fading=Nakagami(shape_parameter=0.5)), math.erf(0.5)),
    case("Rician 5", link(TWICE, fading=Rician(k_factor=5)), rician_outage(5.0, 0.5)),
    case("Rician 0.5, deep", link(13.0, fading=Rician(k_factor=0.5)), rician_outage(0.5, 10**-1.3)),
    case(
        "log-normal shadowing at 400 m",
        SUBT,
        1 - 0.891980,
        positions=[[0.0, 0.0], [240.0, 320.0]],
        rounds=5,
        episodes=100_000,
    ),
    case(
        "shadowing and Rayleigh",
        link(6.0, shadowing=STILL, fading=Rayleigh()),
        suzuki_outage(6.0, 4.0),
        rounds=10,
        episodes=50_000,
    ),
    case("BPSK", link(7.0, reception=PacketError(modulation="bpsk")), 0.538362),
    case("QPSK", link(7.0 + TWICE, reception=PacketError(modulation="qpsk")), 0.538362),
    case(
        "802.15.4",
        link(-4.0, reception=PacketError(modulation="802.15.4", message_bits=20)),
        1 - (1 - zigbee_error(-4.0)) ** 20,
    ),
    case(
        "BPSK under Rayleigh fading",
        link(10.0, fading=Rayleigh(), reception=PacketError(modulation="bpsk", message_bits=1)),
        0.5 * (1 - math.sqrt(10 / 11)),
    ),
    case(
        "logistic reception",
        link(-1.0, reception=LogisticReception(midpoint=1.0, slope=0.5)),
        math.e / (1 + math.e),
    ),
    case(
        "logistic burst",
        link(0.0, reception=LogisticReception(midpoint=0.0)),
        2.0,
        quantity="burst_length",
    ),
    case(
        "range in a unit square",
        Placed(model=QUARTER, place=anywhere),
        1 - 0.156636,
        rounds=20,
        episodes=30_000,
    ),
    case(
        "correlation of shadowing",
        Placed(model=link(0.0, shadowing=WALK), place=around),
        orthant(math.exp(-0.4)),
        quantity=both(1),
    ),
    case(
        "correlation of shadowing, first step",
        Placed(model=link(0.0, shadowing=WALK), place=around),
        orthant(math.exp(-0.4)),
        quantity=both(1),
        rounds=2,
        episodes=250_000,
    ),
    case(
        "correlation of shadowing, five steps",
        Placed(model=link(0.0, shadowing=WALK), place=around),
        orthant(math.exp(-2.0)),
        quantity=both(5),
    ),
]
