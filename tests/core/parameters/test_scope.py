"""`agent_ids=` confines a model to links whose two ends are both named."""

import numpy as np
import pytest

from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    NodeFailureModel,
    ProbabilisticModel,
)
from helpers import Scripted, assert_same, context_of, off_diagonal, play

AGENTS, ROUNDS = 4, 25
NAMED = ("agent_0", "agent_2")
INSIDE = np.zeros((AGENTS, AGENTS), dtype=bool)
INSIDE[np.ix_([0, 2], [0, 2])] = True
OUTSIDE = ~INSIDE & ~np.eye(AGENTS, dtype=bool)
POSITIONS = np.random.default_rng(0).random((ROUNDS, AGENTS, 2))
LOST = np.arange(ROUNDS) % 3 == 0
UNTOUCHED = {
    "sends": True,
    "capacity": np.inf,
    "lost": False,
    "delay": 0,
    "in_order": False,
    "noise": 0.0,
    "hears": True,
}
"""What a link is that no model speaks of."""
MODELS = [
    lambda **scope: ProbabilisticModel(failure_prob=0.5, max_bandwidth=0.5, **scope),
    lambda **scope: MatrixModel(matrix=np.zeros((AGENTS, AGENTS)), **scope),
    lambda **scope: DistanceModel(distance_threshold=0.4, falloff="linear", **scope),
    lambda **scope: DelayBasedModel(
        min_delay=1, max_delay=3, message_drop_probability=0.4, **scope
    ),
    lambda **scope: DelayBasedModel(max_delay=3, delivery="fifo", expiry=2, **scope),
    lambda **scope: BandwidthModel(capacity=0.5, **scope),
    lambda **scope: NodeFailureModel(
        mode="crash", mean_time_to_failure=4, mean_time_to_repair=3, **scope
    ),
    lambda **scope: Scripted(
        capacities=[0.5] * ROUNDS,
        lost=LOST,
        delays=[2] * ROUNDS,
        noises=[0.5] * ROUNDS,
        deaf=LOST[::-1],
        **scope,
    ),
]
every_model = pytest.mark.parametrize("make", MODELS, ids=lambda make: make().name)


def played(*models, **options):
    return play(*models, rounds=ROUNDS, agents=AGENTS, positions=POSITIONS, **options)


@every_model
def test_a_scoped_model_acts_on_links_among_the_named_agents_alone(make):
    scoped, everywhere = played(make(agent_ids=NAMED)), played(make())
    changes = 0
    for name, untouched in UNTOUCHED.items():
        changed, full = getattr(scoped, name), getattr(everywhere, name)
        if full is None:
            assert changed is None
            continue
        np.testing.assert_array_equal(changed[..., INSIDE], full[..., INSIDE])
        assert (changed[..., OUTSIDE] == untouched).all()
        changes += (full[..., OUTSIDE] != untouched).sum()
    assert changes > 0


@every_model
def test_a_scoped_model_leaves_what_earlier_models_did_outside_of_its_scope(make):
    said = {
        "capacities": [0.75] * ROUNDS,
        "lost": LOST,
        "delays": [1] * ROUNDS,
        "in_order": [True] * ROUNDS,
        "noises": [0.25] * ROUNDS,
        "deaf": LOST,
    }
    earlier = Scripted(**said)
    before, after = played(earlier), played(earlier, make(agent_ids=NAMED))
    for name in UNTOUCHED:
        np.testing.assert_array_equal(
            getattr(after, name)[..., OUTSIDE], getattr(before, name)[..., OUTSIDE]
        )
    assert (after.capacity[..., INSIDE] <= before.capacity[..., INSIDE]).all()
    assert (after.lost[..., INSIDE] >= before.lost[..., INSIDE]).all()
    assert (after.hears[..., INSIDE] <= before.hears[..., INSIDE]).all()


@every_model
def test_naming_all_agents_is_the_same_as_naming_none(make):
    agent_ids = list(reversed(context_of(AGENTS).agent_ids))
    assert_same(played(make(agent_ids=agent_ids)), played(make()))


@every_model
def test_one_agent_alone_has_no_links(make):
    scoped = played(make(agent_ids=["agent_1"]))
    different = ~np.eye(AGENTS, dtype=bool)
    assert scoped.arrived[:, different].all()


@every_model
def test_a_scope_works_in_batches(make):
    batched = play(
        make(agent_ids=NAMED),
        rounds=ROUNDS,
        agents=AGENTS,
        batch=(2,),
        positions=np.stack([POSITIONS, POSITIONS], axis=1),
    )
    assert batched.sent.shape == (ROUNDS, 2, AGENTS, AGENTS)
    assert (batched.sent[..., OUTSIDE] == np.arange(ROUNDS)[:, None, None]).all()
    assert (batched.sent[..., INSIDE] != np.arange(ROUNDS)[:, None, None]).any()


def test_two_models_with_different_scopes_meet_in_neither():
    models = [
        ProbabilisticModel(failure_prob=1.0, agent_ids=["agent_0", "agent_1"]),
        ProbabilisticModel(failure_prob=1.0, agent_ids=["agent_2", "agent_3"]),
    ]
    expected = np.ones((AGENTS, AGENTS), dtype=bool)
    expected[:2, :2] = expected[2:, 2:] = False
    lost = played(*models).lost[0]
    np.testing.assert_array_equal(off_diagonal(~lost), off_diagonal(expected))
