"""TraceModel: what happened before happens again, in the rounds in which it happened."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import array_api_strict
import numpy as np
import pytest

from failure_api.catalogue import from_dict, from_yaml
from failure_api.communication_models import BandwidthModel, ProbabilisticModel, TraceModel
from failure_api.communication_models.trace import entry
from failure_api.core import Chain, Channel, NumpyStream, Stage, Traits
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from failure_api.traces import Trace, read_contacts, read_mahimahi, read_one
from helpers import assert_one_sentence, assert_same, context_of, off_diagonal, play

ROUNDS = 5
GENERATOR = np.random.default_rng(0)
SHAPE = (ROUNDS, 3, 3)
TRACE = Trace(
    agent_ids=("agent_0", "agent_1", "agent_2"),
    lost=GENERATOR.random(SHAPE) < 0.3,
    capacity=GENERATOR.choice([0.0, 0.5, 1.0, 2.0], SHAPE).astype(np.float32),
    delay=GENERATOR.integers(0, 3, SHAPE).astype(np.int32),
    noise=GENERATOR.random(SHAPE, dtype=np.float32),
)
FIELDS = ("lost", "capacity", "delay", "noise")
PLAIN = Trace(agent_ids=TRACE.agent_ids, lost=TRACE.lost)
SLOW = Trace(agent_ids=TRACE.agent_ids, capacity=TRACE.capacity.clip(max=1))
ALPHABET = {"agent_0": "a", "agent_1": "b", "agent_2": "c"}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("at_end", ["repeat", "hold", "down"])
@pytest.mark.parametrize("trace", [TRACE, PLAIN, SLOW], ids=["everything", "plain", "slow"])
@pytest.mark.parametrize("start_round", [0, 4])
def test_the_laws(trace, at_end, start_round):
    check_model(
        TraceModel(trace=trace, at_end=at_end, start_round=start_round, rename=ALPHABET),
        rounds=2 * ROUNDS,
    )


def test_the_laws_of_a_single_round():
    single = Trace(agent_ids=("a", "b", "c"), lost=TRACE.lost[:1], capacity=TRACE.capacity[:1])
    for at_end in ("repeat", "hold", "down"):
        check_model(TraceModel(trace=single, at_end=at_end))
    single = replace(single, agent_ids=TRACE.agent_ids)
    for at_end, rounds in (("repeat", 9), ("hold", 9), ("down", 1)):
        lost = play(TraceModel(trace=single, at_end=at_end), rounds=9).lost
        expected = off_diagonal(single.lost[0]) | (np.arange(9) >= rounds)[:, None]
        np.testing.assert_array_equal(off_diagonal(lost), expected)


def expected(array, at_end, start_round, rounds, down=0):
    """Returns what an array of the trace says in each round, in the plainest way."""
    said = []
    for number in range(start_round, start_round + rounds):
        if number < ROUNDS:
            said.append(array[number])
        elif at_end == "repeat":
            said.append(array[number % ROUNDS])
        else:
            said.append(array[-1] if at_end == "hold" else np.full_like(array[0], down))
    return np.stack(said)


@pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])
@pytest.mark.parametrize("at_end", ["repeat", "hold", "down"])
@pytest.mark.parametrize("start_round", [0, 3])
def test_links_are_those_of_the_trace(xp, at_end, start_round):
    model = TraceModel(trace=TRACE, at_end=at_end, start_round=start_round)
    played = play(model, rounds=12, xp=xp, read_only=xp is np)
    for name in FIELDS:
        said = expected(getattr(TRACE, name), at_end, start_round, 12, down=name == "lost")
        got = off_diagonal(getattr(played, name))
        np.testing.assert_array_equal(got, off_diagonal(said), strict=True)


def test_a_trace_that_is_down_at_its_end_lets_nothing_more_through():
    for trace in (TRACE, PLAIN, SLOW):
        for others in ([], [BandwidthModel(capacity=1.0)]):
            model = TraceModel(trace=trace, at_end="down")
            assert not play(model, *others, rounds=30).arrived[ROUNDS + 2 :].any()


def test_a_trace_s_capacity_makes_a_queue_wait_and_its_losses_are_on_the_air():
    """It is half a message in rounds 0 and 1, none in 2 and 3, and two messages in 4 and 5."""
    nothing, names = np.zeros((6, 2, 2)), ("agent_0", "agent_1")
    capacity = nothing + np.asarray([0.5, 0.5, 0, 0, 2, 2])[:, None, None]
    model = TraceModel(trace=Trace(agent_ids=names, capacity=capacity))
    queue = BandwidthModel(capacity=9.0)
    # 1, 2, 3 and 4 wait in round 4, of which 1 and 2 leave, and of 3, 4 and 5 then 3 and 4.
    sent = play(model, queue, rounds=6, agents=2).sent[:, 0, 1]
    assert sent.tolist() == [-1, 0, -1, -1, 2, 4]
    lost = nothing.astype(bool)
    lost[[1, 4]] = True
    model = TraceModel(trace=Trace(agent_ids=names, capacity=capacity, lost=lost))
    sent = play(model, queue, rounds=6, agents=2).sent[:, 0, 1]
    assert sent.tolist() == [-1, -1, -1, -1, -1, 4]


@pytest.mark.parametrize("at_end", ["repeat", "hold", "down"])
def test_a_round_may_be_an_array(at_end):
    schedule = np.arange(1, 4)
    for number in range(9):
        once = entry(schedule, number, at_end, np)
        assert entry(schedule, np.asarray(number), at_end, np) == once
        again = entry(array_api_strict.asarray(schedule), number, at_end, array_api_strict)
        assert int(again) == once


def test_agents_are_found_by_name():
    order = [2, 0, 1]
    shuffled = Trace(
        agent_ids=[TRACE.agent_ids[index] for index in order],
        **{name: getattr(TRACE, name)[:, order][:, :, order] for name in FIELDS},
    )
    assert_same(play(TraceModel(trace=shuffled), rounds=8), play(TraceModel(trace=TRACE), rounds=8))


def test_agents_may_be_renamed_and_exchanged():
    exchange = {"agent_0": "agent_1", "agent_1": "agent_0"}
    renamed = play(TraceModel(trace=TRACE, rename=exchange), rounds=5)
    plain = play(TraceModel(trace=TRACE), rounds=5)
    order = [1, 0, 2]
    for name in FIELDS:
        array = getattr(plain, name)[:, order][:, :, order]
        np.testing.assert_array_equal(off_diagonal(getattr(renamed, name)), off_diagonal(array))


def test_every_reset_plays_the_same_arrays():
    """A long trace is neither copied nor put in order again in each episode."""
    model = TraceModel(trace=TRACE, rename={"agent_0": "agent_1", "agent_1": "agent_0"})
    first, second = (model.prepare(context_of()) for _ in range(2))
    assert all(first[name] is second[name] for name in first)
    assert TraceModel(trace=TRACE).prepare(context_of())["capacity"] is TRACE.capacity


def test_other_links_are_only_ever_worse():
    lossy = ProbabilisticModel(failure_prob=0.5)
    alone = play(lossy, rounds=10)
    both = play(lossy, TraceModel(trace=TRACE), rounds=10)
    assert (both.lost >= alone.lost).all()
    assert (both.lost > alone.lost).any()
    np.testing.assert_array_equal(both.lost, alone.lost | np.tile(TRACE.lost, (2, 1, 1)))


def test_delays_and_noise_add():
    once, twice = (play(*[TraceModel(trace=TRACE)] * count, rounds=5) for count in (1, 2))
    np.testing.assert_array_equal(twice.delay, 2 * once.delay)
    np.testing.assert_array_equal(twice.noise, 2 * once.noise)


def test_what_the_model_says_of_itself():
    traits = TraceModel(trace=TRACE).traits
    assert traits.longest_delay == 2
    assert traits.narrows
    assert traits.stages == {Stage.SERVED}
    assert TraceModel(trace=PLAIN).traits == Traits()
    wide = replace(TRACE, capacity=np.maximum(TRACE.capacity, 1))
    assert not TraceModel(trace=wide).traits.narrows
    assert TraceModel(trace=TRACE).expected_burst_length() is None
    assert TraceModel(trace=TRACE).expected_age() is None


@pytest.mark.sampled(2)
@pytest.mark.parametrize("at_end", ["repeat", "hold", "down"])
def test_the_expected_loss_is_what_a_long_episode_loses(at_end):
    """Without delays nothing is overtaken; a link may hold back less than one message."""
    for trace in (PLAIN, SLOW, replace(TRACE, delay=None)):
        model, rounds = TraceModel(trace=trace, at_end=at_end), 2000
        if trace not in (PLAIN, SLOW) and at_end == "repeat":
            assert model.expected_loss() is None
            continue
        lost = (~play(model, rounds=rounds).arrived).mean(axis=0)
        np.testing.assert_allclose(
            off_diagonal(model.expected_loss()), off_diagonal(lost), atol=6 / rounds
        )
        assert (np.diagonal(model.expected_loss()) == 0).all()


@pytest.mark.parametrize(
    ("capacity", "lost", "share"),
    [
        # What is left of two messages makes up for what a quarter of one lacks.
        ([2.0, 0.25], [0, 0], 0.0),
        # The messages of rounds 1 and 3 are carried, and the first of them is lost.
        ([0.5] * 4, [0, 1, 0, 0], 0.75),
        ([0.5] * 4, [1, 0, 0, 0], 0.5),
    ],
)
def test_no_loss_is_expected_where_it_depends_on_what_a_link_has_saved_up(capacity, lost, share):
    shape = (len(lost), 2, 2)
    arrays = (np.broadcast_to(np.asarray(one)[:, None, None], shape) for one in (capacity, lost))
    names = ("agent_0", "agent_1")
    trace = Trace(agent_ids=names, **dict(zip(("capacity", "lost"), arrays, strict=True)))
    model = TraceModel(trace=trace)
    assert model.expected_loss() is None
    played = play(model, rounds=400, agents=2)
    assert 1 - played.arrived[:, 0, 1].mean() == pytest.approx(share)


def test_a_file_is_loaded_once(tmp_path):
    path = tmp_path / "trace.npz"
    TRACE.save(path)
    model = TraceModel.from_file(path, at_end="hold")
    path.unlink()
    assert model == TraceModel(trace=TRACE, at_end="hold")
    assert_same(play(model, rounds=8), play(TraceModel(trace=TRACE, at_end="hold"), rounds=8))


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_models_travel_after_they_have_played(travel):
    model = TraceModel(trace=TRACE, rename={"agent_0": "agent_1", "agent_1": "agent_0"})
    before = play(model, rounds=6)
    twin = travel(model)
    assert twin == model
    assert hash(twin) == hash(model)
    assert_same(play(twin, rounds=6), before)
    assert eval(repr(model), {"TraceModel": TraceModel, "Trace": Trace}) == model


def test_nothing_is_drawn():
    stream = NumpyStream(0)
    channel = Channel(chain=Chain(models=[TraceModel(trace=TRACE)]))
    parameters = channel.prepare(context_of())
    state = channel.init(parameters, context_of(), stream)
    channel.step(parameters, state, context_of(), stream)
    assert stream.uniform((3,)).tolist() == NumpyStream(0).uniform((3,)).tolist()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"trace": "trace.npz"}, ["trace must be a Trace", "'trace.npz'", "from_file"]),
        ({"trace": None}, ["trace must be a Trace"]),
        ({"at_end": "stop"}, ["at_end", "'stop'"]),
        ({"start_round": -1}, ["start_round", "-1"]),
        ({"start_round": 5}, ["start_round", "5 rounds"]),
        ({"start_round": 0.5}, ["start_round", "0.5"]),
        ({"rename": ["agent_0"]}, ["rename"]),
        ({"rename": {"agent_0": []}}, ["rename"]),
        ({"rename": {"nobody": "a"}}, ["rename", "'nobody'", "agent_2"]),
        ({"rename": {"agent_0": "agent_1"}}, ["rename", "each agent"]),
        ({"rename": {"agent_0": "a", "agent_1": "a"}}, ["rename", "each agent"]),
    ],
)
def test_wrong_arguments_are_one_sentence(fields, words):
    with pytest.raises(InvalidArgumentError) as caught:
        TraceModel(**{"trace": TRACE, **fields})
    assert_one_sentence(caught.value, *words)


@pytest.mark.parametrize(
    ("rename", "agents", "words"),
    [
        ({"agent_0": "x"}, 3, ["'x' is in the trace alone"]),
        (None, 2, ["'agent_2' is in the trace alone"]),
        (None, 4, ["'agent_3' is in the environment alone"]),
    ],
)
def test_another_team_is_refused_when_the_episode_starts(rename, agents, words):
    with pytest.raises(InvalidArgumentError) as caught:
        play(TraceModel(trace=TRACE, rename=rename), agents=agents)
    assert_one_sentence(caught.value, "TraceModel.trace", "rename", *words)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Writes a file of each kind into the current directory."""
    monkeypatch.chdir(tmp_path)
    PLAIN.save("links.npz")
    (tmp_path / "table.csv").write_text("start,end,a,b\n0,3,left,right\n2,5,left,top\n")
    (tmp_path / "events.txt").write_text("0 CONN left right up\n3 CONN left right down\n")
    (tmp_path / "uplink").write_text("1\n4\n9\n")


