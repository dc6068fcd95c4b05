"""Every model is array-API code: the same draws deliver the same in every namespace."""

import importlib.util
from dataclasses import replace

import array_api_strict
import numpy as np
import pytest

from failure_api.catalogue.describe import describe
from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    NodeFailureModel,
    ProbabilisticModel,
    SharedMediumModel,
)
from failure_api.communication_models.shared_medium import TDMA
from failure_api.core import Chain, CommunicationModel
from failure_api.serialization.registry import built_in
from failure_api.testing import check_model, check_noise_model
from helpers import assert_same, play

AGENTS, ROUNDS = 5, 12
SCHEDULE = np.random.default_rng(0).random((4, AGENTS, AGENTS)).round(1)
TABLE = np.random.default_rng(1).random((AGENTS, AGENTS))
PAIR = ("agent_0", "agent_3")
MODELS = {
    "probabilistic": [ProbabilisticModel(failure_prob=0.4)],
    "probabilistic, table": [ProbabilisticModel(failure_prob=TABLE, max_bandwidth=0.5)],
    "probabilistic, scoped": [
        ProbabilisticModel(failure_prob={PAIR: 1.0}, agent_ids=["agent_0", "agent_3"])
    ],
    "matrix": [MatrixModel(matrix=SCHEDULE[0])],
    "matrix, repeat": [MatrixModel(matrix=SCHEDULE)],
    "matrix, hold": [MatrixModel(matrix=SCHEDULE, at_end="hold")],
    "distance": [DistanceModel(distance_threshold=0.5, failure_prob=0.1)],
    "distance, linear": [DistanceModel(distance_threshold=TABLE, falloff="linear")],
    "delay": [DelayBasedModel(min_delay=1, max_delay=3, message_drop_probability=TABLE)],
    "delay of nothing": [DelayBasedModel(min_delay=0, max_delay=0)],
    "delay, scoped": [DelayBasedModel(min_delay=2, max_delay=2, agent_ids=["agent_1", "agent_2"])],
}
CROWDED = [
    NodeFailureModel(mode="crash", mean_time_to_failure=4, mean_time_to_repair=3),
    ProbabilisticModel(failure_prob=0.2),
    SharedMediumModel(protocol=TDMA(slots_per_round=2)),
    BandwidthModel(capacity=0.75, queue_length=3),
    DelayBasedModel(max_delay=3, delivery="fifo", expiry=5),
]
CHAINS = {
    "a queue, turns and nodes": CROWDED,
    "a queue of the newest": [replace(CROWDED[3], drop="newest_first"), *CROWDED[:3]],
    "wide links and a queue": [replace(CROWDED[3], capacity=3.0), MatrixModel(matrix=SCHEDULE)],
    "all four": [models[0] for models in (MODELS[n] for n in ("probabilistic", "matrix, repeat"))]
    + [MODELS["distance, linear"][0], MODELS["delay"][0]],
    "two delays": [MODELS["delay"][0], MODELS["delay, scoped"][0], MODELS["delay"][0]],
    "nothing": [],
}
EXAMPLES = {entry.name: describe(entry.name).example for entry in built_in()}
every_chain = pytest.mark.parametrize(
    "models", [*MODELS.values(), *CHAINS.values()], ids=[*MODELS, *CHAINS]
)


def played(models, batch=(), **options):
    generator = np.random.default_rng(2)
    positions = generator.random((ROUNDS, *batch, AGENTS, 2)).astype(np.float32)
    alive = generator.random((ROUNDS, *batch, AGENTS)) < 0.9
    return play(
        *models,
        rounds=ROUNDS,
        agents=AGENTS,
        batch=batch,
        positions=positions,
        alive=alive,
        **options,
    )


@pytest.mark.sampled(20)
@every_chain
@pytest.mark.parametrize("batch", [(), (4,), (2, 3)], ids=str)
def test_strict_arrays_and_read_only_arrays_deliver_the_same_as_numpy(models, batch):
    expected = played(models, batch)
    assert expected.sent.shape == (ROUNDS, *batch, AGENTS, AGENTS)
    assert_same(played(models, batch, read_only=True), expected)
    assert_same(played(models, batch, xp=array_api_strict), expected)


@every_chain
def test_every_array_has_the_shape_and_dtype_that_links_and_deliveries_have(models):
    result = played(models, (4,))
    for name, dtype in (
        ("sent", "int32"),
        ("newest", "int32"),
        ("arrivals", "int32"),
        ("sends", "bool"),
        ("capacity", "float32"),
        ("lost", "bool"),
        ("delay", "int32"),
        ("in_order", "bool"),
        ("expiry", "int32"),
        ("hears", "bool"),
    ):
        array = getattr(result, name)
        if array is not None:
            assert array.dtype == dtype, name
            assert array.shape == (ROUNDS, 4, AGENTS, AGENTS), name


@pytest.mark.parametrize("models", [MODELS["matrix, repeat"], MODELS["distance, linear"]])
def test_a_batch_of_what_is_not_random_is_the_same_as_one_after_the_other(models):
    generator = np.random.default_rng(3)
    positions = generator.random((ROUNDS, 4, AGENTS, 2))
    batched = play(*models, rounds=ROUNDS, agents=AGENTS, batch=(4,), positions=positions)
    for place in range(4):
        alone = play(*models, rounds=ROUNDS, agents=AGENTS, positions=positions[:, place])
        np.testing.assert_array_equal(batched.sent[:, place], alone.sent)


@pytest.mark.parametrize("name", ["probabilistic", "delay"])
def test_the_members_of_a_batch_fail_independently(name):
    result = played(MODELS[name], (4,))
    assert (result.lost[:, 0] != result.lost[:, 1]).any()


with_both = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("torch", "jax"))),
    reason="the oldest versions are tried without JAX and PyTorch",
)


@pytest.mark.sampled(2)
@with_both
@every_chain
def test_every_model_here_runs_on_pytorch_and_compiled_by_jax(models):
    team = [f"agent_{number}" for number in range(AGENTS)]
    check_model(Chain(models=models), agent_ids=team, rounds=ROUNDS, backends=("torch", "jax"))


@pytest.mark.sampled(1)
@with_both
@pytest.mark.parametrize("model", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_every_model_of_the_catalogue_runs_on_pytorch_and_compiled_by_jax(model):
    team = [f"agent_{number}" for number in range(4)]
    check = check_model if isinstance(model, CommunicationModel) else check_noise_model
    check(model, agent_ids=team, backends=("torch", "jax"))
