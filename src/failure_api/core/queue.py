"""Where messages wait for a link that is not free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How messages wait for a link that cannot carry them at once.

    Args:
        length: Most messages that wait on a link, the one being carried among them.
        drop: Which message is lost where one too many waits: `"tail"` the one that comes,
            `"oldest"` the one that has waited longest.
        order: Which message is carried next: the `"oldest"` or the `"newest"`.
    """

    length: int
    drop: Literal["tail", "oldest"] = "tail"
    order: Literal["oldest", "newest"] = "oldest"
