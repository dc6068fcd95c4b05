"""Models under trial: what they are given, and what they make of that."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Chain, Context, Links, NumpyStream, RandomStream
from failure_api.core.arrays.libraries import LIBRARIES
from failure_api.core.chain import prepared
from failure_api.core.parameters.fields import LinkRule, rules_of
from failure_api.core.random.portable_stream import BEFORE
from failure_api.core.random.sources import source_of
from failure_api.errors import FailureApiError, LawError
from failure_api.testing.hidden_arrays import HiddenArray
from failure_api.testing.verdict import demand, same

_INSTALLED = tuple(sysconfig.get_paths()[which] for which in ("stdlib", "purelib", "platlib"))


def source_line(error: BaseException, model: Any) -> str:
    """Returns where an error comes from, as in " in model.py, line 12, `x[0] = 1`".

    It is the deepest line that lies in the model's own module, or in code that is neither
    installed nor this library's. Where there is no source, as at a prompt, the name of the
    function stands for the text of the line.

    Args:
        error: What was raised.
        model: The model that was running.

    Returns:
        The place, with a space in front; nothing where no such line is among the calls.
    """
    own = {type(part).__module__ for part in (model, *getattr(model, "components", ()))}
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if _can_be_mended(frame, own):
            code = frame.f_code
            text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
            what = f"`{text}`" if text else f"in {code.co_name}"
            found = f" in {_shortened(code.co_filename)}, line {line}, {what}"
    return found


def with_name(error: Exception, model: Any) -> str:
    """Returns what an error of ours says, after the model's name if it is not within."""
    text = str(error)
    return text if model.name in text else f"{model.name} fails{source_line(error, model)}: {text}"


def first_sentence(error: BaseException) -> str:
    r"""Returns what an error says, as far as it goes on one line and without its full stop.

    Example:
        >>> first_sentence(TypeError("It must be traced. See the manual.\nMore of it."))
        'It must be traced'
    """
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].partition(". ")[0].rstrip(".:")


def _can_be_mended(frame: FrameType, own: set[str]) -> bool:
    module, path = str(frame.f_globals.get("__name__")), frame.f_code.co_filename
    if module in own:
        return True
    ours = module.partition(".")[0] == "failure_api"
    # Code without a file, such as the methods of a NamedTuple, is nobody's to fix.
    return not ours and not path.startswith(("<", *_INSTALLED))


def _shortened(path: str) -> str:
    """Returns a path as seen from the working directory where it lies below."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path


def read_only(xp: ModuleType, array: Any) -> Any:
    """Returns an array that a model may not write to."""
    return locked(xp.asarray(np.array(array)))


def locked(value: Any) -> Any:
    """Makes every NumPy array within a state read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple | list):
        for item in value:
            locked(item)
    elif isinstance(value, dict):
        locked(tuple(value.values()))
    return value


def plain(array: Any) -> Any:
    """Returns an array of any library as one of NumPy."""
    return array.shown() if isinstance(array, HiddenArray) else np.asarray(array)


