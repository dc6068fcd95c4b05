"""`agent_ids=` confines a model to links whose two ends are both named."""

import numpy as np
import pytest

from failure_api.communication_models import (
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from helpers import Scripted, assert_same, context_of, off_diagonal, play

AGENTS, ROUNDS = 4, 25
NAMED = ("agent_0", "agent_2")
INSIDE = np.zeros((AGENTS, AGENTS), dtype=bool)
INSIDE[np.ix_([0, 2], [0, 2])] = True
OUTSIDE = ~INSIDE & ~np.eye(AGENTS, dtype=bool)
POSITIONS = np.random.default_rng(0).random((ROUNDS, AGENTS, 2))
MODELS = [
    lambda **scope: ProbabilisticModel(failure_prob=0.5, max_bandwidth=0.5, **scope),
    lambda **scope: MatrixModel(matrix=np.zeros((AGENTS, AGENTS)), **scope),
    lambda **scope: DistanceModel(distance_threshold=0.4, falloff="linear", **scope),
    lambda **scope: DelayBasedModel(
        min_delay=1, max_delay=3, message_drop_probability=0.4, **scope
    ),
    lambda **scope: Scripted(
        bandwidths=[0.5] * ROUNDS, delays=[2] * ROUNDS, noises=[0.5] * ROUNDS, **scope
    ),
]
every_model = pytest.mark.parametrize("make", MODELS, ids=lambda make: make().name)


def played(*models, **options):
    return play(*models, rounds=ROUNDS, agents=AGENTS, positions=POSITIONS, **options)


@every_model
def test_a_scoped_model_acts_on_links_among_the_named_agents_alone(make):
    scoped, everywhere = played(make(agent_ids=NAMED)), played(make())
    for name, untouched in (("bandwidth", 1), ("delay", 0), ("noise", 0)):
        changed, full = getattr(scoped, name), getattr(everywhere, name)
        if full is None:
            assert changed is None
            continue
        np.testing.assert_array_equal(changed[..., INSIDE], full[..., INSIDE])
        assert (changed[..., OUTSIDE] == untouched).all()
        assert (full[..., OUTSIDE] != untouched).any()


@every_model
def test_a_scoped_model_leaves_what_earlier_models_did_outside_of_its_scope(make):
    earlier = Scripted(bandwidths=[0.75] * ROUNDS, delays=[1] * ROUNDS, noises=[0.25] * ROUNDS)
    before, after = played(earlier), played(earlier, make(agent_ids=NAMED))
    for name in ("bandwidth", "delay", "noise"):
        np.testing.assert_array_equal(
            getattr(after, name)[..., OUTSIDE], getattr(before, name)[..., OUTSIDE]
        )
    assert (after.bandwidth[..., INSIDE] <= before.bandwidth[..., INSIDE]).all()


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
    assert (batched.bandwidth[..., OUTSIDE] == 1).all()
    assert batched.bandwidth.shape == (ROUNDS, 2, AGENTS, AGENTS)


def test_two_models_with_different_scopes_meet_in_neither():
    models = [
        ProbabilisticModel(failure_prob=1.0, agent_ids=["agent_0", "agent_1"]),
        ProbabilisticModel(failure_prob=1.0, agent_ids=["agent_2", "agent_3"]),
    ]
    expected = np.ones((AGENTS, AGENTS), dtype=bool)
    expected[:2, :2] = expected[2:, 2:] = False
    up = played(*models).bandwidth[0] > 0
    np.testing.assert_array_equal(off_diagonal(up), off_diagonal(expected))
