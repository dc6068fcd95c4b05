"""The laws as they concern a noise model by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from failure_api.core.noise import NoiseModel, senders
from failure_api.errors import FailureApiError
from failure_api.testing.array_laws import (
    check_array_rounds,
    check_common,
    check_draws,
    check_hidden,
    naming,
)
from failure_api.testing.backend_law import check_backends, chosen
from failure_api.testing.model_laws import trial_of
from failure_api.testing.model_trial import Round
from failure_api.testing.noise_trial import Inputs, NoiseTrial
from failure_api.testing.verdict import demand


def check_noise_model(
    model: NoiseModel,
    *,
    agent_ids: Sequence[Any] = ("a", "b", "c"),
    rounds: int = 20,
    seed: int = 0,
    backends: Sequence[str] = (),
) -> None:
    """Checks that a noise model keeps the laws.

    The model runs with its own stream on messages and on what agents see themselves, float32 and
    float64, of real and whole numbers, of which some did not arrive; on NumPy arrays that cannot
    be written to, on ones that keep their values to themselves as arrays do while a function is
    compiled, on batches whose elements are in the same round and in different ones, on
    `array-api-strict` where that is installed, on PyTorch's tensors, and compiled by JAX. What
    only NumPy can run is named with the line to fix.

    Args:
        model: The model. Whom it is confined to must be among `agent_ids`.
        agent_ids: Agents of the team that it is tried on.
        rounds: Rounds in each trial.
        seed: Seed of the trials.
        backends: Further array libraries to try it on, of "torch" and "jax": to import them takes
            seconds, and to compile a model some tenths of one.

    Raises:
        InvalidArgumentError: An argument is something else.
        MissingDependencyError: One of `backends` is not installed.
        LawError: The model breaks a law; the text says which, and how.

    Example:
        >>> from failure_api.noise_models import GaussianNoiseModel
        >>> check_noise_model(GaussianNoiseModel(standard_deviation=0.1))
    """
    trial = trial_of(NoiseTrial, NoiseModel, model, agent_ids, rounds, seed)
    libraries = chosen(backends)
    first = trial.run()
    check_draws(trial, first)
    _check_contents(trial, first)
    check_array_rounds(trial, first)
    check_hidden(trial)
    check_common(trial, first, lambda scoped: senders(scoped, trial.rounds_of()[0][0]))
    check_backends(trial, libraries)


def _check_contents(trial: NoiseTrial, first: list[Round]) -> None:
    name = trial.model.name
    for inputs in (
        *(
            Inputs(own=own, dtype=dtype)
            for dtype in ("float32", "float64")
            for own in (False, True)
        ),
        Inputs(scale=-7.3),
    ):
        what = "what agents see themselves" if inputs.own else "messages"
        with naming(trial.model, f"{name} fails on {what} in {inputs.dtype}"):
            _check_finite(trial, inputs, f"{name} makes finite content infinite or no number")
    unbounded = Inputs(bounded=False)
    try:
        trial.prepared(circumstances=unbounded)
    except FailureApiError:
        # Without bounds a model may refuse to start.
        pass
    else:
        _check_finite(trial, unbounded, f"{name} fails on content that has no bounds")
    other = trial.run(circumstances=Inputs(nothing=0.25))
    demand(1, trial.equal(first, other), f"{name} lets content matter that did not arrive")


def _check_finite(trial: NoiseTrial, inputs: Inputs, finding: str) -> None:
    for seen in trial.run(circumstances=inputs):
        demand(1, np.isfinite(trial.compared(seen)[0]).all(), finding)
