"""The whole measurement, on real environments kept small."""

from __future__ import annotations

import cProfile
import math
import pstats
from typing import Any

import pytest

from failure_api.errors import FailureApiError
from failure_api.overhead import OverheadResult, measure_overhead, seed
from failure_api.overhead.environments import check_arguments

pytestmark = pytest.mark.heavy

SPREAD = "mpe2.simple_spread_v3"


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_measures_every_number_of_agents(api):
    result = measure_overhead(SPREAD, agents=[2, 4], episodes=3, cycles=5, api=api)
    assert [row.agents for row in result.rows] == [2, 4]
    for row in result.rows:
        assert row.steps == 15
        assert row.bare.time_ms > 0
        assert row.wrapped.time_ms > 0
        assert row.interval_percent is not None
        low, high = row.interval_percent
        assert low <= row.overhead_percent <= high
        assert row.bare.memory_mb > 0
        assert math.isfinite(row.memory_added_mb)


def test_the_parallel_api_wraps_the_parallel_environment(monkeypatch):
    from failure_api.overhead import environments

    built = []
    for name in ("CommunicationWrapper", "CommunicationWrapperParallel"):
        wrapper = getattr(environments, name)

        def build(*args, name=name, wrapper=wrapper, **kwargs):
            built.append((name, kwargs["failure_models"][0]))
            return wrapper(*args, **kwargs)

        monkeypatch.setattr(environments, name, build)
    expected = {"aec": "CommunicationWrapper", "parallel": "CommunicationWrapperParallel"}
    for api, wrapper_name in expected.items():
        built.clear()
        measure_overhead(SPREAD, agents=[2], episodes=1, cycles=2, api=api, failure_prob=0.25)
        assert {name for name, _ in built} == {wrapper_name}
        assert all(model.failure_prob == 0.25 for _, model in built)


def test_an_environment_without_a_number_is_measured_as_it_is():
    result = measure_overhead("mpe2.simple_tag_v3", episodes=1, cycles=2)
    assert [row.agents for row in result.rows] == [4]
    assert result.rows[0].interval_percent is None


def test_an_environment_of_another_package_is_measured():
    result = measure_overhead("pettingzoo.butterfly.pistonball_v6", episodes=2, cycles=2)
    assert [row.agents for row in result.rows] == [20]
    assert result.rows[0].steps == 4


def test_the_default_is_the_notebook_s():
    assert check_arguments(SPREAD, None, 20, 25, 0.5, "aec", "paired") == (3, 10, 25)


def test_the_seed_protocol(monkeypatch):
    monkeypatch.setattr(seed, "PAUSE_SECONDS", 0.02)
    result = measure_overhead(SPREAD, agents=[2], episodes=1, cycles=3, protocol="seed")
    row = result.rows[0]
    assert result.protocol == "seed"
    assert row.bare.time_ms > 20
    assert row.wrapped.time_ms > 20
    assert row.overhead_percent == pytest.approx(
        100 * (row.wrapped.time_ms - row.bare.time_ms) / row.bare.time_ms
    )


@pytest.mark.parametrize("protocol", ["paired", "seed"])
def test_progress_and_finished_rows_are_told(protocol, monkeypatch):
    monkeypatch.setattr(seed, "PAUSE_SECONDS", 0)
    told: list[Any] = []
    found: list[OverheadResult] = []
    result = measure_overhead(
        SPREAD,
        agents=[2, 3],
        episodes=2,
        cycles=2,
        protocol=protocol,
        progress=lambda *event: told.append(event),
        row_done=found.append,
    )
    total = told[0][2]
    assert [done for _, done, _ in told] == list(range(1, total + 1))
    assert {count for count, *_ in told} == {2, 3}
    assert [len(so_far.rows) for so_far in found] == [1, 2]
    assert found[-1] == result


@pytest.mark.parametrize("protocol", ["paired", "seed"])
def test_a_profile_names_what_took_the_time(protocol, monkeypatch):
    monkeypatch.setattr(seed, "PAUSE_SECONDS", 0)
    profiler = cProfile.Profile()
    measure_overhead(
        SPREAD, agents=[2, 3], episodes=2, cycles=2, protocol=protocol, profiler=profiler
    )
    functions = {(key[0].rpartition("/")[2], key[2]) for key in pstats.Stats(profiler).stats}
    assert ("simple_spread.py", "observation") in functions


def test_the_record_says_what_was_asked_and_where():
    result = measure_overhead(SPREAD, agents=[2], episodes=1, cycles=2, failure_prob=0.1)
    assert result.arguments == {
        "environment": SPREAD,
        "agents": [2],
        "episodes": 1,
        "cycles": 2,
        "failure_prob": 0.1,
        "api": "aec",
        "protocol": "paired",
    }
    assert {"python", "failure_api", "numpy", "gymnasium", "pettingzoo", "mpe2"} == set(
        result.versions
    )
    assert result.machine["processor"]
    assert result.machine["cores"] >= 1


WRONG = [
    ({"failure_prob": 1.5}, "failure_prob", "1.5"),
    ({"failure_prob": -0.1}, "failure_prob", "-0.1"),
    ({"failure_prob": math.nan}, "failure_prob", "nan"),
    ({"failure_prob": "often"}, "failure_prob", "'often'"),
    ({"failure_prob": True}, "failure_prob", "True"),
    ({"agents": [3, 0]}, "agents", "0"),
    ({"agents": [2.5]}, "agents", "2.5"),
    ({"agents": []}, "agents", "[]"),
    ({"agents": [True]}, "agents", "True"),
    ({"episodes": 0}, "episodes", "0"),
    ({"episodes": 1.0}, "episodes", "1.0"),
    ({"cycles": 0}, "cycles", "0"),
    ({"api": "both"}, "api", "'both'"),
    ({"protocol": "quick"}, "protocol", "'quick'"),
    ({"protocol": "seed", "api": "parallel"}, "api", "'parallel'"),
    ({"environment": "mpe2.simple_spred_v3"}, "environment", "'mpe2.simple_spread_v3'"),
    ({"environment": "mpe2.simple_tag_v3", "agents": [3]}, "agents", "mpe2.simple_tag_v3"),
    ({"environment": "pettingzoo.classic.tictactoe_v3"}, "pettingzoo", "take turns"),
]


@pytest.mark.parametrize(("arguments", "begins", "holds"), WRONG)
def test_a_wrong_argument_is_one_sentence_and_nothing_is_measured(arguments, begins, holds):
    told: list[Any] = []
    with pytest.raises(FailureApiError) as caught:
        measure_overhead(**{"episodes": 1, "cycles": 1, **arguments}, progress=told.append)
    text = str(caught.value)
    assert text.startswith(begins)
    assert holds in text
    assert "\n" not in text
    assert ". " not in text
    assert not told
