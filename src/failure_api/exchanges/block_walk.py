"""An observation as the blocks that its environment concatenates."""

from __future__ import annotations

from typing import Any


class BlockWalk:
    """One receiver's observation, walked from its first entry to its last.

    Attributes:
        length: Number of entries walked so far.
        entries: For each sender, its entries so far.

    Example:
        >>> walk = BlockWalk()
        >>> walk.own(2)
        >>> walk.heard("b", 3)
        >>> walk.length, walk.entries
        (5, {'b': [2, 3, 4]})
    """

    def __init__(self) -> None:
        self.length = 0
        self.entries: dict[Any, list[int]] = {}

    def own(self, width: int) -> None:
        """Walks over entries that come from no other agent."""
        self.length += width

    def heard(self, sender: Any, width: int) -> None:
        """Walks over entries that come from a sender."""
        self.entries.setdefault(sender, []).extend(range(self.length, self.length + width))
        self.length += width
