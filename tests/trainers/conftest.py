"""Says which trainers are absent where none may be."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: Any) -> Generator[None, Any, Any]:
    """Makes a file whose trainer is not installed an error, where EVERY_TRAINER is set."""
    report = yield
    if report.skipped and os.environ.get("EVERY_TRAINER"):
        report.outcome = "failed"
    return report
