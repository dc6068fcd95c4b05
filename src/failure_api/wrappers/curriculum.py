"""Failures that training makes severer from episode to episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from failure_api.core import Chain, Channel
from failure_api.core.parameters.types import SHARE
from failure_api.errors import invalid

KEY = "failure"
"""What the options of a reset call the settings of its episode."""

_ARGUMENT = f"options[{KEY!r}]"


class Curriculum:
    """The failure models as they are in each episode.

    Args:
        chain: The models as they were given.

    Attributes:
        channel: The channel of the episode that begins.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._lasting: dict[str, Any] = {}
        self._now: dict[str, Any] | None = {}
        self.channel = Channel(chain=chain)

    def set_severity(self, severity: float) -> None:
        """Sets the severity of the episodes from the next one on."""
        self._chain.check_setting("severity", _ARGUMENT)
        self._lasting = {"severity": SHARE.normalise("severity", severity)}

    def settle(self, options: dict[str, Any] | None) -> dict[str, Any] | None:
        """Takes the settings of the coming episode out of the options of its reset.

        Args:
            options: As they were given to the reset.

        Returns:
            What is left of them; None where that is nothing.

        Raises:
            InvalidArgumentError: Settings that no model takes.
        """
        given: Any = None
        left = options
        if isinstance(options, Mapping) and KEY in options:
            given = options[KEY]
            left = {key: value for key, value in options.items() if key != KEY} or None
        if given is not None and not isinstance(given, Mapping):
            raise invalid(_ARGUMENT, "must be a mapping", given, "give {'severity': 0.5}")
        for name in given or ():
            self._chain.check_setting(name, _ARGUMENT)
        if given or self._now != self._lasting:
            # What the models refuse, they refuse before anything has changed.
            settings = {**self._lasting, **(given or {})}
            chain = self._chain.with_settings(settings) if settings else self._chain
            # What was given may be arrays, which cannot simply be compared with the next ones.
            self.channel, self._now = Channel(chain=chain), None if given else self._lasting
        return left
