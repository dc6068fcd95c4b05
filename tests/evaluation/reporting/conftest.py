"""What the tests of the page share: a real browser, and results to show."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import started
from made_results import make_results, played_recordings
from playwright.sync_api import Browser

from failure_api.evaluation.results import Results


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def results() -> Results:
    return make_results(recordings=played_recordings())
