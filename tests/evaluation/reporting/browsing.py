"""A real browser that opens reports and writes down what must not happen."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

from failure_api.evaluation.reporting import write_report

ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def started():
    """Starts the browser that is there; where none is, this raises and the test fails."""
    found = os.environ.get("FAILURE_API_CHROMIUM") or next(
        filter(None, map(shutil.which, NAMES)), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser,
    results,
    directory,
    expected="",
    **how,
):
    """Opens a report, and makes sure that it stays quiet, loads nothing and runs no stranger.

    Args:
        browser: The browser.
        results: What the report tells of.
        directory: Where it is written.
        expected: What the page is to complain of, and nothing else; empty for nothing.
        how: What the browser's window is like.
    """
    write_report(results, directory)
    wrong: list[str] = []
    how = {"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce"} | how
    context = browser.new_context(**how)
    page = context.new_page()
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: wrong.append(request.url) if loads(request.url) else None)
    page.add_init_script("window.alert = (text) => { console.log('alert ' + text); };")
    page.goto((directory / "report.html").as_uri())
    page.wait_for_selector("#plot .main-svg")
    try:
        yield page
        assert bool(wrong) == bool(expected), wrong
        assert all(expected in text for text in wrong), wrong
    finally:
        context.close()


def loads(url):
    """Whether an address leaves the page."""
    return not url.startswith(("file://", "data:", "blob:"))
