"""Law 1, as it concerns what a model carries from round to round: arrays of one form.

What compiles a round reads the form of the state once, and a batch restarts some of its elements
by choosing among two states. What is the same for all of them belongs to `prepare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from failure_api.testing.verdict import demand


class Carrying(Protocol):
    """A round of a trial, with what the model carried into it and out of it."""

    @property
    def state(self) -> Any:
        """What the model carried into the round."""

    @property
    def following(self) -> Any:
        """What it carries into the next one."""


def check_form(name: str, rounds: Sequence[Carrying]) -> None:
    """Raises unless a state is a tree of arrays whose shapes and types never change.

    Args:
        name: Whose state it is.
        rounds: A run of the model, in any library.
    """
    first = forms_in(rounds[0].state)
    for place, form in first.items():
        if form.startswith("a "):
            remedy = "make it an array with context.xp.asarray, or a field of the model"
            demand(1, False, f"{name} carries {form} in {place}, which is no array: {remedy}")
        wide = form.startswith(("float64", "complex"))
        remedy = "make it with dtype=context.xp.float32"
        demand(1, not wide, f"{name} carries {form} in {place}: {remedy}")
    for number, each in enumerate(rounds):
        now = forms_in(each.following)
        for place in first | now:
            before, after = first.get(place, "nothing"), now.get(place, "nothing")
            finding = f"{name} carries {before} in {place} from init, but {after} from step"
            remedy = "let both return arrays of the same shapes and types"
            demand(1, before == after, f"{finding} in round {number}: {remedy}")


def check_elements(name: str, small: Sequence[Carrying], large: Sequence[Carrying]) -> None:
    """Raises unless each array in a state has the batch in front.

    Args:
        name: Whose state it is.
        small: A run of two teams side by side, on NumPy.
        large: A run of three.
    """
    beside = dict(leaves_in(large[0].state))
    for place, leaf in leaves_in(small[0].state):
        shapes = np.shape(leaf), np.shape(beside[place])
        fronted = shapes[0][:1] == (2,) and shapes[1] == (3, *shapes[0][1:])
        remedy = "let its shape begin with context.shape[:-2], or return it from prepare"
        finding = f"{name} carries an array of shape {shapes[0]} in {place} for a batch of 2"
        demand(1, fronted, f"{finding}, and of shape {shapes[1]} for one of 3: {remedy}")


def leaves_in(state: Any, place: str = "its state") -> Iterator[tuple[str, Any]]:
    """Returns all that is no branch of a state, with its place.

    Example:
        >>> [place for place, _ in leaves_in((1, {"a": (2, 3)}))]
        ['its state[0]', "its state[1]['a'][0]", "its state[1]['a'][1]"]
    """
    if isinstance(state, dict):
        for key, branch in state.items():
            yield from leaves_in(branch, f"{place}[{key!r}]")
    elif isinstance(state, tuple | list):
        names = getattr(state, "_fields", None)
        for index, branch in enumerate(state):
            step = f"[{index}]" if names is None else f".{names[index]}"
            yield from leaves_in(branch, f"{place}{step}")
    elif state is not None:
        yield place, state


def forms_in(state: Any) -> dict[str, str]:
    """Returns the type and the shape of each array in a state, by its place.

    Example:
        >>> forms_in((np.zeros(3), 1))
        {'its state[0]': 'float64 of shape (3,)', 'its state[1]': 'a Python int'}
    """
    return {place: _form(leaf) for place, leaf in leaves_in(state)}


def _form(leaf: Any) -> str:
    shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
    if shape is None or dtype is None:
        kind = type(leaf)
        return f"a {'Python ' if kind.__module__ == 'builtins' else ''}{kind.__name__}"
    return f"{str(dtype).rpartition('.')[2]} of shape {tuple(shape)}"
