"""Models as plain dictionaries, in nothing but the types of JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.frozen import FrozenArray
from failure_api.serialization.components import (
    Field,
    fields_of,
    name_of_function,
    part_classes,
    tag_of,
)
from failure_api.serialization.paths import KeyPath, refused
from failure_api.serialization.registry import MODELS, OURS, entry_of, name_of, plugins
from failure_api.user_code import name_of as import_name

RESERVED = frozenset({"model", "noise", "type", "function", "links", "agents", "number"})
"""Keys that tell what a dictionary stands for."""

_REMEDY = "make the model in Python, or let its class have to_plain() and from_plain()"


def to_dict(models: Any, *, defaults: bool = False) -> Any:
    """Returns a model as a plain dictionary, or a list of models as a list of dictionaries.

    `from_dict` makes an equal model of it again. Nested models and parts are dictionaries too,
    arrays are nested lists, `{(sender, receiver): value}` is
    `{"links": [[sender, receiver, value], ...]}` and a function is `"module:name"`. A class can
    say itself what stands for it by a method `to_plain()`, which returns a dictionary, and a class
    method `from_plain(dictionary)`.

    Args:
        models: A failure model, a noise model, or a sequence of either.
        defaults: Whether parameters that have their default value are written too.

    Raises:
        InvalidArgumentError: A value that plain data cannot hold, such as a function without a
            name, or a model whose class the catalogue does not know.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> to_dict(ProbabilisticModel(failure_prob={("a", "b"): 0.1}))
        {'model': 'probabilistic', 'failure_prob': {'links': [['a', 'b', 0.1]]}}
    """
    if isinstance(models, MODELS):
        return _tagged(models, (), _How(defaults))
    if isinstance(models, str | Mapping) or not isinstance(models, Sequence):
        remedy = "give a CommunicationModel, a NoiseModel or a list of them"
        raise refused((), "must be a model or a list of models", models, remedy)
    written = []
    for index, model in enumerate(models):
        root = "noise_models" if isinstance(model, NoiseModel) else "failure_models"
        if not isinstance(model, MODELS):
            remedy = "give a CommunicationModel or a NoiseModel"
            raise refused((root, index), "must be a model", model, remedy)
        written.append(_tagged(model, (root, index), _How(defaults)))
    return written


def part_to_dict(part: Any, path: KeyPath, kinds: tuple[type, ...]) -> dict[str, Any]:
    """Returns what `part_from_dict` reads.

    Args:
        part: A part of a model, or another value that is told by the key "type".
        path: Where it stands.
        kinds: The classes that may stand there.

    Raises:
        PlainDataError: A value that plain data cannot hold.
    """
    return _tagged(part, path, _How(False, kinds=kinds))


class _How(NamedTuple):
    """How a value is written.

    Attributes:
        defaults: Whether parameters that have their default value are written too.
        number: Whether text in this place could only be a number.
        kinds: The classes of parts that this place takes.
    """

    defaults: bool
    number: bool = False
    kinds: tuple[type, ...] = ()


def _tagged(value: Any, path: KeyPath, how: _How) -> dict[str, Any]:
    """Returns a model or a part with the key that tells its class."""
    value_class = type(value)
    written = {tag_of(value_class): _name(value, path, how)}
    if hasattr(value, "to_plain"):
        own = dict(value.to_plain())
        return written | {key: _plain(own[key], (*path, str(key)), how) for key in own}
    for field in fields_of(value_class):
        if how.defaults or not is_default(value, field):
            held, where = getattr(value, field.name), (*path, field.key)
            if callable(held) and field.function and not is_dataclass(held):
                written[field.key] = name_of_function(held, where)
            else:
                inner = _How(how.defaults, field.number, field.kinds)
                written[field.key] = _plain(held, where, inner)
    return written


def _name(value: Any, path: KeyPath, how: _How) -> str:
    """Returns the name that finds a value's class again."""
    value_class, name = type(value), name_of(type(value))
    if isinstance(value, MODELS):
        entry = entry_of(value_class)
        found = entry.name if entry is not None else import_name(value_class)
        rule, remedy = "must be a model whose class can be imported", "define it in a module"
    else:
        is_known = part_classes(*(how.kinds or (Component,))).get(name) is value_class
        # Parts come with the models of their package, and others have to be imported by name.
        homes = {OURS, *(entry.value_class.__module__.split(".")[0] for entry in plugins().found)}
        is_known = is_known and value_class.__module__.split(".")[0] in homes
        found = name if is_known else import_name(value_class)
        rule, remedy = "must be something that plain data can hold", _REMEDY
    if found is None:
        raise refused(path, rule, value, remedy)
    return found


def is_default(value: Any, field: Field) -> bool:
    """Returns whether a parameter of a value has its default value."""
    if field.default is MISSING:
        return False
    if getattr(value, field.name) is field.default:
        return True
    # A class may turn its default into something else, so the whole values are compared.
    try:
        return bool(dataclasses.replace(value, **{field.name: field.default}) == value)
    except Exception:
        return False


def _plain(value: Any, path: KeyPath, how: _How) -> Any:
    """Returns any value in the types of JSON."""

    def plain(held: Any, step: str | int) -> Any:
        return _plain(held, (*path, step), how)

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        # JSON has no infinite numbers.
        if math.isfinite(value):
            return value
        return str(value) if how.number else {"number": str(value)}
    if isinstance(value, FrozenArray | np.ndarray):
        value = np.asarray(value).tolist()
    if isinstance(value, Mapping):
        return _mapping(value, plain)
    if isinstance(value, tuple | list):
        return [plain(held, index) for index, held in enumerate(value)]
    if not isinstance(value, type) and (is_dataclass(value) or hasattr(value, "to_plain")):
        return _tagged(value, path, how)
    if callable(value):
        return {"function": name_of_function(value, path)}
    raise refused(path, "must be something that plain data can hold", value, _REMEDY)


def _mapping(value: Mapping[Any, Any], plain: Callable[[Any, Any], Any]) -> dict[str, Any]:
    """Returns a mapping by links, by agents or by words."""
    if value and all(isinstance(key, tuple) and len(key) == 2 for key in value):
        rows = [(*map(_agent, key), plain(held, str(key))) for key, held in value.items()]
        return {"links": [list(row) for row in rows]}
    if all(isinstance(key, str) for key in value) and not RESERVED & set(value):
        return {key: plain(held, key) for key, held in value.items()}
    return {"agents": [[_agent(key), plain(held, str(key))] for key, held in value.items()]}


def _agent(agent_id: Any) -> Any:
    return _plain(agent_id, ("agents",), _How(False))
