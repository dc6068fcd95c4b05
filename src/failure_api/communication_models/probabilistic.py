"""Independent loss: the simplest way in which a link fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from failure_api.core import CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.parameters.types import Bandwidth, Probability


@dataclass(frozen=True, kw_only=True)
class ProbabilisticModel(CommunicationModel):
    r"""Every link is down in every round with the same probability, independently.

    With loss $p$ and nominal bandwidth, losses come in bursts of mean length $1 / (1 - p)$ and
    the mean age of information is $p / (1 - p)$ rounds. A `max_bandwidth` $b < 1$ also makes the
    loss $1 - (1 - p) b$.

    Args:
        failure_prob: Probability that a link is down in a round: a number, an `[N, N]` array
            indexed `[sender, receiver]`, or `{(sender, receiver): probability}`.
        max_bandwidth: Most messages per round that a link carries while it is up, in the same
            forms; 1, which is nominal, or more limits nothing.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A probability outside of [0, 1], or a bandwidth that is negative or
            not finite.

    Example:
        >>> model = ProbabilisticModel(failure_prob=0.2)
        >>> model
        ProbabilisticModel(agent_ids=None, failure_prob=0.2, max_bandwidth=1.0)
        >>> model.expected_loss(), model.expected_burst_length(), model.expected_age()
        (0.2, 1.25, 0.25)

    Source: Bernoulli trials; tc-netem(8), option `loss random`.
    """

    EXAMPLE: ClassVar = {"failure_prob": 0.2}

    failure_prob: Probability
    max_bandwidth: Bandwidth = 1.0

    @property
    def traits(self) -> Traits:
        """Loss by chance, and a capacity where there is one."""
        narrows = self.max_bandwidth != 1.0
        stages = {Stage.ADMITTED, Stage.SERVED} if narrows else {Stage.ADMITTED}
        return Traits(stages=stages, narrows=narrows, steady=True)

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links with what is sent over those that are down lost."""
        if context.asks(Stage.ADMITTED, Stage.ON_AIR):
            links = links.lose(random.bernoulli(parameters["failure_prob"], context.shape))
        if self.max_bandwidth != 1.0 and context.asks(Stage.SERVED):
            xp, limit = context.xp, parameters["max_bandwidth"]
            # What is nominal limits nothing, not even a link that may carry more than that.
            limit = xp.where(limit < 1.0, limit, xp.full_like(limit, xp.inf))
            links = links.narrow(xp.broadcast_to(limit, context.shape), xp)
        return state, links

    def expected_loss(self) -> Any:
        """Returns `1 - (1 - p) min(b, 1)`."""
        return self.closed_form(
            lambda p, b: p + (1.0 - p) * (1.0 - b.clip(max=1.0)), "failure_prob", "max_bandwidth"
        )

    def expected_burst_length(self) -> Any:
        """Returns `1 / (1 - p)`; None where `max_bandwidth` loses messages too."""
        return self._of_loss(lambda p: 1.0 / (1.0 - p))

    def expected_age(self) -> Any:
        """Returns `p / (1 - p)`; None where `max_bandwidth` loses messages too."""
        return self._of_loss(lambda p: p / (1.0 - p))

    def memoryless_loss(self) -> Any:
        """Returns `p`; None where `max_bandwidth` loses messages too."""
        return self._of_loss(lambda p: p)

    def age_distribution(self, longest: int) -> Any:
        r"""Returns $P(A = a) = (1 - p)\, p^a$ for ages from 0 on.

        Args:
            longest: The longest age, in rounds.

        Returns:
            An array `[longest + 1]`, or with arrays of probabilities `[N, N, longest + 1]`, or
            `{(sender, receiver): array}`; None where `max_bandwidth` loses messages too.
        """
        ages = np.arange(WholeNumber(0, "rounds").normalise("longest", longest) + 1)
        return self._of_loss(lambda p: (1.0 - p[..., None]) * p[..., None] ** ages)

    def _of_loss(self, function: Callable[[Any], Any]) -> Any:
        """Returns a function of `failure_prob`; None where `max_bandwidth` loses messages too."""
        return None if self.max_bandwidth != 1.0 else self.closed_form(function, "failure_prob")

    def peak_age_distribution(self, longest: int) -> Any:
        """Returns the probabilities of the age in the last round before a message arrives.

        As many losses follow an arrival as follow any other round, so that they are those of the
        age itself.

        Args:
            longest: The longest age, in rounds.
        """
        return self.age_distribution(longest)
