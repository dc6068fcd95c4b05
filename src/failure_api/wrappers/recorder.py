"""Recording: what an environment's links deliver, kept so that it can be played again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Context, Delivery
from failure_api.core.queue import QueueState
from failure_api.environments import layers
from failure_api.errors import NotResetError, WrongEnvironmentError, describe
from failure_api.traces.fields import duration
from failure_api.traces.trace import Trace
from failure_api.wrappers.reports import Reports


def record_trace(env: Any, *, round_duration: float | None = None) -> Recorder:
    """Records what every link delivers, from the next reset on.

    What is recorded is which message arrived when, whatever models brought that about, those that
    were overtaken included. Delays hold all waiting, and a message that had not arrived at the end
    has one beyond it. A `TraceModel` in a new wrapper on the same environment, with the same seed
    and the same actions, delivers the same messages in the same rounds.

    Args:
        env: A wrapped environment, or anything around one: of several wrappers the outermost is
            recorded.
        round_duration: Seconds that a round stands for, to be kept with the traces.

    Returns:
        The recorder; it is a context manager that stops at its end.

    Raises:
        WrongEnvironmentError: There is no communication wrapper in the environment.
        InvalidArgumentError: The duration is not positive, or the agents' names are neither all
            text nor all whole numbers.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api import CommunicationWrapperParallel, ProbabilisticModel
        >>> env = CommunicationWrapperParallel(
        ...     simple_spread_v3.parallel_env(), ProbabilisticModel(failure_prob=0.5)
        ... )
        >>> with record_trace(env) as recorder:
        ...     observations, infos = env.reset(seed=42)
        >>> recorder.trace.lost[0].tolist()
        [[False, True, True], [False, False, True], [False, True, False]]
    """
    wrapper = _wrapper_in(env)
    seconds = None if round_duration is None else duration(round_duration)
    agent_ids = tuple(wrapper.possible_agents)
    count = len(agent_ids)
    # A trace of nothing, so that names which no trace can have are refused before the work.
    Trace(agent_ids=agent_ids, lost=np.zeros((1, count, count), dtype=bool))
    return Recorder(wrapper, agent_ids, seconds)


class Recorder(AbstractContextManager["Recorder"]):
    """Keeps one trace for each episode, until it is stopped.

    A copy or a pickle of the environment is not recorded; one of the recorder keeps the traces
    and is stopped.
    """

    def __init__(
        self, wrapper: Any, agent_ids: tuple[Any, ...], round_duration: float | None
    ) -> None:
        self._agent_ids, self._round_duration = agent_ids, round_duration
        self._finished: list[Trace] = []
        self._left: list[NDArray[np.int64]] = []
        self._listens: list[NDArray[np.bool_]] = []
        self._waiting: Any = None
        self._noise: list[NDArray[np.float32] | None] = []
        self._end: Callable[[], None] | None = wrapper.on_round(self._hear)

    @property
    def traces(self) -> list[Trace]:
        """One trace for each episode, the last of which may still go on."""
        return [*self._finished, *([self._present()] if self._listens else [])]

    @property
    def trace(self) -> Trace:
        """The trace of the last episode, as far as it has come.

        Raises:
            NotResetError: Nothing has been recorded.
        """
        if not (self._listens or self._finished):
            raise NotResetError(
                "there has been no episode since record_trace: call reset() on the environment "
                "that was given to it (copies are not recorded)."
            )
        return self._present() if self._listens else self._finished[-1]

    def stop(self) -> None:
        """Ends the recording; what has been recorded stays."""
        if self._end is not None:
            self._end()
            self._end = None

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_end": None}

    def __repr__(self) -> str:
        doing = "stopped" if self._end is None else "recording"
        return f"<Recorder, {doing}, episodes: {len(self._finished) + bool(self._listens)}>"

    def _hear(self, context: Context, delivery: Delivery) -> None:
        if context.round == 0:
            if self._listens:
                self._finished.append(self._present())
            self._left, self._listens, self._noise = [], [], []
        elif not self._listens:
            # The episode began before the recording did.
            return
        links = delivery.links
        shape = delivery.arrived.shape
        listens = np.broadcast_to(context.alive[None, :], shape)
        self._listens.append(listens if links.hears is None else listens & links.hears)
        self._left.extend(_leaving(context.round, delivery))
        self._waiting = delivery.waiting
        self._noise.append(links.noise)

    def _present(self) -> Trace:
        """Returns the trace of the episode that is being recorded."""
        listens = np.stack(self._listens)
        rounds = len(listens)
        messages = np.hstack([*self._left, *_still_waiting(self._waiting, rounds)])
        made, due, sender, receiver = messages
        # Who is to hear a message is known in the round in which it arrives.
        heard = (due >= rounds) | listens[np.minimum(due, rounds - 1), sender, receiver]
        made, due, sender, receiver = messages[:, heard]
        lost = np.ones(listens.shape, dtype=bool)
        lost[made, sender, receiver] = False
        delay = None
        if (due > made).any():
            delay = np.zeros(listens.shape, dtype=np.int32)
            delay[made, sender, receiver] = due - made
        noise = None
        if any(each is not None for each in self._noise):
            none = np.zeros(listens.shape[1:], dtype=np.float32)
            noise = np.stack([none if each is None else each for each in self._noise])
        ids, seconds = self._agent_ids, self._round_duration
        return Trace(agent_ids=ids, lost=lost, delay=delay, noise=noise, round_duration=seconds)


def _leaving(round_index: int, delivery: Delivery) -> Iterator[NDArray[np.int64]]:
    """Yields the messages that left in a round and will arrive, the newest of each link first.

    They are columns: the round in which each was made, that in which it arrives, who made it and
    whom it is for.
    """
    delay, served = delivery.links.delay, delivery.served
    for nth in range(int(np.max(delivery.survivors, initial=0))):
        sender, receiver = np.nonzero(delivery.survivors > nth)
        made = due = np.full(len(sender), round_index)
        if delay is not None:
            due = due + delay[sender, receiver]
        if served is not None:
            slots = served.first + served.leaves - 1 - nth
            slots = slots[sender, receiver] % len(served.rounds)
            made = served.rounds[slots, sender, receiver]
        yield np.stack([made, due, sender, receiver])


def _still_waiting(waiting: QueueState | None, rounds: int) -> Iterator[NDArray[np.int64]]:
    """Yields the messages that wait, as if they were to arrive when the recording has ended."""
    yield np.empty((4, 0), dtype=np.int64)
    if waiting is None:
        return
    for nth in range(int(np.max(waiting.count, initial=0))):
        sender, receiver = np.nonzero(waiting.count > nth)
        slots = (waiting.first[sender, receiver] + nth) % len(waiting.rounds)
        made = waiting.rounds[slots, sender, receiver]
        yield np.stack([made, np.full_like(made, rounds), sender, receiver])


def _wrapper_in(env: Any) -> Any:
    """Returns the outermost communication wrapper."""
    for layer in layers(env):
        if isinstance(layer, Reports):
            return layer
    raise WrongEnvironmentError(
        f"env must be an environment in a CommunicationWrapper or a CommunicationWrapperParallel, "
        f"but {describe(env)} holds none: wrap it before it is recorded."
    )
