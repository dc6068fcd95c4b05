"""MatrixModel: a topology that is given, from sender to receiver, fixed or on a schedule."""

import numpy as np
import pytest

from failure_api.communication_models import MatrixModel
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence, off_diagonal, play

GENERATOR = np.random.default_rng(0)
SCHEDULE = GENERATOR.random((3, 4, 4)) > 0.5


def test_a_matrix_says_who_hears_whom():
    matrix = SCHEDULE[0]
    arrived = play(MatrixModel(matrix=matrix), rounds=5, agents=4).arrived
    for number in range(5):
        np.testing.assert_array_equal(off_diagonal(arrived[number]), off_diagonal(matrix))


def test_booleans_integers_and_lists_are_matrices_too():
    matrix = SCHEDULE[0]
    models = [MatrixModel(matrix=m) for m in (matrix, matrix.astype(int), matrix.tolist())]
    assert models[0] == models[1] == models[2]


def test_a_schedule_starts_with_round_0_and_starts_over():
    arrived = off_diagonal(play(MatrixModel(matrix=SCHEDULE), rounds=10, agents=4).arrived)
    np.testing.assert_array_equal(arrived, off_diagonal(SCHEDULE)[np.arange(10) % 3])


def test_a_schedule_may_hold_its_last_matrix():
    model = MatrixModel(matrix=SCHEDULE, at_end="hold")
    arrived = off_diagonal(play(model, rounds=10, agents=4).arrived)
    np.testing.assert_array_equal(arrived, off_diagonal(SCHEDULE)[np.arange(10).clip(max=2)])


@pytest.mark.parametrize("at_end", ["repeat", "hold"])
def test_a_schedule_of_one_matrix_is_that_matrix(at_end):
    schedule = play(MatrixModel(matrix=SCHEDULE[:1], at_end=at_end), rounds=5, agents=4)
    np.testing.assert_array_equal(
        schedule.sent, play(MatrixModel(matrix=SCHEDULE[0]), rounds=5, agents=4).sent
    )


@pytest.mark.parametrize("matrix", [SCHEDULE, SCHEDULE[0], GENERATOR.random((5, 4, 4)).round(1)])
def test_the_expected_loss_is_what_a_long_episode_loses(matrix):
    """Nothing is random here; a link may hold back less than one message at the end."""
    model, rounds = MatrixModel(matrix=matrix), 600
    lost = (~play(model, rounds=rounds, agents=4).arrived).mean(axis=0)
    np.testing.assert_allclose(
        off_diagonal(model.expected_loss()), off_diagonal(lost), atol=1.01 / rounds
    )
    assert (np.diagonal(model.expected_loss()) == 0).all()


def test_the_expected_loss_of_a_held_schedule_is_that_of_its_last_matrix():
    held = MatrixModel(matrix=SCHEDULE, at_end="hold").expected_loss()
    np.testing.assert_array_equal(held, MatrixModel(matrix=SCHEDULE[-1]).expected_loss())


def test_more_than_one_message_a_round_makes_up_for_no_other_round():
    schedule = np.zeros((2, 2, 2))
    schedule[0, 0, 1] = 2.0
    assert MatrixModel(matrix=schedule).expected_loss()[0, 1] == 0.5


def test_a_matrix_for_another_number_of_agents_is_refused_when_the_episode_starts():
    for matrix in (SCHEDULE, SCHEDULE[0]):
        with pytest.raises(InvalidArgumentError) as caught:
            play(MatrixModel(matrix=matrix), agents=3)
        assert_one_sentence(caught.value, "MatrixModel.matrix", "3 agents", "(3, 3)")


def test_one_wrong_entry_is_pointed_out():
    matrix = np.ones((2, 3, 3))
    matrix[1, 0, 2] = -0.5
    with pytest.raises(InvalidArgumentError) as caught:
        MatrixModel(matrix=matrix)
    assert_one_sentence(caught.value, "matrix[1, 0, 2]", "-0.5")


def test_nothing_is_asked_of_the_diagonal():
    matrix = np.ones((3, 3))
    np.fill_diagonal(matrix, np.nan)
    played = play(MatrixModel(matrix=matrix))
    assert off_diagonal(played.arrived).all()


def test_an_entry_of_0_is_lost_on_the_air_and_one_between_0_and_1_is_capacity():
    model = MatrixModel(matrix=[[0, 0.25, 0], [1, 0, 3], [0.5, 1, 0]])
    played = play(model)
    lost = [[False, False, True], [False, False, False], [False, False, False]]
    np.testing.assert_array_equal(off_diagonal(played.lost[0]), off_diagonal(lost))
    # What is cut, nominal or more has no capacity to speak of.
    capacity = [[0, 0.25, np.inf], [np.inf, 0, np.inf], [0.5, np.inf, 0]]
    np.testing.assert_array_equal(off_diagonal(played.capacity[0]), off_diagonal(capacity))
    assert play(MatrixModel(matrix=SCHEDULE), agents=4).capacity is None
    assert MatrixModel(matrix=[[0, 0.5], [0, 0]]).traits.narrows
    assert not MatrixModel(matrix=[[0, 1.5], [0, 0]]).traits.narrows
