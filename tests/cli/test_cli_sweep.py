"""The verbs sweep, check, report and compare: flags, words, status, progress."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from failure_api.cli.app import app
from failure_api.cli.flags import specification_of
from failure_api.cli.progress import shown_progress
from failure_api.cli.sweep import print_curves
from failure_api.errors import FailureApiError
from failure_api.evaluation import read_results
from failure_api.evaluation.sweep import Progress, Swept
from helpers import assert_one_sentence

FLAGS = [
    "--environment", "mpe2.simple_spread_v3", "--policy", "assignment", "--model", "probabilistic",
    "--grid", "failure_prob=0:1:0.5",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def invoke(*words):
    return CliRunner().invoke(app, list(words))


def test_flags_serve_the_common_case():
    done = invoke("sweep", *FLAGS, "--episodes", "3")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].rstrip() == "assignment"
    assert any(line.split()[0] == "perfect" for line in lines if line.strip())
    assert lines[-1] == "Report: sweep/report.html"
    results = read_results("sweep")
    assert results.severities == (0.0, 0.5, 1.0)
    assert set(results.cells["episodes"]) == {3}
    assert results.runs[0]["command"].startswith("failure-api")


def test_every_part_can_be_set_and_varied():
    done = invoke(
        "sweep", "--environment", "mpe2.simple_spread_v3", "--policy", "random", "assignment",
        "--model", "probabilistic", "delay_based", "--set", "min_delay=1", "options.max_cycles=4",
        "exchange.report_age=true", "--grid", "max_delay=1,3", "exchange.missing=zero,hold",
        "--episodes", "2", "--seed", "5", "--output", "out", "--workers", "2", "--quiet",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "failure_prob" in done.stderr
    done = invoke(
        "sweep", "--environment", "mpe2.simple_spread_v3", "--policy", "random", "assignment",
        "--model", "delay_based", "--set", "min_delay=1", "options.max_cycles=4",
        "exchange.report_age=true", "--grid", "max_delay=1,3", "exchange.missing=zero,hold",
        "--episodes", "2", "--seed", "5", "--output", "out", "--workers", "2", "--quiet",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    results = read_results("out")
    asked = results.specification
    assert asked["options"] == {"max_cycles": 4}
    assert asked["exchange"]["report_age"] is True
    assert asked["failure_models"][0]["min_delay"] == 1
    assert asked["seed"] == 5
    assert (results.severity, results.settings) == ("max_delay", ("missing",))
    assert set(results.episodes["length"]) == {4}
    assert len(results.curves) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], ("specification", "--environment")),
        (["absent.yaml"], ("absent.yaml",)),
        (["spec.yaml", "--policy", "random"], ("--policy", "spec.yaml")),
        (["--environment", "mpe2.simple_spread_v3"], ("failure_models",)),
        (["--environment", "mpe2.simple_spread_v3", "--grid", "p=0:1:1"], ("--grid",)),
        ([*FLAGS, "--grid", "failure_prob"], ("--grid", "NAME=VALUE")),
        ([*FLAGS[:-1], "failure_prob=0:1:0"], ("failure_models[0].failure_prob.grid",)),
        ([*FLAGS, "--workers", "0"], ("workers",)),
        ([*FLAGS, "--engine", "threads"], ("engine", "'threads'")),
        ([*FLAGS, "--share", "0"], ("share",)),
        ([*FLAGS, "--zip", "failure_prob=0,1"], ("--zip", "--grid", "'failure_prob'")),
        ([*FLAGS[:-2], "--zip", "p=1,2", "r=1,2,3"], ("failure_models[0].r.zip", "'3 in place")),
        (["spec.yaml", "--zip", "p=1,2"], ("--zip", "spec.yaml")),
        ([*FLAGS, "--episodes", "0"], ("episodes",)),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_is_written(words, told):
    Path("spec.yaml").write_text("environment: mpe2.simple_spread_v3\n")
    done = invoke("sweep", *words)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert all(word in done.stderr for word in told), done.stderr
    assert [path.name for path in Path().iterdir()] == ["spec.yaml"]


def test_a_file_is_played_and_its_numbers_may_be_changed():
    Path("spec.yaml").write_text(
        "environment: mpe2.simple_spread_v3\n"
        "failure_models: {model: probabilistic, failure_prob: 0.5}\n"
        "episodes: 100\n"
    )
    done = invoke("sweep", "spec.yaml", "--episodes", "2", "--output", "out")
    assert done.exit_code == 0, done.output
    assert read_results("out").specification["episodes"] == 2
    again = invoke("sweep", "spec.yaml", "--output", "out")
    assert again.exit_code == 2
    assert "episodes: 2 there, 100 asked" in again.stderr
    Path("spec.yaml").write_text("environment: mpe2.simple_spread_v3\nepisode: 1\n")
    wrong = invoke("sweep", "spec.yaml", "--episodes", "2")
    assert "spec.yaml, line 2" in wrong.stderr


def test_a_huge_grid_has_to_be_confirmed():
    done = invoke("sweep", *FLAGS[:-1], "failure_prob=0:1:0.000001")
    assert done.exit_code == 2
    assert "these make 1,000,002 cells, 100,000,200 episodes" in done.stderr
    assert "--yes" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("sweep").exists()


def test_a_check_says_what_a_sweep_would_do():
    done = invoke("check", *FLAGS, "--episodes", "7", "--workers", "2")
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert "failure_prob 0, 0.5, 1" in words
    assert "cells 4, perfect communication included" in words
    assert "episodes 28" in words
    assert "in 2 processes" in words
    assert list(Path().iterdir()) == []


def test_a_report_is_written_anew_with_another_share():
    assert invoke("sweep", *FLAGS, "--episodes", "5").exit_code == 0
    Path("sweep/report.html").unlink()
    done = invoke("report", "sweep", "--share", "5")
    assert done.exit_code == 0, done.output
    assert "sweep/report.html" in done.stdout.splitlines()
    assert pd.read_csv("sweep/curves.csv")["breaking_point"].tolist() == [float("inf")]
    missing = invoke("report", "nowhere")
    assert missing.exit_code == 2
    assert len(missing.stderr.splitlines()) == 1
    assert not Path("nowhere").exists()


def test_sweeps_are_compared():
    for missing in ("zero", "hold"):
        words = [*FLAGS, "--set", f"exchange.missing={missing}", "--episodes", "5"]
        assert invoke("sweep", *words, "--output", missing).exit_code == 0
    done = invoke("compare", "zero", "hold")
    assert done.exit_code == 0, done.output
    assert "sweep=zero" in done.stdout
    assert "sweep=hold" in done.stdout
    alone = invoke("compare", "zero")
    assert alone.exit_code == 2
    assert "two" in alone.stderr


def test_of_several_models_each_has_its_own_parameters():
    made = specification_of(
        None, "e", [], ["a", "b"], ["a.p=0:1:0.5"], ["q=1", "a.r=2"], None, None
    )
    assert isinstance(made, dict)
    assert made["failure_models"] == [
        {"model": "a", "p": {"grid": "0:1:0.5"}, "r": 2},
        {"model": "b", "q": 1},
    ]


@pytest.mark.parametrize(
    "flags", [(["p=1,2"], ["p=1"]), (["p=1", "p=2"], []), ([], ["p=1", "p=2"])]
)
def test_a_parameter_is_given_once(flags):
    grids, given = flags
    with pytest.raises(FailureApiError) as refusal:
        specification_of(None, "e", [], ["m"], grids, given, None, None)
    assert_one_sentence(refusal.value, "p")


def test_grids_that_move_together():
    words = ["--model", "delay-based", "--zip", "min_delay=0,2", "max-delay=2:4:2", "--quiet"]
    done = invoke("sweep", *FLAGS[:4], *words, "--episodes", "1")
    assert done.exit_code == 0, done.output
    results = read_results("sweep")
    assert results.severity == "min_delay, max_delay"
    assert results.severities == (0.0, 2.0)
    (model,) = results.specification["failure_models"]
    assert model["min_delay"] == {"zip": [0, 2]}
    assert model["max_delay"] == {"zip": "2:4:2"}
    checked = invoke("check", *FLAGS[:4], *words[:-1], "--grid", "exchange.missing=zero,hold")
    assert checked.exit_code == 0, checked.output
    assert "cells 6," in " ".join(checked.stdout.split())


@pytest.mark.parametrize("text", ["1,2,3", "[1, 2, 3]"])
def test_values_of_a_grid(text):
    made = specification_of(None, "e", [], ["m"], [f"p={text}"], [], None, None)
    assert isinstance(made, dict)
    assert made["failure_models"] == [{"model": "m", "p": {"grid": [1, 2, 3]}}]
    assert json.dumps(made)


def test_words_that_are_no_assignment_are_refused():
    with pytest.raises(FailureApiError) as refusal:
        specification_of(None, "e", [], ["m"], [], ["p"], None, None)
    assert_one_sentence(refusal.value, "--set", "'p'")


def progress_of(done, seconds, error=None):
    return Progress(100, done, int(error is not None), done, seconds, error)


def shown(is_terminal, quiet, steps):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=is_terminal, width=100, color_system=None)
    with shown_progress(console, quiet=quiet, check=lambda: None) as show:
        for step in steps:
            show(step)
    return screen.getvalue()


STEPS = [progress_of(0, 0.0), *(progress_of(k, k / 10) for k in range(1, 100)),
         progress_of(100, 10.0, "ValueError: [red]unlucky")]  # fmt: skip


def test_on_a_terminal_a_bar_shows_rate_rest_and_failures():
    text = shown(True, False, STEPS)
    assert re.search(r"5\d of 100 episodes, 10 a second, [45] s left", text)
    assert "1 failed" in text
    assert "ValueError: [red]unlucky" in text
    assert "\x1b[" in text


def test_elsewhere_lines_come_now_and_then():
    lines = shown(False, False, STEPS).splitlines()
    assert lines == [
        "0 of 100 episodes",
        "An episode failed: ValueError: [red]unlucky",
        "100 of 100 episodes, 10 a second, 1 failed",
    ]


def test_quiet_says_what_failed_alone():
    assert shown(False, True, STEPS).splitlines() == ["An episode failed: ValueError: [red]unlucky"]


def test_hyphens_and_underscores_are_alike():
    made = specification_of(
        None,
        "e",
        [],
        ["Gilbert-Elliott"],
        ["gilbert_elliott.mean-burst-length=1,5"],
        ["gilbert-elliott.loss=0.2"],
        None,
        None,
    )
    assert isinstance(made, dict)
    assert made["failure_models"] == [
        {"model": "Gilbert-Elliott", "loss": 0.2, "mean_burst_length": {"grid": [1, 5]}}
    ]


def test_a_model_is_named_once():
    with pytest.raises(FailureApiError) as refusal:
        specification_of(None, "e", [], ["probabilistic", "Probabilistic"], [], [], None, None)
    assert_one_sentence(refusal.value, "--model must name each model once", "'Probabilistic'")


SCENARIOS = """\
environment: mpe2.simple_spread_v3
policies: [{a policy with a name: random}]
failure_models:
  grid:
    clear: {model: probabilistic, failure_prob: 0}
    a day in the field without wind: {model: probabilistic, failure_prob: 0.5}
    nothing: {model: probabilistic, failure_prob: 1}
