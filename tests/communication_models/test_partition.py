"""PartitionModel: which links a cut takes, when, and from whom."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.communication_models import PartitionModel
from failure_api.communication_models.partition import (
    AlwaysCut,
    CutAtRandom,
    CutOnSchedule,
)
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, assert_same, context_of, off_diagonal, play

PATTERNS = ("halves", "isolate", "bridge", "majorities_ring", "minority_third")
GROUPS = [["agent_0", "agent_2"], ["agent_3"]]
SOMETIMES = CutAtRandom(mean_time_to_partition=4, mean_time_to_heal=3)
SWITCHING = [AlwaysCut(), CutOnSchedule(start=2, stop=5, period=7), SOMETIMES]


def cut(model, agents, **options):
    """Returns which links are cut, bool `[rounds, ..., N, N]`, False on the diagonal."""
    return play(model, agents=agents, **options).lost & ~np.eye(agents, dtype=bool)


def shape_of(pattern, agents, **options):
    return cut(PartitionModel(pattern=pattern, **options), agents)[0]


# Which links


@pytest.mark.parametrize(
    ("pattern", "agents", "links"),
    [
        ("halves", 5, 12),
        ("bridge", 5, 8),
        ("majorities_ring", 5, 10),
        ("isolate", 5, 8),
        ("minority_third", 10, 3 * 7 * 2),
        ("minority_third", 9, 2 * 7 * 2),
    ],
)
def test_patterns_cut_as_many_links_as_jepsens(pattern, agents, links):
    assert shape_of(pattern, agents).sum() == links
    assert PartitionModel(pattern=pattern).cut_links(agents) == links


@pytest.mark.parametrize(
    ("pattern", "agents", "first"),
    [
        ("halves", 5, 2),
        ("halves", 6, 3),
        ("isolate", 4, 1),
        ("minority_third", 10, 3),
        ("minority_third", 9, 2),
        ("minority_third", 3, 0),
        ("isolate", 2, 1),
    ],
)
def test_two_sides_are_the_first_agents_and_the_rest(pattern, agents, first):
    side = np.arange(agents) < first
    np.testing.assert_array_equal(shape_of(pattern, agents), side[:, None] != side)


@pytest.mark.parametrize("agents", [3, 5, 6])
def test_a_bridge_reaches_both_sides_which_do_not_reach_each_other(agents):
    half = agents // 2
    expected = np.zeros((agents, agents), dtype=bool)
    expected[:half, half + 1 :] = expected[half + 1 :, :half] = True
    np.testing.assert_array_equal(shape_of("bridge", agents), expected)


@pytest.mark.parametrize("agents", range(2, 12))
def test_on_a_ring_everyone_hears_another_majority(agents):
    heard = ~shape_of("majorities_ring", agents)
    assert (heard.sum(axis=0) == agents // 2 + 1).all()
    assert agents < 3 or len({tuple(column) for column in heard.T}) == agents
    # They are neighbours on the ring, the receiver in their middle.
    offsets = [tuple(np.sort((np.flatnonzero(heard[:, r]) - r) % agents)) for r in range(agents)]
    assert len(set(offsets)) == 1
    majority = agents // 2 + 1
    window = (np.arange(majority) - majority // 2) % agents
    assert offsets[0] == tuple(np.sort(window))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("agents", [2, 5, 7, 10])
def test_one_way_a_cut_takes_the_direction_from_the_earlier_to_the_later(pattern, agents):
    both, one = shape_of(pattern, agents), shape_of(pattern, agents, one_way=True)
    np.testing.assert_array_equal(one, np.triu(both))
    model = PartitionModel(pattern=pattern, one_way=True)
    assert model.cut_links(agents) == one.sum()


def test_groups_are_cut_from_each_other_and_from_no_one_else():
    expected = np.zeros((5, 5), dtype=bool)
    for one, other in ((0, 3), (2, 3)):
        expected[one, other] = expected[other, one] = True
    np.testing.assert_array_equal(cut(PartitionModel(groups=GROUPS), 5)[0], expected)
    forth = cut(PartitionModel(groups=GROUPS, one_way=True), 5)[0]
    assert {tuple(link) for link in np.argwhere(forth)} == {(0, 3), (2, 3)}
    back = cut(PartitionModel(groups=GROUPS[::-1], one_way=True), 5)[0]
    np.testing.assert_array_equal(back, forth.T)
    assert PartitionModel(groups=GROUPS).cut_links(5) == 4


def test_a_pattern_counts_the_agents_that_it_is_confined_to():
    agent_ids = ("agent_1", "agent_4", "agent_5")
    down = cut(PartitionModel(pattern="halves", agent_ids=agent_ids), 6)[0]
    assert {tuple(link) for link in np.argwhere(down)} == {(1, 4), (4, 1), (1, 5), (5, 1)}
    model = PartitionModel(pattern="isolate", shuffle=True, agent_ids=agent_ids)
    down = cut(model, 6, batch=(200,))[0]
    assert (down.sum(axis=(1, 2)) == 4).all()
    assert set(np.argwhere(down)[:, 1:].ravel()) == {1, 4, 5}


# When


def test_a_schedule_cuts_from_start_to_stop():
    model = PartitionModel(pattern="halves", switching=CutOnSchedule(start=3, stop=5))
    down = cut(model, 4, rounds=9).any(axis=(1, 2))
    assert np.flatnonzero(down).tolist() == [3, 4]
    forever = dataclasses.replace(model, switching=CutOnSchedule(start=3))
    assert np.flatnonzero(cut(forever, 4, rounds=6).any(axis=(1, 2))).tolist() == [3, 4, 5]
    periodic = CutOnSchedule(start=1, stop=3, period=4)
    down = cut(dataclasses.replace(model, switching=periodic), 4, rounds=9).any(axis=(1, 2))
    assert np.flatnonzero(down).tolist() == [1, 2, 5, 6]
    rest = CutOnSchedule(start=2, period=4)
    down = cut(dataclasses.replace(model, switching=rest), 4, rounds=9).any(axis=(1, 2))
    assert np.flatnonzero(down).tolist() == [2, 3, 6, 7]


def test_the_whole_team_is_cut_at_once():
    model = PartitionModel(pattern="halves", switching=SOMETIMES)
    down = cut(model, 6, rounds=200, batch=(3,)).sum(axis=(2, 3))
    assert set(np.unique(down)) == {0, 18}
    # Episodes of a batch are cut at different times.
    assert (down[:, 0] != down[:, 1]).any()


def test_an_episode_may_begin_whole():
    slow = CutAtRandom(mean_time_to_partition=2, mean_time_to_heal=50, start="whole")
    model = PartitionModel(pattern="halves", switching=slow)
    down = cut(model, 2, rounds=2, batch=(400,)).any(axis=(2, 3))
    assert not down[0].any()
    assert 100 < down[1].sum() < 300
    started = dataclasses.replace(model, switching=dataclasses.replace(slow, start="stationary"))
    assert cut(started, 2, batch=(400,)).any(axis=(2, 3)).sum() > 300


# From whom


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("one_way", [False, True])
def test_a_shuffled_cut_has_the_same_shape_among_other_agents(pattern, one_way):
    agents = 7
    fixed = PartitionModel(pattern=pattern, one_way=one_way)
    down = cut(dataclasses.replace(fixed, shuffle=True), agents, batch=(50,))[0]
    expected = cut(fixed, agents)[0]
    degrees = sorted(zip(expected.sum(axis=0), expected.sum(axis=1), strict=True))
    for one in down:
        assert sorted(zip(one.sum(axis=0), one.sum(axis=1), strict=True)) == degrees
    assert len({one.tobytes() for one in down}) > 5


def test_every_new_cut_takes_other_agents_and_keeps_them_until_it_heals():
    switching = CutOnSchedule(stop=4, period=6)
    down = cut(PartitionModel(pattern="halves", shuffle=True, switching=switching), 12, rounds=60)
    cuts = down.reshape(10, 6, 12, 12)
    assert not cuts[:, 4:].any()
    assert (cuts[:, :4] == cuts[:, :1]).all()
    assert len({one.tobytes() for one in cuts[:, 0]}) > 5


def test_a_random_cut_takes_other_agents_and_keeps_them_until_it_heals():
    model = PartitionModel(pattern="isolate", shuffle=True, switching=SOMETIMES)
    down = cut(model, 9, rounds=300)
    there = down.any(axis=(1, 2))
    going_on = there[1:] & there[:-1]
    assert (down[1:] == down[:-1])[going_on].all()
    lonely = (down.sum(axis=2) == 8).argmax(axis=1)
    begins = there & ~np.concatenate([[False], there[:-1]])
    assert set(lonely[begins]) == set(range(9))


def test_a_cut_that_fills_its_period_moves_on():
    switching = CutOnSchedule(period=3)
    down = cut(PartitionModel(pattern="isolate", shuffle=True, switching=switching), 6, rounds=60)
    assert down.any(axis=(1, 2)).all()
    lonely = (down.sum(axis=2) == 5).argmax(axis=1).reshape(20, 3)
    assert (lonely == lonely[:, :1]).all()
    assert set(lonely[:, 0]) == set(range(6))


def test_shuffled_groups_keep_their_sizes():
    down = cut(PartitionModel(groups=GROUPS, shuffle=True), 5, batch=(60,))[0]
    assert (down.sum(axis=(1, 2)) == 4).all()
    assert (np.sort(down.sum(axis=2)) == [0, 0, 1, 1, 2]).all()
    assert len({one.tobytes() for one in down}) > 10


def test_shuffling_does_not_move_the_times_of_cuts():
    one, other = (
        cut(PartitionModel(pattern="halves", shuffle=shuffle, switching=SOMETIMES), 4, rounds=80)
        for shuffle in (False, True)
    )
    np.testing.assert_array_equal(one.any(axis=(1, 2)), other.any(axis=(1, 2)))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.floats(2, 50), min_size=2, max_size=2, unique=True).map(sorted),
    st.lists(st.floats(2, 50), min_size=2, max_size=2, unique=True).map(sorted),
)
def test_what_is_cut_is_cut_too_where_cuts_form_sooner_and_heal_later(forming, healing):
    there = []
    for partition, heal in ((forming[1], healing[0]), (forming[0], healing[1])):
        switching = CutAtRandom(mean_time_to_partition=partition, mean_time_to_heal=heal)
        there.append(cut(PartitionModel(pattern="halves", switching=switching), 4, rounds=60))
    assert not (there[0] & ~there[1]).any()


# Laws, closed forms and errors


@pytest.mark.sampled(3)
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("switching", SWITCHING, ids=lambda switching: type(switching).__name__)
def test_laws(pattern, shuffle, switching):
    model = PartitionModel(pattern=pattern, shuffle=shuffle, switching=switching)
    check_model(model)
    check_model(dataclasses.replace(model, one_way=True, agent_ids=("a", "c")))


@pytest.mark.parametrize("shuffle", [False, True])
def test_laws_of_groups(shuffle):
    check_model(PartitionModel(groups=[["a"], ["c", "b"]], shuffle=shuffle))
    check_model(PartitionModel(groups=[["a"], ["c"]], shuffle=shuffle, agent_ids=("c", "a")))


def test_a_model_without_positions_or_a_live_team_cuts_alike():
    model = PartitionModel(pattern="halves", shuffle=True, switching=SOMETIMES)
    alive = np.ones((20, 4), dtype=bool)
    alive[5:, 0] = False
    whole, dying = (play(model, agents=4, rounds=20, alive=who) for who in (None, alive))
    for name in ("lost", "sent"):
        rest = getattr(dying, name)[:, 1:, 1:]
        np.testing.assert_array_equal(rest, getattr(whole, name)[:, 1:, 1:])


def test_groups_know_the_loss_and_the_age_of_the_links_that_they_cut():
    pairs = [("agent_0", "agent_3"), ("agent_2", "agent_3")]
    model = PartitionModel(
        groups=GROUPS, switching=CutAtRandom(mean_time_to_partition=20, mean_time_to_heal=4)
    )
    both = dict.fromkeys([*pairs, *(pair[::-1] for pair in pairs)], pytest.approx(1 / 6))
    assert model.expected_loss() == both
    assert model.expected_burst_length() == 4
    assert set(model.expected_age()) == set(both)
    assert model.expected_age()[pairs[0]] == pytest.approx(2 / 3)
    one_way = dataclasses.replace(model, one_way=True)
    assert one_way.expected_loss() == dict.fromkeys(pairs, pytest.approx(1 / 6))
    always = PartitionModel(groups=GROUPS)
    assert set(always.expected_loss().values()) == {1.0}
    assert set(always.expected_age().values()) == {np.inf}
    assert always.expected_burst_length() == np.inf


def test_what_depends_on_the_team_is_known_for_a_team():
    model = PartitionModel(pattern="bridge", shuffle=True, switching=CutOnSchedule(start=5))
    assert model.expected_loss() is None
    assert model.expected_age() is None
    assert model.team_loss(5) == pytest.approx(8 / 20)
    assert model.team_age(5) == np.inf
    assert model.team_loss(1) == model.team_age(1) == 0.0
    renewed = PartitionModel(pattern="isolate", shuffle=True, switching=CutOnSchedule(period=3))
    assert renewed.expected_burst_length() is None
    kept = dataclasses.replace(renewed, shuffle=False)
    assert kept.expected_burst_length() == kept.team_age(4) == np.inf
    # A cut of 3 rounds takes a link with probability 2/5, whatever the last one did.
    assert renewed.team_age(5) == pytest.approx(0.4 * (3 * 1.4 / 0.6 + 1) / 2)
    # Two agents that are always apart.
    assert renewed.team_age(2) == np.inf


@pytest.mark.parametrize(
    ("switching", "share", "duration", "age"),
    [
        (CutOnSchedule(start=3, stop=5), 0.0, 2.0, 0.0),
        (CutOnSchedule(start=3), 1.0, np.inf, np.inf),
        (CutOnSchedule(start=3, stop=5, period=8), 0.25, 2.0, (1 + 2) / 8),
        (CutOnSchedule(start=3, period=8), 5 / 8, 5.0, 15 / 8),
        (CutOnSchedule(stop=8, period=8), 1.0, 8.0, np.inf),
        (AlwaysCut(), 1.0, np.inf, np.inf),
        (CutAtRandom(mean_time_to_partition=20, mean_time_to_heal=4), 1 / 6, 4.0, 2 / 3),
    ],
)
def test_switching_knows_itself(switching, share, duration, age):
    assert switching.expected_share() == pytest.approx(share)
    assert switching.expected_duration() == duration
    assert switching.expected_age() == pytest.approx(age)


@pytest.mark.parametrize(
    ("word", "arguments"),
    [
        ("pattern", {}),
        ("pattern", {"groups": GROUPS, "pattern": "halves"}),
        ("pattern", {"pattern": "halfs"}),
        ("pattern", {"pattern": 3}),
        ("groups", {"groups": "ab"}),
        ("groups", {"groups": ["ab", "cd"]}),
        ("groups", {"groups": [["a", "b"]]}),
        ("groups", {"groups": [["a"], []]}),
        ("groups", {"groups": [["a"], ["b", "a"]]}),
        ("groups", {"groups": [[["a"]], ["b"]]}),
        ("groups", {"groups": 3}),
        ("groups", {"groups": [["a"], None]}),
        ("groups", {"groups": [["a"], ["b"]], "agent_ids": ["a", "c"]}),
        ("shuffle", {"pattern": "halves", "shuffle": 1}),
        ("one_way", {"pattern": "halves", "one_way": "yes"}),
        ("switching", {"pattern": "halves", "switching": "always"}),
        ("switching", {"pattern": "halves", "switching": CutAtRandom}),
    ],
)
def test_wrong_arguments(word, arguments):
    with pytest.raises(InvalidArgumentError) as caught:
        PartitionModel(**arguments)
    assert_one_sentence(caught.value, word)


@pytest.mark.parametrize(
    ("word", "make"),
    [
        ("start", lambda: CutOnSchedule(start=-1)),
        ("stop", lambda: CutOnSchedule(start=4, stop=4)),
        ("stop", lambda: CutOnSchedule(stop=2.5)),
        ("period", lambda: CutOnSchedule(stop=4, period=3)),
        ("period", lambda: CutOnSchedule(start=3, period=3)),
        ("period", lambda: CutOnSchedule(period=0)),
        *(
            (
                "mean_time_to_heal",
                lambda t=t: CutAtRandom(mean_time_to_partition=4, mean_time_to_heal=t),
            )
            for t in (0.5, np.nan, np.inf, -1, "3", None, [3, 4])
        ),
        (
            "mean_time_to_partition",
            lambda: CutAtRandom(mean_time_to_partition=0, mean_time_to_heal=4),
        ),
        ("start", lambda: CutAtRandom(mean_time_to_partition=4, mean_time_to_heal=4, start="cut")),
        ("agents", lambda: PartitionModel(pattern="halves").cut_links(0)),
        ("agents", lambda: PartitionModel(groups=GROUPS).team_loss(2)),
        ("agents", lambda: PartitionModel(groups=GROUPS).team_age("five")),
    ],
)
def test_wrong_times_and_teams(word, make):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert_one_sentence(caught.value, word)


def test_a_group_of_strangers_is_refused_when_the_episode_starts():
    model = PartitionModel(groups=[["agent_0"], ["agent_9"]])
    with pytest.raises(InvalidArgumentError) as caught:
        model.prepare(context_of(3))
    assert_one_sentence(caught.value, "PartitionModel.groups", "agent_9", "agent_1")


def test_lists_and_tuples_are_the_same_groups():
    one, other = PartitionModel(groups=GROUPS), PartitionModel(groups=tuple(map(tuple, GROUPS)))
    assert one == other
    assert hash(one) == hash(other)
    assert_same(play(one, agents=4), play(other, agents=4))


def test_cut_links_of_a_single_agent_are_none():
    for pattern in PATTERNS:
        assert off_diagonal(shape_of(pattern, 1)).size == 0
        assert PartitionModel(pattern=pattern).cut_links(1) == 0
