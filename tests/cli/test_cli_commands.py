"""Lists after one flag."""

from __future__ import annotations

import pytest

from failure_api.cli.flags import repeat_flags


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("--agents 3", "--agents 3"),
        ("--agents 3 10 25", "--agents 3 --agents 10 --agents 25"),
        ("--agents 3 --agents 10", "--agents 3 --agents 10"),
        ("--agents 3 10 --agents 25", "--agents 3 --agents 10 --agents 25"),
        ("--agents=3 10", "--agents=3 --agents 10"),
        ("--agents 3 10 --cycles 5 --profile", "--agents 3 --agents 10 --cycles 5 --profile"),
        ("--cycles 5 --agents 3 10", "--cycles 5 --agents 3 --agents 10"),
        ("--agents 3 -4", "--agents 3 --agents -4"),
        ("--agents", "--agents"),
        ("--agents --profile", "--agents --profile"),
        ("--cycles 5 6", "--cycles 5 6"),
        ("here --profile there", "here --profile there"),
        ("--agents 3 -- 4", "--agents 3 -- 4"),
        ("", ""),
    ],
)
def test_each_value_gets_its_flag(given, expected):
    assert repeat_flags(given.split(), {"--agents"}) == expected.split()
