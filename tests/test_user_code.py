"""Modules and names of the user's own, found after all that is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from failure_api.errors import InvalidArgumentError
from failure_api.user_code import name_of, named
from helpers import assert_one_sentence


def test_what_a_module_holds_is_found(module):
    name = module("class World:\n    def make(): return 3\n")
    assert named(f"{name}:World.make", "environment")() == 3
    assert name_of(named(f"{name}:World", "environment")) == f"{name}:World"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def worl(): ...", ("did you mean 'worl'?",)),
        ("import no_such_package", ("ModuleNotFoundError", "no_such_package")),
        ("raise RuntimeError('no world\\ntoday')", ("RuntimeError: no world today",)),
        ("import sys; sys.exit(3)", ("SystemExit: 3",)),
        ("def broken(:", ("SyntaxError",)),
        ("class Own(BaseException): ...\nraise Own('mine')", ("Own: mine",)),
    ],
)
def test_what_goes_wrong_is_one_sentence(module, source, words):
    with pytest.raises(InvalidArgumentError) as refusal:
        named(f"{module(source)}:world", "environment")
    assert_one_sentence(refusal.value, "environment must name", *words)


def test_ctrl_c_at_import_is_no_mistake_of_the_module(module):
    with pytest.raises(KeyboardInterrupt):
        named(f"{module('raise KeyboardInterrupt')}:world", "environment")


def test_a_name_needs_something_behind_its_colon(module):
    name = module("world = 3")
    with pytest.raises(InvalidArgumentError) as refusal:
        named(f"{name}:", "positions")
    assert_one_sentence(refusal.value, "positions must name", f"as in {name}:name")


def test_what_cannot_be_asked_has_no_name():
    class Hostile:
        def __getattr__(self, name):
            raise RuntimeError("mine")

        def __call__(self): ...

    assert name_of(Hostile()) is None


def test_functions_without_a_name_have_none():
    def inner(): ...

    assert name_of(lambda: None) is None
    assert name_of(inner) is None


def test_no_file_here_stands_in_for_an_installed_package(tmp_path):
    for name in ("queue", "matplotlib", "pandas"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('this is not the package')\n")
    (tmp_path / "worlds.py").write_text("import queue\nsize = queue.Queue().qsize()\n")
    program = (
        "import sys; sys.path.pop(0)\n"
        "from failure_api.user_code import named\n"
        "assert named('worlds:size', 'environment') == 0\n"
        "import matplotlib, pandas\n"
        "try:\n    named('queue:world', 'environment')\n"
        "except ValueError as error:\n    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "queue.py has the name of an installed module, rename it" in run.stdout
