"""Draws every picture of the documentation anew, into `docs/pictures`.

    python benchmarks/pictures.py             # all of them, in half a minute
    python benchmarks/pictures.py jamming     # those whose names hold a word

Seeds are fixed, so the same code gives the same pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

from figures import BURSTY, PICTURES
from matplotlib.figure import Figure
from mpe2 import simple_spread_v3
from PIL import Image

from failure_api import (
    CommunicationWrapperParallel,
    DelayBasedModel,
    TraceModel,
    record_trace,
)
from failure_api.catalogue import models
from failure_api.drawing import draw

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def recorded() -> TraceModel:
    """Returns the replay of an episode with losses in bursts and late messages."""
    late = DelayBasedModel(min_delay=0, max_delay=1)
    env = CommunicationWrapperParallel(
        simple_spread_v3.parallel_env(N=4, max_cycles=200), [BURSTY, late]
    )
    with record_trace(env) as recorder:
        env.reset(seed=3)
        while env.agents:
            env.step(dict.fromkeys(env.agents, 0))
    return TraceModel(trace=recorder.trace)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    words = sys.argv[1:] or [""]
    examples = {each.name: each.example for each in models()}
    del examples["randomized"]
    examples["trace"] = recorded()
    for name, example in examples.items():
        path = FOLDER / f"{name}.png"
        if any(word in name for word in words):
            draw(example, path)
            # Plain colours need no more than a palette, which makes the file smaller.
            with Image.open(path) as image:
                small = image.convert("RGB").quantize(128, dither=Image.Dither.NONE)
            small.save(path, optimize=True)
    for name, (picture, size) in PICTURES.items():
        if any(word in name for word in words):
            figure = Figure(figsize=size, layout="constrained")
            picture(figure)
            figure.savefig(FOLDER / f"{name}.png", dpi=100)


if __name__ == "__main__":
    main()
