"""Ctrl-C that cannot get lost."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def remembered_interruption() -> Iterator[Callable[[], None]]:
    """Raises `KeyboardInterrupt` on Ctrl-C, and again when asked later.

    Python drops an exception that arises inside the callback of a weak reference or in `__del__`.
    A long measurement spends much of its time in those, so one Ctrl-C in a few would do nothing.

    Yields:
        A function that raises `KeyboardInterrupt` if Ctrl-C has been pressed.

    Example:
        >>> with remembered_interruption() as check:
        ...     check()
    """
    pressed = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    # Someone else's handler, ignoring included, is theirs to keep.
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    try:
        signal.signal(signal.SIGINT, remember)
    except ValueError:
        # Only the main thread hears signals.
        yield check
        return
    report_dropped = sys.unraisablehook

    def report_other(dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            report_dropped(dropped)

    sys.unraisablehook = report_other
    try:
        yield check
    finally:
        sys.unraisablehook = report_dropped
        signal.signal(signal.SIGINT, signal.default_int_handler)
