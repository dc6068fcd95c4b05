"""Domain randomization: other parameters in every episode, for training."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from failure_api.communication_models.distributions import Distribution, Milder, OneOf, Uniform
from failure_api.communication_models.nested import NestedModel
from failure_api.core.chain import Chain
from failure_api.core.links import Array, Context, Links
from failure_api.core.model import CommunicationModel
from failure_api.core.parameters.fields import Drawn, LinkRule, inner_rule, rules_of
from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.core.parameters.rules import Rule, numbers
from failure_api.core.parameters.types import SHARE
from failure_api.core.random.stream import RandomStream
from failure_api.errors import describe, invalid, nearest


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
                drawn[name] = _within(name, settings[name], declared)
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
        told = context.ungraded()
        return self.inner.attempt(whole, state.inner, following.inner, links, told, random)

    def _complete(self, parameters: Any, values: tuple[Array, ...]) -> Any:
        """Returns what the other model looked up, with what was drawn in its place."""
        ((scope, own),) = parameters
        drawn = dict(zip(self.parameters, values, strict=True))
        return ((scope, self.model.derive({**own, **drawn})),)

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


def _within(name: str, value: Any, declared: Distribution) -> Distribution:
    """Returns what a parameter is set to, as a distribution."""
    number = numbers(value)
    single = number is not None and not number.ndim
    found = OneOf([number.item()]) if single and number is not None else _distribution(name, value)
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
    known = {field.name for field in fields(model)}
    if not rules:
        remedy = f"{model.name} has none, so give the parameter itself"
    elif name in known:
        remedy = f"choose from {', '.join(sorted(rules))}"
    else:
        remedy = nearest(name, rules)
    rule = f"must name parameters of {model.name} that may differ from link to link"
    return invalid("parameters", rule, name, remedy)
