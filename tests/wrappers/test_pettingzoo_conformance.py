"""PettingZoo's own tests pass on wrapped environments wherever they pass on bare ones."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from chains_and_exchanges import chain_for, fitting_exchanges
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    seed_test,
)

from environments_under_test import (
    CONNECT_FOUR,
    EVERY,
    KNIGHTS,
    MPE,
    PISTONBALL,
    PONG,
    PURSUIT,
    TICTACTOE,
)
from failure_api import CommunicationWrapper, CommunicationWrapperParallel

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

CASES = [
    (subject, name)
    for subject in EVERY
    for name in fitting_exchanges(subject)
    if name in ("default", "dict-hold", "flat-zero", "mask-age", "send-dict", "send-flat")
    # A mask is that of the environment's own action, and the tests apply it to the whole one.
    and not (name.startswith("send") and subject in (TICTACTOE, CONNECT_FOUR))
]
# The test resets without a seed, and with three pistons every other ball is home before its end.
LIMITED = (*MPE, replace(PISTONBALL, options={"n_pistons": 10}), KNIGHTS, PONG, PURSUIT)


def failure(test):
    """Returns what a test raises, if it does."""
    try:
        test()
    except Exception as error:
        return error
    return None


def passes_like_the_bare(test):
    """Raises if a test fails on the wrapped environment, unless the bare one fails alike."""
    found = failure(lambda: test(True))
    if found is not None:
        bare = failure(lambda: test(False))
        assert type(bare) is type(found), f"{found!r}, where the bare environment gives {bare!r}"


def wrapping(subject, api, name, **options):
    """Returns a function that makes the environment, wrapped or bare."""
    kind = CommunicationWrapper if api == "aec" else CommunicationWrapperParallel
    models, exchange = chain_for(subject), fitting_exchanges(subject)[name]

    def make(wrapped):
        env = subject.make(api, **options)
        return kind(env, models, exchange=exchange) if wrapped else env

    return make


@pytest.mark.sampled(24)
@pytest.mark.parametrize(("subject", "name"), CASES, ids=str)
def test_api_test(subject, name):
    make = wrapping(subject, "aec", name)
    passes_like_the_bare(lambda wrapped: api_test(make(wrapped), num_cycles=8))


@pytest.mark.sampled(24)
@pytest.mark.parametrize(("subject", "name"), CASES, ids=str)
def test_parallel_api_test(subject, name):
    if not subject.parallel:
        return
    make = wrapping(subject, "parallel", name)
    passes_like_the_bare(lambda wrapped: parallel_api_test(make(wrapped), num_cycles=8))


@pytest.mark.parametrize("subject", EVERY, ids=str)
def test_seed_tests(subject):
    make = wrapping(subject, "aec", "default")
    passes_like_the_bare(lambda wrapped: seed_test(lambda: make(wrapped), num_cycles=4))
    if subject.parallel:
        twin = wrapping(subject, "parallel", "default")
        passes_like_the_bare(
            lambda wrapped: parallel_seed_test(lambda: twin(wrapped), num_cycles=4)
        )


@pytest.mark.parametrize("subject", LIMITED, ids=str)
def test_max_cycles_test(subject):
    def module(wrapped):
        return SimpleNamespace(
            env=lambda max_cycles: wrapping(subject, "aec", "default", max_cycles=max_cycles)(
                wrapped
            ),
            parallel_env=lambda max_cycles: wrapping(
                subject, "parallel", "default", max_cycles=max_cycles
            )(wrapped),
        )

    passes_like_the_bare(lambda wrapped: max_cycles_test(module(wrapped)))


def test_the_tests_pass_and_not_only_alike():
    for subject in (MPE[8], PISTONBALL, KNIGHTS):
        assert failure(lambda s=subject: api_test(s.make(), num_cycles=8)) is None
        assert failure(lambda s=subject: parallel_api_test(s.make("parallel"), 8)) is None
