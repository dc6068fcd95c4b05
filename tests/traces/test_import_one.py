"""read_one: connectivity traces of the ONE simulator and of DTNSim2."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traces_under_test import written

from failure_api.errors import FailureApiError, InvalidArgumentError
from failure_api.traces import files, read_one
from helpers import assert_one_sentence

# With rounds of 10 s: 1-2 in rounds 1, 2 and 3; 2-10 in round 3; 1-10 never.
WORKED = """# a small world
5.0 CONN 1 2 up
12.5 C M1 1 2 500
21.0 CONN 10 2 up
22 CONN 1 10 up
23 CONN 1 10 down
\t
40 CONN 2 1 down
"""


def rounds_up(trace, one, other):
    """Returns the rounds in which two nodes hear each other."""
    first, second = trace.agent_ids.index(one), trace.agent_ids.index(other)
    both = ~trace.lost[:, first, second], ~trace.lost[:, second, first]
    np.testing.assert_array_equal(*both)
    return np.flatnonzero(both[0]).tolist()


def refused(path, *words, **options):
    with pytest.raises(InvalidArgumentError) as caught:
        read_one(path, **{"round_duration": 10, **options})
    assert_one_sentence(caught.value, *words)


def test_a_worked_trace(tmp_path):
    trace = read_one(written(tmp_path / "one.txt", WORKED), 10)
    assert trace.agent_ids == ("1", "2", "10")
    assert trace.rounds == 5
    assert trace.round_duration == 10.0
    assert trace.capacity is trace.delay is None
    assert rounds_up(trace, "1", "2") == [1, 2, 3]
    assert rounds_up(trace, "2", "10") == [3, 4]
    assert rounds_up(trace, "1", "10") == []


def test_dtnsim2_says_the_same(tmp_path):
    lines = ["@5.00 p1 <-> p2 up", "@21.00 p2 <-> p10 up", "@40 p1 p2 down"]
    trace = read_one(written(tmp_path / "dtn.txt", "\r\n".join(lines)), 10)
    assert trace.agent_ids == ("p1", "p2", "p10")
    assert rounds_up(trace, "p1", "p2") == [1, 2, 3]
    assert rounds_up(trace, "p2", "p10") == [3, 4]


def test_a_link_is_up_from_the_round_that_begins_as_it_rises(tmp_path):
    path = written(tmp_path / "one.txt", "1.1 CONN a b up\n1.3 CONN a b DOWN")
    assert rounds_up(read_one(path, 0.1), "a", "b") == [11, 12]
    assert rounds_up(read_one(path, 0.1, start=1.2), "a", "b") == [0]
    assert read_one(path, 0.1).rounds == 14


def test_agents_are_chosen_and_the_others_left_out(tmp_path):
    path = written(tmp_path / "one.txt", WORKED)
    trace = read_one(path, 10, agent_ids=[10, 2, 77], rounds=4)
    assert trace.agent_ids == (10, 2, 77)
    assert trace.lost.shape == (4, 3, 3)
    assert rounds_up(trace, 10, 2) == [3]
    assert rounds_up(trace, 2, 77) == []


def test_what_is_still_up_stays_up_to_the_end(tmp_path):
    trace = read_one(written(tmp_path / "one.txt", WORKED), 10, rounds=7)
    assert rounds_up(trace, "2", "10") == [3, 4, 5, 6]


def test_two_interfaces_are_one_connection(tmp_path):
    lines = [
        "0 CONN a b up bt",
        "10 CONN a b up wifi",
        "20 CONN a b down bt",
        "40 CONN b a down wifi",
    ]
    trace = read_one(written(tmp_path / "one.txt", "\n".join(lines)), 10)
    assert rounds_up(trace, "a", "b") == [0, 1, 2, 3]


def test_a_part_of_a_longer_trace_is_read_for_what_it_says(tmp_path):
    lines = ["0 CONN a b down", "10 CONN a b up", "15 CONN a b up", "30 CONN a b down"]
    trace = read_one(written(tmp_path / "one.txt", "\ufeff" + "\n".join(lines)), 10)
    assert rounds_up(trace, "a", "b") == [1, 2]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("CONN 1 2 up", ["have a time", "'CONN'"]),
        ("nan CONN 1 2 up", ["have a time", "'nan'"]),
        ("1e300 CONN 1 2 up", ["have a time"]),
        ("1_0 CONN 1 2 up", ["have a time"]),
        ("@ 1 2 up", ["have a time"]),
        ("50 CONN 1 2", ["time CONN a b up"]),
        ("50 CONN 1 2 sideways", ["time CONN a b up", "sideways"]),
        ("50 CONN 1 2 up bt x", ["time CONN a b up"]),
        ("50", ["time CONN a b up"]),
        ("@50 1 2", ["@time a b up"]),
        ("50 CONN 1 1 up", ["two different nodes"]),
        ("39.9 CONN 1 2 up", ["not lie before time 40"]),
    ],
)
def test_a_malformed_line_is_pointed_out(tmp_path, line, words):
    path = written(tmp_path / "one.txt", f"{WORKED}{line}\n50 CONN 1 2 up")
    refused(path, "line 9 of", "one.txt", *words)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"0 C M1 1 2 500\n"])
def test_a_file_without_connections_is_refused(tmp_path, content):
    refused(written(tmp_path / "one.txt", content), "one.txt", "must have CONN events")


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8b\x08\0\0\0", b"PK\3\4\0", b"0 CONN a b up\n\xff\xfe\n", WORKED.encode("utf-16")],
)
def test_what_is_no_text_is_refused(tmp_path, content):
    refused(written(tmp_path / "one.gz", content), "one.gz", "must be text in UTF-8", "line")


def test_a_missing_file_is_refused(tmp_path):
    refused(tmp_path / "none.txt", "none.txt", "does not exist")
    refused(tmp_path, "is none")
    refused(3, "path")


def test_endless_lines_and_files_are_refused(tmp_path, monkeypatch):
    refused(written(tmp_path / "one.txt", b"1" * 20_000), "10000 bytes", "line 1")
    monkeypatch.setattr(files, "LARGEST_TEXT", 10)
    refused(written(tmp_path / "one.txt", WORKED), "at most 10 bytes")


def test_long_times_take_no_memory(tmp_path):
    path = written(tmp_path / "one.txt", "0 CONN a b up\n9e14 CONN a b down")
    refused(path, "268435456", "rounds=", "start=")
    refused(path, "268435456", round_duration=1e-300)
    assert not read_one(path, 1e-300, rounds=3).lost[:, 0, 1].any()
    assert not read_one(path, 10, rounds=3).lost[:, 0, 1].any()
    crowd = "\n".join(f"0 CONN {index} x up" for index in range(20_000))
    refused(written(tmp_path / "one.txt", crowd), "20001 agents")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"round_duration": 0}, ["round_duration"]),
        ({"round_duration": None}, ["round_duration"]),
        ({"rounds": 0}, ["rounds"]),
        ({"start": "noon"}, ["start"]),
        ({"start": np.inf}, ["start"]),
        ({"start": 51}, ["start", "last event, at 40"]),
        ({"agent_ids": "12"}, ["agent_ids"]),
        ({"agent_ids": ["x", "y"]}, ["must have contacts of the agents", "1, 2, 10", "agent_ids"]),
    ],
)
def test_wrong_arguments_are_one_sentence(tmp_path, options, words):
    refused(written(tmp_path / "one.txt", WORKED), *words, **options)


def test_long_numbers_in_names_are_put_in_order(tmp_path):
    names = ["9" * 5000, "²", "b", "7"]
    lines = [f"0 CONN hub {name} up" for name in names]
    trace = read_one(written(tmp_path / "one.txt", "\n".join(lines)), 10)
    assert trace.agent_ids == ("7", "9" * 5000, "b", "hub", "²")


@given(
    st.one_of(st.binary(max_size=100), st.text(alphabet="@<->0123. CONNupdownab\n", max_size=100))
)
def test_anything_is_a_trace_or_refused(tmp_path_factory, content):
    content = content.encode() if isinstance(content, str) else content
    path = written(tmp_path_factory.getbasetemp() / "any.txt", content)
    try:
        trace = read_one(path, 1.0)
    except FailureApiError as error:
        sentence = error
    else:
        assert trace.capacity is None
        return
    assert_one_sentence(sentence)


@pytest.mark.parametrize("line", ["2 CON a b down", "2 a b down", "2 garbage!!"])
def test_what_is_no_event_of_the_simulator_is_refused(tmp_path, line):
    path = written(tmp_path / "one.txt", f"0 CONN a b up\n{line}\n5 CONN c d up")
    refused(path, "line 2", "CONN")


def test_events_of_messages_are_passed_over(tmp_path):
    text = "0 CONN a b up\n1 C M1\n1 S a b M1\n2 DE a b M1\n5 CONN a b down"
    assert (~read_one(written(tmp_path / "one.txt", text), 1).lost[:, 0, 1]).sum() == 5
