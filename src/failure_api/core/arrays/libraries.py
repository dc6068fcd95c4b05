"""Array libraries: all that the package knows of any one of them.

Everything else takes its operations from an array namespace. Here is which namespace goes with an
array, where an array lives, and how its memory is read as another type.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core.arrays.trees import map_leaves
from failure_api.core.links import Array
from failure_api.errors import ModelError, invalid
from failure_api.needs import needed


class Library(NamedTuple):
    """An array library.

    Attributes:
        package: What is imported where its arrays are.
        kind: Name of the class of its arrays.
        namespace: Module that has the operations of the array API.
        traces: Whether it traces functions. What is made while one is traced belongs to that trace
            alone and may not be kept; and nothing is ever written to in place.
    """

    package: str
    kind: str
    namespace: str
    traces: bool = False

    @property
    def xp(self) -> ModuleType:
        """The array namespace."""
        return imported(self.namespace)


@functools.cache
def imported(module: str) -> ModuleType:
    """Returns a module; Python asks for a lock wherever an import is repeated, which takes time."""
    extra = "jax" if module.startswith("jax") else "torch"
    return needed(module, "working on arrays other than NumPy's", extra)


LIBRARIES = (
    Library("numpy", "ndarray", "numpy"),
    Library("torch", "Tensor", "array_api_compat.torch"),
    Library("jax", "Array", "jax.numpy", traces=True),
    Library("array_api_strict", "_array_object.Array", "array_api_strict"),
)
NUMPY, TORCH, JAX, STRICT = LIBRARIES


def library_of(arrays: Mapping[str, Any]) -> Library:
    """Returns the library that all of some arrays belong to; what is None has no say.

    Args:
        arrays: The arrays by the names that errors call them.

    Raises:
        InvalidArgumentError: Something is no array, or there are arrays of two libraries or on two
            devices.

    Example:
        >>> library_of({"payloads": np.zeros(3), "alive": None}).package
        'numpy'
    """
    found = [
        (name, _library(name, array), device_of(array))
        for name, array in arrays.items()
        if array is not None
    ]
    if not found:
        raise invalid(next(iter(arrays)), "must be an array", None, _ARRAYS)
    (first, library, device), *others = found
    for name, other, elsewhere in others:
        if other is not library:
            rule = f"must be an array of {library.package}, as {first} is"
            raise invalid(name, rule, f"one of {other.package}", "convert it")
        if None not in (device, elsewhere) and elsewhere != device:
            raise invalid(name, f"must be on {device}, as {first} is", elsewhere, "move it there")
    return library


def _library(name: str, array: Any) -> Library:
    known = _KINDS.get(type(array))
    if known is not None:
        return known
    if isinstance(array, np.ma.MaskedArray):
        remedy = "say what its hidden entries are, as in array.filled(0)"
        raise invalid(name, "must have no mask", array, remedy)
    for library in LIBRARIES:
        module = sys.modules.get(library.package)
        if module is not None and isinstance(array, operator.attrgetter(library.kind)(module)):
            _KINDS[type(array)] = library
            return library
    raise invalid(name, "must be an array", type(array).__name__, _ARRAYS)


_ARRAYS = "give one of NumPy, PyTorch or JAX"

_KINDS: dict[type, Library] = {}
"""The libraries of types that have been seen."""


def device_of(array: Array) -> Any:
    """Returns where an array is; None where it is in several places, or being traced."""
    if not is_jax(array):
        return getattr(array, "device", None)
    if isinstance(array, imported("jax.core").Tracer):
        return None
    devices = array.devices()
    return next(iter(devices)) if len(devices) == 1 else None


def on_host(tensor: Any) -> NDArray[Any] | None:
    """Returns the memory of a tensor as a NumPy array.

    None where it is on another device or of a type that NumPy does not have, and where PyTorch
    compiles, transforms or may want a derivative of what is made of it.
    """
    torch = imported(TORCH.package)
    if type(tensor) is not torch.Tensor or not tensor.is_cpu or tensor.dtype == torch.bfloat16:
        return None
    return None if is_differentiated(tensor) or is_compiled() else tensor.numpy()


def values_of(array: Array) -> NDArray[Any] | None:
    """Returns an array's values; None where a function is traced, and on other devices."""
    device = device_of(array)
    if is_jax(array):
        return np.asarray(array) if device is not None and device.platform == "cpu" else None
    torch = sys.modules.get(TORCH.package)
    if torch is None or not isinstance(array, torch.Tensor):
        return np.asarray(array)
    traced = _is_mapped() or torch.compiler.is_compiling()
    return None if traced or device.type != "cpu" else np.asarray(array.tolist())


