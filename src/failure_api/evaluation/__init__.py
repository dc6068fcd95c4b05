"""The cost of failing links to a team: sweep, store, statistics, report."""

from failure_api.evaluation.analysis import read_results
from failure_api.evaluation.check import Check, check
from failure_api.evaluation.compare import compare
from failure_api.evaluation.files import report
from failure_api.evaluation.plan import Specification
from failure_api.evaluation.reading import read_specification
from failure_api.evaluation.results import Results
from failure_api.evaluation.sweep import sweep

__all__ = [
    "Check",
    "Results",
    "Specification",
    "check",
    "compare",
    "read_results",
    "read_specification",
    "report",
    "sweep",
]
