"""The pass that watches memory."""

from __future__ import annotations

import tracemalloc

import pytest

from failure_api.overhead.paired import measure_memory, measure_paired

MEGABYTE = 1024**2


def holding(subject, megabytes, passing=0):
    def make():
        player = subject.bare()
        player.ballast = bytearray(megabytes * MEGABYTE)
        step = player.step

        def step_and_waste(actions):
            bytearray(passing * MEGABYTE)
            return step(actions)

        player.step = step_and_waste
        return player

    return make


def test_counts_what_the_environment_holds(subject):
    use = measure_memory(holding(subject, 3, passing=4), cycles=4)
    assert use["memory_mb"] == pytest.approx(3, abs=0.2)
    assert use["memory_peak_mb"] == pytest.approx(7, abs=0.2)
    assert use["memory_std_mb"] < 0.2


def test_what_was_there_before_does_not_count(subject):
    tracemalloc.start()
    try:
        ballast = bytearray(20 * MEGABYTE)
        del ballast
        ballast = bytearray(5 * MEGABYTE)
        use = measure_memory(holding(subject, 1), cycles=2)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    assert use["memory_peak_mb"] == pytest.approx(1, abs=0.2)
    assert use["memory_mb"] == pytest.approx(1, abs=0.2)
    assert len(ballast) == 5 * MEGABYTE


def test_nothing_is_watched_afterwards(subject):
    measure_memory(holding(subject, 0), cycles=2)
    assert not tracemalloc.is_tracing()


@pytest.mark.heavy
def test_a_row_says_what_wrapping_adds(subject, monkeypatch):
    watched = []
    build = holding(subject, 4)

    def wrapped():
        player = build()
        step = player.step

        def step_and_note(actions):
            watched.append(tracemalloc.is_tracing())
            return step(actions)

        player.step = step_and_note
        return player

    monkeypatch.setattr(subject, "wrapped", wrapped)
    row = measure_paired(subject, episodes=2)
    assert row.memory_added_mb == pytest.approx(4, abs=0.2)
    assert watched == [False] * 4 * 3 + [True] * 4
