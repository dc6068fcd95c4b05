"""The verb `models` in a process of its own: terminals of all kinds, and pipes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import failure_api
from failure_api.catalogue import models

SOURCE = str(Path(failure_api.__file__).parents[1])


def run(*arguments, encoding="utf-8", **environment):
    """Returns what the command prints into a pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "failure_api", "models", *arguments],
        env={**os.environ, "PYTHONPATH": SOURCE, "PYTHONIOENCODING": encoding, **environment},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout.decode(encoding)


def test_a_pipe_gets_no_colours():
    text = run("gilbert-elliott", TERM="xterm-256color", COLUMNS="100")
    assert "\x1b" not in text
    assert "█" in text


def test_a_terminal_gets_colours_where_it_wants_them():
    assert "\x1b[1m" in run("chain", FORCE_COLOR="1", TERM="xterm-256color", COLUMNS="100")


def test_the_list_needs_ascii_alone_where_there_is_no_unicode():
    text = run(encoding="latin-1", COLUMNS="100", TERM="xterm-256color")
    assert text.isascii()
    assert "\x1b" not in text
    assert all(re.search(rf"^\W{one.name} ", text, re.MULTILINE) for one in models())


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", ["four_state", "signal_based", "stuck"])
def test_a_page_needs_ascii_alone(name):
    text = run(name, encoding="ascii", COLUMNS="40")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 40
    assert "200 rounds from left to right" in text
    assert {"four_state": "pi_1", "signal_based": "log_10", "stuck": "before"}[name] in text


def test_text_of_the_user_s_own_does_not_break_an_ascii_terminal():
    text = run("chain", "--set", 'names=["Zoë", "日"]', encoding="ascii", COLUMNS="100")
    assert "names=['Zoe', '?']" in " ".join(text.split())


def test_a_reader_that_has_seen_enough_may_go():
    command = f"{sys.executable} -m failure_api models | head -n 3"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": SOURCE, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert len(done.stdout.splitlines()) == 3
    assert "Traceback" not in done.stderr
