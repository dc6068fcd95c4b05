"""Models of every built-in class, with what is hard to write down as plain data."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from failure_api.catalogue.describe import describe
from failure_api.communication_models import (
    BandwidthModel,
    Chain,
    DelayBasedModel,
    DistanceModel,
    FourStateModel,
    GilbertElliottModel,
    JammingModel,
    MatrixModel,
    NetemModel,
    NodeFailureModel,
    PartitionModel,
    ProbabilisticModel,
    RandomizedModel,
    RateLimitModel,
    ScheduledModel,
    SharedMediumModel,
    SignalBasedModel,
    TraceModel,
)
from failure_api.communication_models.delay import (
    ConstantDelay,
    EmpiricalDelay,
    GeometricDelay,
    NormalDelay,
    ParetoDelay,
    UniformDelay,
)
from failure_api.communication_models.jamming import (
    BlockReception,
    BurstyJamming,
    CarriedJammers,
    Detection,
    FixedJammers,
    PeriodicJamming,
    RaiseInterference,
    RandomJamming,
    ScheduledJammers,
)
from failure_api.communication_models.partition import CutAtRandom, CutOnSchedule
from failure_api.communication_models.radio import (
    Friis,
    IndependentShadowing,
    LogDistance,
    LogisticReception,
    LogNormalShadowing,
    Nakagami,
    NoiseFloor,
    PacketError,
    Rician,
    SnrThreshold,
    SubtPacketError,
    TwoRayGround,
)
from failure_api.communication_models.randomized import (
    Descending,
    LogUniform,
    Milder,
    OneOf,
    Uniform,
)
from failure_api.communication_models.shared_medium import TDMA, TopK
from failure_api.noise_models import (
    BitFlipModel,
    ByzantineModel,
    CustomNoise,
    ElementDropoutModel,
    GaussianNoiseModel,
    QuantizationModel,
    SendConstant,
    SendRandom,
    StuckModel,
)
from failure_api.presets import darpa_subt, esp_now, jepsen, netem, uav_80211
from failure_api.serialization.registry import built_in
from failure_api.traces import Trace

TABLE = [[0.0, 0.25, 0.5], [0.75, 0.0, 1.0], [0.125, 0.5, 0.0]]
PAIR = ("agent_0", "agent_2")
ODD_IDS = ("null", "1", 7, True, "0x1f", "é→\n'\"", "\x85\u2028", ("team", 0), "- a", "")
"""Agents' ids that YAML or JSON could take for something else."""


def quantile(uniform):
    """Delays of up to three rounds."""
    return 3 * uniform


def walls(positions):
    """Cuts no link."""
    return np.zeros((*positions.shape[:-1], positions.shape[-2]), dtype=bool)


def invert(content, number):
    return -content


def leave(content, context, random):
    return content


class Holder:
    """A function may live in a class."""

    @staticmethod
    def quantile(uniform):
        return uniform


