"""What waits for a thousand rounds, or is under way for ten thousand, arrives as it was made."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from gymnasium import spaces

from environments_under_test import Plain
from failure_api import (
    BandwidthModel,
    CommunicationWrapperParallel,
    DelayBasedModel,
    MaskSegments,
    ProbabilisticModel,
    ScheduledModel,
    SendMessages,
    ShareObservations,
)
from failure_api.core.arrays.trees import leaves

TEAM = "abc"
MOST = 100_000
"""No episode here has so many rounds."""
NUMBERS = spaces.Box(-1, MOST, (3,), np.float32)
OBJECTS = spaces.Dict(
    number=spaces.Discrete(MOST),
    pair=spaces.Tuple([spaces.Box(0, MOST, (2,)), spaces.Dict(of=spaces.MultiDiscrete([MOST]))]),
)
MIXED = {"a": NUMBERS, "b": spaces.Discrete(MOST), "c": spaces.Box(0, MOST, (2,), np.int32)}
SEGMENTS = {"a": {"b": [1], "c": [2]}, "b": {"a": [2]}, "c": {"a": [1], "b": [0]}}


class Clock(Plain):
    """Agents observe who they are and what round it is, in the forms of their spaces."""

    def content(self, agent, number):
        space = self.observation_spaces[agent]
        # Never 0, so that what is missing looks like nothing that was said.
        told = 3 * number + TEAM.index(agent) + 1
        if isinstance(space, spaces.Box):
            return np.full(space.shape, told, space.dtype)
        if isinstance(space, spaces.Dict):
            pair = np.full(2, told, np.float32), {"of": np.array([told])}
            return {"number": np.int64(told), "pair": pair}
        return np.int64(told)


def moving(env):
    """Returns where an agent hears the others, which is elsewhere in every other round."""
    first, second = (1, 2) if env.steps % 2 else (2, 1)
    return {"a": {"b": [first], "c": [second]}, "b": {"c": [first]}, "c": {"a": [2]}}


def seen_in_segments(env, view, receiver, sender):
    entries = moving(env) if callable(env.seen) else SEGMENTS
    return [view[entry] for entry in entries[receiver].get(sender, ())]


def seen_in_dict(env, view, receiver, sender):
    return [view[sender]]


def seen_in_messages(env, view, receiver, sender):
    return [view["messages"][sender]]


def seen_in_flat(env, view, receiver, sender):
    """A flat view: what is one's own, and of each other one what it said, a flag and an age."""
    place = [agent for agent in TEAM if agent != receiver].index(sender)
    start = 3 + place * 5
    return [view[start : start + 3]]


def seen_in_flat_messages(env, view, receiver, sender):
    place = [agent for agent in TEAM if agent != receiver].index(sender)
    return [view[3 + place * 3 : 3 + place * 3 + 1]]


EXCHANGES = {
    "segments": (lambda m: MaskSegments(segments=SEGMENTS, missing=m), NUMBERS, seen_in_segments),
    "moving segments": (
        lambda m: MaskSegments(segments=moving, missing=m),
        NUMBERS,
        seen_in_segments,
    ),
    "dict": (lambda m: ShareObservations(missing=m), NUMBERS, seen_in_dict),
    "dict of objects": (lambda m: ShareObservations(missing=m), OBJECTS, seen_in_dict),
    "dict of all kinds": (lambda m: ShareObservations(missing=m), MIXED, seen_in_dict),
    "flat": (lambda m: ShareObservations(form="flat", missing=m), NUMBERS, seen_in_flat),
    "messages": (
        lambda m: SendMessages(spaces.Discrete(MOST), missing=m),
        NUMBERS,
        seen_in_messages,
    ),
    "flat messages": (
        lambda m: SendMessages(spaces.Box(0, MOST, (1,)), form="flat", missing=m),
        NUMBERS,
        seen_in_flat_messages,
    ),
}
every_exchange = pytest.mark.parametrize("name", EXCHANGES)
either = pytest.mark.parametrize("missing", ["zero", "hold"])


def wrapped(name, missing, models):
    make, space, seen = EXCHANGES[name]
    team = space if isinstance(space, dict) else dict.fromkeys(TEAM, space)
    bare = Clock(team, max_cycles=MOST)
    bare.seen = moving if name == "moving segments" else None
    return CommunicationWrapperParallel(bare, models, exchange=make(missing)), seen


def saying(env, number):
    """Returns actions that say what the agents observe, where actions say anything."""
    space = env.action_space("a")
    now = {agent: 3 * number + TEAM.index(agent) + 1 for agent in TEAM}
    if isinstance(space, spaces.Dict):
        return {agent: {"action": 0, "message": np.int64(now[agent])} for agent in TEAM}
    if isinstance(space, spaces.Box):
        return {agent: np.float32([1, 0, 0, now[agent]]) for agent in TEAM}
    return dict.fromkeys(TEAM, 0)


def told(value):
    """Returns the number in what is seen; all of it must say the same."""
    numbers = np.unique(np.concatenate([np.ravel(leaf) for leaf in leaves(value)]))
    assert len(numbers) == 1
    return float(numbers[0])