class Round(NamedTuple):
    """What a model was given in a round and what it made of it.

    Attributes:
        context: What it was told.
        before: The links or the content that it was given.
        after: The same as it left them.
        state: What it carried into the round.
        following: What it carries into the next one.
    """

    context: Any
    before: Any
    after: Any
    state: Any
    following: Any


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What differs from one run of a trial to another.

    Attributes:
        rows: Teams that differ in what they are and do.
        batched: Whether these stand along a leading batch axis; otherwise there is one.
        counted: Whether rounds are numbered by arrays, as they are where a function is compiled.
        starts: The number of each row's first round.
        portable: Whether draws are a function of the row and its round, whatever stands beside it.
    """

    rows: tuple[int, ...] = (0,)
    batched: bool = False
    counted: bool = False
    starts: tuple[int, ...] = (0,)
    portable: bool = False

    @property
    def batch(self) -> tuple[int, ...]:
        """Shape of the batch."""
        return (len(self.rows),) if self.batched else ()

    def alone(self, index: int) -> Any:
        """Returns the circumstances of one row by itself."""
        start = self.starts[index] if len(self.starts) > 1 else 0
        return replace(self, rows=(self.rows[index],), batched=False, starts=(start,))

    def round_of(self, xp: ModuleType, index: int) -> Any:
        """Returns the round as a model is told it.

        Args:
            xp: The array namespace.
            index: Rounds since the first one.
        """
        rounds = [index + start for start in self.starts]
        if len(rounds) > 1:
            return xp.asarray(np.array(rounds, dtype=np.int32))
        return xp.asarray(rounds[0], dtype=xp.int32) if self.counted else rounds[0]


@dataclass(frozen=True)
class ModelTrial(ABC):
    """A model of either kind and the team that it is tried on.

    Attributes:
        takes: What it is given.
        other: What it does that makes something else of the same.
        differs: The same in short.
        traffic: What its draws must not depend on.
        remedy: What to do in place of writing to its input.
        round_remedy: What to do where elements of a batch are in different rounds.
        normal: The usual circumstances.
        variants: Circumstances for arrays without values and for batches; in the first of them
            other libraries are tried, too.
        quiet: Circumstances in which as much is drawn as in the usual ones.
        every_stream: Whether a stream that one run does not use at all counts as a difference.
        absolute: Greatest difference between equal numbers; None goes by the largest of them,
            since what is measured in milliwatts may be very small.
    """

    model: Any
    agent_ids: tuple[Any, ...]
    rounds: int
    seed: int

    takes: ClassVar[str]
    other: ClassVar[str]
    differs: ClassVar[str]
    traffic: ClassVar[str]
    remedy: ClassVar[str]
    round_remedy: ClassVar[str]
    normal: ClassVar[Any]
    variants: ClassVar[tuple[Any, ...]]
    quiet: ClassVar[tuple[Any, ...]]
    every_stream: ClassVar[bool] = False
    absolute: ClassVar[float | None] = None

    @property
    def runs(self) -> Any:
        """What is run: the model, or a chain around it."""
        return self.model

    @abstractmethod
    def rounds_of(self, xp: ModuleType = np, circumstances: Any = None) -> list[tuple[Any, Any]]:
        """Returns the context of each round, and the links or the content in it."""

    @abstractmethod
    def prepared(self, xp: ModuleType = np, circumstances: Any = None) -> Any:
        """Returns what the model looks up once."""

    def step(self, parameters: Any, state: Any, inputs: Any, context: Any, random: Any) -> Any:
        """Returns the next state, and what becomes of the links or the content."""
        return self.runs.step(parameters, state, inputs, context, random)

    @abstractmethod
    def compared(self, seen: Round, row: Any = ...) -> list[Any]:
        """Returns the arrays of a round's outcome that count, as NumPy's; None where one is not.

        Args:
            seen: The round.
            row: An element of the batch; an ellipsis takes all of them.
        """

    @abstractmethod
    def swept(self) -> dict[str, str]:
        """Returns what errors call the fields that may be any number in [0, 1], by name."""

    def carried(self, state: Any) -> Any:
        """Returns what the model itself carries in a state."""
        return state

    def draws(self, xp: ModuleType, circumstances: Any, round_index: Any) -> RandomStream:
        """Returns the portable stream of a round: each row of a batch has its own seed."""
        rows = [self.seed + row & 0x7FFFFFFF for row in circumstances.rows]
        seeds = xp.asarray(np.array(rows, dtype=np.int32).reshape(circumstances.batch))
        library = next(one for one in LIBRARIES if one.namespace == xp.__name__)
        source = source_of(seeds, circumstances.batch, "portable", library, None)
        return source.in_round(round_index, xp)

    def played(
        self,
        parameters: Any,
        rounds: Sequence[tuple[Any, Any]],
        draws: Callable[[Any], RandomStream],
    ) -> list[Round]:
        """Runs the model through some rounds, in any library.

        Args:
            parameters: What it has looked up.
            rounds: The context of each round, and what is given in it.
            draws: Returns the stream of a round.
        """
        state, seen = self.runs.init(parameters, rounds[0][0], draws(BEFORE)), []
        for context, inputs in rounds:
            stream = draws(context.round)
            following, after = self.step(parameters, locked(state), inputs, context, stream)
            states = self.carried(state), self.carried(following)
            seen.append(Round(context, inputs, after, *states))
            state = following
        return seen

    def run(
        self, xp: ModuleType = np, circumstances: Any = None, stream: RandomStream | None = None
    ) -> list[Round]:
        """Runs the model through all rounds, and says what is wrong with what it returns."""
        circumstances = circumstances or self.normal
        stream = stream or NumpyStream(self.seed, xp=xp)
        portable = partial(self.draws, xp, circumstances)
        draws = portable if circumstances.portable else lambda round_index: stream
        rounds = self.rounds_of(xp, circumstances)
        try:
            parameters = self.prepared(xp, circumstances)
            try:
                return self.played(parameters, rounds, draws)
            except FailureApiError as error:
                demand(1, isinstance(error, LawError), with_name(error, self.model))
                raise
        except FailureApiError:
            # What a model refuses as it looks things up is about its own parameters.
            raise
        except ValueError as error:
            where = source_line(error, self.model)
            finding = f"{self.model.name} writes to its input{where}: {self.remedy}"
            demand(7, "read-only" not in str(error), finding)
            raise

    def drawn(self, circumstances: Any = None) -> dict[tuple[int, ...], Any]:
        """Returns where a run leaves its streams."""
        stream = NumpyStream(self.seed)
        self.run(np, circumstances, stream)
        return positions_of(stream)

    def equal(self, one: list[Round], other: list[Round]) -> bool:
        """Returns whether two runs made the same of what they were given, in every round."""
        runs = ([self.compared(seen) for seen in run] for run in (one, other))
        return all(map(same, *runs))


@dataclass(frozen=True, kw_only=True)
class LinkCircumstances(Circumstances):
    """What differs from one run of a communication model to another.

    Attributes:
        everyone: Whether all agents live; otherwise everyone alone, and every group of them.
        placed: Whether it is known where the agents are.
        severity: How severe failures are said to be; None says nothing.
        damaged: Whether other models have left links lossy, late, noisy, disturbed and in order.
        idle: Whether nobody sends anything.
    """

    everyone: bool = True
    placed: bool = True
    severity: float | None = None
    damaged: bool = False
    idle: bool = False


@dataclass(frozen=True)
class LinkTrial(ModelTrial):
    """A communication model, within a chain, and the team that it is tried on."""

    takes = "links"
    other = differs = "gives other links"
    traffic = "traffic or on who is alive"
    remedy = "make another array, as in links.lose(context.xp.where(...))"
    round_remedy = "take context.round_over(2) beside arrays [..., N, N]"
    normal = LinkCircumstances()
    variants = (LinkCircumstances(everyone=False, damaged=True), LinkCircumstances(everyone=False))
    quiet = (LinkCircumstances(everyone=False, idle=True),)

    @cached_property
    def runs(self) -> Chain:
        """The model within a chain."""
        return Chain(models=[self.model])

    def rounds_of(
        self, xp: ModuleType = np, circumstances: LinkCircumstances = normal
    ) -> list[tuple[Context, Links]]:
        """Returns what is known of each round: agents that move about, and some that die."""
        count, batch, rows = len(self.agent_ids), circumstances.batch, circumstances.rows
        # A stream for each row, so that a row is the same whatever stands beside it.
        generators = [np.random.default_rng(self.seed + row) for row in rows]
        # The first says nothing, and the others say more and more.
        sizes = np.arange(count, dtype=np.float32)[:, None] * ~np.eye(count, dtype=bool)
        shape, severity = (*batch, count, count), circumstances.severity
        if circumstances.damaged:
            links = self.damaged(xp, circumstances)
        else:
            links = Links(sends=read_only(xp, np.full(shape, not circumstances.idle)))
        if severity is not None:
            severity = read_only(xp, np.full(batch, severity, dtype=np.float32))
        rounds = []
        for index in range(self.rounds):
            places = np.stack([g.uniform(-1, 1, (count, 2)) for g in generators])
            positions = places.astype(np.float32).reshape(*batch, count, 2)
            # Everyone alone, and every group of them, as the bits of a number.
            bits = np.array(rows)[:, None] + index >> np.arange(count)
            alive = (bits & 1 == 0) | circumstances.everyone
            context = Context(
                round=circumstances.round_of(xp, index),
                alive=read_only(xp, alive.reshape(*batch, count)),
                positions=read_only(xp, positions) if circumstances.placed else None,
                xp=xp,
                shape=shape,
                agent_ids=self.agent_ids,
                message_bits=read_only(xp, sizes),
                severity=severity,
            )
            rounds.append((context, links))
        return rounds

    def damaged(self, xp: ModuleType, circumstances: LinkCircumstances) -> Links:
        """Returns links that other models have left lossy, late, noisy, disturbed and in order."""
        rows, shape = [], (len(self.agent_ids), len(self.agent_ids))
        for row in circumstances.rows:
            generator = np.random.default_rng(self.seed + row)

            def some(share: float, drawn: np.random.Generator = generator) -> NDArray[np.bool_]:
                # So many and no fewer, or a small team might have no link of a kind.
                return drawn.permutation(np.prod(shape)).reshape(shape) < share * np.prod(shape)

            rows.append(
                Links(
                    sends=some(0.8),
                    capacity=generator.choice([0.0, 0.5, 1.0, np.inf], shape).astype(np.float32),
                    rejected=some(0.1),
                    lost=some(0.3),
                    delay=generator.integers(0, 3, shape).astype(np.int32),
                    expiry=generator.integers(2, 9, shape).astype(np.int32),
                    hears=some(0.8),
                    noise=generator.random(shape, dtype=np.float32),
                    interference=1e-6 * generator.random(shape, dtype=np.float32),
                    in_order=some(0.5),
                )
            )
        batched = (*circumstances.batch, *shape)
        stacked = (np.reshape(arrays, batched) for arrays in zip(*rows, strict=True))
        return Links(*(read_only(xp, array) for array in stacked))

    def prepared(self, xp: ModuleType = np, circumstances: Any = None) -> Any:
        """Returns what the model's chain looks up once."""
        # On NumPy's arrays, since this is asked for while JAX traces a function too.
        context, _ = replace(self, rounds=1).rounds_of()[0]
        return prepared(self.runs, context._replace(xp=xp))

    def compared(self, seen: Round, row: Any = ...) -> list[Any]:
        """Returns the fields of the links."""
        return [None if field is None else plain(field)[row] for field in seen.after]

    def carried(self, state: Any) -> Any:
        """Returns what a chain's models carry, without what the chain itself does."""
        return state[0] if len(state) == 1 else state

    def swept(self) -> dict[str, str]:
        """Returns the probabilities of links."""
        ends = np.array([0.0, 0.5, 1.0])
        rules = rules_of(type(self.model)).items()
        links = {name: rule for name, rule in rules if isinstance(rule, LinkRule)}
        return {name: f"its {name}" for name, rule in links.items() if rule.accepts(ends).all()}


def alike(
    one: Sequence[Any], other: Sequence[Any], precision: float, absolute: float | None = None
) -> bool:
    """Returns whether arrays are of the same types, and the same up to rounding.

    Args:
        one: NumPy arrays; None where one is not.
        other: Others.
        precision: Greatest relative difference.
        absolute: Greatest absolute difference; None goes by the largest number.
    """
    for first, second in zip(one, other, strict=True):
        if first is None or second is None:
            if first is not second:
                return False
            continue
        if first.dtype != second.dtype or first.shape != second.shape:
            return False
        largest = np.abs(first[np.isfinite(first)]).max(initial=0)
        within = precision * largest if absolute is None else absolute
        if not np.allclose(first, second, rtol=precision, atol=within):
            return False
    return True


def positions_of(stream: NumpyStream) -> dict[tuple[int, ...], Any]:
    """Returns how far each stream has been used, of those that anything was drawn from."""
    used = stream.position()
    fresh = NumpyStream(stream.seed, stream.path).position()
    found = {} if used == fresh else {stream.path: used}
    for child in stream._children.values():
        found |= positions_of(child)
    return found
