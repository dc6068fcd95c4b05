"""What a sweep is to do, as a value of plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

DEFAULT_EPISODES = 100


@dataclass(frozen=True, kw_only=True)
class Specification:
    """What a sweep is to do.

    Every value is plain data, as JSON has it. Anywhere within `options`, `exchange`,
    `failure_models` and `noise_models` a value may be a grid: `{"grid": [0, 0.5, 1]}`, or
    `{"grid": "0:1:0.1"}` with the last number included. `read_specification` makes and checks one.

    Attributes:
        environment: Name of the environment, as `make_environment` takes it.
        api: "parallel" or "aec".
        options: The environment's options.
        policies: Names of the policies.
        exchange: What agents say to each other; None picks by the environment.
        failure_models: What makes the links fail, in order.
        noise_models: What corrupts what arrives.
        episodes: Episodes of each cell.
        seed: Fixes every draw of every episode.
        team: Agents whose rewards count, or patterns of their names such as "adversary_*".
        max_steps: Steps after which an episode is ended; None leaves that to the environment.
        severity: Name of the grid along which a curve runs; None takes the first one of numbers
            in the failure models, or else in the noise models.
    """

    environment: str
    api: str
    options: Mapping[str, Any] = field(default_factory=dict)
    policies: tuple[str, ...] = ("random",)
    exchange: Any = None
    failure_models: tuple[Any, ...] = ()
    noise_models: tuple[Any, ...] = ()
    episodes: int = DEFAULT_EPISODES
    seed: int = 0
    team: tuple[str, ...] = ("*",)
    max_steps: int | None = None
    severity: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Returns the specification in the types of JSON, which `read_specification` takes."""
        plain = asdict(self)
        return {key: list(held) if isinstance(held, tuple) else held for key, held in plain.items()}


KEYS = tuple(entry.name for entry in fields(Specification))