def test_a_text_is_read_where_plain_data_names_it(files):
    table = "{contacts: table.csv, round-duration: 1.0, rounds: 4, agent_ids: [right, left]}"
    assert from_yaml(f"{{model: trace, trace: {table}, at_end: hold, agent_ids: [a, b]}}") == (
        TraceModel(
            trace=read_contacts("table.csv", 1.0, rounds=4, agent_ids=["right", "left"]),
            at_end="hold",
            agent_ids=("a", "b"),
        )
    )
    events = {"one": "events.txt", "round_duration": 1, "start": 1.0, "at_end": "down"}
    assert from_dict({"model": "trace", "trace": events}) == (
        TraceModel(trace=read_one("events.txt", 1, start=1.0), at_end="down")
    )
    uplink = {"mahimahi": "uplink", "round_duration": 0.003, "links": [["a", "b"]]}
    assert from_dict({"model": "trace", "trace": uplink, "start_round": "random"}) == (
        TraceModel(trace=read_mahimahi("uplink", 0.003, links=[("a", "b")]), start_round="random")
    )


def test_a_saved_trace_is_read_where_plain_data_names_it(files):
    for plain in (
        {"trace": "links.npz", "start_round": 2},
        {"trace": {"file": "links.npz", "start": 2}},
        {"file": "links.npz", "start_round": 2},
    ):
        assert from_dict({"model": "trace", **plain}) == TraceModel(trace=PLAIN, start_round=2)


