"""Ctrl-C where Python would drop it."""

from __future__ import annotations

import signal
import sys
import threading

import pytest

from failure_api.cli.progress import remembered_interruption


@pytest.fixture(autouse=True)
def usual_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Dying:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)


class Failing:
    def __del__(self):
        raise ZeroDivisionError


def test_ctrl_c_interrupts_at_once():
    with pytest.raises(KeyboardInterrupt), remembered_interruption():
        signal.raise_signal(signal.SIGINT)


def test_an_interruption_that_python_drops_is_raised_when_asked(
    monkeypatch,
):
    reported: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    with remembered_interruption() as check:
        check()
        dying = Dying()
        del dying
        with pytest.raises(KeyboardInterrupt):
            check()
    assert not reported


def test_other_dropped_errors_are_reported(monkeypatch):
    reported: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    with remembered_interruption():
        failing = Failing()
        del failing
    assert len(reported) == 1


def test_the_usual_handler_is_back_afterwards():
    with remembered_interruption():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_someone_else_is_left_alone():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with remembered_interruption() as check:
        signal.raise_signal(signal.SIGINT)
        check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_can_measure_too():
    done = []

    def use():
        with remembered_interruption() as check:
            check()
            done.append(True)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert done == [True]