LOSSY = ProbabilisticModel(failure_prob=0.5)
BURSTY = GilbertElliottModel(p=0.05, r=0.25, agent_ids=PAIR)
FAILURES = {
    "probability as array": ProbabilisticModel(failure_prob=np.asarray(TABLE), max_bandwidth=TABLE),
    "probability as mapping": ProbabilisticModel(failure_prob={PAIR: 0.1, PAIR[::-1]: 0.2}),
    "empty mapping": ProbabilisticModel(failure_prob={}),
    "agent ids": ProbabilisticModel(failure_prob=0.5, agent_ids=PAIR),
    "odd agent ids": ProbabilisticModel(
        failure_prob=dict.fromkeys(pairwise(ODD_IDS), 0.5),
        agent_ids=ODD_IDS,
    ),
    "bursts per link": GilbertElliottModel(p=TABLE, r={PAIR: 0.5}, loss_good=0.1, start="good"),
    "small numbers": GilbertElliottModel(p=1e-30, r=1 / 3),
    "four states": FourStateModel(p13={PAIR: 0.1}, p31={PAIR: 0.5}, p32={PAIR: 0.1}, p14=0.05),
    "bandwidth in bits": BandwidthModel(capacity={("a", "b"): 64}, unit="bits"),
    "bandwidth with an end to waiting": BandwidthModel(capacity=0.5, queue_length=40, max_wait=9),
    "bandwidth per sender": BandwidthModel(capacity=TABLE, per="sender", drop="newest_first"),
    "rate of senders": RateLimitModel(messages={"agent_0": 3.5}, window=10),
    "rate of both ends": RateLimitModel(messages=[1, math.inf, 2], count="both"),
    "distance per link": DistanceModel(distance_threshold={PAIR: 0.5}, falloff="linear"),
    "distance without end": DistanceModel(distance_threshold=math.inf),
    "distance array without end": DistanceModel(
        distance_threshold=np.where(np.asarray(TABLE) > 0.4, np.inf, 1.0)
    ),
    "uniform delays": DelayBasedModel(distribution=UniformDelay(low=-1.5, high=2.5)),
    "constant delays": DelayBasedModel(distribution=ConstantDelay(rounds=2)),
    "normal delays": DelayBasedModel(
        max_delay=5, distribution=NormalDelay(mean=2, standard_deviation=1), delivery="fifo"
    ),
    "geometric delays": DelayBasedModel(distribution=GeometricDelay(mean=2), expiry=5),
    "Pareto delays": DelayBasedModel(max_delay=9, distribution=ParetoDelay(shape=1.5, scale=1)),
    "observed delays": DelayBasedModel(
        distribution=EmpiricalDelay(delays=[0, 1, 5], probabilities=[0.5, 0.25, 0.25])
    ),
    "delays by a function": DelayBasedModel(max_delay=3, distribution=quantile),
    "delays by a class's function": DelayBasedModel(max_delay=3, distribution=Holder.quantile),
    "matrix": MatrixModel(matrix=TABLE),
    "schedule of matrices": MatrixModel(matrix=np.ones((2, 3, 3), dtype=bool), at_end="hold"),
    "netem": NetemModel(
        loss=BURSTY, delay=2.5, jitter=1, distribution="normal", transmission=0.5, reorder=0.1
    ),
    "netem with a loss that is scheduled": NetemModel(
        loss=ScheduledModel(model=LOSSY, start=1, stop=5), limit=3
    ),
    "nodes": NodeFailureModel(
        mode="mute", mean_time_to_failure={"agent_0": 9}, mean_time_to_repair=math.inf
    ),
    "nodes in an array": NodeFailureModel(
        mode="deaf", mean_time_to_failure=[math.inf, 5], mean_time_to_repair=[3, math.inf]
    ),
    "nodes on schedule": NodeFailureModel(
        mode="crash", schedule={"agent_0": [(0, 5), (9, None)], 1: [(3, 4)]}
    ),
    "nodes together": NodeFailureModel(
        mode="crash", mean_time_to_failure=9, mean_time_to_repair=3, together="minority"
    ),
    "nodes together in several ways": NodeFailureModel(
        mode="mute", mean_time_to_failure=9, together=["one", "some"]
    ),
    "groups": PartitionModel(
        groups=[["a"], ["b", 3]],
        switching=CutAtRandom(mean_time_to_partition=9, mean_time_to_heal=3),
    ),
    "pattern": PartitionModel(
        pattern="bridge", shuffle=True, one_way=True, switching=CutOnSchedule(start=2, stop=5)
    ),
    "isolated for good": PartitionModel(pattern="isolate"),
    "TDMA": SharedMediumModel(protocol=TDMA(slots_per_round=2)),
    "top k": SharedMediumModel(
        protocol=TopK(count=2, by="priority", priorities={"agent_0": 2.0, "agent_1": 1.0})
    ),
    "fixed jammers": JammingModel(
        jammers=FixedJammers(positions=[[0, 0], [1, 1]]),
        effect=BlockReception(radius=0.5),
        pattern=PeriodicJamming(period=10, active_rounds=3),
        detection=Detection(radius=1.0, probability=0.5),
        budget=20,
    ),
    "scheduled jammers": JammingModel(
        jammers=ScheduledJammers(positions=[[[0.0, 0.0]], [[1.0, 0.0]]], at_end="hold"),
        effect=RaiseInterference(transmit_power=10, fading=Rician(k_factor=3)),
        pattern=RandomJamming(probability=0.5),
    ),
    "jammers that always send": JammingModel(
        jammers=FixedJammers(positions=[[0.0, 0.0, 1.0]]), effect=BlockReception(radius=1.0)
    ),
    "carried jammers": JammingModel(
        jammers=CarriedJammers(agent_ids=PAIR),
        effect=RaiseInterference(path_loss=Friis(frequency=2.4e9)),
        pattern=BurstyJamming(mean_on=3, mean_off=5),
    ),
    "radio": SignalBasedModel(
        transmit_power={PAIR: 10.0},
        path_loss=TwoRayGround(frequency=9e8, height=2),
        shadowing=LogNormalShadowing(standard_deviation=4, decorrelation_distance=10),
        fading=Nakagami(shape_parameter=2),
        noise_floor=NoiseFloor(bandwidth=1e6),
        reception=PacketError(modulation="bpsk"),
        obstacles=walls,
    ),
    "radio in numbers": SignalBasedModel(
        path_loss=LogDistance(exponent=2.5),
        noise_floor=-90.0,
        reception=LogisticReception(midpoint=3.0, sensitivity=-80),
    ),
    "radio of the SubT simulator": SignalBasedModel(
        shadowing=IndependentShadowing(standard_deviation=3.0),
        reception=SubtPacketError(message_bits=800),
    ),
    "radio with a threshold": SignalBasedModel(reception=SnrThreshold(sensitivity=-95)),
    "trace": TraceModel(
        trace=Trace(
            agent_ids=(3, 1),
            lost=np.array([[[0, 1], [0, 0]]] * 2),
            capacity=np.array([[[0, math.inf], [0.5, 0]]] * 2),
            delay=np.array([[[0, 2], [1, 0]]] * 2),
            noise=np.array([[[0, 0.1], [0.2, 0]]] * 2),
            round_duration=0.1,
        ),
        at_end="down",
        start_round=1,
        rename={3: "agent_0", 1: "agent_1"},
    ),
    "trace without the rest": TraceModel(
        trace=Trace(agent_ids=("a", "b"), lost=np.zeros((1, 2, 2), dtype=bool))
    ),
    "trace of capacities": TraceModel(
        trace=Trace(agent_ids=("a", "b"), capacity=np.full((3, 2, 2), 0.25))
    ),
    "empty chain": Chain(models=[]),
    "chain with names": Chain(models={"loss": LOSSY, "model": BURSTY}),
    "chain in a chain": Chain(models=[LOSSY, Chain(models={"inner": BURSTY})]),
    "schedule of a chain": ScheduledModel(
        model=Chain(models=[LOSSY, BURSTY]), start=3, stop=9, period=20, severity={PAIR: 0.5}
    ),
    "schedule of a schedule": ScheduledModel(model=ScheduledModel(model=LOSSY, ramp=5)),
    "random parameters": RandomizedModel(
        model=ScheduledModel(model=BURSTY),
        parameters={"severity": LogUniform(low=0.1, high=1)},
    ),
    "random parameters of a random model": RandomizedModel(
        model=ScheduledModel(
            model=RandomizedModel(model=BURSTY, parameters={"p": OneOf(values=[0.1, 0.3])})
        ),
        parameters={"severity": (0.0, 0.5)},
    ),
    "the milder end of random parameters": RandomizedModel(
        model=DistanceModel(distance_threshold=1),
        parameters={"distance_threshold": Milder(Descending(Uniform(0.5, 2)), 0.5)},
    ),
}
NOISES = {
    "bits": BitFlipModel(bit_error_rate=0.001, corrupt_prob=0.1, agent_ids=PAIR),
    "constant lies": ByzantineModel(agent_ids=PAIR, attack=SendConstant(value=3)),
    "random lies": ByzantineModel(agent_ids=[1], attack=SendRandom(low=-1, high=1)),
    "the same random lies for all": ByzantineModel(
        agent_ids=[1], attack=SendRandom(low=-1, high=1, same_for_all=True)
    ),
    "lies by a function": ByzantineModel(agent_ids=PAIR, attack=invert, attack_rate=0.5),
    "noise by a function": CustomNoise(function=leave),
    "dropped entries": ElementDropoutModel(drop_prob=0.5, fill=-1),
    "normal noise": GaussianNoiseModel(standard_deviation=1e-9, mean=-2),
    "bits of levels": QuantizationModel(bits=3, low=-1, high=1, rounding="stochastic"),
    "stuck": StuckModel(stick_prob=0.1, release_prob=1.0, start="good"),
}
PRESETS = {
    "darpa_subt": darpa_subt(round_duration=0.1, message_bits=8000),
    "darpa_subt as simulated": darpa_subt(round_duration=0.1, message_bits=8000, as_simulated=True),
    "esp_now": esp_now(round_duration=0.1),
    "jepsen": jepsen("slow", "flaky", "halves", "pause", round_duration=0.1),
    "uav_80211": uav_80211(),
    "netem": netem(
        "delay 100ms 20ms loss gemodel 1% 10% rate 1mbit", round_duration=0.1, message_bits=8000
    ),
}
EXAMPLES = {entry.name: describe(entry.name).example for entry in built_in()}
ALL = {
    **{f"example of {name}": model for name, model in EXAMPLES.items()},
    **FAILURES,
    **NOISES,
    **{f"{name} {i}": each for name, given in PRESETS.items() for i, each in enumerate(given)},
}
