"""The store: what is committed stays, one process at a time, and one sweep a folder."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.recording import Recording
from failure_api.evaluation.store import FILE, PATIENCE_SECONDS, Keeper, opened
from helpers import assert_one_sentence


def result_of(cell=0, episode=0, error=None, recording=None):
    rewards = np.array([0.1, -1 / 3, 1e-300])
    value = math.nan if error else float(rewards.sum())
    links = 0.5, 1.25, 0.375, 0.25
    return EpisodeResult(cell, episode, 7, value, 3, *links, rewards, 0.01, error, recording)


def test_episodes_come_back_to_the_last_bit(tmp_path):
    results = [result_of(1, 0), result_of(0, 2), result_of(0, 1, error="Traceback\nValueError: x")]
    with opened(tmp_path) as store:
        store.add(results)
    with opened(tmp_path) as store:
        assert store.counts() == (3, 1)
        assert store.finished() == {0: {1, 2}, 1: {0}}
        rows = store.episodes()
        assert [row[:2] for row in rows] == [(0, 1), (0, 2), (1, 0)]
        assert rows[1] == (0, 2, 7, results[1].team_return, 3, 0.5, 1.25, 0.375, 0.25, None)
        assert rows[0][3] is None
        assert rows[0][-1] == "Traceback\nValueError: x"
        assert list(store.rewards(0)) == [2]
        np.testing.assert_array_equal(store.rewards(0)[2], results[1].rewards)
        assert store.forget_failures() == 1
        assert store.counts() == (2, 0)


def test_recordings_come_back(tmp_path):
    recording = Recording(
        agents=["a", "b"], alive=["11"], arrived=["0110"], age=[[0, 0, 1, 0]], rewards=[0.0],
        positions=[[[0.1, 0.2], None]],
    )  # fmt: skip
    with opened(tmp_path) as store:
        store.add([result_of(3, 0, recording=recording)])
        assert list(store.recordings()) == [(3, recording)]


def test_a_second_process_is_refused(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from failure_api.evaluation.store import opened\n"
        "with opened(Path(sys.argv[1])): print('opened')"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with opened(tmp_path):
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert "must be a folder that no other process works in" in second.stderr
        with (
            pytest.raises(InvalidArgumentError, match="no other process") as refusal,
            opened(tmp_path),
        ):
            pass
        assert_one_sentence(refusal.value, str(tmp_path))
    third = subprocess.run(command, capture_output=True, text=True, check=False)
    assert third.stdout == "opened\n"


def test_a_process_that_dies_leaves_its_commits_and_no_lock(tmp_path):
    program = (
        "import os, sys; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_store import result_of\n"
        "from failure_api.evaluation.store import opened\n"
        "with opened(Path(sys.argv[1])) as store:\n"
        "    store.add([result_of(0, k) for k in range(5)])\n"
        "    os.kill(os.getpid(), 9)"
    )
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(here.parent)}
    command = [sys.executable, "-c", program, str(tmp_path), str(here)]
    killed = subprocess.run(command, env=environment, check=False)
    assert killed.returncode == -9
    with opened(tmp_path) as store:
        assert store.finished() == {0: {0, 1, 2, 3, 4}}


def test_what_is_no_folder_or_no_database_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(InvalidArgumentError) as refusal, opened(file):
        pass
    assert_one_sentence(refusal.value, str(file))
    with pytest.raises(InvalidArgumentError) as refusal, opened(tmp_path / "absent", new=False):
        pass
    assert_one_sentence(refusal.value, "absent")
    assert not (tmp_path / "absent").exists()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE meta (key, value)")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    for new in (True, False):
        with pytest.raises(InvalidArgumentError) as refusal, opened(tmp_path, new=new):
            pass
        assert_one_sentence(refusal.value, "must hold a sweep")
        assert (tmp_path / FILE).read_bytes() == before
    (tmp_path / FILE).write_text("no database at all, but long enough to be looked at " * 20)
    with pytest.raises(InvalidArgumentError) as refusal, opened(tmp_path):
        pass
    assert_one_sentence(refusal.value, str(tmp_path))


def test_a_folder_without_write_permission_can_be_read(tmp_path, monkeypatch):
    with opened(tmp_path) as store:
        store.add([result_of(0, 0)])
    names = {path.name for path in tmp_path.iterdir()}
    # Permissions do not hold for root, who may run this.
    monkeypatch.setattr("failure_api.evaluation.store.os.access", lambda path, mode: False)
    monkeypatch.chdir(tmp_path)
    for directory in (tmp_path, Path()):
        with opened(directory, new=False) as store:
            assert store.counts() == (1, 0)
    assert {path.name for path in tmp_path.iterdir()} == names


def test_nothing_is_told_before_it_is_committed(tmp_path):
    with opened(tmp_path) as store:
        reader = sqlite3.connect(tmp_path / FILE)
        keeper, told = Keeper(store), 0
        for episode in range(300):
            told += len(keeper.keep(result_of(0, episode)))
            (committed,) = reader.execute("SELECT count(*) FROM episodes").fetchone()
            assert committed == told
        assert told + len(keeper.commit()) == 300
        assert store.counts() == (300, 0)
        reader.close()


def test_a_slow_episode_is_committed_at_once_and_none_waits_long(tmp_path):
    with opened(tmp_path) as store:
        keeper = Keeper(store)
        time.sleep(PATIENCE_SECONDS)
        assert len(keeper.keep(result_of(0, 0))) == 1
        assert keeper.keep(result_of(0, 1)) == []
        time.sleep(PATIENCE_SECONDS)
        assert len(keeper.keep(None)) == 1


def test_a_full_disk_is_said_and_what_was_committed_stays(tmp_path):
    def fill():
        with opened(tmp_path) as store:
            store.add([result_of(0, 0)])
            # SQLite's own limit on the file raises what a full disk does.
            (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
            store._connection.execute(f"PRAGMA max_page_count = {pages}")
            keeper = Keeper(store)
            for episode in range(1, 20_000):
                keeper.keep(result_of(0, episode))
            keeper.commit()

    with pytest.raises(InvalidArgumentError) as refusal:
        fill()
    assert_one_sentence(refusal.value, "full", "nothing that was finished is lost")
    with opened(tmp_path) as store:
        done, _ = store.counts()
        assert 1 <= done < 20_000
        assert store.finished()[0] == set(range(done))


def test_a_sweep_of_before_news_and_overtaking_were_counted_goes_on(tmp_path):
    with opened(tmp_path) as store:
        store.add([result_of(0, 0)])
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        for name in ("news", "overtaken"):
            connection.execute(f"ALTER TABLE episodes DROP COLUMN {name}")
        connection.commit()
    with opened(tmp_path) as store:
        store.add([result_of(0, 1)])
        assert [row[7:9] for row in store.episodes()] == [(None, None), (0.375, 0.25)]
