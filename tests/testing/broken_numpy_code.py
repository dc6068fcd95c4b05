"""Communication models that only NumPy can run, each with the line to fix."""

from __future__ import annotations

import numpy as np
from broken_links import Sound


class WritesIntoLinks(Sound):
    def up(self, links, context, random):
        sends = links.sends
        sends[..., 0] = False
        return super().up(links, context, random)


class MultipliesLinks(Sound):
    def up(self, links, context, random):
        sends = links.sends
        sends &= super().up(links, context, random) > 0.5
        return context.xp.astype(sends, context.xp.float32)


class PutsIntoLinks(Sound):
    def up(self, links, context, random):
        np.put(links.sends, 0, False)
        return super().up(links, context, random)


class WritesBesideLinks(Sound):
    def up(self, links, context, random):
        np.logical_not(links.sends, out=links.sends)
        return super().up(links, context, random)


class WritesIntoDraws(Sound):
    """Writes into an array of its own, which harms nobody on NumPy."""

    def up(self, links, context, random):
        draws = random.uniform(context.shape)
        draws[..., 0] = 1.0
        return context.xp.astype(draws < self.loss, context.xp.float32)


class FillsDraws(Sound):
    def up(self, links, context, random):
        random.uniform(context.shape).fill(0.0)
        return super().up(links, context, random)


class AsksForOut(Sound):
    def up(self, links, context, random):
        draws = random.uniform(context.shape)
        context.xp.minimum(draws, 0.5 * draws, out=draws)
        return super().up(links, context, random)


class BranchesOnDraws(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        if context.xp.any(up > 2.0):
            up = 0.5 * up
        return up


class LoopsOnDraws(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        while context.xp.max(up) > 2.0:
            up = 0.5 * up
        return up


class CountsTheLiving(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        living = int(context.xp.sum(context.xp.astype(context.alive, context.xp.int32)))
        return up * min(living, 1)


class TakesTheMean(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return up * min(1.0, 1.0 + float(context.xp.mean(up)))


class TakesTheItem(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return up * min(1.0, 1.0 + context.xp.mean(up).item())


class CallsNumpy(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return np.where(up > 0.5, up, np.float32(0.0))


class AddsNumpy(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return up * np.ones(context.shape, dtype=np.float32)


class AddedToNumpy(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return np.ones(context.shape, dtype=np.float32) * up


class GivesNumpy(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return context.xp.minimum(up, np.ones(context.shape, dtype=np.float32))


class PicksByMask(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        strong = up[up > 0.5]
        return up + 0.0 * context.xp.sum(strong)


class FindsNonzero(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        places = context.xp.nonzero(up)
        return up if len(places) == len(context.shape) else 0.0 * up


class UsesAstype(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return (up > 0.5).astype(np.float32)


class UsesSum(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return up * context.xp.astype(up.sum() >= 0.0, context.xp.float32)


class UsesCopy(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return up.copy()


class UsesLen(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return up if len(up) > 0 else 0.0 * up


WRITES = {
    WritesIntoLinks: ("sends[..., 0] = False", "writes to its input"),
    MultipliesLinks: ("sends &= super()", "writes to its input"),
    PutsIntoLinks: ("np.put(", "writes to its input"),
    WritesBesideLinks: ("np.logical_not(", "writes to its input"),
}
"""Models that write to what they are given, which read-only arrays refuse (law 7)."""

NUMPY_CODE = {
    WritesIntoDraws: ("draws[..., 0] = 1.0", "writes into an array"),
    FillsDraws: (".fill(0.0)", "writes into an array, by .fill()"),
    AsksForOut: ("out=draws", "lets minimum write into an array"),
    BranchesOnDraws: ("if context.xp.any", "branches on what an array holds"),
    LoopsOnDraws: ("while context.xp.max", "branches on what an array holds"),
    CountsTheLiving: ("living = int(", "makes a Python number"),
    TakesTheMean: ("float(context.xp.mean", "makes a Python number"),
    TakesTheItem: (".item()", "makes a Python number"),
    CallsNumpy: ("np.where(up", "calls NumPy's where"),
    AddsNumpy: ("return up * np.ones", "an array of NumPy beside those of the context"),
    AddedToNumpy: ("return np.ones", "calls NumPy's multiply"),
    GivesNumpy: ("context.xp.minimum(up", "gives minimum an array of NumPy"),
    PicksByMask: ("strong = up[", "picks entries by a mask"),
    FindsNonzero: ("context.xp.nonzero", "calls nonzero"),
    UsesAstype: (").astype(", "call context.xp.astype(array, ...)"),
    UsesSum: ("up.sum()", "call context.xp.sum(array, ...)"),
    UsesCopy: ("up.copy()", "takes .copy of an array"),
    UsesLen: ("len(up)", "take array.shape[0]"),
}
"""Models whose code is NumPy's alone (law 1)."""