labels: {failure_models: links}
episodes: 4
"""


def test_scenarios_are_told_by_label_and_without_breaking_point():
    Path("spec.yaml").write_text(SCENARIOS)
    done = invoke("sweep", "spec.yaml")
    assert done.exit_code == 0, done.output
    assert "a day in the" in done.stdout
    assert "area" not in done.stdout
    assert "breaks" not in done.stdout
    assert "unknown" not in done.stdout
    curves = pd.read_csv("sweep/curves.csv")
    assert curves["area"].isna().all()
    assert curves["breaking_point"].isna().all()
    tasks = json.loads(Path("sweep/marl_eval.json").read_text())["mpe2.simple_spread_v3"]
    assert list(tasks)[1] == "links=clear"
    assert invoke("sweep", "spec.yaml", "--output", "other").exit_code == 0
    compared = invoke("compare", "sweep", "other").stdout
    rows = [line.split()[:2] for line in compared.splitlines()]
    assert any(row[:1] == ["clear"] for row in rows)
    assert not any(row[:1] in (["1"], ["2"], ["3"]) for row in rows)


@pytest.mark.parametrize("width", [80, 40])
def test_labels_fold_and_numbers_are_never_cut(width):
    numbers = {"mean": -1234.0, "drop": 9.0, "delivery_ratio": 0.5, "mean_age": 10.0, "failed": 2}
    names = [f"{name}_{end}" for name in ("mean", "drop") for end in ("low", "high")]
    ends = {name: numbers[name.partition("_")[0]] + 100 for name in names}
    cell = {"policy": "p" * 100, "severity": 1.0, **numbers, **ends}
    whole = [f"{name}{end}" for name in ("area", "breaking_point") for end in ("", "_low", "_high")]
    curve = {"policy": "p" * 100, "perfect": -1234.0, **dict.fromkeys(whole, 2.0)}
    labels = {1.0: "a long label that has no end", 2.0: "[red]hurricane"}
    found = Swept(pd.DataFrame([cell]), pd.DataFrame([curve]), "links", labels)
    screen = io.StringIO()
    print_curves(Console(file=screen, width=width, color_system=None), found)
    text = screen.getvalue()
    assert "…" not in text
    assert "-1.23e+03 (-1.13e+03 to -1.13e+03)" in text
    assert "10.0  2 failed" in text
    assert "[red]hurricane" in text
    assert "beyond" not in text
    for word in labels[1.0].split():
        assert word in text
