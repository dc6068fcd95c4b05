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


def losses(*models, **options):
    """Returns what is lost on the links between different agents, also where nobody says so."""
    lost = played(*models, **options).lost
    if lost is None:
        return np.zeros((ROUNDS, AGENTS * (AGENTS - 1)), dtype=bool)
    return off_diagonal(lost)


@every_probability
@pytest.mark.parametrize(("lower", "higher"), [(0.0, 0.05), (0.2, 0.3), (0.3, 0.9), (0.9, 1.0)])
def test_what_is_down_at_a_probability_is_down_at_a_greater_one(make, lower, higher):
    rare, common = (losses(make(p)) for p in (lower, higher))
    assert not (rare & ~common).any()
    assert (common & ~rare).any()


@every_probability
def test_a_second_model_of_the_class_does_not_see_the_parameters_of_the_first(make):
    one, other = (played(make(p), make(0.5)).lost for p in (0.1, 0.6))
    # Wherever the first lets through in both episodes, the second has done the same.
    up_in_both = ~off_diagonal(played(make(0.6)).lost)
    np.testing.assert_array_equal(off_diagonal(one)[up_in_both], off_diagonal(other)[up_in_both])
    assert 0 < off_diagonal(one)[up_in_both].mean() < 1


def test_delays_do_not_depend_on_the_drop_probability():
    expected = played(WITH_A_PROBABILITY["delay"](0.0)).delay
    for probability in (0.3, 1.0, {("agent_0", "agent_1"): 0.5}):
        np.testing.assert_array_equal(
            played(WITH_A_PROBABILITY["delay"](probability)).delay, expected
        )


def test_drops_do_not_depend_on_the_delays():
    expected = played(WITH_A_PROBABILITY["delay"](0.4)).lost
    for bounds in ((1, 1), (2, 7)):
        model = DelayBasedModel(
            min_delay=bounds[0], max_delay=bounds[1], message_drop_probability=0.4
        )
        np.testing.assert_array_equal(played(model).lost, expected)


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
    for name in ("lost", "capacity", "delay"):
        if getattr(everyone, name) is None:
            assert getattr(some, name) is None
        else:
            np.testing.assert_array_equal(getattr(some, name), getattr(everyone, name))
    # What is transmitted between the living is so whoever else lives, but for saved-up credit.
    if everyone.capacity is None:
        np.testing.assert_array_equal(some.sends[both], everyone.sends[both])
    assert (some.sent != everyone.sent).any()


@every_probability
def test_a_scope_changes_no_draw(make):
    model = make(0.4)
    scoped = type(model)(
        **{**vars(model), "agent_ids": ["agent_0", "agent_1", "agent_4"]},
    )
    inside = np.ix_(range(ROUNDS), [0, 1, 4], [0, 1, 4])
    np.testing.assert_array_equal(
        off_diagonal(played(scoped).lost[inside]),
        off_diagonal(played(model).lost[inside]),
    )


@every_probability
def test_the_same_seed_draws_the_same_and_another_one_does_not(make):
    assert_same(played(make(0.4), seed=3), played(make(0.4), seed=3))
    assert (played(make(0.4), seed=3).lost != played(make(0.4), seed=4).lost).any()
