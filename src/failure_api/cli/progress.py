"""What verbs print: lines, tables of numbers and progress bars; and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.table import Column, Table
from rich.text import Text

from failure_api.evaluation.reporting.texts import printable, shortened
from failure_api.evaluation.sweep import Progress as SweepProgress


def print_line(console: Console, text: str) -> None:
    """Prints a text as it is, on one line however narrow the console."""
    console.print(text, soft_wrap=True, highlight=False, markup=False)


def number_columns(*headings: str) -> list[Column]:
    """Returns columns of a table that stand to the right and are never cut."""
    return [Column(heading, justify="right", no_wrap=True) for heading in headings]


_NARROWEST_LABEL = 12
"""The fewest letters of a label that are shown in a row of a table."""


def print_numbers(screen: Console, table: Table) -> None:
    """Prints a table of labels and numbers; where room is short the labels fold.

    No number is ever cut: a table whose numbers alone are wider than the screen is wider, too.

    Args:
        screen: Where to.
        table: The table; what stands in its first column are labels.
    """
    label, *numbers = table.columns
    label.overflow, label.no_wrap, label.min_width = "fold", False, _NARROWEST_LABEL
    for column in numbers:
        texts = [column.header, *column.cells]
        column.min_width = max(cell_len(Text.from_markup(str(text)).plain) for text in texts)
    unbounded = screen.options.update(max_width=sys.maxsize)
    least = Measurement.get(screen, unbounded, table).minimum
    table.width = least if least > screen.width else None
    screen.print(table, crop=False)


def progress_bar(console: Console, *columns: ProgressColumn, quiet: bool = False) -> Progress:
    """Returns a progress bar, for a terminal alone, that leaves nothing behind.

    It is drawn when it is told to: a thread that redraws would run while the clock does.

    Args:
        console: Where to.
        columns: What stands beside the bar.
        quiet: Whether nothing is shown.
    """
    shown = (TextColumn("{task.description}"), BarColumn(), *columns)
    hidden = quiet or not console.is_terminal
    return Progress(*shown, console=console, transient=True, auto_refresh=False, disable=hidden)


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

    def remember(signum: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    # Someone else's handler, ignoring included, is theirs to keep; only the main thread has any.
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    signal.signal(signal.SIGINT, remember)
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


_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_BETWEEN_DRAWINGS = 0.1
_FAILURES_TOLD = 5
"""Failed episodes that are told of one by one; after them they are counted alone."""

LONGEST_REASON = 200
"""Most characters that are shown of what went wrong in an episode."""


@contextmanager
def shown_progress(
    messages: Console, *, quiet: bool, check: Callable[[], None]
) -> Iterator[Callable[[SweepProgress], None]]:
    """Yields a function that shows how far a sweep has come.

    Args:
        messages: Where to.
        quiet: Whether nothing is shown but the errors.
        check: Called each time; raises where the user wants to stop.
    """
    with progress_bar(messages, TextColumn("{task.fields[state]}"), quiet=quiet) as bar:
        task = bar.add_task("episodes", total=None, state="")
        last = -_SECONDS_BETWEEN_LINES

        def show(progress: SweepProgress) -> None:
            nonlocal last
            check()
            if progress.last_error is not None and progress.failed <= _FAILURES_TOLD:
                reason = shortened(printable(progress.last_error), LONGEST_REASON)
                print_line(messages, f"An episode failed: {reason}")
            is_last = progress.done == progress.total
            if messages.is_terminal:
                if is_last or progress.seconds - last >= _SECONDS_BETWEEN_DRAWINGS:
                    last = progress.seconds
                    state = state_of(progress)
                    bar.update(task, completed=progress.done, total=progress.total, state=state)
                    bar.refresh()
            elif not quiet and (is_last or progress.seconds - last >= _SECONDS_BETWEEN_LINES):
                last = progress.seconds
                print_line(messages, state_of(progress))

        yield show


def state_of(progress: SweepProgress) -> str:
    """Returns how far a sweep has come, in words.

    Example:
        >>> state_of(SweepProgress(1200, 300, 0, 200, 4.0))
        '300 of 1,200 episodes, 50 a second, 18 s left'
        >>> state_of(SweepProgress(1200, 1200, 2, 0, 0.0))
        '1,200 of 1,200 episodes, 2 failed'
    """
    parts = [f"{progress.done:,} of {progress.total:,} episodes"]
    if progress.rate:
        parts.append(f"{progress.rate:,.{0 if progress.rate >= 10 else 1}f} a second")
        if progress.done < progress.total:
            left = (progress.total - progress.done) / progress.rate
            parts.append(f"{duration_text(left)} left")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    return ", ".join(parts)


def duration_text(seconds: float) -> str:
    """Returns a duration in words.

    Example:
        >>> duration_text(42), duration_text(400), duration_text(9000)
        ('42 s', '6 min 40 s', '2 h 30 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
