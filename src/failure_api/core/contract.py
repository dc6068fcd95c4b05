"""What a model must return: the form, the shapes and the types, whatever the numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from failure_api.core.links import Context, Links
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


def check_links(name: str, links: Links, context: Context) -> None:
    """Raises what is wrong with the links that a model returned; shapes and types only."""
    xp, bandwidth, delay, noise, interference, in_order = context.xp, *links
    # The usual case, told apart in a quarter of the time that the loop takes.
    alone = delay is noise is interference is in_order is None
    usual = alone and getattr(bandwidth, "shape", None) == context.shape
    if usual and bandwidth.dtype == xp.float32:
        return
    for field, array in zip(links._fields, links, strict=True):
        dtype = {"delay": xp.int32, "in_order": xp.bool}.get(field, xp.float32)
        if array is None and field != "bandwidth":
            continue
        shape = getattr(array, "shape", None)
        if shape != context.shape or array.dtype != dtype:
            kind = getattr(array, "dtype", type(array).__name__)
            raise ModelError(
                f"{name}.step must return {field} as {_type_name(dtype)} of shape "
                f"{context.shape}, but returned {kind} of shape {shape}: convert it with "
                f"context.xp.astype and broadcast it to context.shape."
            )


def check_heard(models: CommunicationModel) -> None:
    """Raises an error if a model raises interference and no later one takes it into account.

    Args:
        models: A chain, or one model.
    """
    unheard = None
    for model in models.components:
        if model.hears_interference:
            unheard = None
        if model.raises_interference:
            unheard = unheard or model.name
    if unheard:
        raise invalid(
            "failure_models",
            "must have a model that hears the interference of an earlier one",
            unheard,
            "put a SignalBasedModel after it",
        )


def _type_name(dtype: Any) -> str:
    return getattr(dtype, "__name__", None) or str(dtype)
