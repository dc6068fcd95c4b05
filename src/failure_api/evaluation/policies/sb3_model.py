"""Models of stable-baselines3: `sb3:FILE.zip`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from failure_api.errors import MissingDependencyError, invalid, reason
from failure_api.evaluation.policies.policy import refused
from failure_api.user_code import look_here

SB3_PREFIX = "sb3:"
_READ = ("policy_class", "policy_kwargs", "observation_space", "action_space", "use_sde")


class SB3Policy:
    """A model that stable-baselines3 saved plays all agents, without exploring.

    Any algorithm will do, since of what is saved only the network that acts is loaded. All agents
    of a round are one batch. Statistics that `VecNormalize` keeps in a file of its own are not
    applied.

    Args:
        name: `sb3:` and the path of the file that `model.save` wrote, with its ending.
        env: The environment in its wrapper.

    Raises:
        InvalidArgumentError: No such file, no model in it, or a model for other spaces.
        MissingDependencyError: stable-baselines3, or another package that the model needs, is not
            installed.

    Source:
        A. Raffin et al., Stable-Baselines3: reliable reinforcement learning implementations,
        Journal of Machine Learning Research 22(268), 2021.
    """

    def __init__(self, name: str, env: Any) -> None:
        self._name = name
        path = Path(name.removeprefix(SB3_PREFIX))
        if not path.is_file():
            ended = Path(f"{path}.zip")
            remedy = f"write '{SB3_PREFIX}{ended}'" if ended.is_file() else "fix the path"
            raise refused("must name a file that exists", name, remedy)
        try:
            torch, save_util = _packages(name)
            # The sum of many floats depends on how threads share it out, and a hair's breadth can
            # tip an action: with one thread every engine and every machine load plays the same.
            torch.set_num_threads(1)
            # Networks of the user's own are modules of the current directory.
            look_here()
            # New networks are drawn at random before the saved numbers replace theirs.
            with torch.random.fork_rng(devices=[]):
                self._network = _load(path, save_util)
        except MissingDependencyError:
            raise
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                f"policies {name!r} needs the package {error.name!r}, which is not installed: "
                "install it, or run from the directory that holds it."
            ) from error
        except Exception as error:
            rule = f"must name a model that stable-baselines3 saved ({reason(error)})"
            raise refused(rule, name, "save it with model.save of the installed version") from error
        for agent in env.possible_agents:
            self._check(agent, env)

    def __call__(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        """Returns an action for each agent."""
        if not observations:
            return {}
        batch = _stack(list(observations.values()))
        actions, state = self._network.predict(batch, deterministic=True)
        if state is not None:
            remedy = "give it as a class, 'module:name'"
            raise refused("must be a model without memory", self._name, remedy)
        return dict(zip(observations, actions, strict=True))

    def _check(self, agent: Any, env: Any) -> None:
        trained, seen = self._network.observation_space, env.observation_space(agent)
        if not _alike(trained, seen) and not _alike(trained, _channels_first(seen)):
            rule = f"must show {agent} what {self._name} was trained on, {_text(trained)}"
            remedy = "give the exchange, and the environment's options, of training"
            raise invalid("exchange", rule, _Shape(seen), remedy)
        trained, taken = self._network.action_space, env.action_space(agent)
        if not _alike(trained, taken):
            rule = f"must take from {agent} the actions of {self._name}, {_text(trained)}"
            remedy = "give the environment's options of training"
            raise invalid("environment", rule, _Shape(taken), remedy)


def _packages(name: str) -> tuple[Any, Any]:
    try:
        return import_module("torch"), import_module("stable_baselines3.common.save_util")
    except ImportError as error:
        raise MissingDependencyError(
            f"policies {name!r} needs stable-baselines3, which is not installed: "
            "install it with `pip install 'failure-api[sb3]'`."
        ) from error


def _load(path: Path, save_util: Any) -> Any:
    """Returns the network that acts, built as its algorithm builds it."""
    with zipfile.ZipFile(path) as archive:
        saved = json.loads(archive.read("data"))
    # What is not needed may not be readable here, such as functions of another Python.
    unread = dict.fromkeys(saved.keys() - set(_READ))
    data, parameters, _ = save_util.load_from_zip_file(path, device="cpu", custom_objects=unread)
    options = {key: value for key, value in data["policy_kwargs"].items() if key != "device"}
    if data.get("use_sde"):
        options["use_sde"] = True
    seen, taken = data["observation_space"], data["action_space"]
    network = data["policy_class"](seen, taken, lambda _: 0.0, **options)
    network.load_state_dict(parameters["policy"])
    return network.to("cpu")


def _stack(values: list[Any]) -> Any:
    if isinstance(values[0], Mapping):
        return {key: _stack([value[key] for value in values]) for key in values[0]}
    return np.stack(values)


def _alike(one: Any, other: Any) -> bool:
    """Returns whether spaces have the same form; bounds and types of numbers may differ."""
    if isinstance(one, spaces.Dict) and isinstance(other, spaces.Dict):
        return one.spaces.keys() == other.spaces.keys() and all(
            _alike(space, other[key]) for key, space in one.spaces.items()
        )
    if type(one).__name__ != type(other).__name__ or one.shape != other.shape:
        return False
    counts = [getattr(space, "n", getattr(space, "nvec", 0)) for space in (one, other)]
    return bool(np.array_equal(counts[0], counts[1]))


def _channels_first(space: Any) -> Any:
    """Returns the space in which stable-baselines3 keeps images; others as they are."""
    if not isinstance(space, spaces.Box) or len(space.shape) != 3 or space.dtype != np.uint8:
        return space
    low, high = (np.moveaxis(bound, -1, 0) for bound in (space.low, space.high))
    return spaces.Box(low, high, dtype=space.dtype)


def _text(space: Any) -> str:
    if isinstance(space, spaces.Dict):
        parts = (f"{key}: {_text(part)}" for key, part in space.spaces.items())
        return f"Dict({', '.join(parts)})"
    if isinstance(space, spaces.Box):
        return f"Box of shape {space.shape}"
    return str(space)


class _Shape:
    """Lets an error show a space without its bounds."""

    def __init__(self, space: Any) -> None:
        self._space = space

    def __repr__(self) -> str:
        return _text(self._space)
