"""A value of every model, to describe it with and to draw it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any

from failure_api.catalogue.parts import hints_of, inner_rule, kinds_of, part_classes
from failure_api.catalogue.reading import from_dict
from failure_api.catalogue.registry import OURS, Entry
from failure_api.catalogue.writing import is_default, parameters_of, tag_of
from failure_api.core.parameters.fields import rules_of
from failure_api.core.parameters.rules import Choice, Instance, Rule
from failure_api.errors import FailureApiError, InvalidArgumentError, describe

AGENTS = ("agent_0", "agent_1", "agent_2", "agent_3")
"""The agents of every picture."""

EXAMPLES: dict[str, dict[str, Any]] = {
    "bandwidth": {"capacity": 0.25, "queue_length": 3},
    "bit_flip": {"bit_error_rate": 0.004},
    "byzantine": {"agent_ids": ["agent_0"], "attack": {"type": "flip_sign"}, "attack_rate": 0.2},
    "chain": {
        "models": [
            {"model": "gilbert_elliott", "p": 0.02, "r": 0.1},
            {"model": "delay_based", "min_delay": 0, "max_delay": 2},
        ]
    },
    "custom_noise": {"function": f"{__name__}:dim"},
    "delay_based": {"min_delay": 0, "max_delay": 4, "message_drop_probability": 0.1},
    "distance": {"distance_threshold": 1.0},
    "element_dropout": {"drop_prob": 0.1},
    "four_state": {"p13": 0.03, "p31": 0.1, "p32": 0.15, "p23": 0.4, "p14": 0.02},
    "gaussian_noise": {"standard_deviation": 0.2},
    "gilbert_elliott": {"p": 0.05, "r": 0.25},
    "jamming": {
        "jammers": {
            "type": "moving_jammers",
            "positions": [[-0.9, 0.0]],
            "velocity": [[0.03, 0.01]],
            "bounds": [[-1.0, -1.0], [1.0, 1.0]],
        },
        "effect": {"type": "block_reception", "radius": 0.7},
        "pattern": {"type": "bursty_jamming", "mean_on": 20, "mean_off": 8},
    },
    "laplacian_noise": {"scale": 0.2},
    "matrix": {"matrix": [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]},
    "netem": {
        "loss": {"model": "gilbert_elliott", "p": 0.05, "r": 0.2, "start": "good"},
        "delay": 5,
        "jitter": 1,
    },
    "node_failure": {"mode": "crash", "mean_time_to_failure": 60, "mean_time_to_repair": 20},
    "partition": {
        "pattern": "halves",
        "switching": {"type": "cut_on_schedule", "start": 40, "stop": 80, "period": 100},
    },
    "probabilistic": {"failure_prob": 0.2},
    "quantization": {"levels": 8, "low": -1.0, "high": 1.0},
    "randomized": {
        "of": {"model": "gilbert_elliott", "p": 0.05, "r": 0.25},
        "parameters": {"p": [0.01, 0.2], "r": [0.1, 0.5]},
    },
    "rate_limit": {"messages": 20, "window": 10},
    "scheduled": {
        "of": {"model": "probabilistic", "failure_prob": 0.8},
        "start": 30,
        "period": 100,
        "ramp": 60,
    },
    "shared_medium": {"protocol": {"type": "slotted_aloha", "transmit_prob": 0.25}},
    "signal_based": {
        "shadowing": {
            "type": "log_normal_shadowing",
            "standard_deviation": 6.0,
            "decorrelation_distance": 20.0,
        },
        "fading": "rayleigh",
        "metres_per_unit": 100.0,
    },
    "stuck": {"stick_prob": 0.03, "release_prob": 0.1},
    "trace": {
        "trace": {
            "type": "trace",
            "agent_ids": AGENTS,
            # Every link is up for a while, one after the other.
            "lost": [
                [
                    [(3 * sender + receiver + round_) % 12 >= 6 for receiver in range(4)]
                    for sender in range(4)
                ]
                for round_ in range(40)
            ],
        }
    },
    "uniform_noise": {"low": -0.3, "high": 0.3},
}
"""The parameters, as plain data, with which a model shows what it does to four agents' links."""


def dim(content: Any, context: Any, random: Any) -> Any:
    """Halves what is said in every second span of 25 rounds: an example of `CustomNoise`."""
    second = context.xp.astype(context.round_over() // 25 % 2, content.dtype)
    return content * (1.0 - 0.5 * second)


_TRIED = (0.2, 2, 0.5, 1, 10, 100.0, AGENTS[:1], ((0.0, 0.0),), "")
"""Values that may suit a parameter of which no more is known than its rule."""


def example_of(entry: Entry, parameters: Mapping[str, Any]) -> Any:
    """Returns a model to show, with these parameters in place of the usual ones.

    Args:
        entry: The model.
        parameters: Plain data.

    Raises:
        FailureApiError: The model refuses the parameters, or needs some that nobody can guess.
    """
    value_class = entry.value_class
    plain = {tag_of(value_class): entry.name}
    if entry.name in EXAMPLES and entry.origin == OURS:
        return from_dict({**plain, **EXAMPLES[entry.name], **parameters})
    called = parameters_of(value_class)
    missing = [name for name in _required(value_class) if called[name] not in parameters]
    guessed = {called[name]: _guess(value_class, name) for name in missing}
    try:
        return from_dict({**plain, **guessed, **parameters})
    except InvalidArgumentError as error:
        if not guessed or parameters:
            raise
        raise InvalidArgumentError(
            f"{entry.name} needs values for {', '.join(guessed)}, and guesses do not suit it: "
            f"give them (it says of them: {str(error).rstrip('.')})."
        ) from error


def _required(value_class: Any) -> list[str]:
    declared = value_class.__dataclass_fields__
    return [
        name
        for name in hints_of(value_class)
        if declared[name].default is MISSING and declared[name].default_factory is MISSING
    ]


def _guess(value_class: Any, name: str) -> Any:
    """Returns a value that a parameter's rule accepts; None where none is found."""
    rule = rules_of(value_class).get(name)
    inner = inner_rule(rule)
    if isinstance(inner, Choice):
        return inner.words[0]
    if isinstance(inner, Instance):
        parts = part_classes(*kinds_of(value_class, name)).values()
        return next((made for made in map(_guessed_part, parts) if made is not None), None)
    return next((value for value in _TRIED if rule is None or _suits(rule, name, value)), None)


def _guessed_part(part: Any) -> Any:
    if inspect.isabstract(part):
        return None
    try:
        return part(**{name: _guess(part, name) for name in _required(part)})
    except FailureApiError:
        return None


def _suits(rule: Rule, name: str, value: Any) -> bool:
    try:
        rule.normalise(name, value)
    except FailureApiError:
        return False
    return True


def short_text(model: Any) -> str:
    """Returns a model as Python text, without what has its default value.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> short_text(ProbabilisticModel(failure_prob=0.2))
        'ProbabilisticModel(failure_prob=0.2)'
    """
    names = [name for name in hints_of(type(model)) if not is_default(model, name)]
    given = [f"{name}={shown(getattr(model, name))}" for name in names]
    return f"{type(model).__name__}({', '.join(given)})"


def shown(value: Any) -> str:
    """Returns a value as Python text, short enough for a line."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    if hasattr(value, "__dataclass_fields__"):
        return short_text(value)
    return getattr(value, "__qualname__", None) or describe(value)
