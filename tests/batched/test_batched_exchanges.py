"""Exchanges over batches show what the same exchanges show in PettingZoo."""

from __future__ import annotations

import numpy as np
import pytest
from batched_play import CONVERT
from gymnasium.spaces import Discrete
from mpe2 import simple_spread_v3, simple_tag_v3, simple_world_comm_v3

from failure_api import (
    CommunicationWrapperParallel,
    MaskSegments,
    SendMessages,
    ShareObservations,
)
from failure_api.batched import bind
from failure_api.communication_models import TraceModel
from failure_api.environments.segments import known_segments
from failure_api.errors import InvalidArgumentError
from failure_api.traces import Trace
from helpers import assert_one_sentence

ROUNDS = 12
ENVIRONMENTS = {
    "simple_spread": simple_spread_v3,
    "simple_tag": simple_tag_v3,
    "simple_world_comm": simple_world_comm_v3,
}
EXCHANGES = {
    "mask": MaskSegments(),
    "mask, hold, age": MaskSegments(missing="hold", report_age=True),
    "share": ShareObservations(form="flat"),
    "share, hold": ShareObservations(form="flat", missing="hold"),
}


def recorded(agents):
    """Returns links that are up and late by a schedule, so that nothing is drawn."""
    generator = np.random.default_rng(3)
    shape = (ROUNDS, len(agents), len(agents))
    return TraceModel(
        trace=Trace(
            agent_ids=agents,
            lost=generator.random(shape) >= 0.6,
            delay=generator.integers(0, 3, shape),
        )
    )


# The other libraries are tried on one environment: they compile, which takes time.
CASES = [("numpy", name) for name in ENVIRONMENTS] + [
    ("torch", "simple_spread"),
    ("jax", "simple_spread"),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("library", "name"), CASES)
@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=EXCHANGES.keys())
def test_views_are_those_of_the_wrapper(exchange, library, name):
    module = ENVIRONMENTS[name]
    raw = module.parallel_env(max_cycles=ROUNDS)
    agents = tuple(raw.possible_agents)
    model = recorded(agents)
    env = CommunicationWrapperParallel(
        module.parallel_env(max_cycles=ROUNDS), model, exchange=exchange
    )
    boxes = [raw.observation_space(agent) for agent in agents]
    bound = bind(
        exchange,
        agent_ids=agents,
        lows=[box.low for box in boxes],
        highs=[box.high for box in boxes],
        segments=known_segments(raw),
    )
    for place, agent in enumerate(agents):
        space = env.observation_space(agent)
        np.testing.assert_array_equal(bound.lows[place], space.low)
        np.testing.assert_array_equal(bound.highs[place], space.high)
    channel, convert = bound.channel(model), CONVERT[library]
    inner, outer = raw.reset(seed=4)[0], env.reset(seed=4)[0]
    state = None
    for _ in range(ROUNDS - 1):
        observations = tuple(convert(np.array(inner[agent])[None]) for agent in agents)
        row = bound.row(observations)
        payloads = bound.payloads(row)
        state = channel.init(0, payloads) if state is None else state
        state, received = channel.step(state, payloads)
        for agent, view in zip(agents, bound.views(row, received), strict=True):
            np.testing.assert_array_equal(np.asarray(view)[0], outer[agent])
        actions = {agent: raw.action_space(agent).n - 1 for agent in agents}
        inner, outer = raw.step(actions)[0], env.step(actions)[0]


def test_mistakes_are_one_sentence():
    limits = {"lows": [np.full(2, -1.0)] * 2, "highs": [np.full(2, 1.0)] * 2}
    for exchange, segments, words in (
        (ShareObservations(), None, ("exchange", 'form="flat"')),
        (MaskSegments(), None, ("segments=",)),
        (MaskSegments(segments=lambda env: {}), None, ("segments", "stay")),
        (MaskSegments(), {"a": {"c": [0]}}, ("segments", "'c'")),
        ("mask", None, ("exchange", "'mask'")),
        (SendMessages(Discrete(3), form="flat"), None, ("SendMessages", "BatchedChannel")),
    ):
        with pytest.raises(InvalidArgumentError) as raised:
            bind(exchange, agent_ids=("a", "b"), segments=segments, **limits)
        assert_one_sentence(raised.value, *words)


def test_what_is_missing_is_the_nearest_value_to_zero():
    limits = {"lows": [np.full(2, 1.0)] * 2, "highs": [np.full(2, 3.0)] * 2}
    segments = {"a": {"b": [1]}, "b": {"a": [1]}}
    bound = bind(MaskSegments(), agent_ids=("a", "b"), segments=segments, **limits)
    nothing = TraceModel(trace=Trace(agent_ids=("a", "b"), lost=np.ones((1, 2, 2), dtype=bool)))
    channel = bound.channel(nothing)
    observations = (np.full((1, 2), 2.0, np.float32),) * 2
    row = bound.row(observations)
    payloads = bound.payloads(row)
    _, received = channel.step(channel.init(0, payloads), payloads)
    assert [view.tolist() for view in bound.views(row, received)] == [[[2.0, 1.0]]] * 2
