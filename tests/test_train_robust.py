"""The proof that training for failing links pays: the committed teams, and all that made them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from failure_api.evaluation import read_results, sweep

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "examples" / "robust"
SEEDS = 5


@pytest.fixture(autouse=True)
def in_the_projects_folder(monkeypatch):
    # The policies are named from there, as the documentation does.
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("ROBUST_NETWORKS", raising=False)


@pytest.mark.heavy
def test_the_committed_results_are_those_of_the_committed_teams(tmp_path):
    severity = 0.9
    specification = {
        "environment": "mpe2.simple_spread_v3",
        "options": {"N": 3, "max_cycles": 25},
        "policies": "examples.robust.team:failing",
        "exchange": {"type": "mask_segments", "missing": "hold", "report_age": True},
        "failure_models": [{"model": "probabilistic", "failure_prob": {"grid": [severity]}}],
        "episodes": 300,
    }
    sweep(specification, tmp_path)
    episodes = read_results(tmp_path).episodes
    failing = episodes[episodes["severity"] == severity]
    found = failing.groupby(failing["seed"] % SEEDS)["return"].mean()
    table = pd.read_csv(FOLDER / "networks.csv")
    rows = table[(table.failure == "loss") & (table.team == "failing_hold")]
    committed = rows[np.isclose(rows.severity, severity)].set_index("network")["return"]
    # The same episodes; other processors may round a tie of two moves otherwise.
    assert np.allclose(found, committed.loc[found.index], atol=0.2)


def test_the_summary_is_that_of_the_table(tmp_path):
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from robust import results
    finally:
        sys.path.pop(0)
    networks = pd.read_csv(FOLDER / "networks.csv")
    summary = results.summary(networks)
    committed = pd.read_csv(FOLDER / "summary.csv")
    pd.testing.assert_frame_equal(summary, committed)
    assert results.written(summary) in (ROOT / "docs" / "training.md").read_text()
    results.drawn(networks, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


@pytest.mark.heavy
def test_everything_is_done_again_in_small(tmp_path):
    pytest.importorskip("jaxmarl")
    command = [sys.executable, "examples/train_robust.py", "--output", str(tmp_path)]
    command += ["--seeds", "2", "--iterations", "2", "--episodes", "4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(tmp_path / "networks.csv")
    assert set(found.network) == {0, 1}
    assert found.groupby(["failure", "team"]).ngroups == 12
    with np.load(tmp_path / "networks.npz") as layers:
        assert layers["failing_w1"].shape == (2, 22, 64)
    assert "failure-api compare" in done.stdout
    assert (tmp_path / "curves.png").exists()
