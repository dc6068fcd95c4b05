"""Two-state chains by what is known of them: their loss and bursts, or their transition matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from failure_api.core.model import closed_form
from failure_api.core.parameters.fields import LinkRule, check_sizes
from failure_api.core.parameters.frozen import FrozenArray
from failure_api.core.parameters.rules import numbers
from failure_api.core.parameters.types import LARGEST
from failure_api.errors import invalid

_LOSS = LinkRule(
    "must be at least 0 and less than 1",
    lambda loss: (loss >= 0) & (loss < 1),
    0.0,
    "give a share; ProbabilisticModel(failure_prob=1) loses everything",
)
_LENGTH = LinkRule(
    "must be finite and at least 1 round",
    lambda length: (length >= 1) & (length <= LARGEST),
    1.0,
    "give the mean number of losses in a row",
    "rounds",
)


def chain_values(loss: Any, mean_burst_length: Any) -> tuple[Any, Any]:
    """Returns the probabilities `p` of going bad and `r` of recovering.

    Args:
        loss: Share of rounds in the bad state: a number, an `[N, N]` array or a mapping.
        mean_burst_length: Mean stay in the bad state, in rounds, in the same forms.

    Raises:
        InvalidArgumentError: A value breaks its rule, or the two do not go together.

    Example:
        >>> chain_values(0.5, 4.0)
        (0.25, 0.25)
    """
    values = [
        _LOSS.normalise("loss", loss),
        _LENGTH.normalise("mean_burst_length", mean_burst_length),
    ]
    neutral = [_LOSS.neutral, _LENGTH.neutral]
    names = ("loss", "mean_burst_length")
    check_sizes(
        {n: v.shape[0] for n, v in zip(names, values, strict=True) if isinstance(v, FrozenArray)}
    )
    least = closed_form(lambda e, b: e / (1.0 - e) + 0.0 * b, values, neutral)
    if least is None:
        raise invalid(
            "mean_burst_length",
            "must not be an array where loss is a mapping, nor the other way round",
            mean_burst_length,
            "give both in the same form",
        )
    lengths = closed_form(lambda e, b: b + 0.0 * e, values, neutral)
    for at_least, length in zip(entries(least), entries(lengths), strict=True):
        # Beyond it by rounding alone is not beyond it: p is limited to 1 below.
        if at_least > length * (1.0 + 1e-9):
            raise invalid(
                "mean_burst_length",
                f"must be at least loss / (1 - loss), here {at_least:.6g} rounds",
                length,
                "lengthen the bursts or lower the loss",
            )
    p = closed_form(lambda e, b: np.minimum(e / ((1.0 - e) * b), 1.0), values, neutral)
    return p, closed_form(lambda e, b: 1.0 / b + 0.0 * e, values, neutral)


def two_state_matrix(matrix: ArrayLike) -> tuple[float, float]:
    """Returns `p` and `r` of the transition matrix `[[1 - p, p], [r, 1 - r]]`.

    Raises:
        InvalidArgumentError: The matrix has another shape, or a row holds no probabilities that
            sum to 1.

    Example:
        >>> two_state_matrix([[0.75, 0.25], [0.5, 0.5]])
        (0.25, 0.5)
    """
    rows = numbers(matrix)
    remedy = "give [[1 - p, p], [r, 1 - r]], good state first"
    if rows is None or rows.shape != (2, 2):
        raise invalid("matrix", "must be 2 by 2 numbers", matrix, remedy)
    if not ((rows >= 0) & (rows <= 1)).all():
        raise invalid("matrix", "must hold probabilities, from 0 to 1", rows.tolist(), remedy)
    if not np.allclose(rows.sum(axis=1), 1.0, rtol=0.0, atol=1e-6):
        raise invalid("matrix", "must have rows that sum to 1", rows.tolist(), remedy)
    return float(rows[0, 1]), float(rows[1, 0])


def entries(form: Any) -> Iterator[float]:
    """Yields the values of a closed form; the diagonal of an array means nothing."""
    if isinstance(form, Mapping):
        yield from form.values()
    elif np.ndim(form):
        yield from form[~np.eye(len(form), dtype=bool)].tolist()
    else:
        yield form
