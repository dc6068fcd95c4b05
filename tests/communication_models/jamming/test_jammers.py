"""The parts of jamming: how often jammers send, and what is refused."""

import numpy as np
import pytest

from failure_api.communication_models import JammingModel
from failure_api.communication_models.jamming import (
    BlockReception,
    BurstyJamming,
    CarriedJammers,
    ConstantJamming,
    Detection,
    FixedJammers,
    MovingJammers,
    PeriodicJamming,
    RaiseInterference,
    RandomJamming,
    ScheduledJammers,
)
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence, context_of, play

BLOCK = BlockReception(radius=0.5)
CENTRE = FixedJammers(positions=[[0.0, 0.0]])


def started(jammers):
    context = context_of(positions=np.zeros((3, 2)))
    JammingModel(jammers=jammers, effect=BLOCK).prepare(context)


SHARES = [
    (ConstantJamming(), None, None, 1.0),
    (ConstantJamming(), 4, 10, 0.4),
    (PeriodicJamming(period=8, active_rounds=2), None, None, 0.25),
    (PeriodicJamming(period=8, active_rounds=2, start=1), None, 10, 0.3),
    (PeriodicJamming(period=8, active_rounds=2), 3, 12, 0.25),
    (RandomJamming(probability=0.3), None, None, 0.3),
    (RandomJamming(probability=0.5), 1, 2, 0.375),
    (RandomJamming(probability=0.3), 0, 5, 0.0),
    (BurstyJamming(mean_on=1.0, mean_off=3.0), None, 7, 0.25),
    (BurstyJamming(mean_on=1.0, mean_off=3.0), 2, 7, None),
    (BurstyJamming(mean_on=1.0, mean_off=3.0), 2, None, 0.0),
]


@pytest.mark.parametrize(("pattern", "budget", "rounds", "share"), SHARES)
def test_shares_of_jamming(pattern, budget, rounds, share):
    model = JammingModel(jammers=CENTRE, effect=BLOCK, pattern=pattern, budget=budget)
    found = model.jamming_share(rounds)
    assert found is share is None or found == pytest.approx(share, abs=1e-12)
    assert model.expected_loss() is None
    if share is not None and rounds is not None:
        episodes = 20_000
        places = np.zeros((rounds, episodes, 3, 2))
        arrived = play(model, rounds=rounds, batch=(episodes,), positions=places).arrived
        # A share of episodes is known to 0.5 / sqrt(20 000) = 0.0035.
        assert 1 - arrived[..., 0, 1].mean() == pytest.approx(share, abs=0.02)


def test_nobody_knows_the_share_of_reactive_jammers():
    model = JammingModel(jammers=CENTRE, effect=BLOCK, detection=Detection(radius=1.0))
    assert model.jamming_share() is None
    with pytest.raises(InvalidArgumentError) as caught:
        model.jamming_share(0)
    assert_one_sentence(caught.value, "rounds")


WRONG = [
    ("positions", lambda: FixedJammers(positions=[0.0, 1.0])),
    ("positions", lambda: FixedJammers(positions=[])),
    ("positions", lambda: FixedJammers(positions=[[np.nan, 0.0]])),
    ("positions", lambda: FixedJammers(positions="here")),
    ("positions", lambda: FixedJammers(positions=[[0.0], [0.0, 1.0]])),
    ("positions", lambda: ScheduledJammers(positions=[[0.0, 0.0]])),
    ("at_end", lambda: ScheduledJammers(positions=[[[0.0, 0.0]]], at_end="stop")),
    ("velocity", lambda: MovingJammers(positions=[[0.0, 0.0]], velocity=[[1.0]])),
    ("bounds", lambda: MovingJammers(positions=[[0.0]], velocity=[[1.0]], bounds=[[1.0], [0.0]])),
    ("bounds", lambda: MovingJammers(positions=[[0.0]], velocity=[[1.0]], bounds=[[0, 0], [1, 1]])),
    ("positions", lambda: MovingJammers(positions=[[2.0]], velocity=[[1.0]], bounds=[[0], [1]])),
    ("agent_ids", lambda: CarriedJammers(agent_ids="agent_0")),
    ("agent_ids", lambda: CarriedJammers(agent_ids=[])),
    ("period", lambda: PeriodicJamming(period=0, active_rounds=0)),
    ("active_rounds", lambda: PeriodicJamming(period=3, active_rounds=4)),
    ("probability", lambda: RandomJamming(probability=1.1)),
    ("mean_on", lambda: BurstyJamming(mean_on=0.5, mean_off=2.0)),
    ("mean_off", lambda: BurstyJamming(mean_on=2.0, mean_off=np.inf)),
    ("radius", lambda: BlockReception(radius=0.0)),
    ("radius", lambda: Detection(radius=np.nan)),
    ("transmit_power", lambda: RaiseInterference(transmit_power="20")),
    ("jammers", lambda: JammingModel(jammers=[[0.0, 0.0]], effect=BLOCK)),
    ("effect", lambda: JammingModel(jammers=CENTRE, effect="block")),
    ("pattern", lambda: JammingModel(jammers=CENTRE, effect=BLOCK, pattern=None)),
    ("budget", lambda: JammingModel(jammers=CENTRE, effect=BLOCK, budget=-1)),
    ("positions", lambda: started(FixedJammers(positions=[[0.0, 0.0, 0.0]]))),
    ("agent_ids", lambda: started(CarriedJammers(agent_ids=["nobody"]))),
]


@pytest.mark.parametrize(("argument", "make"), WRONG)
def test_wrong_arguments_are_refused(argument, make):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert_one_sentence(caught.value, argument)
