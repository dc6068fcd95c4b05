"""Common random numbers: sweeps compare like with like, so draws depend on nothing else."""

import numpy as np
import pytest

from failure_api.communication_models import (
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from helpers import assert_same, off_diagonal, play

AGENTS, ROUNDS = 6, 40
POSITIONS = np.random.default_rng(0).random((ROUNDS, AGENTS, 2))
WITH_A_PROBABILITY = {
    "probabilistic": lambda p: ProbabilisticModel(failure_prob=p),
    "probabilistic, narrow": lambda p: ProbabilisticModel(failure_prob=p, max_bandwidth=0.5),
    "distance": lambda p: DistanceModel(distance_threshold=0.7, failure_prob=p),
    "distance, linear": lambda p: DistanceModel(
        distance_threshold=0.7, falloff="linear", failure_prob=p
    ),
    "delay": lambda p: DelayBasedModel(min_delay=0, max_delay=3, message_drop_probability=p),
}
every_probability = pytest.mark.parametrize(
    "make", WITH_A_PROBABILITY.values(), ids=WITH_A_PROBABILITY
)


def played(*models, **options):
    return play(*models, rounds=ROUNDS, agents=AGENTS, positions=POSITIONS, **options)


@every_probability
@pytest.mark.parametrize(("lower", "higher"), [(0.0, 0.05), (0.2, 0.3), (0.3, 0.9), (0.9, 1.0)])
def test_what_is_down_at_a_probability_is_down_at_a_greater_one(make, lower, higher):
    rare = off_diagonal(played(make(lower)).bandwidth) == 0
    common = off_diagonal(played(make(higher)).bandwidth) == 0
    assert not (rare & ~common).any()
    assert (common & ~rare).any()


@every_probability
def test_a_second_model_of_the_class_does_not_see_the_parameters_of_the_first(make):
    first = (played(make(p)).bandwidth for p in (0.1, 0.6))
    both = (played(make(p), make(0.5)).bandwidth for p in (0.1, 0.6))
    one, other = (
        np.where(alone > 0, together > 0, False)
        for alone, together in zip(first, both, strict=True)
    )
    # Wherever the first lets through in both episodes, the second has done the same.
    up_in_both = played(make(0.6)).bandwidth > 0
    np.testing.assert_array_equal(off_diagonal(one & up_in_both), off_diagonal(other & up_in_both))


def test_delays_do_not_depend_on_the_drop_probability():
    expected = played(WITH_A_PROBABILITY["delay"](0.0)).delay
    for probability in (0.3, 1.0, {("agent_0", "agent_1"): 0.5}):
        np.testing.assert_array_equal(
            played(WITH_A_PROBABILITY["delay"](probability)).delay, expected
        )


def test_drops_do_not_depend_on_the_delays():
    expected = played(WITH_A_PROBABILITY["delay"](0.4)).bandwidth
    for bounds in ((1, 1), (2, 7)):
        model = DelayBasedModel(
            min_delay=bounds[0], max_delay=bounds[1], message_drop_probability=0.4
        )
        np.testing.assert_array_equal(played(model).bandwidth, expected)


def test_a_longer_greatest_delay_makes_no_delay_shorter():
    short = played(DelayBasedModel(min_delay=1, max_delay=3)).delay
    long = played(DelayBasedModel(min_delay=1, max_delay=5)).delay
    assert (long >= short).all()
    assert (long > short).any()


def test_losses_do_not_depend_on_where_the_agents_are():
    near, far = (
        play(
            DistanceModel(distance_threshold=10.0, failure_prob=0.5),
            rounds=ROUNDS,
            agents=AGENTS,
            positions=scale * POSITIONS,
        )
        for scale in (1.0, 5.0)
    )
    assert_same(near, far)


@every_probability
def test_links_do_not_depend_on_who_is_alive(make):
    alive = np.random.default_rng(1).random((ROUNDS, AGENTS)) < 0.5
    models = make(0.4), MatrixModel(matrix=np.ones((AGENTS, AGENTS)))
    everyone, some = played(*models), played(*models, alive=alive)
    both = alive[:, :, None] & alive[:, None, :]
    np.testing.assert_array_equal(some.bandwidth[both], everyone.bandwidth[both])
    if everyone.delay is not None:
        np.testing.assert_array_equal(some.delay, everyone.delay)
    assert (some.sent != everyone.sent).any()


@every_probability
def test_a_scope_changes_no_draw(make):
    model = make(0.4)
    scoped = type(model)(
        **{**vars(model), "agent_ids": ["agent_0", "agent_1", "agent_4"]},
    )
    inside = np.ix_(range(ROUNDS), [0, 1, 4], [0, 1, 4])
    np.testing.assert_array_equal(
        off_diagonal(played(scoped).bandwidth[inside]),
        off_diagonal(played(model).bandwidth[inside]),
    )


@every_probability
def test_the_same_seed_draws_the_same_and_another_one_does_not(make):
    assert_same(played(make(0.4), seed=3), played(make(0.4), seed=3))
    assert (played(make(0.4), seed=3).bandwidth != played(make(0.4), seed=4).bandwidth).any()
