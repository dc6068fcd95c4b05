"""Models from plain dictionaries, with errors that name the place and the nearest known word."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING
from typing import Any

from failure_api.core.model import CommunicationModel
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.rules import Instance
from failure_api.errors import FailureApiError, InvalidArgumentError, describe, nearest, reason
from failure_api.serialization.components import (
    Constructor,
    Field,
    class_named,
    constructors_of,
    fields_of,
    function_named,
    part_classes,
    tag_of,
)
from failure_api.serialization.paths import (
    DEEPEST,
    KeyPath,
    PlainDataError,
    placed,
    refused,
    text_of,
)
from failure_api.serialization.registry import KINDS, MODELS, find, key_of, plugins
from failure_api.user_code import is_name

ROOTS: dict[str, type] = {"failure_models": CommunicationModel, "noise_models": NoiseModel}
_ROWS = {"links": "[sender, receiver, value]", "agents": "[agent, value]"}
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def from_dict(plain: Any) -> Any:
    """Returns the model that a plain dictionary stands for, or a list of models for a list.

    What `to_dict` writes is read, and parameters that have a default may be left out. A name in
    place of a nested dictionary takes all defaults, as in `"path_loss": "friis"`, and values that
    are no plain data are taken as they are. `{"failure_models": [...], "noise_models": [...]}` is
    read as a dictionary of two lists, ready to be given to a wrapper as `**keywords`.

    A function is imported by its name: read only what you would run.

    Args:
        plain: A dictionary that tells its class by the key "model" (failure models) or "noise"
            (noise models), a list of those, or a dictionary with lists of them.

    Raises:
        InvalidArgumentError: A model or a parameter that is not known, or one that is missing or
            wrong; the error says where, and names what comes nearest.

    Example:
        >>> from_dict({"model": "probabilistic", "failure_prob": 0.1})
        ProbabilisticModel(agent_ids=None, failure_prob=0.1, max_bandwidth=1.0)
        >>> from_dict([{"model": "probabilistic", "failure_pob": 0.1}])
        Traceback (most recent call last):
        ...
        failure_api.serialization.paths.PlainDataError: failure_models[0] must hold parameters of \
