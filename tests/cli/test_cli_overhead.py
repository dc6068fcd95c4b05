"""The verb `overhead`, inside this process."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

from failure_api.cli.app import app
from failure_api.cli.overhead import overhead
from failure_api.overhead import seed
from failure_api.overhead.result import SEED_COLUMNS

pytestmark = pytest.mark.heavy

SMALL = ["--episodes", "2", "--cycles", "3"]
OPTIONS = {
    *("environment", "agents", "episodes", "cycles", "failure-prob"),
    *("api", "protocol", "profile", "output"),
}
FILES = {"overhead.csv", "overhead.json", "overhead.png"}


def invoke(*arguments):
    return CliRunner().invoke(app, ["overhead", *arguments])


def numbers_of_agents(directory):
    with (directory / "overhead.csv").open(newline="") as file:
        return [line["N"] for line in csv.DictReader(file)]


@pytest.mark.parametrize(
    "agents",
    [["--agents", "2", "3"], ["--agents", "2", "--agents", "3"], ["--agents=2", "3"]],
)
def test_measures_prints_and_writes(agents, tmp_path):
    outcome = invoke(*agents, *SMALL, "--output", str(tmp_path))
    assert outcome.exit_code == 0, outcome.output
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert numbers_of_agents(tmp_path) == ["2", "3"]
    for heading in ("N", "bare", "wrapped", "overhead", "95 % interval", "memory"):
        assert heading in outcome.stdout
    assert "│ 2 │" in outcome.stdout
    assert "│ 3 │" in outcome.stdout
    assert str(tmp_path) in outcome.stdout


def test_each_number_is_told_in_a_plain_line_off_a_terminal(tmp_path):
    outcome = invoke("--agents", "2", "3", *SMALL, "--output", str(tmp_path))
    lines = outcome.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["N = 2", "N = 3"]
    assert "\x1b" not in outcome.output


def test_the_options_reach_the_measurement(tmp_path):
    outcome = invoke(
        *["--environment", "mpe2.simple_tag_v3", "--api", "parallel", "--failure-prob", "0.125"],
        *[*SMALL, "--output", str(tmp_path)],
    )
    assert outcome.exit_code == 0, outcome.output
    arguments = json.loads((tmp_path / "overhead.json").read_text())["arguments"]
    assert arguments == {
        "environment": "mpe2.simple_tag_v3",
        "agents": [],
        "episodes": 2,
        "cycles": 3,
        "failure_prob": 0.125,
        "api": "parallel",
        "protocol": "paired",
    }


def test_the_seed_protocol_prints_the_notebook_s_table(tmp_path, monkeypatch):
    monkeypatch.setattr(seed, "PAUSE_SECONDS", 0)
    outcome = invoke("--protocol", "seed", "--agents", "2", *SMALL, "--output", str(tmp_path))
    assert outcome.exit_code == 0, outcome.output
    columns = " ".join(SEED_COLUMNS).split()
    assert columns in [line.split() for line in outcome.stdout.splitlines()]
    assert {path.name for path in tmp_path.iterdir()} == FILES


@pytest.mark.parametrize("protocol", ["paired", "seed"])
def test_the_profile_is_printed_and_kept(protocol, tmp_path, monkeypatch):
    monkeypatch.setattr(seed, "PAUSE_SECONDS", 0)
    outcome = invoke(
        "--profile", "--protocol", protocol, "--agents", "2", *SMALL, "--output", str(tmp_path)
    )
    assert outcome.exit_code == 0, outcome.output
    assert {path.name for path in tmp_path.iterdir()} == {
        *FILES,
        "overhead.prof",
        "overhead_profile.txt",
    }
    assert "Ordered by: cumulative time" in outcome.stdout
    assert "simple_env.py" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "holds"),
    [
        ("--failure-prob 1.5", "failure_prob must lie in [0, 1], but 1.5 was given"),
        ("--failure-prob nan", "failure_prob"),
        ("--failure-prob often", "--failure-prob"),
        ("--agents 0", "agents"),
        ("--agents 3 0", "agents"),
        ("--agents -3", "-3"),
        ("--agents few", "--agents"),
        ("--agents", "--agents"),
        ("--episodes 0", "episodes"),
        ("--cycles -1", "cycles"),
        ("--api both", "'both'"),
        ("--protocol quick", "'quick'"),
        ("--protocol seed --api parallel", "'parallel'"),
        ("--environment mpe2.simple_spred_v3", "did you mean 'mpe2.simple_spread_v3'?"),
        ("--environment mpe2.simple_tag_v3 --agents 3", "mpe2.simple_tag_v3"),
        ("--environment pettingzoo.classic.tictactoe_v3", "take turns"),
        ("--cycels 5", "--cycels"),
        ("surplus", "surplus"),
    ],
)
def test_a_wrong_value_is_one_sentence_and_status_2(arguments, holds, tmp_path):
    outcome = invoke(*arguments.split(), "--output", str(tmp_path / "new"))
    assert outcome.exit_code == 2, outcome.output
    assert holds in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
    assert outcome.stdout == ""
    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_be_written_to_is_refused_before_measuring(tmp_path):
    (tmp_path / "taken").write_text("")
    outcome = invoke(*SMALL, "--output", str(tmp_path / "taken"))
    assert outcome.exit_code == 2
    assert outcome.output.startswith("output must be a directory")


def test_an_error_of_our_own_making_is_not_hidden(tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError

    monkeypatch.setattr("failure_api.cli.overhead.measure_overhead", broken)
    outcome = invoke(*SMALL, "--output", str(tmp_path))
    assert isinstance(outcome.exception, ZeroDivisionError)


def test_the_verb_is_a_function(tmp_path):
    result = overhead(agents=[2], episodes=1, cycles=2, output=tmp_path)
    assert [row.agents for row in result.rows] == [2]
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_the_version_and_an_unknown_verb():
    version = CliRunner().invoke(app, ["--version"])
    assert version.exit_code == 0
    assert version.stdout.startswith("failure-api ")
    unknown = CliRunner().invoke(app, ["overhed"])
    assert unknown.exit_code == 2
    assert "Did you mean 'overhead'?" in unknown.output


def test_help_shows_every_option():
    text = CliRunner().invoke(app, ["overhead", "--help"], env={"COLUMNS": "120"}).stdout
    named = {option for option in OPTIONS if f"--{option}" in text}
    assert named == OPTIONS
    assert "Args:" not in text
