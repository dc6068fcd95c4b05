"""Traces that several tests share."""

from __future__ import annotations

from typing import Any

import numpy as np

from failure_api.traces import Trace


def example(agents=3, rounds=5, seed=0, **fields):
    """Returns a trace with losses, fractions of messages, delays and noise."""
    generator = np.random.default_rng(seed)
    shape = (rounds, agents, agents)
    given: dict[str, Any] = {
        "agent_ids": tuple(f"agent_{index}" for index in range(agents)),
        "lost": generator.random(shape) < 0.3,
        "capacity": generator.choice([0.0, 0.5, 1.0, np.inf], shape).astype(np.float32),
        "delay": generator.integers(0, 3, shape).astype(np.int32),
        "noise": generator.random(shape, dtype=np.float32),
        "round_duration": 0.1,
    }
    return Trace(**{**given, **fields})


def written(path, text):
    """Writes a file and returns its path."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
