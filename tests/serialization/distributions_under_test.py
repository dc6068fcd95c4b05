"""Distributions of others, built in a folder as pip installs them."""

from __future__ import annotations

GOOD = '''
"""Rain: links in bad weather."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from failure_api.communication_models import CommunicationModel
from failure_api.core.parameters.types import Probability, Share
from failure_api.core.parameters.component import Component
from failure_api.noise_models import NoiseModel


@dataclass(frozen=True, kw_only=True)
class Cloud(Component):
    """A cloud that passes.

    Args:
        cover: How much of the sky it takes.
    """

    cover: Share = 0.5


@dataclass(frozen=True, kw_only=True)
class RainModel(CommunicationModel):
    """Every link is down while it rains on it.

    Args:
        wetness: Probability of rain.
        cloud: What it rains from.
        extra: Whatever one likes.

    Source: the sky.
    """

    wetness: Probability
    cloud: Cloud | None = None
    extra: Any = None

    def step(self, parameters, state, links, context, random):
        return state, links.lose(random.bernoulli(parameters["wetness"], context.shape))


@dataclass(frozen=True, kw_only=True)
class HumModel(NoiseModel):
    """Adds a hum.

    Args:
        loudness: How loud it is.
    """

    loudness: Share

    def step(self, parameters, state, content, context, random):
        return state, content + self.loudness


@dataclass(frozen=True, kw_only=True)
class PickyModel(RainModel):
    """Cannot be guessed an example of."""

    pair: Any

    def __post_init__(self):
        super().__post_init__()
        if len(self.pair) != 2:
            raise ValueError("two of them,\\nplease")


@dataclass(frozen=True, kw_only=True)
class BoastfulModel(RainModel):
    """Knows its mathematics badly."""

    def expected_loss(self):
        raise ZeroDivisionError


class Bare(CommunicationModel):
    def step(self, parameters, state, links, context, random):
        return state, links


@dataclass(frozen=True, kw_only=True)
class LostTypes(RainModel):
    where: "Nowhere" = None


class Unfinished(NoiseModel):
    """Says not what it does."""


nothing = 3
'''

FAILURE_MODELS = """
[failure_api.models]
rain = rainy:RainModel
picky = rainy:PickyModel
boastful = rainy:BoastfulModel
bare = rainy:Bare
rain-Again = rainy:RainModel

[failure_api.noise_models]
hum = rainy:HumModel

[console_scripts]
probabilistic = rainy:nothing
"""

BROKEN = """
[failure_api.models]
absent = rainy:Absent
crashing = rainy_crash:Model
delay_based = rainy:RainModel
Gilbert-Elliott = rainy:RainModel
leaving = rainy_exit:Model
lost_types = rainy:LostTypes
missing = rainy_missing:Model
number = rainy:nothing
plain = builtins:dict
rain = rainy:BoastfulModel
syntax = rainy_syntax:Model

[failure_api.noise_models]
unfinished = rainy:Unfinished
"""


def install(folder, name, entry_points):
    """Writes what tells Python that a distribution is installed."""
    information = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(entry_points)


def install_good(folder):
    install(folder, "rainy-links", FAILURE_MODELS)
    (folder / "rainy.py").write_text(GOOD)


def install_broken(folder):
    """Installs, beside the good one, a distribution in which nothing works."""
    # Its name comes later in the alphabet, so that it is the one that takes a name twice.
    install(folder, "thunder", BROKEN)
    (folder / "rainy_crash.py").write_text("raise RuntimeError('no\\nway')\n")
    (folder / "rainy_exit.py").write_text("import sys\nsys.exit('bye')\n")
    (folder / "rainy_syntax.py").write_text("def (:\n")
