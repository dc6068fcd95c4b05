"""SharedMediumModel: who is heard on one channel, under each protocol."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from failure_api.communication_models import (
    BandwidthModel,
    NodeFailureModel,
    ProbabilisticModel,
    SharedMediumModel,
)
from failure_api.communication_models.shared_medium import TDMA, SlottedAloha, TopK
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import FALSE_ALARM, assert_one_sentence, context_of, off_diagonal, play

PROTOCOLS = [
    SlottedAloha(transmit_prob=0.3),
    TDMA(),
    TDMA(slots_per_round=2),
    TopK(),
    TopK(count=2, by="age"),
    TopK(count=2, by="priority", priorities={"agent_1": 3, "agent_2": 1}),
]
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=repr)


def heard(protocol, agents=4, *, agent_ids=None, **options):
    """Returns whose broadcasts get through, bool `[rounds, ..., N]`."""
    model = SharedMediumModel(protocol=protocol, agent_ids=agent_ids)
    up = play(model, agents=agents, **options).up | np.eye(agents, dtype=bool)
    got_through = up.all(axis=-1)
    if agent_ids is None and options.get("alive") is None:
        # Nobody is heard by some and not by others.
        np.testing.assert_array_equal(got_through, up.sum(axis=-1) > 1)
    return got_through


def speakers(*arguments, **options):
    """Returns the numbers of those who are heard, for each round."""
    return [np.flatnonzero(row).tolist() for row in heard(*arguments, **options)]


# Slotted ALOHA


def test_in_aloha_one_is_heard_or_nobody():
    got_through = heard(SlottedAloha(transmit_prob=0.3), rounds=400)
    assert set(got_through.sum(axis=1)) == {0, 1}
    assert got_through.any(axis=0).all()


def test_in_aloha_everyone_speaking_is_nobody_heard():
    for transmit_prob in (0.0, 1.0):
        assert not heard(SlottedAloha(transmit_prob=transmit_prob), rounds=20).any()


def test_the_dead_do_not_collide():
    alive = np.array([True, False, False])
    model = SharedMediumModel(protocol=SlottedAloha(transmit_prob=1.0))
    assert not play(model, agents=3, alive=[alive | [False, True, False]]).arrived.any()
    # Alone among the dead, an agent is heard by nobody, but its draws are those of any round.
    rare = SharedMediumModel(protocol=SlottedAloha(transmit_prob=0.4))
    both = play(rare, rounds=300, agents=2).up[:, 0, 1]
    third_dead = np.tile([True, True, False], (300, 1))
    three = play(rare, rounds=300, agents=3, alive=third_dead).up[:, 0, 1]
    assert 0.15 < three.mean() < 0.35
    assert 0.15 < both.mean() < 0.35
    crowded = play(rare, rounds=300, agents=3).up[:, 0, 1]
    # Who is heard in the crowd is heard without the third, whose draws are made all the same.
    assert not (crowded & ~three).any()
    assert (three & ~crowded).any()


def test_in_aloha_who_transmits_at_a_probability_does_at_a_greater_one():
    """With two agents, A at 0.3 and at 0.5: silence at 0.5 is silence at 0.3."""
    rare, common = (heard(SlottedAloha(transmit_prob=p), agents=2, rounds=400) for p in (0.3, 0.5))
    # Heard at 0.3 and not at 0.5 must be a collision, so nobody else is heard at 0.5 either.
    lost = rare.any(axis=1) & ~(rare & common).any(axis=1)
    assert lost.any()
    assert not common[lost].any()


# TDMA


def test_turns_follow_the_order_of_the_agents():
    assert speakers(TDMA(), agents=3, rounds=7) == [[0], [1], [2], [0], [1], [2], [0]]
    assert speakers(TDMA(slots_per_round=2), rounds=3) == [[0, 1], [2, 3], [0, 1]]
    assert speakers(TDMA(slots_per_round=2), agents=3, rounds=4) == [[0, 1], [0, 2], [1, 2], [0, 1]]
    assert heard(TDMA(slots_per_round=9), rounds=3).all()


def test_the_turn_of_a_dead_agent_stays_empty():
    alive = np.tile([True, False, True, True], (6, 1))
    links = play(SharedMediumModel(protocol=TDMA()), agents=4, rounds=6, alive=alive).up
    assert links.any(axis=2).tolist() == [
        [number % 4 == agent and agent != 1 for agent in range(4)] for number in range(6)
    ]


# Top k


def test_as_many_speak_as_may():
    for by in ("random", "age"):
        for count in (1, 3, 4, 9):
            got_through = heard(TopK(count=count, by=by), rounds=50, batch=(2,))
            assert (got_through.sum(axis=-1) == min(count, 4)).all()


def test_at_random_every_group_speaks_as_often():
    got_through = heard(TopK(count=2), rounds=6000)
    groups = got_through @ (2 ** np.arange(4))
    counts = np.unique(groups, return_counts=True)[1]
    assert counts.size == 6
    # Five standard deviations of a binomial number, were its seed not fixed.
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(6000 * 5 / 36)


def test_by_age_those_who_have_waited_longest_speak():
    assert speakers(TopK(count=2, by="age"), agents=3, rounds=4) == [[0, 1], [0, 2], [1, 2], [0, 1]]
    got_through = heard(TopK(count=3, by="age"), agents=7, rounds=70)
    waits = np.zeros(7, dtype=int)
    for row in got_through:
        assert waits[row].min() >= waits[~row].max()
        waits = np.where(row, 0, waits + 1)


def test_by_age_the_dead_hold_nobody_up():
    alive = np.ones((9, 4), dtype=bool)
    alive[2:, 3] = False
    model = SharedMediumModel(protocol=TopK(by="age"))
    links = play(model, agents=4, rounds=9, alive=alive).up
    assert links.sum(axis=2).argmax(axis=1).tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert (links.any(axis=2).sum(axis=1) == 1).all()


def test_at_random_the_dead_take_nobodys_place():
    alive = np.tile([True, False, True, True], (40, 1))
    model = SharedMediumModel(protocol=TopK(count=2))
    links = play(model, agents=4, rounds=40, alive=alive).up
    assert (links.any(axis=2).sum(axis=1) == 2).all()
    assert not links[:, 1].any()


def test_the_highest_priority_speaks_and_equals_draw():
    mapping = TopK(count=2, by="priority", priorities={"agent_2": 5, "agent_0": -1})
    got_through = heard(mapping, rounds=300)
    assert got_through[:, 2].all()
    assert not got_through[:, 0].any()
    assert 100 < got_through[:, 1].sum() < 200
    assert (got_through.sum(axis=1) == 2).all()
    array = dataclasses.replace(mapping, priorities=[-1, 0, 5, 0])
    np.testing.assert_array_equal(heard(array, rounds=300), got_through)


def test_priorities_are_an_order_and_nothing_more():
    close, far = (
        TopK(count=2, by="priority", priorities=p)
        for p in ([0, 0, 1e-6, 1e-6], [-1e30, -1e30, 0, 0])
    )
    np.testing.assert_array_equal(heard(close, rounds=20), heard(far, rounds=20))
    assert speakers(close, rounds=2) == [[2, 3], [2, 3]]


# Who shares the channel


def test_agents_outside_of_the_channel_are_left_alone():
    agent_ids = ("agent_1", "agent_3", "agent_4")
    model = SharedMediumModel(protocol=TDMA(), agent_ids=agent_ids)
    up = play(model, agents=5, rounds=6).up
    inside = np.isin(np.arange(5), [1, 3, 4])
    among = inside[:, None] & inside & ~np.eye(5, dtype=bool)
    assert up[:, ~(among | np.eye(5, dtype=bool))].all()
    speaking = np.where(among, up, False).any(axis=2)
    assert speaking.argmax(axis=1).tolist() == [1, 3, 4, 1, 3, 4]
    assert (speaking.sum(axis=1) == 1).all()


@pytest.mark.parametrize("protocol", [SlottedAloha(transmit_prob=1.0), TopK(by="age")], ids=repr)
def test_agents_outside_of_the_channel_are_in_nobodys_way(protocol):
    model = SharedMediumModel(protocol=protocol, agent_ids=("agent_0", "agent_2"))
    alive = np.tile([True, True, False], (4, 1))
    up = play(model, agents=3, rounds=4, alive=alive).up
    assert up[:, 0, 1].all()
    both = play(model, agents=3, rounds=4).up
    turns = both[:, [0, 2], [2, 0]].tolist()
    aloha = isinstance(protocol, SlottedAloha)
    assert turns == [[False, False]] * 4 if aloha else turns == [[True, False], [False, True]] * 2


def test_two_channels_do_not_meet():
    aloha = SlottedAloha(transmit_prob=0.5)
    one = SharedMediumModel(protocol=aloha, agent_ids=("agent_0", "agent_1"))
    other = SharedMediumModel(protocol=aloha, agent_ids=("agent_2", "agent_3"))
    up = play(one, other, agents=4, rounds=200).up
    assert (up[:, 0, 1] & up[:, 2, 3]).any()
    assert up[:, 0, 2].all()


# Laws


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "protocol",
    [
        *PROTOCOLS[:5],
        TopK(count=2, by="priority", priorities={"b": 3, "c": -1}),
        TopK(by="priority", priorities=[1, 1, 0]),
        TDMA(slots_per_round=9),
    ],
    ids=repr,
)
@pytest.mark.parametrize("agent_ids", [None, ("c", "a")])
def test_laws(protocol, agent_ids):
    check_model(SharedMediumModel(protocol=protocol, agent_ids=agent_ids))


@every_protocol
def test_protocols_are_values(protocol):
    assert eval(repr(protocol)) == protocol
    assert hash(eval(repr(protocol))) == hash(protocol)
    assert len({*PROTOCOLS, protocol}) == len(PROTOCOLS)


# Closed forms


def test_worked_values_of_aloha():
    aloha = SlottedAloha(transmit_prob=0.1)
    assert aloha.success_probability(10) == pytest.approx(0.0387420, abs=5e-8)
    assert aloha.throughput(10) == pytest.approx(0.387420, abs=5e-7)
    assert aloha.success_probability(1) == pytest.approx(0.1)
    many = SlottedAloha(transmit_prob=1e-6)
    assert many.throughput(1_000_000) == pytest.approx(0.367879, abs=1e-6)
    assert aloha.expected_age(2) == pytest.approx(0.91 / 0.09)
    assert aloha.expected_age(2, success=0.5) == pytest.approx(0.955 / 0.045)
    assert SlottedAloha(transmit_prob=0.0).expected_age(4) == np.inf


@pytest.mark.parametrize("agents", range(1, 9))
@pytest.mark.parametrize("slots", range(1, 6))
def test_the_age_between_turns_is_what_a_long_episode_has(agents, slots):
    """Nothing is random here; after a cycle every window of a cycle has the same ages."""
    for protocol in (TDMA(slots_per_round=slots), TopK(count=slots, by="age")):
        got_through = heard(protocol, max(agents, 2), rounds=3 * 8)[:, :agents]
        if agents == 1:
            assert protocol.expected_age(1) == 0.0
            assert protocol.success_probability(1) == 1.0
            continue
        ages, mean = np.zeros(agents), np.zeros(agents)
        for number, row in enumerate(got_through):
            ages = np.where(row, 0, ages + 1)
            mean += ages * (agents <= number < 2 * agents) / agents
        assert mean == pytest.approx(protocol.expected_age(agents))
        shares = got_through[agents : 2 * agents].mean(axis=0)
        assert shares == pytest.approx(protocol.success_probability(agents))
        assert protocol.throughput(agents) == pytest.approx(min(slots, agents))


def test_worked_values_of_turns():
    assert TDMA().expected_age(5) == 2.0
    assert TDMA().expected_age(5, success=0.8) == pytest.approx(2 + 5 * 0.2 / 0.8)
    assert TDMA(slots_per_round=2).expected_age(8, success=0.5) == pytest.approx(1.5 + 4)
    assert TDMA(slots_per_round=2).expected_age(7, success=0.5) is None
    assert TopK(count=2, by="age").expected_age(7, success=0.5) is None
    assert TDMA().expected_age(5, success=0.0) == np.inf


def test_what_top_k_knows():
    assert TopK(count=2).success_probability(8) == 0.25
    assert TopK(count=2).expected_age(8) == pytest.approx(3)
    assert TopK(count=2).expected_age(8, success=0.5) == pytest.approx(7)
    by_priority = TopK(by="priority", priorities={"agent_0": 1})
    assert by_priority.success_probability(3) is None
    assert by_priority.expected_age(3) is None
    assert by_priority.throughput(3) is None


@every_protocol
def test_the_model_alone_does_not_know_its_team(protocol):
    model = SharedMediumModel(protocol=protocol)
    assert model.expected_loss() is None
    assert model.expected_burst_length() is None
    assert model.expected_age() is None


# Errors


@pytest.mark.parametrize(
    ("word", "make"),
    [
        *(
            ("transmit_prob", lambda p=p: SlottedAloha(transmit_prob=p))
            for p in (-0.1, 1.5, np.nan, "0.5", None, [0.5, 0.5])
        ),
        *(
            ("slots_per_round", lambda s=s: TDMA(slots_per_round=s))
            for s in (0, -1, 1.5, "1", True)
        ),
        *(("count", lambda c=c: TopK(count=c)) for c in (0, 2.0, None)),
        ("by", lambda: TopK(by="weight")),
        ("priorities", lambda: TopK(by="priority")),
        ("priorities", lambda: TopK(by="age", priorities=[1, 2])),
        ("priorities", lambda: TopK(priorities={"a": 1})),
        ("priorities", lambda: TopK(by="priority", priorities={"a": np.nan})),
        ("priorities[1]", lambda: TopK(by="priority", priorities=[0, np.inf])),
        ("priorities", lambda: TopK(by="priority", priorities="ab")),
        ("protocol", lambda: SharedMediumModel(protocol="tdma")),
        ("protocol", lambda: SharedMediumModel(protocol=TDMA)),
        ("success", lambda: TDMA().expected_age(3, success=1.5)),
        ("success", lambda: SlottedAloha(transmit_prob=0.5).expected_age(3, success="all")),
        ("success", lambda: TopK().expected_age(3, success=-1)),
        *(
            ("agents", lambda p=p, a=a: p.expected_age(a))
            for p in PROTOCOLS
            for a in (0, 2.5, "three")
        ),
    ],
)
def test_wrong_arguments(word, make):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert_one_sentence(caught.value, word)


@pytest.mark.parametrize("priorities", [{"nobody": 1}, [1, 2]])
def test_priorities_of_another_team_are_refused_when_the_episode_starts(priorities):
    model = SharedMediumModel(protocol=TopK(by="priority", priorities=priorities))
    with pytest.raises(InvalidArgumentError) as caught:
        model.prepare(context_of(3))
    assert_one_sentence(caught.value, "TopK.priorities")


def test_other_failures_come_on_top():
    lossy = ProbabilisticModel(failure_prob=0.5)
    model = SharedMediumModel(protocol=TDMA())
    both, turns = play(model, lossy, rounds=60), play(model, rounds=60)
    # What is lost has had its turn.
    np.testing.assert_array_equal(both.sends, turns.sends)
    assert not (both.arrived & ~turns.arrived).any()
    assert 0 < both.arrived.sum() < turns.arrived.sum()


# Turns and queues


def test_without_a_turn_there_is_no_capacity_and_with_one_it_is_for_others_to_say():
    played = play(SharedMediumModel(protocol=TDMA()), rounds=2)
    nothing, unsaid = [0.0] * 3, [np.inf] * 3
    assert played.capacity[0].tolist() == [unsaid, nothing, nothing]
    assert played.capacity[1].tolist() == [nothing, unsaid, nothing]


def test_what_collides_is_transmitted_and_lost_on_the_air():
    played = play(SharedMediumModel(protocol=SlottedAloha(transmit_prob=1.0)))
    assert off_diagonal(played.sends).all()
    assert off_diagonal(played.lost).all()


def test_a_message_without_its_turn_waits_for_the_next_one_where_there_is_a_queue():
    """It is lost without one; with one the next turn carries what has waited longest."""
    medium, queue = SharedMediumModel(protocol=TDMA()), BandwidthModel(capacity=1.0)
    alone = play(medium, rounds=9).sent[:, 1, 0]
    assert alone.tolist() == [-1, 1, -1, -1, 4, -1, -1, 7, -1]
    for models in ((medium, queue), (queue, medium)):
        waited = play(*models, rounds=9).sent[:, 1, 0]
        assert waited.tolist() == [-1, 0, -1, -1, 1, -1, -1, 2, -1]


def test_a_turn_carries_as_much_as_the_link_has_capacity_for():
    medium = SharedMediumModel(protocol=TDMA())
    # All that has come in three rounds leaves in a turn of three messages.
    played = play(medium, BandwidthModel(capacity=3.0), rounds=9)
    assert played.sent[:, 1, 0].tolist() == [-1, 1, -1, -1, 4, -1, -1, 7, -1]
    assert played.arrivals[:, 1, 0].tolist() == [0, 2, 0, 0, 3, 0, 0, 3, 0]
    # Half a message a turn takes two turns.
    played = play(medium, BandwidthModel(capacity=0.5), rounds=13)
    assert np.flatnonzero(played.arrived[:, 1, 0]).tolist() == [4, 10]
    assert played.sent[[4, 10], 1, 0].tolist() == [0, 1]


def test_turns_do_not_save_up():
    """Neither while nobody is there to be sent to nor with a queue that is empty."""
    alive = np.ones((9, 3), dtype=bool)
    alive[:2, 1] = False
    medium = SharedMediumModel(protocol=TDMA())
    played = play(medium, rounds=9, alive=alive)
    assert np.flatnonzero(played.arrived[:, 0, 1]).tolist() == [3, 6]
    mute = NodeFailureModel(mode="mute", schedule={"agent_0": [(0, 4)]})
    for models in ((mute, medium), (mute, medium, BandwidthModel(capacity=1.0))):
        arrived = np.flatnonzero(play(*models, rounds=10).arrived[:, 0, 1])
        assert arrived.tolist() == [6, 9]


@pytest.mark.heavy
@pytest.mark.parametrize("mode", ["mute", "crash"])
def test_who_is_down_neither_collides_nor_has_turns(mode):
    """Five of ten are down: each of the others gets through with .1 * .9**4."""
    down = NodeFailureModel(
        mode=mode, schedule={f"agent_{number}": [(0, None)] for number in range(5)}
    )
    aloha = SharedMediumModel(protocol=SlottedAloha(transmit_prob=0.1))
    rounds = 20_000
    for models in ((down, aloha), (aloha, down)):
        arrived = play(*models, rounds=rounds, agents=10).arrived
        through = arrived[:, range(5, 10), [6, 7, 8, 9, 5]].sum(axis=0)
        assert not arrived[:, :5].any()
        share = 0.1 * 0.9**4
        assert share == pytest.approx(0.0656, abs=5e-5)
        for count in through.tolist():
            assert stats.binomtest(count, rounds, share).pvalue > FALSE_ALARM / 20
    turns = SharedMediumModel(protocol=TopK(by="age"))
    speaking = play(down, turns, rounds=10, agents=10).arrived.any(axis=2)
    assert speaking.argmax(axis=1).tolist() == [5, 6, 7, 8, 9] * 2
    assert (speaking.sum(axis=1) == 1).all()


def test_the_turn_of_a_mute_agent_stays_empty_and_its_queue_waits():
    mute = NodeFailureModel(mode="mute", schedule={"agent_0": [(1, 7)]})
    models = (mute, SharedMediumModel(protocol=TDMA()), BandwidthModel(capacity=0.5))
    played = play(*models, rounds=14)
    # Half of message 0 is carried in round 0, nothing in rounds 3 and 6, and the rest in round 9.
    assert np.flatnonzero(played.arrived[:, 0, 1]).tolist() == [9]
    assert played.sent[9, 0, 1] == 0


def test_deaf_receivers_have_their_senders_turns_all_the_same():
    deaf = NodeFailureModel(mode="deaf", schedule={"agent_1": [(0, 4)]})
    played = play(deaf, SharedMediumModel(protocol=TDMA()), rounds=7)
    assert np.flatnonzero(played.sends[:, 0, 1]).tolist() == [0, 3, 6]
    assert np.flatnonzero(played.arrived[:, 0, 1]).tolist() == [6]
