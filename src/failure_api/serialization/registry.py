"""Which models there are: those of this package, and those that others registered.

A package registers a model of its own by an entry point whose name is the model's:

    [project.entry-points."failure_api.models"]
    my_fading = "my_package.fading:MyFadingModel"
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from failure_api.core.model import CommunicationModel
from failure_api.core.noise import NoiseModel
from failure_api.core.parameters.fields import rules_of
from failure_api.errors import FailureApiError, describe, invalid, nearest, reason
from failure_api.user_code import is_name, named

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


GROUPS = ("failure_api.models", "failure_api.noise_models")
"""The groups of entry points that are read; either may hold models of both kinds."""

KINDS: dict[str, type] = {"model": CommunicationModel, "noise": NoiseModel}
"""The kinds of models, by the key of plain data that tells them."""
MODELS = tuple(KINDS.values())

_HOMES = ("failure_api.communication_models", "failure_api.noise_models")
OURS = "failure_api"


class BrokenPluginError(FailureApiError, ImportError):
    """Another package registered a model that cannot be used."""


class Entry(NamedTuple):
    """A model that can be found.

    Attributes:
        name: What it is called.
        value_class: Its class.
        origin: The distribution that it comes from.
    """

    name: str
    value_class: type[CommunicationModel] | type[NoiseModel]
    origin: str


class Broken(NamedTuple):
    """A model that another package registered and that cannot be used.

    Attributes:
        name: What it would be called.
        origin: The distribution that registered it.
        reason: What is wrong, and what to do.
    """

    name: str
    origin: str
    reason: str


class Plugins(NamedTuple):
    """What other packages registered."""

    found: tuple[Entry, ...]
    broken: tuple[Broken, ...]


@functools.cache
def built_in() -> tuple[Entry, ...]:
    """Returns the models of this package, failure models before noise models."""
    entries: dict[Any, Entry] = {}
    for module in map(import_module, _HOMES):
        for value in (getattr(module, name) for name in module.__all__):
            if _is_model(value):
                entries.setdefault(value, Entry(name_of(value), value, OURS))
    return tuple(entries.values())


def plugins() -> Plugins:
    """Loads what other packages registered, and tells what works from what does not."""
    taken = {key_of(entry.name): entry for entry in built_in()}
    found: list[Entry] = []
    broken: list[Broken] = []
    for entry_point in _registered():
        loaded = _load(entry_point, taken)
        if isinstance(loaded, Broken):
            broken.append(loaded)
        elif key_of(loaded.name) not in taken:
            taken[key_of(loaded.name)] = loaded
            found.append(loaded)
    return Plugins(tuple(found), tuple(broken))


def find(name: Any, kind: type | None = None, argument: str = "name") -> Entry:
    """Returns the model of a name, in whatever case, with dashes or underscores.

    Args:
        name: What it is called, its class's name, or `module:Class`.
        kind: The class that it must derive from; None takes failure and noise models.
        argument: What errors call the name.

    Raises:
        BrokenPluginError: Another package registered it, and it cannot be used.
        InvalidArgumentError: No model of that kind is called so.

    Example:
        >>> find("Delay-Based").value_class.__name__
        'DelayBasedModel'
    """
    rule = f"must be the name of {_CALLED.get(kind, 'a model')}"
    if is_name(name):
        found = named(name, argument)
        if not _is_model(found) or not issubclass(found, kind or object):
            raise invalid(argument, rule, name, "name a class that derives from one")
        return Entry(name, found, name.partition(":")[0])
    key = key_of(name) if isinstance(name, str) else None
    known = _by_key(built_in(), kind)
    if key not in known:
        others = plugins()
        known |= _by_key(others.found, kind)
        for plugin in others.broken:
            if key_of(plugin.name) == key and key not in known:
                raise BrokenPluginError(plugin.reason)
    if key in known:
        return known[key]
    word = name.lower().replace("-", "_") if isinstance(name, str) else name
    remedy = nearest(word, [entry.name for entry in known.values()])
    raise invalid(argument, rule, name, remedy)


_CALLED: dict[Any, str] = {CommunicationModel: "a failure model", NoiseModel: "a noise model"}


def _by_key(entries: Iterable[Entry], kind: type | None) -> dict[Any, Entry]:
    derived = [entry for entry in entries if issubclass(entry.value_class, kind or object)]
    return {key_of(entry.name): entry for entry in derived}


def entry_of(value_class: type) -> Entry | None:
    """Returns what the catalogue knows of a class; None where it does not know it."""

    def holding(entries: Iterable[Entry]) -> Entry | None:
        return next((entry for entry in entries if entry.value_class is value_class), None)

    return holding(built_in()) or holding(plugins().found)


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, MODELS) and not inspect.isabstract(value)


def _registered() -> list[EntryPoint]:
    every = [entry_point for group in GROUPS for entry_point in entry_points(group=group)]
    return sorted(every, key=lambda entry_point: (_distribution(entry_point), entry_point.name))


def _distribution(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else "an unknown distribution"


def _load(entry_point: EntryPoint, taken: dict[str, Entry]) -> Entry | Broken:
    """Returns the model behind an entry point, or what is wrong with it."""
    name, origin = entry_point.name.lower().replace("-", "_"), _distribution(entry_point)
    subject = f"The entry point {entry_point.name!r} of {origin} ({entry_point.value})"

    def broken(reason: str) -> Broken:
        return Broken(name, origin, f"{subject} {reason}.")

    try:
        value_class = entry_point.load()
    # A module that ends the program when it is imported must not end ours.
    except (Exception, SystemExit) as error:
        return broken(f"cannot be loaded ({reason(error)}): fix {origin} or uninstall it")
    if not _is_model(value_class):
        return broken(
            "must be a class derived from CommunicationModel or NoiseModel, with every method "
            f"they ask for, but is {describe(value_class)}: name such a class in its place"
        )
    try:
        rules_of(value_class)
    except Exception as error:
        return broken(f"has fields whose types cannot be read ({reason(error)}): fix {origin}")
    holder = taken.get(key_of(name))
    if holder is not None and holder.value_class is not value_class:
        whose = f"{holder.value_class.__name__} of {holder.origin}"
        return broken(f"takes a name that {whose} already has: rename the entry point")
    return Entry(name, value_class, origin)
