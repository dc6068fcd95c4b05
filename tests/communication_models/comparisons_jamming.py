"""Jammed links beside closed forms that their models do not use."""

from __future__ import annotations

import math

import numpy as np
from comparisons_radio import Placed, anywhere, link

from comparisons import Case
from failure_api.communication_models import JammingModel
from failure_api.communication_models.jamming import (
    BlockReception,
    BurstyJamming,
    CarriedJammers,
    Detection,
    FixedJammers,
    MovingJammers,
    PeriodicJamming,
    RaiseInterference,
    RandomJamming,
)
from failure_api.communication_models.radio import LogDistance, Rayleigh, SnrThreshold

PLACES = [[0.0, 0.0], [0.1, 0.0]]
ROUNDS, LIMIT, SHARE = 100, 8, 0.1


def jamming(pattern, count=1, **others):
    others = {"effect": BlockReception(radius=5.0), **others}
    return JammingModel(
        jammers=FixedJammers(positions=[[1.0, 1.0]] * count), pattern=pattern, **others
    )


def mean_cut_binomial():
    """Mean number of successes in ROUNDS trials, of which LIMIT count."""
    chances = (
        math.comb(ROUNDS, k) * SHARE**k * (1 - SHARE) ** (ROUNDS - k) for k in range(ROUNDS + 1)
    )
    return sum(min(k, LIMIT) * chance for k, chance in enumerate(chances))


def interference(sir, snr, **faded):
    """Returns a jammer and links of those mean ratios, whose threshold is 10 dB."""
    # Nobody is beyond the reference distance, so that the powers are those received.
    near = LogDistance(reference_distance=100.0, reference_loss=0.0)
    effect = RaiseInterference(transmit_power=snr - sir, path_loss=near, **faded)
    radio = link(snr, fading=Rayleigh(), reception=SnrThreshold(threshold=10.0))
    return jamming(RandomJamming(probability=1.0), effect=effect), radio


OFTEN = RandomJamming(probability=0.3)
BURSTS = BurstyJamming(mean_on=4.0, mean_off=12.0)
PULSES = PeriodicJamming(period=10, active_rounds=3, start=4)
BACK_AND_FORTH = JammingModel(
    jammers=MovingJammers(positions=[[0.0, 0.0]], velocity=[[0.1, 0.0]], bounds=[[0, -1], [1, 1]]),
    effect=BlockReception(radius=0.25),
)
AMONG_THEM = JammingModel(
    jammers=FixedJammers(positions=[[0.5, 0.5]]), effect=BlockReception(radius=0.3)
)
NEXT_TO_IT = JammingModel(
    jammers=CarriedJammers(agent_ids=["agent_2"]), effect=BlockReception(radius=0.3)
)


def case(name, models, expected, **others):
    models = models if isinstance(models, tuple) else (models,)
    others = {"quantity": "loss", "positions": PLACES, **others}
    return Case(name=name, models=models, expected=expected, **others)


CASES = [
    case("random jamming, loss", jamming(OFTEN), 0.3),
    case("random jamming, burst", jamming(OFTEN), 1 / 0.7, quantity="burst_length"),
    case("random jamming, age", jamming(OFTEN), 0.3 / 0.7, quantity="age", warm_up=50),
    case("two random jammers", jamming(OFTEN, count=2), 0.51),
    case("bursty jamming, loss", jamming(BURSTS), 0.25),
    case("bursty jamming, burst", jamming(BURSTS), 4.0, quantity="burst_length"),
    case("bursty jamming, age", jamming(BURSTS), 1.0, quantity="age", warm_up=100),
    case("bursty jamming, from the start", jamming(BURSTS), 0.25, rounds=1, episodes=500_000),
    case("periodic jamming, loss", jamming(PULSES), 0.3),
    case("periodic jamming, age", jamming(PULSES), 0.6, quantity="age", warm_up=20),
    case(
        "reactive jamming", jamming(OFTEN, detection=Detection(radius=3.0, probability=0.5)), 0.15
    ),
    case(
        "jamming on a budget",
        jamming(RandomJamming(probability=SHARE), budget=LIMIT),
        mean_cut_binomial() / ROUNDS,
        rounds=ROUNDS,
        episodes=5000,
    ),
    case(
        "a jammer between two walls",
        BACK_AND_FORTH,
        0.25,
        links=[[False, False], [True, False]],
        episodes=1000,
    ),
    case(
        "a jammer amid a unit square",
        Placed(model=AMONG_THEM, place=anywhere),
        math.pi * 0.09,
        rounds=20,
        episodes=30_000,
    ),
    case(
        "a jammer on board in a unit square",
        Placed(model=NEXT_TO_IT, place=anywhere),
        math.pi * 0.3**2 - 8 / 3 * 0.3**3 + 0.3**4 / 2,
        agents=3,
        links=np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool),
        positions=None,
        rounds=20,
        episodes=30_000,
    ),
    case(
        "Rayleigh capture",
        interference(20.0, 90.0, fading=Rayleigh()),
        1 - 0.909091,
    ),
    case(
        "Rayleigh capture in noise",
        interference(15.0, 17.0, fading=Rayleigh()),
        1 - math.exp(-(10**-0.7)) / (1 + 10**-0.5),
    ),
    case(
        "steady interference",
        interference(20.0, 90.0),
        1 - math.exp(-0.1),
    ),
]
