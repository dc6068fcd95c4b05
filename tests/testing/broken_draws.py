"""Communication models that draw where or when they should not (law 4)."""

from __future__ import annotations

import random as standard
from dataclasses import dataclass

import numpy as np
from broken_links import Sound

from failure_api import CommunicationModel
from failure_api.core import Probability


class DrawsFromNumPy(Sound):
    """Disturbs whoever else draws from the global generator."""

    def up(self, links, context, random):
        np.random.random()  # noqa: NPY002
        return super().up(links, context, random)


class DrawsFromPython(Sound):
    def up(self, links, context, random):
        standard.random()
        return super().up(links, context, random)


class DrawsForTheSecond(Sound):
    def up(self, links, context, random):
        random.uniform((int(np.asarray(context.alive)[..., 1].sum()),))
        return super().up(links, context, random)


class DrawsForPairs(Sound):
    """Draws once more while anyone is there to talk to another."""

    def up(self, links, context, random):
        random.uniform((int(np.asarray(context.alive).sum() > 1),))
        return super().up(links, context, random)


@dataclass(frozen=True, kw_only=True)
class DrawsWhenNeeded(CommunicationModel):
    """Saves the draws that a certain outcome does not need."""

    loss: Probability = 0.5

    def step(self, parameters, state, links, context, random):
        jitter = random.uniform(context.shape)
        if self.loss == 0.0:
            return state, links.lose(jitter < 0.0)
        return state, links.lose(random.uniform(context.shape) < self.loss)
