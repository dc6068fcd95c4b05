"""A sweep goes on after whatever ends it, plays nothing twice, and ends with the same table."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

import failure_api
from failure_api.errors import FailureApiError
from failure_api.evaluation import check, compare, read_results, report, sweep
from failure_api.evaluation.identity import identity_of
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.reading import read_specification
from failure_api.evaluation.store import FILE
from helpers import assert_one_sentence

COMMAND = [sys.executable, "-m", "failure_api", "sweep"]

# Writes a line for each episode that it begins, and fails where it is told to.
LOGGING = """
import os
from pathlib import Path

HERE = Path(__file__).parent

class Policy:
    def reset(self, seed):
        with open(HERE / "played.log", "a") as log:
            log.write(f"{seed}\\n")
        if (HERE / f"fail_{seed}").exists():
            raise ValueError(f"seed {seed} is unlucky")

    def __call__(self, observations):
        return {agent: int(abs(seen.sum()) * 1000) % 5 for agent, seen in observations.items()}
"""


def specification(**changes):
    loss = {"model": "probabilistic", "failure_prob": {"grid": [0.3, 0.9]}}
    plain = {
        "environment": "mpe2.simple_spread_v3",
        "policies": "assignment",
        "failure_models": loss,
        "episodes": 5,
    }
    return plain | changes


def written(folder, episodes=60):
    """Writes a specification with a policy that logs what it plays; returns its file."""
    (folder / "logging_policy.py").write_text(LOGGING)
    file = folder / "spread.yaml"
    file.write_text(
        "environment: mpe2.simple_spread_v3\n"
        "options: {max_cycles: 15}\n"
        "policies: logging_policy:Policy\n"
        'failure_models: {model: probabilistic, failure_prob: {grid: "0:1:0.25"}}\n'
        f"episodes: {episodes}\n"
    )
    return file


def start(folder, *arguments):
    source = str(Path(failure_api.__file__).parents[1])
    return subprocess.Popen(
        [*COMMAND, "spread.yaml", "--output", "out", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([source, str(folder)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(folder, *arguments):
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def committed(folder):
    try:
        with sqlite3.connect(f"file:{folder / 'out' / FILE}?mode=ro", uri=True) as reader:
            return int(reader.execute("SELECT count(*) FROM episodes").fetchone()[0])
    except sqlite3.Error:
        return 0


def wait_for(folder, episodes):
    deadline = time.monotonic() + 60
    while committed(folder) < episodes:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def content(folder, name):
    return (folder / "out" / f"{name}.csv").read_bytes()


def table(folder, name="episodes"):
    return pd.read_csv(folder / "out" / f"{name}.csv")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    written(folder)
    code, _, err = finish(folder)
    assert code == 0, err
    return folder


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("ending", "workers"),
    [(signal.SIGKILL, "1"), (signal.SIGKILL, "2"), (signal.SIGINT, "2"), (signal.SIGTERM, "1")],
)
def test_an_interrupted_sweep_ends_as_an_undisturbed_one(tmp_path, undisturbed, workers, ending):
    one, other = undisturbed, tmp_path
    written(other)
    for episodes in (40, 150):
        process = start(other, "--workers", workers)
        wait_for(other, episodes)
        process.send_signal(ending)
        _, err = process.communicate(timeout=60)
        if ending == signal.SIGINT:
            assert process.returncode == 130
            assert "the same command goes on where it stopped" in err
            assert "Traceback" not in err
        else:
            assert process.returncode == -ending
        assert committed(other) < 360
    kept = committed(other)
    (other / "played.log").rename(other / "before.log")
    code, out, err = finish(other, "--workers", workers)
    assert code == 0, err
    assert "Report:" in out
    # The trial before anything is played takes a few steps as well.
    again = len((other / "played.log").read_text().splitlines())
    assert 360 - kept <= again <= 360 - kept + 24
    for name in ("episodes", "cells", "curves", "comparisons"):
        assert content(one, name) == content(other, name)
    assert len(read_results(other / "out").runs) == 3


@pytest.mark.heavy
def test_a_finished_sweep_plays_nothing_again(tmp_path):
    written(tmp_path, episodes=3)
    assert finish(tmp_path)[0] == 0
    (tmp_path / "played.log").unlink()
    written_at = (tmp_path / "out" / "report.html").stat().st_mtime_ns
    code, out, _ = finish(tmp_path)
    assert code == 0
    assert "breaks at failure_prob" in out
    assert not (tmp_path / "played.log").exists()
    assert (tmp_path / "out" / "report.html").stat().st_mtime_ns == written_at


@pytest.mark.heavy
def test_a_second_process_on_the_folder_is_refused(tmp_path):
    written(tmp_path)
    first = start(tmp_path)
    wait_for(tmp_path, 5)
    code, out, err = finish(tmp_path)
    first.kill()
    first.communicate()
    assert code == 2
    assert out == ""
    assert "must be a folder that no other process works in" in err
    assert len(err.splitlines()) == 1


def test_a_changed_specification_is_refused_and_the_difference_shown(tmp_path):
    sweep(specification(), tmp_path)
    before = read_results(tmp_path).episodes
    with pytest.raises(FailureApiError) as refusal:
        sweep(specification(episodes=6, seed=1), tmp_path)
    assert_one_sentence(
        refusal.value, "episodes: 5 there, 6 asked", "seed: 0 there, 1 asked", str(tmp_path)
    )
    pd.testing.assert_frame_equal(read_results(tmp_path).episodes, before)


def test_a_policy_whose_file_has_changed_is_another_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    model, module = tmp_path / "model.zip", tmp_path / "changing.py"
    model.write_bytes(b"one")
    module.write_text("one")
    plan = Plan(read_specification(specification(policies=[f"sb3:{model}", "changing:policy"])))
    identities = [identity_of(plan), identity_of(plan)]
    for file in (model, module):
        file.write_bytes(b"two")
        identities.append(identity_of(plan))
    assert identities[0] == identities[1]
    assert identities[1] != identities[2] != identities[3] != identities[1]


def test_other_versions_are_warned_of(tmp_path, monkeypatch):
    sweep(specification(episodes=2), tmp_path)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("DELETE FROM episodes WHERE cell = 0")
    connection.close()
    monkeypatch.setattr(
        "failure_api.evaluation.identity.list_versions", lambda name: {"python": "9.9"}
    )
    with pytest.warns(UserWarning, match="python .* then, 9.9 now"):
        sweep(specification(episodes=2), tmp_path)


@pytest.mark.heavy
def test_failed_episodes_are_seen_and_can_be_played_again(tmp_path):
    written(tmp_path, episodes=4)
    assert finish(tmp_path)[0] == 0
    undisturbed = content(tmp_path, "episodes")
    seeds = sorted(set(table(tmp_path)["seed"]))
    for file in (tmp_path / "out").iterdir():
        file.unlink()
    unlucky = tmp_path / f"fail_{seeds[2]}"
    unlucky.touch()
    code, out, err = finish(tmp_path, "--workers", "2")
    assert code == 1
    assert "6 episodes failed" in err
    assert f"ValueError: seed {seeds[2]} is unlucky" in err
    assert "Report:" in out
    results = read_results(tmp_path / "out")
    assert len(results.failures) == 6
    assert all("Traceback" in error for error in results.failures["error"])
    assert set(results.cells["failed"]) == {1}
    assert set(results.cells["episodes"]) == {3}
    assert "is unlucky" in (tmp_path / "out" / "report.html").read_text()
    # Not again by itself, and the status stays.
    (tmp_path / "played.log").unlink()
    assert finish(tmp_path)[0] == 1
    assert not (tmp_path / "played.log").exists()
    unlucky.unlink()
    code, _, err = finish(tmp_path, "--retry-failed")
    assert code == 0, err
    assert content(tmp_path, "episodes") == undisturbed


def test_from_python_failures_are_a_warning_and_a_column(tmp_path, monkeypatch):
    (tmp_path / "weak.py").write_text(
        "class Policy:\n"
        "    played = 0\n"
        "    def reset(self, seed):\n"
        "        Policy.played += 1\n"
        "        if Policy.played > 8: raise ValueError('tired')\n"
        "    def __call__(self, observations):\n"
        "        return dict.fromkeys(observations, 0)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match="episodes failed"):
        found = sweep(specification(policies="weak:Policy"))
    assert found["failed"].sum() > 0


@pytest.mark.parametrize(("engine", "workers"), [("serial", 1), ("processes", 2)])
def test_every_engine_ends_with_the_same_table(tmp_path, engine, workers):
    found = sweep(specification(), tmp_path, engine=engine, workers=workers)
    others = [
        sweep(specification()),
        # Read back from the folder, and from what it keeps in short.
        read_results(tmp_path).cells,
        sweep(specification(), tmp_path),
    ]
    for other in others:
        pd.testing.assert_frame_equal(found, other, check_exact=True)


def test_another_share_moves_the_breaking_point_and_plays_nothing(tmp_path):
    sweep(specification(episodes=20), tmp_path)
    strict = read_results(tmp_path, share=0.01).curves["breaking_point"]
    lenient = read_results(tmp_path, share=5.0).curves["breaking_point"]
    assert strict.tolist() == [0.3]
    assert lenient.tolist() == [float("inf")]


def test_the_recovery_after_an_outage_is_found(tmp_path):
    outage = {"model": "probabilistic", "failure_prob": {"grid": [0.5, 1.0]}}
    model = {"model": "scheduled", "of": outage, "start": 5, "stop": 12}
    sweep(specification(failure_models=model, episodes=20), tmp_path)
    curve = read_results(tmp_path).curves.iloc[0]
    assert 0 <= curve["recovery_low"] <= curve["recovery"] <= curve["recovery_high"] <= 13


def test_files_that_are_missing_or_of_another_share_are_written_anew(tmp_path):
    sweep(specification(episodes=10), tmp_path)
    (tmp_path / "cells.csv").unlink()
    sweep(specification(episodes=10), tmp_path)
    assert (tmp_path / "cells.csv").exists()
    before = (tmp_path / "curves.csv").read_bytes()
    report(tmp_path, share=5.0)
    assert (tmp_path / "curves.csv").read_bytes() != before
    sweep(specification(episodes=10), tmp_path)
    assert (tmp_path / "curves.csv").read_bytes() == before


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    sweep(specification(episodes=2), tmp_path)
    (tmp_path / "cells.csv").unlink()
    (tmp_path / "cells.csv").mkdir()
    with pytest.raises(FailureApiError) as refusal:
        report(tmp_path)
    assert_one_sentence(refusal.value, "output", "what was finished is kept")


def test_every_file_is_written(tmp_path):
    sweep(specification(), tmp_path)
    names = Counter(path.suffix for path in tmp_path.iterdir())
    assert names[".csv"] == names[".parquet"] == 4
    assert {path.name for path in tmp_path.iterdir()} >= {
        "report.html", "report.md", "curves.png", "curves.svg", "marl_eval.json", FILE,
    }  # fmt: skip


BAD = {
    "unknown policy": ({"policies": "asignment"}, ("policies", "did you mean 'assignment'?")),
    "missing module": ({"policies": "no_such_module:Policy"}, ("policies", "no_such_module")),
    "wrong environment for the policy": (
        {"environment": "mpe2.simple_tag_v3"},
        ("policies", "assignment"),
    ),
    "unknown option": ({"options": {"M": 3}}, ("M", "simple_spread_v3")),
    "wrong option": ({"options": {"N": {"grid": [3, "many"]}}}, ("simple_spread_v3",)),
    "unknown model": (
        {"failure_models": {"model": "probabilistc", "failure_prob": {"grid": [0, 1]}}},
        ("failure_models[0].model", "did you mean 'probabilistic'?"),
    ),
    "unknown parameter": (
        {"failure_models": {"model": "probabilistic", "failure_pob": {"grid": [0, 1]}}},
        ("failure_models[0]", "did you mean 'failure_prob'?"),
    ),
    "value in a grid": (
        {"failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0, 0.5, 1.5]}}},
        ("failure_models[0].failure_prob", "1.5"),
    ),
    "no number in a grid": (
        {"failure_models": {"model": "probabilistic", "failure_prob": {"grid": ["a", "b"]}}},
        ("failure_models[0].failure_prob", "'a'"),
    ),
    "unknown exchange": ({"exchange": "shout"}, ("exchange.type", "'shout'")),
    "unknown team": ({"team": "adversary_*"}, ("team[0]", "adversary_*")),
    "one agent": ({"options": {"N": 1}}, ("environment", "two agents")),
    "unknown agent": (
        {"failure_models": {"model": "probabilistic", "failure_prob": 1, "agent_ids": ["x"]}},
        ("agent_ids", "'x'"),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_mistakes_are_one_sentence_before_anything_is_written(tmp_path, case):
    change, words = BAD[case]
    with pytest.raises(FailureApiError) as refusal:
        sweep(specification(**change), tmp_path / "out")
    assert_one_sentence(refusal.value, *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("None", ("policies", "dict")),
        ("{}", ("policies", "agent_0")),
        ("dict.fromkeys(observations, 7)", ("policies", "7", "Discrete(5)")),
        ("dict.fromkeys(observations, 'left')", ("policies", "left")),
        ("1 / 0", ("policies", "ZeroDivisionError")),
    ],
)
def test_policies_that_return_wrong_actions_are_refused(tmp_path, monkeypatch, answer, words):
    (tmp_path / "wrong.py").write_text(f"def policy(observations):\n    return {answer}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "wrong", raising=False)
    with pytest.raises(FailureApiError) as refusal:
        sweep(specification(policies="wrong:policy"), tmp_path / "out")
    assert_one_sentence(refusal.value, *words)
    assert not (tmp_path / "out").exists()
    monkeypatch.delitem(sys.modules, "wrong", raising=False)


def test_a_check_says_where_an_episode_would_fail(tmp_path, monkeypatch):
    (tmp_path / "tired.py").write_text(
        "class Policy:\n"
        "    def reset(self, seed):\n"
        "        self.steps = 0\n"
        "    def __call__(self, observations):\n"
        "        self.steps += 1\n"
        "        if self.steps > 3: raise ValueError('tired')\n"
        "        return dict.fromkeys(observations, 0)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FailureApiError) as refusal:
        check(specification(policies="tired:Policy"))
    assert_one_sentence(refusal.value, "policies", "ValueError: tired")


def test_a_check_counts_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = check(
        specification(exchange={"type": "mask_segments", "missing": {"grid": ["zero", "hold"]}})
    )
    assert (found.cells, found.episodes) == (6, 30)
    assert found.severities == (0.3, 0.9)
    assert found.settings == {"missing": ("zero", "hold")}
    assert 0 < found.seconds < 60
    assert list(tmp_path.iterdir()) == []


def test_sweeps_are_compared_episode_by_episode(tmp_path):
    for name, missing in (("zero", "zero"), ("hold", "hold")):
        exchange = {"type": "mask_segments", "missing": missing}
        sweep(specification(exchange=exchange, episodes=20), tmp_path / name)
    found = compare([tmp_path / "zero", tmp_path / "hold"])
    assert set(found["first"]) == {"assignment, sweep=zero"}
    assert found["severity"].tolist() == [0.3, 0.9]
    one, two = (read_results(tmp_path / name).cells for name in ("zero", "hold"))
    assert found["difference"].tolist() == pytest.approx((two["mean"] - one["mean"])[1:].tolist())
    sweep(specification(seed=1), tmp_path / "other")
    with pytest.raises(FailureApiError) as refusal:
        compare([tmp_path / "zero", tmp_path / "other"])
    assert_one_sentence(refusal.value, "seed")
    with pytest.raises(FailureApiError, match="once"):
        compare([tmp_path / "zero", f"{tmp_path}/./zero"])
    with pytest.raises(FailureApiError) as refusal:
        compare([tmp_path / "zero"])
    assert_one_sentence(refusal.value, "directories")
