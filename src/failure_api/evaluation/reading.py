"""A specification from YAML or plain data, with errors that name the key and the line."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from failure_api.core.model import CommunicationModel
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.rules import holds_flags, is_masked
from failure_api.environments import environment_apis
from failure_api.errors import FailureApiError, InvalidArgumentError, nearest
from failure_api.evaluation.plan import KEYS, Specification
from failure_api.evaluation.policies.user_code import look_here
from failure_api.exchanges import Exchange
from failure_api.serialization.paths import DEEPEST, KeyPath, PlainDataError, refused, text_of
from failure_api.serialization.writing import part_to_dict, to_dict
from failure_api.serialization.yaml import YamlText, read_yaml

_LARGEST = 2**31 - 1


def read_specification(source: str | Path | Mapping[str, Any]) -> Specification:
    """Reads what a sweep is to do.

    Args:
        source: The path of a YAML file, YAML text, or a dictionary. In a dictionary models and
            the exchange may also be values, such as `ProbabilisticModel(failure_prob=0.1)`.

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
        (('assignment',), 100)
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


def specification_from_dict(plain: Any) -> Specification:
    """Returns the specification that plain data stands for, as `read_specification` does."""
    if plain is None or (isinstance(plain, Mapping) and not plain):
        remedy = "name at least an environment and failure_models"
        raise refused(("specification",), "must say what to do", plain, remedy)
    if not isinstance(plain, Mapping):
        remedy = f"name an environment and more; known are {', '.join(KEYS)}"
        raise refused(("specification",), "must be a dictionary", plain, remedy)
    for key in plain:
        if key not in KEYS:
            rule = "must hold known keys"
            sentence = str(refused(("specification",), rule, key, nearest(key, KEYS)))
            raise PlainDataError(sentence, (str(key),))
    if plain.get("environment") is None:
        remedy = "name one such as mpe2.simple_spread_v3"
        raise refused(("environment",), "must be given", None, remedy)
    given = {key: held for key, held in plain.items() if held is not None}
    environment = _text(given["environment"], ("environment",))
    api = _api(environment, given.get("api"))
    readers: dict[str, Callable[[Any, KeyPath], Any]] = {
        "options": _mapping,
        "policies": _texts,
        "exchange": _exchange,
        "failure_models": _models,
        "noise_models": _models,
        "episodes": lambda held, path: _whole(held, path, 1),
        "seed": lambda held, path: _whole(held, path, 0),
        "team": _texts,
        "max_steps": lambda held, path: _whole(held, path, 1),
        "severity": _text,
        "scalarization": _scalarization,
    }
    read = {key: reader(given[key], (key,)) for key, reader in readers.items() if key in given}
    if not (read.get("failure_models") or read.get("noise_models")):
        remedy = "add failure_models, as in [{model: probabilistic, failure_prob: {grid: [0, 1]}}]"
        raise refused(("failure_models",), "must name what fails", None, remedy)
    return Specification(environment=environment, api=api, **read)


def _api(environment: str, given: Any) -> str:
    """Returns the API that is asked for; "parallel" where nothing is said and it is offered."""
    look_here()
    try:
        offered = environment_apis(environment)
    except InvalidArgumentError as error:
        raise PlainDataError(str(error), ("environment",)) from error
    if given is None:
        return "parallel" if "parallel" in offered else offered[0]
    if given not in offered:
        listed = " or ".join(map(repr, offered))
        raise refused(("api",), f"must be {listed} for {environment}", given, "name one that is")
    return str(given)


def _text(given: Any, path: KeyPath) -> str:
    if isinstance(given, str) and given.strip():
        return given
    raise refused(path, "must be text", given, "give a name")


def _texts(given: Any, path: KeyPath) -> tuple[str, ...]:
    """Returns one name or more, each once."""
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list | tuple) or not given:
        raise refused(path, "must be a name or a list of names", given, "give at least one")
    names = tuple(_text(name, (*path, index)) for index, name in enumerate(given))
    for index, name in enumerate(names):
        if name in names[:index]:
            raise refused((*path, index), "must come once", name, "leave one of the two out")
    return names


def _whole(given: Any, path: KeyPath, least: int) -> int:
    number = least - 1
    # What is foreign may raise anything.
    with contextlib.suppress(Exception):
        if not (holds_flags(given) or is_masked(given)):
            number = operator.index(given)
    if not least <= number <= _LARGEST:
        rule = f"must be a whole number from {least} to {_LARGEST}"
        raise refused(path, rule, given, "give an integer")
    return number


def _mapping(given: Any, path: KeyPath) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise refused(path, "must be a dictionary", given, "give names with values")
    plain: dict[str, Any] = plain_data(given, path)
    return plain


def _exchange(given: Any, path: KeyPath) -> Any:
    if isinstance(given, str | Mapping | Exchange):
        return plain_data(given, path)
    remedy = "give a name such as mask_segments, or a dictionary with it as type"
    raise refused(path, "must be an exchange", given, remedy)


def _scalarization(given: Any, path: KeyPath) -> Any:
    plain = plain_data(given, path)
    if isinstance(plain, str):
        module, colon, function = plain.partition(":")
        if colon and all(
            part.isidentifier() for part in [*module.split("."), *function.split(".")]
        ):
            return plain
    elif isinstance(plain, list) and plain:
        numbers = [isinstance(each, int | float) and not isinstance(each, bool) for each in plain]
        if all(numbers) and np.isfinite(plain).all():
            return tuple(map(float, plain))
    remedy = "give a number for each entry of a reward, as in [0.5, 0.5]"
    raise refused(path, "must be a list of weights, or 'module:function'", given, remedy)


def _models(given: Any, path: KeyPath) -> tuple[Any, ...]:
    """Returns the descriptions of models; one alone is a list of one."""
    if isinstance(given, str | Mapping | CommunicationModel | NoiseModel):
        given = [given]
    if not isinstance(given, list | tuple):
        raise refused(path, "must be a list of models", given, "give a list of dictionaries")
    return tuple(plain_data(held, (*path, index)) for index, held in enumerate(given))


def plain_data(value: Any, path: KeyPath) -> Any:
    """Returns a value in the types of JSON, with models and exchanges written out.

    Args:
        value: Anything that `from_dict` takes, with grids.
        path: Where it stands.

    Raises:
        PlainDataError: Something that plain data cannot hold.
    """
    if len(path) > DEEPEST:
        rule = f"must be nested no deeper than {DEEPEST} times"
        raise PlainDataError(f"{text_of(path[:3])}... {rule}: make it flatter.", path)
    if isinstance(value, np.generic | np.ndarray) and not is_masked(value):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_data(held, (*path, str(key))) for key, held in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain_data(held, (*path, index)) for index, held in enumerate(value)]
    try:
        if isinstance(value, CommunicationModel | NoiseModel):
            return to_dict(value)
        if isinstance(value, Exchange):
            return part_to_dict(value, path, (Exchange,))
    except PlainDataError:
        raise
    except FailureApiError as error:
        raise PlainDataError(str(error), path) from error
    remedy = "give numbers, text, lists and dictionaries"
    raise refused(path, "must be something that plain data can hold", value, remedy)
