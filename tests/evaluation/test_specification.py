"""Specifications: read from YAML and Python, written back, refused with key and line."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api import DelayBasedModel, GaussianNoiseModel, MaskSegments, ProbabilisticModel
from failure_api.errors import FailureApiError
from failure_api.evaluation import read_specification
from failure_api.evaluation.plan import KEYS
from helpers import assert_one_sentence

TEXT = """\
environment: mpe2.simple_spread_v3
options: {N: 4}
policies: [assignment, random]
exchange: {type: mask_segments, missing: {grid: [zero, hold]}}
failure_models:
  - {model: probabilistic, failure_prob: {grid: "0:1:0.1"}}
episodes: 20
seed: 7
"""


def test_yaml_and_a_dictionary_are_read_alike(tmp_path):
    file = tmp_path / "spread.yaml"
    file.write_text(TEXT)
    read = read_specification(file)
    assert read == read_specification(TEXT) == read_specification(read.to_plain())
    assert json.loads(json.dumps(read.to_plain())) == read.to_plain()
    assert (read.episodes, read.seed, read.options) == (20, 7, {"N": 4})
    assert read.api == "parallel"


def test_values_may_stand_for_their_descriptions():
    read = read_specification(
        {
            "environment": "mpe2.simple_spread_v3",
            "exchange": MaskSegments(missing="hold"),
            "failure_models": [
                ProbabilisticModel(failure_prob=0.1),
                {"grid": [DelayBasedModel(min_delay=0, max_delay=d) for d in (1, 2)]},
            ],
            "noise_models": GaussianNoiseModel(standard_deviation=0.1),
        }
    )
    assert read.exchange == {"type": "mask_segments", "missing": "hold"}
    assert read.failure_models[0] == {"model": "probabilistic", "failure_prob": 0.1}
    assert read.failure_models[1]["grid"][1]["max_delay"] == 2
    assert read.noise_models[0]["noise"] == "gaussian_noise"


def test_an_environment_without_a_parallel_api_is_played_in_turns():
    models = {"model": "probabilistic", "failure_prob": 0.5}
    plain = {"environment": "pettingzoo.classic.tictactoe_v3", "failure_models": models}
    assert read_specification(plain).api == "aec"


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("seed: 7", "sede: 7"), 8, ("sede", "did you mean 'seed'?")),
        (("seed: 7", "seed: seven"), 8, ("seed", "whole number", "'seven'")),
        (("episodes: 20", "episodes: 0"), 7, ("episodes", "0")),
        (("episodes: 20", "episodes: 1.5"), 7, ("episodes", "1.5")),
        (("episodes: 20", "episodes: true"), 7, ("episodes", "True")),
        (("simple_spread_v3", "simple_spred_v3"), 1, ("did you mean 'mpe2.simple_spread_v3'?",)),
        (("[assignment, random]", "[random, random]"), 3, ("policies[1]", "once")),
        (("[assignment, random]", "[]"), 3, ("policies",)),
        (("[assignment, random]", "[1]"), 3, ("policies[0]", "must be a name")),
        (("{N: 4}", "[4]"), 2, ("options",)),
        (("{type: mask_segments, missing: {grid: [zero, hold]}}", "7"), 4, ("exchange", "7")),
        (("seed: 7", "api: both"), 8, ("api", "'both'")),
        (("seed: 7", "team: [[a]]"), 8, ("team[0]",)),
        (("seed: 7", "max_steps: -1"), 8, ("max_steps", "-1")),
    ],
)
def test_a_mistake_is_said_with_its_line(change, line, words):
    with pytest.raises(FailureApiError) as refusal:
        read_specification(TEXT.replace(*change))
    assert_one_sentence(refusal.value, f"line {line}", *words)


@pytest.mark.parametrize("text", ["", "\n", "~", "[]", "7", "environment:", "seed: 1\n"])
def test_what_says_too_little_is_refused(text):
    with pytest.raises(FailureApiError) as refusal:
        read_specification(text + "\n")
    assert_one_sentence(refusal.value)


def test_hostile_files_are_refused_in_one_sentence(tmp_path):
    texts = {
        "cyclic.yaml": "a: &a [*a]\n",
        "tag.yaml": "!!python/object/apply:os.system ['echo hello > spoiled']\n",
        "huge.yaml": TEXT + "# " + "x" * 10 * 2**20,
        "deep.yaml": "failure_models: " + "[" * 5000 + "]" * 5000,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(FailureApiError) as refusal:
            read_specification(tmp_path / name)
        assert_one_sentence(refusal.value, name)
    assert not Path("spoiled").exists()
    with pytest.raises(FailureApiError) as refusal:
        read_specification(tmp_path / "absent.yaml")
    assert_one_sentence(refusal.value, "absent.yaml")


def test_a_dictionary_that_holds_itself_is_refused():
    options: dict[str, Any] = {}
    options["more"] = options
    plain = {
        "environment": "mpe2.simple_spread_v3",
        "options": options,
        "failure_models": {"model": "probabilistic", "failure_prob": 0.5},
    }
    with pytest.raises(FailureApiError, match="flatter"):
        read_specification(plain)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KEYS), ANYTHING)
def test_whatever_stands_at_a_key_is_read_or_refused(key, value):
    plain = {
        "environment": "mpe2.simple_spread_v3",
        "failure_models": {"model": "probabilistic", "failure_prob": 0.5},
        key: value,
    }
    # Anything else than a refusal is an error here, NumPy's and YAML's own ones included.
    with suppress(FailureApiError):
        read = read_specification(plain)
        assert read_specification(read.to_plain()) == read
