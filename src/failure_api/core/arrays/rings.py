"""Rings: what every link keeps in numbered places, `[..., L, N, N]`, read and written by place.

A round touches one place of each link, however many there are. NumPy and PyTorch write to large
rings in place; small ones are copied, so that a state may be stepped from again.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.arrays.libraries import JAX, TORCH, is_compiled, may_run_again
from failure_api.core.links import Array

LARGE = 2**17
"""Bytes from which on a ring is written to in place."""

ONE = np.array(1, dtype=np.int32)
"""To add: NumPy takes longer to find the type of a Python number."""

FEW = 16
"""Places up to which it takes less time to compare all of them than to find one."""


def at_slots(ring: Array, slots: Array, xp: Any) -> Array:
    """Returns what each link has at a place of its own.

    Args:
        ring: `[..., L, N, N]`, or `[..., L, N, 1]` of what is the same for all receivers.
        slots: int32 `[..., N, N]`, within the ring; or an integer, the place of all links.
        xp: The array namespace.

    Example:
        >>> ring = np.arange(8).reshape(2, 2, 2)
        >>> at_slots(ring, np.array([[0, 1], [1, 0]], dtype=np.int32), np).tolist()
        [[0, 5], [6, 3]]
    """
    if isinstance(slots, int):
        return ring[..., slots, :, :]
    if xp is np:
        return ring.reshape(-1).take(_index(ring.shape, slots))
    if xp.__name__ == TORCH.namespace:
        # What is the same for all receivers may be kept once, which this function does not know.
        ring = ring.expand(*ring.shape[:-2], *slots.shape[-2:])
        return ring.gather(-3, xp.astype(slots, xp.int64)[..., None, :, :])[..., 0, :, :]
    if xp.__name__ == JAX.namespace:
        return xp.take_along_axis(ring, slots[..., None, :, :], axis=-3)[..., 0, :, :]
    chosen = xp.astype(_compared(ring, slots, xp), ring.dtype)
    return xp.sum(ring * chosen, axis=-3, dtype=ring.dtype)


def with_put(ring: Array, slots: Array, where: Array, values: Any, xp: Any) -> Array:
    """Returns a ring with a value at a place of each link.

    Args:
        ring: `[..., L, N, N]`.
        slots: int32 `[..., N, N]`, within the ring.
        where: Which links, bool `[..., N, N]`.
        values: A number, or an array that broadcasts to the links.
        xp: The array namespace.
    """
    if xp is np:
        ring = writable(ring)
        ring.reshape(-1)[_index(ring.shape, slots)[where]] = _chosen(values, where)
        return ring
    values = xp.asarray(values, dtype=ring.dtype)
    if _is_long(ring, xp):
        old = at_slots(ring, slots, xp)
        return _scattered(ring, slots, xp.where(where, values, old), xp)
    chosen = _compared(ring, slots, xp) & where[..., None, :, :]
    if values.ndim:
        values = values[..., None, :, :]
    return xp.where(chosen, values, ring)


def with_added(ring: Array, slots: Array, amounts: Array, xp: Any) -> Array:
    """Returns a ring with amounts added at a place of each link; arguments as above."""
    if isinstance(slots, int):
        return with_row(ring, slots, at_slots(ring, slots, xp) + amounts, xp)
    if xp is np:
        ring = writable(ring)
        flat, index = ring.reshape(-1), _index(ring.shape, slots).astype(np.intp)
        # Each link has an entry of its own, so that none is added to twice.
        flat[index] = flat.take(index) + amounts
        return ring
    if _is_long(ring, xp):
        amounts = xp.astype(amounts, ring.dtype)
        return _scattered(ring, slots, at_slots(ring, slots, xp) + amounts, xp)
    chosen = xp.astype(_compared(ring, slots, xp), ring.dtype)
    return ring + chosen * xp.astype(amounts, ring.dtype)[..., None, :, :]


def with_arrivals(
    rings: tuple[Array, ...],
    count: Array,
    clock: Any,
    delay: Array,
    where: Array,
    values: Any,
    amounts: Any,
    xp: Any,
) -> tuple[tuple[Array, ...], Array]:
    """Returns rings with a value each at the same place of each link, and one that counts.

    Values are greater than what stands in the rings.

    Args:
        rings: `[..., L, N, N]` each.
        count: `[..., L, N, N]`.
        clock: The place from which others are counted: an integer, or where a function is traced a
            0-d int32 array.
        delay: How far behind it each link's place is, int32 `[..., N, N]`, less than `L`.
        where: Which links, bool `[..., N, N]`.
        values: For each of the rings a number, or an array that broadcasts to the links.
        amounts: What is added to the count where a link is chosen, `where` itself for 1.
        xp: The array namespace.

    Raises:
        IndexError: A delay is negative or `L` and more, where NumPy can tell.
    """
    if xp is not np and _is_long(count, xp):
        slots = (clock + delay) % count.shape[-3]
        pairs = zip(rings, values, strict=True)
        put = tuple(with_put(ring, slots, where, value, xp) for ring, value in pairs)
        return put, with_added(count, slots, amounts, xp)
    if xp is not np:
        # Compared once for all of them. What leaves later has the greater number, and 0 nothing.
        behind = (xp.arange(count.shape[-3], dtype=xp.int32) - clock) % count.shape[-3]
        chosen = (behind[:, None, None] == delay[..., None, :, :]) & where[..., None, :, :]
        new = (value[..., None, :, :] if getattr(value, "ndim", 0) else value for value in values)
        hits = xp.astype(chosen, xp.int32)
        put = tuple(xp.maximum(r, hits * v) for r, v in zip(rings, new, strict=True))
        hits = chosen if amounts is where else hits * amounts[..., None, :, :]
        return put, count + xp.astype(hits, count.dtype)
    # Found once for all of them, in a table, which takes less time than arithmetic.
    starts = _starts(count.shape)[clock : clock + count.shape[-3]]
    # As numbers without a sign, delays below 0 are out of bounds as well.
    index: Any = starts.take(delay.view(np.uint32))
    index += _base(count.shape, np.int64)
    chosen = index[where]
    found = []
    for ring, value in zip(rings, values, strict=True):
        kept = writable(ring)
        kept.reshape(-1)[chosen] = value if isinstance(value, int) else _chosen(value, where)
        found.append(kept)
    count = writable(count)
    # Each link has an entry of its own, so that none is added to twice.
    flat = count.reshape(-1)
    flat[chosen] = flat.take(chosen) + (ONE if amounts is where else amounts[where])
    return tuple(found), count


def _chosen(values: Any, where: NDArray[np.bool_]) -> Any:
    return np.broadcast_to(values, where.shape)[where] if np.ndim(values) else values


def with_row(ring: Array, slot: Any, values: Array, xp: Any) -> Array:
    """Returns a ring with values at one place for all links.

    Args:
        ring: `[..., L, S, R]`.
        slot: An integer, or a 0-d int32 array where a function is traced.
        values: `[..., S, R]`.
        xp: The array namespace.
    """
    if xp.__name__ == JAX.namespace:
        return ring.at[..., slot, :, :].set(values)
    if xp is np:
        ring = writable(ring)
    elif xp.__name__ == TORCH.namespace:
        ring = ring if _is_ours(ring, values) else ring.clone()
    else:
        ring = xp.asarray(ring, copy=True)
    ring[..., slot, :, :] = values
    return ring


def taken(ring: Array, slot: Any, xp: Any) -> tuple[Array, Array]:
    """Returns what stands at one place for all links, and the ring with zeros there.

    Args:
        ring: What `with_put` or `with_added` returned.
        slot: An integer, or a 0-d int32 array where a function is traced.
        xp: The array namespace.
    """
    if xp is np:
        # A view, which is found once; without a batch in half the time.
        view = ring[slot] if ring.ndim == 3 else ring[..., slot, :, :]
        found = view.copy()
        view.fill(0)
        return found, ring
    if xp.__name__ == TORCH.namespace and not is_compiled():
        # It is new, or may be written to.
        found = ring[..., slot, :, :].clone()
        ring[..., slot, :, :] = 0
        return found, ring
    found = ring[..., slot, :, :]
    index = xp.arange(ring.shape[-3], dtype=xp.int32)[:, None, None]
    return found, ring * xp.astype(index != slot, ring.dtype)


def least_slot_from(ring: Array, first: Array, count: Array, least: Any, xp: Any) -> Array:
    """Returns how many entries of each link lie below a number, int32 `[..., N, N]`.

    Args:
        ring: Numbers that rise from place to place, `[..., L, N, N]`.
        first: The place of each link's first entry.
        count: How many entries follow each other from there.
        least: The number, an array that broadcasts to the links.
        xp: The array namespace.
    """
    length = ring.shape[-3]
    low, high = xp.zeros_like(count), count
    for _ in range(length.bit_length()):
        middle = (low + high) // 2
        slot = first + middle
        slot = slot - length * xp.astype(slot >= length, xp.int32)
        # Where nothing is left to halve, both ends are the same and stay so.
        below = xp.astype((at_slots(ring, slot, xp) < least) & (low < high), xp.int32)
        low, high = low + below * (middle + 1 - low), middle + below * (high - middle)
    return low


def writable(ring: Array) -> Array:
    """Returns a ring that may be written to: itself where it is large, and else a copy."""
    return ring if ring.nbytes >= LARGE and ring.flags.writeable else ring.copy()


def _is_ours(ring: Array, values: Array) -> bool:
    """Returns whether a ring of PyTorch's may be written to with some values."""
    large = ring.numel() * ring.element_size() >= LARGE
    # What gradients flow through is needed as it was, and so is what a round may be run with again.
    return large and not (ring.requires_grad or values.requires_grad or may_run_again())


