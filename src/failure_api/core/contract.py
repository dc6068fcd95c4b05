"""Checks of a model's returns: form, shapes and types, whatever the numbers are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from failure_api.core.arrays.trees import leaves
from failure_api.core.links import Context, Links
from failure_api.core.traits import Stage
from failure_api.errors import ModelError, invalid

if TYPE_CHECKING:
    from failure_api.core.model import CommunicationModel


def state_and_links(name: str, result: Any) -> tuple[Any, Links]:
    """Returns what a model returned, or raises what is wrong with its form."""
    # Links are a tuple too, and to return them alone is the likeliest mistake.
    if type(result) is tuple and len(result) == 2 and isinstance(result[1], Links):
        return result
    kinds = [type(part).__name__ for part in result] if type(result) is tuple else type(result)
    raise ModelError(
        f"{name}.step must return the pair (state, Links), but returned "
        f"{getattr(kinds, '__name__', kinds)}: return state, links._replace(...)."
    )


FIRST_FIELD = {Stage.SENT: 0, Stage.ADMITTED: 3, Stage.SERVED: 1, Stage.ON_AIR: 3}
"""The first of the fields of `Links` that a model of a stage may write."""


def first_field(stages: Iterable[Stage]) -> int:
    """Returns the first of the fields of `Links` that a model of some stages may write."""
    return min((FIRST_FIELD[stage] for stage in stages), default=len(Links._fields))


def check_links(name: str, worse: Links, links: Links, first: int, context: Context) -> None:
    """Raises what is wrong with the links that a model returned; shapes and types only.

    Args:
        name: The model's name.
        worse: What it returned.
        links: What it was given.
        first: The first of the fields that it may write.
        context: What is known of the round.
    """
    if worse is links or (context.xp is np and _loses_or_delays(worse, links, context.shape)):
        return
    for place, (new, old) in enumerate(zip(worse, links, strict=True)):
        if new is old:
            continue
        if place < first:
            raise ModelError(
                f"{name} must write nothing to {Links._fields[place]} in the stages that its "
                "traits name, since that is decided before: let its traits name an earlier stage."
            )
        field = Links._fields[place]
        if new is None:
            raise ModelError(
                f"{name}.step must return the {field} that it was given, or worse, but returned "
                "None: leave it as it is in links._replace(...)."
            )
        xp = context.xp
        dtype = getattr(xp, _DTYPES.get(field, "bool"))
        if getattr(new, "shape", None) != context.shape or new.dtype != dtype:
            kind = getattr(new, "dtype", type(new).__name__)
            raise ModelError(
                f"{name}.step must return {field} as {type_name(dtype)} of shape "
                f"{context.shape}, but returned {kind} of shape {getattr(new, 'shape', None)}: "
                "convert it with context.xp.astype and broadcast it to context.shape."
            )


_DTYPES = {
    **dict.fromkeys(("capacity", "noise", "interference"), "float32"),
    **dict.fromkeys(("delay", "expiry"), "int32"),
}
"""The types of the fields; the others are bool."""

_BOOL, _INT32 = np.dtype(np.bool_), np.dtype(np.int32)


def _loses_or_delays(worse: Links, links: Links, shape: tuple[int, ...]) -> bool:
    """Returns whether a model on NumPy has done no more than to lose or to delay, as it may.

    That is the usual case, told in a quarter of the time that the rest takes.
    """
    sends, capacity, rejected, lost, delay, in_order, expiry, noise, power, hears = worse
    if not (
        sends is links.sends
        and in_order is links.in_order
        and hears is links.hears
        and capacity is links.capacity
        and expiry is links.expiry
        and noise is links.noise
        and power is links.interference
        and rejected is links.rejected
    ):
        return False
    # NumPy has one object for each type.
    if lost is not links.lost and not (
        type(lost) is np.ndarray and lost.dtype is _BOOL and lost.shape == shape
    ):
        return False
    return delay is links.delay or (
        type(delay) is np.ndarray and delay.dtype is _INT32 and delay.shape == shape
    )


def check_state(name: str, state: Any, context: Context) -> None:
    """Raises an error if an array of a state does not begin with the axes of the batch.

    Args:
        name: The model's name.
        state: What its `init` returned.
        context: What it was told.
    """
    batch = context.shape[:-2]
    for leaf in leaves(state):
        # A number is as much the same for all elements as an array of no axes.
        shape = () if isinstance(leaf, int | float) else getattr(leaf, "shape", None)
        if shape is not None and tuple(shape[: len(batch)]) != batch:
            raise ModelError(
                f"{name}.init must return arrays that begin with the axes of the batch, {batch}, "
                f"but one has the shape {tuple(shape)}: make it as long as context.shape[:-2], or "
                "return what is the same for the whole batch from prepare."
            )


def check_heard(models: CommunicationModel) -> None:
    """Raises an error if a model raises interference and no later one takes it into account.

    Args:
        models: A chain, or one model.
    """
    if not models.traits.raises_interference:
        return
    raising = [model.name for model in models.components if model.traits.raises_interference]
    rule = "must have a model that hears the interference of an earlier one"
    raise invalid("failure_models", rule, raising[-1], "put a SignalBasedModel after it")


def type_name(dtype: Any) -> str:
    """Returns what errors call the type of an array."""
    return getattr(dtype, "__name__", None) or str(dtype)
