"""What models carry fits batches and compiled rounds, and elements of a batch have own rounds."""

from __future__ import annotations

import broken_noise_arrays
import broken_state
import pytest

from failure_api.errors import LawError
from failure_api.testing import check_model, check_noise_model


@pytest.mark.parametrize("subject", broken_state.STATES, ids=lambda subject: subject.__name__)
def test_a_state_that_changes_its_form_is_found(subject):
    with pytest.raises(LawError, match=r"^law 1 ") as caught:
        check_model(subject(), backends=())
    assert f" {subject.__name__}{broken_state.STATES[subject]}" in str(caught.value)


@pytest.mark.parametrize("subject", broken_state.ROUNDS, ids=lambda subject: subject.__name__)
@pytest.mark.parametrize("team", [("a", "b"), ("a", "b", "c")], ids=len)
def test_a_model_that_knows_one_round_alone_is_found(subject, team):
    """With as many agents as elements, shapes fit that should not."""
    with pytest.raises(LawError, match=r"^law 1 .*context\.round_over\(2\)") as caught:
        check_model(subject(), agent_ids=team, backends=())
    differs = broken_state.ROUNDS[broken_state.FirstRound]
    expected = broken_state.ROUNDS[subject] if len(team) == 3 else differs
    assert f"{subject.__name__} {expected}" in str(caught.value)


@pytest.mark.parametrize("subject", broken_noise_arrays.STATES, ids=lambda one: one.__name__)
def test_a_noise_model_whose_state_no_batch_can_carry_is_found(subject):
    with pytest.raises(LawError, match=r"^law 1 ") as caught:
        check_noise_model(subject(), backends=())
    assert broken_noise_arrays.STATES[subject] in str(caught.value)


@pytest.mark.parametrize("subject", [broken_state.Counting, broken_state.KnowsItsRound])
def test_what_keeps_its_form_and_knows_its_round_passes(subject):
    check_model(subject(), backends=())
    check_model(subject(), agent_ids=("a", "b"), backends=())
