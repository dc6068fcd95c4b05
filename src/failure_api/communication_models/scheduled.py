"""Failures that come and go: another model at certain times, and to a certain degree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from failure_api.communication_models.nested import NestedModel
from failure_api.core import Array, Context, Links, RandomStream, Traits
from failure_api.core.links import mixed
from failure_api.core.model import closed_form
from failure_api.core.parameters.types import SHARE, Period, Probability, Rounds
from failure_api.errors import invalid


class ScheduledState(NamedTuple):
    """The other model's state, and where it acts.

    Attributes:
        inner: The state of the chain that holds the other model.
        acts: Where it acted in the last round, bool `[..., N, N]`; () where the round's number
            alone says so.
    """

    inner: Any
    acts: Any


def window(
    context: Context, start: int, stop: int | None, period: int | None
) -> tuple[Array, Array]:
    """Returns the time within the period, and whether it lies in a window, both `[..., 1, 1]`.

    Args:
        context: Says which round it is.
        start: First round of the window.
        stop: First round after it; None for no end.
        period: Number of rounds after which the window comes again; None for one window.
    """
    time = context.round_over(2)
    if period is not None:
        time = time % period
    inside = time >= start
    return time, inside if stop is None else inside & (time < stop)


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

    EXAMPLE: ClassVar = {
        "of": {"model": "probabilistic", "failure_prob": 0.8},
        "start": 30,
        "period": 100,
        "ramp": 60,
    }

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
        severity = closed_form(lambda declared: share * declared, [self.severity], [0.0])
        others = {name: value for name, value in settings.items() if name != "severity"}
        return replace(super().with_settings(others), severity=severity)

    @cached_property
    def _partial(self) -> bool:
        """Whether the other model acts on a share of link rounds, whoever grades it."""
        return self.ramp > 0 or not (isinstance(self.severity, float) and self.severity == 1.0)

    def _drawn(self, context: Context) -> bool:
        """Returns whether it is drawn where the other model acts."""
        return self._partial or context.severity is not None

    @cached_property
    def traits(self) -> Traits:
        """Those of the other model, which outside of its window loses nothing."""
        windowed = self.period is not None or self.start or self.stop or self.ramp
        return replace(self.inner.traits, steady=self.inner.traits.steady and not windowed)

    def prepare(self, context: Context) -> Any:
        """Returns the severity, and what the other model looks up."""
        return {**super().prepare(context), "inner": self.inner.prepare(context)}

    def init(self, parameters: Any, context: Context, random: RandomStream) -> ScheduledState:
        """Returns the other model's state."""
        drawn = self._drawn(context)
        acts = context.xp.zeros(context.shape, dtype=context.xp.bool) if drawn else ()
        inner = self.inner.init(parameters["inner"], context.ungraded(), random)
        return ScheduledState(inner, acts)

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[ScheduledState, Links]:
        """Returns the links as the other model leaves them where it acts in this round."""
        known, ungraded = parameters["inner"], context.ungraded()
        inner, worse = self.inner.step(known, state.inner, links, ungraded, random)
        acts, drawn = state.acts, self._drawn(context)
        if drawn and self._is_first(context):
            acts = random.bernoulli(self._level(parameters["severity"], context), context.shape)
        where = acts if drawn else self._window(context)[1]
        return ScheduledState(inner, acts), mixed(where, worse, links, context)

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links as the other model leaves them where it acts in this round."""
        known, ungraded = parameters["inner"], context.ungraded()
        worse = self.inner.attempt(known, state.inner, following.inner, links, ungraded, random)
        where = following.acts if self._drawn(context) else self._window(context)[1]
        return mixed(where, worse, links, context)

    def _is_first(self, context: Context) -> bool:
        """Returns whether the other model is asked for the first time in this round."""
        asked = context.asked
        return asked is None or asked.stage == min(self.stages(asked.queue))

    def _window(self, context: Context) -> tuple[Array, Array]:
        return window(context, self.start, self.stop, self.period)

    def _level(self, severity: Array, context: Context) -> Array:
        """Returns the probability with which the other model acts."""
        xp, (time, inside) = context.xp, self._window(context)
        if context.severity is not None:
            severity = severity * context.severity[..., None, None]
        level = severity * xp.astype(inside, xp.float32)
        if self.ramp:
            risen = xp.astype(time - self.start, xp.float32) / self.ramp
            level = level * xp.minimum(risen, 1.0)
        return level

    def expected_loss(self) -> Any:
        """Returns the other model's loss times the mean severity over a period.

        None where there is one window that ends, where messages queue, and for a periodic window
        where the other model is not known to lose alike in every round.
        """
        if self.stop is not None and self.period is None:
            return None
        if self.inner.queue is not None or not (self.period is None or self.inner.traits.steady):
            return None
        inner = self.model.expected_loss()
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
