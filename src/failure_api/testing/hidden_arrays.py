"""NumPy arrays that keep their values to themselves, as arrays do while a function is compiled."""

from __future__ import annotations

import sys
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np

WHERE = "choose with context.xp.where(condition, one, other)"
KEEP = "go on with the array, as in context.xp.astype(array, context.xp.float32)"
_NUMBER = ("makes a Python number of what an array holds", KEEP)


class NumpyCodeError(TypeError, AttributeError):
    """A model does what the arrays of other libraries do not allow.

    Args:
        what: What it does, as the rest of a sentence whose subject is the model.
        remedy: What to write instead.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what, self.remedy = what, remedy


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
        return NumpyCodeError(*_NUMBER)
    if name in ("fill", "put", "sort", "partition", "itemset", "setfield", "resize"):
        return write(f"writes into an array, by .{name}()")
    what = f"takes .{name} of an array, which the array API does not have"
    instead: dict[str, Any] = {
        "copy": "leave it out, since nothing writes into arrays",
        "__len__": "take array.shape[0]",
    }
    usual = f"context.xp.{name}(array, ...)" if hasattr(np, name) else "a function of context.xp"
    return NumpyCodeError(what, instead.get(name, f"call {usual}"))


class HiddenArray:
    """An array of which the shape and the type are known.

    Args:
        array: The values, which the namespace alone can see.
    """

    __slots__ = ("_array",)

    def __init__(self, array: Any) -> None:
        self._array = np.asarray(array)

    dtype = property(attrgetter("_array.dtype"), doc="The type of the entries.")
    shape = property(attrgetter("_array.shape"), doc="The length of each axis.")
    ndim = property(attrgetter("_array.ndim"), doc="The number of axes.")
    size = property(attrgetter("_array.size"), doc="The number of entries.")
    T = property(lambda array: HiddenArray(array._array.T), doc="The matrix, transposed.")
    mT = property(lambda array: HiddenArray(array._array.mT), doc="The matrices, transposed.")  # noqa: N815
    device = "cpu"

    def shown(self) -> Any:
        """Returns the values, which no model has a use for."""
        return self._array

    def view(self, dtype: Any) -> HiddenArray:
        """Returns the memory read as another type, which is for the core to do."""
        if _asked_by_the_core():
            return HiddenArray(self._array.view(dtype))
        raise method("view")

    def __array_namespace__(self, **options: Any) -> ModuleType:
        return HIDDEN

    def __getitem__(self, key: Any) -> HiddenArray:
        for part in key if isinstance(key, tuple) else (key,):
            if isinstance(part, HiddenArray) and part.dtype == np.bool_:
                raise mask()
        return HiddenArray(self._array[_shown(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        raise write()

    def __bool__(self) -> bool:
        raise NumpyCodeError("branches on what an array holds", WHERE)

    def __len__(self) -> int:
        raise method("__len__")

    def __array__(self, *options: Any, **further: Any) -> Any:
        if _asked_by_the_core():
            return self._array
        raise numpy_function("asarray")

    def __array_ufunc__(self, function: Any, *others: Any, **options: Any) -> Any:
        raise numpy_function(function.__name__)

    __array_function__ = __array_ufunc__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise method(name)


def _asked_by_the_core() -> bool:
    """Returns whether what the method was called by is of the core, which knows every library."""
    return str(sys._getframe(2).f_globals.get("__name__")).startswith("failure_api.core.")


def _shown(value: Any) -> Any:
    """Returns arguments as NumPy can compute with them."""
    if isinstance(value, HiddenArray):
        return value._array
    return type(value)(map(_shown, value)) if type(value) in (tuple, list) else value


def _hidden(value: Any) -> Any:
    """Returns results as arrays that keep their values to themselves."""
    if isinstance(value, np.ndarray | np.generic):
        return HiddenArray(value)
    return tuple(map(_hidden, value)) if isinstance(value, tuple | list) else value


def _operator(name: str) -> Any:
    def operate(array: HiddenArray, *others: Any) -> Any:
        for other in others:
            if isinstance(other, np.ndarray | np.generic):
                raise mixed("an operation")
            if not isinstance(other, HiddenArray | bool | int | float | complex):
                return NotImplemented
        return _hidden(getattr(array._array, name)(*map(_shown, others)))

    return operate


def _number(array: HiddenArray) -> Any:
    raise NumpyCodeError(*_NUMBER)


_UNARY = ("neg", "pos", "abs", "invert")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_BITS = ("and", "or", "xor", "lshift", "rshift")
# In place there is nothing: `array += 1` gives the name to another array, as it does in JAX.
for _name in (*_UNARY, *_COMPARISONS, *_ARITHMETIC, *_BITS):
    setattr(HiddenArray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in (*_ARITHMETIC, *_BITS):
    setattr(HiddenArray, f"__r{_name}__", _operator(f"__r{_name}__"))


for _name in ("int", "float", "complex", "index", "hash"):
    setattr(HiddenArray, f"__{_name}__", _number)


class HiddenNumpy(ModuleType):
    """NumPy's namespace, of arrays that keep their values to themselves.

    Args:
        module: NumPy, or a module of it.
    """

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._module, name)
        if isinstance(found, ModuleType):
            return HiddenNumpy(found)
        return _function(name, found) if callable(found) and type(found) is not type else found


_SIZED = ("nonzero", "argwhere", "flatnonzero", "compress", "extract")


def _function(name: str, function: Any) -> Any:
    def call(*arguments: Any, **options: Any) -> Any:
        if "out" in options:
            raise write(f"lets {name} write into an array, by out=")
        if name in _SIZED or name.startswith("unique") or (name == "where" and len(arguments) == 1):
            raise mask(f"calls {name}, whose result has a shape that depends on values")
        inputs = (*arguments, *options.values())
        if name not in ("asarray", "array") and any(isinstance(one, np.ndarray) for one in inputs):
            raise mixed(name)
        shown = {key: _shown(value) for key, value in options.items()}
        return _hidden(function(*map(_shown, arguments), **shown))

    return call


HIDDEN = HiddenNumpy(np)

__all__ = ["HIDDEN", "HiddenArray", "NumpyCodeError"]
