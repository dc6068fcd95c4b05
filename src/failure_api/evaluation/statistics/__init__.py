"""Statistics of a sweep's episodes, with intervals."""

from failure_api.evaluation.statistics.summary import compare_all, summarise

__all__ = ["compare_all", "summarise"]
