"""Domain randomization: other parameters in every episode, for training."""

from __future__ import annotations

import copy
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from failure_api.communication_models.nested import NestedModel
from failure_api.core import Array, Chain, CommunicationModel, Context, Links, RandomStream
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.fields import Drawn, LinkRule, inner_rule, rules_of
from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.core.parameters.rules import Number, Rule, numbers
from failure_api.core.parameters.types import LARGEST, SHARE, SMALLEST, Share
from failure_api.core.random.stream import STEP
from failure_api.errors import describe, invalid, nearest

_Bound: TypeAlias = Annotated[
    float, Number("must be finite in float32", lambda x: abs(x) <= LARGEST, "give a number")
]
_PositiveBound: TypeAlias = Annotated[
    float,
    Number(
        "must be finite and greater than 0",
        lambda x: SMALLEST <= x <= LARGEST,
        "give a positive number",
    ),
]


class _Values(Rule):
    """At least one number; infinite ones too, NaN not."""

    def normalise(self, name: str, value: Any) -> tuple[float, ...]:
        """Returns the numbers as a tuple, or raises what is wrong with them."""
        array = numbers(value)
        if array is None or array.ndim != 1 or not array.size or np.isnan(array).any():
            raise invalid(name, "must be a list of numbers", value, "give at least one")
        return tuple(array.tolist())


@dataclass(frozen=True)
class Distribution(Component, ABC):
    """A distribution of one number, known by its quantile function."""

    @property
    @abstractmethod
    def support(self) -> Sequence[float]:
        """Its ends, or all its values: where the rule of a parameter holds, it always does."""

    @abstractmethod
    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns the number below which that share of draws lies, float32.

        Args:
            share: Uniform draws from [0, 1), float32.
            xp: The array namespace.
        """


@dataclass(frozen=True)
class Interval(Distribution):
    """Numbers between two ends. The base of every such distribution.

    Args:
        low: The least number.
        high: The greatest number, at least `low`.
    """

    low: _Bound
    high: _Bound

    def __post_init__(self) -> None:
        """Checks the fields, and that the ends are in order."""
        super().__post_init__()
        if self.high < self.low:
            raise invalid("high", f"must be at least low={self.low}", self.high, "exchange the two")

    @property
    def support(self) -> Sequence[float]:
        """The two ends."""
        return self.low, self.high

    def _within(self, values: Array, xp: Any) -> Array:
        """Returns the values less what rounding has added beyond the ends."""
        return xp.minimum(xp.maximum(values, self.low), self.high)


@dataclass(frozen=True)
class Uniform(Interval):
    r"""Every number between two ends is equally likely: $\text{low} (1 - u) + \text{high}\, u$.

    Args:
        low: The least number.
        high: The greatest number, at least `low`.

    Raises:
        InvalidArgumentError: An end that is not finite, or `high` below `low`.

    Example:
        >>> Uniform(0.0, 0.5).quantile(np.asarray([0.5], dtype=np.float32), np).tolist()
        [0.25]
    """

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns `low (1 - u) + high u`."""
        return self._within(self.low * (1.0 - share) + self.high * share, xp)


@dataclass(frozen=True)
class LogUniform(Interval):
    r"""Every order of magnitude is equally likely: $\text{low}^{1 - u}\, \text{high}^{u}$.

    Args:
        low: The least number, greater than 0.
        high: The greatest number, at least `low`.

    Raises:
        InvalidArgumentError: An end that is not positive and finite, or `high` below `low`.

    Example:
        >>> LogUniform(0.25, 4.0).quantile(np.asarray([0.5], dtype=np.float32), np).tolist()
        [1.0]
    """

    low: _PositiveBound
    high: _PositiveBound

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns `exp((1 - u) ln(low) + u ln(high))`."""
        exponent = math.log(self.low) * (1.0 - share) + math.log(self.high) * share
        return self._within(xp.exp(exponent), xp)


@dataclass(frozen=True)
class OneOf(Distribution):
    """Each of several numbers is equally likely.

    Args:
        values: The numbers; one that is given twice is twice as likely.

    Raises:
        InvalidArgumentError: No numbers, or something else.

    Example:
        >>> OneOf([1.0, 2.0]).quantile(np.asarray([0.25, 0.75], dtype=np.float32), np).tolist()
        [1.0, 2.0]
    """

    values: Annotated[Sequence[float], _Values()]

    @property
    def support(self) -> Sequence[float]:
        """All its numbers."""
        return self.values

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns the number in whose equal part of [0, 1) the share lies."""
        count = len(self.values)
        # A float32 share is at most 1 - 2**-24, and its product stays below the count.
        index = xp.astype(share * count, xp.int32)
        table = xp.asarray(self.values, dtype=xp.float32)
        return xp.reshape(xp.take(table, xp.reshape(index, (-1,)), axis=0), share.shape)


