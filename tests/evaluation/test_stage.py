"""Rewards with several objectives: refused, or made numbers of as the specification says."""

from __future__ import annotations

import numpy as np
import pytest

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation import check, read_specification, sweep
from failure_api.evaluation.stage import Scalarization
from helpers import assert_one_sentence

SOURCE = """
import numpy as np
from environments_under_test import Plain
from pettingzoo.utils.conversions import parallel_to_aec

class Objectives(Plain):
    def __init__(self, entries=2, **options):
        super().__init__(**options)
        self.entries = entries

    def step(self, actions):
        seen, rewards, *rest = super().step(actions)
        # Step by step 1, 2, ... of the first objective, and of each other one ten times that.
        rewards = {
            agent: reward * 10.0 ** np.arange(self.entries) for agent, reward in rewards.items()
        }
        return (seen, rewards, *rest)

def parallel_env(**options):
    return Objectives(**options)

def env(**options):
    return parallel_to_aec(Objectives(**options))

def worst(reward):
    return reward.min()

def words(reward):
    return "much"

number = 3
"""
FAILS = {"model": "probabilistic", "failure_prob": {"grid": [0.0, 1.0]}}


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    (tmp_path / "objectives_v0.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)


def specification(api="parallel", entries=2, **more):
    return {
        "environment": "objectives_v0",
        "api": api,
        "options": {"entries": entries},
        "failure_models": FAILS,
        "episodes": 2,
        **more,
    }


APIS = pytest.mark.parametrize("api", ["parallel", "aec"])


@APIS
def test_one_entry_is_a_number(api):
    found = sweep(specification(api, entries=1))
    # 1 + 2 + ... + 8, the same for each agent.
    assert found["mean"].tolist() == [36.0] * 3


@APIS
@pytest.mark.parametrize(
    ("given", "expected"),
    [([1.0, 0.0], 36), ([0.5, 0.25], 36 * 3), ("objectives_v0:worst", 36)],
    ids=["first", "sum", "function"],
)
def test_more_are_what_the_scalarization_makes_of_them(api, given, expected):
    found = sweep(specification(api, scalarization=given))
    np.testing.assert_allclose(found["mean"], expected)


@APIS
@pytest.mark.parametrize("play", [check, sweep])
def test_more_are_refused_before_anything_is_played(api, play):
    with pytest.raises(InvalidArgumentError, match=r"scalarization .* \[0.5, 0.5\]") as caught:
        play(specification(api))
    assert_one_sentence(caught.value, "2 entries", "'module:function'")


@APIS
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1.0], ["a weight for each of the 2", "1.0"]),
        ([1.0, 2.0, 3.0], ["a weight for each of the 2", "3.0"]),
        ("objectives_v0:words", ["must make a number", "function words"]),
        ("objectives_v0:wrst", ["did you mean 'worst'?"]),
        ("objectives_v0:number", ["must name a function", "objectives_v0:number"]),
        ("objectives_v9:worst", ["module that can be imported", "objectives_v9:worst"]),
    ],
)
def test_a_scalarization_that_does_not_suit_is_refused(api, given, words):
    if given == [1.0]:
        # One weight would do for one entry.
        assert Scalarization(given)(np.array([3.0])) == 3.0
    with pytest.raises(InvalidArgumentError, match=r"^scalarization ") as caught:
        check(specification(api, scalarization=given))
    assert_one_sentence(caught.value, *words)


@pytest.mark.parametrize(
    "given", [3, "worst", "a b:c", ":", [], ["a"], [True], [float("nan")], {"grid": [1, 2]}, [[1]]]
)
def test_what_is_no_scalarization_is_refused(given):
    with pytest.raises(InvalidArgumentError, match="scalarization must be a list of weights"):
        read_specification(specification(scalarization=given))


def test_yaml_and_arrays_are_taken():
    text = """
environment: objectives_v0
failure_models: {model: probabilistic, failure_prob: {grid: [0, 1]}}
scalarization: [1, 0.5]
"""
    assert read_specification(text).scalarization == (1.0, 0.5)
    arrays = specification(scalarization=np.array([1.0, 0.5]))
    assert read_specification(arrays).scalarization == (1.0, 0.5)
    assert read_specification(arrays).to_plain()["scalarization"] == [1.0, 0.5]


def test_the_error_in_yaml_tells_the_line():
    text = """
environment: objectives_v0
failure_models: {model: probabilistic, failure_prob: {grid: [0, 1]}}
scalarization: [1, 2, 3]
"""
    with pytest.raises(InvalidArgumentError, match="line 4"):
        check(text)
    with pytest.raises(InvalidArgumentError, match="scalarization must be given"):
        check(text.replace("scalarization: [1, 2, 3]\n", ""))


def test_a_sweep_with_another_scalarization_is_another_sweep(tmp_path):
    plain = specification(entries=1)
    first = sweep(plain, output=tmp_path / "sweep")
    again = sweep(plain, output=tmp_path / "sweep")
    assert first["mean"].tolist() == again["mean"].tolist()
    with pytest.raises(InvalidArgumentError, match="scalarization"):
        sweep({**plain, "scalarization": [2.0]}, output=tmp_path / "sweep")


def test_what_nobody_has_earned_yet_is_nothing():
    """AEC environments may begin with a plain 0 where a vector follows."""
    assert Scalarization([0.5, 0.5])(0) == 0.0
    assert Scalarization(np.min)(0.0) == 0.0


def test_a_sweep_goes_on_with_the_function_it_began_with(tmp_path):
    weighing = tmp_path / "weighing.py"
    weighing.write_text("def first(reward):\n    return reward[0]\n")
    plain = specification(scalarization="weighing:first")
    sweep(plain, output=tmp_path / "sweep")
    sweep(plain, output=tmp_path / "sweep")
    weighing.write_text("def first(reward):\n    return reward[1]\n")
    with pytest.raises(InvalidArgumentError, match="weighing:first"):
        sweep(plain, output=tmp_path / "sweep")
