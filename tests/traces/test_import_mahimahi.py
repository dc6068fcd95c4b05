"""read_mahimahi: opportunities to send, counted round by round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traces_under_test import written

from failure_api.communication_models import TraceModel
from failure_api.errors import FailureApiError, InvalidArgumentError
from failure_api.traces import read_mahimahi
from helpers import assert_one_sentence, play


def lines(*times):
    return "".join(f"{time}\n" for time in times)


def refused(path, *words, **options):
    with pytest.raises(InvalidArgumentError) as caught:
        read_mahimahi(path, **{"round_duration": 0.1, **options})
    assert_one_sentence(caught.value, *words)


def counted(times, duration_ms, rounds):
    """Returns opportunities in each round, one by one as a queue would meet them."""
    base, found = 0, [0] * rounds
    while base <= rounds * duration_ms:
        for time in times:
            for number in range(rounds):
                found[number] += number * duration_ms < base + time <= (number + 1) * duration_ms
        base += times[-1]
    return found


@pytest.mark.parametrize(
    ("times", "bits_per_second"), [((1,), 12e6), (tuple(range(6)), 14.4e6), ((0, 0, 3), 12e6)]
)
def test_the_worked_rates(tmp_path, times, bits_per_second):
    trace = read_mahimahi(written(tmp_path / "up.trace", lines(*times)), 0.015, rounds=40)
    rate = trace.capacity[:, 0, 1].mean() * 1500 * 8 / 0.015
    assert rate == pytest.approx(bits_per_second)


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(any),
    st.sampled_from([1, 2, 3, 5, 7, 20]),
)
def test_opportunities_are_counted_as_they_come(tmp_path_factory, times, duration_ms):
    times = sorted(times)
    path = written(tmp_path_factory.getbasetemp() / "any.trace", lines(*times))
    trace = read_mahimahi(path, duration_ms / 1000, rounds=9)
    assert trace.capacity[:, 1, 0].tolist() == counted(times, duration_ms, 9)
    # By default the trace repeats as the schedule does.
    period = read_mahimahi(path, duration_ms / 1000)
    assert period.rounds * duration_ms % times[-1] == 0
    wrapped = period.capacity[np.arange(9) % period.rounds]
    np.testing.assert_array_equal(wrapped, trace.capacity)


def test_messages_have_a_size(tmp_path):
    path = written(tmp_path / "up.trace", lines(50, 100))
    small = read_mahimahi(path, 0.1, message_bytes=750)
    assert small.capacity[:, 0, 1].tolist() == [4.0]
    large = read_mahimahi(path, 0.05, message_bytes=3000)
    assert large.capacity[:, 0, 1].tolist() == [0.5, 0.5]
    arrived = play(
        TraceModel(trace=large, rename={"a": "agent_0", "b": "agent_1"}), rounds=10, agents=2
    ).arrived
    assert arrived[:, 0, 1].tolist() == [False, True] * 5


def test_a_round_of_a_third_of_a_second_is_one(tmp_path):
    path = written(tmp_path / "up.trace", lines(1000))
    trace = read_mahimahi(path, 1 / 3)
    assert trace.capacity[:, 0, 1].tolist() == [0.0, 0.0, 1.0]


def test_the_file_speaks_of_all_links_or_of_some(tmp_path):
    path = written(tmp_path / "up.trace", lines(200))
    trace = read_mahimahi(path, 0.1, agent_ids=("x", "y", "z"))
    assert trace.agent_ids == ("x", "y", "z")
    assert trace.capacity[0].tolist() == np.eye(3).tolist()
    assert trace.capacity[1].tolist() == np.ones((3, 3)).tolist()
    assert trace.lost is None
    some = read_mahimahi(path, 0.1, agent_ids=("x", "y", "z"), links=[("x", "y"), ["z", "x"]])
    assert np.argwhere(some.capacity[0] == 0).tolist() == [[0, 1], [2, 0]]
    assert np.isinf(some.capacity).sum() == 2 * 4


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x", ["whole number of milliseconds", "'x'"]),
        ("7.5", ["whole number"]),
        ("-7", ["whole number"]),
        ("1_0", ["whole number"]),
        ("9" * 16, ["whole number"]),
        ("٣", ["whole number"]),
        ("2", ["not lie before 5"]),
    ],
)
def test_a_malformed_line_is_pointed_out(tmp_path, line, words):
    path = written(tmp_path / "up.trace", f"1\n5\n{line}\n")
    refused(path, "line 3 of", "up.trace", *words)


def test_files_that_lead_nowhere_are_refused(tmp_path):
    path = tmp_path / "up.trace"
    refused(written(path, ""), "up.trace", "is empty")
    refused(written(path, lines(0, 0)), "ends with 0")
    refused(written(path, b"\0\1"), "UTF-8")
    refused(tmp_path / "none", "does not exist")


def test_long_schedules_take_no_memory(tmp_path):
    path = written(tmp_path / "up.trace", lines(1, 999_999_999_999_999))
    refused(path, "268435456", "rounds=")
    assert read_mahimahi(path, 0.1, rounds=2).capacity[:, 0, 1].tolist() == [1.0, 0.0]
    refused(path, "2147483647", rounds=10**30)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"round_duration": 0}, ["round_duration"]),
        ({"round_duration": 1e-9}, ["round_duration", "microsecond"]),
        ({"message_bytes": 0}, ["message_bytes"]),
        ({"message_bytes": 1.5}, ["message_bytes"]),
        ({"agent_ids": "ab"}, ["agent_ids"]),
        ({"agent_ids": ("a", "a")}, ["agent_ids"]),
        ({"rounds": 0}, ["rounds"]),
        ({"links": "ab"}, ["links"]),
        ({"links": [("a", "a")]}, ["links"]),
        ({"links": [("a", "c")]}, ["links", "'c'"]),
        ({"links": [3]}, ["links"]),
    ],
)
def test_wrong_arguments_are_one_sentence(tmp_path, options, words):
    refused(written(tmp_path / "up.trace", lines(1)), *words, **options)


@given(st.one_of(st.binary(max_size=40), st.text(alphabet="0123456789\n ", max_size=40)))
def test_anything_is_a_trace_or_refused(tmp_path_factory, content):
    content = content.encode() if isinstance(content, str) else content
    path = written(tmp_path_factory.getbasetemp() / "garbage.trace", content)
    try:
        read_mahimahi(path, 1000.0)
    except FailureApiError as error:
        sentence = error
    else:
        return
    assert_one_sentence(sentence)
