"""The laws hold over all environments where what arrives is corrupted."""

from __future__ import annotations

import pytest
from chains_and_exchanges import chain_for, fitting_exchanges

from environments_under_test import EVERY, KNIGHTS, PISTONBALL, breaking
from failure_api import ShareObservations
from failure_api.testing import check_wrapper
from noises import Normal, Wanders

NOISE = [Normal(size=2.0), Wanders()]
CASES = [
    (subject, api, name)
    for subject in EVERY
    for api in subject.apis
    for name in fitting_exchanges(subject)
    # Images are slow, and one of each kind shows all there is to see.
    if name in ("default", "dict-hold", "flat-hold", "mask-age")
    and (api == "aec" or name == "default")
    and (subject is not PISTONBALL or (api, name) == ("parallel", "default"))
]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("subject", "api", "name"), CASES, ids=lambda value: str(value))
def test_the_laws_hold(subject, api, name):
    exchange = fitting_exchanges(subject)[name]
    agents = len(subject.make(api).possible_agents)
    steps = agents + 2 if api == "aec" else 4
    with breaking(*subject.breaks):
        check_wrapper(
            subject.maker(api),
            chain_for(subject),
            noise_models=NOISE,
            exchange=exchange,
            steps=steps,
        )


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("api", "form"), [("aec", "dict"), ("parallel", "flat")])
def test_the_laws_hold_while_agents_die(api, form):
    steps = 80 if api == "aec" else 26
    exchange = ShareObservations(form=form, missing="hold")
    with breaking(*KNIGHTS.breaks):
        check_wrapper(KNIGHTS.maker(api), noise_models=NOISE, exchange=exchange, steps=steps)
