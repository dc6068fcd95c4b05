"""Models to and from YAML, read by the rules of YAML 1.2 and with the line of every error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from failure_api.catalogue.places import PlainDataError
from failure_api.catalogue.reading import from_dict
from failure_api.catalogue.writing import to_dict
from failure_api.catalogue.yaml_schema import core_schema
from failure_api.catalogue.yaml_text import read_yaml
from failure_api.needs import needed

_WIDTH = 88


def to_yaml(models: Any, *, defaults: bool = False) -> str:
    """Returns models as YAML text that `from_yaml` reads.

    Args:
        models: A failure model, a noise model, or a sequence of either.
        defaults: Whether parameters that have their default value are written too.

    Raises:
        InvalidArgumentError: A value that plain data cannot hold.
        MissingDependencyError: PyYAML is not installed.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> print(to_yaml([ProbabilisticModel(failure_prob=0.1)]))
        - {model: probabilistic, failure_prob: 0.1}
        <BLANKLINE>
    """
    yaml = needed("yaml", "YAML")
    plain = to_dict(models, defaults=defaults)
    options = {"sort_keys": False, "allow_unicode": True, "width": _WIDTH}
    return str(yaml.dump(plain, Dumper=core_schema(yaml)[1], default_flow_style=None, **options))


def from_yaml(source: str | Path) -> Any:
    r"""Returns the models that YAML stands for, as `from_dict` does.

    A function is imported by its name: read only what you would run. Tags, anchors and aliases
    are refused, and so is a key that comes twice.

    Args:
        source: YAML text, or the path of a file: a `Path`, or text of one line that ends in
            `.yaml` or `.yml`.

    Raises:
        InvalidArgumentError: The file cannot be read, is no YAML, or stands for no model; the
            error tells the line.
        MissingDependencyError: PyYAML is not installed.

    Example:
        >>> from_yaml("model: delay_based\nmin_delay: 0\nmax_delay: 2").max_delay
        2
    """
    text = read_yaml(source)
    try:
        return from_dict(text.plain)
    except PlainDataError as error:
        # `from_dict` gives a list that stands alone a name.
        raise text.located(error, error.place[isinstance(text.plain, list) :]) from error
