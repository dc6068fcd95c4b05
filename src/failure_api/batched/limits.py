"""Limits of the entries of messages, and where the entries of one row of them belong."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from failure_api.core.parameters.rules import numbers
from failure_api.errors import invalid


class Limits(NamedTuple):
    """What the entries of content may be; each broadcasts to `[receiver, sender, D]`.

    Attributes:
        low: Least values.
        high: Greatest values.
        whole: Which entries are whole numbers.
        zero: What there is before anything has arrived.
    """

    low: Any
    high: Any
    whole: Any
    zero: Any

    def check(self) -> None:
        """Raises an error for limits that are none.

        Raises:
            InvalidArgumentError: Something else than numbers, or limits out of order.
        """
        shape = "[receiver, sender, D]"
        for name, value in self._asdict().items():
            found = numbers(value, flags=name == "whole")
            if found is None or found.ndim > 3 or np.isnan(found).any():
                rule = f"must be numbers that broadcast to {shape}"
                raise invalid(name, rule, value, "give one number, or one for each entry")
            if name == "whole" and not np.isin(found, (0, 1)).all():
                rule = f"must be True or False, or flags that broadcast to {shape}"
                raise invalid(name, rule, value, "say which entries are whole numbers")
        low, high = np.asarray(self.low), np.asarray(self.high)
        try:
            ordered = bool((low <= high).all())
        except ValueError:
            ordered = False
        if not ordered:
            raise invalid("high", "must be at least low", self.high, "exchange the two")

    def on_host(self, dtype: Any, entries: Entries | None = None) -> Limits:
        """Returns the limits as NumPy arrays, the zero of content as it is laid out.

        That is by `[sender, receiver, D]`, or entry by entry. None stands for it where
        all of it is zero.

        Args:
            dtype: Type of the content, of any library.
            entries: Of which link each entry of the content is, where it is one row.
        """
        wide = np.float64 if "float64" in str(dtype) else np.float32
        low, high, zero = (np.asarray(each, wide) for each in (self.low, self.high, self.zero))
        if entries is not None:
            zero = np.broadcast_to(zero, entries.table.shape).reshape(-1)[entries.flat_index]
        elif zero.ndim > 1:
            zero = np.swapaxes(zero[(None,) * (3 - zero.ndim)], 0, 1).copy()
        zeros = not zero.any()
        return Limits(low, high, np.asarray(self.whole, np.bool_), None if zeros else zero)


class Entries(NamedTuple):
    """Where the entries of content that is one row `[..., K]` belong.

    Attributes:
        links: The link of each, as its index into the flat array of links, `[K]`.
        flat_index: Where it stands in the flat array of `[receiver, sender, D]`, `[K]`.
        table: Which of them each number of a link is, `[receiver, sender, D]`; K for none.
    """

    links: Any
    flat_index: Any
    table: Any

    @staticmethod
    def of(listed: Any, count: int) -> Entries:
        """Returns where entries belong, or raises what is wrong with what says so.

        Args:
            listed: Sender, receiver, and place in the message of each entry, `[K, 3]`.
            count: Number of agents.
        """
        found, most = numbers(listed), (count, count, np.inf)
        if (
            found is None
            or found.ndim != 2
            or found.shape[-1] != len(most)
            or not ((found == np.floor(found)) & (found >= 0) & (found < most)).all()
        ):
            rule = "must be sender, receiver and place in the message of each entry, [K, 3]"
            raise invalid("entry_links", rule, listed, f"give whole numbers, agents below {count}")
        sender, receiver, place = found.astype(np.int64).T
        width = int(place.max(initial=-1)) + 1
        index = (receiver * count + sender) * width + place
        if len(np.unique(index)) < len(index):
            rule, remedy = "must give each place once", "give every entry a place of its own"
            raise invalid("entry_links", rule, listed, remedy)
        table = np.full(count * count * width, len(index))
        table[index] = np.arange(len(index))
        return Entries(sender * count + receiver, index, table.reshape(count, count, width))