def _is_long(ring: Array, xp: Any) -> bool:
    return ring.shape[-3] > FEW and xp.__name__ in (TORCH.namespace, JAX.namespace)


def _compared(ring: Array, slots: Array, xp: Any) -> Array:
    index = xp.arange(ring.shape[-3], dtype=xp.int32)[:, None, None]
    return index == slots[..., None, :, :]


def _scattered(ring: Array, slots: Array, values: Array, xp: Any) -> Array:
    """Returns a ring with a value at a place of each link, in one of the libraries that can."""
    if xp.__name__ == TORCH.namespace:
        index = xp.astype(slots, xp.int64)[..., None, :, :]
        scatter = ring.scatter_ if _is_ours(ring, values) else ring.scatter
        return scatter(-3, index, values[..., None, :, :])
    flat = ring.reshape(-1, *ring.shape[-3:])
    count, _, *links = flat.shape
    index = xp.meshgrid(*(xp.arange(each) for each in (count, *links)), indexing="ij")
    rows = index[0], slots.reshape(count, *links), *index[1:]
    return flat.at[rows].set(values.reshape(count, *links)).reshape(ring.shape)


def _index(shape: tuple[int, ...], slots: NDArray[Any]) -> NDArray[Any]:
    """Returns where the places stand in a ring that is laid out flat."""
    # Arithmetic takes half the time in 32 bits.
    dtype = np.int32 if math.prod(shape) < 2**31 else np.int64
    index: NDArray[Any] = np.multiply(slots, shape[-1] * shape[-2], dtype=dtype)
    index += _base(shape, dtype)
    return index


@functools.lru_cache(maxsize=32)
def _starts(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Returns where each place begins in a ring that is laid out flat, twice round."""
    length, links = shape[-3], shape[-1] * shape[-2]
    starts: NDArray[np.int64] = np.arange(2 * length) % length * links
    starts.flags.writeable = False
    return starts


@functools.lru_cache(maxsize=32)
def _base(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Returns where each link's first place stands in a ring that is laid out flat."""
    batch, (length, *links) = shape[:-3], shape[-3:]
    each = np.arange(math.prod(links)).reshape(links)
    starts = np.arange(math.prod(batch)).reshape(*batch, 1, 1) * (length * each.size)
    base: NDArray[Any] = (starts + each).astype(dtype)
    base.flags.writeable = False
    return base
