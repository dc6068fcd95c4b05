"""A communication model under trial: what it is given, and what it makes of that."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Chain, CommunicationModel, Context, Links, NumpyStream, RandomStream
from failure_api.core.arrays.libraries import LIBRARIES
from failure_api.core.chain import prepared
from failure_api.core.random.portable_stream import BEFORE
from failure_api.core.random.sources import source_of
from failure_api.errors import FailureApiError
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


def round_of(xp: ModuleType, number: int, starts: Sequence[int], counted: bool) -> Any:
    """Returns the round as a model is told it.

    Args:
        xp: The array namespace.
        number: Rounds since the first one.
        starts: The number of the first round; of each row, where there are several.
        counted: Whether one number is an array, too.
    """
    numbers = [number + start for start in starts]
    if len(numbers) > 1:
        return xp.asarray(np.array(numbers, dtype=np.int32))
    return xp.asarray(numbers[0], dtype=xp.int32) if counted else numbers[0]


def portable_draws(
    xp: ModuleType, seed: int, rows: Sequence[int], batch: tuple[int, ...], number: Any
) -> RandomStream:
    """Returns the portable stream of a round: each row of a batch has its own seed."""
    seeds = np.array([seed + row & 0x7FFFFFFF for row in rows], dtype=np.int32)
    library = next(one for one in LIBRARIES if one.namespace == xp.__name__)
    source = source_of(xp.asarray(seeds.reshape(batch)), batch, "portable", library, None)
    return source.in_round(number, xp)


def plain(array: Any) -> Any:
    """Returns an array of any library as one of NumPy."""
    return array.shown() if isinstance(array, HiddenArray) else np.asarray(array)


class Round(NamedTuple):
    """What a model was given and what it made of it.

    Attributes:
        before: The links that it was given.
        after: The links as it left them.
        state: What it carried into the round.
        following: What it carries into the next one.
    """

    before: Links
    after: Links
    state: Any
    following: Any


class Circumstances(NamedTuple):
    """What differs from one run of a trial to another.

    Attributes:
        everyone: Whether all agents live; otherwise everyone alone, and every group of them.
        placed: Whether it is known where the agents are.
        counted: Whether rounds are numbered by arrays, as they are where a function is compiled.
        rows: Teams that differ in where they are and who of them is alive.
        batched: Whether these stand along a leading batch axis; otherwise there is one.
        starts: The number of each row's first round.
        portable: Whether draws are a function of the row and its round, whatever stands beside it.
        severity: How severe failures are said to be; None says nothing.
    """

    everyone: bool = True
    placed: bool = True
    counted: bool = False
    rows: tuple[int, ...] = (0,)
    batched: bool = False
    starts: tuple[int, ...] = (0,)
    portable: bool = False
    severity: float | None = None

    @property
    def batch(self) -> tuple[int, ...]:
        """Shape of the batch."""
        return (len(self.rows),) if self.batched else ()


NORMAL = Circumstances()


class ModelTrial(NamedTuple):
    """A model and the circumstances that it is tried in."""

    model: CommunicationModel
    agent_ids: tuple[Any, ...]
    rounds: int
    seed: int

    def contexts(self, xp: ModuleType = np, circumstances: Circumstances = NORMAL) -> list[Context]:
        """Returns what is known of each round: agents that move about, and some that die."""
        count, batch, rows = len(self.agent_ids), circumstances.batch, circumstances.rows
        # A stream for each row, so that a row is the same whatever stands beside it.
        generators = [np.random.default_rng(self.seed + row) for row in rows]
        # The first says nothing, and the others say more and more.
        sizes = np.arange(count, dtype=np.float32)[:, None] * ~np.eye(count, dtype=bool)
        contexts = []
        for number in range(self.rounds):
            places = np.stack([g.uniform(-1, 1, (count, 2)) for g in generators])
            alive = np.ones((len(rows), count), dtype=bool)
            if not circumstances.everyone:
                # Everyone alone, and every group of them, as the bits of a number.
                bits = np.array(rows)[:, None] + number >> np.arange(count)
                alive = bits & 1 == 0
            positions = places.astype(np.float32).reshape(*batch, count, 2)
            severity = circumstances.severity
            if severity is not None:
                severity = read_only(xp, np.full(batch, severity, dtype=np.float32))
            contexts.append(
                Context(
                    round=round_of(xp, number, circumstances.starts, circumstances.counted),
                    alive=read_only(xp, alive.reshape(*batch, count)),
                    positions=read_only(xp, positions) if circumstances.placed else None,
                    xp=xp,
                    shape=(*batch, count, count),
                    agent_ids=self.agent_ids,
                    message_bits=read_only(xp, sizes),
                    severity=severity,
                )
            )
        return contexts

    def links(self, xp: ModuleType, shape: tuple[int, ...]) -> Links:
        """Returns links that are as good as can be."""
        return Links(sends=read_only(xp, np.ones(shape, dtype=bool)))

    def prepared(self, xp: ModuleType = np) -> Any:
        """Returns what the model's chain looks up once."""
        # On NumPy's arrays, since this is asked for while JAX traces a function too.
        return prepared(self.chain, self.contexts()[0]._replace(xp=xp))

    @property
    def chain(self) -> Chain:
        """The model within a chain."""
        return Chain(models=[self.model])

    def damaged(self, xp: ModuleType = np, circumstances: Circumstances = NORMAL) -> Links:
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

    def draws(self, xp: ModuleType, circumstances: Circumstances, number: Any) -> RandomStream:
        """Returns the portable stream of a round: each row of a batch has its own seed."""
        return portable_draws(xp, self.seed, circumstances.rows, circumstances.batch, number)

    def run(
        self,
        xp: ModuleType = np,
        circumstances: Circumstances = NORMAL,
        *,
        stream: RandomStream | None = None,
        first_links: Links | None = None,
    ) -> list[Round]:
        """Runs the model through all rounds."""
        stream = stream or NumpyStream(self.seed, xp=xp)
        contexts = self.contexts(xp, circumstances)
        chain, parameters = self.chain, self.prepared(xp)
        links = first_links or self.links(xp, contexts[0].shape)

        def draws(number: Any) -> RandomStream:
            return self.draws(xp, circumstances, number) if circumstances.portable else stream

        try:
            state = chain.init(parameters, contexts[0], draws(BEFORE))
            seen = []
            for context in contexts:
                stream_now = draws(context.round)
                following, after = chain.step(parameters, locked(state), links, context, stream_now)
                seen.append(Round(links, after, own(state), own(following)))
                state = following
        except FailureApiError as error:
            demand(1, False, with_name(error, self.model))
        except ValueError as error:
            writes = "read-only" in str(error)
            place = source_line(error, self.model)
            demand(7, not writes, f"{self.model.name} writes to its input{place}: {MAKE_ANOTHER}")
            raise
        return seen


