"""The laws, over all environments, in both APIs, with every exchange that fits."""

from __future__ import annotations

import pytest
from chains_and_exchanges import chain_for, fitting_exchanges

from environments_under_test import EVERY, KNIGHTS, breaking
from failure_api import ShareObservations
from failure_api.testing import check_wrapper

CASES = [
    (subject, api, name)
    for subject in EVERY
    for api in subject.apis
    for name in fitting_exchanges(subject)
    # All exchanges in one API, the default and one that holds in the other.
    if api == "aec" or name in ("default", "dict-hold")
]

# Balls that are fast for a small screen, and screens that nobody looks at.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("subject", "api", "name"), CASES, ids=lambda value: str(value))
def test_the_laws_hold(subject, api, name):
    exchange = fitting_exchanges(subject)[name]
    agents = len(subject.make(api).possible_agents)
    # A cycle and two turns; in Parallel to the end of the shorter episodes.
    steps = agents + 2 if api == "aec" else 6
    with breaking(*subject.breaks):
        check_wrapper(subject.maker(api), chain_for(subject), exchange=exchange, steps=steps)


@pytest.mark.heavy
@pytest.mark.parametrize(("api", "form"), [("aec", "dict"), ("parallel", "flat")])
def test_the_laws_hold_while_agents_die(api, form):
    steps = 80 if api == "aec" else 26
    exchange = ShareObservations(form=form, missing="hold")
    with breaking(*KNIGHTS.breaks):
        check_wrapper(KNIGHTS.maker(api), exchange=exchange, steps=steps)
