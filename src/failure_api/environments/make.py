"""Environments by name: `make_environment("mpe2.simple_spread_v3", N=5)`.

A name is an importable module that follows PettingZoo's convention of offering `env` (AEC) and
`parallel_env` (Parallel), a function or class of the user's own as `module:name`, or the id of an
environment that is registered with PettingZoo or gymnasium.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import gymnasium
import pettingzoo
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import parallel_to_aec

from failure_api.environments.adapters import as_parallel
from failure_api.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    invalid,
    nearest,
    reason,
)
from failure_api.user_code import ANYTHING, is_name, look_here, module_of, named

_CONSTRUCTORS = {"aec": "env", "parallel": "parallel_env"}
APIS = tuple(_CONSTRUCTORS)
"""For agents that act one after another, and for all at once."""

# Where each package keeps the modules that are environments.
_HOMES = {"mpe2": "*_v*.py", "pettingzoo": "*/*_v*.py"}


def make_environment(name: Any, *, api: str | None = "aec", **options: Any) -> Any:
    """Builds an environment from its name.

    Args:
        name: An importable module, such as "mpe2.simple_spread_v3"; `module:name`, a function or
            class that makes an environment, or that itself; or an id, such as
            "butterfly/pistonball-v6" of PettingZoo or "lbforaging:Foraging-8x8-2p-3f-v3" of
            gymnasium, where `lbforaging` is the module that registers it. Modules of the current
            directory are found, too.
        api: "aec" for agents that act one after another, "parallel" for all at once; None takes
            what is made, and "parallel" where both are offered.
        **options: The environment's own options, such as `N` or `max_cycles`.

    Returns:
        A PettingZoo `AECEnv` or `ParallelEnv`, in an adapter where an environment of another
        interface is made.

    Raises:
        InvalidArgumentError: No such environment, API or option, or it cannot be made.
        WrongEnvironmentError: What is made is no environment with several agents.
        MissingDependencyError: A package that the environment needs is not installed.

    Example:
        >>> make_environment("mpe2.simple_spread_v3", N=4).possible_agents
        ['agent_0', 'agent_1', 'agent_2', 'agent_3']
        >>> from mpe2 import simple_tag_v3
        >>> len(make_environment(simple_tag_v3.parallel_env, api=None).possible_agents)
        4
    """
    source = _find(name, api)
    known = source.options
    for option in options:
        if known is not None and option not in known:
            rule = f"must be known to {source.title} (which takes {', '.join(known)})"
            remedy = nearest(option, known) if _similar(option, known) else "leave it out"
            raise invalid("options", rule, option, remedy)
    try:
        made = source.constructors[_chosen(source, api)](**options)
    except ImportError as error:
        raise _missing(source.title, error) from error
    except ANYTHING as error:
        if not options:
            rule = f"must be one that can be made ({reason(error)})"
            raise invalid("environment", rule, name, "fix it, or give it options") from error
        why = " ".join(str(error).split()).rstrip(".").replace(". ", "; ")
        rule = f"must suit {source.title} ({why or type(error).__name__})"
        takes = f"it takes {', '.join(known)}" if known else "its documentation lists what it takes"
        raise invalid("options", rule, dict(options), takes) from error
    return _checked(made, source, api)


def _checked(made: Any, source: _Source, api: str | None) -> Any:
    """Returns what was made as an environment of PettingZoo's, with the API that is asked for."""
    is_other = not isinstance(made, AECEnv | ParallelEnv)
    if not isinstance(made, AECEnv):
        made = as_parallel(made)
    if is_other and api == "aec":
        return parallel_to_aec(made)
    found = "parallel" if isinstance(made, ParallelEnv) else "aec"
    if api not in (None, found):
        rule = f"must be {found!r} for {source.title}"
        raise invalid("api", rule, api, f"ask for api={found!r}")
    return made


def environment_options(name: str, *, api: str = "aec") -> tuple[str, ...] | None:
    """Returns the names of the options that an environment takes.

    Args:
        name: As in `make_environment`.
        api: As in `make_environment`.

    Returns:
        The names in their order; None for an environment that does not declare them.

    Example:
        >>> environment_options("mpe2.simple_spread_v3")[:3]
        ('N', 'local_ratio', 'max_cycles')
    """
    return _find(name, api).options


def environment_apis(name: str) -> tuple[str, ...]:
    """Returns the APIs that an environment offers: "aec", "parallel" or both.

    Args:
        name: As in `make_environment`.

    Returns:
        The APIs; none where only an environment that has been made can tell.

    Raises:
        InvalidArgumentError: No such environment.
        MissingDependencyError: A package that the environment needs is not installed.

    Example:
        >>> environment_apis("mpe2.simple_spread_v3")
        ('aec', 'parallel')
    """
    return tuple(api for api in _source_of(name).constructors if api is not None)


def known_environments() -> tuple[str, ...]:
    """Returns the names of the environments in the installed mpe2 and PettingZoo.

    The modules are listed, not imported: some need packages that may not be there.

    Example:
        >>> "mpe2.simple_spread_v3" in known_environments()
        True
    """
    names: list[str] = []
    for package, pattern in _HOMES.items():
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            files = (file.relative_to(folder) for file in Path(folder).glob(pattern))
            names += [".".join((package, *file.with_suffix("").parts)) for file in files]
    return tuple(sorted(names))


