"""The cells of a plan, and what each of them holds."""

from __future__ import annotations

import pytest

from failure_api.catalogue import PlainDataError
from failure_api.evaluation import read_specification
from failure_api.evaluation.plan import AS_GIVEN, Plan
from helpers import assert_one_sentence


def plan_of(**changes):
    return Plan(
        read_specification(
            {
                "environment": "mpe2.simple_spread_v3",
                "policies": ["assignment", "random"],
                "exchange": {"type": "mask_segments", "missing": {"grid": ["zero", "hold"]}},
                "failure_models": [
                    {"model": "probabilistic", "failure_prob": {"grid": "0:1:0.5"}},
                    {"model": "delay_based", "min_delay": 0, "max_delay": {"grid": [1, 2]}},
                ],
                **changes,
            }
        )
    )


def test_cells_are_policies_times_settings_times_severities():
    plan = plan_of()
    # Of perfect communication one for each policy and each value of missing.
    assert plan.size == 2 * 2 + 2 * (2 * 2) * 3
    assert plan.episodes == 100 * plan.size
    cells = list(plan.cells())
    assert [cell.number for cell in cells] == list(range(plan.size))
    coordinates = {(c.policy, c.setting, c.severity) for c in cells}
    assert len(coordinates) == plan.size


def test_what_a_cell_holds():
    plan = plan_of()
    filled = [plan.filled(cell) for cell in plan.cells()]
    for cell, held in zip(plan.cells(), filled, strict=True):
        if cell.severity is None:
            assert held["failure_models"] == []
            assert plan.setting_of(cell)["max_delay"] == ""
        else:
            loss, delay = held["failure_models"]
            assert loss["failure_prob"] == plan.severity_of(cell)
            assert str(delay["max_delay"]) == plan.setting_of(cell)["max_delay"]
        assert held["exchange"]["missing"] == plan.setting_of(cell)["missing"]
    assert "grid" not in str(filled)


def test_what_varies_under_perfect_communication_lies_outside_of_the_models():
    plan = plan_of()
    assert plan.settings == ("missing", "max_delay")
    assert plan.outer_settings == ("missing",)


def test_severities_are_in_the_order_of_the_grid():
    model = {"model": "distance", "distance_threshold": {"grid": [3, 2, 1]}}
    assert plan_of(failure_models=[model]).severities == (3.0, 2.0, 1.0)
    model["distance_threshold"] = {"grid": [1, 3, 2]}
    with pytest.raises(PlainDataError, match="rising or falling throughout") as refusal:
        plan_of(failure_models=[model])
    assert_one_sentence(refusal.value, "failure_models[0].distance_threshold.grid")


def test_the_severity_can_be_chosen():
    plan = plan_of(severity="max_delay")
    assert plan.severity_name == "max_delay"
    assert plan.severities == (1.0, 2.0)
    assert plan.settings == ("missing", "failure_prob")
    for wrong in ("missing", "max_dely"):
        with pytest.raises(PlainDataError) as refusal:
            plan_of(severity=wrong)
        assert_one_sentence(refusal.value, "severity")


def test_without_a_grid_there_is_what_is_given_and_perfect_communication():
    plan = plan_of(
        failure_models={"model": "probabilistic", "failure_prob": 0.3},
        exchange=None,
        policies="random",
    )
    assert plan.size == 2
    assert (plan.severity_name, plan.severities) == (AS_GIVEN, (1.0,))


@pytest.mark.heavy
def test_a_huge_plan_is_counted_without_being_made():
    grids = {"grid": "1:1000000:1"}
    models = [{"model": "gilbert_elliott", "p": grids, "r": grids} for _ in range(4)]
    plan = plan_of(failure_models=models, exchange=None, policies="random")
    assert plan.episodes == 100 * (1 + 10**48)
    last = plan.cell(10**48)
    assert plan.filled(last)["failure_models"][3] == {
        "model": "gilbert_elliott", "p": 10**6, "r": 10**6,
    }  # fmt: skip


@pytest.mark.parametrize("most", [0, 10**6])
def test_every_value_of_every_axis_is_told(most):
    plan = plan_of()
    cells = list(plan.telling_cells(most))
    assert {cell.policy for cell in cells} == {"assignment", "random"}
    assert {plan.severity_of(cell) for cell in cells} >= {0.0, 0.5, 1.0}
    for axis in plan.further:
        assert {plan.setting_of(cell)[axis.name] for cell in cells} >= set(axis.texts)
    assert (len(cells) == plan.size) == (most > 0)


def test_seeds_are_of_31_bits_differ_and_follow_the_seed():
    plan, other = plan_of(), plan_of(seed=1)
    seeds = [plan.seed_of(episode) for episode in range(1000)]
    assert len(set(seeds)) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seeds == [plan_of().seed_of(episode) for episode in range(1000)]
    assert not set(seeds) & {other.seed_of(episode) for episode in range(1000)}
