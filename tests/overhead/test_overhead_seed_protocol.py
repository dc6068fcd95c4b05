"""The seed protocol: the notebook's own measurement."""

from __future__ import annotations

import tracemalloc

import pytest

from failure_api.overhead import seed
from failure_api.overhead.result import SEED_COLUMNS, OverheadResult


def test_the_sleep_is_inside_the_timed_step(subject):
    row = seed.measure_seed(subject, episodes=2, pause=2.0)
    assert row.wrapped.time_ms == pytest.approx(3500)
    assert row.bare.time_ms == pytest.approx(1000 * (3 + 3 + 3 + 9) / 4)
    assert row.overhead_percent == pytest.approx(100 * (3.5 - 4.5) / 4.5)
    assert row.wrapped.steps_per_second == pytest.approx(1 / 3.5)
    assert row.interval_percent is None
    assert row.steps == 8


def test_the_sleep_is_the_notebook_s(subject):
    assert seed.measure_seed(subject, episodes=1).wrapped.time_ms == pytest.approx(1600)


def test_memory_is_watched_while_the_clock_runs(subject):
    watched = []
    step = type(subject.bare()).step

    def build():
        player = type(subject).wrapped(subject)

        def step_and_note(actions):
            watched.append(tracemalloc.is_tracing())
            return step(player, actions)

        player.step = step_and_note
        return player

    subject.wrapped = build
    row = seed.measure_seed(subject, episodes=1, pause=0)
    assert watched == [True] * 4
    assert not tracemalloc.is_tracing()
    assert row.wrapped.memory_peak_mb > 0
    assert row.wrapped.memory_mb > 10


def test_the_bare_environment_is_measured_first_and_whole(subject):
    seed.measure_seed(subject, episodes=2, pause=0)
    resets = [entry for entry in subject.log if entry[0] == "reset"]
    assert [name for _, name, _ in resets] == ["bare", "bare", "wrapped", "wrapped"]
    assert all(chosen is None for *_, chosen in resets)


def test_the_table_is_the_notebook_s(subject):
    row = seed.measure_seed(subject, episodes=1, pause=0)
    frame = OverheadResult(rows=(row,), protocol="seed").to_frame()
    assert tuple(frame.columns) == SEED_COLUMNS
    assert frame["N"].tolist() == [2]
    assert frame["% overhead"].tolist() == [row.overhead_percent]
    heading = frame.to_string(index=False).splitlines()[0]
    assert heading.split() == " ".join(SEED_COLUMNS).split()


def test_an_interruption_stops_the_watching(subject):
    def build():
        player = type(subject).bare(subject)

        def interrupt(actions):
            raise KeyboardInterrupt

        player.step = interrupt
        return player

    subject.bare = build
    with pytest.raises(KeyboardInterrupt):
        seed.measure_seed(subject, episodes=1, pause=0)
    assert not tracemalloc.is_tracing()