@dataclass(frozen=True)
class Descending(Distribution):
    """Another distribution, drawn from its greatest number downwards.

    The draws are as likely as before. What changes is which of them are mild: those at the
    beginning, where severity is low.

    Args:
        distribution: The other one.

    Example:
        >>> reach = Descending(Uniform(0.5, 2.0))
        >>> reach.quantile(np.asarray([0.0, 0.5], dtype=np.float32), np).round(4).tolist()
        [2.0, 1.25]
    """

    distribution: Distribution

    @property
    def support(self) -> Sequence[float]:
        """That of the other distribution."""
        return self.distribution.support

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns the other's number at what is left of the share, which stays below 1."""
        return self.distribution.quantile((1.0 - STEP) - share, xp)


@dataclass(frozen=True)
class Milder(Distribution):
    r"""The first share of another distribution: $F^{-1}(s u)$.

    Args:
        distribution: The other one, mild at first.
        severity: The share $s$ of it; 1 takes all, 0 its first number alone.

    Raises:
        InvalidArgumentError: A share outside of [0, 1].

    Example:
        >>> half = Milder(Uniform(0.0, 1.0), 0.5)
        >>> half.quantile(np.asarray([0.5], dtype=np.float32), np).tolist()
        [0.25]
    """

    distribution: Distribution
    severity: Share

    @property
    def support(self) -> Sequence[float]:
        """That of the other distribution, so that what a model says beforehand stays the same."""
        return self.distribution.support

    def quantile(self, share: Array, xp: Any) -> Array:
        """Returns the other's number at that share of the share."""
        return self.distribution.quantile(share * self.severity, xp)


class _Distributions(Rule):
    """Distributions by the names of parameters; pairs (low, high) are uniform ones."""

    def normalise(self, name: str, value: Any) -> FrozenMapping:
        """Returns the distributions as an immutable mapping, or raises what is wrong with them."""
        if not isinstance(value, Mapping) or not value:
            remedy = "give at least one, as in {'failure_prob': (0.0, 0.5)}"
            raise invalid(name, "must be {parameter: distribution}", value, remedy)
        return FrozenMapping(
            {key: _distribution(f"{name}[{describe(key)}]", v) for key, v in value.items()}
        )


class RandomizedState(NamedTuple):
    """The values drawn for the episode, and the other model's state.

    Attributes:
        values: What each parameter is in this episode, in the order of `parameters`; float32
            `[..., 1, 1]`, one value for each element of the batch.
        inner: The state of the chain that holds the other model.
    """

    values: tuple[Array, ...]
    inner: Any


