"""A model that only NumPy can run is recognised, and named with the line to fix."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import broken_noise_arrays
import broken_numpy_code
import pytest
from broken_links import Sound

from failure_api.core.noise import NoiseModel
from failure_api.errors import LawError
from failure_api.testing import check_model, check_noise_model

CASES = [
    (subject, *expected, law)
    for module in (broken_numpy_code, broken_noise_arrays)
    for subjects, law in ((module.WRITES, 7), (module.NUMPY_CODE, 1))
    for subject, expected in subjects.items()
]


def found(subject):
    """Returns what is found of a model, on NumPy alone."""
    check = check_noise_model if issubclass(subject, NoiseModel) else check_model
    with pytest.raises(LawError) as caught:
        check(subject(), backends=())
    return str(caught.value)


def line_with(subject, fragment):
    """Returns the number and the text of the one line of a class that has a fragment."""
    lines, start = inspect.getsourcelines(subject)
    ((number, text),) = [(i, line) for i, line in enumerate(lines, start) if fragment in line]
    return number, text.strip()


@pytest.mark.parametrize(
    ("subject", "fragment", "said", "law"), CASES, ids=lambda value: getattr(value, "__name__", "")
)
@pytest.mark.parametrize("strict", [True, False], ids=["with strict arrays", "with NumPy alone"])
def test_the_line_to_mend_is_named(subject, fragment, said, law, strict, monkeypatch):
    if not strict:
        monkeypatch.setitem(sys.modules, "array_api_strict", None)
    number, text = line_with(subject, fragment)
    sentence = found(subject)
    assert sentence.startswith(f"law {law} ")
    assert f" {subject.__name__} " in sentence
    assert said in sentence
    file = Path(inspect.getfile(subject)).name
    assert f"{file}, line {number}, `{text}`: " in sentence
    assert "\n" not in sentence


def test_the_path_is_seen_from_where_one_works(monkeypatch):
    folder = Path(__file__).parent
    monkeypatch.chdir(folder)
    assert " in broken_numpy_code.py, line" in found(broken_numpy_code.UsesSum)
    monkeypatch.chdir(folder / "..")
    place = str(Path("testing") / "broken_numpy_code.py")
    assert f" in {place}, line" in found(broken_numpy_code.UsesSum)


def test_what_was_typed_at_a_prompt_is_named_by_line_and_function():
    source = """
class Typed(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return up if context.xp.all(up >= 0.0) else 0.0 * up
"""
    typed: dict[str, Any] = {"Sound": Sound, "__name__": "typed"}
    exec(compile(source, "<stdin>", "exec"), typed)
    sentence = found(typed["Typed"])
    assert "Typed branches on what an array holds in <stdin>, line 5, in up: choose" in sentence
