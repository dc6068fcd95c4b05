"""Loss in bursts with good spells inside, and single losses beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from failure_api.communication_models.gilbert_elliott import Recovery, entries
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.model import closed_form
from failure_api.core.parameters.types import SMALLEST, Probability
from failure_api.errors import invalid

_PROBABILITIES = ("p13", "p31", "p32", "p23", "p14")
_NEUTRAL = (0.0, 1.0, 0.0, 1.0, 0.0)


class FourStateState(NamedTuple):
    """Where each link is, bool `[..., N, N]` each; those that are nowhere else are in state 1.

    Attributes:
        received: Which links are in state 2.
        lost: Which are in state 3.
        alone: Which are in state 4.
    """

    received: Array
    lost: Array
    alone: Array


@dataclass(frozen=True, kw_only=True)
class FourStateModel(CommunicationModel):
    r"""Every link is a chain of four states, two of which lose what is sent.

    State 1 is good reception, 2 reception within a burst, 3 loss within a burst, 4 a loss by
    itself, which is always followed by state 1. In each round the link first moves on with the
    probabilities $p_{ij}$ from state $i$ to $j$, then its new state decides:

    $$\pi_1 = \frac{1}{1 + p_{14} + (p_{13} / p_{31})(1 + p_{32} / p_{23})}, \quad
    \pi_3 = \pi_1 \frac{p_{13}}{p_{31}}, \quad \pi_2 = \pi_3 \frac{p_{32}}{p_{23}}, \quad
    \pi_4 = \pi_1 p_{14}.$$

    The loss is $\pi_3 + \pi_4$, the mean burst length the loss over
    $\pi_1 p_{13} + \pi_2 p_{23} + \pi_1 p_{14}$, and the mean age of information
    $\pi L (I - P L)^{-1} \mathbf{1} = \pi_3 / (p_{31} + p_{32}) + \pi_4$. Its bursts are those of
    `GilbertElliottModel(p=p13, r=p31)` where `p32` and `p14` are 0.

    Args:
        p13: Probability that a burst begins: a number, an `[N, N]` array indexed
            `[sender, receiver]`, or `{(sender, receiver): probability}`; 0 for links that a
            mapping does not name.
        p31: Probability that a burst ends after a loss, in the same forms; 1 for links that a
            mapping does not name. None takes `1 - p13`.
        p32: Probability that reception resumes within the burst after a loss; 0 for links that a
            mapping does not name.
        p23: Probability that such a spell ends with a loss; 1 for links that a mapping does not
            name.
        p14: Probability of a loss by itself; 0 for links that a mapping does not name.
        start: In which state links are before round 0: `"stationary"` draws it from the shares of
            time, `"good"` has all of them in state 1.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A probability outside of [0, 1], or `p13 + p14` or `p31 + p32` above
            1.

    Example:
        >>> model = FourStateModel(p13=0.1, p31=0.4, p32=0.2, p23=0.5)
        >>> round(model.expected_loss(), 6), round(model.expected_burst_length(), 6)
        (0.185185, 1.666667)
        >>> FourStateModel(p13=0.2).expected_loss()
        0.2

    Source: Salsano, Ludovici, Ordine and Giannuzzi (2012), "Definition of a general and intuitive
    loss model for packet networks and its implementation in the Netem module in the Linux
    kernel"; tc-netem(8), option `loss state`, which starts in state 1.
    """

    EXAMPLE: ClassVar = {"p13": 0.03, "p31": 0.1, "p32": 0.15, "p23": 0.4, "p14": 0.02}

    p13: Probability
    p31: Recovery | None = None
    p32: Probability = 0.0
    p23: Recovery = 1.0
    p14: Probability = 0.0
    start: Literal["stationary", "good"] = "stationary"

    def __post_init__(self) -> None:
        """Checks the fields, and that no row of probabilities sums to more than 1."""
        super().__post_init__()
        self._check_row("p13 + p14", lambda p13, p31, p32, p23, p14: p13 + p14)
        end = "p31 + p32" if self.p31 is not None else "p31 + p32, with p31 = 1 - p13,"
        self._check_row(end, lambda p13, p31, p32, p23, p14: p31 + p32)

    def _check_row(self, name: str, row: Callable[..., Any]) -> None:
        sums = self._closed(row)
        if sums is None:
            declared = tuple(getattr(self, name) for name in _PROBABILITIES)
            argument, rule = "p13, p31, p32, p23 and p14", "must not be mappings and arrays at once"
            raise invalid(argument, rule, declared, "give all of them in the same form")
        # What a mapping leaves to others holds for links that no mapping names.
        elsewhere = [
            value if isinstance(value, float) else neutral
            for value, neutral in zip(self._values, _NEUTRAL, strict=True)
        ]
        unnamed = [row(*elsewhere)] if isinstance(sums, dict) else []
        largest = max((*entries(sums), *unnamed), default=0.0)
        if largest > 1.0 + 1e-9:
            raise invalid(name, "must be at most 1", largest, "lower one of the two")

    @property
    def traits(self) -> Traits:
        """Loss by chance."""
        return Traits(stages={Stage.ADMITTED}, steady=True)

    def derive(self, parameters: Any) -> Any:
        """Returns the parameters with the limits of a draw between which a link goes where."""
        p13, p31 = parameters["p13"], parameters["p31"]
        p31 = 1.0 - p13 if p31 is None else p31
        return {
            **parameters,
            "p31": p31,
            "stays": 1.0 - p31 - parameters["p32"],
            "in_burst": 1.0 - p31,
            "to_alone": p13 + parameters["p14"],
        }

    def init(self, parameters: Any, context: Context, random: RandomStream) -> FourStateState:
        """Returns the state of each link before round 0."""
        xp = context.xp
        p13, p31, p32, p23, p14 = (parameters[name] for name in _PROBABILITIES)
        _, received, lost, alone = _shares(p13, p31, p32, p23, p14, xp)
        draw = random.uniform(context.shape)
        if self.start == "good":
            draw = xp.ones_like(draw)
        burst, bad = lost + received, lost + received + alone
        return FourStateState(
            received=(draw >= lost) & (draw < burst),
            lost=draw < lost,
            alone=(draw >= burst) & (draw < bad),
        )

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[FourStateState, Links]:
        """Returns the states that the links move on to, and the links as those leave them."""
        received, lost, alone = state
        good = ~(received | lost | alone)
        draw = random.uniform(context.shape)
        begins, resumes = draw < parameters["p13"], draw < parameters["p23"]
        remains = draw < parameters["stays"]
        following = FourStateState(
            received=(received & ~resumes) | (lost & ~remains & (draw < parameters["in_burst"])),
            lost=(good & begins) | (received & resumes) | (lost & remains),
            alone=good & ~begins & (draw < parameters["to_alone"]),
        )
        return following, links.lose(following.lost | following.alone)

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links as in the first attempt: the state that decides is the same."""
        return links.lose(following.lost | following.alone)

    def expected_loss(self) -> Any:
        """Returns the share of time in the states 3 and 4."""
        return self._closed(_loss)

    def expected_burst_length(self) -> Any:
        """Returns the loss over the rate at which bursts begin; NaN where nothing is lost."""

        def length(p13: Any, p31: Any, p32: Any, p23: Any, p14: Any) -> Any:
            good, received, _, _ = _shares(p13, p31, p32, p23, p14, np)
            return _loss(p13, p31, p32, p23, p14) / (good * (p13 + p14) + received * p23)

        return self._closed(length)

    def expected_age(self) -> Any:
        """Returns `pi_3 / (p31 + p32) + pi_4`."""

        def age(p13: Any, p31: Any, p32: Any, p23: Any, p14: Any) -> Any:
            _, _, lost, alone = _shares(p13, p31, p32, p23, p14, np)
            return np.where(lost > 0, lost / (p31 + p32), 0.0) + alone

        return self._closed(age)

    @property
    def _values(self) -> list[Any]:
        p31 = self.p31
        if p31 is None:
            p31 = closed_form(lambda p: 1.0 - p, [self.p13], [0.0])
        return [self.p13, p31, self.p32, self.p23, self.p14]

    def _closed(self, function: Callable[..., Any]) -> Any:
        return closed_form(function, self._values, _NEUTRAL)


def _shares(p13: Any, p31: Any, p32: Any, p23: Any, p14: Any, xp: Any) -> tuple[Any, ...]:
    """Returns the shares of time in the states 1 to 4, for links that start in state 1.

    Without quotients of the parameters, so that a burst may also never end. What cannot be reached
    has no say: without bursts `p31` counts as 1, and `p23` as 1 without spells of reception.
    """
    no_burst = xp.astype(xp.asarray(p13 == 0), p13.dtype)
    p31 = xp.maximum(p31, no_burst)
    p23 = xp.maximum(p23, xp.maximum(no_burst, xp.astype(xp.asarray(p32 == 0), p32.dtype)))
    weights = p31 * p23, p13 * p32, p13 * p23, p14 * p31 * p23
    total = xp.maximum(weights[0] + weights[1] + weights[2] + weights[3], SMALLEST)
    return tuple(weight / total for weight in weights)


def _loss(p13: Any, p31: Any, p32: Any, p23: Any, p14: Any) -> Any:
    _, _, lost, alone = _shares(p13, p31, p32, p23, p14, np)
    return lost + alone
