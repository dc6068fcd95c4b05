"""What agents say, kept until the round in which it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Outbox:
    """Keeps what each agent said last, and what was sent in the present round and the one before.

    Whoever is bound to an environment's exchange reads the same outbox, so that what perfect
    links would have brought is worked out from the same messages.

    Example:
        >>> outbox = Outbox()
        >>> outbox.sent(0)
        {}
        >>> outbox.say("a", 3)
        >>> outbox.sent(0), outbox.sent(1), outbox.sent(2)
        ({}, {'a': 3}, {'a': 3})
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Forgets everything that was said."""
        self._said: dict[Any, Any] = {}
        self._sent: dict[int, Mapping[Any, Any]] = {}

    def say(self, agent: Any, message: Any) -> None:
        """Takes what an agent says, which is sent in every round until it says something else."""
        self._said[agent] = message

    def sent(self, number: int) -> Mapping[Any, Any]:
        """Returns what is sent in a round, by agent; who has not said anything yet is absent.

        Args:
            number: The round; who asks first for it asks while it goes on.
        """
        if number not in self._sent:
            self._sent = {past: sent for past, sent in self._sent.items() if past >= number - 1}
            self._sent[number] = dict(self._said)
        return self._sent[number]
