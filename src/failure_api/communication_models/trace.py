"""Traces: what happened on the links before, played again."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np

from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.core.parameters.rules import Instance, Rule, WholeNumber
from failure_api.errors import InvalidArgumentError, describe, invalid, listed, nearest
from failure_api.traces.contacts import read_contacts, read_one
from failure_api.traces.mahimahi import read_mahimahi
from failure_api.traces.trace import Trace

AtEnd: TypeAlias = Literal["repeat", "hold", "down"]


def entry(schedule: Array, round_index: Any, at_end: AtEnd, xp: Any) -> Array:
    """Returns the entry of a round.

    Args:
        schedule: `[T, ...]`; the first entry belongs to round 0.
        round_index: The round, an integer or an integer array `[...]`.
        at_end: What follows the last entry: `"repeat"` starts over, `"hold"` keeps the last one,
            `"down"` gives 0.
        xp: The array namespace.

    Example:
        >>> import numpy as np
        >>> [int(entry(np.array([5, 6]), round_index, "repeat", np)) for round_index in range(4)]
        [5, 6, 5, 6]
    """
    length = schedule.shape[0]
    if at_end != "down" and length == 1:
        return schedule[0, ...]
    if isinstance(round_index, int):
        index = round_index % length if at_end == "repeat" else min(round_index, length - 1)
        now = schedule[index, ...]
        return now if at_end != "down" or round_index < length else xp.zeros_like(now)
    flat = xp.reshape(xp.asarray(round_index), (-1,))
    index = flat % length if at_end == "repeat" else xp.minimum(flat, length - 1)
    now = xp.take(schedule, index, axis=0)
    if at_end == "down":
        within = xp.reshape(flat < length, (-1, *(1,) * (now.ndim - 1)))
        now = xp.where(within, now, xp.zeros_like(now))
    return xp.reshape(now, (*round_index.shape, *schedule.shape[1:]))


class Renaming(Rule):
    """A mapping from the trace's names to the environment's."""

    def normalise(self, name: str, value: Any) -> FrozenMapping:
        """Returns the mapping in its immutable form, or raises an error for anything else."""
        if isinstance(value, Mapping) and all(isinstance(n, Hashable) for n in value.values()):
            return FrozenMapping(value)
        remedy = "give None where both call them the same"
        raise invalid(name, "must be {name in the trace: name in the environment}", value, remedy)


class Start(WholeNumber):
    """A round, or the word "random"."""

    def normalise(self, name: str, value: Any) -> Any:
        """Returns the round or the word, or raises an error for anything else."""
        if isinstance(value, str) and value == "random":
            return value
        return super().normalise(name, value)


def _check_start(name: str, start: Any, trace: Trace) -> None:
    if start != "random" and start >= trace.rounds:
        rule = f"must lie within the {trace.rounds} rounds of the trace"
        raise invalid(name, rule, start, "start earlier")


@dataclass(frozen=True, kw_only=True)
class TraceModel(CommunicationModel):
    r"""Plays a trace: what links carried in a recorded or an imported episode.

    In round $t$ every link loses what the trace lost in round $t + t_0$, carries no more than the
    trace's capacity, and its delay and noise are added. Nothing is drawn. What `record_trace` has
    recorded is delivered again, message by message, where the environment and its seed are the same
    and no other model is in the chain.

    Args:
        trace: The trace. Its agents must be the environment's, in any order.
        at_end: What follows the trace's last round: `"repeat"` starts over with its first,
            `"hold"` keeps the last one, `"down"` lets nothing more through.
        start_round: Round of the trace that is played first; `"random"` draws one for each
            episode, all rounds being equally likely.
        rename: `{name in the trace: name in the environment}`; names that are left out are the
            same in both.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: Something else than a trace, a start after its end, names that it
            does not have, or two agents renamed to one.

    Example:
        >>> from failure_api.traces import Trace
        >>> trace = Trace(agent_ids=("a", "b"), lost=[[[0, 0], [1, 0]], [[0, 0], [0, 0]]])
        >>> TraceModel(trace=trace).expected_loss().tolist()
        [[0.0, 0.0], [0.5, 0.0]]

    Source: trace-driven emulation, Noble et al. (1997); Mahimahi, Netravali et al. (2015).
    """

    EXAMPLE: ClassVar = {
        "trace": {
            "type": "trace",
            "agent_ids": ["agent_0", "agent_1", "agent_2", "agent_3"],
            # Every link is up for a while, one after the other.
            "lost": np.fromfunction(
                lambda t, sender, receiver: (3 * sender + receiver + t) % 12 >= 6, (40, 4, 4)
            ).tolist(),
        }
    }

    trace: Annotated[Trace, Instance(Trace, "for a file use TraceModel.from_file(path)")]
    at_end: Literal["repeat", "hold", "down"] = "repeat"
    start_round: Annotated[int | Literal["random"], Start(0, "rounds")] = 0
    rename: Annotated[Mapping[Any, Any], Renaming()] | None = None

    def __post_init__(self) -> None:
        """Checks the fields, and that they suit the trace."""
        super().__post_init__()
        _check_start("start_round", self.start_round, self.trace)
        known = listed(self.trace.agent_ids)
        for name in self.rename or ():
            if name not in self.trace.agent_ids:
                rule = "must have agents of the trace as keys"
                raise invalid("rename", rule, name, f"choose from {known}")
        if len(set(self._names)) < len(self._names):
            rule = "must lead to a name for each agent"
            raise invalid("rename", rule, dict(self.rename or {}), "give each name once")

    @classmethod
    def from_file(cls, path: str | PathLike[str], **options: Any) -> TraceModel:
        """Returns a model that plays the trace in a file.

        Args:
            path: Name of a file that `Trace.save` wrote.
            options: The other arguments of the model.
        """
        return cls(trace=Trace.load(path), **options)

    @staticmethod
    def respelled(plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns plain data with the trace of a file, which is read, in place of its name.

        A trace may be the name of a file that `Trace.save` wrote; `{file: name, start: round}`; or
        `{contacts: name}`, `{one: name}` or `{mahimahi: name}` with the other arguments of
        `read_contacts`, `read_one` or `read_mahimahi`.
        """
        trace = plain.get("trace")
        beside = [key for key in ("trace", "file", "path") if key in plain]
        if trace is not None and len(beside) > 1:
            both = {key: plain[key] for key in beside}
            raise invalid("trace", "must be given once", both, f"leave out {beside[1]}")
        if isinstance(trace, str):
            return {**plain, "trace": _read(Trace.load, trace, {}, "trace")}
        word = next((w for w in _READERS if isinstance(trace, Mapping) and w in trace), None)
        return plain if word is None else _read_within(plain, word)

    @cached_property
    def _names(self) -> tuple[Any, ...]:
        """What the environment calls the trace's agents, in the trace's order."""
        renamed = self.rename or {}
        return tuple(renamed.get(name, name) for name in self.trace.agent_ids)

    @cached_property
    def traits(self) -> Traits:
        """Loss on the air and delay, and capacity where the trace speaks of one."""
        delay, capacity = self.trace.delay, self.trace.capacity
        return Traits(
            stages={Stage.ON_AIR if capacity is None else Stage.SERVED},
            longest_delay=0 if delay is None else int(delay.max()),
            narrows=capacity is not None and bool((capacity < 1).any()),
        )

    def prepare(self, context: Context) -> Any:
        """Returns the trace's arrays in the environment's order, `[T, N, N]`."""
        if context.agent_ids not in self._by_order:
            self._by_order[context.agent_ids] = self._arranged(context.agent_ids)
        return self._by_order[context.agent_ids]

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns the round of the trace that this episode begins with; None where none is drawn.

        int32, one for each element of a batch.
        """
        if self.start_round != "random":
            return None
        return random.integers(0, self.trace.rounds, context.shape[:-2])

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links as they were in this round of the trace."""
        start = self.start_round if state is None else state
        xp, round_index = context.xp, context.round + start

        now = {
            name: xp.broadcast_to(entry(array, round_index, self.at_end, xp), context.shape)
            for name, array in parameters.items()
        }
        if "carried" in now:
            # Beyond the end of a trace that is down nothing is carried.
            links = links.lose(~now["carried"])
        if "capacity" in now:
            links = links.narrow(now["capacity"], xp)
        if "delay" in now:
            links = links.slow(now["delay"])
        if "noise" in now:
            noise = now["noise"] if links.noise is None else links.noise + now["noise"]
            links = links._replace(noise=noise)
        return state, links

    def expected_loss(self) -> Any:
        """Returns, for each link, one minus the mean share that it brings through, `[N, N]`.

        The agents are in the trace's order, and the diagonal is 0. What is overtaken by a newer
        message is not counted. Bursts and ages are whatever the trace makes them: None. None too
        where a trace that is repeated has capacities below 1 beside losses or greater ones: what a
        link has then saved up may fall together with them.
        """
        capacity, lost = self.trace.capacity, self.trace.lost
        if self.at_end == "repeat" and self.traits.narrows and capacity is not None:
            greater = bool(((capacity > 1) & np.isfinite(capacity)).any())
            if greater or (lost is not None and bool(lost.any())):
                return None
        carried = self.trace.carried.astype(np.float64)
        last = carried[-1] if self.at_end == "hold" else np.zeros(carried.shape[1:])
        mean = carried.mean(axis=0) if self.at_end == "repeat" else last
        return np.where(np.eye(len(mean), dtype=bool), 0.0, 1.0 - mean)

    @cached_property
    def _by_order(self) -> dict[tuple[Any, ...], dict[str, Any]]:
        """The trace's arrays in the orders of the environments that it was played in."""
        return {}

    def _arranged(self, agent_ids: tuple[Any, ...]) -> dict[str, Any]:
        """Returns the trace's arrays with the agents in the environment's order."""
        trace = self.trace
        carried = None if trace.lost is None else ~trace.lost
        if carried is None and self.at_end == "down":
            carried = np.ones((trace.rounds, *(len(trace.agent_ids),) * 2), dtype=bool)
        arrays: dict[str, Any] = {
            "carried": carried,
            "capacity": trace.capacity,
            # Where all arrives at once there is nobody whom the channel need make room for.
            "delay": trace.delay if self.traits.longest_delay else None,
            "noise": trace.noise,
        }
        arrays = {name: array for name, array in arrays.items() if array is not None}
        if self._names == agent_ids:
            return arrays
        if set(self._names) != set(agent_ids):
            others = set(self._names).symmetric_difference(agent_ids)
            odd = next(name for name in (*self._names, *agent_ids) if name in others)
            where = "trace" if odd in self._names else "environment"
            remedy = (
                f"{describe(odd)} is in the {where} alone, so give rename={{trace's: "
                f"environment's}} with {listed(agent_ids)}"
            )
            rule = "must have the agents of the environment"
            raise invalid(f"{self.name}.trace", rule, self._names, remedy)
        order = [self._names.index(agent) for agent in agent_ids]
        arranged = {name: array[:, order][:, :, order] for name, array in arrays.items()}
        for array in arranged.values():
            array.flags.writeable = False
        return arranged


