"""The files of a sweep: whole, exact, and as marl-eval reads them."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from failure_api.evaluation.files import MARL_EVAL, marl_eval, write_tables
from failure_api.evaluation.results import LINK_NUMBERS, Results
from failure_api.evaluation.statistics import summarise
from failure_api.replacing import replacing

SEVERITIES = (0.1 + 0.2, 1.0)
TABLES = ("cells", "curves", "comparisons", "episodes")
TASKS = ["perfect communication", "failure_prob=0.3", "failure_prob=1"]
EPISODES = 5
LINKS = (0.5, 1 / 7, 0.4, 0.2)


def play(policies=("calm, slow", "b"), missing=("zero", "Hold")):
    generator = np.random.default_rng(0)
    rows = [
        (
            policy,
            how,
            severity,
            k,
            90 + k,
            generator.normal(-1 / 3, 1.0),
            25,
            *LINKS,
            None,
        )
        for policy, how in itertools.product(policies, missing)
        for severity in (math.nan, *SEVERITIES)
        for k in range(EPISODES)
    ]
    columns = ["policy", "missing", "severity", "episode", "seed", "return", "length"]
    return pd.DataFrame(rows, columns=[*columns, *LINK_NUMBERS, "error"])


def results_of(episodes, environment="Mine:Spread"):
    cells, curves, comparisons = summarise(
        episodes,
        settings=("missing",),
        severities=SEVERITIES,
        share=0.1,
        references=("missing",),
    )
    return Results(
        specification={"environment": environment},
        severity="failure_prob",
        severities=SEVERITIES,
        settings=("missing",),
        share=0.1,
        episodes=episodes,
        cells=cells,
        curves=curves,
        comparisons=comparisons,
    )


def runs(exported):
    (tasks,) = exported.values()
    return {(task, name): each for task, found in tasks.items() for name, each in found.items()}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_number_comes_back_to_its_last_bit(tmp_path, kind):
    results = results_of(play())
    write_tables(results, tmp_path)
    for name in TABLES:
        path = tmp_path / f"{name}.{kind}"
        expected = getattr(results, name)
        numbers = expected.select_dtypes("number").columns
        # Python reads a number to its last bit, which not every version of pandas does.
        exact = dict.fromkeys(numbers, lambda text: float(text or "nan"))
        found = pd.read_csv(path, converters=exact) if kind == "csv" else pd.read_parquet(path)
        assert list(found.columns) == list(expected.columns)
        for column in numbers:
            np.testing.assert_array_equal(found[column], expected[column])
        for column in {"policy", "missing", "first", "second"} & set(expected.columns):
            assert found[column].tolist() == expected[column].tolist()


def test_the_files_are_those_that_are_named(tmp_path):
    paths = write_tables(results_of(play()), tmp_path)
    names = {f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")}
    assert {path.name for path in paths} == names | {MARL_EVAL}
    assert sorted(paths) == sorted(tmp_path.iterdir())


def test_infinite_is_inf_and_nothing_is_empty_in_csv(tmp_path):
    results = results_of(play())
    curves = results.curves.assign(breaking_point=math.inf, recovery=math.nan)
    write_tables(replace(results, curves=curves), tmp_path)
    header, first, *_ = (tmp_path / "curves.csv").read_text().splitlines()
    # The comma in the policy's name makes it quoted.
    assert first.startswith('"calm, slow",')
    fields = dict(zip(header.split(",")[1:], first.split(",")[2:], strict=True))
    assert (fields["breaking_point"], fields["recovery"]) == ("inf", "")


def test_an_interruption_leaves_the_table_as_it_was(tmp_path, monkeypatch):
    results = results_of(play())
    write_tables(results, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def breaks(self, file, **_):
        Path(file).write_text("half a ta")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", breaks)
    with pytest.raises(KeyboardInterrupt):
        write_tables(replace(results, cells=results.cells.iloc[:1]), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_replaced_is_there_until_the_end(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        # What writes by the ending of a name must see the same one.
        assert (beside.suffix, path.read_text()) == (".csv", "old")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_marl_eval_finds_the_same_runs_of_every_algorithm_in_every_task():
    episodes = play()
    exported = marl_eval(results_of(episodes))
    assert list(exported) == ["mine:spread"]
    assert list(exported["mine:spread"]) == TASKS
    names = [f"{policy} missing={how}" for policy in ("calm slow", "b") for how in ("zero", "hold")]
    found = runs(exported)
    assert list(found) == list(itertools.product(TASKS, names))
    for each in found.values():
        assert list(each) == [f"seed_{k}" for k in range(EPISODES)]
    chosen = episodes[(episodes["policy"] == "b") & (episodes["missing"] == "Hold")]
    row = chosen[(chosen["severity"] == 1.0) & (chosen["episode"] == 3)].iloc[0]
    links = {"delivery_ratio": [0.5], "age": [1 / 7], "news": [0.4], "overtaken": [0.2]}
    metrics = {"return": [row["return"]], **links}
    assert found["failure_prob=1", "b missing=hold"]["seed_3"] == {
        "step_0": {"step_count": 0, **metrics},
        "absolute_metrics": metrics,
    }


def test_no_metric_begins_like_marl_evals_own_means():
    """With "mean_" the lists themselves would be taken for means, which newer NumPy refuses."""
    for each in runs(marl_eval(results_of(play()))).values():
        for run in each.values():
            assert not [name for name in run["absolute_metrics"] if name.startswith("mean")]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_episode_that_failed_in_one_cell_is_exported_of_none(value):
    episodes = play()
    place = episodes.index[(episodes["episode"] == 2)][4]
    episodes.loc[place, "return"] = value
    if math.isnan(value):
        episodes.loc[place, "error"] = "ValueError"
    exported = marl_eval(results_of(episodes))
    json.dumps(exported, allow_nan=False)
    assert {tuple(each) for each in runs(exported).values()} == {
        ("seed_0", "seed_1", "seed_3", "seed_4")
    }


def test_a_metric_that_is_unknown_somewhere_is_exported_nowhere():
    episodes = play()
    episodes.loc[episodes["severity"] == 1.0, "delivery_ratio"] = math.nan
    for each in runs(marl_eval(results_of(episodes))).values():
        known = ["return", "age", "news", "overtaken"]
        assert all(list(run["absolute_metrics"]) == known for run in each.values())


def test_of_an_unfinished_sweep_what_every_cell_has_is_exported():
    episodes = play()
    of_b = episodes["policy"] == "b"
    exported = runs(marl_eval(results_of(episodes[~of_b | (episodes["episode"] < 2)])))
    assert {tuple(each) for each in exported.values()} == {("seed_0", "seed_1")}
    exported = runs(marl_eval(results_of(episodes[~of_b | (episodes["severity"] != 1.0)])))
    assert len(exported) == 3 * 4
    assert not any(exported.values())


def test_nothing_played_is_written_too(tmp_path):
    results = results_of(play().iloc[:0])
    write_tables(results, tmp_path)
    assert pd.read_csv(tmp_path / "cells.csv").columns.tolist() == results.cells.columns.tolist()
    assert not any(json.loads((tmp_path / MARL_EVAL).read_text())["mine:spread"].values())


def test_curves_whose_names_differ_only_in_case_and_commas_stay_apart():
    exported = runs(marl_eval(results_of(play(policies=("A, b", "a b"), missing=("zero",)))))
    assert [name for _, name in exported][:2] == ["a b missing=zero", "a b missing=zero 2"]
    one, two = (exported["failure_prob=1", f"a b missing=zero{end}"] for end in ("", " 2"))
    assert one != two


def test_curves_that_share_perfect_communication_both_have_it():
    """What varies within the models alone has no cell of its own without them."""
    episodes = play()
    episodes.loc[episodes["severity"].isna(), "missing"] = ""
    episodes = episodes.drop_duplicates(["policy", "missing", "severity", "episode"])
    cells, curves, comparisons = summarise(
        episodes, settings=("missing",), severities=SEVERITIES, share=0.1, references=()
    )
    results = replace(results_of(play()), episodes=episodes, cells=cells, curves=curves)
    found = runs(marl_eval(replace(results, comparisons=comparisons)))
    zero, hold = (found[TASKS[0], f"b missing={how}"] for how in ("zero", "hold"))
    assert zero == hold
    assert len(zero) == EPISODES
