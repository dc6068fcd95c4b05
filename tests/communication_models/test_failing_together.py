"""NodeFailureModel(together=...): one set of agents is down, and all of it is repaired at once."""

import dataclasses

import numpy as np
import pytest

from failure_api.communication_models import NodeFailureModel
from failure_api.communication_models.node_failure import TARGETS, sizes
from failure_api.core import Links, NumpyStream
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, context_of, play

TIMES = {"mean_time_to_failure": 6, "mean_time_to_repair": 4}
MODES = ("crash", "mute", "deaf")


def down(model, agents=5, **options):
    """Returns who is down, bool `[rounds, ..., N]`, of a model that mutes agents or crashes."""
    sends = play(model, agents=agents, **options).sends
    return ~(sends | np.eye(agents, dtype=bool)).all(axis=-1)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("one", {2: 1, 3: 1, 4: 1, 5: 1, 9: 1, 10: 1}),
        ("minority_third", {2: 0, 3: 0, 4: 1, 5: 1, 9: 2, 10: 3}),
        ("minority", {2: 1, 3: 1, 4: 2, 5: 2, 9: 4, 10: 5}),
        ("majority", {2: 2, 3: 2, 4: 3, 5: 3, 9: 5, 10: 6}),
        ("all", {2: 2, 3: 3, 4: 4, 5: 5, 9: 9, 10: 10}),
    ],
)
def test_how_many_fail_together(target, expected):
    for agents, number in expected.items():
        assert sizes(target, agents) == {number: 1}
        model = NodeFailureModel(mode="mute", together=target, **TIMES)
        found = set(down(model, agents=agents, rounds=100).sum(axis=-1))
        assert found == {0, number}


def test_any_number_fails_where_some_do():
    assert sizes("some", 4) == {1: 1 / 4, 2: 1 / 4, 3: 1 / 4, 4: 1 / 4}
    failed = down(NodeFailureModel(mode="mute", together="some", **TIMES), rounds=500)
    assert set(failed.sum(axis=-1)) == {0, 1, 2, 3, 4, 5}


def test_of_several_targets_one_is_drawn_for_each_failure():
    model = NodeFailureModel(mode="mute", together=["one", "all"], **TIMES)
    failed = down(model, rounds=500)
    assert set(failed.sum(axis=-1)) == {0, 1, 5}
    assert sizes(TARGETS, 5)[1] == pytest.approx((1 + 1 + 1 / 5) / 6)


@pytest.mark.parametrize("together", [*TARGETS, TARGETS], ids=str)
def test_a_set_stays_until_it_is_repaired_and_then_all_of_it_is(together):
    failed = down(NodeFailureModel(mode="mute", together=together, **TIMES), rounds=400)
    some = failed.any(axis=-1)
    lasts = some[1:] & some[:-1]
    assert lasts.any()
    np.testing.assert_array_equal(failed[1:][lasts], failed[:-1][lasts])


def test_every_failure_takes_others():
    model = NodeFailureModel(mode="mute", together="minority", **TIMES)
    failed = down(model, rounds=6000)
    some = failed.any(axis=-1)
    begins = failed[1:][some[1:] & ~some[:-1]]
    sets, counts = np.unique(begins, axis=0, return_counts=True)
    # All ten pairs of five, as often: five standard deviations of a binomial number.
    assert len(sets) == 10
    expected = len(begins) / 10
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected * 0.9)


def test_the_batch_fails_apart():
    failed = down(NodeFailureModel(mode="mute", together="one", **TIMES), rounds=50, batch=(2,))
    assert (failed[:, 0] != failed[:, 1]).any()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_down_loses_what_its_mode_says(mode):
    crash = NodeFailureModel(mode="crash", together="minority", **TIMES)
    failed = down(crash, rounds=60)
    played = play(dataclasses.replace(crash, mode=mode), agents=5, rounds=60)
    silent, deaf = failed[:, :, None], failed[:, None, :]
    expected = {
        "crash": silent | deaf,
        "mute": silent | np.zeros_like(deaf),
        "deaf": deaf | np.zeros_like(silent),
    }[mode]
    apart = ~np.eye(5, dtype=bool)
    np.testing.assert_array_equal(played.arrived, ~expected & apart)


def test_only_agents_of_the_scope_are_taken():
    model = NodeFailureModel(
        mode="mute", together="majority", agent_ids=("agent_0", "agent_2", "agent_4"), **TIMES
    )
    sends = play(model, agents=5, rounds=100).sends
    assert sends[:, 1, [0, 2, 3, 4]].all()
    inside = sends[:, [[0], [2], [4]], [0, 2, 4]] | np.eye(3, dtype=bool)
    assert set((~inside).any(axis=-1).sum(axis=-1)) == {0, 2}


def test_an_episode_starts_in_the_long_run_or_with_everyone_up():
    model = NodeFailureModel(mode="mute", together="one", **TIMES)
    failed = down(model, batch=(4000,))[0]
    # Four rounds in ten: five standard deviations.
    assert failed.any(axis=-1).mean() == pytest.approx(0.4, abs=5 * np.sqrt(0.24 / 4000))
    assert not down(dataclasses.replace(model, start="up"), batch=(100,))[0].any()


