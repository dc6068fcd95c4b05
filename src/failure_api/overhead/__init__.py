"""The cost of wrapping an environment: step time and memory, bare against wrapped.

`measure_overhead` is the whole of it; `write_result` keeps what it found as a table, a picture
and a record of the machine. The command `failure-api overhead` does both.
"""

from failure_api.overhead.files import write_profile, write_result
from failure_api.overhead.measure import measure_overhead
from failure_api.overhead.result import OverheadResult, OverheadRow, SideCost

__all__ = [
    "OverheadResult",
    "OverheadRow",
    "SideCost",
    "measure_overhead",
    "write_profile",
    "write_result",
]
