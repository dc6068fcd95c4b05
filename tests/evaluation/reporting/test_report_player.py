"""The player in a real browser: by clicks, by keyboard alone, and for teams of any size."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from browsing import opened
from made_results import TENTHS, made_recording, make_results
from playwright.sync_api import expect

PICTURE = "document.getElementById('graph').toDataURL()"
ABOUT = {"policy": "assignment", "setting": {"missing": "zero"}}


def alone(*recordings):
    return replace(make_results(), recordings=recordings)


def move(page, bar, value):
    page.locator(bar).fill(str(value))


def tab_to(page, name):
    """Presses Tab until something is focused, as one without a mouse does."""
    for _ in range(60):
        if page.evaluate("document.activeElement.id") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached")


def test_it_tells_what_was_recorded(browser, results, tmp_path):
    recording = results.recordings[5]
    assert recording.severity == 0.4
    with opened(browser, results, tmp_path) as page:
        move(page, "#severity", 5)
        for number in (0, 3, 25):
            move(page, "#round", number)
            up = recording.arrived[number].count("1")
            age = sum(recording.age[number]) / 6
            assert page.inner_text("#status") == (
                f"round {number} of 25, {up} of 6 links up, mean age {age:.1f}"
            )
            so_far = f"{sum(recording.rewards[: number + 1]):.1f}".replace("-", "\N{MINUS SIGN}")
            assert so_far in page.inner_text("#reward")
        assert page.inner_text("#severity-text") == "failure_prob=0.4"


def test_it_is_moved_by_keyboard_alone(browser, results, tmp_path):
    with opened(browser, results, tmp_path) as page:
        status = page.locator("#status")
        assert status.get_attribute("aria-live") == "polite"
        tab_to(page, "stage")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(status).to_contain_text("round 2 of 25")
        severity = page.inner_text("#severity-text")
        page.keyboard.press("ArrowUp")
        assert page.inner_text("#severity-text") != severity
        expect(status).to_contain_text("round 2 of 25")
        tab_to(page, "severity")
        page.keyboard.press("Home")
        assert page.inner_text("#severity-text") == "perfect communication"
        assert page.get_attribute("#severity", "aria-valuetext") == "perfect communication"
        expect(status).to_contain_text("6 of 6 links up, mean age 0.0")
        tab_to(page, "round")
        page.keyboard.press("ArrowRight")
        expect(status).to_contain_text("round 3 of 25")
        tab_to(page, "play")
        page.keyboard.press("Space")
        assert page.inner_text("#play") == "Pause"
        expect(status).not_to_contain_text("round 3 of 25")
        page.keyboard.press("Space")
        assert page.inner_text("#play") == "Play"
        assert status.get_attribute("aria-live") == "polite"


def test_playing_ends_with_the_episode_and_begins_again(browser, results, tmp_path):
    with opened(browser, results, tmp_path) as page:
        move(page, "#round", 24)
        page.click("#play")
        expect(page.locator("#status")).to_contain_text("round 25 of 25")
        expect(page.locator("#play")).to_have_text("Play")
        page.click("#play")
        expect(page.locator("#status")).not_to_contain_text("round 25 of 25")


def test_the_picture_follows_round_severity_curve_and_receiver(browser, results, tmp_path):
    with opened(browser, results, tmp_path) as page:
        pictures = [page.evaluate(PICTURE)]
        for act in (
            lambda: move(page, "#round", 9),
            lambda: move(page, "#severity", 11),
            lambda: move(page, "#severity", 0),
            lambda: page.select_option("#receiver", "1"),
            lambda: page.select_option("#curve", label="random, missing=hold"),
        ):
            act()
            pictures.append(page.evaluate(PICTURE))
        assert len(set(pictures)) == len(pictures)
        assert "round 9 of" in page.inner_text("#status")
        move(page, "#round", 3)
        move(page, "#round", 9)
        assert page.evaluate(PICTURE) == pictures[-1]


@pytest.mark.heavy
def test_agents_glide_unless_motion_is_unwelcome(browser, results, tmp_path):
    for wish, differs in (("reduce", False), ("no-preference", True)):
        with opened(browser, results, tmp_path, reduced_motion=wish) as page:
            page.wait_for_timeout(400)
            move(page, "#round", 12)
            first = page.evaluate(PICTURE)
            page.wait_for_timeout(400)
            assert (page.evaluate(PICTURE) != first) == differs


def test_the_dead_are_grey_and_have_no_links(browser, tmp_path):
    recording = made_recording(3, 6, dimensions=None, severity=0.5, **ABOUT)
    recording.alive[3:] = ["011"] * 3
    # Where the first agent of a circle is, beside its number.
    pixel = """() => {
        const canvas = document.getElementById("graph");
        const width = canvas.width, height = canvas.height;
        const y = 46 + Math.max(0, (height - width) / 2);
        const copy = document.createElement("canvas").getContext("2d");
        copy.drawImage(canvas, 9 - width / 2, -y);
        return [...copy.getImageData(0, 0, 1, 1).data];
    }"""
    with opened(browser, alone(recording), tmp_path) as page:
        assert "of 6 links up" in page.inner_text("#status")
        assert page.evaluate(pixel) == [0x1C, 0x21, 0x26, 255]
        move(page, "#round", 3)
        assert "of 2 links up" in page.inner_text("#status")
        assert page.evaluate(pixel) == [0xEC, 0xEC, 0xEA, 255]


def test_the_dead_stay_where_they_were_seen_last(browser, tmp_path):
    recording = made_recording(3, 6, severity=0.5, **ABOUT)
    recording.positions = [[[0, 0], [1, 0], [0, 1]]] * 3 + [[None, [1, 0], [0, 1]]] * 3
    gone = replace(recording, severity=1.0, positions=[[None, [1, 0], [0, 1]]] * 6)
    with opened(browser, alone(recording, gone), tmp_path) as page:
        move(page, "#round", 4)
        move(page, "#severity", 0)
        seen = page.evaluate(PICTURE)
        move(page, "#severity", 1)
        assert page.evaluate(PICTURE) != seen


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("agents", "dimensions"), [(1, 2), (2, None), (5, 1), (5, 3), (20, None), (100, 2)]
)
def test_teams_of_any_size_and_place(browser, tmp_path, agents, dimensions):
    recording = made_recording(agents, 5, dimensions=dimensions, severity=0.5, **ABOUT)
    with opened(browser, alone(recording), tmp_path) as page:
        blank = page.evaluate(
            "() => { const c = document.createElement('canvas'), g = document.getElementById("
            "'graph'); c.width = g.width; c.height = g.height; return c.toDataURL(); }"
        )
        assert page.evaluate(PICTURE) != blank
        pairs = agents * (agents - 1)
        said = page.inner_text("#status")
        assert re.fullmatch(rf"round 0 of 4, \d+ of {pairs} links up(, mean age [\d.]+)?", said)
        assert page.is_visible("#hidden-lost") == (agents == 100)


def test_episodes_of_different_lengths_keep_the_round(browser, tmp_path):
    short = made_recording(3, 6, severity=0.9, **ABOUT)
    long = made_recording(3, 20, severity=None, **ABOUT)
    with opened(browser, alone(long, short), tmp_path) as page:
        move(page, "#severity", 0)
        move(page, "#round", 15)
        move(page, "#severity", 1)
        assert "round 5 of 5" in page.inner_text("#status")
        assert "the episode has ended" in page.inner_text("#status")
        move(page, "#severity", 0)
        assert "round 15 of 19" in page.inner_text("#status")


def test_no_recordings_say_why(browser, tmp_path):
    with opened(browser, make_results(severities=TENTHS[:2]), tmp_path) as page:
        assert page.locator("#player").count() == 0
        assert "There is no recorded episode to look at" in page.inner_text("main")
