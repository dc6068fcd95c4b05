"""Rounds of a batch of PyTorch environments: what the VMAS wrapper and the TorchRL transform share.

Elements of the batch may restart at different times. A round is then run for all of them, since
that is one pass over the arrays, and taken for those alone that are due.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from failure_api.batched import BatchedState, Received
from failure_api.batched.call import check_severity
from failure_api.batched.content import handed_out
from failure_api.core.arrays.libraries import TORCH, on_arrays_of, on_host, without_gradient
from failure_api.core.arrays.trees import chosen, map_leaves
from failure_api.core.parameters.types import FARTHEST
from failure_api.errors import NotResetError, invalid

Rows = Sequence[Tensor]
"""What each agent observes or sees, `[..., F_i]`."""


class TorchRounds:
    """Runs the channel and the exchange of a batch, round by round.

    What lies in the host's memory and has no gradient is worked on by NumPy, in the same memory:
    PyTorch takes several times as long to begin an operation.

    Args:
        bound: An exchange at work, from `failure_api.batched.bind`.
        failure_models: One model, or several that act in order.
        noise_models: One noise model, or several.
        streams: `"native"` or `"portable"`.
        seed: Of the links; None takes one that nobody knows.

    Attributes:
        bound: The exchange.
        channel: The batched channel.
        positioned: Whether a model needs the agents' positions.
    """

    def __init__(
        self, bound: Any, failure_models: Any, noise_models: Any, streams: Any, seed: int | None
    ) -> None:
        self.bound = bound
        self.channel = bound.channel(failure_models, noise_models=noise_models, streams=streams)
        self.positioned = self.channel.chain.needing_positions is not None
        self._state: BatchedState | None = None
        self._received: Received
        # Whether the state's arrays are NumPy's, and not PyTorch's.
        self._hosted = True
        self._joined: tuple[Any, Any] = (None, None)
        # A state that begins without a severity could not be given one later.
        self._severity: Any = 1.0 if "severity" in self.channel.chain.settings else None
        self.seed(seed)

    def seed(self, seed: int | None) -> None:
        """Sets what all episodes from the next start of the whole batch on are drawn from."""
        check_seed(seed)
        self._entropy = np.random.SeedSequence(seed).entropy
        self._episode = 0

    def set_severity(self, severity: Any) -> None:
        """Sets how severe failures are in all episodes from their next start on.

        Args:
            severity: A share in [0, 1], or a tensor `[...]` with one for each element.
        """
        self._severity = check_severity(severity, self.channel.chain)

    def detach_links(self) -> None:
        """Ends the gradients through what has been said so far."""
        if self._state is not None:
            self._state = self.channel.detached(self._state)
            self._received = map_leaves(without_gradient, self._received)
            self._joined = (None, None)

    @property
    def started(self) -> bool:
        """Whether there has been a round."""
        return self._state is not None

    @property
    def received(self) -> Received:
        """What the last round brought.

        Raises:
            NotResetError: There has been no round yet.
        """
        if self._state is None:
            raise NotResetError("the environment has not been reset: call reset() first.")
        return cast("Received", on_arrays_of(TORCH.xp, handed_out(self._received)))

    def start(
        self, observations: Rows, positions: Tensor | None = None, alive: Tensor | None = None
    ) -> None:
        """Runs round 0 of a new episode of the whole batch.

        Args:
            observations: What each agent observes, `[..., F_i]`.
            positions: Where the agents are, `[..., N, dim]`.
            alive: Which of them take part, bool `[..., N]`; None for all.
        """
        sequence = np.random.SeedSequence(self._entropy, spawn_key=(self._episode,))
        self._episode += 1
        seed = int(sequence.generate_state(1, np.uint64)[0])
        row = self._row(observations)
        self._hosted = on_host(row) is not None
        row, positions, alive, severity = self._arrays(row, positions, alive, self._severity)
        payloads = self.bound.payloads(row)
        around = {"positions": positions, "alive": alive}
        self._run(self.channel.init(seed, payloads, **around, severity=severity), payloads, around)

    def advance(
        self, observations: Rows, positions: Tensor | None = None, alive: Tensor | None = None
    ) -> None:
        """Runs the round that follows an environment step; arguments as for `start`.

        Raises:
            NotResetError: There has been no round yet.
        """
        if self._state is None:
            raise NotResetError("step was called before reset: call reset() first.")
        row, positions, alive = self._arrays(self._row(observations), positions, alive)
        around = {"positions": positions, "alive": alive}
        self._run(self._state, self.bound.payloads(row), around)

    def restart(
        self,
        where: Tensor,
        observations: Rows,
        positions: Tensor | None = None,
        alive: Tensor | None = None,
    ) -> None:
        """Runs round 0 of a new episode of some elements, and nothing for the others.

        Args:
            where: Which elements, bool `[...]`.
            observations: As for `start`, and so are the others.
            positions: Where the agents are.
            alive: Which of them take part.
        """
        row, positions, alive, severity, where = self._arrays(
            self._row(observations), positions, alive, self._severity, where
        )
        received, before = self._received, self._state
        xp = np if self._hosted else TORCH.xp
        assert before is not None
        # All elements start anew, in arrays that nobody else has, and those that are not due are
        # taken as they were: a state whose rings are written to in place is good for one step.
        around = {"positions": positions, "alive": alive}
        everywhere = xp.ones_like(where)
        fresh = self.channel.reset_where(before, everywhere, **around, severity=severity)
        fresh = self.channel.set_back(fresh)
        before = before._replace(round=xp.zeros_like(fresh.round) + before.round)
        self._run(fresh, self.bound.payloads(row), around)
        source = fresh.source.beside(where, before.source, xp)
        self._state = chosen(where, self._state, before, xp)._replace(source=source)
        self._received = chosen(where, self._received, received, xp)

    def views(self, observations: Rows) -> Rows:
        """Returns what each agent sees: its own senses now, and what the last round brought."""
        if self._state is None:
            raise NotResetError("the environment has not been reset: call reset() first.")
        row, _ = self._arrays(self._row(observations))
        # Views may lie in the memory of the row.
        self._joined = (None, None)
        views: Rows = self.bound.views(row, self._received)
        return tuple(map(torch.from_numpy, views)) if self._hosted else views

    def _row(self, observations: Rows) -> Tensor:
        """Returns all observations in one row, made once for a round and the views of it."""
        if observations is not self._joined[0]:
            self._joined = observations, self.bound.row(tuple(observations))
        return cast("Tensor", self._joined[1])

    def _arrays(self, row: Any, positions: Any = None, *others: Any) -> tuple[Any, ...]:
        """Returns a row, positions and others as arrays of the library that works on the state.

        Where one of them has a gradient that is PyTorch, until the whole batch starts anew.
        """
        arrays = row, positions, *others
        if not self._hosted:
            return arrays
        found = [on_host(one) if isinstance(one, Tensor) else one for one in arrays]
        if any(new is None and one is not None for new, one in zip(found, arrays, strict=True)):
            self._hosted = False
            if self._state is not None:
                source = self._state.source.for_arrays_of(TORCH.xp)
                self._state = on_arrays_of(TORCH.xp, self._state)._replace(source=source)
                self._received = on_arrays_of(TORCH.xp, self._received)
            return arrays
        row, positions, *rest = found
        if positions is not None:
            # Where a simulated world has burst, nobody is near; NumPy's arrays would be refused.
            positions = np.clip(np.nan_to_num(positions, nan=FARTHEST), -FARTHEST, FARTHEST)
        return (row, positions, *rest)

    def _run(self, state: Any, payloads: Any, around: dict[str, Any]) -> None:
        with np.errstate(all="ignore"):
            self._state, self._received = self.channel.run_round(state, payloads, **around)


def check_seed(seed: Any) -> None:
    """Raises an error for what cannot seed the links."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if seed is not None and (not whole or seed < 0):
        raise invalid("seed", "must be a whole number or None", seed, "give 0 or more")


def check_positions(positions: Any) -> None:
    """Raises an error for what cannot say where agents are."""
    if positions is not None and not callable(positions):
        rule, remedy = "must be a function of the environment", "give one, or leave it out"
        raise invalid("positions", rule, positions, remedy)