def test_a_team_that_is_never_repaired_starts_up_and_stays_down():
    model = NodeFailureModel(mode="mute", together="minority", mean_time_to_failure=5)
    failed = down(model, rounds=100, batch=(20,))
    assert not failed[0].any()
    assert (failed[1:] >= failed[:-1]).all()
    assert (failed[-1].sum(axis=-1) == 2).all()


@pytest.mark.parametrize("together", ["one", "some", TARGETS], ids=str)
def test_a_further_attempt_finds_the_same_set(together):
    model = NodeFailureModel(mode="crash", together=together, **TIMES)
    context, random = context_of(5), NumpyStream(1)
    parameters = model.prepare(context)
    state = model.init(parameters, context, random)
    links = Links(np.ones((5, 5), dtype=bool))
    for number in range(30):
        following, first = model.step(parameters, state, links, context, random)
        stream = random.child("attempt", number)
        again = model.attempt(parameters, state, following, links, context, stream)
        np.testing.assert_array_equal(again.sends, first.sends)
        np.testing.assert_array_equal(again.hears, first.hears)
        state = following


@pytest.mark.sampled(4)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "options",
    [
        *({"together": target, **TIMES} for target in (*TARGETS, TARGETS)),
        {"together": "one", "mean_time_to_failure": 3, "start": "up"},
        {"together": ["some", "all"], "agent_ids": ("a", "c"), **TIMES},
    ],
    ids=str,
)
def test_laws(mode, options):
    check_model(NodeFailureModel(mode=mode, **options))


def test_it_is_a_value():
    one, other = (
        NodeFailureModel(mode="crash", together=together, **TIMES)
        for together in (["one", "all"], ("one", "all"))
    )
    assert one == other
    assert hash(one) == hash(other)
    assert eval(repr(one)) == one


# Closed forms; `comparisons_together.py` holds simulations to them


def test_worked_shares():
    """Two of five: a link between the other three stays, 6 of 20."""
    model = NodeFailureModel(
        mode="crash", mean_time_to_failure=30, mean_time_to_repair=10, together="minority"
    )
    assert model.team_unavailability(5) == pytest.approx(0.25 * 2 / 5)
    assert model.team_loss(5) == pytest.approx(0.25 * 14 / 20)
    assert model.team_age(5) == pytest.approx(0.25 * 14 / 20 * 10)
    assert model.expected_burst_length() == pytest.approx(10)
    for mode in ("mute", "deaf"):
        other = dataclasses.replace(model, mode=mode)
        assert other.team_loss(5) == pytest.approx(0.25 * 2 / 5)
        assert other.team_age(5) == pytest.approx(0.25 * 2 / 5 * 10)
    # In a team of three less than a third is nobody.
    nobody = dataclasses.replace(model, together="minority_third", mean_time_to_repair=None)
    assert nobody.team_loss(3) == nobody.team_age(3) == nobody.team_unavailability(3) == 0.0
    assert nobody.team_loss(4) == pytest.approx(1 / 2)
    assert nobody.team_age(4) == np.inf


def test_all_together_are_as_one():
    for together in ("all", ["all"]):
        model = NodeFailureModel(mode="crash", together=together, **TIMES)
        assert model.unavailability() == model.team_unavailability(7) == pytest.approx(0.4)
        assert model.expected_loss() == model.team_loss(7) == pytest.approx(0.4)
        assert model.expected_age() == model.team_age(7) == pytest.approx(1.6)


def test_what_depends_on_the_team_is_none_without_it():
    model = NodeFailureModel(mode="crash", together="some", **TIMES)
    assert model.expected_loss() is model.expected_age() is model.unavailability() is None
    alone = NodeFailureModel(mode="crash", **TIMES)
    assert alone.team_loss(3) is alone.team_age(3) is alone.team_unavailability(3) is None
    never = dataclasses.replace(model, mean_time_to_failure=np.inf)
    assert never.team_loss(3) == never.team_age(3) == 0.0


# Errors


@pytest.mark.parametrize(
    ("word", "options"),
    [
        *(("together", {"together": t, **TIMES}) for t in ("half", "", 2, [], {"one"}, b"one")),
        ("together[1]", {"together": ["one", "two"], **TIMES}),
        ("together[0]", {"together": [["one"]], **TIMES}),
        ("together", {"together": "one", "schedule": {"a": [(0, 1)]}}),
        (
            "mean_time_to_failure",
            {"together": "one", "mean_time_to_failure": [2, 3], "mean_time_to_repair": 2},
        ),
        (
            "mean_time_to_repair",
            {"together": "one", "mean_time_to_failure": 2, "mean_time_to_repair": {"a": 2}},
        ),
    ],
    ids=str,
)
def test_wrong_arguments(word, options):
    with pytest.raises(InvalidArgumentError) as caught:
        NodeFailureModel(mode="mute", **options)
    assert_one_sentence(caught.value, word)


def test_a_team_has_two_agents_or_more():
    with pytest.raises(InvalidArgumentError) as caught:
        NodeFailureModel(mode="mute", together="one", **TIMES).team_loss(1)
    assert_one_sentence(caught.value, "agents")
