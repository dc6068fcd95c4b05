"""FourStateModel: netem's chain, its starts, its draws and its mathematics."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from failure_api.communication_models import FourStateModel, GilbertElliottModel
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, off_diagonal, play

TABLE = np.asarray([[0.0, 0.2, 0.5], [0.1, 0.0, 0.4], [0.3, 0.0, 0.0]])
ALL = {"p13": 0.1, "p31": 0.3, "p32": 0.4, "p23": 0.2, "p14": 0.05}
MODELS = {
    "independent": FourStateModel(p13=0.2),
    "all": FourStateModel(**ALL),
    "good start": FourStateModel(**ALL, start="good"),
    "tables": FourStateModel(p13=TABLE, p31=TABLE.T, p32=TABLE, p23=TABLE, p14=TABLE),
    "default of a table": FourStateModel(p13=TABLE, p32=0.5 * TABLE),
    "mapping": FourStateModel(p13={("a", "b"): 0.5}, p31={("a", "b"): 0.2}, p14=0.1),
    "never": FourStateModel(p13=0.0),
    "scoped": FourStateModel(p13=0.5, agent_ids=["a", "b"]),
}
probability = st.floats(0.001, 1.0)


def lost(model, rounds=200, agents=6, **options):
    return ~off_diagonal(play(model, rounds=rounds, agents=agents, **options).arrived)


def by_linear_algebra(p13, p31, p32, p23, p14):
    """Returns loss, burst length and age from the transition matrix alone."""
    matrix = np.asarray(
        [
            [1 - p13 - p14, 0.0, p13, p14],
            [0.0, 1 - p23, p23, 0.0],
            [p31, p32, 1 - p31 - p32, 0.0],
            [1.0, 0.0, 0.0, 0.0],
        ]
    )
    system = np.vstack([matrix.T - np.eye(4), np.ones(4)])
    shares = np.linalg.lstsq(system, np.asarray([0, 0, 0, 0, 1.0]), rcond=None)[0]
    losing = np.diag([0.0, 0.0, 1.0, 1.0])
    loss = (shares @ losing).sum()
    begins = shares @ (np.eye(4) - losing) @ matrix @ losing.sum(axis=1)
    age = shares @ losing @ np.linalg.solve(np.eye(4) - matrix @ losing, np.ones(4))
    return loss, loss / begins, age


def closed_forms(model):
    return model.expected_loss(), model.expected_burst_length(), model.expected_age()


@pytest.mark.sampled(7)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_keeps_the_laws(model):
    check_model(model)


@given(*[probability] * 5)
def test_closed_forms_are_those_of_the_transition_matrix(p13, p31, p32, p23, p14):
    assume(p13 + p14 <= 1 and p31 + p32 <= 1)
    model = FourStateModel(p13=p13, p31=p31, p32=p32, p23=p23, p14=p14)
    expected = by_linear_algebra(p13, p31, p32, p23, p14)
    np.testing.assert_allclose(closed_forms(model), expected, rtol=1e-6)


def test_shares_of_time_as_netem_documents_them():
    p13, p31, p32, p23, p14 = ALL.values()
    good = 1 / (1 + p14 + p13 / p31 * (1 + p32 / p23))
    in_burst = good * p13 / p31
    loss = in_burst + good * p14
    begins = good * p13 + in_burst * p32 / p23 * p23 + good * p14
    assert MODELS["all"].expected_loss() == pytest.approx(loss)
    assert MODELS["all"].expected_burst_length() == pytest.approx(loss / begins)


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_with_p13_alone_losses_are_independent(p):
    assert closed_forms(FourStateModel(p13=p)) == pytest.approx((p, 1 / (1 - p), p / (1 - p)))


def test_with_p13_and_p31_it_is_the_gilbert_model():
    expected = closed_forms(GilbertElliottModel(p=0.05, r=0.25))
    assert closed_forms(FourStateModel(p13=0.05, p31=0.25)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"p13": 0.0}, (0.0, np.nan, 0.0)),
        ({"p13": 0.0, "p31": 0.0, "p32": 0.5, "p23": 0.0}, (0.0, np.nan, 0.0)),
        ({"p13": 0.0, "p14": 0.25}, (0.2, 1.0, 0.2)),
        ({"p13": 0.0, "p31": 0.0, "p14": 0.25}, (0.2, 1.0, 0.2)),
        ({"p13": 1.0}, (1.0, np.inf, np.inf)),
        ({"p13": 0.1, "p31": 0.0}, (1.0, np.inf, np.inf)),
        ({"p13": 0.1, "p31": 0.5, "p23": 0.0}, (1 / 6, 2.0, 1 / 3)),
        ({"p13": 0.1, "p31": 0.5, "p32": 0.1, "p23": 0.0}, (0.0, np.nan, 0.0)),
        ({"p13": 0.1, "p31": 0.0, "p32": 0.5, "p23": 0.5}, (0.5, 2.0, 1.0)),
        ({"p13": 0.0, "p14": 1.0}, (0.5, 1.0, 0.5)),
    ],
)
def test_closed_forms_at_the_edges(parameters, expected):
    np.testing.assert_allclose(closed_forms(FourStateModel(**parameters)), expected)


def test_closed_forms_of_tables_and_mappings_are_those_of_each_link():
    one = FourStateModel(p13=0.2, p31=0.3, p32=0.1, p14=0.05)
    pair = ("a", "b")
    of_table = FourStateModel(p13=TABLE, p31=0.3, p32=0.1, p14=0.05)
    of_pair = FourStateModel(p13={pair: 0.2}, p31={pair: 0.3}, p32={pair: 0.1}, p14=0.05)
    for table, named, expected in zip(*map(closed_forms, (of_table, of_pair, one)), strict=True):
        assert table[0, 1] == pytest.approx(expected)
        assert named == pytest.approx({pair: expected})
    assert FourStateModel(p13={pair: 0.2}).expected_loss() == pytest.approx({pair: 0.2})


def test_a_loss_by_itself_is_followed_by_reception():
    played = lost(FourStateModel(p13=0.0, p14=1.0))
    assert (played[1:] != played[:-1]).all()


def test_a_good_start_is_good_before_round_0_which_moves_on():
    for p13, p14 in ((1.0, 0.0), (0.0, 1.0)):
        assert lost(FourStateModel(p13=p13, p14=p14, start="good"), rounds=1).all()
    assert not lost(FourStateModel(p13=0.0, start="good"), rounds=20).any()


def test_a_burst_goes_through_its_states_in_order():
    """From 1 to 3 to 2 to 3 to 1 where everything is certain but the end of the burst."""
    played = lost(FourStateModel(p13=1.0, p31=0.0, p32=1.0, p23=1.0, start="good"), rounds=6)
    assert played.all(axis=1).tolist() == [True, False] * 3
    assert played.any(axis=1).tolist() == [True, False] * 3


def test_links_that_a_mapping_does_not_name_keep_working():
    pair = ("agent_0", "agent_1")
    down = ~play(FourStateModel(p13={pair: 1.0}, p31={pair: 0.0}), rounds=9).arrived
    assert down[:, 0, 1].all()
    assert off_diagonal(down).sum() == 9


def test_bursts_end_at_once_on_links_whose_recovery_a_mapping_does_not_name():
    pair = ("agent_0", "agent_1")
    down = ~play(FourStateModel(p13=0.5, p31={pair: 0.1}), rounds=200).arrived
    again = down[1:] & down[:-1]
    assert again[:, 0, 1].any()
    assert again.sum() == again[:, 0, 1].sum() + 199 * 3


@pytest.mark.parametrize(
    ("mild", "severe"),
    [
        ({"p13": 0.1, "p31": 0.4}, {"p13": 0.3, "p31": 0.4}),
        ({"p13": 0.1, "p31": 0.7}, {"p13": 0.1, "p31": 0.2}),
        ({"p13": 0.2}, {"p13": 0.4}),
    ],
)
def test_what_is_lost_at_a_severity_is_lost_at_a_greater_one_without_the_states_2_and_4(
    mild, severe
):
    rare, common = (lost(FourStateModel(**parameters)) for parameters in (mild, severe))
    assert not (rare & ~common).any()
    assert (common & ~rare).any()


PAIR = {("a", "b"): 0.7}


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"p13": 0.6, "p14": 0.5}, "p13 + p14 must be at most 1"),
        ({"p13": 0.1, "p31": 0.6, "p32": 0.5}, "p31 + p32 must be at most 1"),
        ({"p13": 0.1, "p32": 0.2}, "with p31 = 1 - p13, must be at most 1"),
        ({"p13": PAIR, "p14": 0.5}, "p13 + p14"),
        ({"p13": 0.1, "p31": PAIR, "p32": 0.2}, "p31 + p32"),
        ({"p13": TABLE, "p14": 0.6}, "p13 + p14"),
        ({"p13": PAIR, "p14": TABLE}, "mappings and arrays"),
        ({"p13": 1.5}, "p13 must lie in [0, 1]"),
        ({"p13": 0.1, "p31": "often"}, "p31"),
        ({"p13": np.nan}, "p13"),
        ({"p13": 0.1, "p23": -1}, "p23"),
        ({"p13": 0.1, "start": "bad"}, "start"),
    ],
)
def test_impossible_parameters_are_one_sentence(parameters, word):
    with pytest.raises(InvalidArgumentError) as caught:
        FourStateModel(**parameters)
    assert_one_sentence(caught.value, word)


def test_rows_that_sum_to_1_are_accepted_whatever_their_rounding():
    for share in (0.1, 0.3, 0.7, 0.9):
        FourStateModel(p13=share, p14=1 - share)
        FourStateModel(p13=share, p32=share)
    FourStateModel(p13=np.asarray([[9.0, 0.5], [0.5, 9.0]]), p14=0.5)
