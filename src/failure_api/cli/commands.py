"""Two habits that every verb shares: lists after one flag, and errors of one sentence."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from failure_api.errors import FailureApiError

INTERRUPTED = 130


class ManyValuesCommand(TyperCommand):
    """A command whose list options take their values after one flag: `--agents 3 10 25`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments, with the flag of a list option repeated for each of its values."""
        lists = {
            flag
            for parameter in self.params
            if getattr(parameter, "multiple", False)
            for flag in parameter.opts
        }
        return super().parse_args(ctx, repeat_flags(args, lists))


class PlainErrorsGroup(TyperGroup):
    """A group that says what a user did wrong in one sentence, without frame or traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the command; status 2 is a wrong argument, 130 an interruption."""

        def run() -> Any:
            return super(PlainErrorsGroup, self).main(
                args, prog_name, complete_var, False, windows_expand_args, **extra
            )

        if not standalone_mode:
            return run()
        try:
            outcome = run()
        except FailureApiError as error:
            _refuse(str(error))
        except (KeyboardInterrupt, typer.Abort):
            sys.exit(INTERRUPTED)
        except Exception as error:
            # Typer's own errors, whose common class has moved between its versions.
            if not hasattr(error, "format_message"):
                raise
            _refuse(error.format_message())
        # A verb returns what it found; only a requested exit is a number.
        sys.exit(outcome if isinstance(outcome, int) else 0)


def repeat_flags(arguments: Iterable[str], flags: Collection[str]) -> list[str]:
    """Repeats a flag before each of the values that follow it.

    Args:
        arguments: The arguments of a command.
        flags: The flags that take any number of values.

    Returns:
        The same arguments with one flag for each value.

    Example:
        >>> repeat_flags(["--agents", "3", "10", "--profile"], {"--agents"})
        ['--agents', '3', '--agents', '10', '--profile']
    """
    repeated: list[str] = []
    current: str | None = None
    is_value = False
    for argument in arguments:
        if argument.startswith("--") or (argument.startswith("-") and not _is_number(argument)):
            flag = argument.partition("=")[0]
            current = flag if flag in flags else None
            is_value = current == argument
        elif current is not None and not is_value:
            repeated.append(current)
        else:
            is_value = False
        repeated.append(argument)
    return repeated


def _is_number(argument: str) -> bool:
    try:
        float(argument)
    except ValueError:
        return False
    return True


def _refuse(sentence: str) -> None:
    if sentence:
        print(sentence, file=sys.stderr)
    sys.exit(2)
