"""Range: a link reaches as far as it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.parameters.types import Distance, Probability


@dataclass(frozen=True, kw_only=True)
class DistanceModel(CommunicationModel):
    r"""A link works up to a distance, and fails at random within it.

    At distance $d$ a message is lost beyond the threshold $R$. Within it the capacity is nominal
    (`falloff="none"`) or $1 - d / R$ (`falloff="linear"`). For agents placed uniformly in a unit
    square, a link is in range with probability
    $\pi R^2 - \tfrac{8}{3} R^3 + \tfrac{1}{2} R^4$ for $R \le 1$.

    Args:
        distance_threshold: The range, inclusive, in the environment's units: a number, an
            `[N, N]` array indexed `[sender, receiver]`, or `{(sender, receiver): distance}`.
        falloff: How capacity falls within the range: `"none"` keeps it, `"linear"` takes it to
            0 at the threshold.
        failure_prob: Probability that a link in range is down in a round, in the same forms.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A range of 0 or less, a probability outside of [0, 1].

    Example:
        >>> DistanceModel(distance_threshold=0.5)
        DistanceModel(agent_ids=None, distance_threshold=0.5, falloff='none', failure_prob=0.0)

    Source: ns-3 `RangePropagationLossModel`; the unit-disk graph of Clark, Colbourn and Johnson
    (1990).
    """

    EXAMPLE: ClassVar = {"distance_threshold": 1.0}

    distance_threshold: Distance
    falloff: Literal["none", "linear"] = "none"
    failure_prob: Probability = 0.0

    @property
    def traits(self) -> Traits:
        """Loss on the air, and capacity where it falls off gradually."""
        narrows = self.falloff != "none"
        stages = {Stage.SERVED, Stage.ON_AIR} if narrows else {Stage.ON_AIR}
        return Traits(stages=stages, narrows=narrows, positions=True)

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the links limited by the agents' distances."""
        xp, threshold = context.xp, parameters["distance_threshold"]
        squared = squared_distances(context.positions, xp)
        beyond = ~(squared <= threshold * threshold)
        if context.asks(Stage.ON_AIR):
            down = random.bernoulli(parameters["failure_prob"], context.shape)
            links = links.lose(beyond | down)
        if self.falloff == "linear" and context.asks(Stage.SERVED):
            # Where nothing is reached there is no capacity to speak of.
            left = xp.maximum(1.0 - xp.sqrt(squared) / threshold, 0.0)
            links = links.narrow(xp.where(beyond, xp.full_like(left, xp.inf), left), xp)
        return state, links


def squared_distances(positions: Array, xp: Any) -> Array:
    """Returns the squared distance of every pair, `[..., N, N]`, from positions `[..., N, dim]`.

    Example:
        >>> import numpy as np
        >>> squared_distances(np.asarray([[0.0, 0.0], [3.0, 4.0]]), np).tolist()
        [[0.0, 25.0], [25.0, 0.0]]
    """
    # One axis at a time needs no [..., N, N, dim] array, which is several times slower.
    total = None
    for axis in range(positions.shape[-1]):
        coordinate = positions[..., axis]
        difference = coordinate[..., :, None] - coordinate[..., None, :]
        square = difference * difference
        total = square if total is None else total + square
    return total
