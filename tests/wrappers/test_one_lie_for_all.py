"""SendRandom(same_for_all=True): a message tells everyone the same lie, whenever it arrives."""

from __future__ import annotations

from typing import Any

import pytest
from gymnasium import spaces

from environments_under_test import Plain
from failure_api import (
    BandwidthModel,
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    SendMessages,
    ShareObservations,
)
from failure_api.noise_models import ByzantineModel, SendRandom

BOX = spaces.Box(-1, 1, (2,))
# Three hear c in the same entry of theirs.
SEGMENTS = {agent: {"c": [1]} for agent in "abd"}
MODELS = {
    "delays": [DelayBasedModel(min_delay=0, max_delay=3)],
    "delays and a queue": [
        BandwidthModel(capacity={("c", "a"): 0.4, ("c", "b"): 0.7}, queue_length=5),
        DelayBasedModel(min_delay=0, max_delay=3),
    ],
}


def heard_in_segments(view, receiver):
    return view[1:2]


def heard_in_dict(view, receiver):
    return view["c"]


def heard_in_flat(view, receiver):
    start = 2 + 4 * [agent for agent in "abcd" if agent != receiver].index("c")
    return view[start : start + 2]


def heard_in_messages(view, receiver):
    return view["messages"]["c"]


EXCHANGES = {
    "segments": (MaskSegments(segments=SEGMENTS), heard_in_segments),
    "held segments": (MaskSegments(segments=SEGMENTS, missing="hold"), heard_in_segments),
    "moving segments": (MaskSegments(segments=lambda env: SEGMENTS), heard_in_segments),
    "dict": (ShareObservations(), heard_in_dict),
    "held dict": (ShareObservations(missing="hold"), heard_in_dict),
    "flat": (ShareObservations(form="flat"), heard_in_flat),
    "held flat": (ShareObservations(form="flat", missing="hold"), heard_in_flat),
    "messages": (SendMessages(BOX), heard_in_messages),
}


def lies(name, models, seed=3, rounds=60, **attack):
    """Returns what c said, as it was heard, by the round in which it was made."""
    exchange, heard = EXCHANGES[name]
    env = CommunicationWrapperParallel(
        Plain(dict.fromkeys("abcd", BOX), max_cycles=rounds),
        models,
        noise_models=ByzantineModel(
            agent_ids=["c"], attack=SendRandom(low=-1.0, high=1.0, **attack)
        ),
        exchange=exchange,
    )
    views, _ = env.reset(seed=seed)
    told: dict[int, Any] = {}
    for number in range(rounds + 1):
        state, age = env.get_communication_state(), env.message_age
        for receiver in "abd":
            place = "abcd".index(receiver)
            if state[2, place] or (exchange.missing == "hold" and age[2, place] <= number):
                content = tuple(heard(views[receiver], receiver).tolist())
                told.setdefault(number - int(age[2, place]), set()).add((receiver, content))
        if env.agents:
            views = env.step({a: env.action_space(a).sample() for a in env.agents})[0]
    return told


@pytest.mark.parametrize("name", EXCHANGES)
@pytest.mark.parametrize("models", MODELS.values(), ids=MODELS.keys())
def test_a_message_is_the_same_lie_to_all_and_another_message_another_lie(name, models):
    told = lies(name, models, same_for_all=True)
    assert len(told) > 30
    assert max(map(len, told.values())) == 3
    one = {made: {content for _, content in heard} for made, heard in told.items()}
    assert all(len(contents) == 1 for contents in one.values())
    assert len(set.union(*one.values())) == len(told)


def test_it_depends_on_neither_who_hears_it_nor_how():
    """Other delays bring the same lies at other times."""
    told = lies("dict", MODELS["delays"], same_for_all=True)
    at_once = lies("dict", [], same_for_all=True)
    assert set(at_once) == set(range(61))
    for made, heard in told.items():
        assert {content for _, content in heard} == {content for _, content in at_once[made]}


def test_episodes_and_seeds_have_lies_of_their_own():
    first, second = (lies("dict", [], seed, same_for_all=True) for seed in (3, 4))
    assert not {c for h in first.values() for _, c in h} & {
        c for h in second.values() for _, c in h
    }


def test_otherwise_everyone_is_told_something_else():
    told = lies("dict", MODELS["delays"])
    for heard in told.values():
        assert len({content for _, content in heard}) == len(heard)
