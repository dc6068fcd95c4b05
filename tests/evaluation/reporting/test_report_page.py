"""The page in a real browser: the curves, what it shows of hostile names, and where it fits."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from browsing import opened
from made_results import TRACEBACK, make_results, played_recordings

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>')
LINES = "#plot .scatterlayer .js-line"
GRAPH = "document.getElementById('graph').toDataURL()"
AXIS = "document.getElementById('plot').layout.xaxis.range"


def hostile():
    names = dict(zip(("assignment", "random"), HOSTILE, strict=True))
    recordings = [
        replace(one, policy=names[one.policy], agents=["<b>0</b>", HOSTILE[1], "</script>"])
        for one in played_recordings()
    ]
    made = make_results(policies=HOSTILE, recordings=recordings, environment=HOSTILE[1])
    episodes = made.episodes.copy()
    episodes.loc[7, "error"] = f"ValueError: {HOSTILE[0]} {HOSTILE[1]}\n\nTraceback"
    runs = [run | {"command": f"failure-api sweep {HOSTILE[1]}"} for run in made.runs]
    return replace(made, episodes=episodes, runs=runs, severity=HOSTILE[1])


def traces(page):
    return page.evaluate("document.getElementById('plot').data")


@pytest.mark.heavy
def test_curves_bands_and_breaking_points_are_drawn(browser, results, tmp_path):
    with opened(browser, results, tmp_path) as page:
        shown = traces(page)
        assert sum(trace["mode"] == "lines+markers" for trace in shown) == 4
        assert sum(trace.get("fill") == "toself" for trace in shown) == 4
        assert sum(trace["mode"] == "markers" for trace in shown) == 4
        # Two policies, whose perfect communication is the same in both settings.
        assert (
            sum(trace["line"].get("dash") == "8px,5px" for trace in shown if "line" in trace) == 2
        )
        assert page.locator(LINES).count() >= 6
        assert "loses 74\N{NO-BREAK SPACE}%" in page.inner_text(".answer")


def test_each_measure_has_its_curves(browser, results, tmp_path):
    with opened(browser, results, tmp_path) as page:
        seen = set()
        for number in range(page.locator("#measures input").count()):
            page.locator("#measures label").nth(number).click()
            seen.add(page.evaluate("document.getElementById('plot').layout.yaxis.title.text"))
            assert sum(trace["mode"] == "lines+markers" for trace in traces(page)) == 4
        assert len(seen) == 8


def test_a_curve_is_hidden_and_shown_by_keyboard(browser, results, tmp_path):
    with opened(browser, results, tmp_path) as page:
        before = len(traces(page))
        button = page.locator("#legend button").first
        button.focus()
        page.keyboard.press("Enter")
        assert button.get_attribute("aria-pressed") == "false"
        assert len(traces(page)) == before - 3
        page.keyboard.press("Space")
        assert len(traces(page)) == before


def test_hostile_names_are_text_and_run_nothing(browser, tmp_path):
    with opened(browser, hostile(), tmp_path) as page:
        text = page.inner_text("body")
        for name in HOSTILE:
            assert name in text
            assert name in page.inner_text("#legend")
            assert name in page.inner_text("#curve")
            assert name in page.inner_text(".warning")
        assert page.inner_text("h1") == HOSTILE[1]
        assert page.locator("img").count() == 0
        assert HOSTILE[1] in page.locator("#plot .xtitle").text_content()
        assert page.locator("#receiver option").nth(3).text_content() == "</script>"
        for number, name in ((0, HOSTILE[0]), (3, HOSTILE[1])):
            assert name in hover(page, number)
        page.focus("#stage")
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)


def hover(page, curve):
    """Returns what the plot says when one points at a curve."""
    number = page.evaluate(
        "(curve) => document.getElementById('plot').data.findIndex("
        "(trace) => trace.mode === 'lines+markers' && trace.meta === curve)",
        curve,
    )
    page.evaluate(
        "(number) => Plotly.Fx.hover('plot', [{curveNumber: number, pointNumber: 4}])", number
    )
    return page.locator("#plot .hoverlayer").text_content() or ""


def test_a_script_that_got_in_would_not_run(browser, results, tmp_path):
    with opened(browser, results, tmp_path, "Content Security Policy") as page:
        page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.ran = true";
                document.body.append(script);
                return fetch("https://example.org").catch(() => 0);
            }"""
        )
        assert page.evaluate("window.ran === undefined")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", ["usual", "hostile", "long"])
