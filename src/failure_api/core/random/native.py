"""Random streams that draw as an array library itself does."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Self

import numpy as np

from failure_api.core.arrays.libraries import JAX, TORCH, Library, imported, is_jax
from failure_api.core.links import Array
from failure_api.core.random.numpy_stream import NumpyStream
from failure_api.core.random.stream import RandomStream, name_key, seed_key
from failure_api.core.random.threefry import Words, folded
from failure_api.errors import invalid


class TorchStream(RandomStream):
    """A stream of one of PyTorch's generators, on the device of the data.

    Args:
        seed: Any non-negative integer.
        device: Where draws are made.
        path: Where this stream stands among its seed's streams.
    """

    def __init__(self, seed: int, device: Any, path: tuple[int, ...] = ()) -> None:
        super().__init__()
        self._seed, self._device, self._path = seed, device, path
        state = np.random.SeedSequence(seed, spawn_key=path).generate_state(1, np.uint64)
        generator = imported(TORCH.package).Generator(device=device)
        self._generator = generator.manual_seed(int(state[0] >> np.uint64(1)))

    @property
    def xp(self) -> ModuleType:  # type: ignore[override]
        """The array namespace that draws are returned in."""
        return TORCH.xp

    def new(self, name: str, occurrence: int = 0) -> Self:
        """Returns the stream of that name from its beginning."""
        return type(self)(self._seed, self._device, (*self._path, *name_key(name), occurrence))

    def key(self) -> Words:
        """Returns two words that stand for the stream."""
        return seed_key(self._seed, self._path, self.xp)

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Returns float32 draws from [0, 1), in steps of 2**-24."""
        xp = self.xp
        empty = xp.empty(shape, dtype=xp.float32, device=self._device)
        return empty.uniform_(generator=self._generator)


def key_for(key: Words, data: Words, xp: ModuleType) -> Words:
    """Returns the portable key for some data under each key, as `threefry.folded` does."""
    if xp.__name__ != JAX.namespace:
        return folded(key, data)
    # XLA computes again whatever it fuses into each of its uses. Draws gain by that, and keys,
    # which are used by many draws, lose: JAX's own Threefry-2x32 is never fused.
    function = imported("jax.extend").random.threefry_2x32
    words = (xp.asarray(word, dtype=xp.int32).view("uint32") for word in (*key, *data))
    words = xp.broadcast_arrays(*words)
    for _ in range(words[0].ndim):
        function = imported(JAX.package).vmap(function)
    found = function(*(xp.stack(pair, axis=-1) for pair in (words[:2], words[2:]))).view("int32")
    return found[..., 0], found[..., 1]


def native_stream(random: Any, library: Library, device: Any) -> RandomStream:
    """Returns a stream that draws as a library does.

    Args:
        random: A seed, or a `torch.Generator`.
        library: The library.
        device: Where the draws are needed.

    Raises:
        InvalidArgumentError: `random` does not suit the library.
    """
    torch = sys.modules.get(TORCH.package) if library is TORCH else None
    if torch is not None and isinstance(random, torch.Generator):
        random = int(torch.randint(2**62, (), generator=random, device=random.device))
    if not isinstance(random, int):
        kinds = "a seed or a torch.Generator" if torch else f"a seed with {library.package}"
        remedy = 'give an integer such as 0, or streams="portable" where each element has its own'
        raise invalid("random", f"must be {kinds}", random, remedy)
    return TorchStream(random, device) if torch else NumpyStream(random, xp=library.xp)


def key_words(key: Any, batch: tuple[int, ...], library: Library) -> Words | None:
    """Returns the two words of a library's key, or of one an element; None for what is neither."""
    if library is not JAX or not is_jax(key):
        return None
    jax, words = imported(JAX.package), key
    typed = jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key)
    if typed and key.shape in ((), batch):
        words = jax.random.key_data(key)
    count = words.shape[-1] if words.ndim else 0
    if words.dtype != "uint32" or count not in (2, 4) or words.shape[:-1] not in ((), batch):
        return None
    words = words.view("int32")
    first = words[..., 0], words[..., 1]
    # A key of the kind "rbg" has four words. Its own draws would depend on its place in a batch.
    return first if count == 2 else key_for(first, (words[..., 2], words[..., 3]), library.xp)
