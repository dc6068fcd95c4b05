"""What the catalogue calls a class, and how forgiving it is when asked for one."""

from __future__ import annotations

import re

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def name_of(value_class: type) -> str:
    """Returns the class's name in snake case, without "Model" at its end.

    Example:
        >>> from failure_api import DelayBasedModel
        >>> name_of(DelayBasedModel)
        'delay_based'
    """
    return _WORD_STARTS.sub("_", value_class.__name__.removesuffix("Model")).lower()


def key_of(name: str) -> str:
    """Returns what is compared of a name: neither case nor dashes nor "model" at its end matter.

    Example:
        >>> key_of("Gilbert-Elliott") == key_of("GilbertElliottModel") == key_of("gilbert_elliott")
        True
    """
    return re.sub(r"[\W_]", "", name.lower()).removesuffix("model")
