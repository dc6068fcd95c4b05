"""The command in a process of its own: what it imports, and how it is interrupted."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import failure_api

COMMAND = [sys.executable, "-m", "failure_api"]
# From any working directory, this very package.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(failure_api.__file__).parents[1])}
OPTIONAL = (
    "typer", "rich", "pandas", "matplotlib", "psutil", "seaborn", "plotly", "pyarrow", "yaml",
    "ray", "torch", "stable_baselines3", "mpe2",
)  # fmt: skip
MODULES = ("failure_api", "failure_api.environments", "failure_api.cli", "failure_api.evaluation")


def run(*command, **options):
    return subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, **options
    )


def listen_to_interruptions():
    # A job in the background of a shell starts with interruptions ignored, and hands that on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments, cwd):
    return subprocess.Popen(
        [*COMMAND, "overhead", *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_interruptions,
    )


def wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.02)


def test_the_module_is_the_command():
    done = run(*COMMAND, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("failure-api ")
    assert done.stderr == ""


@pytest.mark.heavy
def test_the_files_go_to_overhead_by_default(tmp_path):
    arguments = ["--agents", "2", "--episodes", "2", "--cycles", "2"]
    done = run(*COMMAND, "overhead", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "overhead").iterdir()} == {
        "overhead.csv",
        "overhead.json",
        "overhead.png",
    }


def test_a_wrong_value_shows_no_traceback(tmp_path):
    done = run(*COMMAND, "overhead", "--failure-prob", "1.5", cwd=tmp_path)
    assert done.returncode == 2
    assert (
        done.stderr == "failure_prob must lie in [0, 1], but 1.5 was given: give a probability.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sampled(1)
@pytest.mark.parametrize("protocol", ["paired", "seed"])
def test_an_interruption_leaves_what_was_measured(protocol, tmp_path):
    # The first team is done in a moment, the second would take minutes.
    episodes = {"paired": "20", "seed": "1"}[protocol]
    size = ["--agents", "2", "90", "--episodes", episodes, "--cycles", "5"]
    arguments = [*size, "--protocol", protocol, "--profile"]
    process = start(*arguments, cwd=tmp_path)
    try:
        # The last file of a finished team.
        wait_for(tmp_path / "overhead" / "overhead_profile.txt")
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    assert "Interrupted: 1 of 2 numbers of agents measured and kept in overhead/." in stderr
    assert "Traceback" not in stderr
    with (tmp_path / "overhead" / "overhead.csv").open(newline="") as file:
        assert [line["N"] for line in csv.DictReader(file)] == ["2"]
    record = json.loads((tmp_path / "overhead" / "overhead.json").read_text())
    assert len(record["rows"]) == 1
    assert record["arguments"]["agents"] == [2, 90]
    assert not list((tmp_path / "overhead").glob(".*"))


def test_an_interruption_before_anything_is_measured_says_so(tmp_path):
    process = start("--agents", "90", "--episodes", "50", cwd=tmp_path)
    try:
        wait_for(tmp_path / "overhead")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    assert "Interrupted: 0 of 1 numbers of agents measured, and no file written." in stderr
    assert "Traceback" not in stderr
    assert list((tmp_path / "overhead").iterdir()) == []


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_the_extra_one_sentence_names_it(package):
    code = (
        f"import sys; sys.modules['{package}'] = None; from failure_api.cli import main; "
        "sys.argv = ['failure-api', '--version']; main()"
    )
    done = run(sys.executable, "-c", code)
    assert done.returncode == 2
    assert "`pip install 'failure-api[cli]'`" in done.stderr
    assert package in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.sampled(3)
@pytest.mark.parametrize("module", MODULES)
def test_importing_the_package_imports_nothing_optional(module):
    code = f"import sys, {module}; print(*(set(sys.modules) & set({OPTIONAL})))"
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_measuring_imports_neither_tables_nor_pictures():
    code = (
        "import sys; from failure_api.overhead import measure_overhead;"
        "measure_overhead(agents=[2], episodes=1, cycles=1);"
        f"print(*(set(sys.modules) & set({OPTIONAL})))"
    )
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["mpe2"]
