"""A noise model under trial: what content it is given, and what it makes of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from failure_api.core.arrays.libraries import on_arrays_of
from failure_api.core.noise import NoiseContext
from failure_api.core.parameters.fields import inner_rule, rules_of
from failure_api.core.parameters.rules import Number
from failure_api.testing.model_trial import Circumstances, ModelTrial, Round, plain, read_only
from failure_api.testing.verdict import demand

LOW = [-1.0, -100.0, 0.0, -3.0, 0.0, 0.0]
HIGH = [1.0, 50.0, 5.0, 3.0, 1.0, 0.0]
WHOLE = [False, False, True, True, True, True]
"""Entries of every kind: reals, whole numbers, a flag, and one that can have but one value."""


@dataclass(frozen=True, kw_only=True)
class Inputs(Circumstances):
    """What differs from one run of a noise model to another.

    Attributes:
        dtype: Type of the content.
        own: Whether it is what agents see themselves, `[N, K]`; else messages, `[N, N, K]`.
        everything: Whether all messages arrive; otherwise about two thirds do.
        nothing: What stands where nothing arrived.
        bounded: Whether entries have bounds.
        scale: What content within its bounds is multiplied by.
    """

    dtype: str = "float32"
    own: bool = False
    everything: bool = False
    nothing: float = np.nan
    bounded: bool = True
    scale: float = 1.0


@dataclass(frozen=True)
class NoiseTrial(ModelTrial):
    """A noise model and the team that it is tried on."""

    takes = "content"
    other = "makes other content"
    differs = "differs"
    traffic = "what arrives"
    remedy = "make another array, as in context.xp.where(condition, other, content)"
    round_remedy = "take context.round_over(), which has as many axes as the content"
    normal = Inputs()
    variants = (Inputs(), Inputs(own=True))
    quiet = (Inputs(everything=True), Inputs(scale=0.0))
    every_stream = True
    absolute = 1e-6

    def rounds_of(
        self, xp: ModuleType = np, circumstances: Inputs = normal
    ) -> list[tuple[NoiseContext, Any]]:
        """Returns what is known of each round, and its content."""
        inputs, batch, count = circumstances, circumstances.batch, len(self.agent_ids)
        shape = (count, len(LOW)) if inputs.own else (count, count, len(LOW))
        low, high = (np.tile(np.array(b, inputs.dtype), (count, 1)) for b in (LOW, HIGH))
        # A generator for each row, so that a row is the same whatever stands beside it.
        generators = [np.random.default_rng(self.seed + row) for row in inputs.rows]
        rounds = []
        for index in range(self.rounds):
            contents, arrivals = [], []
            for generator in generators:
                content = generator.uniform(low, high, shape)
                content = np.where(WHOLE, np.round(content), content) * inputs.scale
                arrived = (generator.random(shape[:-1]) < 2 / 3) | inputs.everything
                contents.append(np.where(arrived[..., None], content, inputs.nothing))
                arrivals.append(arrived)
            content = np.reshape(contents, (*batch, *shape)).astype(inputs.dtype)
            context = NoiseContext(
                round=inputs.round_of(xp, index),
                arrived=read_only(xp, np.reshape(arrivals, (*batch, *shape[:-1]))),
                low=read_only(xp, low if inputs.bounded else np.full_like(low, -np.inf)),
                high=read_only(xp, high if inputs.bounded else np.full_like(high, np.inf)),
                whole=read_only(xp, np.array(WHOLE) & inputs.bounded),
                xp=xp,
                shape=(*batch, *shape),
                agent_ids=self.agent_ids,
            )
            rounds.append((context, read_only(xp, content)))
        return rounds

    def prepared(self, xp: ModuleType = np, circumstances: Inputs = normal) -> Any:
        """Returns what the model looks up once."""
        context, _ = replace(self, rounds=1).rounds_of(np, circumstances.alone(0))[0]
        return on_arrays_of(xp, self.model.prepare(context))

    def step(self, parameters: Any, state: Any, inputs: Any, context: Any, random: Any) -> Any:
        """Returns what the model returned, or raises what is wrong with its form."""
        name, result = self.model.name, super().step(parameters, state, inputs, context, random)
        pair = type(result) is tuple and len(result) == 2
        demand(1, pair, f"{name}.step does not return the pair (state, content)")
        following, after = result
        found, right = type(after), type(inputs)
        module = right.__module__
        demand(1, found is right, f"{name} returns a {found.__name__}, not {module} arrays")
        same_shape, same_dtype = after.shape == inputs.shape, after.dtype == inputs.dtype
        demand(1, same_shape, f"{name} returns shape {after.shape}, not {inputs.shape}")
        demand(1, same_dtype, f"{name} returns {after.dtype}, not {inputs.dtype}")
        return following, after

    def compared(self, seen: Round, row: Any = ...) -> list[Any]:
        """Returns what the model made of the messages that arrived, one row each."""
        # What did not arrive means nothing.
        return [plain(seen.after)[row][plain(seen.context.arrived)[row]]]

    def swept(self) -> dict[str, str]:
        """Returns the fields that are one number."""
        rules = rules_of(type(self.model)).items()
        numbers = [name for name, rule in rules if isinstance(inner_rule(rule), Number)]
        return {name: name for name in numbers if getattr(self.model, name) is not None}
