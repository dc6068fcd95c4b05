"""Chains of noise models, with the links' own noise at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from failure_api.core.arrays.libraries import of_type
from failure_api.core.chain import ChainOf, flattened, placed
from failure_api.core.contract import type_name
from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel, senders
from failure_api.core.random.stream import RandomStream
from failure_api.errors import ModelError

LINK_NOISE = "link noise"
"""What the stream of the links' own noise is called, and who errors say it is."""


NOISE_MODELS = ChainOf(
    "noise_models",
    NoiseModel,
    "noise model",
    "GaussianNoiseModel(standard_deviation=0.1)",
    "make it an instance of a NoiseModel; communication models go into failure_models",
)


@dataclass(frozen=True, kw_only=True)
class NoiseChain(NoiseModel):
    r"""Noise models that act one after the other, then the noise of the links, then the limits.

    A chain within a chain is flattened. Each model draws from a stream that its name and the
    number of earlier models of that name determine, and acts on the messages of the agents in its
    `agent_ids` alone. A link of noise variance $\sigma^2$ adds $\sigma z$ with $z \sim
    \mathcal N(0, 1)$ to every entry. At last, entries that are whole numbers are rounded, and all
    are brought into $[low, high]$.

    Args:
        models: One noise model, or several that act in order.

    Raises:
        InvalidArgumentError: Something in `models` is not a noise model.

    Example:
        >>> NoiseChain(models=[NoiseChain(models=[])])
        NoiseChain(models=())
    """

    models: NoiseModel | Sequence[NoiseModel]
    agent_ids: Sequence[Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Flattens and checks the models."""
        super().__post_init__()
        models = tuple(model for _, model in flattened(self, NOISE_MODELS))
        object.__setattr__(self, "models", models)

    @property
    def parts(self) -> tuple[NoiseModel, ...]:
        """The models, flattened and in order."""
        return cast("tuple[NoiseModel, ...]", self.models)

    @cached_property
    def placed(self) -> tuple[tuple[NoiseModel, str, int], ...]:
        """Each model with the name and the occurrence that know its stream."""
        return placed((None, model) for model in self.parts)

    def prepare(self, context: NoiseContext) -> Any:
        """Returns, for each model, its scope and what it looks up once."""
        return tuple((senders(model, context), model.prepare(context)) for model in self.parts)

    def init(self, parameters: Any, context: NoiseContext, random: RandomStream) -> Any:
        """Returns each model's state."""
        return tuple(
            model.init(own, context, random.child(name, occurrence))
            for (model, name, occurrence), (_, own) in zip(self.placed, parameters, strict=True)
        )

    def step(
        self,
        parameters: Any,
        state: Any,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
        variance: Array | None = None,
        watch: Callable[[str, Array, Array], None] | None = None,
    ) -> tuple[Any, Array]:
        """Returns the next state and the content as the models and the links leave it.

        Args:
            parameters: What `prepare` returned.
            state: What `init` or the last `step` returned.
            content: The content, `[..., N, K]`.
            context: What is known of it.
            random: The chain's stream.
            variance: Of the noise that each link adds, float `[..., N]`; None where none does.
            watch: Is told of each step: whose it is, the content before it and after it.
        """
        xp = context.xp
        following = []
        asked = zip(self.placed, parameters, state, strict=True)
        for (model, name, occurrence), (scope, known), own in asked:
            stream = random.child(name, occurrence)
            result = model.step(known, own, content, context, stream)
            own, after = _state_and_content(name, result, content, context)
            if scope is not None:
                after = xp.where(scope[:, None], after, content)
            if watch is not None:
                watch(name, content, after)
            content = after
            following.append(own)
        if variance is not None:
            draws = xp.astype(random.child(LINK_NOISE).normal(context.shape), content.dtype)
            after = content + xp.sqrt(xp.astype(variance, content.dtype))[..., None] * draws
            if watch is not None:
                watch(LINK_NOISE, content, after)
            content = after
        content = xp.where(context.whole, xp.round(content), content)
        content = xp.minimum(xp.maximum(content, context.low), context.high)
        return tuple(following), content

    def corrupt(
        self,
        parameters: Any,
        state: Any,
        content: Array,
        real: Array,
        context: NoiseContext,
        random: RandomStream,
        variance: Array | None = None,
        watch: Callable[[str, Array, Array], None] | None = None,
    ) -> tuple[Any, Array]:
        """Returns the next state, and what arrives as the models and the links leave it.

        What does not arrive the models do not see, and it stays as it is; so do numbers that
        nothing has changed, whatever their type.

        Args:
            parameters: As for `step`.
            state: As for `step`.
            content: Numbers of any type, of the context's shape or one that broadcasts to it.
            real: Which of them arrive in this round, bool, likewise.
            context: As for `step`; content is corrupted in the type of its bounds.
            random: As for `step`.
            variance: As for `step`.
            watch: As for `step`.
        """
        xp, low, high = context.xp, context.low, context.high
        # Out of bounds there is nothing to corrupt; what is missing is what is nearest to zero.
        inside = xp.minimum(xp.maximum(of_type(content, low.dtype, xp), low), high)
        nothing = xp.minimum(xp.maximum(xp.zeros_like(low), low), high)
        before = xp.where(real, inside, nothing)
        state, after = self.step(parameters, state, before, context, random, variance, watch)
        changed = real & (after != before)
        # Through zeros, since not every type holds what has not changed.
        new = of_type(xp.where(changed, after, xp.zeros_like(after)), content.dtype, xp)
        return state, xp.where(changed, new, content)

    def reports(self, state: Any) -> dict[str, dict[str, Any]]:
        """Returns what the models have counted, by name; models that count nothing are absent.

        A model counts where it has a method `report(state)` that returns numbers by name, or
        `attack_share(state)` that returns one, NaN where there was nothing to count. The second
        model of a name is `"Name 2"`.

        Args:
            state: What the last `step` returned.
        """
        found: dict[str, dict[str, Any]] = {}
        for (model, name, occurrence), own in zip(self.placed, state, strict=True):
            report, share = getattr(model, "report", None), getattr(model, "attack_share", None)
            numbers = {} if report is None else dict(report(own))
            if share is not None:
                numbers["attack_share"] = share(own)
            if numbers:
                key = f"{name} {occurrence + 1}" if occurrence else name
                # Python's numbers for arrays of no dimension.
                found[key] = {
                    what: number.item() if getattr(number, "ndim", None) == 0 else number
                    for what, number in numbers.items()
                }
        return found


def _state_and_content(
    name: str, result: Any, before: Array, context: NoiseContext
) -> tuple[Any, Array]:
    """Returns what a model returned, or raises what is wrong with its form."""
    if type(result) is not tuple or len(result) != 2:
        raise ModelError(
            f"{name}.step must return the pair (state, content), but returned "
            f"{type(result).__name__}: return state, content + something."
        )
    shape = getattr(result[1], "shape", None)
    dtype = getattr(result[1], "dtype", type(result[1]))
    if shape != context.shape or dtype != before.dtype:
        raise ModelError(
            f"{name}.step must return content as {type_name(before.dtype)} of shape "
            f"{context.shape}, but returned {type_name(dtype)} of shape {shape}: convert it with "
            "context.xp.astype and broadcast it to context.shape."
        )
    return result
