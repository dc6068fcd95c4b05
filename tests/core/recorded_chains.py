"""Chains of models whose deliveries are on record, and the functions that play and record them.

`python tests/core/recorded_chains.py` writes the record anew. The one that is kept was written at
commit 61d3415, when every link had a bandwidth, and what loss, delay and whole capacities delivered
then they are to deliver to the bit. What was to change is not in it: queues and fractions of a
message, outages of nodes with messages under way, and order or expiry in several models at once.
Batches of native draws in which an element restarts were recorded anew when such an element got
draws of its own.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mpe2 import simple_spread_v3

from failure_api import CommunicationWrapper, CommunicationWrapperParallel, ShareObservations
from failure_api.batched import BatchedChannel
from failure_api.catalogue import from_dict

RECORD = Path(__file__).with_name("recorded_deliveries.json")
SEED = 20
ROUNDS = 40
BATCH = 4
ENTRIES = 3
STEP = 0.25
DIGITS = 16
"""Digits of a hash that are kept: enough to tell any two apart."""

Plain = dict[str, Any]


class Case(NamedTuple):
    """A chain, who is linked by it, and how else than in the usual ways it is played.

    Attributes:
        models: The failure models, as plain data.
        noises: The noise models, as plain data.
        agents: Number of agents.
        also: "aec" for the wrapper of AEC environments, "native" for native streams, the names of
            libraries other than NumPy whose portable streams are to deliver the same.
        rough: Whether what is said is hashed in steps of `STEP`, because noise goes through
            logarithms and cosines, whose last bit differs from processor to processor.
    """

    models: Sequence[Plain]
    noises: Sequence[Plain] = ()
    agents: int = 3
    also: tuple[str, ...] = ()
    rough: bool = False


def failing(model, **parameters):
    """Returns a failure model as plain data."""
    return {"model": model, **parameters}


def corrupting(noise, **parameters):
    """Returns a noise model as plain data."""
    return {"noise": noise, **parameters}


def part(kind, **parameters):
    """Returns a part of a model as plain data."""
    return {"type": kind, **parameters}


def ids(agents):
    """Returns the names of a team."""
    return [f"agent_{number}" for number in range(agents)]


def table(least, most, agents=3, shift=0):
    """Returns seven values from one bound to the other, spread over the links of a team."""
    places = range(agents)
    step = (most - least) / 6
    return [[least + (3 * s + 5 * r + shift) % 7 * step for r in places] for s in places]


def topology(rounds, greatest, agents=3):
    """Returns matrices of whole capacities, one for each round."""
    places = range(agents)
    return [
        [[(2 * s + 3 * r + t) % (greatest + 1) for r in places] for s in places]
        for t in range(rounds)
    ]


def some_links(one, other):
    """Returns a mapping that names two links."""
    return {"links": [["agent_0", "agent_1", one], ["agent_2", "agent_0", other]]}


LOSS = failing("probabilistic", failure_prob=0.3)
LITTLE_LOSS = failing("probabilistic", failure_prob=0.1)
BURSTS = failing("gilbert_elliott", p=0.1, r=0.3)
FOUR_STATES = failing("four_state", p13=0.1, p31=0.3, p32=0.2, p23=0.5, p14=0.05)
DELAY = failing("delay_based", max_delay=3)
IN_ORDER = failing("delay_based", max_delay=4, delivery="fifo")
RANGE = failing("distance", distance_threshold=0.9)
TDMA = failing("shared_medium", protocol="tdma")
CRASHES = failing("node_failure", mode="crash", mean_time_to_failure=8, mean_time_to_repair=4)
HALVES = failing("partition", pattern="halves", switching=part("cut_on_schedule", start=9, stop=25))
RADIO: Plain = failing("signal_based", metres_per_unit=100.0, noise_floor=-92.0)
AT_TIMES = part("cut_at_random", mean_time_to_partition=6, mean_time_to_heal=5)
EARLY = part("cut_on_schedule", start=2, stop=7, period=11)
INTERFERENCE = part("raise_interference", transmit_power=10.0, metres_per_unit=100.0)
BLOCK = part("block_reception", radius=0.6)
FIXED = part("fixed_jammers", positions=[[0.2, 0.1], [-0.5, 0.6]])
MOVING = part(
    "moving_jammers",
    positions=[[0.0, 0.2]],
    velocity=[[0.09, -0.05]],
    bounds=[[-1.0, -1.0], [1.0, 1.0]],
)
TOURING = part("scheduled_jammers", positions=[[[0.3, 0.0]], [[-0.4, 0.5]], [[0.0, -0.7]]])
CARRIED = part("carried_jammers", agent_ids=["agent_1"])
PERIODIC = part("periodic_jamming", period=6, active_rounds=4, start=2)
AT_RANDOM = part("random_jamming", probability=0.6)
BURSTY = part("bursty_jamming", mean_on=5, mean_off=3)
TRACE = part(
    "trace",
    agent_ids=ids(3),
    bandwidth=[[[(s + 2 * r + t) % 4 > 0 for r in range(3)] for s in range(3)] for t in range(9)],
    delay=topology(9, 3),
    noise=topology(9, 1),
)
CONTACTS = part("trace", agent_ids=["a", "b", "c"], bandwidth=topology(30, 1))


def spread_delay(delay, **parameters):
    """Returns a model with a distribution of delays, of which seven rounds are the longest."""
    return failing("delay_based", max_delay=7, distribution=part(delay, **parameters))


def scheduled(model, **parameters):
    """Returns a model that acts at times."""
    return failing("scheduled", of=model, **parameters)


def randomized(model, **parameters):
    """Returns a model with parameters that are drawn in each episode."""
    return failing("randomized", of=model, parameters=parameters)


def partition(switching=AT_TIMES, **parameters):
    """Returns a model that cuts a team."""
    return failing("partition", switching=switching, **parameters)


def jamming(jammers, effect, pattern, **parameters):
    """Returns a model of jammers."""
    return failing("jamming", jammers=jammers, effect=effect, pattern=pattern, **parameters)


def shared(protocol, **parameters):
    """Returns a model of one channel for all."""
    return failing("shared_medium", protocol=part(protocol, **parameters))


def chained(*models, names):
    """Returns a chain of models that have names."""
    return failing("chain", models=list(models), names=names)


EVERY_LIBRARY = ("torch", "jax")

LOSSES = {
    "nothing": Case([]),
    "loss": Case([LOSS], also=("aec", "native", "torch")),
    "loss in a table": Case([failing("probabilistic", failure_prob=table(0.0, 0.9))]),
    "loss among two": Case([failing("probabilistic", failure_prob=0.6, agent_ids=ids(2))]),
    "bursts": Case([BURSTS], also=("native",)),
    "bursts with loss in both states": Case(
        [failing("gilbert_elliott", p=0.15, r=0.4, loss_good=0.05, loss_bad=0.8)]
    ),
    "bursts of 4 at a loss of 0.3, good at first": Case(
        [failing("gilbert_elliott", p=0.3 / 0.7 / 4, r=0.25, start="good")]
    ),
    "bursts in tables": Case(
        [failing("gilbert_elliott", p=table(0.0, 0.5, 5), r=table(0.1, 0.7, 5, 3))], agents=5
    ),
    "four states": Case([FOUR_STATES], agents=5),
    "four states, good at first": Case([failing("four_state", p13=0.3, start="good")]),
    "loss of some links, bursts of some and four states": Case(
        [
            failing("probabilistic", failure_prob=some_links(0.7, 0.4)),
            failing("gilbert_elliott", p=some_links(0.3, 0.6), r=some_links(0.4, 0.2)),
            FOUR_STATES,
        ]
    ),
}
DELAYS = {
    "delay": Case([DELAY], also=("aec", "native")),
    "delay and loss": Case(
        [
            failing(
                "delay_based", min_delay=2, max_delay=5, message_drop_probability=table(0.0, 0.6)
            ),
            LITTLE_LOSS,
        ]
    ),
    "the same delay for all": Case([failing("delay_based", min_delay=3, max_delay=3)]),
    "long delay": Case([failing("delay_based", min_delay=4, max_delay=19)]),
    "two delays": Case([DELAY, BURSTS, failing("delay_based", min_delay=1, max_delay=2)]),
    "uniform delay": Case(
        [failing("delay_based", distribution=part("uniform_delay", low=-2, high=3))]
    ),
    "constant delay": Case([spread_delay("constant_delay", rounds=2.5), LITTLE_LOSS]),
    "normal delay": Case([spread_delay("normal_delay", mean=3, standard_deviation=2)]),
    "geometric delay": Case([spread_delay("geometric_delay", mean=2.5)]),
    "Pareto delay": Case([spread_delay("pareto_delay", shape=1.2, scale=0.8)]),
    "observed delay": Case(
        [spread_delay("empirical_delay", delays=[0, 1, 6], probabilities=[0.3, 0.5, 0.2])]
    ),
    "in order": Case([IN_ORDER], also=("native", *EVERY_LIBRARY)),
    "in order, with losses": Case([LOSS, {**IN_ORDER, "message_drop_probability": 0.2}, BURSTS]),
    "in order, Pareto": Case(
        [{**spread_delay("pareto_delay", shape=1.2, scale=0.8), "delivery": "fifo"}, LITTLE_LOSS],
        agents=5,
    ),
    "in order among two": Case([{**IN_ORDER, "agent_ids": ids(2)}, FOUR_STATES]),
    "expiry": Case([failing("delay_based", max_delay=6, expiry=3)]),
    "expiry, geometric": Case(
        [
            failing("delay_based", distribution=part("geometric_delay", mean=2), expiry=4),
            LITTLE_LOSS,
        ]
    ),
}
WHERE_AND_WHOM = {
    "topology": Case([failing("matrix", matrix=topology(1, 2)[0])]),
    "topologies in turn": Case([failing("matrix", matrix=topology(7, 3)), DELAY]),
    "topologies, the last one kept": Case(
        [failing("matrix", matrix=topology(15, 1, 5), at_end="hold"), LITTLE_LOSS], agents=5
    ),
    "one isolated, one way": Case(
        [partition(EARLY, pattern="isolate", one_way=True), DELAY], agents=5
    ),
    "bridge, shuffled": Case([partition(EARLY, pattern="bridge", shuffle=True)], agents=5),
    "ring of majorities, shuffled": Case(
        [partition(pattern="majorities_ring", shuffle=True), IN_ORDER], agents=5
    ),
    "ring of majorities among four": Case(
        [partition("always_cut", pattern="majorities_ring", one_way=True, agent_ids=ids(4))],
        agents=5,
    ),
    "a minority, whole at first": Case(
        [partition({**AT_TIMES, "start": "whole"}, pattern="minority_third"), BURSTS], agents=5
    ),
    "groups": Case([partition(groups=[ids(2), ["agent_2"]], one_way=True)]),
    "groups, shuffled without a pause": Case(
        [partition(part("cut_on_schedule", period=4), groups=[ids(1), ["agent_2"]], shuffle=True)]
    ),
    "range in a table": Case(
        [failing("distance", distance_threshold=table(0.3, 1.8, 5), failure_prob=0.1)], agents=5
    ),
    "range, partition, bursts and delay": Case([RANGE, HALVES, BURSTS, DELAY], also=("native",)),
    "radio, Friis": Case([{**RADIO, "path_loss": part("friis", frequency=6e10)}]),
    "radio, Rayleigh": Case([{**RADIO, "fading": "rayleigh"}], also=("native",)),
    "radio, Rician and logistic": Case(
        [
            {
                **RADIO,
                "fading": part("rician", k_factor=3, reciprocal=False),
                "reception": part("logistic_reception", midpoint=5, slope=0.6, sensitivity=-95),
            },
            DELAY,
        ],
        agents=5,
    ),
    "radio, Nakagami and packets": Case(
        [
            {
                **RADIO,
                "transmit_power": table(-17.0, 1.0),
                "path_loss": part("two_ray_ground", frequency=9e8, height=2),
                "fading": part("nakagami", shape_parameter=2),
                "reception": part("packet_error", modulation="qpsk", message_bits=200),
            }
        ]
    ),
    "jammers that stay": Case([jamming(FIXED, BLOCK, "constant_jamming")]),
    "jammers that move": Case([jamming(MOVING, BLOCK, PERIODIC, budget=15), LITTLE_LOSS, DELAY]),
    "jammers on a tour": Case([jamming(TOURING, BLOCK, AT_RANDOM), IN_ORDER]),
    "jammers on board": Case([jamming(CARRIED, BLOCK, BURSTY, agent_ids=ids(4))], agents=5),
    "interference on the move": Case(
        [
            jamming(MOVING, {**INTERFERENCE, "fading": part("rician", k_factor=2)}, BURSTY),
            BURSTS,
            {**RADIO, "fading": "rayleigh"},
            DELAY,
        ]
    ),
    "interference twice": Case(
        [
            jamming(CARRIED, INTERFERENCE, PERIODIC),
            jamming(FIXED, INTERFERENCE, AT_RANDOM),
            RADIO,
        ]
    ),
}
NODES_AND_MEDIA = {
    "crashes": Case([CRASHES], agents=5),
    "mute": Case(
        [
            failing(
                "node_failure",
                mode="mute",
                mean_time_to_failure=[6, 9, 12],
                mean_time_to_repair={"agents": [["agent_0", 3], ["agent_1", 5]]},
                start="up",
            ),
            LOSS,
        ]
    ),
    "crashes on a schedule": Case(
        [
            failing(
                "node_failure",
                mode="crash",
                schedule={"agent_0": [[3, 9], [20, 24]], "agent_2": [[30, None]]},
            ),
            BURSTS,
        ]
    ),
    "crashes, range, partition and loss": Case([CRASHES, RANGE, HALVES, LITTLE_LOSS], agents=5),
    "TDMA among three": Case(
        [{**shared("tdma", slots_per_round=2), "agent_ids": ids(3)}, LITTLE_LOSS, DELAY], agents=5
    ),
    "ALOHA": Case([shared("slotted_aloha", transmit_prob=0.4), IN_ORDER], also=("native",)),
    "some at random": Case([shared("top_k", count=2), BURSTS], agents=5),
    "some by age": Case([shared("top_k", count=2, by="age"), LOSS, IN_ORDER], agents=5),
    "some by priority": Case(
        [
            shared(
                "top_k",
                count=2,
                by="priority",
                priorities={"agents": [["agent_3", 2.0], ["agent_4", 1.0], ["agent_0", 1.0]]},
            )
        ],
        agents=5,
    ),
}
NESTED = {
    "loss on a schedule": Case([scheduled(LOSS, start=3, stop=9, period=12)]),
    "bursts that rise": Case([scheduled(BURSTS, start=5, ramp=20, severity=0.9), DELAY]),
    "severity of some links": Case([scheduled(LOSS, severity=some_links(1.0, 0.5))]),
    "a chain on a schedule": Case(
        [scheduled(chained(BURSTS, DELAY, names=["burst", None]), start=4, stop=30), LITTLE_LOSS]
    ),
    "delay at times": Case(
        [scheduled(failing("delay_based", min_delay=1, max_delay=4), severity=0.6)]
    ),
    "in order from a round on": Case([scheduled(IN_ORDER, start=12)]),
    "random loss": Case([randomized(LOSS, failure_prob=[0.1, 0.8])], also=("aec", "native")),
    "random bursts": Case(
        [
            randomized(
                BURSTS,
                p=part("log_uniform", low=0.05, high=0.5),
                r=part("descending", distribution=part("one_of", values=[0.2, 0.4, 0.9])),
            ),
            DELAY,
        ]
    ),
    "random loss in order": Case([randomized(IN_ORDER, message_drop_probability=[0.0, 0.6])]),
    "random severity": Case([randomized(scheduled(LOSS, period=8, stop=5), severity=[0.2, 1.0])]),
    "random loss on a schedule": Case(
        [scheduled(randomized(LOSS, failure_prob=[0.4, 1.0]), start=6, period=10), IN_ORDER]
    ),
    "names": Case([chained(LOSS, DELAY, LOSS, names=["near", None, "far"])]),
}
CARRIED_WHOLE = {
    "trace": Case([failing("trace", trace=TRACE)], also=("native",), rough=True),
    "trace, renamed and kept": Case(
        [
            failing(
                "trace",
                trace=CONTACTS,
                at_end="hold",
                start_round=4,
                rename=dict(zip("abc", ids(3), strict=True)),
            ),
            IN_ORDER,
        ]
    ),
    "trace, down at its end": Case(
        [
            failing("trace", trace={**TRACE, "bandwidth": topology(9, 2)}, at_end="down"),
            LITTLE_LOSS,
        ],
        rough=True,
    ),
    "capacity": Case([failing("bandwidth", capacity=1)]),
    "capacity in a table": Case(
        [LITTLE_LOSS, failing("bandwidth", capacity=table(1.0, 4.0)), DELAY]
    ),
    "capacity of some links": Case([failing("bandwidth", capacity=some_links(1, 2)), BURSTS]),
}
CORRUPTED = {
    "Gaussian noise": Case(
        [LOSS, DELAY],
        [corrupting("gaussian_noise", standard_deviation=0.2, mean=0.1)],
        rough=True,
    ),
    "Laplacian noise": Case([IN_ORDER], [corrupting("laplacian_noise", scale=0.3)], rough=True),
    "uniform noise of one": Case(
        [BURSTS], [corrupting("uniform_noise", low=-0.3, high=0.5, agent_ids=["agent_1"])]
    ),
    "bits flipped": Case(
        [LOSS], [corrupting("bit_flip", bit_error_rate=0.004, corrupt_prob=0.2)], also=("native",)
    ),
    "levels and gaps": Case(
        [failing("trace", trace=TRACE)],
        [
            corrupting("quantization", levels=8, low=-1.0, high=1.0, rounding="stochastic"),
            corrupting("element_dropout", drop_prob=0.2, fill=0.5),
        ],
        rough=True,
    ),
    "stuck and lying": Case(
        [TDMA, LITTLE_LOSS],
        [
            corrupting("stuck", stick_prob=0.2, release_prob=0.3),
            corrupting("byzantine", agent_ids=["agent_0"], attack="flip_sign", attack_rate=0.6),
        ],
        also=("aec",),
    ),
    "all that lies": Case(
        [HALVES, DELAY],
        [
            corrupting(
                "byzantine",
                agent_ids=["agent_1"],
                attack=part("send_random", low=-1, high=1),
                attack_rate=0.5,
            ),
            corrupting("byzantine", agent_ids=["agent_2"], attack=part("send_constant", value=2)),
        ],
    ),
}
CASES: dict[str, Case] = {
    **LOSSES,
    **DELAYS,
    **WHERE_AND_WHOM,
    **NODES_AND_MEDIA,
    **NESTED,
    **CARRIED_WHOLE,
    **CORRUPTED,
}
EXCHANGES: dict[str, Any] = {
    "default": None,
    "shared": ShareObservations(form="flat", missing="hold"),
}


def recorded(case):
    """Returns the hashes of all that a case delivers."""
    found = {f"parallel, {name}": in_parallel(case, given) for name, given in EXCHANGES.items()}
    found["portable"] = in_a_batch(case, "portable")
    if "native" in case.also:
        found["native"] = in_a_batch(case, "native")
    if "aec" in case.also:
        found["aec, default"] = in_turns(case)
    return found


def hashes(said, rough, **arrays):
    """Returns a hash of each kind of array, over all rounds, with its type and shape.

    Args:
        said: Which kind holds what is said.
        rough: Whether that is hashed in steps.
        arrays: The arrays of each round, by kind.
    """
    whole = {kind: np.stack([np.asarray(one) for one in each]) for kind, each in arrays.items()}
    if rough:
        whole[said] = np.rint(whole[said] / STEP).astype(np.int32)
    return {kind: _hash(array) for kind, array in whole.items()}


def in_parallel(case, exchange):
    """Returns what two episodes of a Parallel environment deliver and show."""
    below = simple_spread_v3.parallel_env(N=case.agents, max_cycles=ROUNDS + 1)
    env = CommunicationWrapperParallel(below, **_models(case), exchange=exchange)
    seen = _Seen(env)
    for episode, chosen in enumerate(_actions(case.agents)):
        observations, _ = env.reset(seed=None if episode else SEED)
        seen.look(observations.__getitem__)
        for actions in chosen[1:]:
            observations, *_ = env.step(dict(zip(env.agents, actions, strict=True)))
            seen.look(observations.__getitem__)
    return seen.hashes(case.rough)


def in_turns(case):
    """Returns the same of an AEC environment."""
    below = simple_spread_v3.env(N=case.agents, max_cycles=ROUNDS + 1)
    env = CommunicationWrapper(below, **_models(case))
    seen = _Seen(env)
    for episode, chosen in enumerate(_actions(case.agents)):
        env.reset(seed=None if episode else SEED)
        seen.look(env.observe)
        for actions in chosen[1:]:
            for action in actions:
                env.step(action)
            seen.look(env.observe)
    return seen.hashes(case.rough)


def in_a_batch(case, streams, library="numpy"):
    """Returns what a batch of teams is delivered, of which some begin anew halfway."""
    channel = BatchedChannel(
        **_models(case), agent_ids=ids(case.agents), missing="hold", streams=streams
    )
    convert = _converter(library)
    done = convert(np.arange(BATCH) % 2 == 0)
    init, step, reset_where = partial(channel.init, SEED), channel.step, channel.reset_where
    if library == "jax":
        init, step, reset_where = map(importlib.import_module("jax").jit, (init, step, reset_where))
    state, sent, newest, content = None, [], [], []
    for number, arrays in enumerate(zip(*_script(case.agents), strict=True)):
        payloads, places = map(convert, arrays)
        if number == 0:
            state = init(payloads, positions=places)
        if number == ROUNDS // 2:
            state = reset_where(state, done, positions=places)
        state, received = step(state, payloads, positions=places)
        sent.append(received.delivery.sent)
        newest.append(received.delivery.newest)
        content.append(received.content)
    return hashes("content", case.rough, sent=sent, newest=newest, content=content)


class _Seen:
    """Keeps what a wrapper delivers and shows in each round."""

    def __init__(self, env):
        self._env = env
        self._arrived: list[Any] = []
        self._ages: list[Any] = []
        self._observations: list[Any] = []

    def look(self, observe):
        self._arrived.append(self._env.get_communication_state())
        self._ages.append(self._env.message_age)
        self._observations.append(np.stack([observe(agent) for agent in self._env.agents]))

    def hashes(self, rough):
        return hashes(
            "observations",
            rough,
            arrived=self._arrived,
            ages=self._ages,
            observations=self._observations,
        )


def _models(case):
    return from_dict({"failure_models": case.models, "noise_models": case.noises})


def _actions(agents):
    """Returns what agents do, `[episode, round, agent]`; the first round has no use for it."""
    return np.random.default_rng(SEED).integers(0, 5, (2, ROUNDS, agents))


def _script(agents):
    """Returns what the agents of a batch say, and where they walk."""
    generator = np.random.default_rng(SEED)
    payloads = generator.random((ROUNDS, BATCH, agents, ENTRIES)) * 2 - 1
    start = generator.random((BATCH, agents, 2)) * 1.6 - 0.8
    steps = generator.random((ROUNDS, BATCH, agents, 2)) * 0.2 - 0.1
    return payloads.astype(np.float32), (start + np.cumsum(steps, axis=0)).astype(np.float32)


def _converter(library):
    if library == "torch":
        return importlib.import_module("torch").tensor
    return np.asarray if library == "numpy" else importlib.import_module("jax.numpy").asarray


def _hash(array):
    whole = f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    return hashlib.sha256(whole).hexdigest()[:DIGITS]


def main():
    """Writes the record."""
    record = {name: recorded(case) for name, case in CASES.items()}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