FILE, TABLE = {"file": "links.npz"}, {"contacts": "table.csv", "round_duration": 1}


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"trace": "links.npz", "file": "other.npz"}, ["trace must be given once", "out file"]),
        ({"trace": FILE, "path": "other.npz"}, ["trace must be given once", "leave out path"]),
        ({"trace": {**FILE, "start": 1}, "start_round": 2}, ["trace.start must be given once"]),
        ({"trace": {**FILE, "start": 1, "start_round": 1}}, ["trace.start must be given once"]),
        ({"trace": {**FILE, "rename": {}}, "rename": {}}, ["trace.rename must be given once"]),
        ({"trace": {**FILE, "start": 9}}, ["trace.start must lie within the 5 rounds"]),
        ({"trace": {**FILE, "start": "first"}}, ["trace.start must", "'first'"]),
        ({"trace": {**FILE, "round_duration": 10}}, ["'round_duration'", "contacts, one or"]),
        ({"trace": {**FILE, "at_ende": "hold"}}, ["'at_ende'", "did you mean 'at_end'?"]),
        ({"trace": {**TABLE, "round-duration": 2}}, ["trace must hold each word once"]),
        ({"trace": {**TABLE, "one": "events.txt"}}, ["'one' was given", "name one file"]),
        ({"trace": {**TABLE, "round": 2}}, ["'round' was given", "did you mean 'rounds'?"]),
        ({"trace": {"contacts": "table.csv"}}, ["read_contacts", "add round_duration"]),
        ({"trace": {**TABLE, "round_duration": 0}}, ["trace.round_duration must be finite"]),
        ({"trace": {**TABLE, "contacts": "none.csv"}}, ["trace.contacts must name a file"]),
        ({"trace": {**TABLE, "contacts": 5}}, ["trace.contacts must be the name of a file"]),
        ({"trace": {"contacts": "links.npz", "round_duration": 1}}, ["trace: the file"]),
        ({"trace": "none.npz"}, ["trace must name a file, but 'none.npz'"]),
        ({"trace": "table.csv"}, ["'table.csv' must be a whole trace", "contacts, one and mahi"]),
        ({"trace": {"file": "uplink"}}, ["'uplink' must be a whole trace", "contacts, one and"]),
    ],
)
def test_what_plain_data_says_wrong_of_a_file_is_one_sentence(files, plain, words):
    with pytest.raises(InvalidArgumentError) as refusal:
        from_dict([{"model": "trace", **plain}])
    assert str(refusal.value).startswith("failure_models[0]")
    assert_one_sentence(refusal.value, *words)
    assert "start_round must" not in str(refusal.value)


def test_what_is_neither_text_nor_trace_is_to_be_saved_again(files, tmp_path):
    (tmp_path / "links.npz").write_bytes((tmp_path / "links.npz").read_bytes()[:90])
    with pytest.raises(InvalidArgumentError, match="record or save it again"):
        TraceModel.from_file("links.npz")