@dataclass(frozen=True, kw_only=True)
class RandomizedModel(NestedModel):
    r"""Another model with parameters that are drawn anew in each episode, for all links.

    At each reset a parameter becomes $F^{-1}(u)$, with $F$ its distribution and $u$ uniform, one
    value for the whole episode and for each element of a batch.

    Args:
        model: The other model. What it says of the parameters that are drawn does not matter.
        parameters: `{name: distribution}` with `Uniform`, `LogUniform` or `OneOf`; a pair
            `(low, high)` is a uniform distribution. Parameters that may differ from link to link
            can be drawn. For a curriculum each is mildest at first: at severity $s$ the draw is
            $F^{-1}(s u)$; `Descending` turns a distribution round.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A parameter that the other model does not have or that cannot be
            drawn, or a distribution with values that the parameter cannot take.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> model = RandomizedModel(
        ...     model=ProbabilisticModel(failure_prob=0.0), parameters={"failure_prob": (0.0, 0.5)}
        ... )
        >>> model.parameters
        {'failure_prob': Uniform(low=0.0, high=0.5)}
        >>> import numpy as np
        >>> from failure_api import NumpyStream
        >>> context = Context(0, np.ones(2, dtype=bool), None, np, (2, 2), ("a", "b"))
        >>> drawn = model.drawn(model.init(model.prepare(context), context, NumpyStream(0)))
        >>> 0.0 <= drawn["failure_prob"].item() < 0.5
        True

    Source: Tobin et al. (2017), "Domain randomization for transferring deep neural networks from
    simulation to the real world".
    """

    EXAMPLE: ClassVar = {
        "of": {"model": "gilbert_elliott", "p": 0.05, "r": 0.25},
        "parameters": {"p": [0.01, 0.2], "r": [0.1, 0.5]},
    }

    parameters: Annotated[Mapping[str, Any], _Distributions()]

    def __post_init__(self) -> None:
        """Checks the fields, and that the other model takes whatever may be drawn."""
        super().__post_init__()
        rules = _drawable(self.model)
        for name, distribution in self.parameters.items():
            if name not in rules:
                raise _cannot_be_drawn(name, self.model, rules)
            for value in distribution.support:
                rules[name].normalise(f"parameters[{describe(name)}]", value)
        # What the model asks of several parameters together holds where it holds at all corners.
        ends = [(min(each.support), max(each.support)) for each in self.parameters.values()]
        for corner in itertools.product(*ends):
            replace(self.model, **dict(zip(self.parameters, corner, strict=True)))

    @cached_property
    def inner(self) -> Chain:
        """The other model as every step needs it: what is drawn is neither neutral nor known."""
        twin = copy.copy(self.model)
        for name in vars(self.model):
            # What the model has derived from its parameters and kept.
            if isinstance(getattr(type(twin), name, None), cached_property):
                del twin.__dict__[name]
        for name, distribution in self.parameters.items():
            drawn = Drawn(min(distribution.support), max(distribution.support))
            object.__setattr__(twin, name, drawn)
        return Chain(models=[twin])

    @property
    def settings(self) -> tuple[str, ...]:
        """`severity`, the parameters that are drawn, and what else the other model takes."""
        return tuple(dict.fromkeys(("severity", *self.parameters, *super().settings)))

    def with_settings(self, settings: Mapping[str, Any]) -> RandomizedModel:
        """Returns the model with parameters drawn from the mildest share, or as they are set.

        Args:
            settings: `severity` in [0, 1], the first share of each distribution that is drawn
                from; a number, a pair `(low, high)` or a distribution by the name of a parameter.

        Raises:
            InvalidArgumentError: A parameter is set to what cannot be drawn.
        """
        drawn = dict(self.parameters)
        if "severity" in settings:
            severity = SHARE.normalise("severity", settings["severity"])
            drawn = {name: Milder(declared, severity) for name, declared in drawn.items()}
        for name, declared in self.parameters.items():
            # A drawn parameter of that name is graded like the others.
            if name in settings and name != "severity":
                drawn[name] = _narrowed(name, settings[name], declared)
        taken = ("severity", *drawn)
        others = {name: value for name, value in settings.items() if name not in taken}
        return replace(super().with_settings(others), parameters=drawn)

    def prepare(self, context: Context) -> Any:
        """Returns what the other model looks up, without what is drawn."""
        return self.inner.prepare(context)

    def init(self, parameters: Any, context: Context, random: RandomStream) -> RandomizedState:
        """Returns what is drawn for the episode, and the other model's state."""
        shape = (*context.shape[:-2], 1, 1)
        shares = [random.child(name).uniform(shape) for name in self.parameters]
        if context.severity is not None:
            shares = [share * context.severity[..., None, None] for share in shares]
        values = tuple(
            distribution.quantile(share, context.xp)
            for share, distribution in zip(shares, self.parameters.values(), strict=True)
        )
        whole = self._complete(parameters, values)
        return RandomizedState(values, self.inner.init(whole, context.ungraded(), random))

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[RandomizedState, Links]:
        """Returns the links as the other model leaves them."""
        whole = self._complete(parameters, state.values)
        inner, links = self.inner.step(whole, state.inner, links, context.ungraded(), random)
        return state._replace(inner=inner), links

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links as the other model leaves them."""
        whole = self._complete(parameters, state.values)
        context = context.ungraded()
        return self.inner.attempt(whole, state.inner, following.inner, links, context, random)

    def _complete(self, parameters: Any, values: tuple[Array, ...]) -> Any:
        """Returns what the other model looked up, with what was drawn in its place."""
        ((scope, known),) = parameters
        drawn = dict(zip(self.parameters, values, strict=True))
        return ((scope, self.model.derive({**known, **drawn})),)

    def drawn(self, state: RandomizedState) -> dict[str, Array]:
        """Returns the parameters of the episode, by name.

        Args:
            state: The model's state in the episode.
        """
        return dict(zip(self.parameters, state.values, strict=True))


def _distribution(name: str, value: Any) -> Distribution:
    if isinstance(value, Distribution):
        return value
    ends = numbers(value)
    if ends is None or ends.shape != (2,):
        remedy = "give Uniform, LogUniform or OneOf"
        raise invalid(name, "must be a distribution or a pair (low, high)", value, remedy)
    return Uniform(*ends.tolist())


def _narrowed(name: str, value: Any, declared: Distribution) -> Distribution:
    """Returns what a parameter is set to, as a distribution."""
    number = numbers(value)
    single = None if number is None or number.ndim else OneOf([number.item()])
    found = single or _distribution(name, value)
    low, high = min(declared.support), max(declared.support)
    if min(found.support) < low or max(found.support) > high:
        # What the model says beforehand, of delays for example, holds for what was declared.
        rule = f"must lie between {low} and {high}, the ends of what is drawn"
        raise invalid(name, rule, value, "widen the range in parameters")
    return found


def _drawable(model: CommunicationModel) -> dict[str, Rule]:
    """Returns the rules of the parameters that may differ from link to link."""
    rules = rules_of(type(model))
    return {name: rule for name, rule in rules.items() if isinstance(inner_rule(rule), LinkRule)}


def _cannot_be_drawn(name: Any, model: CommunicationModel, rules: Mapping[str, Rule]) -> Exception:
    if not rules:
        remedy = f"{model.name} has none, so give the parameter itself"
    elif name in {field.name for field in fields(model)}:
        remedy = f"choose from {', '.join(sorted(rules))}"
    else:
        remedy = nearest(name, rules)
    rule = f"must name parameters of {model.name} that may differ from link to link"
    return invalid("parameters", rule, name, remedy)
