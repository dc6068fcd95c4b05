"""Failures that come and go: another model at certain times, and to a certain degree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from failure_api.communication_models.delay import DelayBasedModel
from failure_api.communication_models.four_state import FourStateModel
from failure_api.communication_models.gilbert_elliott import GilbertElliottModel
from failure_api.communication_models.matrix import MatrixModel
from failure_api.communication_models.nested import NestedModel
from failure_api.communication_models.probabilistic import ProbabilisticModel
from failure_api.core.closed_forms import closed_form
from failure_api.core.kinds import SHARE, Period, Probability, Rounds
from failure_api.core.links import Array, Context, Links
from failure_api.core.model import CommunicationModel
from failure_api.core.random import RandomStream
from failure_api.errors import invalid

_STEADY = (ProbabilisticModel, GilbertElliottModel, FourStateModel, DelayBasedModel)


class ScheduledState(NamedTuple):
    """The other model's state, and the severity of each link.

    Attributes:
        inner: The state of the chain that holds the other model.
        severity: The parameter, as an array.
    """

    inner: Any
    severity: Array


@dataclass(frozen=True, kw_only=True)
class ScheduledModel(NestedModel):
    r"""Another model acts in a window of time, and there on a share of link rounds.

    With $\tau = t$, or $\tau = t \bmod \text{period}$, the other model acts while
    $\text{start} \le \tau < \text{stop}$, on each link in each round with probability

    $$s(\tau) = \text{severity} \cdot \min\{1, (\tau - \text{start}) / \text{ramp}\},$$

    independently, and on all of them where severity is 1 and there is no ramp. A loss $p$
    becomes $p \, s$. The other model's state goes on in all rounds, so a burst may begin before
    the window does. A message that is lost at some
    severity is lost at a greater one too, where nothing delays it.

    Args:
        model: The other model; a `Chain`, or one like this, too.
        start: First round of the window.
        stop: First round after it; None lets it last to the end of the episode, or of the period.
        period: Number of rounds after which the window comes again; None has one window.
        ramp: Rounds from the start of the window over which severity rises from 0; 0 for none.
        severity: Share of link rounds on which the other model acts: a number, an `[N, N]` array
            indexed `[sender, receiver]`, or `{(sender, receiver): share}`, 0 for links that a
            mapping does not name. In an episode with a severity of its own, as a curriculum sets
            it, it is that share of this one.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A window that is empty or longer than its period, or a severity
            outside of [0, 1].

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> outage = ProbabilisticModel(failure_prob=1.0)
        >>> ScheduledModel(model=outage, start=90, period=100).expected_loss()
        0.1
        >>> ScheduledModel(model=outage, severity=0.25).expected_loss()
        0.25

    Source: windows and severities of fault injection, as in Chaos Mesh and Toxiproxy
    (`toxicity`); here the share is drawn anew in each round.
    """

    start: Rounds = 0
    stop: Rounds | None = None
    period: Period | None = None
    ramp: Rounds = 0
    severity: Probability = 1.0

    def __post_init__(self) -> None:
        """Checks the fields, and that there is a window."""
        super().__post_init__()
        remedy = "give a window within the period" if self.period else "give a later round"
        if self.period is not None and self.start >= self.period:
            raise invalid("start", f"must be less than period={self.period}", self.start, remedy)
        if self.stop is None:
            return
        if self.stop <= self.start:
            raise invalid("stop", f"must be greater than start={self.start}", self.stop, remedy)
        if self.period is not None and self.stop > self.period:
            raise invalid("stop", f"must be at most period={self.period}", self.stop, remedy)

    @property
    def settings(self) -> tuple[str, ...]:
        """`severity`, a share in [0, 1] of the severity that was given, and those of the model."""
        return tuple(dict.fromkeys(("severity", *super().settings)))

    def with_settings(self, settings: Mapping[str, Any]) -> ScheduledModel:
        """Returns the model with that share of its severity.

        The severity is taken here and not by the other model, which takes the other settings.
        """
        share = SHARE.normalise("severity", settings.get("severity", 1.0))
        if isinstance(self.severity, Mapping):
            given: Any = {pair: share * value for pair, value in self.severity.items()}
        else:
            given = share * np.asarray(self.severity)
        others = {name: value for name, value in settings.items() if name != "severity"}
        return replace(super().with_settings(others), severity=given)

    def init(self, context: Context, random: RandomStream) -> ScheduledState:
        """Returns the other model's state, and the severity of each link."""
        return ScheduledState(self.inner.init(context, random), self.per_link("severity", context))

    def step(
        self, state: ScheduledState, links: Links, context: Context, random: RandomStream
    ) -> tuple[ScheduledState, Links]:
        """Returns the links as the other model leaves them where it acts in this round."""
        inner, worse = self.inner.step(state.inner, links, context, random)
        acts = self._acts(state.severity, context, random)
        return state._replace(inner=inner), _mixed(acts, worse, links, context.xp)

    def _acts(self, severity: Array, context: Context, random: RandomStream) -> Array:
        """Returns where the other model acts, bool, `[..., 1, 1]` or `[..., N, N]`."""
        xp = context.xp
        time = context.round_over(2)
        if self.period is not None:
            time = time % self.period
        inside = time >= self.start
        if self.stop is not None:
            inside = inside & (time < self.stop)
        if self.severity == 1.0 and not self.ramp:
            # Nothing else is drawn from this stream: the other model has one below it.
            return inside
        level = severity * xp.astype(inside, xp.float32)
        if self.ramp:
            risen = xp.astype(time - self.start, xp.float32) / self.ramp
            level = level * xp.minimum(risen, 1.0)
        return random.bernoulli(level, context.shape)

    def expected_loss(self) -> Any:
        """Returns the other model's loss times the mean severity over a period.

        None where there is one window that ends, where messages queue, and for a periodic window
        where the other model is not known to lose alike in every round.
        """
        if self.stop is not None and self.period is None:
            return None
        if self.queue is not None or not (self.period is None or _loses_steadily(self.model)):
            return None
        inner = self.model.expected_loss()
        if inner is None:
            return None
        share, severity = self._mean_share(), self.severity
        if isinstance(inner, Mapping) and isinstance(severity, Mapping):
            severity = {pair: value for pair, value in severity.items() if pair in inner}
        return closed_form(lambda loss, s: loss * s * share, [inner, severity], [0.0, 0.0])

    def _mean_share(self) -> float:
        """Returns the mean of severity over a period, as a share of the greatest."""
        if self.period is None:
            return 1.0
        length = (self.period if self.stop is None else self.stop) - self.start
        rising = min(length, self.ramp)
        area = length - rising + (rising * (rising - 1) / (2 * self.ramp) if rising else 0.0)
        return area / self.period


def _loses_steadily(model: CommunicationModel) -> bool:
    """Returns whether a model is known to lose alike in every round, whatever its number.

    One that goes by the round might always fail, or never, while the window is open.
    """
    if isinstance(model, MatrixModel):
        return model.at_end == "hold" or np.shape(model.matrix)[:-2] in ((), (1,))
    return isinstance(model, _STEADY)


def _mixed(acts: Array, worse: Links, links: Links, xp: Any) -> Links:
    """Returns `worse` where the other model acts, and `links` elsewhere.

    Products of masks, because `where` is twenty times slower on masks that are random.
    """
    fields: dict[str, Any] = {}
    for name, new, old in zip(Links._fields, worse, links, strict=True):
        if new is None:
            fields[name] = old
            continue
        if name == "in_order":
            fields[name] = new & acts if old is None else (new & acts) | (old & ~acts)
            continue
        on = xp.astype(acts, new.dtype)
        fields[name] = new * on if old is None else new * on + old * (1 - on)
    return Links(**fields)
