"""Models of every class and with every part, for a team of five on a plane."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from failure_api.communication_models import (
    BandwidthModel,
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
    MovingJammers,
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
    PacketError,
    Rayleigh,
    Rician,
    SnrThreshold,
    SubtPacketError,
    TwoRayGround,
)
from failure_api.communication_models.randomized import LogUniform, OneOf
from failure_api.communication_models.shared_medium import TDMA, SlottedAloha, TopK
from failure_api.core import Chain, CommunicationModel
from failure_api.traces import Trace

AGENTS = 5
IDS = tuple(f"agent_{place}" for place in range(AGENTS))
PAIR = (IDS[0], IDS[3])
GENERATOR = np.random.default_rng(0)
TABLE = GENERATOR.random((AGENTS, AGENTS)).round(2)
SCHEDULE = (GENERATOR.random((4, AGENTS, AGENTS)) * 2).round(1) / 2
TRACE = Trace(
    agent_ids=IDS,
    lost=GENERATOR.random(SCHEDULE.shape) < 0.2,
    capacity=SCHEDULE,
    delay=GENERATOR.integers(0, 3, SCHEDULE.shape),
    noise=GENERATOR.random(SCHEDULE.shape),
    round_duration=0.1,
)


def slow(uniform):
    """Delays of up to three rounds."""
    return 3 * uniform


BURSTY = GilbertElliottModel(p=0.2, r=0.4)
RADIO = {
    "path_loss": LogDistance(exponent=3.0, reference_loss=90.0),
    "noise_floor": -94.0,
}
SINGLE: dict[str, CommunicationModel] = {
    "loss": ProbabilisticModel(failure_prob=0.4),
    "loss in a table": ProbabilisticModel(failure_prob=TABLE, max_bandwidth=0.5),
    "loss of a pair": ProbabilisticModel(failure_prob={PAIR: 0.9}, agent_ids=PAIR),
    "bursts": BURSTY,
    "bursts in a table": GilbertElliottModel(p=TABLE, r=0.5, loss_good=0.1, loss_bad=0.9),
    "four states": FourStateModel(p13=0.2, p31=0.4, p32=0.2, p23=0.5, p14=0.05),
    "capacity": BandwidthModel(capacity=0.4, queue_length=2),
    "capacity, newest first": BandwidthModel(capacity=TABLE, per="sender", drop="newest_first"),
    "rate of senders": RateLimitModel(messages=7, window=3),
    "rate of both ends": RateLimitModel(messages=[5, 9, 2, 7, 8], window=4, count="both"),
    "range": DistanceModel(distance_threshold=0.5, failure_prob=0.1),
    "range, linear": DistanceModel(distance_threshold=1.0, falloff="linear"),
    "delay": DelayBasedModel(min_delay=0, max_delay=3, message_drop_probability=TABLE),
    "delay in order": DelayBasedModel(min_delay=0, max_delay=3, delivery="fifo"),
    "uniform delay": DelayBasedModel(distribution=UniformDelay(low=-1.5, high=2.5)),
    "constant delay": DelayBasedModel(distribution=ConstantDelay(rounds=2)),
    "normal delay": DelayBasedModel(
        max_delay=4, distribution=NormalDelay(mean=2, standard_deviation=1), delivery="fifo"
    ),
    "geometric delay": DelayBasedModel(distribution=GeometricDelay(mean=2), expiry=3),
    "Pareto delay": DelayBasedModel(max_delay=4, distribution=ParetoDelay(shape=1.5, scale=1)),
    "observed delay": DelayBasedModel(distribution=EmpiricalDelay(delays=[0, 1, 4])),
    "delay by a function": DelayBasedModel(max_delay=3, distribution=slow),
    "matrix": MatrixModel(matrix=TABLE),
    "matrices, repeated": MatrixModel(matrix=SCHEDULE),
    "matrices, held": MatrixModel(matrix=SCHEDULE, at_end="hold"),
    "netem": NetemModel(loss=BURSTY, delay=2, jitter=1.5, transmission=1.25, limit=4),
    "netem without a rate": NetemModel(delay=2, jitter=2, reorder=0.2, limit=2),
    "nodes": NodeFailureModel(mode="crash", mean_time_to_failure=4, mean_time_to_repair=3),
    "nodes on schedule": NodeFailureModel(
        mode="mute", schedule={IDS[0]: [(0, 3), (5, None)], IDS[2]: [(2, 4)]}
    ),
    "nodes together": NodeFailureModel(
        mode="crash", mean_time_to_failure=3, mean_time_to_repair=2, together=["one", "some"]
    ),
    "partition": PartitionModel(
        groups=[IDS[:2], IDS[2:]],
        switching=CutAtRandom(mean_time_to_partition=3, mean_time_to_heal=3),
    ),
    "partition, shuffled": PartitionModel(
        pattern="bridge", shuffle=True, switching=CutOnSchedule(start=1, stop=3, period=4)
    ),
    "partition in a ring": PartitionModel(
        pattern="majorities_ring",
        shuffle=True,
        one_way=True,
        switching=CutAtRandom(mean_time_to_partition=2, mean_time_to_heal=3),
    ),
    "isolated": PartitionModel(pattern="isolate"),
    "ALOHA": SharedMediumModel(protocol=SlottedAloha(transmit_prob=0.3)),
    "TDMA": SharedMediumModel(protocol=TDMA(slots_per_round=2)),
    "top k at random": SharedMediumModel(protocol=TopK(count=2)),
    "top k by age": SharedMediumModel(protocol=TopK(count=2, by="age"), agent_ids=IDS[:4]),
    "top k by priority": SharedMediumModel(
        protocol=TopK(count=2, by="priority", priorities={IDS[0]: 2.0, IDS[1]: 1.0})
    ),
    "jammers on a period": JammingModel(
        jammers=FixedJammers(positions=[[0, 0], [1, 1]]),
        effect=BlockReception(radius=0.5),
        pattern=PeriodicJamming(period=4, active_rounds=2, start=1),
        detection=Detection(radius=1.0, probability=0.7),
        budget=5,
    ),
    "moving jammers": JammingModel(
        jammers=MovingJammers(
            positions=[[0.0, 0.0]], velocity=[[0.3, 0.2]], bounds=[[-1, -1], [1, 1]]
        ),
        effect=BlockReception(radius=0.6),
        pattern=RandomJamming(probability=0.6),
    ),
    "carried jammers": JammingModel(
        jammers=CarriedJammers(agent_ids=PAIR),
        effect=BlockReception(radius=0.5),
        pattern=BurstyJamming(mean_on=3, mean_off=3),
    ),
    "radio": SignalBasedModel(**RADIO, fading=Rayleigh()),
    "radio, logistic": SignalBasedModel(
        **RADIO,
        fading=Nakagami(shape_parameter=2),
        reception=LogisticReception(midpoint=3.0, sensitivity=-95),
    ),
    "radio, packets": SignalBasedModel(
        path_loss=TwoRayGround(frequency=9e8, height=2),
        transmit_power=-50.0,
        shadowing=LogNormalShadowing(standard_deviation=4, decorrelation_distance=10),
        noise_floor=-94.0,
        reception=PacketError(modulation="qpsk", message_bits=200),
    ),
    "radio of the SubT simulator": SignalBasedModel(
        path_loss=LogDistance(exponent=2.5, reference_loss=110.0),
        shadowing=IndependentShadowing(standard_deviation=3.0),
        noise_floor=-90.0,
        reception=SubtPacketError(message_bits=800),
    ),
    "trace": TraceModel(trace=TRACE, at_end="down", start_round=1),
    "trace, repeated": TraceModel(trace=TRACE),
    "schedule": ScheduledModel(model=BURSTY, start=1, stop=4, period=5, severity=0.7),
    "schedule of delay": ScheduledModel(
        model=DelayBasedModel(min_delay=1, max_delay=3), start=2, ramp=3
    ),
    "random parameters": RandomizedModel(
        model=ScheduledModel(model=ProbabilisticModel(failure_prob=0.8)),
        parameters={"severity": LogUniform(low=0.1, high=1)},
    ),
    "random bursts": RandomizedModel(
        model=BURSTY, parameters={"p": OneOf(values=[0.1, 0.3]), "r": (0.2, 0.6)}
    ),
    "random capacity": RandomizedModel(
        model=BandwidthModel(capacity=1.0, queue_length=3, max_wait=6),
        parameters={"capacity": (0.2, 0.8)},
    ),
}
INTERFERENCE = [
    JammingModel(
        jammers=ScheduledJammers(positions=[[[0.0, 0.0]], [[1.0, 0.0]]]),
        effect=RaiseInterference(
            path_loss=Friis(frequency=2.4e9), fading=Rician(k_factor=3), transmit_power=10
        ),
    ),
    SignalBasedModel(**RADIO, reception=SnrThreshold(threshold=2.0)),
]
CHAINS: dict[str, list[CommunicationModel]] = {
    "nothing": [],
    "interference": INTERFERENCE,
    "bursts, delay and range": [SINGLE["bursts"], SINGLE["delay"], SINGLE["range"]],
    "two of a kind": [SINGLE["loss"], SINGLE["delay"], SINGLE["loss"], SINGLE["delay in order"]],
    "chain of a chain": [Chain(models=[BURSTY, ScheduledModel(model=Chain(models=[BURSTY]))])],
}
EVERY = {**{name: [model] for name, model in SINGLE.items()}, **CHAINS}

chains = st.lists(st.sampled_from(list(SINGLE.values())), min_size=1, max_size=4)
"""Chains of any models, in any order."""