def on_device_of(array: Array) -> contextlib.AbstractContextManager[Any]:
    """Returns a context in which new arrays are where this one is."""
    device, torch = device_of(array), sys.modules.get(TORCH.package)
    if is_jax(array):
        if device is not None and device != imported(JAX.package).devices()[0]:
            return imported(JAX.package).default_device(device)  # type: ignore[no-any-return]
        return _NO_CONTEXT
    tensor = torch is not None and isinstance(array, torch.Tensor)
    # Asked of a tensor, which takes a quarter of the time that PyTorch's own question does.
    if torch is not None and tensor and device != torch.empty(0).device:
        return torch.device(device)  # type: ignore[no-any-return]
    return _NO_CONTEXT


_NO_CONTEXT = contextlib.nullcontext()


def lasting(library: Library) -> contextlib.AbstractContextManager[Any]:
    """Returns a context in which arrays are made that are kept from call to call.

    PyTorch's of an inference mode could not be used in training afterwards.
    """
    if library is TORCH:
        return imported(TORCH.package).inference_mode(False)  # type: ignore[no-any-return]
    return contextlib.nullcontext()


def own(array: Array, library: Library, dtype: Any = None) -> Array:
    """Returns an array that nobody else writes to, of a type that nothing else decides.

    Gradients flow through it.

    Args:
        array: The array.
        library: Whose it is.
        dtype: The type; None for the one that it has.
    """
    if library.traces:
        return library.xp.asarray(array, dtype=dtype or array.dtype)
    return library.xp.astype(array, dtype or array.dtype, copy=True)


def apart(tree: Any, library: Library, *kept: Any) -> Any:
    """Returns a tree of arrays that share no memory with each other, nor with what others keep.

    JAX can then use the memory of each again, where it is donated to a function. Arrays that are
    traced have none, and other libraries do not do that.

    Args:
        tree: The arrays.
        library: Whose they are.
        kept: Arrays that somebody else has.
    """
    if not library.traces:
        return tree
    tracer, seen = imported("jax.core").Tracer, {id(array) for array in kept}

    def leaf(one: Any) -> Any:
        if not is_jax(one) or isinstance(one, tracer):
            return one
        if id(one) in seen:
            one = one.copy()
        seen.add(id(one))
        return one

    return map_leaves(leaf, tree)


def of_type(array: Array, dtype: Any, xp: ModuleType) -> Array:
    """Returns an array as one of another type.

    NumPy's method takes a quarter of the time that its function of the same name does.
    """
    return array.astype(dtype) if xp is np else xp.astype(array, dtype)


def without_gradient(array: Array) -> Array:
    """Returns an array through which no gradient flows; whatever is no array, as it is."""
    if is_jax(array):
        return imported(JAX.package).lax.stop_gradient(array)
    return array.detach() if hasattr(array, "detach") else array


def from_host(table: NDArray[Any] | np.generic, xp: ModuleType) -> Array:
    """Returns a NumPy array that nobody writes to as an array of the namespace.

    Example:
        >>> from_host(np.arange(3), np).tolist()
        [0, 1, 2]
    """
    if xp.__name__ == TORCH.namespace:
        # PyTorch knows no memory that cannot be written to.
        table = np.array(table)
    return xp.asarray(table)


def on_arrays_of(xp: ModuleType, tree: Any) -> Any:
    """Returns a tree with its NumPy arrays as arrays of the namespace.

    Args:
        xp: The namespace.
        tree: Arrays that nobody writes to, and anything else, within tuples and mappings.
    """
    if xp is np:
        return tree

    def converted(leaf: Any) -> Any:
        return from_host(leaf, xp) if isinstance(leaf, np.ndarray | np.generic) else leaf

    return map_leaves(converted, tree)


def picked(array: Array, places: Array, xp: ModuleType) -> Array:
    """Returns the entries at some places of the last axis, which are all within it.

    Example:
        >>> picked(np.arange(5), np.array([3, 0]), np).tolist()
        [3, 0]
    """
    if xp.__name__ == TORCH.namespace:
        if array.dtype == xp.int32 and not _is_mapped():
            # The same bits, which PyTorch moves in a third of the time.
            return array.view(xp.float32).index_select(-1, places).view(xp.int32)
        return array.index_select(-1, places)
    if xp is np:
        # In half the time that it takes for `take`.
        return array[..., places]
    clip = {"mode": "clip"} if xp.__name__ == JAX.namespace else {}
    return xp.take(array, places, axis=-1, **clip)


def with_placed(array: Array, places: Array, values: Array, xp: ModuleType) -> Array | None:
    """Returns an array that is used up with values at some places of its last axis.

    None where it may be needed as it was, and where a library never writes to an array.
    """
    if xp is np:
        array[..., places] = values
        return array
    if xp.__name__ != TORCH.namespace or is_differentiated(array) or is_differentiated(values):
        return None
    return array.index_copy_(-1, places, values)


