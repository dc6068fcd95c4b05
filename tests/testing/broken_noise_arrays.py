"""Noise models that only NumPy, only one row or only one round can run, with the line to fix."""

from __future__ import annotations

import numpy as np
from broken_noise import Sound


class WritesIntoContent(Sound):
    def step(self, parameters, state, content, context, random):
        content[..., 0] = 0.0
        return state, content


class WritesIntoNoise(Sound):
    def step(self, parameters, state, content, context, random):
        noise = self.noise(content, context, random)
        noise[..., 0] = 0.0
        return state, content + noise


class BranchesOnNoise(Sound):
    def step(self, parameters, state, content, context, random):
        noise = self.noise(content, context, random)
        if context.xp.max(noise) > 2.0:
            noise = 0.5 * noise
        return state, content + noise


class CallsNumpy(Sound):
    def step(self, parameters, state, content, context, random):
        noise = self.noise(content, context, random)
        return state, content + np.tanh(noise)


class PicksByMask(Sound):
    def step(self, parameters, state, content, context, random):
        noise = self.noise(content, context, random)
        heard = noise[context.arrived]
        return state, content + noise + 0.0 * context.xp.sum(heard)


class ComparesRounds(Sound):
    """Takes it that all elements of a batch are in one round."""

    def step(self, parameters, state, content, context, random):
        xp, noise = context.xp, self.noise(content, context, random)
        late = xp.asarray(context.round) >= 3
        return state, content + xp.where(late, noise, -noise)


class CountsInPython(Sound):
    """Carries what no compiled round could carry."""

    def init(self, parameters, context, random):
        return {"count": 0}

    def step(self, parameters, state, content, context, random):
        return {"count": state["count"] + 1}, super().step(
            parameters, state, content, context, random
        )[1]


class CountsForAll(Sound):
    """Has one count for all elements of a batch, which may be in different rounds."""

    def init(self, parameters, context, random):
        return {"count": context.xp.zeros((), dtype=context.xp.int32)}

    def step(self, parameters, state, content, context, random):
        return {"count": state["count"] + 1}, super().step(
            parameters, state, content, context, random
        )[1]


WRITES = {WritesIntoContent: ("content[..., 0] = 0.0", "writes to its input")}
NUMPY_CODE = {
    WritesIntoNoise: ("noise[..., 0] = 0.0", "writes into an array"),
    BranchesOnNoise: ("if context.xp.max", "branches on what an array holds"),
    CallsNumpy: ("np.tanh(", "calls NumPy's tanh"),
    PicksByMask: ("heard = noise[", "picks entries by a mask"),
    ComparesRounds: ("xp.where(late", "fails where elements of a batch are in different rounds"),
}
"""Models with the line to fix and what is said of it (law 1)."""
STATES = {
    CountsInPython: "CountsInPython carries a Python int in its state['count'], which is no array",
    CountsForAll: "CountsForAll carries an array of shape () in its state['count'] for a batch of",
}
"""What is said of each state."""
