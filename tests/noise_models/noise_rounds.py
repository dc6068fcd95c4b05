"""What the tests of noise models share: contexts, played rounds, and counts held to a law."""

from __future__ import annotations

import numpy as np
from scipy import stats

from failure_api.core import NumpyStream
from failure_api.core.noise import NoiseContext
from helpers import FALSE_ALARM


def noise_context(
    content,
    *,
    number=0,
    low=-np.inf,
    high=np.inf,
    whole=False,
    arrived=True,
    made=None,
    xp=np,
):
    """Returns what is known of content, from agents called agent_0, agent_1, ..."""
    dtype, shape = content.dtype, content.shape
    return NoiseContext(
        round=number,
        arrived=xp.asarray(np.broadcast_to(arrived, shape[:-1]).copy()),
        low=xp.asarray(low, dtype=dtype),
        high=xp.asarray(high, dtype=dtype),
        whole=xp.asarray(whole),
        xp=xp,
        shape=shape,
        agent_ids=tuple(f"agent_{index}" for index in range(shape[-2])),
        made=None if made is None else xp.asarray(made, dtype=xp.int32),
    )


def play_noise(model, contents, *, seed=0, arrived=True, made=None, **known):
    """Returns the last state, and what a model makes of `contents`, `[T, ..., N, K]`."""
    contents = np.asarray(contents)
    contents.flags.writeable = False
    arrived = np.broadcast_to(arrived, contents.shape[:-1])
    random, parameters, state, after = NumpyStream(seed), None, None, []
    for number, content in enumerate(contents):
        context = noise_context(content, number=number, arrived=arrived[number], **known)
        context = context if made is None else context._replace(made=np.int32(made[number]))
        if number == 0:
            parameters = model.prepare(context)
            state = model.init(parameters, context, random)
        state, result = model.step(parameters, state, content, context, random)
        assert result.dtype == content.dtype
        assert result.shape == content.shape
        after.append(result)
    return state, np.stack(after)


def noisy(model, content, **options):
    """Returns what a model makes of one round's content."""
    return play_noise(model, np.asarray(content)[None], **options)[1][0]


def binomial(events, probability):
    """Returns how likely a count as odd as this one is; independent events."""
    events = np.asarray(events)
    return stats.binomtest(int(events.sum()), events.size, probability).pvalue


def assert_mean(values, expected, variance):
    """Raises unless the mean of many independent values of known variance is as expected."""
    values = np.asarray(values, dtype=np.float64)
    z = abs(values.mean() - expected) / np.sqrt(variance / values.size)
    assert z < stats.norm.isf(FALSE_ALARM / 2), f"{values.mean()}, not {expected}: z = {z:.1f}"
