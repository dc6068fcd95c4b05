"""The verb `models`, inside this process."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from matplotlib import image
from typer.testing import CliRunner

from failure_api.catalogue import describe, from_dict
from failure_api.catalogue import models as every_model
from failure_api.cli.app import app
from failure_api.cli.models import models
from failure_api.errors import InvalidArgumentError

EVERY = {one.name: one for one in every_model()}


def invoke(*arguments, width=100):
    environment = {"COLUMNS": str(width), "TERM": "dumb"}
    return CliRunner().invoke(app, ["models", *arguments], env=environment)


def words(text):
    """Returns a text without its line breaks."""
    return " ".join(text.split())


def width_of(text):
    return max(map(len, text.splitlines()))


def entry_of(name, listed):
    """Returns what the list says of one model."""
    found = re.search(rf"^ {name} .*?(?=^ \S|\Z)", listed, re.MULTILINE | re.DOTALL)
    assert found, name
    return words(found[0])


@pytest.fixture(scope="module")
def listed():
    outcome = invoke()
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stderr == ""
    return str(outcome.stdout)


@pytest.mark.parametrize("name", EVERY)
def test_the_list_tells_meaning_parameters_defaults_and_units(name, listed):
    one, entry = EVERY[name], entry_of(name, listed)
    assert entry.startswith(f"{name} {one.summary}")
    for parameter in one.parameters:
        if parameter.name == "agent_ids" and parameter.default == "None":
            continue
        default = "" if parameter.default == "required" else f" = {parameter.default}"
        assert f" {parameter.name}{default}" in entry
        notes = [note for note in (parameter.unit, parameter.varies) if note]
        if parameter.default == "required":
            notes.insert(0, "required")
        if notes:
            assert f" {parameter.name}{default} ({', '.join(notes)})" in entry


def test_failure_models_come_before_noise_models_and_each_by_name(listed):
    names = re.findall(r"^ (\w+)  ", listed, re.MULTILINE)[1:]
    kinds = [EVERY[name].kind for name in names]
    assert kinds == sorted(kinds)
    for kind in ("failure", "noise"):
        own = sorted(name for name, one in EVERY.items() if one.kind == kind)
        assert [name for name in names if EVERY[name].kind == kind] == own
    assert "`failure-api models NAME` shows one of them" in words(listed)


@pytest.mark.parametrize(
    "name", ["gilbert-elliott", "Gilbert_Elliott", "GilbertElliottModel", "gilbert_elliott"]
)
def test_a_model_is_shown_by_any_of_its_names(name):
    outcome = invoke(name)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.startswith(
        "GilbertElliottModel (loss in bursts, failure model)\n\n"
        "  Every link is good or bad, loses messages accordingly"
    )
    assert "tc-netem(8)" in outcome.stdout
    assert "In the long run: loss 0.1667, burst length 4 rounds, age 0.6667 rounds." in (
        outcome.stdout
    )
    assert "200 rounds from left to right, 3 a character" in outcome.stdout


@pytest.mark.parametrize(
    ("name", "width"),
    [
        *((name, 40) for name in EVERY),
        *((name, width) for name in ("signal_based", "jamming", "stuck") for width in (80, 200)),
    ],
)
def test_every_page_says_everything_at_any_width(name, width):
    one = EVERY[name]
    outcome = invoke(name, width=width)
    assert outcome.exit_code == 0, outcome.output
    assert width_of(outcome.stdout) <= width
    assert "\x1b" not in outcome.output
    assert "…" not in outcome.stdout
    page = words(outcome.stdout)
    # What is wider than a narrow page is broken within words too.
    bare = page.replace(" ", "")
    for text in (one.class_name, one.summary, *one.text, one.source):
        assert text.replace(" ", "") in bare
    for parameter in one.parameters:
        assert parameter.name in page
        # Side by side with others, a text of several lines is not in one piece.
        pieces = [parameter.meaning] if width == 40 else parameter.meaning.split()
        assert all(piece.replace(" ", "") in bare for piece in pieces)
    assert all(part.name in page for part in one.parts)
    assert "200 rounds from left to right" in page


def test_the_plain_data_on_a_page_makes_the_example():
    for name in ("gilbert_elliott", "jamming", "byzantine", "randomized"):
        page = invoke(name, width=1000).stdout
        line = next(line for line in page.splitlines() if line.startswith("  {"))
        assert from_dict(json.loads(line)) == EVERY[name].example


def test_long_plain_data_is_cut():
    page = invoke("trace", width=100).stdout
    assert re.search(r'"lost": \[{3}.* \.\.\.\s*\n  In the long run', page, re.DOTALL)
    assert len(page.splitlines()) < 80


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_list_fits_any_width(width):
    text = invoke(width=width).stdout
    assert width_of(text) <= width
    assert "…" not in text
    assert all(
        one.summary.replace(" ", "") in words(text).replace(" ", "") for one in EVERY.values()
    )


def test_the_same_page_twice():
    assert invoke("chain").stdout == invoke("chain").stdout


def test_parameters_are_set():
    outcome = invoke("gilbert_elliott", "--set", "p=0.5", "r=0.5", "--set", "start=good")
    assert outcome.exit_code == 0, outcome.output
    assert "GilbertElliottModel(p=0.5, r=0.5, start='good')" in outcome.stdout
    assert "loss 0.5, burst length 2 rounds" in outcome.stdout
    links = json.dumps({"links": [["agent_0", "agent_1", 1]]})
    outcome = invoke("probabilistic", "--set", f"failure_prob={links}")
    assert outcome.exit_code == 0, outcome.output
    row = next(line for line in outcome.stdout.splitlines() if line.startswith("0 → 1"))
    assert set(row.removeprefix("0 → 1 ")) == {"·"}
    assert "92 % current, 0 % late, 8 % nothing" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "holds"),
    [
        (["gilbert_eliott"], "did you mean 'gilbert_elliott'?"),
        (["probabilstic", "--plot"], "did you mean 'probabilistic'?"),
        (["zzz"], "known are bandwidth, bit_flip"),
        ([""], "name must be the name of a model, but '' was given"),
        (["gilbert-elliott", "surplus"], "surplus"),
        (["gilbert-elliott", "--set", "q=1"], "'q' was given: known are agent_ids"),
        (["gilbert-elliott", "--set", "los_bad=1"], "did you mean 'loss_bad'?"),
        (["gilbert-elliott", "--set", "p=2"], "p must lie in [0, 1], but 2 was given"),
        (["gilbert-elliott", "--set", "p=often"], "'often' was given"),
        (["gilbert-elliott", "--set", "p=NaN"], "p must lie in [0, 1], but nan was given"),
        (["gilbert-elliott", "--set", "name=x"], "'name' was given"),
        (["gilbert-elliott", "--set", "model=x"], "model must be the name of a failure model"),
        (["gilbert-elliott", "--set", "p"], "--set must be NAME=VALUE, but 'p' was given"),
        (["gilbert-elliott", "--set", "=1"], "--set must be NAME=VALUE, but '=1' was given"),
        (["gilbert-elliott", "--set", f"p={'[' * 20_000}"], "p must be a number"),
        (["gilbert-elliott", "--set"], "--set"),
        (["gilbert-elliott", "--set", 'agent_ids=["a", "b"]'], "agent_ids must name agents"),
        (["signal-based", "--set", "path_loss=fris"], "did you mean 'friis'?"),
        (["--set", "p=1"], "--set must come with the name of a model"),
        (["--plot"], "--plot must come with the name of a model"),
        (["--plot", "x.png"], "--plot must come with the name of a model"),
        (["chain", "--plto"], "--plto"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_a_wrong_value_is_one_sentence_and_status_2(arguments, holds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = invoke(*arguments)
    assert outcome.exit_code == 2, outcome.output
    assert holds in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
    assert outcome.stdout == ""
    assert list(tmp_path.iterdir()) == []


def colours(path):
    picture = image.imread(path)
    return len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0))


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["gilbert-elliott", "--plot"], "gilbert_elliott.png"),
        (["--plot", "gilbert-elliott"], "gilbert_elliott.png"),
        (["StuckModel", "--plot", "--set", "stick_prob=0.5"], "stuck.png"),
        (["--plot", "here.PNG", "probabilistic"], "here.PNG"),
        (["probabilistic", "--plot=here.png"], "here.png"),
        (["probabilistic", "--plot", "folder/here.jpg"], "folder/here.jpg"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_plot_draws_a_picture_with_and_without_a_file(arguments, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    outcome = invoke(*arguments)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.splitlines()[-1] == f"Drawn to {name}"
    assert (tmp_path / name).stat().st_size > 10_000
    assert colours(tmp_path / name) > 20


@pytest.mark.parametrize(
    ("file", "holds"),
    [
        ("missing/x.png", "(no such file or directory)"),
        ("folder.png", "(is a directory)"),
        ("x.txt", "(format 'txt' is not supported"),
        ("file.png/x.png", "(not a directory)"),
        ("./x", "must end in the format of an image"),
    ],
)
def test_a_picture_that_cannot_be_written(file, holds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file.png").write_text("mine")
    outcome = invoke("chain", "--plot", file)
    assert outcome.exit_code == 2, outcome.output
    assert outcome.stderr.startswith("path must ")
    assert holds in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
    assert outcome.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.png", "folder.png"]
    assert (tmp_path / "file.png").read_text() == "mine"


def test_the_verb_is_a_function(tmp_path, capsys):
    path = tmp_path / "x.png"
    one = models("gilbert-elliott", given=["p=1", "r=1"], plot=str(path))
    assert one.example == describe("gilbert-elliott", p=1, r=1).example
    assert path.exists()
    assert [each.name for each in models()] == list(EVERY)
    assert "gilbert_elliott" in capsys.readouterr().out
    with pytest.raises(InvalidArgumentError):
        models("nobody")


def test_help_shows_every_option():
    outcome = CliRunner().invoke(app, ["models", "--help"], env={"COLUMNS": "120"})
    assert outcome.exit_code == 0
    assert all(option in outcome.stdout for option in ("--set", "--plot", "NAME"))
    assert "Args:" not in outcome.stdout


def test_a_page_lists_the_words_of_other_constructors():
    shown = words(invoke("gilbert-elliott").stdout)
    assert "Or by loss and burst loss required Long-run share of messages lost" in shown
    assert "burst required Mean number of losses in a row" in shown
    assert "mean_burst_length" not in shown
    assert "Or by file file required Name of a file" in words(invoke("trace").stdout)
    assert "Or pareto_delay by mean" in words(invoke("delay-based").stdout)
    assert "Or by" not in words(invoke("probabilistic").stdout)
    made = invoke("gilbert-elliott", "--set", "loss=0.2", "burst=4")
    assert "In the long run: loss 0.2, burst length 4 rounds" in words(made.stdout)
