"""Quantisation: content is sent in few bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from failure_api.core.links import Array
from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.core.parameters.rules import WholeNumber
from failure_api.core.parameters.types import LARGEST_NOISE, Entry
from failure_api.core.random.stream import RandomStream
from failure_api.errors import invalid

MOST_BITS = 24
"""Bits beyond which float32 content cannot tell the levels apart."""


@dataclass(frozen=True, kw_only=True)
class QuantizationModel(NoiseModel):
    r"""Rounds every entry to one of a few levels, evenly spaced from a lower to an upper bound.

    With $L$ levels from $l$ to $h$ the step is $\Delta = (h - l) / (L - 1)$, and an entry $x$
    within the bounds arrives as $l + \Delta\, \mathrm{round}((x - l) / \Delta)$; one beyond them
    arrives as the bound. For content spread evenly over the bounds the error has mean 0 and
    variance $\Delta^2 / 12$.

    With `rounding="stochastic"` an entry between two levels goes to the upper one with a
    probability equal to its place between them, so that the mean error is 0 for any content within
    the bounds, at twice the variance: $\Delta^2 / 6$.

    Args:
        levels: $L$, 2 or more; give either this or `bits`.
        bits: Bits an entry, which make $2^{bits}$ levels.
        low: $l$, in the units of the content; None takes each entry's own lower bound.
        high: $h$, in the units of the content; None takes each entry's own upper bound.
        rounding: "nearest", or "stochastic" as above.
        agent_ids: The senders whose messages are corrupted; None takes all.

    Raises:
        InvalidArgumentError: Not exactly one of `levels` and `bits`, more than 24 bits, one of
            `low` and `high` without the other, `high` not above `low`; and, when the model meets
            the content, entries without finite bounds while none are given.

    Example:
        >>> model = QuantizationModel(bits=8, low=-1.0, high=1.0)
        >>> model.steps, model.rounding
        (255, 'nearest')

    Source: Widrow and Kollar, Quantization Noise (2008); Alistarh et al., QSGD (2017), for
    stochastic rounding.
    """

    EXAMPLE: ClassVar[Mapping[str, Any]] = {"levels": 8, "low": -1.0, "high": 1.0}

    levels: Annotated[int, WholeNumber(2, "levels")] | None = None
    bits: Annotated[int, WholeNumber(1, "bits")] | None = None
    low: Entry | None = None
    high: Entry | None = None
    rounding: Literal["nearest", "stochastic"] = "nearest"

    def __post_init__(self) -> None:
        """Checks the fields, and that they fit together."""
        super().__post_init__()
        if (self.levels is None) == (self.bits is None):
            rule = "must be given where bits is not, and only there"
            raise invalid("levels", rule, self.levels, "give one of the two, as in bits=8")
        if self.bits is not None and self.bits > MOST_BITS:
            raise invalid("bits", f"must be at most {MOST_BITS}", self.bits, "give fewer bits")
        if self.levels is not None and self.levels > 2**MOST_BITS:
            rule = f"must be at most 2**{MOST_BITS}"
            raise invalid("levels", rule, self.levels, "give fewer levels")
        if (self.low is None) != (self.high is None):
            rule = "must be given where the other bound is"
            missing = "low" if self.low is None else "high"
            raise invalid(missing, rule, None, "give both, or neither")
        if self.low is not None and self.high is not None and self.high <= self.low:
            rule = f"must be greater than low={self.low}"
            raise invalid("high", rule, self.high, "exchange the two")

    @property
    def steps(self) -> int:
        """Number of steps from the lower to the upper bound, one less than the levels."""
        return (self.levels or 2 ** (self.bits or 0)) - 1

    def prepare(self, context: NoiseContext) -> Any:
        """Returns each entry's lowest and highest level, and the step between."""
        xp, dtype = context.xp, context.low.dtype
        low, high = context.low, context.high
        if self.low is not None and self.high is not None:
            low, high = xp.asarray(self.low, dtype=dtype), xp.asarray(self.high, dtype=dtype)
        elif not np.all((np.asarray(low) >= -LARGEST_NOISE) & (np.asarray(high) <= LARGEST_NOISE)):
            rule = "must be given where entries of the content have no finite bounds"
            raise invalid("QuantizationModel.low", rule, self.low, "give both low= and high=")
        step = (high - low) / self.steps
        # An entry that can have but one value has no step.
        return low, high, xp.where(step > 0, step, xp.ones_like(step))

    def step(
        self,
        parameters: Any,
        state: Any,
        content: Array,
        context: NoiseContext,
        random: RandomStream,
    ) -> tuple[Any, Array]:
        """Returns the content on its levels."""
        xp = context.xp
        low, high, step = parameters
        level = (content - low) / step
        if self.rounding == "stochastic":
            lower = xp.floor(level)
            draws = xp.astype(random.uniform(context.shape), content.dtype)
            level = lower + xp.astype(draws < level - lower, content.dtype)
        level = xp.clip(xp.round(level), 0.0, float(self.steps))
        return state, xp.minimum(low + level * step, high)
