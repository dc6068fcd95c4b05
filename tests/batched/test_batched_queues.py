"""What waits and what takes long, over batches: as in the wrappers, in every library."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batched_models import AGENTS, IDS
from batched_play import CONVERT
from gymnasium import spaces
from mpe2 import simple_spread_v3

from environments_under_test import Plain
from failure_api import CommunicationWrapperParallel, MaskSegments, ShareObservations
from failure_api.batched import BatchedChannel, bind
from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    ProbabilisticModel,
    ScheduledModel,
    TraceModel,
)
from failure_api.environments.segments import known_segments
from failure_api.traces import Trace

ROUNDS = 120
LIBRARIES = ("numpy", "torch", "jax", "array_api_strict")
CASES = {
    "a queue of 3": (3, 0, "tail", None),
    "a queue of 40": (40, 0, "tail", None),
    "newest first": (40, 0, "newest_first", None),
    "a longest wait": (40, 3, "tail", 9),
    "delays of 40": (None, 40, None, None),
    "a queue of 3 and delays of 3": (3, 3, "tail", None),
    "a queue of 3 and delays of 40": (3, 40, "tail", None),
    "a queue of 40 and delays of 40": (40, 40, "tail", None),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
FEW = ("newest first", "delays of 40", "a queue of 40 and delays of 40")
"""Cases that JAX compiles too, which takes its time, where all are tried on the others."""
on_every_library = pytest.mark.parametrize(
    ("library", "case"),
    [
        *((library, case) for library in ("numpy", "torch") for case in CASES.values()),
        *(("jax", CASES[name]) for name in FEW),
    ],
    ids=[*(f"{library}, {name}" for library in ("numpy", "torch") for name in CASES), *FEW],
)
either = pytest.mark.parametrize("missing", ["zero", "hold"])


def models_of(case, ids, seed=0):
    """Returns models that draw nothing, so that they do the same wherever they run."""
    length, longest, drop, max_wait = case
    random = np.random.default_rng(seed)
    agents = len(ids)
    shape = (ROUNDS, agents, agents)
    trace = Trace(
        agent_ids=ids,
        lost=random.random(shape) < 0.2,
        delay=random.integers(0, longest + 1, shape),
    )
    if length is None:
        return [TraceModel(trace=trace)]
    queue = {"queue_length": length, "drop": drop, "max_wait": max_wait}
    capacity = random.choice([0.1, 0.35, 0.6, 0.9, 1.0, 2.5], (agents, agents))
    stopped = BandwidthModel(capacity=0.0, **queue)
    return [
        # Before the queue, so that some never enter it.
        ScheduledModel(model=ProbabilisticModel(failure_prob=1.0), start=4, stop=6, period=11),
        ScheduledModel(model=stopped, start=10, stop=30, period=60),
        BandwidthModel(capacity=capacity, **queue),
        TraceModel(trace=trace),
    ]


class Heard(NamedTuple):
    """What an episode brought, `[T, ...]`."""

    content: Any
    flags: Any
    ages: Any
    sent: Any


class Episode(NamedTuple):
    """What was said by whom, and what a wrapper made of it."""

    said: Any
    alive: Any
    heard: Heard


def in_the_wrapper(models, missing):
    """Plays an environment in which an agent dies."""
    box = spaces.Box(-1, 1, (3,))
    bare = Plain(dict.fromkeys(IDS, box), lengths={IDS[1]: 70}, max_cycles=ROUNDS - 1)
    env = CommunicationWrapperParallel(bare, models, exchange=ShareObservations(missing=missing))
    alive: list[Any] = []
    env._rounds.watchers.append(lambda context, delivery: alive.append(context.alive))
    said, content, flags, ages, sent = [], [], [], [], []
    views, _ = env.reset(seed=1)
    for number in range(ROUNDS):
        views = env.step(dict.fromkeys(env.agents, 0))[0] if number else views
        said.append([bare.content(agent, number) for agent in IDS])
        nothing = np.full((AGENTS, 3), np.nan, np.float32)
        content.append([[*views[agent].values()] if agent in views else nothing for agent in IDS])
        flags.append(env.get_communication_state().T)
        ages.append(env.message_age.T)
        sent.append(env._rounds.delivery.sent)
    heard = Heard(*map(np.array, (content, flags, ages, sent)))
    return Episode(np.array(said), np.array(alive), heard)


def in_a_batch(library, models, missing, said, alive, batch=1):
    """Plays the same over a batch of such teams, compiled where that is possible."""
    convert = CONVERT[library]
    channel = BatchedChannel(failure_models=models, agent_ids=IDS, missing=missing)
    step = channel.step

    def compiled(state, payloads, alive):
        return step(state, payloads, alive=alive)

    once = jax.jit(compiled) if library == "jax" else compiled
    state, found = None, []
    for number in range(len(said)):
        payloads, living = (
            convert(np.repeat(each[number][None], batch, axis=0)) for each in (said, alive)
        )
        state = channel.init(0, payloads, alive=living) if state is None else state
        state, received = once(state, payloads, living)
        arrays = received.content, received.flags, received.ages, received.delivery.sent
        found.append([np.asarray(array) for array in arrays])
    return Heard(*(np.stack(arrays) for arrays in zip(*found, strict=True)))


@pytest.mark.sampled(1)
@every_case
@either
def test_all_libraries_bring_what_the_wrapper_brings(case, missing):
    models = models_of(case, IDS)
    said, alive, expected = in_the_wrapper(models, missing)
    apart = ~np.eye(AGENTS, dtype=bool)
    living = np.isfinite(expected.content).all(axis=(2, 3))
    assert not alive[:, 1].all()
    assert expected.ages.max() > (case[1] or 3)
    for library in LIBRARIES:
        found = in_a_batch(library, models, missing, said, alive)
        for name in ("flags", "ages", "sent"):
            one, other = getattr(found, name)[:, 0], getattr(expected, name)
            if name == "sent":
                one, other = one[:, apart], other[:, apart]
            np.testing.assert_array_equal(one, other, err_msg=f"{library} {name}")
        ours, theirs = found.content[:, 0][living], expected.content[living]
        # What an agent knows of itself needs no link, and stands in its view.
        elsewhere = np.broadcast_to(apart, (len(said), AGENTS, AGENTS))[living]
        np.testing.assert_array_equal(ours[elsewhere], theirs[elsewhere], err_msg=library)


@pytest.mark.sampled(1)
@on_every_library
def test_views_are_those_of_the_wrapper(case, library):
    env = simple_spread_v3.parallel_env(max_cycles=60)
    ids = tuple(env.possible_agents)
    models = models_of(case, ids)
    for exchange in (
        MaskSegments(missing="hold", report_age=True),
        ShareObservations(form="flat", missing="zero"),
    ):
        wrapped = CommunicationWrapperParallel(
            simple_spread_v3.parallel_env(max_cycles=60), models, exchange=exchange
        )
        boxes = [env.observation_space(agent) for agent in ids]
        bound = bind(
            exchange,
            agent_ids=ids,
            lows=[box.low for box in boxes],
            highs=[box.high for box in boxes],
            segments=known_segments(env),
        )
        channel = bound.channel(models)
        step = jax.jit(channel.step) if library == "jax" else channel.step
        inner, outer = env.reset(seed=4)[0], wrapped.reset(seed=4)[0]
        state = None
        for _ in range(59):
            row = bound.row(tuple(CONVERT[library](np.array(inner[a])[None]) for a in ids))
            payloads = bound.payloads(row)
            state = channel.init(0, payloads) if state is None else state
            state, received = step(state, payloads)
            for agent, view in zip(ids, bound.views(row, received), strict=True):
                np.testing.assert_array_equal(np.asarray(view)[0], outer[agent])
            actions = {agent: env.action_space(agent).n - 1 for agent in ids}
            inner, outer = env.step(actions)[0], wrapped.step(actions)[0]


@pytest.mark.sampled(2)
@on_every_library
@either
def test_a_restarted_element_has_nothing_waiting_and_the_others_notice_nothing(
    case, missing, library
):
    models, batch, restart = models_of(case, IDS), 4, 47
    payloads = np.random.default_rng(5).random((ROUNDS, batch, AGENTS, 2)).astype(np.float32)
    convert = CONVERT[library]
    channel = BatchedChannel(failure_models=models, agent_ids=IDS, missing=missing)
    step, reset = channel.step, channel.reset_where
    if library == "jax":
        step, reset = jax.jit(step), jax.jit(reset)
    done = np.array([False, True, False, True])

    def play(rounds, begins):
        state, seen = channel.init(0, convert(payloads[0])), []
        for number in rounds:
            if number == restart and begins:
                state = reset(state, convert(done))
            state, received = step(state, convert(payloads[number]))
            seen.append([np.asarray(each) for each in (received.content, received.ages)])
        return seen

    through, restarted = play(range(ROUNDS), False), play(range(ROUNDS), True)
    fresh = play(range(restart, ROUNDS), False)
    for number in range(ROUNDS):
        for whole, parts in zip(through[number], restarted[number], strict=True):
            np.testing.assert_array_equal(parts[~done], whole[~done])
    for number in range(restart, ROUNDS):
        for new, parts in zip(fresh[number - restart], restarted[number], strict=True):
            np.testing.assert_array_equal(parts[done], new[done])


WIDE = 64
"""Entries of a message, so that what waits is kept in rings that are written to in place."""
GRADIENTS = {
    name: case for name, case in CASES.items() if name not in ("newest first", "a longest wait")
}


def run(channel, payloads, weights):
    """Returns a weighted sum of all that is received, and when each of it was made."""
    state, total, sent = channel.init(4, payloads[0]), 0.0, []
    for number in range(len(payloads)):
        state, received = channel.step(state, payloads[number])
        total = total + (received.content.sum(-1) * weights[number]).sum()
        sent.append(received.delivery.newest.mT)
    return total, sent


def expected_gradient(newest, missing, weights):
    """Returns the gradient for what each sender says in each round, `[T, sender]`."""
    gradient = np.zeros((len(newest), AGENTS))
    before = np.full(newest.shape[1:], -1)
    for number, now in enumerate(newest):
        for receiver, sender in np.argwhere(now >= 0):
            if missing == "hold" or now[receiver, sender] > before[receiver, sender]:
                gradient[now[receiver, sender], sender] += weights[number, receiver, sender]
        before = now
    return gradient


@pytest.mark.sampled(1)
@pytest.mark.parametrize("case", GRADIENTS.values(), ids=GRADIENTS.keys())
@either
@pytest.mark.parametrize("width", [1, WIDE])
def test_gradients_flow_through_what_waits_and_comes_late(case, missing, width):
    rounds = 75
    channel = BatchedChannel(
        failure_models=models_of(case, IDS), agent_ids=IDS, missing=missing, streams="portable"
    )
    weights = np.random.default_rng(0).random((rounds, AGENTS, AGENTS)).astype(np.float32)
    said = np.random.default_rng(1).random((rounds, AGENTS, width)).astype(np.float32)
    payloads = torch.tensor(said, requires_grad=True)
    total, newest = run(channel, payloads, torch.tensor(weights))
    total.backward()
    newest = np.stack([array.numpy() for array in newest])
    expected = np.repeat(expected_gradient(newest, missing, weights)[..., None], width, axis=-1)
    late = np.arange(rounds)[:, None, None] - newest > 2
    assert (late & (newest >= 0)).any(), "nothing came late"
    np.testing.assert_allclose(payloads.grad, expected, rtol=1e-4, atol=1e-6)
    if width > 1:
        return

    def score(payloads):
        def one(state, now):
            state, received = channel.step(state, now[0])
            return state, (received.content.sum(-1) * now[1]).sum()

        state = channel.init(4, payloads[0])
        return jax.lax.scan(one, state, (payloads, jnp.asarray(weights)))[1].sum()

    found = jax.jit(jax.grad(score))(jnp.asarray(said))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_what_is_said_in_a_buffer_that_is_used_again_waits_as_it_was(library):
    channel = BatchedChannel(
        failure_models=BandwidthModel(capacity=0.5, queue_length=40), agent_ids=("a", "b")
    )
    buffer = CONVERT[library](np.zeros((2, 1), dtype=np.float32))
    state, heard = channel.init(0, buffer), []
    for number in range(20):
        buffer[...] = number + 1
        state, received = channel.step(state, buffer)
        heard.append(float(received.content[0, 1, 0]))
    assert heard == [0 if number % 2 == 0 else number // 2 + 1 for number in range(20)]


def test_what_waits_and_comes_late_has_its_limit_of_memory():
    many = BatchedChannel(
        failure_models=BandwidthModel(capacity=0.5, queue_length=1000), agent_ids=range(50)
    )
    with pytest.raises(ValueError, match="within 1 GiB, but queues of 1000 messages among 50"):
        many.init(0, np.zeros((4, 50, 32), np.float32))
    late = BatchedChannel(
        failure_models=DelayBasedModel(min_delay=0, max_delay=10_000), agent_ids=range(99)
    )
    with pytest.raises(ValueError, match="delays of up to 10000 rounds among 99 agents take"):
        late.init(0, np.zeros((4, 99, 1), np.float32))
