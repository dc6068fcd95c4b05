"""A sweep's results for people: a page, a text, and a picture for a paper."""

from __future__ import annotations

from pathlib import Path

from failure_api.evaluation.reporting.curves import curves_of
from failure_api.evaluation.reporting.figure import draw_curves
from failure_api.evaluation.reporting.html import page_of
from failure_api.evaluation.reporting.markdown import markdown_of
from failure_api.evaluation.results import Results
from failure_api.replacing import replacing

__all__ = ["write_report"]


def write_report(results: Results, directory: Path) -> list[Path]:
    """Writes `report.html`, `report.md`, `curves.png` and `curves.svg`.

    Each is written beside its place and moved there whole, once all of them are made. The same
    results give the same bytes.

    Args:
        results: What was found.
        directory: Where to; it is made if it is not there.

    Returns:
        The files, in that order.

    Raises:
        OSError: The directory cannot be written to.
        MissingDependencyError: matplotlib or plotly is not installed.
    """
    curves = curves_of(results)
    contents = {
        "report.html": page_of(results, curves).encode(),
        "report.md": markdown_of(results, curves).encode(),
        "curves.png": draw_curves(results, curves, "png"),
        "curves.svg": draw_curves(results, curves, "svg"),
    }
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        with replacing(directory / name) as path:
            path.write_bytes(content)
    return [directory / name for name in contents]
