"""What the entries of segments may be, wherever the segments stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from failure_api.exchanges.corruption import Entries, numbers_of


class SegmentLimits:
    """Knows the limits of every entry of a team's observations, one after the other.

    Args:
        boxes: Each agent's observation space.
        moving: Whether what stands nowhere now may stand somewhere else later.
    """

    def __init__(self, boxes: Mapping[Any, spaces.Box], moving: bool) -> None:
        rows = [numbers_of(agent, box) for agent, box in boxes.items()]
        dtype = np.result_type(*(row.dtype for row in rows))
        self._size = sum(row.width for row in rows)
        # Last, for each receiver, what an entry may be that has not stood anywhere yet.
        lows = [row.low.min(initial=0.0) if moving else 0.0 for row in rows]
        highs = [row.high.max(initial=0.0) if moving else 1.0 for row in rows]
        wholes = [bool(row.whole.all()) and moving for row in rows]
        self._low = np.concatenate([*(row.low for row in rows), lows]).astype(dtype)
        self._high = np.concatenate([*(row.high for row in rows), highs]).astype(dtype)
        self._whole = np.concatenate([*(row.whole for row in rows), wholes])
        self._nowhere = self._size + np.arange(len(rows))[:, None, None]
        self.start()

    def start(self) -> None:
        """Forgets where entries stood."""
        self._last: NDArray[np.int64] = self._nowhere

    def entries(self, places: NDArray[np.int64]) -> Entries:
        """Returns what the entries at some places may be.

        Args:
            places: `[receiver, sender, k]`. An entry that stands nowhere now is what it was where
                it stood last, since what was said of it then may arrive or be held now.
        """
        self._last = places = np.where(places == self._size, self._last, places)
        return Entries(places.shape, self._low[places], self._high[places], self._whole[places])
