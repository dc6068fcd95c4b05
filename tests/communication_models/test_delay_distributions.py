"""Distributions of delays against scipy's; every test has a false alarm of 1e-6."""

import math

import array_api_strict
import numpy as np
import pytest
from scipy import stats

from failure_api.communication_models import DelayBasedModel
from failure_api.communication_models.delay import (
    ConstantDelay,
    EmpiricalDelay,
    GeometricDelay,
    NormalDelay,
    ParetoDelay,
    UniformDelay,
)
from failure_api.core import NumpyStream
from failure_api.errors import InvalidArgumentError
from helpers import FALSE_ALARM, assert_one_sentence, off_diagonal, play

OBSERVED = EmpiricalDelay(delays=[0.2, 3, 1, 7.6], probabilities=[0.4, 0.3, 0.2, 0.1])
KNOWN = {
    "uniform": (UniformDelay(low=0.5, high=4), stats.uniform(0.5, 3.5)),
    "uniform below zero": (UniformDelay(low=-2, high=4), stats.uniform(-2, 6)),
    "uniform whole": (UniformDelay(low=0, high=4), stats.uniform(0, 4)),
    "normal": (NormalDelay(mean=3, standard_deviation=1.5), stats.norm(3, 1.5)),
    "normal below 0": (NormalDelay(mean=-1, standard_deviation=2), stats.norm(-1, 2)),
    # scipy counts the tries; a try more is half a round less when it is rounded.
    "geometric": (GeometricDelay(mean=2.5), stats.geom(1 / 3.5, loc=-1)),
    "pareto": (ParetoDelay(shape=1.5, scale=0.75), stats.pareto(1.5, scale=0.75)),
}


def delays_of(model, rounds=100, agents=25, seed=0):
    return off_diagonal(play(model, rounds=rounds, agents=agents, seed=seed).delay).ravel()


@pytest.mark.parametrize("name", KNOWN)
def test_whole_rounds_have_the_probabilities_of_scipy(name):
    given, known = KNOWN[name]
    whole = np.arange(-1.0, 40.0)
    np.testing.assert_allclose(given.cumulative(whole), known.cdf(whole + 0.5), atol=1e-12)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("agents", [25, 24])
def test_delays_are_distributed_as_scipy_says(name, agents):
    given, known = KNOWN[name]
    delays = delays_of(DelayBasedModel(distribution=given, max_delay=12), agents=agents)
    below = known.cdf(np.arange(12) + 0.5)
    shares = np.diff(below, prepend=0.0, append=1.0)
    counts = np.bincount(delays, minlength=13)
    assert (counts[shares < 1e-12] == 0).all()
    likely = shares * len(delays) > 10
    rest = counts[~likely].sum(), shares[~likely].sum() * len(delays)
    observed = np.append(counts[likely], rest[0])
    expected = np.append(shares[likely] * len(delays), rest[1])
    if rest[1] < 1e-6:
        observed, expected = observed[:-1], expected[:-1]
    expected *= observed.sum() / expected.sum()
    assert stats.chisquare(observed, expected).pvalue > FALSE_ALARM


def test_what_was_observed_occurs_as_often():
    delays = delays_of(DelayBasedModel(distribution=OBSERVED))
    counts = np.bincount(delays, minlength=9)
    assert set(np.flatnonzero(counts)) == {0, 1, 3, 8}
    expected = np.asarray([0.4, 0.2, 0.3, 0.1]) * len(delays)
    assert stats.chisquare(counts[[0, 1, 3, 8]], expected).pvalue > FALSE_ALARM


def test_every_number_of_a_uniform_stream_finds_its_place_in_the_table():
    steps = np.arange(0, 2**24, 37, dtype=np.float32) / 2**24
    drawn = OBSERVED.draw(steps, OBSERVED.table(np), np)
    exact = np.asarray([0.2, 1, 3, 7.6])[np.searchsorted([0.4, 0.6, 0.9], steps, side="right")]
    assert (np.abs(drawn - exact) > 1e-6).mean() < 3 * 2.0**-16
    assert OBSERVED.cumulative(np.arange(4.0)) == pytest.approx([0.4, 0.6, 0.6, 0.9], abs=2.0**-16)
    thirds = EmpiricalDelay(delays=[5, 0, 2])
    assert thirds.cumulative(np.asarray([1.0, 2.0])) == pytest.approx([1 / 3, 2 / 3], abs=2.0**-16)


def test_a_delay_too_rare_for_the_table_never_occurs():
    rare = EmpiricalDelay(delays=[0, 9], probabilities=[1 - 1e-6, 1e-6])
    assert rare.greatest == 0
    assert EmpiricalDelay(delays=[0, 9], probabilities=[1 - 1e-4, 1e-4]).greatest == 9


