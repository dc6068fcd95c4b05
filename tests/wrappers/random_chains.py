"""Random chains of what loses, delays, queues, silences and deafens, for a team of three."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from failure_api import (
    BandwidthModel,
    DelayBasedModel,
    MatrixModel,
    NodeFailureModel,
    ProbabilisticModel,
    ScheduledModel,
)

PROBABILITIES = st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])
LOSSES = st.builds(
    ProbabilisticModel,
    failure_prob=PROBABILITIES,
    max_bandwidth=st.sampled_from([1.0, 0.5, 0.3, 0.7]),
)
DELAYS = st.builds(
    lambda least, more, lost, delivery, expiry: DelayBasedModel(
        min_delay=least,
        max_delay=least + more,
        message_drop_probability=lost,
        delivery=delivery,
        expiry=expiry,
    ),
    st.integers(0, 3),
    st.integers(0, 4),
    PROBABILITIES,
    st.sampled_from(["reorder", "fifo"]),
    st.sampled_from([None, None, 3, 6]),
)
MATRICES = st.builds(
    lambda matrix: MatrixModel(matrix=np.reshape(matrix, (2, 3, 3))),
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=18, max_size=18),
)
NODES = st.builds(
    NodeFailureModel,
    mode=st.sampled_from(["mute", "deaf", "crash"]),
    mean_time_to_failure=st.sampled_from([2.0, 5.0]),
    mean_time_to_repair=st.just(2.0),
)


@st.composite
def chains(draw, most=4):
    """Returns a strategy of chains whose models of capacity, if any, share one queue."""
    queue = {
        "queue_length": draw(st.sampled_from([1, 2, 3, 10, 40])),
        "drop": draw(st.sampled_from(["tail", "newest_first"])),
        "max_wait": draw(st.sampled_from([None, None, 0, 2, 5])),
    }
    capacities = st.builds(
        BandwidthModel,
        capacity=st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 3.0]),
        per=st.sampled_from(["link", "sender"]),
        **{name: st.just(value) for name, value in queue.items()},
    )
    # Nothing is served for some rounds, and then all that waits may leave at once.
    stopped = st.builds(
        lambda stop: ScheduledModel(
            model=BandwidthModel(capacity=0.0, **queue), start=1, stop=stop, period=8
        ),
        st.integers(2, 7),
    )
    kinds = st.one_of(LOSSES, DELAYS, MATRICES, NODES, capacities, capacities, stopped)
    return draw(st.lists(kinds, min_size=1, max_size=most))
