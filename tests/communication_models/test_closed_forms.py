"""Closed forms keep the form of their parameters: a number, an array or a mapping."""

import numpy as np
import pytest

from failure_api.communication_models import DelayBasedModel, ProbabilisticModel
from failure_api.core.model import closed_form
from helpers import off_diagonal

TABLE = np.asarray([[0.0, 0.2, 0.5], [0.1, 0.0, 0.9], [1.0, 0.0, 0.0]])
NAMES = ["a", "b", "c"]
MAPPING = {(NAMES[s], NAMES[r]): TABLE[s, r] for s in range(3) for r in range(3) if s != r}
FORMS = {
    "loss": lambda p: ProbabilisticModel(failure_prob=p).expected_loss(),
    "burst": lambda p: ProbabilisticModel(failure_prob=p).expected_burst_length(),
    "age": lambda p: ProbabilisticModel(failure_prob=p).expected_age(),
    "narrow loss": lambda p: ProbabilisticModel(failure_prob=p, max_bandwidth=0.5).expected_loss(),
    "delay loss": lambda p: DelayBasedModel(
        min_delay=0, max_delay=3, message_drop_probability=p
    ).expected_loss(),
    "delay age": lambda p: DelayBasedModel(
        min_delay=1, max_delay=3, message_drop_probability=p
    ).expected_age(),
}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@every_form
def test_a_number_gives_a_float(form):
    assert type(form(0.25)) is float
    assert type(form(1)) is float


@every_form
def test_an_array_gives_each_link_its_own_value(form):
    result = form(TABLE)
    assert result.shape == TABLE.shape
    expected = [[form(p) for p in row] for row in TABLE]
    np.testing.assert_allclose(off_diagonal(result), off_diagonal(expected))


@every_form
def test_a_mapping_gives_each_named_link_its_own_value(form):
    result = form(MAPPING)
    assert set(result) == set(MAPPING)
    for pair, probability in MAPPING.items():
        assert result[pair] == pytest.approx(form(probability))


def test_worked_values():
    assert FORMS["loss"](0.2) == pytest.approx(0.2)
    assert FORMS["burst"](0.2) == pytest.approx(1.25)
    assert FORMS["age"](0.2) == pytest.approx(0.25)
    assert FORMS["age"](1 / 6) == pytest.approx(0.2)
    assert FORMS["narrow loss"](0.2) == pytest.approx(0.6)
    assert FORMS["delay loss"](0.3) == pytest.approx(0.3)


def test_a_link_that_never_works_grows_old_without_end():
    for name in ("burst", "age", "delay age"):
        assert FORMS[name](1.0) == np.inf


@pytest.mark.parametrize("delay", [0, 1, 5])
def test_a_constant_delay_adds_itself_to_the_age_of_loss_alone(delay):
    model = DelayBasedModel(min_delay=delay, max_delay=delay, message_drop_probability=0.2)
    assert model.expected_age() == pytest.approx(delay + 0.25)


def test_the_mean_age_of_a_delay_of_0_to_4_by_hand():
    survival = [4 / 5, 4 / 5 * 3 / 5, 4 / 5 * 3 / 5 * 2 / 5, 4 / 5 * 3 / 5 * 2 / 5 * 1 / 5]
    model = DelayBasedModel(min_delay=0, max_delay=4)
    assert model.expected_age() == pytest.approx(sum(survival))


def test_what_bandwidth_loses_has_no_burst_length_and_no_age_of_its_own():
    model = ProbabilisticModel(failure_prob=0.2, max_bandwidth=0.5)
    assert model.expected_burst_length() is None
    assert model.expected_age() is None


def test_a_bandwidth_above_nominal_loses_nothing():
    model = ProbabilisticModel(failure_prob=0.2, max_bandwidth=3.0)
    assert model.expected_loss() == pytest.approx(0.2)


def test_a_mapping_and_a_number_go_together():
    result = closed_form(lambda p, b: p * b, [{("a", "b"): 0.5}, 0.5], [0.0, 1.0])
    assert result == {("a", "b"): 0.25}


def test_a_link_that_only_one_of_two_mappings_names_loses_what_that_one_says():
    one, other = ("agent_0", "agent_1"), ("agent_1", "agent_0")
    model = ProbabilisticModel(failure_prob={one: 0.4}, max_bandwidth={other: 0.5})
    assert model.expected_loss() == {one: pytest.approx(0.4), other: pytest.approx(0.5)}


def test_a_mapping_and_an_array_give_one_number_for_a_link():
    model = ProbabilisticModel(
        failure_prob={("agent_0", "agent_1"): 0.4}, max_bandwidth=[[1.0, 0.5], [1.0, 1.0]]
    )
    result = model.expected_loss()
    values = result.values() if isinstance(result, dict) else np.asarray(result).ravel()
    assert all(np.ndim(value) == 0 for value in values)
