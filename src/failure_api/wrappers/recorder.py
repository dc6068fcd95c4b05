"""Recording: what an environment's links deliver, kept so that it can be played again."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Context, Delivery
from failure_api.errors import NotResetError, WrongEnvironmentError, describe
from failure_api.traces.fields import duration
from failure_api.traces.trace import Trace
from failure_api.wrappers.below import layers
from failure_api.wrappers.reports import Reports
from failure_api.wrappers.rounds import RoundKeeper


def record_trace(env: Any, *, round_duration: float | None = None) -> Recorder:
    """Records what every link delivers, from the next reset on.

    What is recorded is which message arrived when, whatever models brought that about. A
    `TraceModel` in a new wrapper on the same environment, with the same seed and the same
    actions, delivers the same messages in the same rounds.

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
        >>> recorder.trace.bandwidth[0].tolist()
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    rounds = _rounds_of(env)
    seconds = None if round_duration is None else duration(round_duration)
    count = len(rounds.agent_ids)
    # A trace of nothing, so that names which no trace can have are refused before the work.
    Trace(agent_ids=rounds.agent_ids, bandwidth=np.zeros((1, count, count), np.float32))
    return Recorder(rounds, seconds)


class Recorder:
    """Keeps one trace for each episode, until it is stopped.

    A copy or a pickle of the environment is not recorded; one of the recorder keeps the traces
    and is stopped.
    """

    def __init__(self, rounds: RoundKeeper, round_duration: float | None) -> None:
        self._agent_ids = rounds.agent_ids
        self._round_duration = round_duration
        self._finished: list[Trace] = []
        self._sent: list[NDArray[np.int32]] = []
        self._noise: list[NDArray[np.float32] | None] = []
        self._rounds: RoundKeeper | None = rounds
        self._watch = _Watch(self)
        rounds.watchers.append(self._watch)

    @property
    def traces(self) -> list[Trace]:
        """One trace for each episode, the last of which may still go on."""
        return [*self._finished, *([self._present()] if self._sent else [])]

    @property
    def trace(self) -> Trace:
        """The trace of the last episode, as far as it has come.

        Raises:
            NotResetError: Nothing has been recorded.
        """
        if not (self._sent or self._finished):
            raise NotResetError(
                "there has been no episode since record_trace: call reset() on the environment "
                "that was given to it (copies are not recorded)."
            )
        return self._present() if self._sent else self._finished[-1]

    def stop(self) -> None:
        """Ends the recording; what has been recorded stays."""
        if self._rounds is not None:
            self._rounds.watchers.remove(self._watch)
            self._rounds = None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_rounds": None, "_watch": None}

    def __repr__(self) -> str:
        doing = "stopped" if self._rounds is None else "recording"
        return f"<Recorder, {doing}, episodes: {len(self._finished) + bool(self._sent)}>"

    def _hear(self, context: Context, delivery: Delivery) -> None:
        if context.round == 0:
            if self._sent:
                self._finished.append(self._present())
            self._sent, self._noise = [], []
        elif not self._sent:
            # The episode began before the recording did.
            return
        # The channel never writes to an array, so they need not be copied.
        self._sent.append(delivery.sent)
        self._noise.append(delivery.links.noise)

    def _present(self) -> Trace:
        """Returns the trace of the episode that is being recorded."""
        sent = np.stack(self._sent)
        arrived, sender, receiver = np.nonzero(sent >= 0)
        began = sent[arrived, sender, receiver]
        bandwidth = np.zeros(sent.shape, dtype=np.float32)
        bandwidth[began, sender, receiver] = 1.0
        delay = None
        if (arrived > began).any():
            delay = np.zeros(sent.shape, dtype=np.int32)
            delay[began, sender, receiver] = arrived - began
        noise = None
        if any(each is not None for each in self._noise):
            none = np.zeros(sent.shape[1:], dtype=np.float32)
            noise = np.stack([none if each is None else each for each in self._noise])
        return Trace(
            agent_ids=self._agent_ids,
            bandwidth=bandwidth,
            delay=delay,
            noise=noise,
            round_duration=self._round_duration,
        )


class _Watch:
    """What an environment calls after each round; a copy of the environment calls nothing."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __call__(self, context: Context, delivery: Delivery) -> None:
        self._recorder._hear(context, delivery)

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing_to_hear, ()


def _nothing_to_hear() -> Any:
    return _ignore


def _ignore(context: Context, delivery: Delivery) -> None:
    """Stands where the original has a recorder."""


def _rounds_of(env: Any) -> RoundKeeper:
    """Returns what runs the rounds of the outermost communication wrapper."""
    for layer in layers(env):
        if isinstance(layer, Reports):
            return layer._rounds
    raise WrongEnvironmentError(
        f"env must be an environment in a CommunicationWrapper or a CommunicationWrapperParallel, "
        f"but {describe(env)} holds none: wrap it before it is recorded."
    )
