"""What of a view is the agent's own, told from the view alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from gymnasium.spaces.utils import flatten

from failure_api.exchanges.envelope import Envelope
from failure_api.exchanges.known_segments import known_segments
from failure_api.exchanges.mask_segments import MaskSegments
from failure_api.exchanges.send_messages import SendMessages


def own_parts(
    env: Any,
    bare: Any,
    agent: Any,
    view: Any,
    observation: Any,
    *,
    failing: bool,
    dead: Collection[Any] = (),
) -> tuple[Any, Any]:
    """Returns an agent's own part as the view shows it, and as the bare environment does.

    Args:
        env: The wrapped environment.
        bare: The same environment without a wrapper, in the same state.
        agent: The agent.
        view: What it sees.
        observation: What the bare environment shows it.
        failing: Whether links may fail or corrupt what they carry. Where they do not, the parts
            that come from others in the environment's own observation are the agent's own view of
            them too.
        dead: Agents that neither send nor receive, whether links fail or not.
    """
    envelope = Envelope(bare.observation_space(agent))
    view, observation = envelope.open(view), envelope.open(observation)
    if isinstance(_exchange(env), SendMessages) and isinstance(view, Mapping):
        return view["observation"], observation
    if isinstance(view, Mapping) and agent in view:
        return view[agent], observation
    flat = np.asarray(flatten(envelope.body_space, observation))
    seen = np.asarray(view).ravel()
    if isinstance(observation, np.ndarray) and isinstance(_exchange(env), MaskSegments):
        own = np.ones(flat.size, dtype=bool)
        silent = None if failing or agent in dead else dead
        own[heard_entries(env, bare, agent, silent)] = False
        return seen[: flat.size][own], flat[own]
    return seen[: flat.size], flat.astype(seen.dtype)


def _exchange(env: Any) -> Any:
    return getattr(getattr(env, "_rounds", None), "exchange", MaskSegments())


def heard_entries(env: Any, bare: Any, agent: Any, senders: Collection[Any] | None = None) -> Any:
    """Returns the entries that come from other agents; from some of them where they are named."""
    segments = _exchange(env).segments
    if segments is None:
        segments = known_segments(bare)
    if callable(segments):
        segments = segments(bare)
    size = int(np.prod(bare.observation_space(agent).shape or ()))
    parts = [
        np.arange(size)[entries]
        for sender, entries in segments.get(agent, {}).items()
        if senders is None or sender in senders
    ]
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])
