"""read_contacts: tables of who met whom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traces_under_test import written

from failure_api.errors import FailureApiError, InvalidArgumentError
from failure_api.traces import read_contacts
from helpers import assert_one_sentence

# With rounds of 20 s: ann and bob in rounds 1 and 2, bob and cid in round 4.
WORKED = "start,end,a,b\n20,60,ann,bob\n80,100,cid,bob\n45,59,ann,cid\n"


def refused(path, *words, **options):
    with pytest.raises(InvalidArgumentError) as caught:
        read_contacts(path, **{"round_duration": 20, **options})
    assert_one_sentence(caught.value, *words)


def up(trace):
    """Returns (round, sender, receiver) of all links that are up."""
    assert trace.capacity is None
    ids = trace.agent_ids
    apart = ~np.eye(len(ids), dtype=bool)
    return {(t, ids[i], ids[j]) for t, i, j in np.argwhere(~trace.lost & apart)}


def test_a_worked_table(tmp_path):
    trace = read_contacts(written(tmp_path / "c.csv", WORKED), 20)
    assert trace.agent_ids == ("ann", "bob", "cid")
    assert trace.rounds == 6
    one_way = {(1, "ann", "bob"), (2, "ann", "bob"), (4, "bob", "cid")}
    assert up(trace) == one_way | {(t, b, a) for t, a, b in one_way}


@pytest.mark.parametrize(
    "content",
    [
        WORKED.split("\n", 1)[1],
        "# SocioPatterns\n\n" + WORKED.replace("start,", "Start, "),
        'b,a,end,start\n"ann",bob,60,20\nbob,cid,100,80\nann,cid,59,45',
        WORKED.replace("\n", "\r\n"),
        "\ufeff" + WORKED,
    ],
    ids=["no header", "spaces and comments", "other order", "CRLF", "byte order mark"],
)
def test_tables_that_say_the_same(tmp_path, content):
    expected = read_contacts(written(tmp_path / "c.csv", WORKED), 20)
    assert read_contacts(written(tmp_path / "other.csv", content), 20) == expected


def test_names_may_hold_commas_and_spaces(tmp_path):
    trace = read_contacts(written(tmp_path / "c.csv", '0,20,"ann, the first",bob b\n'), 20)
    assert trace.agent_ids == ("ann, the first", "bob b")


def test_the_clock_may_start_elsewhere(tmp_path):
    path = written(tmp_path / "c.csv", WORKED)
    assert {t for t, *_ in up(read_contacts(path, 20, start=40))} == {0, 2}
    assert {t for t, *_ in up(read_contacts(path, 20, rounds=2))} == {1}


def test_contacts_that_overlap_are_one(tmp_path):
    path = written(tmp_path / "c.csv", "0,60,a,b\n20,40,b,a\n")
    assert {t for t, *_ in up(read_contacts(path, 20))} == {0, 1, 2}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1,2,a", ["four columns"]),
        ("1,2,a,b,c", ["four columns"]),
        ("1,2,,b", ["four columns"]),
        ("start,end,a,b", ["have a time", "'start'"]),
        ("x,2,a,b", ["have a time", "'x'"]),
        ("1,inf,a,b", ["have a time", "'inf'"]),
        ("3,2,a,b", ["end before it starts"]),
        ("1,2,a,a", ["two different nodes"]),
        ('1,2,"a,b', ["row of start,end,a,b"]),
        ("1;2;a;b", ["four columns"]),
    ],
)
def test_a_malformed_row_is_pointed_out(tmp_path, line, words):
    refused(written(tmp_path / "c.csv", f"{WORKED}{line}\n"), "line 5 of", "c.csv", *words)


def test_empty_and_binary_files_are_refused(tmp_path):
    for content in ("", "start,end,a,b\n", "# nothing"):
        refused(written(tmp_path / "c.csv", content), "c.csv", "must have contacts")
    refused(written(tmp_path / "c.csv", b"\x80\x81"), "UTF-8")
    refused(tmp_path / "none.csv", "does not exist")


def test_times_of_day_take_no_memory(tmp_path):
    path = written(tmp_path / "c.csv", "1254567890,1254567990,a,b\n")
    refused(path, "268435456", "start=", round_duration=0.001)
    trace = read_contacts(path, 20, start=1254567890)
    assert trace.rounds == 6
    assert {t for t, *_ in up(trace)} == {0, 1, 2, 3, 4}


def test_an_on_off_link_has_the_worked_probabilities(tmp_path):
    """O19: on 2 s and off 1 s in the mean; the limits are six standard errors."""
    generator = np.random.default_rng(0)
    on, off = generator.exponential(2.0, 33_000), generator.exponential(1.0, 33_000)
    ends = np.cumsum(on + off) - off
    rows = [
        f"{end - length!r},{end!r},a,b"
        for end, length in zip(ends.tolist(), on.tolist(), strict=True)
    ]
    trace = read_contacts(written(tmp_path / "c.csv", "\n".join(rows)), 0.1)
    link = ~trace.lost[:, 0, 1]
    total = len(link) * 0.1
    correlation_time = 1 / (1 / 2 + 1 / 1)
    available = 2 / 3
    error = np.sqrt(available * (1 - available) * 2 * correlation_time / total)
    assert abs(link.mean() - 0.666667) < 6 * error
    for state, expected in ((True, 0.0464307), (False, 0.0928613)):
        before = link[:-1] == state
        changed = (link[1:] != state)[before].mean()
        assert abs(changed - expected) < 6 * np.sqrt(expected / before.sum())


@given(st.one_of(st.binary(max_size=60), st.text(alphabet='start,end123.-",ab\n', max_size=80)))
def test_anything_is_a_trace_or_refused(tmp_path_factory, content):
    content = content.encode() if isinstance(content, str) else content
    path = written(tmp_path_factory.getbasetemp() / "any.csv", content)
    try:
        read_contacts(path, 1.0)
    except FailureApiError as error:
        sentence = error
    else:
        return
    assert_one_sentence(sentence)
