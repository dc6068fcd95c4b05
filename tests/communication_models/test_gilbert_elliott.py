"""GilbertElliottModel: a two-state chain a link, its starts, its draws and its mathematics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.communication_models import GilbertElliottModel, ProbabilisticModel
from failure_api.communication_models.gilbert_elliott import chain_values
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, off_diagonal, play

TABLE = np.asarray([[0.0, 0.2, 0.5], [0.1, 0.0, 0.9], [1.0, 0.0, 0.0]])
MODELS = {
    "losses by state": GilbertElliottModel(p=0.05, r=0.25),
    "good start": GilbertElliottModel(p=0.05, r=0.25, start="good"),
    "random losses": GilbertElliottModel(p=0.2, r=0.3, loss_good=0.1, loss_bad=0.7),
    "upside down": GilbertElliottModel(p=0.2, r=0.3, loss_good=1.0, loss_bad=0.0),
    "tables": GilbertElliottModel(p=TABLE, r=TABLE.T, loss_good=0.5 * TABLE, loss_bad=TABLE),
    "mappings": GilbertElliottModel(p={("a", "b"): 0.5}, r={("a", "b"): 0.2}),
    "never": GilbertElliottModel(p=0.0, r=0.0),
    "scoped": GilbertElliottModel(p=0.5, r=0.5, agent_ids=["a", "b"]),
}
probabilities = st.floats(0.0, 1.0, allow_subnormal=False)


def lost(model, rounds=200, agents=6, **options):
    return ~off_diagonal(play(model, rounds=rounds, agents=agents, **options).arrived)


def by_linear_algebra(p, r, good, bad):
    """Returns loss, burst length, age and correlation from the transition matrix, as by hand."""
    matrix = np.asarray([[1 - p, p], [r, 1 - r]])
    losses = np.asarray([good, bad])
    shares = np.asarray([r, p]) / (p + r)
    ends = shares @ np.diag(losses) @ matrix @ (1 - losses)
    still = np.linalg.solve(np.eye(2) - matrix @ np.diag(losses), np.ones(2))
    loss, both = shares @ losses, shares @ np.diag(losses) @ matrix @ losses
    with np.errstate(invalid="ignore"):
        correlation = (both - loss**2) / (loss * (1 - loss))
        return loss, loss / ends, shares @ np.diag(losses) @ still, correlation


@pytest.mark.sampled(4)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_keeps_the_laws(model):
    check_model(model)


def test_worked_values():
    model = GilbertElliottModel(p=0.05, r=0.25)
    assert model.expected_loss() == pytest.approx(0.166667, abs=5e-7)
    assert model.expected_burst_length() == pytest.approx(4.0)
    assert model.expected_correlation() == pytest.approx(0.70)
    assert model.expected_age() == pytest.approx(0.666667, abs=5e-7)
    # Burstiness alone makes the age 3.33 times that of independent losses.
    independent = ProbabilisticModel(failure_prob=model.expected_loss())
    assert model.expected_age() / independent.expected_age() == pytest.approx(10 / 3)


@given(
    p=st.floats(0.001, 1), r=st.floats(0.001, 1), good=st.floats(0, 0.99), bad=st.floats(0, 0.99)
)
def test_closed_forms_are_those_of_the_transition_matrix(p, r, good, bad):
    model = GilbertElliottModel(p=p, r=r, loss_good=good, loss_bad=bad)
    loss, burst, age, correlation = by_linear_algebra(p, r, good, bad)
    assert model.expected_loss() == pytest.approx(loss)
    assert model.expected_age() == pytest.approx(age)
    if loss > 1e-9:
        assert model.expected_burst_length() == pytest.approx(burst)
        assert model.expected_correlation() == pytest.approx(correlation, abs=1e-6)


@pytest.mark.parametrize("loss", [0.0, 0.3, 0.9])
def test_links_that_lose_alike_in_both_states_lose_independently(loss):
    model = GilbertElliottModel(p=0.1, r=0.4, loss_good=loss, loss_bad=loss)
    independent = ProbabilisticModel(failure_prob=loss)
    assert model.expected_loss() == pytest.approx(independent.expected_loss())
    assert model.expected_age() == pytest.approx(independent.expected_age())
    if loss:
        assert model.expected_burst_length() == pytest.approx(independent.expected_burst_length())
        assert model.expected_correlation() == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"p": 0.0, "r": 0.0}, (0.0, np.nan, 0.0)),
        ({"p": 0.0, "r": 0.0, "loss_good": 0.5}, (0.5, 2.0, 1.0)),
        ({"p": 0.2, "r": 0.0}, (1.0, np.inf, np.inf)),
        ({"p": 0.2, "r": 0.0, "loss_bad": 0.5}, (0.5, 2.0, 1.0)),
        ({"p": 0.3, "r": 0.1, "loss_good": 1.0}, (1.0, np.inf, np.inf)),
        ({"p": 0.0, "r": 0.1, "loss_good": 1.0}, (1.0, np.inf, np.inf)),
        ({"p": 1.0, "r": 1.0}, (0.5, 1.0, 0.5)),
    ],
)
def test_closed_forms_at_the_edges(parameters, expected):
    model = GilbertElliottModel(**parameters)
    found = model.expected_loss(), model.expected_burst_length(), model.expected_age()
    np.testing.assert_allclose(found, expected)


def test_closed_forms_of_tables_and_mappings_are_those_of_each_link():
    rows = np.full((3, 3), 0.25)
    of_table = GilbertElliottModel(p=TABLE, r=rows, loss_bad=0.75)
    pair = ("a", "b")
    of_pair = GilbertElliottModel(p={pair: 0.2}, r={pair: 0.25}, loss_bad={pair: 0.75})
    one = GilbertElliottModel(p=0.2, r=0.25, loss_bad=0.75)
    for name in ("loss", "burst_length", "age", "correlation"):
        expected = getattr(one, f"expected_{name}")()
        assert getattr(of_table, f"expected_{name}")()[0, 1] == pytest.approx(expected)
        assert getattr(of_pair, f"expected_{name}")() == pytest.approx({pair: expected})


def test_links_that_a_mapping_does_not_name_never_fail_or_recover_at_once():
    pair = ("agent_0", "agent_1")
    down = ~play(GilbertElliottModel(p={pair: 1.0}, r={pair: 0.0}), rounds=9).arrived
    assert down[:, 0, 1].all()
    assert off_diagonal(down).sum() == 9
    recovering = lost(GilbertElliottModel(p=0.5, r={pair: 0.0}), agents=3)
    assert not (recovering[1:] & recovering[:-1])[:, 1:].any()


def test_a_good_start_is_good_in_round_0_and_moves_on():
    played = lost(GilbertElliottModel(p=1.0, r=1.0, start="good"), rounds=6)
    assert played.any(axis=1).tolist() == [False, True] * 3
    assert (played.all(axis=1) == played.any(axis=1)).all()


def test_a_stationary_start_has_the_shares_of_time_in_round_0():
    """The worst tolerance is 6 standard deviations of a share of 20,000 links."""
    first = lost(GilbertElliottModel(p=0.05, r=0.25), rounds=1, agents=5, batch=(1000,))
    assert first.mean() == pytest.approx(1 / 6, abs=6 * np.sqrt(5 / 36 / first.size))


def test_links_whose_chain_never_moves_stay_good():
    assert not lost(MODELS["never"]).any()


def test_a_chain_that_only_worsens_is_bad_from_the_start_and_stays_so():
    assert lost(GilbertElliottModel(p=0.01, r=0.0), rounds=30).all()


@pytest.mark.parametrize("losses", [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)])
def test_losses_that_the_state_decides_are_those_that_draws_would_give(losses):
    """A loss of 1 - 2**-30 is 1 in float32, but no number that the model knows to be certain."""
    nearly = [min(loss, 1.0 - 2.0**-30) if loss else 2.0**-30 for loss in losses]
    certain, drawn = (
        lost(GilbertElliottModel(p=0.1, r=0.2, loss_good=good, loss_bad=bad))
        for good, bad in (losses, nearly)
    )
    # What is drawn below 2**-30 is 0 itself: one in 16 million.
    np.testing.assert_array_equal(certain, drawn)


SEVERITIES = {
    "p": ({"p": 0.05, "r": 0.3}, {"p": 0.2, "r": 0.3}),
    "p from 0": ({"p": 0.0, "r": 0.3}, {"p": 0.2, "r": 0.3}),
    "r": ({"p": 0.2, "r": 0.6}, {"p": 0.2, "r": 0.1}),
    "r to 0": ({"p": 0.2, "r": 0.6}, {"p": 0.2, "r": 0.0}),
    "loss_bad": ({"p": 0.2, "r": 0.3, "loss_bad": 0.5}, {"p": 0.2, "r": 0.3}),
    "loss_good": ({"p": 0.2, "r": 0.3}, {"p": 0.2, "r": 0.3, "loss_good": 0.3}),
    "start": ({"p": 0.2, "r": 0.3, "start": "good"}, {"p": 0.2, "r": 0.3}),
}


@pytest.mark.parametrize(("mild", "severe"), SEVERITIES.values(), ids=SEVERITIES)
def test_what_is_lost_at_a_severity_is_lost_at_a_greater_one(mild, severe):
    rare, common = (lost(GilbertElliottModel(**parameters)) for parameters in (mild, severe))
    assert not (rare & ~common).any()
    assert (common & ~rare).any()


@settings(max_examples=30, deadline=None)
@given(st.tuples(probabilities, probabilities), st.tuples(probabilities, probabilities))
def test_chains_nest_wherever_staying_bad_is_likelier_than_going_bad(one, other):
    p, more_p = sorted(x / 2 for x in (one[0], other[0]))
    less_r, r = sorted(x / 2 for x in (one[1], other[1]))
    mild = lost(GilbertElliottModel(p=p, r=r, start="good"), rounds=30)
    severe = lost(GilbertElliottModel(p=more_p, r=less_r, start="good"), rounds=30)
    assert not (mild & ~severe).any()


def test_states_do_not_depend_on_the_losses():
    burst = lost(GilbertElliottModel(p=0.1, r=0.2))
    faint = lost(GilbertElliottModel(p=0.1, r=0.2, loss_bad=0.5))
    assert not (faint & ~burst).any()
    assert faint[burst].mean() == pytest.approx(0.5, abs=0.1)


@given(loss=st.floats(0.0, 0.999, allow_subnormal=False), length=st.floats(1, 1e6))
def test_loss_and_burst_come_back_or_are_refused(loss, length):
    if length < loss / (1 - loss):
        with pytest.raises(InvalidArgumentError) as caught:
            GilbertElliottModel.from_loss_and_burst(loss, length)
        assert_one_sentence(caught.value, "mean_burst_length")
        return
    model = GilbertElliottModel.from_loss_and_burst(loss, length)
    assert model.expected_loss() == pytest.approx(loss, abs=1e-12)
    if model.p > 0:
        assert model.expected_burst_length() == pytest.approx(length)


def test_loss_and_burst_may_differ_by_link():
    loss, pair = 0.5 * TABLE, ("a", "b")
    model = GilbertElliottModel.from_loss_and_burst(loss, 3.0)
    np.testing.assert_allclose(off_diagonal(model.expected_loss()), off_diagonal(loss))
    named = GilbertElliottModel.from_loss_and_burst({pair: 0.2}, 5.0, agent_ids=pair)
    assert named.expected_burst_length() == pytest.approx({pair: 5.0})
    assert named.agent_ids == pair
    assert chain_values(0.2, {pair: 4.0}) == ({pair: 0.0625}, {pair: 0.25})
    assert GilbertElliottModel.from_loss_and_burst(0.1, 2.0, start="good").start == "good"


@pytest.mark.parametrize(
    ("loss", "length", "word"),
    [
        (1.0, 4.0, "loss must"),
        (-0.1, 4.0, "loss must"),
        (np.nan, 4.0, "loss must"),
        ("half", 4.0, "loss must"),
        (0.2, 0.5, "mean_burst_length must"),
        (0.2, np.inf, "mean_burst_length must"),
        (0.2, None, "mean_burst_length must"),
        (0.8, 3.0, "here 4 rounds"),
        ([[0.0, 0.1], [0.9, 0.0]], 3.0, "here 9 rounds"),
        ({("a", "b"): 0.9}, 3.0, "here 9 rounds"),
        ({("a", "b"): 0.1}, [[1.0, 2.0], [2.0, 1.0]], "mean_burst_length must not be an array"),
    ],
)
def test_impossible_losses_and_bursts_are_one_sentence(loss, length, word):
    with pytest.raises(InvalidArgumentError) as caught:
        GilbertElliottModel.from_loss_and_burst(loss, length)
    assert_one_sentence(caught.value, word)


def test_a_transition_matrix_gives_the_model():
    model = GilbertElliottModel.from_transition_matrix(
        [[0.9, 0.1], [0.4, 0.6]], loss_good=0.1, loss_bad=0.5, start="good", agent_ids=["a"]
    )
    assert model == GilbertElliottModel(
        p=0.1, r=0.4, loss_good=0.1, loss_bad=0.5, start="good", agent_ids=["a"]
    )


@pytest.mark.parametrize(
    "matrix",
    [
        0.5,
        None,
        "good",
        [[1.0]],
        np.eye(3),
        [[0.5, 0.5], [0.5]],
        [[0.9, 0.2], [0.4, 0.6]],
        [[0.9, 0.1], [0.4, 0.5]],
        [[1.5, -0.5], [0.4, 0.6]],
        [[np.nan, 0.5], [0.5, 0.5]],
    ],
    ids=str,
)
def test_wrong_matrices_are_one_sentence(matrix):
    with pytest.raises(InvalidArgumentError) as caught:
        GilbertElliottModel.from_transition_matrix(matrix)
    assert_one_sentence(caught.value, "matrix must")


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["p", "r", "loss_good", "loss_bad"]),
    value=st.one_of(
        st.floats(max_value=0, exclude_max=True),
        st.floats(min_value=1, exclude_min=True),
        st.sampled_from([np.nan, None, "0.5", [0.5], {("a", "a"): 0.5}, {("a", "b"): 2.0}]),
    ),
)
def test_wrong_probabilities_are_one_sentence(name, value):
    with pytest.raises(InvalidArgumentError) as caught:
        GilbertElliottModel(**{"p": 0.1, "r": 0.1, name: value})
    assert_one_sentence(caught.value, name)


def test_a_wrong_start_is_one_sentence():
    with pytest.raises(InvalidArgumentError) as caught:
        GilbertElliottModel(p=0.1, r=0.1, start="bad")
    assert_one_sentence(caught.value, "start must be 'stationary' or 'good'")
