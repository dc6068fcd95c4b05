"""Traces that several tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from failure_api.traces import Trace


def example(agents: int = 3, rounds: int = 5, seed: int = 0, **fields: Any) -> Trace:
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


def written(path: Path, text: str | bytes) -> Path:
    """Writes a file and returns its path."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