def play(name, missing, models, rounds, looks):
    """Plays, compares all that is seen with what was said when it was made, and tells the ages.

    Args:
        name: The exchange.
        missing: What stands in for what is missing.
        models: The failure models.
        rounds: How many rounds are played.
        looks: Rounds in which it is compared.
    """
    env, seen = wrapped(name, missing, models)
    messages = "messages" in name
    views, _ = env.reset(seed=0)
    ages = []
    for number in range(rounds):
        if number:
            views = env.step(saying(env, number))[0]
        if number not in looks:
            continue
        state, newest = env.get_communication_state(), number - env.message_age
        for sender in range(3):
            for receiver in range(3):
                if sender == receiver:
                    continue
                made = int(newest[sender, receiver])
                has = state[sender, receiver] or (missing == "hold" and made >= 0)
                # What an agent is to hear stands in its own observation where segments are masked.
                speaker = receiver if "segments" in name else sender
                # Messages come with actions, so that in round 0 there are none.
                expected = 3 * made + speaker + 1 if has and (made or not messages) else 0
                if has:
                    ages.append(number - made)
                shown = seen(env.unwrapped, views[TEAM[receiver]], TEAM[receiver], TEAM[sender])
                for value in shown:
                    assert told(value) == expected, (number, sender, receiver)
    return {"oldest": max(ages), "newest": min(ages), "env": env}


STOPPED = ScheduledModel(
    model=BandwidthModel(capacity=0.0, queue_length=1000), start=0, stop=700, period=2000
)
SLOW = BandwidthModel(
    capacity=[[0, 0.5, 0.8], [0.25, 0, 1.0], [3.0, 0.1, 0]], queue_length=1000, max_wait=None
)


@pytest.mark.sampled(2)
@every_exchange
@either
def test_what_waits_for_a_thousand_rounds_arrives_as_it_was_made(name, missing):
    seen = play(name, missing, [STOPPED, SLOW], 1500, range(1500))
    assert seen["oldest"] > 1000
    # A link that carries three messages a round has caught up.
    assert seen["newest"] == 0


@pytest.mark.sampled(1)
@every_exchange
@either
def test_what_is_under_way_for_ten_thousand_rounds_arrives_as_it_was_made(name, missing):
    late = DelayBasedModel(min_delay=10_000, max_delay=10_000)
    looks = (*range(0, 10_000, 999), *range(9_995, 10_040))
    seen = play(name, missing, late, 10_040, set(looks))
    assert seen["oldest"] == seen["newest"] == 10_000


@pytest.mark.sampled(1)
@every_exchange
@either
def test_queues_and_delays_add_up(name, missing):
    models = [
        ProbabilisticModel(failure_prob=0.2),
        BandwidthModel(capacity=0.6, queue_length=200),
        DelayBasedModel(max_delay=400, delivery="fifo", expiry=700),
    ]
    assert play(name, missing, models, 1200, range(1200))["oldest"] > 500


STARVING = {("a", "b"): 0.0, ("b", "c"): 0.01, ("c", "a"): 0.9}
GROWS = {
    "a full queue": BandwidthModel(capacity=STARVING, queue_length=50),
    "newest first": BandwidthModel(capacity=STARVING, queue_length=1000, drop="newest_first"),
    "in order": DelayBasedModel(max_delay=300, delivery="fifo"),
}


@pytest.mark.sampled(2)
@every_exchange
@either
@pytest.mark.parametrize("models", GROWS.values(), ids=GROWS.keys())
def test_what_is_kept_does_not_grow_with_the_episode(name, missing, models):
    env, _ = wrapped(name, missing, [ProbabilisticModel(failure_prob=0.2), models])
    env.reset(seed=0)
    coming = {agent: env.action_space(agent).sample() for agent in env.agents}
    sizes = []
    for number in range(2600):
        env.step(coming)
        if number >= 600 and number % 40 == 0:
            # Whatever is kept of the past, wherever, has to be pickled.
            sizes.append(len(pickle.dumps(env._rounds)))
    # What is no longer needed is looked for from time to time.
    assert max(sizes[-20:]) < 1.1 * max(sizes[:20]) + 2000


@pytest.mark.parametrize("missing", ["zero", "hold"])
def test_of_a_link_that_never_works_only_what_waits_is_kept(missing):
    """The first message waits for good, with newest-first one more; there is room for no more."""
    never = np.where(np.eye(3)[0] > 0, 0.0, 1.0) * np.ones((3, 3))
    for drop, places in (("tail", 40), ("newest_first", 2)):
        model = BandwidthModel(capacity=never, queue_length=40, drop=drop)
        env, _ = wrapped("dict of objects", missing, model)
        env.reset(seed=0)
        for _ in range(3000):
            env.step(dict.fromkeys(TEAM, 0))
        kept = env._rounds._content._state
        assert kept.waiting.shape[:2] == (places, 9)
        assert isinstance(kept.history, tuple)
        waiting = env._rounds.delivery.waiting
        assert waiting.count[1, 0] == (1 if drop == "newest_first" else 40)
