"""The channel against a simulator that was written from the rules and not from the channel.

Random chains of every kind of model are played, and for each link the simulator is told what the
models decided in each round: it says which message arrives when. Media, capacities per sender and
reactive jammers have oracles of their own.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from simulator import Verdict, Waiting, simulate

from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    FourStateModel,
    GilbertElliottModel,
    JammingModel,
    MatrixModel,
    NodeFailureModel,
    PartitionModel,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
    SharedMediumModel,
    SignalBasedModel,
    TraceModel,
)
from failure_api.communication_models.delay import GeometricDelay, UniformDelay
from failure_api.communication_models.jamming import (
    BlockReception,
    CarriedJammers,
    Detection,
    FixedJammers,
    RaiseInterference,
    RandomJamming,
)
from failure_api.communication_models.partition import CutAtRandom
from failure_api.communication_models.radio import LogNormalShadowing, Rayleigh
from failure_api.communication_models.shared_medium import TDMA, SlottedAloha, TopK
from failure_api.core import Chain, Channel, Context, NumpyStream, Stage
from failure_api.core.tally import Tally
from failure_api.traces import Trace

CHAINS = 600
ROUNDS = 40
# What eighths add up to is exact in float32, whatever they are mixed with.
EIGHTHS = [Fraction(p, 8) for p in range(1, 9)]


def random_model(random, agents):
    """Returns one model of any kind, with options that are drawn too."""

    def chance():
        return round(float(random.uniform(0, 0.6)), 2)

    def capacity():
        denominator = int(random.integers(1, 101))
        fraction = int(random.integers(1, denominator + 1)) / denominator
        choices = [0.0, *map(float, EIGHTHS), 1.5, 2.0, 3.0, fraction, fraction, fraction]
        if random.random() < 0.3:
            return random.choice(choices, (agents, agents))
        return float(random.choice(choices))

    def scope():
        return [0, 1] if random.random() < 0.2 else None

    def period():
        start = int(random.integers(0, 4))
        return {"start": start, "stop": start + int(random.integers(1, 5)), "period": 9}

    makers = [
        lambda: ProbabilisticModel(failure_prob=chance(), agent_ids=scope()),
        lambda: ProbabilisticModel(
            failure_prob=chance(), max_bandwidth=float(random.choice(EIGHTHS))
        ),
        lambda: GilbertElliottModel(p=chance(), r=chance(), loss_bad=0.9, agent_ids=scope()),
        lambda: FourStateModel(p13=0.2, p31=0.4, p32=0.2, p23=0.5, p14=0.1),
        lambda: MatrixModel(matrix=random.choice([0.0, 0.25, 0.5, 1.0], (5, agents, agents))),
        lambda: DistanceModel(distance_threshold=1.2, failure_prob=0.1),
        lambda: PartitionModel(
            pattern="halves",
            shuffle=bool(random.random() < 0.5),
            switching=CutAtRandom(mean_time_to_partition=6, mean_time_to_heal=3),
        ),
        lambda: SignalBasedModel(
            metres_per_unit=150.0,
            fading=Rayleigh(),
            shadowing=LogNormalShadowing(standard_deviation=4.0, decorrelation_distance=50.0),
        ),
        lambda: DelayBasedModel(
            max_delay=int(random.integers(0, 6)),
            message_drop_probability=chance(),
            delivery=str(random.choice(["reorder", "fifo"])),
            expiry=int(random.integers(1, 9)) if random.random() < 0.4 else None,
            agent_ids=scope(),
        ),
        lambda: DelayBasedModel(
            max_delay=12,
            distribution=GeometricDelay(mean=2.0),
            expiry=int(random.integers(2, 20)) if random.random() < 0.5 else None,
        ),
        lambda: DelayBasedModel(distribution=UniformDelay(low=0.0, high=3.0), delivery="fifo"),
        lambda: NodeFailureModel(
            mode=str(random.choice(["crash", "mute", "deaf"])),
            mean_time_to_failure=8,
            mean_time_to_repair=3,
        ),
        lambda: NodeFailureModel(mode="mute", schedule={0: [(3, 9), (20, None)]}),
        lambda: ScheduledModel(
            model=Chain(models=[random_simple(random), random_simple(random)]),
            severity=float(random.choice([0.5, 1.0])),
            **period(),
        ),
        lambda: ScheduledModel(
            model=BandwidthModel(capacity=float(random.choice(EIGHTHS)), **QUEUE), **period()
        ),
        lambda: RandomizedModel(
            model=ProbabilisticModel(failure_prob=0.0), parameters={"failure_prob": (0.0, 0.6)}
        ),
        lambda: TraceModel(trace=random_trace(random, agents)),
        lambda: JammingModel(
            jammers=FixedJammers(positions=[[0.0, 0.0]]),
            effect=BlockReception(radius=0.7),
            pattern=RandomJamming(probability=0.5),
        ),
        lambda: JammingModel(
            jammers=CarriedJammers(agent_ids=[1]),
            effect=BlockReception(radius=0.9),
            detection=Detection(radius=0.8, probability=0.7),
        ),
        lambda: Chain(
            models=[
                JammingModel(
                    jammers=FixedJammers(positions=[[0.2, 0.0]]),
                    effect=RaiseInterference(transmit_power=10.0, metres_per_unit=150.0),
                ),
                SignalBasedModel(metres_per_unit=150.0),
            ]
        ),
        lambda: SharedMediumModel(
            protocol=[
                SlottedAloha(transmit_prob=0.4),
                TDMA(slots_per_round=2),
                TopK(count=2, by="age"),
                TopK(count=1),
            ][int(random.integers(4))]
        ),
        lambda: BandwidthModel(capacity=capacity(), agent_ids=scope(), **QUEUE),
        lambda: BandwidthModel(capacity=capacity(), **QUEUE),
        # What has waited for long leaves at once, some of it too late.
        lambda: Chain(
            models=[
                BandwidthModel(capacity=3.0, **QUEUE),
                ScheduledModel(
                    model=BandwidthModel(capacity=0.0, **QUEUE), **{**period(), "stop": 8}
                ),
                DelayBasedModel(max_delay=3, expiry=int(random.integers(3, 9))),
            ]
        ),
    ]
    return makers[int(random.integers(len(makers)))]()


def random_simple(random):
    choices = [
        ProbabilisticModel(failure_prob=0.4),
        NodeFailureModel(mode="crash", mean_time_to_failure=4, mean_time_to_repair=2),
        DelayBasedModel(max_delay=3, delivery="fifo"),
        DelayBasedModel(max_delay=4, expiry=2),
        BandwidthModel(capacity=0.5, **QUEUE),
    ]
    return choices[int(random.integers(len(choices)))]


def random_trace(random, agents):
    shape = (7, agents, agents)
    capacity = random.choice([0.0, 0.5, 1.0, 2.0], shape) if random.random() < 0.5 else None
    return Trace(
        agent_ids=tuple(range(agents)),
        lost=random.random(shape) < 0.2,
        capacity=capacity,
        delay=random.integers(0, 3, shape) if random.random() < 0.5 else None,
    )


QUEUE: dict[str, Any] = {}
"""What all queues of a chain have in common; filled anew for each of them."""


def random_chain(seed):
    random = np.random.default_rng(seed)
    agents = int(random.integers(2, 5))
    QUEUE.clear()
    QUEUE.update(
        queue_length=int(random.integers(1, 7)),
        drop=str(random.choice(["tail", "newest_first"])),
        max_wait=int(random.integers(0, 12)) if random.random() < 0.4 else None,
    )
    models = [random_model(random, agents) for _ in range(int(random.integers(1, 6)))]
    return models, agents, (2,) if random.random() < 0.3 else ()


def lives(seed, agents, batch):
    """Returns who is alive in each round: everyone, or agents that die, join and come back."""
    random = np.random.default_rng(seed + 1_000_000)
    shape = (ROUNDS, *batch, agents)
    if random.random() < 0.5:
        return np.ones(shape, dtype=bool)
    changes = random.random(shape) < 0.06
    return np.cumsum(changes, axis=0) % 2 == 0


def walks(seed, agents, batch):
    """Returns where the agents are in each round."""
    steps = np.random.default_rng(seed + 2_000_000).normal(0, 0.2, (ROUNDS, *batch, agents, 2))
    return np.cumsum(steps, axis=0).astype(np.float32)


ASKED: list[Any] = []
"""What was asked of a chain in the present round, and the links that it returned."""


class Spied(Chain):
    """A chain that tells what it decides."""

    def step(self, parameters, state, links, context, random):
        following, worse = super().step(parameters, state, links, context, random)
        ASKED.append((context.asked and context.asked.stage, worse))
        return following, worse


class Played(NamedTuple):
    """A round: what was decided, and what came of it."""

    alive: Any
    asked: list[Any]
    delivery: Any


def played(seed, chain_of=random_chain):
    """Returns a chain and the rounds of an episode.

    Args:
        seed: Of the chain, of who lives and walks where, and of all chance.
        chain_of: Returns models, the number of agents and the batch's shape for a seed.
    """
    models, agents, batch = chain_of(seed)
    chain = Spied(models=models)
    channel = Channel(chain=chain)
    alive, positions = lives(seed, agents, batch), walks(seed, agents, batch)
    stream, rounds, shape = NumpyStream(seed), [], (*batch, agents, agents)
    parameters: Any = None
    state: Any = None
    for number in range(ROUNDS):
        context = Context(number, alive[number], positions[number], np, shape, tuple(range(agents)))
        if number == 0:
            parameters = channel.prepare(context)
            state = channel.init(parameters, context, stream)
        ASKED.clear()
        state, delivery = channel.step(parameters, state, context, stream)
        rounds.append(Played(alive[number], list(ASKED), delivery))
    return chain, rounds


def verdicts(rounds, link):
    """Returns what the models decided for one link in each round."""
    *element, sender, receiver = link
    found = []
    for alive, asked, delivery in rounds:
        decided = asked[-1][1] if asked else delivery.links

        def value(array, otherwise):
            return otherwise if array is None else array[link].item()

        sending = [links.sends for stage, links in asked if stage in (None, Stage.SENT)]
        capacity = value(decided.capacity, math.inf)
        found.append(
            Verdict(
                sender_alive=bool(alive[(*element, sender)]),
                receiver_alive=bool(alive[(*element, receiver)]),
                up=value(sending[0], True) if sending else True,
                rejected=value(decided.rejected, False),
                capacity=Fraction(1) if capacity == math.inf else exact(capacity),
                lost=value(decided.lost, False),
                delay=value(decided.delay, 0),
                in_order=value(decided.in_order, False),
                expiry=value(decided.expiry, None),
                hears=value(decided.hears, True),
            )
        )
    return found


def exact(capacity):
    return Fraction(capacity).limit_denominator(1000)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("first", range(0, CHAINS, 50))
def test_every_message_arrives_when_the_simulator_says(first):
    compared = 0
    for seed in range(first, first + 50):
        chain, rounds = played(seed)
        queue = chain.queue
        waiting = queue and Waiting(queue.length, queue.drop, queue.max_wait)
        shape = rounds[0].delivery.sent.shape
        for link in np.ndindex(shape):
            if link[-1] == link[-2]:
                continue
            given = verdicts(rounds, link)
            for number, told in enumerate(simulate(given, waiting)):
                delivery = rounds[number].delivery
                where = f"chain {seed}, {chain}, link {link}, round {number}"
                newest = -1 if number == 0 else rounds[number - 1].delivery.newest[link]
                news = [made for made in told.arrivals if made > newest]
                assert delivery.sent[link] == (max(news) if news else -1), where
                assert delivery.newest[link] == told.newest, where
                arrivals = delivery.arrivals
                count = delivery.sent[link] >= 0 if arrivals is None else arrivals[link]
                assert count == len(told.arrivals), where
                assert delivery.made[link] == told.made, where
                compared += 1
        check_numbers(chain, rounds, waiting, seed)
    assert compared > 5_000


def check_numbers(chain, rounds, waiting, seed):
    """Compares the four numbers of one team with those that the simulator's messages make."""
    if rounds[0].delivery.sent.ndim > 2:
        return
    tally = Tally(rounds[0].delivery.sent.shape[-1])
    for number, each in enumerate(rounds):
        tally.add(number, each.delivery)
    totals = np.zeros(6)
    for link in np.ndindex(rounds[0].delivery.sent.shape):
        if link[0] == link[1]:
            continue
        given = verdicts(rounds, link)
        told = simulate(given, waiting)
        newest = -1
        for number, (verdict, each) in enumerate(zip(given, told, strict=True)):
            both = verdict.sender_alive and verdict.receiver_alive
            totals += [
                both,
                both * (number - each.newest),
                both * (each.newest > newest),
                len(each.arrivals),
                each.newest > newest,
                0,
            ]
            newest = each.newest
        totals[5] += len(told[-1].waiting) + len(told[-1].under_way)
    made, age, news, arrived, newer, pending = totals
    expected = (
        age / made if made else math.nan,
        arrived / (made - pending) if made - pending else math.nan,
        news / made if made else math.nan,
        (arrived - newer) / arrived if arrived else math.nan,
    )
    np.testing.assert_allclose(tally.numbers(), expected, err_msg=f"chain {seed}, {chain}")