_READERS: dict[str, Callable[..., Trace]] = {
    "file": Trace.load,
    "contacts": read_contacts,
    "one": read_one,
    "mahimahi": read_mahimahi,
}
"""What reads a file, by the word that plain data names the file by."""

_BESIDE = ("at_end", "start_round", "rename", "agent_ids")
"""Parameters of the model that plain data may hold within its trace too."""


def _read_within(plain: Mapping[str, Any], word: str) -> Mapping[str, Any]:
    """Returns plain data with the trace that is read by what its trace holds.

    Args:
        plain: The plain data of a model.
        word: The word by which its trace names a file.
    """
    trace, reader = plain["trace"], _READERS[word]
    inside = {str(key).replace("-", "_"): held for key, held in trace.items()}
    if len(inside) < len(trace):
        remedy = "leave one of the two out"
        raise invalid("trace", "must hold each word once", dict(trace), remedy)
    path, begins = inside.pop(word), word == "file" and "start" in inside
    # The first argument is the path.
    taken = list(inspect.signature(reader).parameters.values())[1:]
    arguments = {one.name: inside.pop(one.name) for one in taken if one.name in inside}
    start = inside.pop("start") if begins else 0
    options = {key: inside.pop(key) for key in _BESIDE if key in inside}
    for key in inside:
        known = (word, *(one.name for one in taken), *_BESIDE)
        raise invalid("trace", f"must hold words that go with {word!r}", key, _other(key, known))
    missing = [one.name for one in taken if one.default is one.empty and one.name not in arguments]
    if missing:
        rule = f"must give every argument of {reader.__name__} that has no default"
        raise invalid("trace", rule, dict(trace), f"add {' and '.join(missing)}")
    twice = {key: held for key, held in options.items() if key in plain}
    if begins and "start_round" in {*plain, *options}:
        twice["start"] = start
    for key, held in twice.items():
        other = "start_round" if key == "start" else f"{key} beside trace"
        raise invalid(f"trace.{key}", "must be given once", held, f"leave it or {other} out")
    found = _read(reader, path, arguments, f"trace.{word}")
    if begins:
        options["start_round"] = Start(0, "rounds").normalise("trace.start", start)
        _check_start("trace.start", options["start_round"], found)
    return {**plain, **options, "trace": found}


def _other(key: str, known: Iterable[str]) -> str:
    """Returns what to do about a word that does not go with the one that names a file."""
    if key in _READERS:
        return "name one file"
    texts = [_READERS[word] for word in _READERS if word != "file"]
    if any(key in inspect.signature(reader).parameters for reader in texts):
        return "name a text by contacts, one or mahimahi, each with arguments of its own"
    return nearest(key, known)


def _read(reader: Callable[..., Trace], path: Any, arguments: Mapping[str, Any], at: str) -> Trace:
    """Returns what a reader makes of a file; its errors speak in the words of plain data."""
    try:
        return reader(path, **arguments)
    except InvalidArgumentError as error:
        sentence = str(error)
        name = re.match(r"\w*", sentence)[0]  # type: ignore[index]
        if name == "path":
            sentence = at + sentence.removeprefix(name)
        else:
            sentence = f"trace.{sentence}" if name in arguments else f"trace: {sentence}"
        raise InvalidArgumentError(sentence) from error
