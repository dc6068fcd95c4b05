"""Lets every test import what they share, and sets what libraries ask the environment for."""

import itertools
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
# Programs that run once are not worth what it takes to make them fast.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)

SHARED = str(Path(__file__).resolve().parent)
# The same examples every time, however slow the machine: red means that the code has changed.
settings.register_profile("same", deadline=None, derandomize=True)
settings.load_profile("same")

COUNT = itertools.count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Returns a function that writes a module into the current directory and returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", ".")])

    def write(source):
        name = f"module_of_a_user_{next(COUNT)}"
        (tmp_path / f"{name}.py").write_text(source)
        return name

    return write


if SHARED not in sys.path:
    sys.path.insert(0, SHARED)

# Files of this name are no modules of examples, and several of them would be one.
collect_ignore_glob = ["*conftest.py"]
