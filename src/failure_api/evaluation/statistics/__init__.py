"""Statistics of a sweep's episodes, with intervals."""

from failure_api.evaluation.statistics.comparison import compare_curves, holm
from failure_api.evaluation.statistics.curve import (
    conditional_value_at_risk,
    summarise_cell,
    summarise_curve,
    time_to_recover,
)
from failure_api.evaluation.statistics.interval import Estimate, interquartile_mean, mean
from failure_api.evaluation.statistics.summary import compare_all, summarise

__all__ = [
    "Estimate",
    "compare_all",
    "compare_curves",
    "conditional_value_at_risk",
    "holm",
    "interquartile_mean",
    "mean",
    "summarise",
    "summarise_cell",
    "summarise_curve",
    "time_to_recover",
]
