"""Pictures of a model's effect, drawn with matplotlib."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from failure_api.catalogue.describe import expected_of
from failure_api.catalogue.examples import AGENTS, short_text
from failure_api.core.model import CommunicationModel
from failure_api.core.noise import NoiseModel
from failure_api.drawing.rounds import ROUNDS, LinkHistory, NoiseHistory, play_links, play_noise
from failure_api.errors import invalid
from failure_api.needs import needed

_NOTHING, _LATE, _CURRENT = "#b2402f", "#f2b134", "#d7e6ee"
_LINE, _BAND, _TRUTH = "#0b4f6c", "#9cc3d5", "#8a8a8a"


def draw(model: Any, path: str | Path, rounds: int = ROUNDS, seed: int = 0) -> None:
    """Draws what a model does to the links of four agents, or to what an agent says.

    Args:
        model: A failure model or a noise model.
        path: The file to write; its ending says the format.
        rounds: Length of the episode.
        seed: Seed of the model's draws.

    Raises:
        InvalidArgumentError: It is no model, or the file cannot be written.
        MissingDependencyError: matplotlib is not installed.

    Example:
        >>> import tempfile
        >>> from failure_api import ProbabilisticModel
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     draw(ProbabilisticModel(failure_prob=0.2), Path(directory) / "picture.png")
    """
    if not Path(path).suffix:
        rule = "must end in the format of an image"
        raise invalid("path", rule, str(path), "name it as in model.png")
    figures = needed("matplotlib.figure", "A picture")
    if isinstance(model, CommunicationModel):
        # Made without pyplot: no window system and no global state is involved.
        figure = figures.Figure(figsize=(9, 5.4), layout="constrained")
        _draw_links(figure, play_links(model, rounds, seed), expected_of(model))
    elif isinstance(model, NoiseModel):
        figure = figures.Figure(figsize=(9, 4.4), layout="constrained")
        _draw_noise(figure, play_noise(model, rounds, seed))
    else:
        raise invalid("model", "must be a failure model or a noise model", model, "make one")
    title = textwrap.shorten(short_text(model), 220, placeholder=" ...")
    # An agent may be called what would else be read as a formula.
    style = {"fontsize": 10, "family": "monospace", "parse_math": False}
    figure.suptitle("\n".join(textwrap.wrap(title, 95)), **style)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).splitlines()[0].lower()
        rule = f"must be an image file that can be written ({reason})"
        raise invalid("path", rule, str(path), "name another one, as in model.png") from error


def _draw_links(figure: Any, history: LinkHistory, expected: dict[str, Any]) -> None:
    """Draws the links one below the other, and below them how old the news is."""
    colors, patches = needed("matplotlib.colors", "A picture"), needed("matplotlib.patches", "")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    count, rounds = history.received.shape
    palette = colors.ListedColormap([_NOTHING, _LATE, _CURRENT])
    extent = (-0.5, rounds - 0.5, count - 0.5, -0.5)
    options = {"cmap": palette, "vmin": 0, "vmax": 2, "interpolation": "nearest"}
    above.imshow(history.received, aspect="auto", extent=extent, **options)
    labels = [f"{sender} → {receiver}" for sender, receiver in history.links.tolist()]
    above.set_yticks(range(count), labels, fontsize=8)
    # White lines part the links, and thicker ones the senders.
    for row in range(1, count):
        thickness = 1 if row % (len(AGENTS) - 1) else 2.5
        above.axhline(row - 0.5, color="white", linewidth=thickness)
    above.set_ylabel("link: sender → receiver")
    above.tick_params(left=False)
    above.spines[:].set_visible(False)
    names = ("current message", "late message", "nothing")
    colours, shares = (_CURRENT, _LATE, _NOTHING), reversed(history.shares)
    handles = [
        patches.Patch(color=colour, label=f"{name} ({100 * share:.0f} %)")
        for name, colour, share in zip(names, colours, shares, strict=True)
        if share > 0
    ]
    _add_legend(above, handles=handles, ncols=3, fontsize=9, borderaxespad=0.3)
    _draw_age(below, history, expected["age"])


def _draw_age(axes: Any, history: LinkHistory, expected: float | None) -> None:
    """Draws the mean age over all links, within that of most of them."""
    rounds = np.arange(history.age.shape[1])
    low, high = np.quantile(history.age, (0.1, 0.9), axis=0)
    mean = history.age.mean(axis=0)
    axes.fill_between(rounds, low, high, color=_BAND, alpha=0.6, linewidth=0, label="80 % of links")
    axes.plot(rounds, mean, color=_LINE, linewidth=1.4, label="mean over links")
    top = max(1.0, float(high.max()), float(mean.max()))
    if expected is not None and np.isfinite(expected):
        label = f"long-run mean ({expected:.3g})"
        axes.axhline(expected, color="black", linestyle="--", linewidth=1, label=label)
        top = max(top, expected)
    axes.set_ylim(0, 1.12 * top)
    axes.set_xlim(-0.5, len(rounds) - 0.5)
    axes.set_ylabel("age of information\n(rounds)")
    axes.set_xlabel("round")
    axes.spines[["top", "right"]].set_visible(False)
    _add_legend(axes, ncols=3, fontsize=8)


def _add_legend(axes: Any, borderaxespad: float = 0.1, **style: Any) -> None:
    """Adds a legend above the upper right corner."""
    corner = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": borderaxespad}
    axes.legend(frameon=False, **corner, **style)


def _draw_noise(figure: Any, history: NoiseHistory) -> None:
    """Draws two entries of a message before and after."""
    rounds = np.arange(len(history.before))
    for entry, axes in enumerate(figure.subplots(2, 1, sharex=True)):
        before, after = history.before[:, entry], history.after[:, entry]
        style = {"color": _NOTHING, "linewidth": 0.8, "markersize": 3.5}
        axes.plot(rounds, after, ".-", label="received", **style)
        axes.plot(rounds, before, color=_TRUTH, linewidth=2, alpha=0.8, label="sent", zorder=1)
        low, high = np.min((before, after)), np.max((before, after))
        axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        axes.set_ylabel(f"entry {entry}")
        axes.set_xlim(0, len(rounds) - 1)
        axes.spines[["top", "right"]].set_visible(False)
        if entry == 0:
            _add_legend(axes, ncols=2, fontsize=9)
    axes.set_xlabel("round")
