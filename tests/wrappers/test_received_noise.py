"""What arrives is corrupted, once, as it arrives; and nothing else is."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec
from scipy import stats

from environments_under_test import Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    MatrixModel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.core import NumpyStream
from failure_api.core.noise_chain import NoiseChain
from failure_api.exchanges.spaces.corruption import Corruption, Entries
from failure_api.noise_models import BitFlipModel, CustomNoise, QuantizationModel
from failure_api.testing.verdict import same
from helpers import FALSE_ALARM, Scripted
from noises import Add, Double, Normal, Returns, Wanders, Watches

WIDE = dict.fromkeys("abc", spaces.Box(-100, 100, (2,)))
NEXT = {"a": "b", "b": "c", "c": "a"}
SEGMENTS = {agent: {sender: [1]} for agent, sender in NEXT.items()}
EXCHANGES = {
    "mask": MaskSegments(segments=SEGMENTS),
    "mask-moving": MaskSegments(segments=lambda env: SEGMENTS),
    "mask-hold": MaskSegments(segments=SEGMENTS, missing="hold", report_age=True),
    "dict": ShareObservations(),
    "dict-hold": ShareObservations(missing="hold"),
    "flat": ShareObservations(form="flat"),
    "flat-hold": ShareObservations(form="flat", missing="hold"),
}
every_exchange = pytest.mark.parametrize("name", EXCHANGES)
LATE = DelayBasedModel(min_delay=2, max_delay=2)


class Calm(Plain):
    """Keeps away from the bounds of its spaces, so that they cut nothing off."""

    def content(self, agent, number):
        dtype = self.observation_spaces[agent].dtype
        return (super().content(agent, number) * 0.1).astype(dtype)


def teams(**options):
    """Yields environments whose observations share a type, and ones whose do not."""
    yield Calm(WIDE, **options)
    yield Calm({**WIDE, "c": spaces.Box(-100, 100, (2,), np.float64)}, **options)


def wrapped(models, noise, exchange, env=None):
    env = Calm(WIDE) if env is None else env
    return CommunicationWrapperParallel(env, models, noise_models=noise, exchange=exchange)


def rounds_of(env, seed=5):
    """Yields the round's number and all views, from the reset to the end."""
    views, _ = env.reset(seed=seed)
    yield 0, views
    number = 0
    while env.agents:
        number += 1
        views = env.step(dict.fromkeys(env.agents, 0))[0]
        yield number, views


def heard(exchange, view, receiver):
    """Returns what a view shows of the next agent."""
    sender = NEXT[receiver]
    if isinstance(exchange, MaskSegments):
        return view[1:2]
    if exchange.form == "dict":
        return view[sender]
    start = 2 + 4 * [agent for agent in "abc" if agent != receiver].index(sender)
    return view[start : start + 2]


def own(exchange, view, receiver):
    """Returns what a view shows of its receiver."""
    if isinstance(view, dict):
        return view[receiver]
    return view[:1] if isinstance(exchange, MaskSegments) else view[:2]


def said(exchange, env, receiver, number):
    """Returns what the next agent said in a round, as the environment has it."""
    if isinstance(exchange, MaskSegments):
        return env.content(receiver, number)[1:2]
    return env.content(NEXT[receiver], number)


@every_exchange
def test_what_arrives_is_corrupted_and_what_is_missing_is_not(name):
    exchange = EXCHANGES[name]
    for bare in teams():
        arrives = [0, 1, 0, 1, 1, 0, 0, 1, 0]
        matrix = np.array(arrives, dtype=float)[:, None, None] * np.ones((3, 3))
        env = wrapped(MatrixModel(matrix=matrix), [Add(), Double()], exchange, bare)
        newest = None
        for number, views in rounds_of(env):
            newest = number if arrives[number] else newest
            shown = newest if arrives[number] or exchange.missing == "hold" else None
            for receiver, view in views.items():
                found = heard(exchange, view, receiver)
                if shown is None:
                    assert not found.any()
                else:
                    sent = said(exchange, env.unwrapped, receiver, shown)
                    np.testing.assert_allclose(found, (sent + 1) * 2, rtol=1e-6)
                bare_own = env.unwrapped.content(receiver, number)
                seen = own(exchange, view, receiver)
                np.testing.assert_array_equal(seen, bare_own[: len(seen)].astype(seen.dtype))


