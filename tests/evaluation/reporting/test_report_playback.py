"""What of the recordings a page carries."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from made_results import TENTHS, made_recording, make_results, played_recordings

from failure_api.evaluation.recording import Recording
from failure_api.evaluation.reporting.curves import curves_of
from failure_api.evaluation.reporting.playback import BUDGET, playback_of


def of(recordings, budget=BUDGET):
    made = make_results(recordings=recordings)
    return playback_of(made, curves_of(made), budget)


def film(agents=3, rounds=26, policies=("assignment",)):
    return [
        made_recording(
            agents, rounds, loss=value or 0.0, policy=policy, setting={"missing": m}, severity=value
        )
        for policy in policies
        for m in ("zero", "hold")
        for value in (None, *TENTHS)
    ]


def shown(playback):
    return [[shot["at"] for shot in curve["shots"]] for curve in playback.data["curves"]]


def test_everything_is_carried_from_perfect_communication_to_the_severest():
    playback = of(list(reversed(played_recordings())))
    assert playback.note == ""
    assert (
        shown(playback)
        == [["perfect communication", *(f"failure_prob={value:g}" for value in TENTHS)]] * 4
    )
    assert len(playback.data["recordings"]) == 48
    assert [curve["perfect"] for curve in playback.data["curves"]] == [0] * 4


def test_perfect_communication_is_carried_once_for_all_settings_of_what_fails():
    recordings = [r for r in film() if r.severity is not None or r.setting["missing"] == "zero"]
    recordings[0].setting = {"missing": ""}
    playback = of(recordings)
    assert len(playback.data["recordings"]) == 23
    first, second = playback.data["curves"]
    assert first["shots"][0] == second["shots"][0]


def test_letters_tell_age_and_arrival():
    recording = Recording(
        policy="assignment",
        setting={"missing": "zero"},
        severity=0.5,
        agents=["a", "b"],
        alive=["11", "11", "10"],
        arrived=["0000", "0110", "0100"],
        age=[[0, 1, 1, 0], [0, 0, 40, 0], [0, 35, 2, 0]],
        rewards=[0.0, -1.5, 2.25],
        positions=[[[0.5], None], [[1.0, 2.0, 3.0], [float("nan"), 1e9]], [None, None]],
    )
    (found,) = of([recording]).data["recordings"]
    assert found["links"] == ["0110", "0A-0", "0-20"]
    assert found["mean_age"] == [1.0, 20.0, None]
    assert found["reward"] == [0.0, -1.5, 0.75]
    assert found["positions"] == [[[0.5, 0.0], None], [[1.0, 2.0], [0.0, 1e9]], [None, None]]
    assert found["ended"]


def test_a_smaller_budget_keeps_the_severest_and_even_steps():
    whole = len(json.dumps(of(film()).data))
    playback = of(film(), whole // 2)
    kept = [f"failure_prob={value:g}" for value in (0, 0.3, 0.7, 1)]
    assert shown(playback) == [["perfect communication", *kept]] * 2
    assert "severities are kept" in playback.note
    assert len(json.dumps(playback.data)) < whole


def test_a_tiny_budget_cuts_rounds_and_then_curves():
    recordings = film(12, 60, ("assignment", "random"))
    playback = of(recordings, 60_000)
    assert "only the first" in playback.note
    assert all(not one["ended"] for one in playback.data["recordings"])
    assert all(len(curve) == 2 for curve in shown(playback))
    assert len(json.dumps(playback.data)) < 80_000
    playback = of(recordings, 10_000)
    assert "only 1 of 4 curves" in playback.note
    assert len(playback.data["curves"]) == 1


@pytest.mark.heavy
def test_a_hundred_agents_stay_within_the_budget():
    playback = of(film(100, 26, ("assignment", "random")))
    assert len(json.dumps(playback.data, separators=(",", ":"))) < 1.1 * BUDGET
    assert "severities are kept" in playback.note


def test_recordings_of_other_cells_and_empty_ones_are_passed_over():
    strange = [
        replace(made_recording(), policy="stranger", setting={"missing": "zero"}, severity=0.5),
        replace(made_recording(), policy="assignment", setting={"missing": "zero"}, severity=0.55),
        Recording(policy="assignment", setting={"missing": "zero"}, severity=0.5),
    ]
    playback = of(strange)
    assert playback.data == {}
    assert "There is no recorded episode" in playback.note
