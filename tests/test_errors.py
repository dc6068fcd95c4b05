"""Errors say what is wrong, whatever was given."""

import numpy as np
import pytest

from failure_api.errors import describe, invalid, listed, nearest, reason


class Hostile:
    def __repr__(self):
        raise RuntimeError("mine")

    __str__ = __repr__


class Leaving:
    def __repr__(self):
        raise SystemExit(3)


class SpeechlessError(Exception):
    def __str__(self):
        raise RuntimeError("mine")


class Wordy:
    def __repr__(self):
        return "one\ntwo  three" + 100 * "."


def circle():
    found: list = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Hostile(), "an object of type Hostile"),
        (Leaving(), "an object of type Leaving"),
        ([Hostile()], "an object of type list"),
        ({"a": Hostile()}, "an object of type dict"),
        (np.array([Hostile()], dtype=object), "an object of type ndarray"),
        ([Hostile()] * 200, "an object of type list..."),
        (circle(), "an object of type list"),
        (np.ma.array(3, mask=True), "a masked array of shape ()"),
        (np.ma.ones((2, 2)), "a masked array of shape (2, 2)"),
        (np.ones((10, 10)), "an array of shape (10, 10)"),
        (0.5, "0.5"),
        ("two\nlines", r"'two\nlines'"),
    ],
    ids=range(12),
)
def test_any_value_has_a_short_text(value, text):
    assert describe(value) == text
    assert str(invalid("it", "must be short", value, "give another one")) == (
        f"it must be short, but {text} was given: give another one."
    )


def test_a_long_text_is_cut_and_of_one_line():
    text = describe(Wordy())
    assert text.startswith("one two three...")
    assert len(text) == 100


def test_words_are_listed_as_they_are():
    assert listed(["agent_0", 3, ("team", 0), Hostile()]) == (
        "agent_0, 3, ('team', 0), an object of type Hostile"
    )


def test_what_is_no_word_is_near_to_some():
    assert nearest("bridg", ["bridge", "halves"]) == "did you mean 'bridge'?"
    for word in (Hostile(), None, 3, b"x"):
        assert nearest(word, ["bridge", "halves"]).startswith(("known are", "did you mean"))


def test_an_exception_without_a_text_is_told_by_its_type():
    assert reason(SpeechlessError()) == "SpeechlessError"
