"""What only NumPy's arrays allow, and what serves in its place with any library's."""

from __future__ import annotations

from typing import Any

import numpy as np

WHERE = "choose with context.xp.where(condition, one, other)"
KEEP = "go on with the array, as in context.xp.astype(array, context.xp.float32)"


class NumpyCodeError(TypeError, AttributeError):
    """A model does what the arrays of other libraries do not allow.

    Args:
        what: What it does, as the rest of a sentence whose subject is the model.
        remedy: What to write instead.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what, self.remedy = what, remedy


def branch() -> NumpyCodeError:
    """Returns the error for an array as a condition."""
    return NumpyCodeError("branches on what an array holds", WHERE)


def number() -> NumpyCodeError:
    """Returns the error for an array as a Python number."""
    return NumpyCodeError("makes a Python number of what an array holds", KEEP)


def write(what: str = "writes into an array") -> NumpyCodeError:
    """Returns the error for an array that is written to."""
    return NumpyCodeError(what, WHERE)


def mask(what: str = "picks entries by a mask, as many as it holds") -> NumpyCodeError:
    """Returns the error for a shape that depends on values."""
    remedy = "keep the shape, as in context.xp.where(mask, array, 0.0)"
    return NumpyCodeError(what, remedy)


def mixed(where: str) -> NumpyCodeError:
    """Returns the error for arrays of NumPy beside those of the context."""
    what = f"gives {where} an array of NumPy beside those of the context"
    return NumpyCodeError(what, "make it one of the context's with context.xp.asarray")


def numpy_function(name: str) -> NumpyCodeError:
    """Returns the error for one of NumPy's own functions."""
    what = f"calls NumPy's {name} with an array of the context"
    return NumpyCodeError(what, "take what makes and changes arrays from context.xp")


def method(name: str) -> NumpyCodeError:
    """Returns the error for a method that the array API does not have."""
    if name in ("item", "tolist", "tobytes"):
        return number()
    if name in ("fill", "put", "sort", "partition", "itemset", "setfield", "resize"):
        return write(f"writes into an array, by .{name}()")
    what = f"takes .{name} of an array, which the array API does not have"
    instead: dict[str, Any] = {
        "copy": "leave it out, since nothing writes into arrays",
        "__len__": "take array.shape[0]",
    }
    usual = f"context.xp.{name}(array, ...)" if hasattr(np, name) else "a function of context.xp"
    return NumpyCodeError(what, instead.get(name, f"call {usual}"))