@every_exchange
def test_delayed_content_is_corrupted_when_it_arrives(name):
    exchange = EXCHANGES[name]
    in_round = Returns(result=add_the_round)
    for bare in teams():
        env = wrapped(LATE, in_round, exchange, bare)
        for number, views in rounds_of(env):
            for receiver, view in views.items():
                found = heard(exchange, view, receiver)
                if number < 2:
                    assert not found.any()
                    continue
                sent = said(exchange, env.unwrapped, receiver, number - 2)
                # The model has been asked in every round, its first answer being 1.
                np.testing.assert_allclose(found, sent + number + 1, rtol=1e-6)


def add_the_round(state, content):
    rounds = (state or 0) + 1
    return rounds, content + np.float32(rounds)


@every_exchange
def test_held_content_stays_as_it_was_received(name):
    exchange = EXCHANGES[name]
    if exchange.missing == "zero":
        return
    for bare in teams():
        matrix = np.array([1.0] + [0.0] * 8)[:, None, None] * np.ones((3, 3))
        env = wrapped(MatrixModel(matrix=matrix), Wanders(), exchange, bare)
        first: Any = None
        for _, views in rounds_of(env):
            found = [heard(exchange, view, receiver) for receiver, view in views.items()]
            first = found if first is None else first
            assert same(found, first)
        assert not np.array_equal(first[0], said(exchange, env.unwrapped, "a", 0))


@every_exchange
def test_no_noise_is_bit_for_bit_no_noise(name):
    models = [ProbabilisticModel(failure_prob=0.4), DelayBasedModel(min_delay=0, max_delay=2)]
    for bare in teams():
        plain = wrapped(models, (), EXCHANGES[name], bare)
        silent = wrapped(models, Normal(size=0.0), EXCHANGES[name], copy.deepcopy(bare))
        for (_, one), (_, other) in zip(rounds_of(plain), rounds_of(silent), strict=True):
            assert same(one, other)


@every_exchange
def test_noise_moves_no_draw_of_the_links(name):
    models = ProbabilisticModel(failure_prob=0.5)
    envs = [wrapped(models, noise, EXCHANGES[name]) for noise in ((), Normal())]
    for _ in zip(*map(rounds_of, envs), strict=True):
        one, other = (env.get_communication_state() for env in envs)
        np.testing.assert_array_equal(one, other)


@every_exchange
def test_what_arrives_moves_no_draw_of_the_noise(name):
    exchange = EXCHANGES[name]
    envs = [wrapped(ProbabilisticModel(failure_prob=p), Normal(), exchange) for p in (0.0, 0.5)]
    compared = 0
    for (_, all_views), (_, views) in zip(*map(rounds_of, envs), strict=True):
        arrived = envs[1].get_communication_state()
        for receiver, view in views.items():
            if arrived["abc".index(NEXT[receiver]), "abc".index(receiver)]:
                compared += 1
                everything = heard(exchange, all_views[receiver], receiver)
                np.testing.assert_array_equal(heard(exchange, view, receiver), everything)
    assert compared > 5


def test_each_receiver_hears_something_else():
    env = wrapped([], Normal(), ShareObservations())
    views, _ = env.reset(seed=1)
    assert not np.array_equal(views["a"]["c"], views["b"]["c"])


@every_exchange
def test_looking_again_shows_the_same(name):
    env = CommunicationWrapper(
        parallel_to_aec(Plain(WIDE)), [], noise_models=Wanders(), exchange=EXCHANGES[name]
    )
    env.reset(seed=1)
    for _ in range(6):
        assert same(env.observe("a"), env.observe("a"))
        assert same(env.last()[0], env.observe(env.agent_selection))
        env.step(0)


