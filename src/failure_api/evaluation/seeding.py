"""Global random numbers, for the environments and policies that draw from them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def seed_globals(seed: int) -> None:
    """Seeds the global random numbers of Python and NumPy, and of PyTorch where it is used.

    Environments and policies should not use them, but some do.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


@contextmanager
def globals_preserved() -> Iterator[None]:
    """Gives the global random numbers of Python and NumPy back as they were."""
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002
