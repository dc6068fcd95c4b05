"""A specification from YAML or plain data, with errors that name the key and the line."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from failure_api.core.model import CommunicationModel
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.rules import WholeNumber, is_masked, numbers
from failure_api.environments import APIS, environment_apis
from failure_api.errors import FailureApiError, describe, nearest
from failure_api.evaluation.grid import OBJECT
from failure_api.evaluation.plan import KEYS, Specification
from failure_api.exchanges import Exchange
from failure_api.serialization.paths import DEEPEST, KeyPath, PlainDataError, refused, text_of
from failure_api.serialization.writing import part_to_dict, to_dict
from failure_api.serialization.yaml import YamlText, read_yaml
from failure_api.user_code import is_name, name_of


def read_specification(source: str | Path | Mapping[str, Any]) -> Specification:
    """Reads what a sweep is to do.

    Args:
        source: The path of a YAML file, YAML text, or a dictionary. In a dictionary models and
            the exchange may also be values, such as `ProbabilisticModel(failure_prob=0.1)`, and
            the environment, policies, positions and segments functions or classes.

    Raises:
        InvalidArgumentError: A key that is not known or missing, or a value that breaks its rule;
            for YAML the error tells the line.

    Example:
        >>> specification = read_specification('''
        ... environment: mpe2.simple_spread_v3
        ... policies: assignment
        ... failure_models: [{model: probabilistic, failure_prob: {grid: "0:1:0.5"}}]
        ... ''')
        >>> specification.policies, specification.episodes
        ({'assignment': 'assignment'}, 100)
    """
    with locating(source) as plain:
        return specification_from_dict(plain)


@contextlib.contextmanager
def locating(source: Any) -> Iterator[Any]:
    """Reads plain data, and adds the line of YAML to the errors that arise from it.

    Args:
        source: As in `read_specification`.

    Yields:
        The plain data.
    """
    text = YamlText(source, {}, "") if isinstance(source, Mapping) else read_yaml(source)
    try:
        yield text.plain
    except PlainDataError as error:
        if not text.named:
            raise
        raise text.located(error, error.path) from error


@contextlib.contextmanager
def about(path: KeyPath) -> Iterator[None]:
    """Adds to errors the place that they are about, unless they know it.

    Args:
        path: The place.
    """
    try:
        yield
    except PlainDataError:
        raise
    except FailureApiError as error:
        raise PlainDataError(str(error), path) from error


def specification_from_dict(plain: Any, *, stored: bool = False) -> Specification:
    """Returns the specification that plain data stands for, as `read_specification` does.

    Args:
        plain: As in `read_specification`.
        stored: Whether it comes with results, which can be read where its environment is not
            installed: nothing is imported then.
    """
    if plain is None or (isinstance(plain, Mapping) and not plain):
        remedy = "name at least an environment and failure_models"
        raise refused(("specification",), "must say what to do", plain, remedy)
    if not isinstance(plain, Mapping):
        remedy = f"name an environment and more; known are {', '.join(KEYS)}"
        raise refused(("specification",), "must be a dictionary", plain, remedy)
    present: dict[str, Any] = {}
    for key, held in plain.items():
        word = key.replace("-", "_") if isinstance(key, str) else key
        if word not in KEYS or word in present:
            rule = "must hold each key once" if word in present else "must hold known keys"
            sentence = str(refused(("specification",), rule, key, nearest(key, KEYS)))
            raise PlainDataError(sentence, (str(key),))
        present[word] = held
    present = {key: held for key, held in present.items() if held is not None}
    if "environment" not in present:
        remedy = "name one such as mpe2.simple_spread_v3"
        raise refused(("environment",), "must be given", None, remedy)
    objects: dict[str, Any] = {}
    read = {
        key: reader(present[key], (key,), objects)
        for key, reader in _READERS.items()
        if key in present
    }
    if not (read.get("failure_models") or read.get("noise_models")):
        remedy = "add failure_models, as in [{model: probabilistic, failure_prob: {grid: [0, 1]}}]"
        raise refused(("failure_models",), "must name what fails", None, remedy)
    if not stored or "api" in present:
        read["api"] = _api(read["environment"], present.get("api"), objects)
    return Specification(**read, objects=objects)


def _api(environment: str, value: Any, objects: Mapping[str, Any]) -> str | None:
    """Returns the API that is asked for; for a module "parallel" where it is offered."""
    if value is not None:
        # What a folder's results say is not looked up: they can be read where nothing is installed.
        if value not in APIS:
            rule = f"must be {' or '.join(map(repr, APIS))}"
            raise refused(("api",), rule, value, "name one of the two")
        return str(value)
    if environment in objects:
        return None
    with about(("environment",)):
        offered = environment_apis(environment)
    return offered[-1] if offered else None


_Objects = dict[str, Any]


def _text(value: Any, path: KeyPath, objects: _Objects) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise refused(path, "must be text", value, "give a name")


def _named(value: Any, path: KeyPath, objects: _Objects) -> str:
    """Returns the name of what is named, or of a function, a class or another callable."""
    if not callable(value):
        if isinstance(value, str) and value.strip():
            return value
        remedy = "give a name, such as 'module:name', or a function or class that makes one"
        raise refused(path, "must be a name, or what makes or is one", value, remedy)
    name = name_of(value)
    # What the main module holds is found by that name in this process alone.
    if name is not None and not name.startswith("__main__:"):
        return name
    return _kept(value, name or _title_of(value), objects)


def _kept(value: Any, title: str, objects: _Objects) -> str:
    """Keeps an object under a name that no other has and nobody writes, and returns it."""
    more = (f"<{title} {number}>" for number in itertools.count(2))
    names = itertools.chain([f"<{title}>"], more)
    return next(name for name in names if objects.setdefault(name, value) is value)


def _title_of(value: Any) -> str:
    """Returns what a function, a class or an instance is called."""
    return str(getattr(value, "__name__", type(value).__name__))


def _segments(value: Any, path: KeyPath, objects: _Objects) -> Any:
    if callable(value) or isinstance(value, str):
        return _named(value, path, objects)
    plain = _mapping(value, path, {})
    # Slices, and agents that are no text, are none of JSON's types.
    return plain if plain == value else _kept(value, "segments", objects)


def _policies(value: Any, path: KeyPath, objects: _Objects) -> dict[str, str]:
    """Returns names by label: of one policy, of several, or of some with labels of their own."""
    entries = value if isinstance(value, list | tuple) else [value]
    policies: dict[str, str] = {}
    for index, entry in enumerate(entries):
        where = (*path, index) if isinstance(value, list | tuple) else path
        labelled = entry.items() if isinstance(entry, Mapping) else [(None, entry)]
        for label, policy in labelled:
            name = _named(policy, where if label is None else (*where, str(label)), objects)
            called = str(label or (name if isinstance(policy, str) else _title_of(policy)))
            if called in policies:
                raise refused(where, "must come once", called, "leave it out, or give it a label")
            policies[called] = name
    if not policies:
        raise refused(path, "must be a name or a list of names", value, "give at least one")
    return policies


def _labels(value: Any, path: KeyPath, objects: _Objects) -> dict[str, str]:
    plain = _mapping(value, path, objects)
    return {key: _text(held, (*path, key), objects) for key, held in plain.items()}


def _texts(value: Any, path: KeyPath, objects: _Objects) -> tuple[str, ...]:
    """Returns one name or more, each once."""
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list | tuple) or not value:
        raise refused(path, "must be a name or a list of names", value, "give at least one")
    names = tuple(_text(name, (*path, index), objects) for index, name in enumerate(value))
    for index, name in enumerate(names):
        if name in names[:index]:
            raise refused((*path, index), "must come once", name, "leave one of the two out")
    return names


def _whole(value: Any, path: KeyPath, objects: _Objects, least: int) -> int:
    with about(path):
        return WholeNumber(least).normalise(text_of(path), value)


def _mapping(value: Any, path: KeyPath, objects: _Objects) -> Any:
    if isinstance(value, Mapping):
        return plain_data(value, path, objects)
    raise refused(path, "must be a dictionary", value, "give names with values")


def _exchange(value: Any, path: KeyPath, objects: _Objects) -> Any:
    if isinstance(value, str | Mapping | Exchange):
        return plain_data(value, path, objects)
    remedy = "give a name such as mask_segments, or a dictionary with it as type"
    raise refused(path, "must be an exchange", value, remedy)


def _scalarization(value: Any, path: KeyPath, objects: _Objects) -> Any:
    """Returns weights, or the name of a function."""
    if callable(value) or is_name(value):
        return _named(value, path, objects)
    weights = numbers(value)
    if weights is None or weights.ndim != 1 or not weights.size or not np.isfinite(weights).all():
        remedy = "give a number for each entry of a reward, as in [0.5, 0.5]"
        raise refused(path, "must be a list of weights, or 'module:function'", value, remedy)
    return tuple(weights.tolist())


def _models(value: Any, path: KeyPath, objects: _Objects) -> tuple[Any, ...]:
    """Returns the descriptions of models; one alone is a list of one."""
    if isinstance(value, str | Mapping | CommunicationModel | NoiseModel):
        value = [value]
    if not isinstance(value, list | tuple):
        raise refused(path, "must be a list of models", value, "give a list of dictionaries")
    return tuple(plain_data(held, (*path, index), objects) for index, held in enumerate(value))


_READERS: dict[str, Callable[[Any, KeyPath, _Objects], Any]] = {
    "environment": _named,
    "options": _mapping,
    "positions": _named,
    "segments": _segments,
    "policies": _policies,
    "exchange": _exchange,
    "failure_models": _models,
    "noise_models": _models,
    "episodes": partial(_whole, least=1),
    "seed": partial(_whole, least=0),
    "team": _texts,
    "max_steps": partial(_whole, least=1),
    "severity": _text,
    "labels": _labels,
    "scalarization": _scalarization,
}


def plain_data(value: Any, path: KeyPath, objects: _Objects) -> Any:
    """Returns a value in the types of JSON, with models and exchanges written out.

    Args:
        value: Anything that `from_dict` takes, with grids.
        path: Where it stands.
        objects: Where values are kept that plain data cannot hold.

    Raises:
        PlainDataError: Data that is nested too deep.
    """
    if len(path) > DEEPEST:
        rule = f"must be nested no deeper than {DEEPEST} times"
        raise PlainDataError(f"{text_of(path[:3])}... {rule}: make it flatter.", path)
    if isinstance(value, np.generic | np.ndarray) and not is_masked(value):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        plain: dict[str, Any] = {}
        for key, held in value.items():
            word = key if isinstance(key, str) else describe(key)
            if word in plain:
                raise refused(path, "must give each key once", word, "leave one of the two out")
            plain[word] = plain_data(held, (*path, word), objects)
        return plain
    if isinstance(value, list | tuple | range):
        return [plain_data(held, (*path, index), objects) for index, held in enumerate(value)]
    try:
        if isinstance(value, CommunicationModel | NoiseModel):
            return to_dict(value)
        if isinstance(value, Exchange):
            return part_to_dict(value, path, (Exchange,))
    except FailureApiError:
        # A class or a function in it has no name by which it could be imported.
        pass
    return {OBJECT: _kept(value, _title_of(value), objects)}
