"""Says which trainers are absent where none may be."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Makes a file whose trainer is not installed an error, where EVERY_TRAINER is set."""
    report = yield
    if report.skipped and os.environ.get("EVERY_TRAINER"):
        report.outcome = "failed"
    return report
