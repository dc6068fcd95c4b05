"""What a report says: the answer, the warnings, the tables, and their Markdown."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from made_results import TENTHS, TRACEBACK, make_results, scenarios

from failure_api.evaluation.reporting.curves import curves_of, title_of_axis
from failure_api.evaluation.reporting.markdown import escaped, markdown_of
from failure_api.evaluation.reporting.summary import answer, breaking_text
from failure_api.evaluation.reporting.tables import (
    MOST_ROWS,
    runs_of,
    seeds_text,
    specification_text,
    tables_of,
)
from failure_api.evaluation.reporting.texts import number, numbers, percents, printable, shortened
from failure_api.evaluation.reporting.warnings import warnings_of

CELL = {"mean": -30.0, "drop": 10.0, "drop_low": 8.0, "drop_high": 12.0, "relative_drop": 0.5}


def told(results):
    found = answer(results, curves_of(results))
    plain = [f"{sentence.label} {sentence.text}".strip() for sentence in found]
    minus, space = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"
    return [text.replace(minus, "-").replace(space, " ") for text in plain]


def one_curve(cell, curve, perfect=-20.0):
    """Returns results of one curve, whose severest cell and summary are given."""
    made = make_results(policies=["p"], missing=["zero"], severities=(0.0, 0.5, 1.0), episodes=4)
    cells, curves = made.cells.copy(), made.curves.copy()
    for name, value in cell.items():
        cells.loc[3, name] = value
    for name, value in curve.items():
        curves.loc[0, name] = value
    cells.loc[0, "mean"] = perfect
    return replace(made, cells=cells, curves=curves)


def breaking(point, low, high):
    return {"breaking_point": point, "breaking_point_low": low, "breaking_point_high": high}


@pytest.mark.parametrize(
    ("cell", "curve", "expected"),
    [
        (
            {},
            breaking(0.3, 0.2, 0.4),
            "p, missing=zero loses 50 % (40 % to 60 %) of its return at failure_prob=1 "
            "(-20.0 → -30.0). It breaks (loses more than 10 %) at failure_prob=0.3 (0.2 to 0.4).",
        ),
        (
            {"drop_low": -1.0},
            breaking(math.inf, 0.8, math.inf),
            "p, missing=zero loses nothing that chance could not explain, 50 % (-5 % to 60 %) of "
            "its return, at failure_prob=1 (-20.0 → -30.0). It does not break (lose more than "
            "10 %) on this grid, though it may from 0.8 on.",
        ),
        (
            {"drop": -2.0, "drop_low": -3.0, "drop_high": -1.0, "mean": -18.0},
            breaking(math.inf, math.inf, math.inf),
            "p, missing=zero gains 10 % (5 % to 15 %) of its return at failure_prob=1 "
            "(-20.0 → -18.0). It does not break (lose more than 10 %) on this grid.",
        ),
        (
            {},
            breaking(0.3, 0.2, math.inf),
            "p, missing=zero loses 50 % (40 % to 60 %) of its return at failure_prob=1 "
            "(-20.0 → -30.0). It breaks (loses more than 10 %) at failure_prob=0.3 "
            "(0.2 to beyond the grid).",
        ),
        (
            {"drop": 0.0, "drop_low": 0.0, "drop_high": 0.0, "mean": -20.0},
            breaking(math.nan, math.nan, math.nan),
            "p, missing=zero keeps all of its return at failure_prob=1 (-20.0 → -20.0).",
        ),
        (
            dict.fromkeys(("drop_low", "drop_high"), math.nan),
            breaking(0.5, math.nan, math.nan),
            "p, missing=zero loses 50 % of its return at failure_prob=1 (-20.0 → -30.0). "
            "It breaks (loses more than 10 %) at failure_prob=0.5.",
        ),
    ],
)
def test_the_answer(cell, curve, expected):
    assert told(one_curve(CELL | cell, curve)) == [expected]


def test_a_return_near_zero_is_told_in_its_own_unit():
    (text,) = told(one_curve(CELL, breaking(0.5, 0.5, 0.5), perfect=0.0))
    assert "loses 10.0 (8.0 to 12.0) in return at failure_prob=1" in text
    assert text.endswith("at failure_prob=0.5.")


def test_without_the_severest_cell_the_last_one_is_told():
    made = one_curve(CELL, breaking(math.nan, math.nan, math.nan))
    (text,) = told(replace(made, cells=made.cells.iloc[:-1]))
    assert "at failure_prob=0.5" in text


def test_of_many_curves_the_ends_are_told():
    found = told(make_results(policies=[f"policy_{number}" for number in range(6)]))
    assert found[0] == "Of 12 curves, this one loses least:"
    assert found[3].startswith("policy_0")
    assert len(found) == 5


def test_a_falling_severity_is_told_from_the_mildest_on():
    made = make_results(severities=(50, 20, 10, 5), severity="range")
    first = curves_of(made)[0]
    assert breaking_text(first) == "20 (50 to 10)"


def test_settings_of_what_fails_share_perfect_communication():
    made = make_results()
    cells = made.cells[~((made.cells["missing"] == "hold") & made.cells["severity"].isna())].copy()
    cells.loc[cells["severity"].isna(), "missing"] = ""
    curves = curves_of(replace(made, cells=cells))
    assert [curve.label for curve in curves[:2]] == [
        "assignment, missing=zero",
        "assignment, missing=hold",
    ]
    assert curves[0].perfect["mean"] == curves[1].perfect["mean"]
    assert curves[2].perfect["policy"] == "random"
    table = tables_of(replace(made, cells=cells), curves)[1]
    assert table.rows()[0][:2] == ("assignment", "perfect")


def test_warnings_name_what_is_missing_and_what_failed():
    made = make_results()
    episodes = made.episodes.iloc[:500].copy()
    episodes.loc[[10, 80, 200], "error"] = TRACEBACK
    episodes.loc[[3], "error"] = "KeyError: 'x'"
    unfinished, failed = warnings_of(replace(made, episodes=episodes), curves_of(made))
    assert "500 of 2,880 episodes" in unfinished.text
    assert "4 episodes of 500 ended in an error and are left out" in failed.text
    first, second = failed.failures
    assert first.title.startswith("ValueError: <b>shapes</b> (1,18) and (20,64) not aligned (3 ep")
    assert first.traceback == TRACEBACK.strip()
    assert second.title == (
        "KeyError: 'x' (assignment, missing=zero, perfect communication, seed 1834522007)"
    )
    assert warnings_of(made, curves_of(made)) == []


def test_tables_hold_every_cell_and_a_table_without_rows_is_left_out():
    made = make_results()
    tables = tables_of(made, curves_of(made))
    assert [table.name for table in tables] == ["Curves", "Cells", "Comparisons"]
    assert [len(table.rows()) for table in tables] == [4, 48, 66]
    without = replace(made, comparisons=made.comparisons.iloc[:0])
    assert len(tables_of(without, curves_of(made))) == 2


def test_recovery_is_a_column_where_an_outage_ends():
    made = make_results()
    names = [column.name for column in tables_of(made, curves_of(made))[0].columns]
    assert "recovery (steps)" not in names
    curves = made.curves.assign(recovery=3.0, recovery_low=2.0, recovery_high=4.5)
    table = tables_of(replace(made, curves=curves), curves_of(replace(made, curves=curves)))[0]
    assert table.columns[-2].texts[0] == "3.000"
    assert table.columns[-1].texts[0] == "2.000 to 4.500"


def test_a_table_of_too_many_rows_says_so():
    made = make_results(policies=[f"policy_{number}" for number in range(14)])
    table = tables_of(made, curves_of(made))[2]
    assert len(table.rows()) == MOST_ROWS
    assert table.note == "The first 2,000 of 4,158 rows."


def test_markdown_has_a_picture_and_tables_of_even_width():
    made = make_results(policies=("a|b", "`c` <i>*d*"))
    text = markdown_of(made, curves_of(made))
    assert "](curves.png)" in text
    assert r"a\|b" in text
    assert r"\`c\` &lt;i&gt;\*d\*" in text
    assert "<i>" not in text.partition("```yaml")[0]
    rows = [line.replace(r"\|", "") for line in text.splitlines() if line.startswith("| ")]
    assert {row.count("|") for row in rows} == {7, 17, 9}


def test_a_traceback_cannot_leave_its_fence():
    made = make_results(severities=TENTHS[:2])
    episodes = made.episodes.copy()
    episodes.loc[0, "error"] = "Traceback\n```\n# not a heading\n````\nValueError: `x`"
    text = markdown_of(replace(made, episodes=episodes), curves_of(made))
    assert "`````\nTraceback\n```\n# not a heading\n````\nValueError: `x`\n`````" in text


def test_do_it_again():
    made = make_results(episodes=3)
    assert specification_text(made).startswith("environment: mpe2.simple_spread_v3\napi: parallel")
    assert seeds_text(made).endswith("the same seeds: 1834522004 to 1834522006")
    again = {**made.runs[0], "started": "later", "command": ["failure-api", "sweep", "a b.yaml"]}
    first, second = runs_of(replace(made, runs=[*made.runs, again]))
    assert first["Versions"] == "python 3.11.7, failure_api 1.0.0, numpy 2.3.5"
    assert second == {"Started": "later", "Command": "failure-api sweep 'a b.yaml'"}
    from_python = {"command": None, "started": "now", "versions": None}
    assert runs_of(replace(made, runs=[from_python])) == [{"Started": "now"}]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-0.0], ["0"]),
        ([-0.001, 5.0], ["0.00", "5.00"]),
        ([math.nan, math.inf, -math.inf], ["\N{EN DASH}", "∞", "\N{MINUS SIGN}∞"]),
        ([1234567.0], ["1,234,567"]),
        ([-1.5e12, 2.0], ["\N{MINUS SIGN}1.50e+12", "2.00e+00"]),
        ([1e-300], ["1.00e\N{MINUS SIGN}300"]),
        ([], []),
    ],
)
def test_numbers(values, expected):
    assert numbers(values) == expected


def test_small_texts():
    assert number(0.0, None) == "0.00e+00"
    assert percents([math.nan, 3.0]) == ["\N{EN DASH}", "300\N{NO-BREAK SPACE}%"]
    assert printable("\x1b[31mred\u202e\r\n") == "�[31mred��\n"
    assert printable("🚀") == "🚀"
    assert shortened("abc", 3) == "abc"
    assert [len(shortened("abcdefghij", most)) for most in (9, 8, 3)] == [9, 8, 3]
    assert escaped("__init__ a_b") == r"\_\_init\_\_ a_b"


def test_curves_that_have_not_begun_count_as_missing():
    made = make_results()
    begun = made.episodes[made.episodes["missing"] == "zero"]
    cells = made.cells[made.cells["missing"] == "zero"]
    curves = made.curves[made.curves["missing"] == "zero"]
    partial = replace(made, episodes=begun, cells=cells, curves=curves)
    (unfinished,) = warnings_of(partial, curves_of(partial))
    assert "1,440 of 2,880 episodes" in unfinished.text


def test_of_a_return_that_may_be_nothing_no_share_is_told():
    made = make_results()
    cells = made.cells.assign(relative_drop=math.nan)
    curves = made.curves.assign(
        **{f"breaking_point{end}": math.nan for end in ("", "_low", "_high")}
    )
    unknown = replace(made, cells=cells, curves=curves)
    sentences = [sentence.text for sentence in answer(unknown, curves_of(unknown))]
    assert all("has no shares to lose" in sentence for sentence in sentences)
    assert not any("%" in sentence or "break" in sentence for sentence in sentences)


def test_each_scenario_is_told_and_nothing_of_breaking():
    made = scenarios(policies=["p"], missing=["zero"], episodes=4)
    cells = made.cells.copy()
    for name, value in CELL.items():
        cells.loc[3, name] = value
    cells.loc[0, "mean"] = -20.0
    cells.loc[1, ["drop", "drop_low", "drop_high", "relative_drop"]] = 0.0
    cells.loc[2, ["drop", "drop_low", "drop_high", "relative_drop"]] = [-1.0, -2.0, 1.0, -0.05]
    made = replace(made, cells=cells)
    assert told(made) == [
        "p, missing=zero returns -20.0 under perfect communication; it loses nothing in clear, "
        "may by chance gain 5 % (-5 % to 10 %) in a field day and loses 50 % (40 % to 60 %) "
        "in bursts & <jam>."
    ]
    text = markdown_of(made, curves_of(made))
    assert "area" not in text
    assert "break" not in text
    assert [table.name for table in tables_of(made, curves_of(made))] == ["Cells"]
    assert "| bursts &amp; &lt;jam&gt; |" in text


def test_of_many_scenarios_and_curves_the_ends_are_told():
    made = scenarios([f"place {index}" for index in range(9)], episodes=4)
    found = told(replace(made, cells=made.cells.copy()))
    assert "in place 8; of 9 scenarios these cost it least and most." in found[0]
    assert "place 4" not in found[0]
    many = scenarios(policies=[f"policy_{index}" for index in range(6)])
    assert told(many)[0] == ("Of 12 curves, this one loses least, on the average of the scenarios:")


def test_numbers_with_labels_keep_their_area():
    made = replace(make_results(severities=(0.0, 0.5)), severity_labels=("low", "high"))
    names = [column.name for column in tables_of(made, curves_of(made))[0].columns]
    assert {"area", "breaking point"} <= set(names)


def test_the_tables_say_what_their_columns_mean():
    made = make_results()
    cells = tables_of(made, curves_of(made))[1]
    for word in ("IQM", "CVaR", "News", "overtaken", "mean over the team"):
        assert word in cells.about


def test_the_axis_says_where_it_is_logarithmic():
    assert title_of_axis(make_results(), 60) == "failure_prob"
    made = make_results(severities=(0.001, 0.01, 0.1, 1.0))
    assert title_of_axis(made, 60) == "failure_prob (logarithmic)"
    assert title_of_axis(made, 22) == "fail…rob (logarithmic)"
