"""SendRandom(same_for_all=True) over batches: in all libraries the same lie to everyone."""

import numpy as np
import pytest
from batched_play import play_batch, script

from failure_api.communication_models import BandwidthModel, DelayBasedModel
from failure_api.noise_models import ByzantineModel, SendRandom

BATCH, ROUNDS = 3, 40
HAPPENS = script(rounds=ROUNDS, batch=BATCH)
LIAR = 2
SEEDS = np.arange(BATCH, dtype=np.int32) + 11
MODELS = {
    "delays": [DelayBasedModel(min_delay=0, max_delay=3)],
    "long delays": [DelayBasedModel(min_delay=0, max_delay=30)],
    "delays and a queue": [
        BandwidthModel(capacity=0.7, queue_length=20),
        DelayBasedModel(min_delay=0, max_delay=3),
    ],
}


def played(library, models, seeds=SEEDS, happens=HAPPENS):
    attack = SendRandom(low=1.0, high=2.0, same_for_all=True)
    noise = ByzantineModel(agent_ids=[f"agent_{LIAR}"], attack=attack)
    return play_batch(library, models, seeds, happens, noise_models=noise, missing="zero")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("models", MODELS.values(), ids=MODELS.keys())
def test_all_libraries_tell_the_same_lie_to_everyone(models):
    outcome = played("numpy", models)
    for library in ("torch", "jax", "array_api_strict"):
        other = played(library, models)
        for name in outcome._fields:
            one, same = getattr(outcome, name), getattr(other, name)
            np.testing.assert_array_equal(one, same, err_msg=f"{library} {name}")
    told, several = {}, 0
    for number, element, receiver in np.argwhere(outcome.flags[..., LIAR]).tolist():
        lie = tuple(outcome.content[number, element, receiver, LIAR].tolist())
        made = int(outcome.sent[number, element, LIAR, receiver])
        several += (element, made) in told
        assert told.setdefault((element, made), lie) == lie
    assert several > 10
    # Other messages, and those of other elements, are other lies.
    assert len(set(told.values())) == len(told)
    assert all(1 <= entry < 2 for lie in told.values() for entry in lie)


def test_an_element_lies_as_it_does_alone():
    together = played("numpy", MODELS["delays"])
    alone = played("numpy", MODELS["delays"], int(SEEDS[1]), HAPPENS.row(1))
    np.testing.assert_array_equal(together.content[:, 1], alone.content)
