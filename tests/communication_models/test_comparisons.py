"""Every model agrees with its mathematics: each file `comparisons_*.py` here lists its cases."""

from importlib import import_module
from pathlib import Path

import pytest

from comparisons import BUDGET, Case, assert_agrees

FILES = sorted(path.stem for path in Path(__file__).parent.glob("comparisons_*.py"))
CASES: list[Case] = [case for file in FILES for case in import_module(file).CASES]


@pytest.mark.sampled(30)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_simulation_agrees_with_the_closed_form(case):
    assert_agrees(case.observations())


def test_there_are_as_many_comparisons_as_promised():
    assert 60 <= len(CASES) <= BUDGET
    assert len({case.name for case in CASES}) == len(CASES)
