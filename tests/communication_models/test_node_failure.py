"""NodeFailureModel: which links a failed agent loses, when, and what that comes to."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.communication_models import NodeFailureModel
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, context_of, off_diagonal, play

MODES = ("crash", "mute", "deaf")
TIMES = {"mean_time_to_failure": 20, "mean_time_to_repair": 4}
every_mode = pytest.mark.parametrize("mode", MODES)


def down(model, agents=3, **options):
    """Returns which links are down, bool `[rounds, ..., N, N]`, False on the diagonal."""
    return ~play(model, agents=agents, **options).up & ~np.eye(agents, dtype=bool)


def links_of(mode, failed):
    """Returns which links go down with agents, bool `[..., N, N]`."""
    failed = np.asarray(failed)
    sender, receiver = failed[..., :, None], failed[..., None, :]
    lost = {"crash": sender | receiver, "mute": sender | (receiver & False), "deaf": receiver}[mode]
    return lost & ~np.eye(failed.shape[-1], dtype=bool)


def random_outages(lost, mode):
    """Returns who is down, bool `[rounds, ..., N]`, read from the links of three or more agents."""
    others = lost.shape[-1] - 1
    sends_nothing, hears_nothing = (lost.sum(axis=axis) == others for axis in (-1, -2))
    return {"crash": sends_nothing & hears_nothing, "mute": sends_nothing, "deaf": hears_nothing}[
        mode
    ]


# Which links, and when


@every_mode
def test_a_failed_agent_loses_what_its_mode_says(mode):
    model = NodeFailureModel(mode=mode, schedule={"agent_1": [(0, None)]})
    np.testing.assert_array_equal(down(model)[0], links_of(mode, [False, True, False]))


@every_mode
def test_who_is_mute_sends_nothing_and_who_is_deaf_hears_nothing(mode):
    played = play(NodeFailureModel(mode=mode, schedule={"agent_1": [(0, None)]}))
    assert played.lost is None
    silent, deaf = (mode in kinds for kinds in (("crash", "mute"), ("crash", "deaf")))
    assert off_diagonal(~played.sends[0]).sum() == 2 * silent
    assert played.sends[0, 1, [0, 2]].any() != silent
    if not deaf:
        assert played.hears is None
        return
    assert not played.hears[0, :, 1].any()
    assert played.hears[0, :, [0, 2]].all()


@every_mode
def test_outages_last_from_start_to_the_round_before_stop(mode):
    schedule = {"agent_0": [(1, 3), (5, None)], "agent_2": [(6, 7)]}
    failed = np.zeros((9, 3), dtype=bool)
    failed[1:3, 0] = failed[5:, 0] = failed[6, 2] = True
    model = NodeFailureModel(mode=mode, schedule=schedule)
    np.testing.assert_array_equal(down(model, rounds=9), links_of(mode, failed))
    batched = down(model, rounds=9, batch=(2,))
    np.testing.assert_array_equal(batched[:, 1], links_of(mode, failed))


def test_outages_may_overlap_and_come_in_any_order():
    model = NodeFailureModel(mode="mute", schedule={"agent_0": [(4, 6), (1, 3), (2, 5)]})
    assert np.flatnonzero(down(model, rounds=8)[:, 0, 1]).tolist() == [1, 2, 3, 4, 5]


def test_a_schedule_without_outages_changes_nothing():
    for schedule in ({}, {"agent_0": []}):
        assert not down(NodeFailureModel(mode="crash", schedule=schedule), rounds=3).any()


@every_mode
def test_links_fail_with_their_agents_and_with_nothing_else(mode):
    model = NodeFailureModel(mode=mode, mean_time_to_failure=3, mean_time_to_repair=2)
    lost = down(model, agents=4, rounds=60, batch=(2,))
    failed = random_outages(lost, mode)
    assert 0.3 < failed.mean() < 0.6
    # With one agent up at most, nothing tells who is down.
    some = failed.sum(axis=-1) < 3
    np.testing.assert_array_equal(lost[some], links_of(mode, failed)[some])
    assert (failed[:, 0] != failed[:, 1]).any()


def test_all_modes_fail_at_the_same_times():
    crash, mute, deaf = (down(NodeFailureModel(mode=mode, **TIMES), rounds=100) for mode in MODES)
    np.testing.assert_array_equal(crash, mute | deaf)
    assert (mute != deaf).any()


def test_times_that_are_given_for_single_agents_leave_the_others_up():
    model = NodeFailureModel(
        mode="crash",
        mean_time_to_failure={"agent_1": 2, "agent_3": 3},
        mean_time_to_repair={"agent_1": 2},
    )
    lost = down(model, agents=5, rounds=200)
    untouched = [0, 2, 4]
    assert not lost[:, untouched][:, :, untouched].any()
    assert 0.3 < lost[:, 0, 1].mean() < 0.7
    # The other is never repaired.
    failed = lost[:, 0, 3]
    assert failed[-1]
    assert (failed[1:] >= failed[:-1]).all()
    same = dataclasses.replace(
        model,
        mean_time_to_failure=[np.inf, 2, np.inf, 3, np.inf],
        mean_time_to_repair=[np.inf, 2, np.inf, np.inf, np.inf],
    )
    np.testing.assert_array_equal(down(same, agents=5, rounds=200), lost)


def test_episodes_start_in_the_long_run_or_with_everyone_up():
    model = NodeFailureModel(mode="mute", mean_time_to_failure=10, mean_time_to_repair=30)
    lost = down(model, batch=(1000,))[0]
    assert 0.7 < off_diagonal(lost).mean() < 0.8
    up = dataclasses.replace(model, start="up")
    lost = down(up, rounds=2, batch=(1000,))
    assert not lost[0].any()
    assert 0.07 < off_diagonal(lost[1]).mean() < 0.13


def test_who_is_never_repaired_starts_up_and_fails_for_good():
    model = NodeFailureModel(mode="mute", mean_time_to_failure=5)
    lost = down(model, rounds=100, batch=(50,))
    assert not lost[0].any()
    assert (lost[1:] >= lost[:-1]).all()
    assert off_diagonal(lost[-1]).all()


def test_a_mean_of_one_round_is_one_round():
    model = NodeFailureModel(mode="mute", mean_time_to_failure=1, mean_time_to_repair=1, start="up")
    assert off_diagonal(down(model, rounds=6)).all(axis=1).tolist() == [False, True] * 3
    forever = NodeFailureModel(mode="deaf", mean_time_to_failure=1, mean_time_to_repair=np.inf)
    assert off_diagonal(down(forever, rounds=6)).all(axis=1).tolist() == [False] + [True] * 5


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(MODES),
    st.lists(st.floats(2, 50), min_size=2, max_size=2, unique=True).map(sorted),
    st.lists(st.floats(2, 50), min_size=2, max_size=2, unique=True).map(sorted),
)
def test_what_is_down_is_down_too_where_failures_are_sooner_and_repairs_later(
    mode, failing, repairing
):
    rare, common = (
        down(
            NodeFailureModel(mode=mode, mean_time_to_failure=failure, mean_time_to_repair=repair),
            rounds=60,
        )
        for failure, repair in ((failing[1], repairing[0]), (failing[0], repairing[1]))
    )
    assert not (rare & ~common).any()


def test_an_infinite_time_to_failure_is_the_end_of_a_sweep():
    never = NodeFailureModel(mode="crash", mean_time_to_failure=np.inf, mean_time_to_repair=5)
    assert not down(never, rounds=30).any()
    assert never.expected_loss() == never.expected_age() == 0.0
    assert np.isnan(never.expected_burst_length())


def test_deaths_move_no_failure():
    model = NodeFailureModel(mode="crash", mean_time_to_failure=3, mean_time_to_repair=2)
    alive = np.ones((20, 4), dtype=bool)
    alive[5:, 0] = False
    whole, dying = (play(model, agents=4, rounds=20, alive=who) for who in (None, alive))
    for name in ("sends", "hears", "sent"):
        one, other = (getattr(played, name)[:, 1:, 1:] for played in (dying, whole))
        np.testing.assert_array_equal(one, other)


# Laws


@pytest.mark.sampled(6)
@every_mode
@pytest.mark.parametrize(
    "times",
    [
        TIMES,
        {"mean_time_to_failure": 3},
        {"mean_time_to_failure": [4, np.inf, 1], "mean_time_to_repair": [2, 3, 4], "start": "up"},
        {"mean_time_to_failure": {"a": 5}, "mean_time_to_repair": 2, "agent_ids": ("a", "c")},
        {"schedule": {"a": [(2, 5), (9, None)], "c": [(0, 3)]}},
    ],
)
def test_laws(mode, times):
    check_model(NodeFailureModel(mode=mode, **times))


def test_schedules_are_values():
    lists, tuples = (
        NodeFailureModel(mode="crash", schedule={"a": outages})
        for outages in ([[1, 3]], ((np.int64(1), 3),))
    )
    assert lists == tuples
    assert hash(lists) == hash(tuples)
    assert eval(repr(lists)) == lists


# Closed forms


@pytest.mark.parametrize("mode", ["mute", "deaf"])
def test_one_end_is_a_gilbert_elliott_link(mode):
    """With p = 0.05 and r = 0.25, as worked out for those."""
    model = NodeFailureModel(mode=mode, **TIMES)
    assert model.unavailability() == pytest.approx(1 / 6)
    assert model.expected_loss() == pytest.approx(1 / 6)
    assert model.expected_burst_length() == pytest.approx(4)
    assert model.expected_age() == pytest.approx(2 / 3)


def brute_force_age(ends):
    """Sums the chance that no round of k had both ends up, over all k, state by state."""
    chain, share = np.ones((1, 1)), np.ones(1)
    for failure, repair in ends:
        p, r = 1 / failure, 1 / repair
        chain = np.kron(chain, [[1 - p, p], [r, 1 - r]])
        share = np.kron(share, [r / (p + r), p / (p + r)])
    lost, total = share.copy(), 0.0
    for _ in range(20_000):
        lost[0] = 0.0
        total += lost.sum()
        lost = lost @ chain
    return total


@pytest.mark.parametrize("ends", [((20, 4), (20, 4)), ((7, 3), (50, 9)), ((2, 1), (3, 30))])
def test_the_age_behind_two_ends(ends):
    (failure, repair), (failure_too, repair_too) = ends
    model = NodeFailureModel(
        mode="crash",
        mean_time_to_failure=[failure, failure_too],
        mean_time_to_repair=[repair, repair_too],
    )
    np.testing.assert_allclose(
        model.expected_age(), brute_force_age(ends) * (1 - np.eye(2)), rtol=1e-9
    )
    shares = model.unavailability()
    assert shares == pytest.approx(
        [repair / (failure + repair), repair_too / (failure_too + repair_too)]
    )
    assert model.expected_loss()[0, 1] == pytest.approx(1 - np.prod(1 - shares))
    begins = np.prod(1 - shares) * (1 - (1 - 1 / failure) * (1 - 1 / failure_too))
    bursts = model.expected_burst_length()
    assert bursts[1, 0] == pytest.approx((1 - np.prod(1 - shares)) / begins)
    assert bursts[0, 0] == 0.0


def test_arrays_tell_senders_from_receivers():
    times = {"mean_time_to_failure": [4, np.inf, 2], "mean_time_to_repair": [2, 7, np.inf]}
    off = 1 - np.eye(3)
    mute = NodeFailureModel(mode="mute", **times)
    np.testing.assert_allclose(mute.expected_loss(), off * np.array([[1 / 3], [0], [1]]))
    np.testing.assert_allclose(mute.unavailability(), [1 / 3, 0, 1])
    deaf = NodeFailureModel(mode="deaf", **times)
    for form in ("expected_loss", "expected_burst_length", "expected_age"):
        one, other = getattr(mute, form)(), getattr(deaf, form)()
        np.testing.assert_array_equal(one, other.T)
        # The second never fails, the third is never repaired, the first is down for two rounds.
        never = np.nan if form == "expected_burst_length" else 0.0
        np.testing.assert_array_equal(one[1, [0, 2]], [never, never])
    assert mute.expected_burst_length()[0, 1:].tolist() == pytest.approx([2, 2])
    assert mute.expected_age()[2].tolist() == [np.inf, np.inf, 0]
    crash = NodeFailureModel(mode="crash", **times)
    assert crash.expected_age()[0, 1] == pytest.approx(mute.expected_age()[0, 1])
    assert crash.expected_age()[0, 2] == np.inf
    assert crash.expected_loss()[1, 2] == 1.0


@every_mode
def test_failing_for_good_loses_everything_in_the_long_run(mode):
    model = NodeFailureModel(mode=mode, mean_time_to_failure=5)
    assert model.unavailability() == model.expected_loss() == 1.0
    assert model.expected_burst_length() == model.expected_age() == np.inf


def test_what_a_mapping_and_a_schedule_do_not_say():
    mapping = NodeFailureModel(
        mode="crash", mean_time_to_failure={"a": 6, "b": 2}, mean_time_to_repair=2
    )
    scheduled = NodeFailureModel(mode="crash", schedule={"a": [(3, None), (0, 1)], "b": [(3, 4)]})
    for model in (mapping, scheduled):
        assert model.expected_loss() is None
        assert model.expected_burst_length() is None
        assert model.expected_age() is None
    assert mapping.unavailability() == {"a": 0.25, "b": 0.5}
    assert scheduled.unavailability() == {"a": 1.0, "b": 0.0}


# Errors


@pytest.mark.parametrize(
    ("word", "arguments"),
    [
        ("mode", {"mode": "dead", "mean_time_to_failure": 3}),
        ("mean_time_to_failure", {}),
        ("mean_time_to_failure", {"mean_time_to_repair": 3}),
        ("mean_time_to_failure", {"mean_time_to_failure": 3, "schedule": {}}),
        ("mean_time_to_failure", {"mean_time_to_failure": [3, 3], "schedule": {}}),
        ("mean_time_to_repair", {"mean_time_to_repair": 3, "schedule": {}}),
        ("start", {"start": "up", "schedule": {}}),
        ("start", {"mean_time_to_failure": 3, "start": "down"}),
        *(("mean_time_to_failure", {"mean_time_to_failure": t}) for t in (0, 0.5, np.nan, -3, "3")),
        ("mean_time_to_failure[1]", {"mean_time_to_failure": [3, 0.5]}),
        ("mean_time_to_failure", {"mean_time_to_failure": {"a": 0}}),
        ("mean_time_to_failure", {"mean_time_to_failure": [[3]]}),
        ("mean_time_to_repair", {"mean_time_to_failure": 3, "mean_time_to_repair": "never"}),
        ("mean_time_to_repair", {"mean_time_to_failure": 3, "mean_time_to_repair": 0}),
        ("schedule", {"schedule": [(3, 4)]}),
        ("schedule", {"schedule": 3}),
        *(
            ("schedule['a']", {"schedule": {"a": outages}})
            for outages in (
                *(3, "ab", (3, 4), [3], ["ab"], [(3,)], [(4, 4)], [(5, 4)], [(-1, 4)], [(1.5, 4)]),
                *([(None, 4)], [(True, 4)], [("1", "4")], [(2**31, None)], [(1, 2**31)], None),
            )
        ),
    ],
)
def test_wrong_arguments(word, arguments):
    with pytest.raises(InvalidArgumentError) as caught:
        NodeFailureModel(**{"mode": "crash", **arguments})
    assert_one_sentence(caught.value, word)


@pytest.mark.parametrize(
    ("word", "arguments"),
    [
        ("mean_time_to_failure", {"mean_time_to_failure": {"nobody": 3}}),
        ("mean_time_to_repair", {"mean_time_to_failure": 3, "mean_time_to_repair": [3, 3]}),
        ("schedule", {"schedule": {"nobody": [(3, 4)]}}),
    ],
)
def test_what_does_not_fit_the_team_is_refused_when_the_episode_starts(word, arguments):
    model = NodeFailureModel(mode="crash", **arguments)
    with pytest.raises(InvalidArgumentError) as caught:
        model.prepare(context_of(3))
    assert_one_sentence(caught.value, f"NodeFailureModel.{word}")


def test_agents_that_fail_and_recover_in_turns_may_never_meet():
    """Both are up in every second round: in half of the cases never in the same one."""
    turns = NodeFailureModel(mode="crash", mean_time_to_failure=1, mean_time_to_repair=1)
    assert turns.expected_loss() == 0.75
    assert turns.expected_age() == turns.expected_burst_length() == np.inf
    one = NodeFailureModel(
        mode="crash", mean_time_to_failure=[1, 5, 9], mean_time_to_repair=[1, 2, 3]
    )
    assert np.isfinite(one.expected_age()[~np.eye(3, dtype=bool)]).all()
