"""The tables: which rows, in which order, paired with what."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from failure_api.evaluation.results import LINK_NUMBERS
from failure_api.evaluation.statistics import summarise
from failure_api.evaluation.statistics.curve import summarise_curve

SEVERITIES = (0.0, 0.5, 1.0)
EPISODES = 12


def table(policies=("a", "b"), missing=("zero", "hold"), delays=("1", "2")):
    generator = np.random.default_rng(0)
    rows = []

    def add(policy, how, delay, severity, lost):
        for k in range(EPISODES):
            value = 10.0 + k - lost + generator.normal() * (lost > 0)
            rows.append((policy, how, delay, severity, k, k, value, 5, 1.0, 0.0, 1.0, 0.0, None))

    for policy, how in itertools.product(policies, missing):
        add(policy, how, "", math.nan, 0.0)
    for policy, how, delay in itertools.product(policies, missing, delays):
        for severity in SEVERITIES:
            add(policy, how, delay, severity, severity * (2 if how == "zero" else 1) * int(delay))
    columns = ["policy", "missing", "max_delay", "severity", "episode", "seed", "return", "length"]
    return pd.DataFrame(rows, columns=[*columns, *LINK_NUMBERS, "error"])


def summary(episodes, **changes):
    return summarise(
        episodes,
        **{
            "settings": ("missing", "max_delay"),
            "severities": SEVERITIES,
            "share": 0.1,
            "references": ("missing",),
        }
        | changes,
    )


def test_every_cell_and_every_curve_has_a_row_in_order():
    cells, curves, comparisons = summary(table())
    assert len(cells) == 2 * 2 + 2 * 2 * 2 * 3
    assert len(curves) == 8
    assert len(comparisons) == 3 * math.comb(8, 2)
    assert curves["policy"].tolist() == ["a"] * 4 + ["b"] * 4
    assert curves["missing"].tolist() == ["zero", "zero", "hold", "hold"] * 2
    first = cells.iloc[:4]
    assert first["severity"].isna().tolist() == [True, False, False, False]
    assert first["severity"].tolist()[1:] == list(SEVERITIES)
    perfect = cells[cells["severity"].isna()]
    assert (perfect["drop"] == 0).all()
    assert (perfect["max_delay"] == "").all()


def test_curves_are_paired_with_their_own_perfect_communication():
    episodes = table()
    # What is added to everything that "hold" plays costs nothing.
    episodes.loc[episodes["missing"] == "hold", "return"] += 100
    cells, curves, _ = summary(episodes)
    row = curves[(curves["policy"] == "b") & (curves["missing"] == "hold")].iloc[1]
    chosen = episodes[(episodes["policy"] == "b") & (episodes["missing"] == "hold")]
    perfect = chosen[chosen["severity"].isna()]["return"].to_numpy()
    of_delay = chosen[chosen["max_delay"] == "2"]
    returns = [of_delay[of_delay["severity"] == s]["return"].to_numpy() for s in SEVERITIES]
    expected = summarise_curve(perfect, returns, SEVERITIES, 0.1)
    assert row["perfect"] == expected.perfect
    assert tuple(row[["area", "area_low", "area_high"]]) == expected.area
    drops = cells[
        (cells["policy"] == "b") & (cells["missing"] == "hold") & (cells["max_delay"] == "2")
    ]
    assert drops["drop"].tolist() == [drop.value for drop in expected.drops]


def test_the_order_of_rows_does_not_change_the_numbers():
    episodes = table()
    mixed = episodes.sample(frac=1.0, random_state=1)
    keys = ["policy", "missing", "max_delay"]
    one, two = (summary(e)[1].sort_values(keys, ignore_index=True) for e in (episodes, mixed))
    pd.testing.assert_frame_equal(one, two)


def test_an_unfinished_sweep_gives_what_there_is():
    episodes = table()
    unfinished = episodes[
        ~((episodes["policy"] == "b") & (episodes["severity"] == 1.0))
        & ~((episodes["policy"] == "b") & (episodes["episode"] > 5))
    ]
    cells, curves, comparisons = summary(unfinished)
    of_b = cells[cells["policy"] == "b"]
    assert set(of_b["severity"].dropna()) == {0.0, 0.5}
    assert set(of_b["episodes"]) == {6}
    assert len(curves) == 8
    assert curves[curves["policy"] == "b"]["area"].isna().all()
    severest = comparisons[comparisons["severity"] == 1.0]
    assert severest["difference"].isna().any()


def test_perfect_communication_alone_has_cells_but_no_curves():
    episodes = table()
    cells, curves, comparisons = summary(episodes[episodes["severity"].isna()])
    assert cells[["policy", "missing"]].to_numpy().tolist() == [
        ["a", "zero"], ["a", "hold"], ["b", "zero"], ["b", "hold"],
    ]  # fmt: skip
    assert set(cells["episodes"]) == {EPISODES}
    assert (len(curves), len(comparisons)) == (0, 0)


def test_rows_come_policy_by_policy_however_they_were_played():
    episodes = table()
    mixed = episodes.sort_values("missing", ascending=False, kind="stable")
    expected = summary(episodes)
    for one, two in zip(expected, summary(mixed), strict=True):
        pd.testing.assert_frame_equal(one, two)


def test_a_severity_not_played_may_be_the_breaking_point():
    episodes = table(policies=("a",), missing=("zero",), delays=("2",))
    whole = summary(episodes)[1]["breaking_point"]
    assert whole.tolist() == [0.5]
    assert summary(episodes[episodes["severity"] != 0.5])[1]["breaking_point"].isna().all()
    assert summary(episodes[episodes["severity"].notna()])[1]["breaking_point"].isna().all()


def test_a_curve_does_not_depend_on_what_else_was_played():
    episodes = table()
    of_b = episodes["policy"] == "b"
    few = episodes[of_b & (episodes["episode"] < 6)]
    alone, beside = summary(few), summary(pd.concat([episodes[~of_b], few]))
    for one, two in zip(alone[:2], beside[:2], strict=True):
        pd.testing.assert_frame_equal(one, two[two["policy"] == "b"].reset_index(drop=True))


def test_nothing_played_gives_empty_tables():
    for found in summary(table().iloc[:0]):
        assert len(found) == 0
        assert len(found.columns) > 5


def test_failed_episodes_are_counted():
    episodes = table()
    failing = (episodes["policy"] == "a") & (episodes["episode"] == 3)
    episodes.loc[failing, "return"] = math.nan
    episodes.loc[failing, "error"] = "ValueError"
    cells, _, _ = summary(episodes)
    assert set(cells[cells["policy"] == "a"]["failed"]) == {1}
    assert set(cells[cells["policy"] == "b"]["failed"]) == {0}


def test_many_curves_are_compared_where_they_share_policy_or_setting():
    policies = tuple("abcdefghijk")
    _, curves, comparisons = summary(table(policies=policies, delays=("1",)))
    assert len(curves) == 22
    pairs = {(row["first"], row["second"]) for _, row in comparisons.iterrows()}
    assert len(pairs) == 11 + 2 * math.comb(11, 2)
    assert ("a, missing=zero, max_delay=1", "b, missing=hold, max_delay=1") not in pairs


def test_recovery_is_that_of_the_severest_severity():
    def rewards(key):
        _, _, delay, severity = key
        if severity is None:
            assert delay == ""
            return {k: np.ones(10) for k in range(3)}
        assert severity == 1.0
        lost = np.zeros(10)
        lost[: 4 + int(delay)] = 1.0
        return {k: np.ones(10) - lost for k in range(3)}

    _, curves, _ = summary(table(), rewards=rewards, outage_end=4)
    assert curves["recovery"].tolist() == [1.0, 2.0] * 4
    _, curves, _ = summary(table(), rewards=rewards, outage_end=None)
    assert curves["recovery"].isna().all()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_columns_are_those_that_results_promise(index):
    from failure_api.evaluation import Results

    promised = str(Results.__doc__)
    found = summary(table())[index]
    own = {"policy", "missing", "max_delay"}
    assert [name for name in found.columns if name not in own and f'"{name}"' not in promised] == []


def test_without_an_order_nothing_is_said_of_whole_curves():
    ordered, (cells, curves, comparisons) = summary(table()), summary(table(), is_ordered=False)
    whole = curves.drop(columns=["policy", "missing", "max_delay", "perfect"])
    assert whole.isna().all(axis=None)
    assert not ordered[1]["area"].isna().any()
    pd.testing.assert_frame_equal(cells, ordered[0])
    pd.testing.assert_frame_equal(comparisons, ordered[2])
