"""Policies from anyone's Python, and one sentence for whatever goes wrong in it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from policies_played import wrapped

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.policies import make_policy
from helpers import assert_one_sentence

SOURCE = """
import functools

def still(observations):
    return dict.fromkeys(observations, 0)

def seventh(observations, action=3):
    return dict.fromkeys(observations, action)

def make():
    return still

def make_for(env):
    return functools.partial(seventh, action=len(env.possible_agents))

def make_well(env):
    raise ValueError("no well.\\nDig one.")

def leaves():
    raise SystemExit(3)

def needs_two(observations, skill):
    return {}

def needs_named(*, observations):
    return {}

def makes_number():
    return 3

class Still:
    def __call__(self, observations):
        return still(observations)

    class Inner:
        def __call__(self, observations):
            return dict.fromkeys(observations, 4)

    def broken(self):
        return 1

class Team(Still):
    def __init__(self, env):
        self.agents = list(env.possible_agents)

class Free(Still):
    def __init__(self, speed=1):
        self.speed = speed

class Fails(Still):
    def __init__(self, env):
        raise RuntimeError("out of order")

class Mute:
    pass

class Greedy(Still):
    def __init__(self, env, skill):
        pass

ready = Still()
number = 3
"""


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("still", 0),
        ("seventh", 3),
        ("make", 0),
        ("make_for", 3),
        ("Still", 0),
        ("Still.Inner", 4),
        ("Team", 0),
        ("Free", 0),
        ("ready", 0),
        ("ready.__call__", 0),
    ],
)
def test_what_can_be_a_policy(module, path, action):
    env = wrapped()
    policy = make_policy(f"{module(SOURCE)}:{path}", env)
    assert policy({"agent_1": None}) == {"agent_1": action}


def test_what_keeps_something_without_a_reset_is_made_anew(module):
    source = (
        "class Counting:\n"
        "    calls = 0\n"
        "    def __call__(self, observations):\n"
        "        self.calls += 1\n"
        "        return dict.fromkeys(observations, self.calls)\n"
    )
    policy: Any = make_policy(f"{module(source)}:Counting", wrapped())
    for _ in range(2):
        policy.reset(0)
        assert [policy({"agent_0": None})["agent_0"] for _ in range(3)] == [1, 2, 3]


def test_a_class_gets_the_environment_only_where_it_needs_it(module):
    env, name = wrapped(), module(SOURCE)
    team: Any = make_policy(f"{name}:Team", env)
    free: Any = make_policy(f"{name}:Free", env)
    assert team.policy.agents == env.possible_agents
    assert free.policy.speed == 1


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("stil", "did you mean 'still'?"),
        ("Still.Iner", "did you mean 'Inner'?"),
        ("qqqqqqqqqqqq", "it has no qqqqqqqqqqqq, fix the name"),
        ("number", "must name a function or a class"),
        ("make_well", "ValueError: no well. Dig one"),
        ("leaves", "SystemExit: 3"),
        ("needs_two", "must need one argument at most, not observations, skill"),
        ("needs_named", "must need one argument at most, not observations"),
        ("makes_number", "must make a policy that can be called, not int"),
        ("Fails", "RuntimeError: out of order"),
        ("Mute", "must make a policy that can be called, not Mute"),
        ("Greedy", "must need one argument at most, not env, skill"),
    ],
)
def test_what_cannot_be_one(module, path, holds):
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy(f"{module(SOURCE)}:{path}", wrapped())
    assert_one_sentence(caught.value, "policies must", path, holds)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("import no_such_package_of_mine", "ModuleNotFoundError: No module named 'no_such_pack"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def policy(:", "SyntaxError"),
        ("raise SystemExit", "(SystemExit)"),
        ("raise AttributeError('inside')", "AttributeError: inside"),
    ],
)
def test_a_module_that_fails(module, source, holds):
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy(f"{module(source)}:policy", wrapped())
    assert_one_sentence(caught.value, "policies must name a module that can be imported", holds)


def test_a_module_that_does_not_exist():
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy("no_such_module_here:policy", wrapped())
    assert_one_sentence(caught.value, "No module named 'no_such_module_here'", "run from the dir")


def test_ctrl_c_in_a_module_gets_through(module):
    interrupted = module("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        make_policy(f"{interrupted}:policy", wrapped())


def test_the_current_directory_is_looked_in_as_from_a_console_script(tmp_path):
    (tmp_path / "neighbour_of_policy.py").write_text("ACTION = 2\n")
    (tmp_path / "policy_from_here.py").write_text(
        "def policy(observations):\n"
        "    from neighbour_of_policy import ACTION\n"
        "    return dict.fromkeys(observations, ACTION)\n"
    )
    script = tmp_path / "bin" / "script.py"
    script.parent.mkdir()
    script.write_text(
        "from failure_api.evaluation.policies import make_policy\n"
        "print(make_policy('policy_from_here:policy', None)({'a': None}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "{'a': 2}", done.stderr
