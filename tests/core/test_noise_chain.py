"""Several noise models, the links' own noise, and the limits of what comes out."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import pytest
from scipy import stats

from failure_api.communication_models import ProbabilisticModel
from failure_api.core import NumpyStream
from failure_api.core.noise import NoiseContext
from failure_api.core.noise_chain import NoiseChain
from failure_api.errors import InvalidArgumentError, ModelError
from helpers import FALSE_ALARM, assert_one_sentence, lock
from noises import Add, Attacks, Counts, Double, Normal, Returns, Wanders

AGENTS = ("a", "b", "c")


def context_of(
    shape=(3, 3, 2),
    low=-np.inf,
    high=np.inf,
    whole=False,
    number=0,
    xp=np,
    dtype=np.float32,
):
    """Returns a context in which everything arrives."""
    return NoiseContext(
        round=number,
        arrived=xp.asarray(np.ones(shape[:-1], dtype=bool)),
        low=xp.asarray(np.array(low, dtype=dtype)),
        high=xp.asarray(np.array(high, dtype=dtype)),
        whole=xp.asarray(np.array(whole, dtype=bool)),
        xp=xp,
        shape=shape,
        agent_ids=AGENTS,
    )


def corrupted(
    *models,
    content=0.0,
    variance=None,
    seed=0,
    rounds=1,
    **options,
):
    """Returns what the models make of a content in the last of some rounds."""
    chain, context = NoiseChain(models=models), context_of(**options)
    xp, stream = context.xp, NumpyStream(seed, xp=context.xp)
    content = np.broadcast_to(
        np.asarray(content, dtype=str(context.low.dtype).split(".")[-1]), context.shape
    )
    content = xp.asarray(lock(content.copy()))
    if variance is not None:
        variance = np.broadcast_to(np.asarray(variance, np.float32), context.shape[:-1])
        variance = xp.asarray(variance.copy())
    known = lock(chain.prepare(context))
    state = chain.init(known, context, stream)
    for number in range(rounds):
        now = context._replace(round=number)
        state, after = chain.step(known, lock(state), content, now, stream, variance)
    assert after.shape == context.shape
    assert after.dtype == content.dtype
    return np.asarray(after)


def test_models_act_in_order():
    assert (corrupted(Add(), Double(), content=3) == 8).all()
    assert (corrupted(Double(), Add(), content=3) == 7).all()


def test_no_models_change_nothing():
    assert (corrupted(content=3.5) == 3.5).all()


@pytest.mark.parametrize("xp", [np, array_api_strict])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 2), (3, 3, 2), (4, 3, 3, 5)])
def test_every_namespace_type_and_shape(xp, dtype, shape):
    models = (Normal(agent_ids=["b"]), Wanders(), Add(agent_ids=["c", "a"]))
    options: dict[str, Any] = {"shape": shape, "dtype": dtype, "rounds": 3, "variance": 0.5}
    options |= {"low": -1.5, "high": 2.0}
    found = corrupted(*models, xp=xp, **options)
    assert (found >= -1.5).all()
    assert (found <= 2.0).all()
    np.testing.assert_allclose(found, corrupted(*models, **options), rtol=1e-6, atol=1e-6)


def test_a_model_acts_on_the_messages_of_its_agents_alone():
    found = corrupted(Add(agent_ids=["c", "a"]))
    assert (found[:, [0, 2]] == 1).all()
    assert (found[:, 1] == 0).all()


def test_the_scope_moves_no_draw():
    everyone, one = corrupted(Normal()), corrupted(Normal(agent_ids=["b"]))
    np.testing.assert_array_equal(one[:, 1], everyone[:, 1])


def test_a_chain_within_a_chain_is_flattened():
    inner = NoiseChain(models=[Add(), Double()])
    assert NoiseChain(models=[inner, Add()]).parts == (Add(), Double(), Add())
    assert NoiseChain(models=inner).parts == inner.parts


def test_draws_are_each_models_own():
    alone = corrupted(Normal())
    np.testing.assert_allclose(corrupted(Add(), Normal()) - 1, alone, atol=1e-6)
    np.testing.assert_allclose(
        corrupted(Wanders(), Normal()) - corrupted(Wanders()), alone, atol=1e-6
    )
    # The second of a name has a stream of its own.
    second = corrupted(Normal(), Normal()) - alone
    assert (np.abs(second - alone) > 1e-3).any()
    # The noise of links moves nobody's draws.
    np.testing.assert_allclose(
        corrupted(Normal(), variance=1.0) - corrupted(variance=1.0), alone, atol=1e-5
    )


def test_whole_numbers_are_rounded_and_the_rest_is_not():
    found = corrupted(Add(amount=0.7), content=1, whole=[True, False])
    assert (found[..., 0] == 2).all()
    np.testing.assert_allclose(found[..., 1], 1.7)


def test_the_limits_hold_for_each_entry():
    options: dict[str, Any] = {"low": [0, -3], "high": [4, np.inf]}
    assert (corrupted(Add(amount=9), **options) == [4, 9]).all()
    assert (corrupted(Add(amount=-9), **options) == [0, -3]).all()


def test_links_add_their_variance():
    variances = np.zeros((3, 3))
    variances[0, 1], variances[2, 1] = 4.0, 0.25
    found = corrupted(variance=variances, shape=(3, 3, 20_000))
    for place in np.ndindex(3, 3):
        errors = found[place]
        if variances[place] == 0:
            assert not errors.any()
            continue
        # Two tests of each of two links.
        quantile = FALSE_ALARM / 4
        low, high = stats.chi2.ppf([quantile / 2, 1 - quantile / 2], errors.size)
        assert low < (errors**2).sum() / variances[place] < high
        standard_error = np.sqrt(variances[place] / errors.size)
        assert abs(errors.mean()) < stats.norm.isf(quantile / 2) * standard_error


def test_what_is_watched_names_each_step():
    told = []
    context, stream = context_of(), NumpyStream(0)
    chain = NoiseChain(models=[Add(), Double()])
    content, variance = np.ones(context.shape, np.float32), np.zeros((3, 3), np.float32)

    def watch(name, before, after):
        told.append((name, before[0, 0, 0], after[0, 0, 0]))

    known = chain.prepare(context)
    state = chain.init(known, context, stream)
    chain.step(known, state, content, context, stream, variance, watch)
    assert told == [("Add", 1, 2), ("Double", 2, 4), ("link noise", 4, 4)]


def test_reports_are_by_name():
    chain = NoiseChain(models=[Counts(), Add(), Counts(), Attacks()])
    context, stream = context_of(), NumpyStream(0)
    known, content = chain.prepare(context), np.zeros(context.shape, np.float32)
    state = chain.init(known, context, stream)
    state, _ = chain.step(known, state, content, context, stream)
    assert chain.reports(state) == {
        "Counts": {"arrived": 9},
        "Counts 2": {"arrived": 9},
        "Attacks": {"attack_share": 0.25},
    }


@pytest.mark.parametrize(
    "models", [None, "noise", 0.5, [0.5], [Add], ProbabilisticModel(failure_prob=0.5)]
)
def test_what_are_no_noise_models(models):
    with pytest.raises(InvalidArgumentError) as caught:
        NoiseChain(models=models)
    assert_one_sentence(caught.value, "noise_models")


def test_a_chain_has_no_agents_of_its_own():
    with pytest.raises(InvalidArgumentError) as caught:
        NoiseChain(models=[], agent_ids=["a"])
    assert_one_sentence(caught.value, "agent_ids")


def test_agents_that_do_not_exist():
    with pytest.raises(InvalidArgumentError) as caught:
        corrupted(Add(agent_ids=["d"]))
    assert_one_sentence(caught.value, "Add.agent_ids", "'d'")


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (lambda state, content: content, "pair"),
        (lambda state, content: (state, content, 1), "pair"),
        (lambda state, content: (state, None), "NoneType"),
        (lambda state, content: (state, content[0]), "shape (3, 2)"),
        (lambda state, content: (state, content.astype(np.float64)), "float64"),
        (lambda state, content: (state, content > 0), "bool"),
    ],
)
def test_what_no_model_may_return(result, word):
    with pytest.raises(ModelError) as caught:
        corrupted(Returns(result=result))
    assert_one_sentence(caught.value, "Returns.step", word)


@pytest.mark.parametrize("xp", [np, array_api_strict])
def test_models_do_not_see_what_does_not_arrive_and_leave_it_as_it_is(xp):
    seen = []

    def watch(name, before, after):
        seen.append(np.asarray(before))

    context = context_of(low=1.0, high=9.0, xp=xp)
    content = np.full((3, 3, 2), 5.0, np.float32)
    content[0, 0], content[1, 1] = 20.0, 30.0
    real = np.zeros((3, 3, 1), bool)
    real[1, 1:] = True
    chain = NoiseChain(models=Add(amount=2.0))
    parameters = chain.prepare(context)
    stream = NumpyStream(0, xp=xp)
    state = chain.init(parameters, context, stream)
    given = xp.asarray(content), xp.broadcast_to(xp.asarray(real), context.shape)
    _, after = chain.corrupt(parameters, state, *given, context, stream, None, watch)
    # Nothing is what is nearest to zero, and what lies out of bounds is seen within them.
    expected = np.ones((3, 3, 2), np.float32)
    expected[1, 1], expected[1, 2] = 9.0, 5.0
    np.testing.assert_array_equal(seen[0], expected)
    content[1, 2] = 7.0
    left = np.asarray(after)
    np.testing.assert_array_equal(left[real[..., 0] == 0], content[real[..., 0] == 0])
    assert left[1, 2].tolist() == [7, 7]