@pytest.mark.parametrize("name", ["mask", "dict", "flat"])
def test_models_see_neither_what_did_not_arrive_nor_the_own_part(name):
    Watches.seen.clear()
    for bare in teams():
        env = wrapped(ProbabilisticModel(failure_prob=0.5), Watches(), EXCHANGES[name], bare)
        for _ in rounds_of(env):
            content, context = Watches.seen[-1]
            arrived = env.get_communication_state().T
            if name == "mask":
                arrived &= np.array([[NEXT[r] == s for s in "abc"] for r in "abc"])
            np.testing.assert_array_equal(context.arrived, arrived)
            assert not content[~arrived].any()
            assert content[arrived].all()
            assert context.shape == content.shape


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", ["mask", "dict", "dict-hold", "flat"])
def test_links_add_noise_of_their_variance(name):
    exchange = EXCHANGES[name]
    variances = np.array([[0, 9, 4], [0.25, 0, 9], [9, 0, 0]], dtype=float)
    for bare in teams(max_cycles=600):
        env = wrapped(Scripted(noises=np.broadcast_to(variances, (601, 3, 3))), (), exchange, bare)
        errors: dict[str, list[Any]] = {agent: [] for agent in "abc"}
        for number, views in rounds_of(env):
            for receiver, view in views.items():
                sent = said(exchange, env.unwrapped, receiver, number)
                errors[receiver].append(heard(exchange, view, receiver) - sent)
        for receiver, sender in NEXT.items():
            variance = variances["abc".index(sender), "abc".index(receiver)]
            found = np.concatenate(errors[receiver])
            if variance == 0:
                # All but what the flat form rounds to float32.
                assert np.abs(found).max() < 1e-5
                continue
            # Three links in each of eight cases, from above and from below.
            share = FALSE_ALARM / 48
            low, high = stats.chi2.ppf([share, 1 - share], found.size)
            assert low < (found**2).sum() / variance < high


def played_over_moving_segments(noise):
    space = spaces.Box(np.float32([-1, -100]), np.float32([1, 100]))
    content = np.float32([0.314, 77.7])
    entries = Entries((2, 2, 1), *(np.zeros((2, 2, 1), np.float32),) * 2, np.zeros((2, 2, 1), bool))
    chain = NoiseChain(models=noise)
    corruption = Corruption(chain, ("a", "b"))
    parts = [
        entries._replace(
            low=np.full((2, 2, 1), space.low[place]), high=np.full((2, 2, 1), space.high[place])
        )
        for place in (0, 1)
    ]
    corruption.place(lambda: parts[0])
    corruption.start(NumpyStream(0))
    real = np.ones((2, 2, 1), dtype=bool)
    return [
        corruption.apply(number, np.full((2, 2, 1), content[place]), real, entries=parts[place])
        for number, place in enumerate((0, 1))
    ]


def test_levels_move_with_the_bounds_of_what_is_heard():
    narrow, wide = played_over_moving_segments(QuantizationModel(levels=201))
    assert narrow[0, 1, 0] == pytest.approx(0.31)
    assert wide[0, 1, 0] == pytest.approx(78.0)


def test_content_has_the_type_of_its_bounds():
    seen = []

    def look(content, context, random):
        seen.append((content.dtype, context.low.dtype, context.low.flags.writeable))
        return content

    played_over_moving_segments(CustomNoise(function=look))
    assert seen == [(np.float32, np.float32, False)] * 2


def test_messages_of_nothing_stay_nothing():
    chain = NoiseChain(models=BitFlipModel(corrupt_prob=1.0))
    corruption = Corruption(chain, ("a", "b"))
    empty = np.zeros((2, 2, 0), np.float32)
    corruption.place(lambda: Entries(empty.shape, empty, empty, empty > 0))
    assert corruption.apply(0, empty, empty == 0).shape == empty.shape
