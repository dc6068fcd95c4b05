"""Payloads that are one row of entries, each of a link of its own."""

from __future__ import annotations

import numpy as np
import pytest
from batched_play import CONVERT

from failure_api import BandwidthModel, DelayBasedModel, GaussianNoiseModel, GilbertElliottModel
from failure_api.batched import BatchedChannel
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

IDS, ELEMENTS, ROUNDS = ("a", "b", "c"), 6, 15
LINKS = [(0, 1, 0), (2, 1, 0), (0, 1, 1), (1, 0, 0), (2, 0, 1), (2, 0, 0)]
"""Sender, receiver and place in the message of each entry."""

CHAINS = {
    "bursts": [GilbertElliottModel(p=0.3, r=0.4)],
    "late": [GilbertElliottModel(p=0.3, r=0.4), DelayBasedModel(min_delay=0, max_delay=2)],
    "very late": [DelayBasedModel(min_delay=0, max_delay=20)],
    "queued": [BandwidthModel(capacity=0.5, queue_length=3), DelayBasedModel(max_delay=2)],
}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("library", CONVERT)
@pytest.mark.parametrize("missing", ["zero", "hold", "predict"])
@pytest.mark.parametrize(
    "noise", [(), GaussianNoiseModel(standard_deviation=0.1)], ids=["", "noise"]
)
@pytest.mark.parametrize("chain", CHAINS)
def test_entries_fail_as_the_messages_do_that_they_belong_to(library, missing, noise, chain):
    limits = {"low": -2.0, "high": np.full((3, 3, 2), 2.0), "zero": np.arange(18).reshape(3, 3, 2)}
    limits["zero"] = limits["zero"] / 10.0
    fields = {"failure_models": CHAINS[chain], "agent_ids": IDS, "missing": missing, **limits}
    fields |= {"noise_models": noise, "streams": "portable"}
    whole = BatchedChannel(per_link=True, **fields)
    entries = BatchedChannel(entry_links=LINKS, **fields)
    sender, receiver, place = np.array(LINKS).T
    generator, convert, states = np.random.default_rng(1), CONVERT[library], [None, None]
    for _ in range(ROUNDS):
        payloads = generator.uniform(-2, 2, (ELEMENTS, 3, 3, 2)).astype(np.float32)
        row = payloads[:, sender, receiver, place]
        found = []
        for index, (channel, said) in enumerate(((whole, payloads), (entries, row))):
            state = states[index] or channel.init(3, convert(said))
            states[index], received = channel.step(state, convert(said))
            found.append(np.asarray(received.content))
        assert np.allclose(found[0][:, receiver, sender, place], found[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("links", "words"),
    [
        ([(0, 3, 0)], "agents below 3"),
        ([(0, 1)], r"\[K, 3\]"),
        ([(0, 1, 0.5)], "whole numbers"),
        ([(0, 1, -1)], "whole numbers"),
        ([(0, 1, 0), (0, 1, 0)], "place once"),
        ("abc", "sender, receiver"),
        ([[None, 1, 2]], "sender, receiver"),
    ],
)
def test_entries_of_no_link_are_refused(links, words):
    with pytest.raises(InvalidArgumentError, match=words) as error:
        BatchedChannel(failure_models=CHAINS["bursts"], agent_ids=IDS, entry_links=links)
    assert_one_sentence(error.value)


def test_a_row_of_another_length_is_refused():
    channel = BatchedChannel(failure_models=CHAINS["bursts"], agent_ids=IDS, entry_links=LINKS)
    with pytest.raises(InvalidArgumentError, match=r"shape \[\.\.\., 6\]") as error:
        channel.init(0, np.zeros((ELEMENTS, 5), np.float32))
    assert_one_sentence(error.value)
