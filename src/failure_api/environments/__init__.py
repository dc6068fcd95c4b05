"""Environments by name: `make_environment("mpe2.simple_spread_v3", N=5)`.

A name is an importable module that follows PettingZoo's convention of offering `env` (AEC) and
`parallel_env` (Parallel), so users' own environments have names as well. What these make may have
another interface than PettingZoo's: `as_parallel` and the functions beside it adapt it.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pettingzoo import AECEnv
from pettingzoo.utils import parallel_to_aec

from failure_api.environments.adapters import (
    as_parallel,
    from_dicts,
    from_rllib,
    from_tuple,
    to_tuple,
)
from failure_api.errors import (
    FailureApiError,
    InvalidArgumentError,
    MissingDependencyError,
    invalid,
    nearest,
)

__all__ = [
    "as_parallel",
    "environment_apis",
    "environment_options",
    "from_dicts",
    "from_rllib",
    "from_tuple",
    "known_environments",
    "layers",
    "make_environment",
    "to_tuple",
]

_CONSTRUCTORS = {"aec": "env", "parallel": "parallel_env"}
# Where each package keeps the modules that are environments.
_HOMES = {"mpe2": "*_v*.py", "pettingzoo": "*/*_v*.py"}

BELOW = ("env", "aec_env", "par_env", "_env")
"""Where environments keep the one that they wrap or convert."""


def make_environment(name: str, *, api: str = "aec", **options: Any) -> Any:
    """Builds an environment from its name.

    Args:
        name: An importable module, such as "mpe2.simple_spread_v3" or
            "pettingzoo.butterfly.pistonball_v6".
        api: "aec" for agents that act one after another, "parallel" for all at once.
        **options: The environment's own options, such as `N` or `max_cycles`.

    Returns:
        A PettingZoo `AECEnv` or `ParallelEnv`, in an adapter where the module makes an
        environment of another interface.

    Raises:
        InvalidArgumentError: No such environment, API or option.
        WrongEnvironmentError: What the module makes is no environment with several agents.
        MissingDependencyError: A package that the environment needs is not installed.

    Example:
        >>> make_environment("mpe2.simple_spread_v3", N=4).possible_agents
        ['agent_0', 'agent_1', 'agent_2', 'agent_3']
    """
    module, constructor = _find(name, api)
    known = _options(module)
    for option in options:
        if known is not None and option not in known:
            raise _unknown_option(name, option, known)
    try:
        made = constructor(**options)
    except ImportError as error:
        raise _missing(name, error) from error
    except (TypeError, ValueError, AssertionError) as error:
        raise _refused(name, options, known, error) from error
    if api == "aec":
        return made if isinstance(made, AECEnv) else parallel_to_aec(as_parallel(made))
    return as_parallel(made)


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
    module, _ = _find(name, api)
    return _options(module)


def environment_apis(name: str) -> tuple[str, ...]:
    """Returns the APIs that an environment offers: "aec", "parallel" or both.

    Args:
        name: As in `make_environment`.

    Raises:
        InvalidArgumentError: No such environment.
        MissingDependencyError: A package that the environment needs is not installed.

    Example:
        >>> environment_apis("mpe2.simple_spread_v3")
        ('aec', 'parallel')
    """
    return _offered(name, _import(name))


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
            for file in Path(folder).glob(pattern):
                module = file.relative_to(folder).with_suffix("")
                names.append(".".join((package, *module.parts)))
    return tuple(sorted(names))


def _find(name: str, api: str) -> tuple[ModuleType, Any]:
    if api not in _CONSTRUCTORS:
        raise invalid("api", "must be 'aec' or 'parallel'", api, "choose one of the two")
    module = _import(name)
    offered = _offered(name, module)
    if api not in offered:
        raise invalid(
            "api", f"must be {offered[0]!r} for {name}", api, f"ask for api={offered[0]!r}"
        )
    return module, getattr(module, _CONSTRUCTORS[api])


def _offered(name: str, module: ModuleType) -> tuple[str, ...]:
    offered = tuple(kind for kind, made_by in _CONSTRUCTORS.items() if hasattr(module, made_by))
    if not offered:
        raise _unknown(name)
    return offered


def _import(name: str) -> ModuleType:
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        raise _unknown(name)
    try:
        with warnings.catch_warnings():
            # PettingZoo's own modules call their own import deprecated; no user can act on that.
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module(name)
    except ImportError as error:
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


def _options(module: ModuleType) -> tuple[str, ...] | None:
    # `env` and `parallel_env` pass everything on; the class behind them says what there is.
    described = getattr(module, "raw_env", None) or getattr(module, "env", None)
    parameters = inspect.signature(described or module.parallel_env).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return tuple(parameter.name for parameter in parameters)


def _unknown(name: object) -> InvalidArgumentError:
    known = known_environments()
    rule = "must name an installed module that has `env` or `parallel_env`"
    if _similar(name if isinstance(name, str) else "", known):
        return invalid("environment", rule, name, nearest(name, known))
    return invalid("environment", rule, name, f"name one such as {known[0]!r}")


def _missing(name: str, error: ImportError) -> FailureApiError:
    package, *folders = name.split(".")
    extra = f"{package}[{folders[0]}]" if package == "pettingzoo" and folders else None
    needed = f"the package {error.name!r}" if error.name else "a package"
    command = f"`pip install '{extra}'`" if extra else f"`pip install {error.name or package}`"
    return MissingDependencyError(
        f"{name} needs {needed}, which is not installed: install it with {command}."
    )


def _unknown_option(name: str, option: str, known: tuple[str, ...]) -> InvalidArgumentError:
    rule = f"must be known to {name} (which takes {', '.join(known)})"
    remedy = nearest(option, known) if _similar(option, known) else "leave it out"
    return invalid("options", rule, option, remedy)


def _similar(word: str, known: tuple[str, ...]) -> bool:
    return bool(difflib.get_close_matches(word, known, n=1, cutoff=0.5))


def _refused(
    name: str, options: Mapping[str, Any], known: tuple[str, ...] | None, error: Exception
) -> InvalidArgumentError:
    reason = " ".join(str(error).split()).rstrip(".").replace(". ", "; ") or type(error).__name__
    takes = f"it takes {', '.join(known)}" if known else "its documentation lists what it takes"
    return invalid("options", f"must suit {name} ({reason})", dict(options), takes)


def layers(env: Any) -> Iterator[Any]:
    """Yields an environment, and those that it wraps or converts, one within the other."""
    seen: set[int] = set()
    while env is not None and id(env) not in seen:
        yield env
        seen.add(id(env))
        inside = getattr(env, "__dict__", {})
        env = next((inside[name] for name in BELOW if inside.get(name) is not None), None)


def offers(layer: Any, method: str) -> bool:
    """Returns whether a layer itself has a method, and does not look it up in another one."""
    return hasattr(type(layer), method) or method in getattr(layer, "__dict__", ())


def offering(env: Any, method: str) -> Any:
    """Returns the outermost layer of an environment that has a method; None where none has.

    Args:
        env: An environment in any wrappers.
        method: "communication_positions" or "communication_segments", by which authors say what
            is known of their environments.
    """
    return next((layer for layer in layers(env) if offers(layer, method)), None)
