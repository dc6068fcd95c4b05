"""How severe failures are may differ from element to element, and change while one trains."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batched_play import CONVERT

from failure_api import (
    Chain,
    DelayBasedModel,
    GilbertElliottModel,
    NetemModel,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
)
from failure_api.batched import BatchedChannel
from failure_api.communication_models.randomized import Descending, LogUniform, OneOf
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

IDS = ("a", "b", "c")
TABLE = np.array([[0.0, 0.3, 0.9], [1.0, 0.0, 0.5], [0.2, 0.7, 0.0]])
OUTAGE = ScheduledModel(model=ProbabilisticModel(failure_prob=1.0))
DRAWN = RandomizedModel(
    model=GilbertElliottModel(p=0.1, r=0.5), parameters={"p": (0.0, 0.9), "r": OneOf([0.9, 0.2])}
)
MODELS = {
    "outage": [OUTAGE],
    "table": [ScheduledModel(model=ProbabilisticModel(failure_prob=0.9), severity=TABLE)],
    "ramp": [ScheduledModel(model=DelayBasedModel(min_delay=1, max_delay=3), ramp=4, start=1)],
    "drawn": [DRAWN],
    "descending": [
        RandomizedModel(
            model=ProbabilisticModel(failure_prob=0.1),
            parameters={"failure_prob": Descending(LogUniform(0.05, 1.0))},
        )
    ],
    "the outer one takes it": [ScheduledModel(model=Chain(models=[OUTAGE, DRAWN]))],
    "a severity that is drawn": [RandomizedModel(model=OUTAGE, parameters={"severity": (0, 1)})],
    "within netem": [NetemModel(loss=ScheduledModel(model=GilbertElliottModel(p=0.4, r=0.4)))],
    "a queue, and others": [
        ProbabilisticModel(failure_prob=0.1),
        NetemModel(delay=1, transmission=1.25, limit=4),
        OUTAGE,
    ],
}
SEVERITIES = np.array([0.0, 0.25, 0.6, 1.0], dtype=np.float32)
every_library = pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
streams_of = pytest.mark.parametrize("streams", ["native", "portable"])


def channel_of(models, streams="portable"):
    return BatchedChannel(failure_models=models, agent_ids=IDS, streams=streams)


def arrivals(channel, payloads, rounds=12, seed=5, **options):
    """Returns what arrives in each round, `[round, ..., receiver, sender]`."""
    step = channel.step if not isinstance(payloads, jax.Array) else jax.jit(channel.step)
    state, seen = channel.init(seed, payloads, **options), []
    for _ in range(rounds):
        state, received = step(state, payloads)
        seen.append(np.asarray(received.flags))
    return np.stack(seen)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", MODELS)
@every_library
def test_an_element_has_what_a_wrapper_has_at_its_severity(library, name):
    payloads = CONVERT[library](np.ones((4, 3, 1), dtype=np.float32))
    graded = arrivals(channel_of(MODELS[name]), payloads, severity=CONVERT[library](SEVERITIES))
    # Portable draws are the same in all libraries.
    chain, same = Chain(models=MODELS[name]), np.ones((4, 3, 1), dtype=np.float32)
    for element, severity in enumerate(SEVERITIES.tolist()):
        # What `set_severity` makes of the models.
        alone = channel_of(chain.with_settings({"severity": severity}))
        expected = arrivals(alone, same)[:, element]
        np.testing.assert_array_equal(graded[:, element], expected)
    assert (graded[:, 0] != graded[:, 3]).any() or name == "descending"


@pytest.mark.sampled(2)
@streams_of
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_the_greatest_severity_is_the_model_as_it_was_given(library, streams):
    payloads = CONVERT[library](np.ones((50, 3, 1), dtype=np.float32))
    for models in MODELS.values():
        channel = channel_of(models, streams)
        as_given = arrivals(channel, payloads)
        np.testing.assert_array_equal(as_given, arrivals(channel, payloads, severity=1))


@pytest.mark.sampled(2)
@streams_of
@every_library
def test_each_element_loses_its_own_share(library, streams):
    batch = np.repeat(SEVERITIES, 500)
    payloads = CONVERT[library](np.ones((2000, 3, 1), dtype=np.float32))
    flags = arrivals(channel_of(OUTAGE, streams), payloads, severity=CONVERT[library](batch))
    lost = 1 - flags.reshape(12, 4, 500, 9).sum(axis=(0, 2, 3)) / (12 * 500 * 6)
    # 36,000 link rounds: five standard deviations of a share are 0.0132 at most.
    np.testing.assert_allclose(lost, SEVERITIES, atol=0.0132)
    assert lost[0] == 0
    assert lost[3] == 1


@pytest.mark.sampled(1)
@streams_of
@every_library
def test_a_new_episode_may_be_severer_and_the_others_stay(library, streams):
    convert = CONVERT[library]
    channel, payloads = channel_of(OUTAGE, streams), convert(np.ones((3, 3, 1), np.float32))
    state = channel.init(0, payloads, severity=0.0)
    _, received = channel.step(state, payloads)
    assert received.flags.sum() == 18
    done = convert(np.array([True, False, True]))
    # Severity is an episode's: what is not done goes on with its own.
    state = channel.reset_where(state, done, severity=convert(np.ones(3, np.float32)))
    assert np.asarray(state.severity).tolist() == [1, 0, 1]
    state, received = channel.step(state, payloads)
    assert np.asarray(received.flags).sum(axis=(1, 2)).tolist() == [0, 6, 0]
    # Without one, each keeps what it had.
    state = channel.reset_where(state, convert(np.array([True, True, False])))
    state, received = channel.step(state, payloads)
    assert np.asarray(received.flags).sum(axis=(1, 2)).tolist() == [0, 6, 0]


@pytest.mark.heavy
def test_a_compiled_training_takes_the_severity_as_an_argument_and_is_compiled_once():
    channel, payloads = channel_of([OUTAGE, DRAWN]), jnp.ones((4, 3, 1))

    @jax.jit
    def lost(severity):
        def one_round(state, _):
            state, received = channel.step(state, payloads)
            # An episode ends in one element, and the next one is milder.
            done = jnp.arange(4) == 3
            state = channel.reset_where(state, done, severity=severity / 2)
            return state, received.flags.sum(axis=(1, 2))

        state = channel.init(0, payloads, severity=severity)
        return jax.lax.scan(one_round, state, None, length=30)[1].sum(axis=0)

    several = [lost(severity) for severity in (0.0, 0.3, 0.9)]
    assert lost._cache_size() == 1
    assert several[0].tolist() == [180] * 4
    assert (several[1] > several[2]).all()
    assert (lost(jnp.array([0.0, 0.3, 0.9, 0.0]))[:3] == jnp.diag(jnp.stack(several))).all()
    # Where nobody may look, what lies outside is the nearest share.
    outside = lost(jnp.array([-1.0, jnp.nan, 7.0, 1.0]))
    assert outside[:2].tolist() == [180, 180]
    assert outside[2] == 0


def test_elements_that_are_mapped_have_a_severity_each():
    channel = channel_of(OUTAGE)

    def flags(key, severity):
        payloads = jnp.ones((3, 1))
        state = channel.init(key, payloads, severity=severity)
        return channel.step(state, payloads)[1].flags.sum()

    keys = jax.random.split(jax.random.key(0), 3)
    seen = jax.jit(jax.vmap(flags))(keys, jnp.array([0.0, 1.0, 0.0]))
    assert seen.tolist() == [6, 0, 6]


PAYLOADS = np.ones((2, 3, 1), dtype=np.float32)
FAR = jnp.array(3.0)
CALLS = {
    "above 1": (lambda: begin(1.5), ("severity must lie in [0, 1]", "1.5")),
    "no number": (lambda: begin(float("nan")), ("severity", "nan")),
    "a word": (lambda: begin("mild"), ("severity", "'mild'")),
    "flags": (lambda: begin(np.array([True, False])), ("severity", "bool")),
    "an array with one outside": (
        lambda: begin(np.array([0.5, -0.25])),
        ("severity must lie in [0, 1]", "-0.25"),
    ),
    "a tensor with one outside": (
        lambda: begin(torch.tensor([0.5, 2.0]), torch.tensor(PAYLOADS)),
        ("severity must lie in [0, 1]", "2.0"),
    ),
    "an array of JAX with one outside": (
        lambda: begin(jnp.array([0.5, 2.0]), jnp.array(PAYLOADS)),
        ("severity must lie in [0, 1]", "2.0"),
    ),
    "a number beside what is traced": (
        lambda: jax.jit(lambda payloads: begin(FAR, payloads).round)(jnp.array(PAYLOADS)),
        ("severity must lie in [0, 1]", "3.0"),
    ),
    "of another shape": (lambda: begin(np.zeros(3)), ("severity", "(2,)", "(3,)")),
    "of another library": (lambda: begin(torch.zeros(2)), ("severity", "numpy", "torch")),
    "where no model takes one": (
        lambda: channel_of(ProbabilisticModel(failure_prob=0.5)).init(0, PAYLOADS, severity=0.5),
        ("severity must be taken by a failure model", "ScheduledModel(model=...)"),
    ),
    "where the state began without": (
        lambda: channel_of(OUTAGE).reset_where(
            channel_of(OUTAGE).init(0, PAYLOADS), np.array([True, False]), severity=0.5
        ),
        ("severity must be given to init", "severity=1.0"),
    ),
}


def begin(severity, payloads=PAYLOADS):
    return channel_of(OUTAGE).init(0, payloads, severity=severity)


@pytest.mark.parametrize(("call", "words"), CALLS.values(), ids=CALLS.keys())
def test_a_mistake_is_one_sentence(call, words):
    with pytest.raises(InvalidArgumentError) as raised:
        call()
    assert_one_sentence(raised.value, *words)