'probabilistic', but 'failure_pob' was given: did you mean 'failure_prob'?
    """
    try:
        return _read(plain)
    except RecursionError:
        sentence = "models must be nested no deeper than Python can follow: make them flatter."
        raise PlainDataError(sentence, ()) from None


def _read(plain: Any) -> Any:
    """Returns a model, a list of models, or the lists of both kinds."""
    if isinstance(plain, list | tuple):
        first = next((entry for entry in plain if isinstance(entry, Mapping)), {})
        noisy = "noise" in first and "model" not in first
        return _models(plain, ("noise_models" if noisy else "failure_models",))
    if isinstance(plain, Mapping) and plain and set(plain) <= set(ROOTS):
        return {root: _models(plain[root], (root,)) for root in plain}
    return _model(plain, (), None)


def _models(plain: Any, path: KeyPath) -> list[Any]:
    """Returns the models of a list; one model alone is a list of one."""
    kind = ROOTS[str(path[0])]
    if isinstance(plain, Mapping):
        return [_model(plain, path, kind)]
    if not isinstance(plain, list | tuple):
        raise refused(path, "must be a list of models", plain, "give a list of dictionaries")
    return [_model(entry, (*path, index), kind) for index, entry in enumerate(plain)]


def _model(plain: Any, path: KeyPath, kind: type | None) -> Any:
    """Returns a failure model or a noise model."""
    if isinstance(plain, kind or MODELS):
        return plain
    tags = [tag for tag, known in KINDS.items() if kind is None or issubclass(kind, known)]
    if isinstance(plain, str):
        plain = {tags[0]: plain}
    tag = next((tag for tag in tags if isinstance(plain, Mapping) and tag in plain), None)
    if tag is None:
        example = {"model": "probabilistic", "failure_prob": 0.1}
        if tags == ["noise"]:
            example = {"noise": "gaussian_noise"}
        keys = " or ".join(map(repr, tags))
        remedy = f"say which by the key {keys}, as in {example}"
        raise refused(path, "must be a dictionary that stands for a model", plain, remedy)
    where = (*path, tag)
    try:
        entry = find(plain[tag], KINDS[tag], text_of(where))
    except InvalidArgumentError as error:
        raise PlainDataError(str(error), where) from error
    return _make(entry.value_class, entry.name, plain, path)


def class_of(plain: Mapping[str, Any]) -> type:
    """Returns the class of a model, or of a part of one, that plain data stands for.

    Nothing is imported for it.

    Raises:
        InvalidArgumentError: It stands for none that is known.
    """
    for tag, kind in KINDS.items():
        if tag in plain and not is_name(plain[tag]):
            return find(plain[tag], kind, tag).value_class
    known = part_classes(Component)
    found = _named(plain.get("type"), known)
    if found is None:
        raise refused(("type",), "must be the name of a component", plain.get("type"), "name one")
    return known[found]


def part_from_dict(plain: Any, path: KeyPath, kinds: tuple[type, ...]) -> Any:
    """Returns a part of a model, or another value that is told by the key "type".

    Args:
        plain: A dictionary, or the name alone to take all defaults.
        path: Where it stands.
        kinds: The classes that it may derive from; none of them takes every `Component`.

    Raises:
        PlainDataError: No class of these kinds is called so, or it refuses its parameters.
    """
    name = plain if isinstance(plain, str) else plain.get("type")
    kinds = kinds or (Component,)
    if is_name(name):
        found = class_named(name, (*path, "type"), kinds)
        return _make(found, name, {} if isinstance(plain, str) else plain, path)
    if _named(name, part_classes(*kinds)) is None:
        # Another package may bring parts with its models.
        plugins()
    known = part_classes(*kinds)
    found = _named(name, known)
    if found is None:
        rule = f"must be the name of a {' or '.join(kind.__name__ for kind in kinds)}"
        raise refused((*path, "type"), rule, name, nearest(name, known))
    return _make(known[found], found, {} if isinstance(plain, str) else plain, path)


def _named(name: Any, known: Mapping[str, type]) -> str | None:
    if not isinstance(name, str):
        return None
    return next((found for found in known if key_of(found) == key_of(name)), None)


def _make(value_class: Any, name: str, plain: Mapping[Any, Any], path: KeyPath) -> Any:
    """Returns a value of a class with the parameters that plain data gives."""
    tag = tag_of(value_class)
    inputs = {key: held for key, held in plain.items() if key != tag}
    if hasattr(value_class, "from_plain"):
        return _built(lambda: value_class.from_plain(inputs), name, path, {})
    underscored = {key: key.replace("-", "_") if isinstance(key, str) else key for key in inputs}
    _demand_once(inputs, underscored, path)
    inputs = {underscored[key]: held for key, held in inputs.items()}
    if hasattr(value_class, "respelled"):
        spelled, keys = inputs, {str(key): str(key) for key in inputs}
        inputs = _built(lambda: value_class.respelled(spelled), name, path, keys)
    fields = {field.key: field for field in fields_of(value_class)}
    required = [key for key, field in fields.items() if field.default is MISSING]
    constructors = constructors_of(value_class)
    if not inputs.keys() <= fields.keys():
        for constructor in constructors:
            if inputs.keys() <= constructor.words.keys():
                return _constructed(constructor, inputs, name, path)
        ways = [(fields.keys(), required), *((c.words.keys(), c.required) for c in constructors)]
        raise _unsuited(inputs, ways, name, path)
    missing = [key for key in required if key not in inputs]
    if missing:
        rule = f"must give every parameter of {name!r} that has no default"
        raise refused(path, rule, dict(plain), f"add {' and '.join(missing)}")
    arguments = {
        fields[key].name: _field(held, fields[key], (*path, key)) for key, held in inputs.items()
    }
    called = {field.name: key for key, field in fields.items()}
    return _built(lambda: value_class(**arguments), name, path, called)


def _demand_once(given: Mapping[Any, Any], names: Mapping[Any, Any], path: KeyPath) -> None:
    """Raises an error where two keys are names of the same parameter."""
    first: dict[Any, Any] = {}
    for key in given:
        other = first.setdefault(names[key], key)
        if other is not key:
            both = {other: given[other], key: given[key]}
            remedy = "leave one of the two out"
            raise refused(path, "must give each parameter once", both, remedy)


def _unsuited(
    given: Mapping[Any, Any],
    ways: Sequence[tuple[Collection[str], Sequence[str]]],
    name: str,
    path: KeyPath,
) -> PlainDataError:
    """Returns the error for keys that no way to make a value takes.

    Args:
        given: The keys and what they hold.
        ways: For the class and each of its constructors all words, and those without a default.
        name: What the class is called.
        path: Where the keys stand.
    """
    rule = f"must hold parameters of {name!r}"
    everywhere = {word for words, _ in ways for word in words}
    unknown = next((key for key in given if key not in everywhere), None)
    if unknown is None:
        together = ", or ".join(" and ".join(required or words) for words, required in ways)
        remedy = f"give {together}, without words of the others"
        return refused(path, f"{rule} that belong together", dict(given), remedy)
    # What somebody has begun to write is the way that knows most of the words.
    words = max((words for words, _ in ways), key=lambda words: len(given.keys() & {*words}))
    if given.keys().isdisjoint(words):
        words = everywhere
    remedy = nearest(unknown, words) if words else "leave it out"
    error = refused(path, rule, unknown, remedy)
    return PlainDataError(error.sentence, (*path, _step(unknown)))


def _constructed(
    constructor: Constructor, given: Mapping[Any, Any], name: str, path: KeyPath
) -> Any:
    """Returns a value that one of the other constructors of its class makes."""
    _demand_once(given, constructor.words, path)
    missing = [
        word
        for word in constructor.required
        if constructor.words[word] not in {constructor.words[key] for key in given}
    ]
    if missing:
        rule = f"must give every parameter of {name!r} by {constructor.function.__name__}"
        raise refused(path, rule, dict(given), f"add {' and '.join(missing)}")
    arguments = {
        constructor.words[key]: _value(held, (*path, key), (), True) for key, held in given.items()
    }
    called = {constructor.words[key]: key for key in given}
    return _built(lambda: constructor.function(**arguments), name, path, called)


def _built(make: Callable[[], Any], name: str, path: KeyPath, parameters: dict[str, str]) -> Any:
    try:
        return make()
    except PlainDataError:
        raise
    except FailureApiError as error:
        raise placed(error, path, parameters) from error
    except Exception as error:
        rule = f"must describe {name!r}, which its class refuses ({reason(error)})"
        raise PlainDataError(f"{text_of(path)} {rule}: fix it.", path) from error


def _field(plain: Any, field: Field, path: KeyPath) -> Any:
    """Returns the value of a parameter, as its type asks for it."""
    if isinstance(plain, str):
        if field.model is not None:
            return _model(plain, path, field.model)
        named = _named(plain, part_classes(*field.kinds)) is not None
        if isinstance(field.rule, Instance) or (field.function and named):
            return part_from_dict(plain, path, field.kinds)
        if field.function:
            return function_named(plain, path)
    return _value(plain, path, field.kinds, field.number, field.model)


def _value(
    plain: Any, path: KeyPath, kinds: tuple[type, ...], number: bool = False, model: Any = None
) -> Any:
    """Returns what a value of plain data stands for.

    In its place stand parts of some kinds, a kind of model (None: either, or none), and, with
    `number`, text that can only be a number.
    """
    if len(path) > DEEPEST:
        rule = f"must be nested no deeper than {DEEPEST} times"
        raise PlainDataError(f"{text_of(path[:3])}... {rule}: make it flatter.", path)

    def value(held: Any, step: str | int) -> Any:
        return _value(held, (*path, step), kinds, number, model)

    if isinstance(plain, list | tuple):
        return tuple(value(held, index) for index, held in enumerate(plain))
    if isinstance(plain, str):
        return _NOT_FINITE.get(plain, plain) if number else plain
    if not isinstance(plain, Mapping):
        return plain
    tagged = [kind for tag, kind in KINDS.items() if tag in plain]
    # A part may have a parameter that is called like the key which tells a model.
    if "type" in plain and (not tagged or _named(plain["type"], part_classes(*kinds))):
        return part_from_dict(plain, path, kinds)
    if tagged:
        return _model(plain, path, model or tagged[0])
    if set(plain) == {"function"}:
        return function_named(plain["function"], path)
    if set(plain) == {"number"}:
        return _value(plain["number"], (*path, "number"), (), True)
    for rows, form in _ROWS.items():
        if set(plain) == {rows}:
            return _mapping(plain[rows], form, (*path, rows), value)
    return {key: value(held, _step(key)) for key, held in plain.items()}


def _step(key: Any) -> str:
    """Returns a key as places show it."""
    return key if isinstance(key, str) else describe(key)


def _mapping(
    plain: Any, form: str, path: KeyPath, value: Callable[[Any, Any], Any]
) -> dict[Any, Any]:
    """Returns a mapping by links or by agents, from a list of rows."""
    if not isinstance(plain, list | tuple):
        raise refused(path, f"must be a list of rows {form}", plain, "give one row each")
    mapping: dict[Any, Any] = {}
    for index, row in enumerate(plain):
        where = (*path, index)
        if not isinstance(row, list | tuple) or len(row) != len(form.split(",")):
            raise refused(where, f"must be a row {form}", row, "give one row each")
        key = tuple(_value(part, where, ()) for part in row[:-1])
        key = key if len(key) == 2 else key[0]
        try:
            repeated = key in mapping
        except TypeError as error:
            raise refused(where, f"must be a row {form}", row, "give agents' ids") from error
        if repeated:
            raise refused(where, "must come once", row, "leave one of the two out")
        mapping[key] = value(row[-1], index)
    return mapping