@pytest.mark.parametrize(
    ("rounds", "whole"), [(0, 0), (0.49, 0), (0.5, 1), (2.49, 2), (2.5, 3), (7, 7)]
)
def test_a_constant_is_rounded_to_the_nearest_round(rounds, whole):
    model = DelayBasedModel(distribution=ConstantDelay(rounds=rounds))
    assert model.traits.longest_delay == whole
    assert model.expected_delay() == whole
    if whole:
        assert (delays_of(model, rounds=3, agents=3) == whole).all()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 500.0])
@pytest.mark.parametrize("shape", [1e-3, 0.1, 1.0, 30.0])
def test_no_tail_is_too_heavy_or_too_light(shape, scale):
    heavy = ParetoDelay(shape=shape, scale=scale)
    uniform = np.linspace(0, 1 - 2**-24, 1001, dtype=np.float32)
    with np.errstate(all="raise", under="ignore"):
        drawn = heavy.draw(uniform, None, np)
    assert np.isfinite(drawn).all()
    with np.errstate(over="ignore"):
        exact = stats.pareto(shape, scale=scale).ppf(uniform.astype(float)).clip(max=10_000)
    np.testing.assert_allclose(np.minimum(drawn, 10_000), exact, rtol=2e-3)


def test_the_mean_of_a_pareto_distribution():
    assert stats.pareto(2.5, scale=ParetoDelay.from_mean(4, shape=2.5).scale).mean() == (
        pytest.approx(4)
    )


@pytest.mark.parametrize(
    "given",
    [
        NormalDelay(mean=2, standard_deviation=0),
        GeometricDelay(mean=0),
        UniformDelay(low=2, high=2),
        UniformDelay(low=0.5, high=0.5),
    ],
)
def test_a_distribution_without_spread_is_a_constant(given):
    drawn = given.draw(np.linspace(0, 0.999, 16, dtype=np.float32).reshape(4, 4), None, np)
    assert len(set(drawn.ravel().tolist())) == 1
    whole = np.floor(drawn[0, 0] + 0.5)
    assert given.cumulative(np.asarray([whole - 1, whole])).tolist() == [0, 1]


@pytest.mark.parametrize("name", KNOWN)
def test_delays_are_float32_in_every_namespace(name):
    given, _ = KNOWN[name]
    for xp in (np, array_api_strict):
        uniform = NumpyStream(0, xp=xp).uniform((2, 3, 3))
        drawn = given.draw(uniform, given.table(xp), xp)
        assert drawn.dtype == xp.float32
        assert drawn.shape == (2, 3, 3)


def test_normal_delays_of_two_halves_are_independent():
    """Pairs of a cosine and a sine are not correlated, nor are their squares."""
    given = NormalDelay(mean=0, standard_deviation=1)
    drawn = given.draw(NumpyStream(0).uniform((1000, 400)), None, np).reshape(2, -1)
    bound = stats.norm.isf(FALSE_ALARM / 4) / np.sqrt(drawn.shape[1])
    assert abs(np.corrcoef(drawn)[0, 1]) < bound
    assert abs(np.corrcoef(drawn**2)[0, 1]) < bound


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ConstantDelay(rounds=-1), ["rounds", "-1"]),
        (lambda: ConstantDelay(rounds=math.inf), ["rounds", "inf"]),
        (lambda: UniformDelay(low=3, high=2), ["high", "low=3", "2"]),
        (lambda: UniformDelay(low=-2, high=-1), ["high", "-1"]),
        (lambda: NormalDelay(mean=math.nan, standard_deviation=1), ["mean", "nan"]),
        (lambda: NormalDelay(mean=1, standard_deviation=-1), ["standard_deviation"]),
        (lambda: GeometricDelay(mean=-0.5), ["mean", "-0.5"]),
        (lambda: GeometricDelay(mean="long"), ["mean", "long"]),
        (lambda: ParetoDelay(shape=0, scale=1), ["shape"]),
        (lambda: ParetoDelay(shape=1, scale=0), ["scale"]),
        (lambda: ParetoDelay.from_mean(3, shape=1), ["shape", "greater than 1"]),
        (lambda: EmpiricalDelay(delays=[]), ["delays"]),
        (lambda: EmpiricalDelay(delays=3), ["delays", "3"]),
        (lambda: EmpiricalDelay(delays="abc"), ["delays", "abc"]),
        (lambda: EmpiricalDelay(delays=[1, -2]), ["delays[1]", "-2"]),
        (lambda: EmpiricalDelay(delays=[1, math.nan]), ["delays[1]", "nan"]),
        (lambda: EmpiricalDelay(delays=[1, 2], probabilities=[1]), ["probabilities", "2 delays"]),
        (lambda: EmpiricalDelay(delays=[1], probabilities=[0.5]), ["probabilities", "0.5"]),
    ],
)
def test_a_mistake_is_one_sentence(make, words):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert_one_sentence(caught.value, *words)
