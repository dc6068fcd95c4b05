"""Whatever a parameter of whatever model is given, it is taken or refused in one sentence."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from failure_api.catalogue import from_dict
from failure_api.core.parameters.fields import rules_of
from failure_api.core.parameters.rules import Flag
from failure_api.errors import FailureApiError
from models_under_test import FAILURES, NOISES, PRESETS


class Nameless:
    """Has no text."""

    def __repr__(self):
        raise RuntimeError("mine")

    __str__ = __repr__


class Hostile(Nameless):
    """Raises whatever it is asked."""

    def __array__(self, *given, **options):
        raise RuntimeError("mine")

    __iter__ = __len__ = __float__ = __index__ = __call__ = __array__


PAIR = ("a", "b")
NO_NUMBERS = {
    "True": True,
    "NumPy's True": np.True_,
    "an array True": np.array(True),
    "a tensor True": torch.tensor(True),
    "a list with True": [True, 0.5],
    "flags": np.ones((3, 3), dtype=bool),
    "True by links": {PAIR: True},
    "True by agents": {"a": True},
    "masked": np.ma.array(0.5),
    "masked, whole": np.ma.array(3),
    "a masked matrix": np.ma.array(np.full((3, 3), 0.5)),
    "a masked entry": [np.ma.masked, 0.5],
    "masked rows": [np.ma.array([0.5, 0.5])] * 2,
    "masked by links": {PAIR: np.ma.array(0.5)},
}
"""What must not be taken for a number."""

ODD = {
    **NO_NUMBERS,
    "a gradient": torch.tensor(0.5, requires_grad=True),
    "gradients": torch.ones((3, 3), requires_grad=True),
    "without text": Nameless(),
    "without text, in a list": [Nameless()],
    "without text, as key": {Nameless(): 0.5},
    "without text, by links": {PAIR: Nameless()},
    "without text, in an array": np.array([Nameless(), None], dtype=object),
    "hostile": Hostile(),
    "a set": {1, 2},
    "a set of names": {"a", "b"},
    "too large": 10**400,
    "very large": 1e300,
    "no number": float("nan"),
    "complex": 1j,
    "text": "x",
    "bytes": b"x",
    "nothing": None,
    "a class": dict,
    "no entries": {},
    "an empty list": [],
    "an empty row": [[]],
    "ragged": [[1], [1, 2]],
    "deep": [[[[0.5]]]],
    "an array": np.array(0.5),
    "a date": np.datetime64("2020-01-01"),
    "long": [0.5] * 1000,
    "below": -1,
}


def values(value):
    """Yields a model, and its parts."""
    yield value
    for field in dataclasses.fields(value):
        held = getattr(value, field.name)
        if dataclasses.is_dataclass(held) and not isinstance(held, type):
            yield from values(held)


def parameters():
    """Returns a value of every class, by the names of the class and of its parameter."""
    found: dict[tuple[str, str], Any] = {}
    for model in (*FAILURES.values(), *NOISES.values(), *itertools.chain(*PRESETS.values())):
        for value in values(model):
            for field in dataclasses.fields(value):
                if field.init:
                    found.setdefault((type(value).__name__, field.name), value)
    return found


PARAMETERS = parameters()
FREE = {"agent_ids", "names", "rename"}
"""Parameters that hold names, which may be of any kind."""


@pytest.mark.parametrize("place", PARAMETERS, ids=".".join)
def test_an_odd_value_is_taken_or_refused_in_one_sentence(place):
    value, name = PARAMETERS[place], place[1]
    flag = isinstance(rules_of(type(value)).get(name), Flag)
    for kind, odd in ODD.items():
        text = refusal(lambda odd=odd: dataclasses.replace(value, **{name: odd}))
        if text is None:
            legal = kind == "flags" and place in (("MatrixModel", "matrix"), ("Trace", "lost"))
            legal = legal or name in FREE or (flag and kind in ("True", "NumPy's True"))
            assert legal or kind not in NO_NUMBERS, (place, kind)
        else:
            assert text[-1] in ".?", (kind, text)
            assert "\n" not in text, (kind, text)
            assert len(text) < 700, (kind, text)


def test_plain_data_is_refused_likewise():
    for kind, odd in ODD.items():
        for plain in (odd, {"model": "probabilistic", "failure_prob": odd}, {"model": odd}):
            text = refusal(lambda plain=plain: from_dict(plain))
            assert text is not None or kind not in NO_NUMBERS, kind
            assert "\n" not in (text or ""), kind


def refusal(make):
    """Returns what a refusal says; None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make()
    except FailureApiError as error:
        return str(error)
    return None