def test_nothing_is_wider_than_a_telephone(browser, results, tmp_path, kind):
    name = "a_policy_whose_name_has_no_end/and_no_place_to_break" * 4
    made = {"usual": results, "hostile": hostile(), "long": make_results(policies=[name])}[kind]
    size = {"width": 400, "height": 800}
    with opened(browser, made, tmp_path, viewport=size) as page:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
        box = page.locator(".box").nth(1)
        assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")


def test_dark_follows_the_system_while_the_page_is_open(browser, results, tmp_path):
    ink = "document.getElementById('plot').layout.font.color"
    with opened(browser, results, tmp_path, color_scheme="light") as page:
        before = [page.evaluate(ink), page.evaluate(GRAPH)]
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(200)
        after = [page.evaluate(ink), page.evaluate(GRAPH)]
        assert before[0] != after[0]
        assert before[1] != after[1]


def test_falling_severities_run_from_the_mildest_to_the_severest(browser, tmp_path):
    made = make_results(severities=(50, 40, 30, 20, 10), severity="range")
    with opened(browser, made, tmp_path) as page:
        low, high = page.evaluate(AXIS)
        assert low > 50 > 10 > high


def test_a_single_severity_has_bars_and_points_beside_each_other(browser, tmp_path):
    with opened(browser, make_results(severities=(0.5,)), tmp_path) as page:
        points = [trace for trace in traces(page) if trace["mode"] == "lines+markers"]
        assert len({trace["x"][0] for trace in points}) == 4
        assert all(trace["error_y"]["visible"] for trace in points)
        low, high = page.evaluate(AXIS)
        assert all(low < trace["x"][0] < high for trace in points)


def test_an_unfinished_sweep_says_so_and_leaves_gaps(browser, results, tmp_path):
    cells = results.cells.copy()
    cells.loc[5:6, cells.columns[5:]] = math.nan
    episodes = results.episodes.iloc[:1000].copy()
    episodes.loc[[3, 4], "error"] = TRACEBACK
    made = replace(results, cells=cells.iloc[:-3], episodes=episodes)
    with opened(browser, made, tmp_path) as page:
        said = page.locator(".warning").all_inner_texts()
        assert "1,000 of 2,880 episodes" in said[0]
        assert "5 of the points have no episode yet" in said[0]
        assert "2 episodes of 1,000 ended in an error" in said[1]
        page.locator("summary").click()
        assert "line 12, in act" in page.inner_text("details pre")
        assert any(None in trace["y"] for trace in traces(page) if trace["mode"] == "lines+markers")


def test_results_without_a_number_still_open(browser, results, tmp_path):
    empty = {
        name: getattr(results, name).iloc[:0]
        for name in ("episodes", "cells", "curves", "comparisons")
    }
    with opened(browser, replace(results, **empty, recordings=(), runs=()), tmp_path) as page:
        text = page.inner_text("body")
        assert "Nothing can be said" in text
        assert "this sweep kept none" in text
        assert "Nothing to draw" in page.inner_text("#plot")


@pytest.mark.heavy
def test_a_table_hints_at_what_is_beyond_its_edge(browser, results, tmp_path):
    with opened(browser, results, tmp_path, viewport={"width": 400, "height": 900}) as page:
        box = page.locator(".box").last
        box.scroll_into_view_if_needed()

        def right_edge():
            """Returns how bright the last column of pixels within the box is."""
            shown = matplotlib.image.imread(io.BytesIO(box.screenshot()))
            # The middle one of many, since letters are cut at the edge too.
            return float(np.median(shown[60:300, -4, :3]))

        before = right_edge()
        box.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
        assert before < 0.9 < right_edge()
