"""Rings are read and written by place, in every library alike."""

import math

import array_api_strict
import numpy as np
import pytest

from failure_api.core.arrays.libraries import JAX, TORCH
from failure_api.core.arrays.rings import (
    _index,
    at_slots,
    least_slot_from,
    taken,
    with_added,
    with_arrivals,
    with_put,
    with_row,
)

LIBRARIES = {
    "numpy": lambda: np,
    "torch": lambda: TORCH.xp,
    "jax": lambda: JAX.xp,
    "strict": lambda: array_api_strict,
}
# The first is compared place by place, the second is found, the third is written to in place.
SHAPES = {"short": (2, 3, 4, 4), "long": (2, 40, 4, 4), "large": (2, 900, 5, 5)}


@pytest.fixture(params=LIBRARIES)
def xp(request):
    if request.param in ("torch", "jax"):
        pytest.importorskip(request.param)
    return LIBRARIES[request.param]()


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


def drawn(shape):
    """Returns a ring, and for each link a place, whether it is chosen, and a number."""
    generator = np.random.default_rng(0)
    links = (*shape[:-3], *shape[-2:])
    return (
        generator.integers(1, 100, shape).astype(np.int32),
        generator.integers(0, shape[-3], links).astype(np.int32),
        generator.random(links) < 0.5,
        generator.integers(1, 100, links).astype(np.int32),
    )


def places_of(places):
    """Yields for each link where it stands, and where its place does in a ring."""
    for link in np.ndindex(places.shape):
        yield link, (*link[:-2], places[link], *link[-2:])


@pytest.mark.sampled(5)
def test_each_link_has_a_place_of_its_own(xp, shape):
    ring, places, where, numbers = drawn(shape)
    read, put, added = np.zeros_like(numbers), ring.copy(), ring.copy()
    for link, place in places_of(places):
        read[link] = ring[place]
        added[place] += numbers[link]
        if where[link]:
            put[place] = numbers[link]

    def given():
        return [xp.asarray(array.copy()) for array in (ring, places, where, numbers)]

    r, p, w, n = given()
    assert (np.asarray(at_slots(r, p, xp)) == read).all()
    assert (np.asarray(with_put(r, p, w, n, xp)) == put).all()
    r, p, _, n = given()
    assert (np.asarray(with_added(r, p, n, xp)) == added).all()


def test_all_links_may_share_a_place(xp, shape):
    ring, _, _, numbers = drawn(shape)
    row, added = ring.copy(), ring.copy()
    row[:, 2] = numbers
    added[:, 2] += numbers
    n = xp.asarray(numbers)
    assert (np.asarray(at_slots(xp.asarray(ring.copy()), 2, xp)) == ring[:, 2]).all()
    assert (np.asarray(with_row(xp.asarray(ring.copy()), 2, n, xp)) == row).all()
    assert (np.asarray(with_added(xp.asarray(ring.copy()), 2, n, xp)) == added).all()
    found, left = taken(xp.asarray(ring.copy()), 2, xp)
    assert (np.asarray(found) == ring[:, 2]).all()
    assert (np.asarray(left)[:, 2] == 0).all()


def test_arrivals_stand_behind_the_clock(xp, shape):
    ring, delay, where, numbers = drawn(shape)
    # As rounds are: what leaves later has a greater one.
    numbers = numbers + ring.max() + 1
    clock, length = 2, shape[-3]
    put, counted = ring.copy(), np.zeros_like(ring)
    for link, _ in places_of(delay):
        if where[link]:
            place = (*link[:-2], (clock + delay[link]) % length, *link[-2:])
            put[place] = numbers[link]
            counted[place] += 1
    r, count, d, w, n = map(xp.asarray, (ring, np.zeros_like(ring), delay, where, numbers))
    amounts = w if xp is np else xp.astype(w, xp.int32)
    (found,), count = with_arrivals((r,), count, clock, d, w, (n,), amounts, xp)
    assert (np.asarray(found) == put).all()
    assert (np.asarray(count) == counted).all()


def test_entries_below_a_number_are_counted_round_the_end_of_the_ring(xp):
    length, links = 7, (3, 3)
    generator = np.random.default_rng(1)
    first = generator.integers(0, length, links).astype(np.int32)
    count = generator.integers(0, length + 1, links).astype(np.int32)
    ring, least = np.zeros((length, *links), np.int32), np.full(links, 12, np.int32)
    expected = np.zeros(links, np.int32)
    for link in np.ndindex(links):
        numbers = np.sort(generator.choice(25, count[link], replace=False))
        expected[link] = (numbers < 12).sum()
        for nth, number in enumerate(numbers):
            ring[((first[link] + nth) % length, *link)] = number
    r, f, c, m = map(xp.asarray, (ring, first, count, least))
    assert (np.asarray(least_slot_from(r, f, c, m, xp)) == expected).all()


def test_a_ring_of_more_entries_than_32_bits_count_is_found_its_way_in():
    shape = (2**29, 2, 2)
    assert math.prod(shape) == 2**31
    last = _index(shape, np.full((2, 2), 2**29 - 1, np.int32))
    assert last.max() == 2**31 - 1
    assert last.min() == 2**31 - 4