MAKE_ANOTHER = "make another array, as in links.lose(context.xp.where(...))"


def own(state: Any) -> Any:
    """Returns what a chain's models carry, without what the chain itself does."""
    return state[0] if len(state) == 1 else state


def equal_rounds(one: list[Round], other: list[Round]) -> bool:
    """Returns whether two runs left the same links in every round."""
    return all(same(tuple(a.after), tuple(b.after)) for a, b in zip(one, other, strict=True))


def alike(one: Links, other: Links, precision: float = 1e-5) -> bool:
    """Returns whether links are the same up to rounding, in whatever libraries they are."""
    for first, second in zip(one, other, strict=True):
        if first is None or second is None:
            if first is not second:
                return False
            continue
        first, second = plain(first), plain(second)
        # What is measured in milliwatts may be very small.
        within = precision * np.abs(first[np.isfinite(first)]).max(initial=0)
        if not np.allclose(first, second, rtol=precision, atol=within):
            return False
    return True


def positions_of(stream: NumpyStream) -> dict[tuple[int, ...], Any]:
    """Returns how far each stream has been used, of those that anything was drawn from."""
    place = stream.position()
    fresh = NumpyStream(stream.seed, stream.path).position()
    found = {} if place == fresh else {stream.path: place}
    for child in stream._children.values():
        found |= positions_of(child)
    return found
