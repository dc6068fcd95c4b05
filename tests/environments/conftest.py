"""Lets no package be absent where all of them are to be tried."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Makes a test whose package is not installed fail, where EVERY_ENVIRONMENT is set."""
    report = yield
    if report.skipped and os.environ.get("EVERY_ENVIRONMENT"):
        report.outcome = "failed"
    return report