class _Source(NamedTuple):
    """What makes an environment.

    Attributes:
        title: What it is called.
        constructors: Functions by the API of what they make; by None where that shows afterwards.
        options: Names of the arguments that they take; None where they do not tell.
    """

    title: str
    constructors: Mapping[str | None, Callable[..., Any]]
    options: tuple[str, ...] | None


def _find(name: Any, api: str | None) -> _Source:
    """Returns what makes an environment of a name, with the API that is asked for."""
    if api is not None and api not in APIS:
        raise invalid("api", "must be 'aec' or 'parallel'", api, "choose one of the two")
    source = _source_of(name)
    if api is not None and None not in source.constructors and api not in source.constructors:
        only = next(iter(source.constructors))
        raise invalid("api", f"must be {only!r} for {source.title}", api, f"ask for api={only!r}")
    return source


def _chosen(source: _Source, api: str | None) -> str | None:
    """Returns which of the constructors is asked for."""
    return api if api in source.constructors else list(source.constructors)[-1]


def _source_of(name: Any) -> _Source:
    """Returns what makes an environment of a name."""
    if callable(name):
        title = str(getattr(name, "__name__", type(name).__name__))
        return _Source(title, {None: name}, _parameters(name))
    if not isinstance(name, str):
        raise _unknown(name)
    if all(word.isidentifier() for word in name.split(".")):
        return _in_module(name)
    if is_name(name):
        made_by = named(name, "environment")
        if not callable(made_by):
            rule = "must name a function or a class that makes an environment"
            raise invalid("environment", rule, name, "name another one")
        return _Source(name, {None: made_by}, _parameters(made_by))
    return _registered(name)


def _in_module(name: str) -> _Source:
    """Returns what a module offers, by PettingZoo's convention."""
    module = _import(name)
    constructors: dict[str | None, Callable[..., Any]] = {
        api: getattr(module, function)
        for api, function in _CONSTRUCTORS.items()
        if hasattr(module, function)
    }
    if not constructors:
        makers = [
            word
            for word, value in vars(module).items()
            if callable(getattr(value, "reset", None)) and callable(getattr(value, "step", None))
        ]
        if not makers:
            raise _unknown(name)
        rule = "must have `env` or `parallel_env`, or be named with what makes an environment in it"
        raise invalid("environment", rule, name, f"name one, as in '{name}:{makers[-1]}'")
    # `env` and `parallel_env` pass everything on; the class behind them says what there is.
    described = getattr(module, "raw_env", None) or getattr(module, "env", None)
    return _Source(name, constructors, _parameters(described or module.parallel_env))


def _registered(name: str) -> _Source:
    """Returns what makes the environment of an id."""
    # PettingZoo has a registry since 1.26.
    registries = {api: getattr(pettingzoo, f"{api}_registry", {}) for api in APIS}
    constructors: dict[str | None, Callable[..., Any]] = {
        api: partial(pettingzoo.make, api, name)
        for api, registry in registries.items()
        if name in registry
    }
    if not constructors:
        look_here()
        try:
            # As in gymnasium, a module that registers it may stand before an id.
            module, _, plain = name.rpartition(":")
            if module:
                module_of(module, "environment")
            gymnasium.spec(plain)
        except InvalidArgumentError:
            raise
        except ImportError as error:
            raise _missing(name, error) from error
        except ANYTHING as error:
            raise _unknown(name, [*registries["aec"], *gymnasium.registry]) from error
        # Its checker knows environments with one agent.
        constructors[None] = partial(gymnasium.make, name, disable_env_checker=True)
    return _Source(name, constructors, None)


def _parameters(function: Any) -> tuple[str, ...] | None:
    """Returns the names of what a function takes; None where it takes any or does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return tuple(parameter.name for parameter in parameters)


def _import(name: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            # PettingZoo's own modules call their own import deprecated; no user can act on that.
            warnings.simplefilter("ignore", DeprecationWarning)
            return module_of(name, "environment")
    except InvalidArgumentError as refusal:
        error = refusal.__cause__
        if not isinstance(error, ImportError):
            raise
        absent = error.name if isinstance(error, ModuleNotFoundError) else None
        part_of_name = absent is not None and f"{name}.".startswith(f"{absent}.")
        package = name.partition(".")[0]
        if part_of_name and package in _HOMES and importlib.util.find_spec(package) is None:
            raise MissingDependencyError(
                f"{name} needs the package {package!r}, which is not installed: "
                f"install it with `pip install {package}`."
            ) from error
        if name in known_environments() or (absent is not None and not part_of_name):
            raise _missing(name, error) from error
        raise _unknown(name) from error


def _unknown(name: object, ids: list[str] | None = None) -> InvalidArgumentError:
    known = [*known_environments(), *(ids or ())]
    rule = (
        "must name a module that has `env` or `parallel_env`, a function or class "
        "as module:name, or an id of PettingZoo or gymnasium"
    )
    similar = isinstance(name, str) and _similar(name, known)
    remedy = nearest(name, known) if similar else f"name one such as {known[0]!r}"
    return invalid("environment", rule, name, remedy)


def _missing(name: str, error: ImportError) -> MissingDependencyError:
    package, *folders = name.split(".")
    extra = package == "pettingzoo" and folders
    needed = f"the package {error.name!r}" if error.name else "a package"
    wanted = f"'{package}[{folders[0]}]'" if extra else error.name or package
    return MissingDependencyError(
        f"{name} needs {needed}, which is not installed: install it with `pip install {wanted}`."
    )


def _similar(word: str, known: list[str] | tuple[str, ...]) -> bool:
    return bool(difflib.get_close_matches(word, known, n=1, cutoff=0.5))
