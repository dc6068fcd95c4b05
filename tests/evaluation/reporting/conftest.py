"""What the tests of the page share: a real browser, and results to show."""

from __future__ import annotations

import pytest
from browsing import started
from made_results import make_results, played_recordings


@pytest.fixture(scope="module")
def browser():
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def results():
    return make_results(recordings=played_recordings())