def running_sum(array: Array, axis: int, xp: ModuleType) -> Array:
    """Returns the sums of whole numbers up to each place of an axis.

    Example:
        >>> running_sum(np.arange(4, dtype=np.int32), -1, np).tolist()
        [0, 1, 3, 6]
    """
    if xp is np:
        return array.cumsum(axis, array.dtype)
    # The array API's own name is younger than the oldest libraries that will do.
    add = getattr(xp, "cumulative_sum", None) or xp.cumsum
    return add(array, axis=axis, dtype=array.dtype)


def zero_where(array: Array, flags: Array, xp: ModuleType) -> Array:
    """Returns an array of real numbers with zeros where flags say so, whatever it holds there.

    Args:
        array: The numbers, `[..., D]`.
        flags: The flags, bool `[...]`.
        xp: The array namespace.

    Example:
        >>> zero_where(np.asarray([[1.0], [np.nan]]), np.asarray([False, True]), np).tolist()
        [[1.0], [0.0]]
    """
    if xp.__name__ == TORCH.namespace and array.numel() and not is_differentiated(array):
        # PyTorch branches where it selects, by flags that no processor can predict. Nothing has to
        # be predicted where bits are cleared: minus one has all of them, and zero none. The wider
        # the pieces, the shorter the axis that the flags are repeated over.
        sizes = array.shape[-1], array.storage_offset()
        wide = array.is_contiguous() and not any(size * array.element_size() % 8 for size in sizes)
        whole = xp.int64 if wide else _whole(array, xp)
        kept = xp.astype(flags, whole) - 1
        return (array.view(whole) & kept[..., None]).view(array.dtype)
    return xp.where(flags[..., None], xp.zeros_like(array), array)


def blended(flags: Array, one: Array | None, other: Array, xp: ModuleType) -> Array:
    """Returns real numbers: those of one array where flags say so, and of the other elsewhere.

    Args:
        flags: int32, 1 and 0, of the arrays' shape.
        one: The one; None for zeros.
        other: The other, of the same type.
        xp: The array namespace.

    Example:
        >>> flags, numbers = np.asarray([1, 0], np.int32), np.asarray([np.nan, 2.0])
        >>> blended(flags, None, numbers, np).tolist()
        [0.0, 2.0]
    """
    arrays = [array for array in (one, other) if array is not None]
    tensors = xp.__name__ == TORCH.namespace
    if xp is np or (tensors and not any(map(is_differentiated, arrays))):
        # As in `zero_where`.
        whole = _whole(other, xp)
        mask, bits = of_type(flags, whole, xp), other.view(whole)
        if one is None:
            return (bits & (mask - 1)).view(other.dtype)
        return (bits ^ ((one.view(whole) ^ bits) & -mask)).view(other.dtype)
    return xp.where(flags != 0, xp.zeros_like(other) if one is None else one, other)


def _whole(array: Array, xp: ModuleType) -> Any:
    """Returns the type of whole numbers that takes as much memory as an array's numbers."""
    return getattr(xp, f"int{8 * array.dtype.itemsize}")


def is_differentiated(tensor: Any) -> bool:
    """Returns whether PyTorch may want a derivative of what is made of a tensor."""
    forward = imported("torch.autograd.forward_ad")
    # Should PyTorch no longer say so, the slower way serves for all. What is mapped over may want
    # one that only the outside knows of.
    return bool(tensor.requires_grad) or _is_mapped() or getattr(forward, "_current_level", 0) >= 0


def _is_mapped() -> bool:
    """Returns whether `torch.func` transforms what runs now."""
    return imported(TORCH.package)._C._functorch.peek_interpreter_stack() is not None


def is_compiled() -> bool:
    """Returns whether `torch.compile` runs what runs now."""
    # Written so that it can itself be compiled.
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.compiler.is_compiling())


def is_run_again() -> bool:
    """Returns whether PyTorch runs what runs now within a backward pass."""
    torch = sys.modules.get("torch")
    if torch is None or is_compiled():
        return False
    return bool(getattr(torch._C, "_current_graph_task_id", lambda: -1)() >= 0)


def may_run_again() -> bool:
    """Returns whether PyTorch may run again, or does, what runs now: activation checkpointing."""
    if is_compiled():
        return False
    hooks = getattr(imported("torch")._C._autograd, "_top_saved_tensors_default_hooks", None)
    return is_run_again() or (hooks is not None and hooks(False) is not None)


def viewed(array: Array, dtype: str, xp: ModuleType) -> Array:
    """Returns an array's memory read as another type of the same size."""
    known = [library.namespace for library in LIBRARIES]
    if xp.__name__ not in known:
        raise ModelError(
            f"The array namespace must be one whose bits can be read, but {xp.__name__} was "
            f"given: use {' or '.join(known)}."
        )
    if xp.__name__ == STRICT.namespace:
        return xp.asarray(np.asarray(array).view(dtype))
    return array.view(getattr(xp, dtype))


def is_jax(value: Any) -> bool:
    """Returns whether something is an array of JAX's."""
    module = sys.modules.get(JAX.package)
    return module is not None and isinstance(value, module.Array)
