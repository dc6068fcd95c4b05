"""Turns on a shared medium, shares of a sender's time and reactive jammers, in plain Python.

The simulator takes from the models what a link can carry and what is lost on the air. Here
random chains are played, and an oracle for each of these models says what they have to decide. It
reads the models' fields, the simulator's waiting lists and streams of its own.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
import pytest
from simulator import Round, Verdict, Waiting, simulate
from test_against_simulator import ROUNDS, Played, played, verdicts, walks

from failure_api.communication_models import (
    BandwidthModel,
    DelayBasedModel,
    JammingModel,
    NodeFailureModel,
    ProbabilisticModel,
    ScheduledModel,
    SharedMediumModel,
)
from failure_api.communication_models.jamming import (
    BlockReception,
    CarriedJammers,
    ConstantJamming,
    Detection,
    FixedJammers,
    RandomJamming,
)
from failure_api.communication_models.shared_medium import TDMA, SlottedAloha, TopK
from failure_api.core import Chain, Channel, Context, NumpyStream, Stage

FIRST, CHAINS, PART = 10_000, 210, 35
BOUNDARY = 1e-5
"""Chains in which a distance comes as close as that to a radius are left out."""

Link = tuple[int, int]


def random_chain(seed):
    """Returns models in any order, of which some share a medium or a sender's time."""
    random = np.random.default_rng(seed)
    agents = int(random.choice([2, 3, 3, 3, 4, 4, 5]))

    def happens(probability):
        return bool(random.random() < probability)

    def some(least):
        count = int(random.integers(least, agents + 1))
        return [int(agent) for agent in random.permutation(agents)[:count]]

    def scope():
        return some(2) if happens(0.35) else None

    def matrix(choices):
        return random.choice(choices, (agents, agents) if happens(0.4) else None).tolist()

    def loss():
        return ProbabilisticModel(failure_prob=matrix([0.0, 0.2, 0.5]))

    eighths = [eighth / 8 for eighth in range(1, 9)]
    queue: dict[str, Any] = {
        "queue_length": int(random.integers(1, 7)),
        "drop": str(random.choice(["tail", "newest_first"])),
        "max_wait": int(random.integers(0, 12)) if happens(0.3) else None,
    }

    def capacity(**options):
        given = matrix([0.0, *eighths, 1.0, 1.5, 2.0, 3.0])
        return BandwidthModel(capacity=given, **options, **queue)

    def scheduled():
        start = int(random.integers(0, 5))
        given = float(random.choice([0.0, 0.0, *eighths, 2.0]))
        return ScheduledModel(
            model=BandwidthModel(capacity=given, agent_ids=scope(), **queue),
            start=start,
            stop=start + int(random.integers(1, 5)),
            period=int(random.choice([9, 11])) if happens(0.7) else None,
        )

    def medium():
        priorities = [float(one) for one in random.integers(0, 3, agents)]
        count = int(random.integers(1, 3))
        protocols = [
            SlottedAloha(transmit_prob=float(random.choice([0.2, 0.4, 0.7]))),
            SlottedAloha(transmit_prob=0.5),
            TDMA(slots_per_round=int(random.integers(1, 4))),
            TopK(count=count),
            TopK(count=count, by="age"),
            TopK(count=count, by="priority", priorities=priorities),
        ]
        return SharedMediumModel(protocol=protocols[int(random.integers(6))], agent_ids=scope())

    models: list[Any] = []
    if happens(0.6):
        mode, agent = str(random.choice(["mute", "crash", "deaf"])), int(random.integers(agents))
        at_random = {"mean_time_to_failure": 6, "mean_time_to_repair": 4}
        schedule = {"schedule": {agent: [(3, 9), (12, 17), (30, None)]}}
        when: Any = at_random if happens(0.6) else schedule
        models.append(NodeFailureModel(mode=mode, agent_ids=scope(), **when))
    models += [loss() for _ in range(2) if happens(0.5)]
    if happens(0.6):
        models += [capacity(agent_ids=scope()) for _ in range(2) if happens(0.6)]
        models += [scheduled() for _ in range(1) if happens(0.5)]
    elif happens(0.5):
        models.append(ProbabilisticModel(failure_prob=0.1, max_bandwidth=matrix(eighths)))
    if happens(0.3):
        models.append(capacity(per="sender", agent_ids=scope()))
        models += [medium() for _ in range(1) if happens(0.3)]
    else:
        models += [medium() for _ in range(2 if happens(0.15) else 1)]
    if happens(0.5):
        carried = CarriedJammers(agent_ids=some(1)[:2])
        fixed = FixedJammers(positions=random.normal(0, 0.5, (2, 2)).round(2).tolist())
        detection = Detection(
            radius=float(random.choice([0.5, 1.0])), probability=float(random.choice([0.6, 1.0]))
        )
        models.append(
            JammingModel(
                jammers=carried if happens(0.5) else fixed,
                effect=BlockReception(radius=float(random.choice([0.8, 1.3]))),
                pattern=RandomJamming(probability=0.7) if happens(0.7) else ConstantJamming(),
                detection=detection if happens(0.9) else None,
                budget=6 if happens(0.3) else None,
            )
        )
    if happens(0.3):
        longest = int(random.integers(0, 4))
        models.append(
            DelayBasedModel(max_delay=longest, expiry=longest + 3 if happens(0.6) else None)
        )
    order = random.permutation(len(models))
    return [models[place] for place in order], agents, (2,) if happens(0.15) else ()


def members(model, agents):
    """Returns the agents that a model is confined to, in the order of all agents."""
    return list(range(agents)) if model.agent_ids is None else sorted(model.agent_ids)


def table(given, agents):
    """Returns what a number or an array says of each link, as float32 holds it."""
    array = np.broadcast_to(np.asarray(given, dtype=np.float32), (agents, agents)).tolist()
    return {(s, r): array[s][r] for s, r in permutations(range(agents), 2)}


def occurrences(models):
    """Yields each model with the number of earlier ones of its class."""
    seen: Counter[str] = Counter()
    for model in models:
        yield model, seen[type(model).__name__]
        seen[type(model).__name__] += 1


def draws(stream, element, shape):
    """Returns the uniform numbers of one team for all rounds, drawn for the whole batch."""
    return [stream.uniform(shape)[element] for _ in range(ROUNDS)]


def flags(array, element):
    """Returns the flags of one team's links, as False where there are none."""
    return defaultdict(lambda: defaultdict(bool)) if array is None else array[element].tolist()


class Medium:
    """Who has a turn on one medium, in one team."""

    def __init__(self, model, agents, chance):
        self.protocol: Any = model.protocol
        self.members = members(model, agents)
        self.links = set(permutations(self.members, 2))
        self.chance = chance
        self.longest_silent_first = list(range(agents))
        self.priorities = np.asarray(getattr(self.protocol, "priorities", 0.0)).tolist()

    def turns(self, number, something):
        """Returns who has a turn; something waits, or is made, on these links."""
        senders = {sender for sender, _ in something & self.links}
        ready, chance, protocol = sorted(senders), self.chance[number].tolist(), self.protocol
        if isinstance(protocol, SlottedAloha):
            return {agent for agent in ready if chance[agent] < np.float32(protocol.transmit_prob)}
        if isinstance(protocol, TDMA):
            slots = range(
                number * protocol.slots_per_round, (number + 1) * protocol.slots_per_round
            )
            return {self.members[slot % len(self.members)] for slot in slots} & set(ready)
        if protocol.by == "random":
            ready.sort(key=lambda agent: chance[agent])
        elif protocol.by == "priority":
            ready.sort(key=lambda agent: (-self.priorities[agent], chance[agent]))
        else:
            ready.sort(key=self.longest_silent_first.index)
        chosen = ready[: protocol.count]
        rest = [agent for agent in self.longest_silent_first if agent not in chosen]
        self.longest_silent_first = rest + chosen
        return set(chosen)


class Capacity(NamedTuple):
    """What one model says that links can carry."""

    of: dict[Link, float]
    among: set[Link]
    shared: bool  # a sender's links divide it
    window: Any = None  # a model that says when it holds

    def acts(self, number):
        """Returns whether the model says anything in a round."""
        if self.window is None:
            return True
        time = number % self.window.period if self.window.period else number
        return self.window.start <= time < self.window.stop


def capacities(model, agents):
    """Yields what a model that is no medium says of capacities."""
    if isinstance(model, ScheduledModel):
        for capacity in capacities(model.model, agents):
            yield capacity._replace(window=model)
    elif isinstance(model, BandwidthModel):
        among = set(permutations(members(model, agents), 2))
        of = {link: c for link, c in table(model.capacity, agents).items() if link in among}
        yield Capacity(of, among, model.per == "sender")
    elif isinstance(model, ProbabilisticModel):
        of = {link: c for link, c in table(model.max_bandwidth, agents).items() if c < 1}
        yield Capacity(of, set(of), shared=False)


class Jammers:
    """Which jammers of a model send, in one team."""

    def __init__(self, model, pattern, detection):
        self.model, self.pattern, self.detection = model, pattern, detection
        self.budget = [math.inf if model.budget is None else model.budget] * model.jammers.count()

    def jammed(self, number, distances, alive, heard):
        """Returns who is jammed.

        Args:
            number: The round.
            distances: From each jammer to each agent.
            alive: Which agents are.
            heard: Who transmits in this round.
        """
        jammed: set[int] = set()
        jammers, effect, detection = self.model.jammers, self.model.effect, self.model.detection
        for jammer, distance in enumerate(distances):
            carrier = jammers.agent_ids[jammer] if isinstance(jammers, CarriedJammers) else None
            sends = carrier is None or alive[carrier]
            if isinstance(self.model.pattern, RandomJamming):
                sends &= self.pattern[number][jammer] < self.model.pattern.probability
            if detection is not None:
                near = [a for a in heard if a != carrier and distance[a] <= detection.radius]
                sends &= bool(near) and self.detection[number][jammer] < detection.probability
            if sends and self.budget[jammer]:
                self.budget[jammer] -= 1
                jammed |= {agent for agent, far in enumerate(distance) if far <= effect.radius}
        return jammed


def distances(model, positions):
    """Returns, by round, how far each jammer of a team is from each agent."""
    jammers: Any = model.jammers
    found = []
    for where in positions.tolist():
        carried = isinstance(jammers, CarriedJammers)
        at = [where[a] for a in jammers.agent_ids] if carried else np.asarray(jammers.positions)
        found.append([[math.dist(jammer, agent) for agent in where] for jammer in at])
    return found


def too_close(models, positions):
    """Returns whether any distance is so near to a radius that float32 may decide otherwise."""
    teams = positions.reshape(ROUNDS, -1, *positions.shape[-2:])
    for model in models:
        if isinstance(model, JammingModel):
            detection: Any = model.detection
            radii = [model.effect.radius, *([detection.radius] if detection else [])]
            far = [distances(model, teams[:, team]) for team in range(teams.shape[1])]
            if any(np.abs(np.asarray(far) - radius).min() < BOUNDARY for radius in radii):
                return True
    return False


class Team(NamedTuple):
    """One team of a chain's episode, with what the simulator says of its links."""

    models: list[Any]
    seed: int
    element: tuple[int, ...]
    rounds: list[Played]
    positions: Any
    given: dict[Link, list[Verdict]]
    told: dict[Link, list[Round]]
    queue: Waiting | None

    def has_something(self, link, number):
        """Returns whether the link of a sender that is up has something to send."""
        verdict = self.given[link][number]
        admitted = verdict.receiver_alive and not verdict.rejected
        waited = bool(self.queue and number and self.told[link][number - 1].waiting)
        return verdict.sender_alive and verdict.up and (admitted or waited)

    def where(self, link, number):
        """Returns what is compared."""
        named = f"chain {self.seed}, {self.models}, element {self.element}"
        return f"{named}, link {link}, round {number}"


def teams(seed):
    """Yields the teams of a random chain, none where a distance is too near to a radius."""
    models, agents, batch = random_chain(seed)
    positions = walks(seed, agents, batch)
    if too_close(models, positions):
        return
    chain, rounds = played(seed, lambda _: (models, agents, batch))
    queue = chain.queue and Waiting(chain.queue.length, chain.queue.drop, chain.queue.max_wait)
    links = list(permutations(range(agents), 2))
    for element in np.ndindex(batch):
        given = {link: verdicts(rounds, (*element, *link)) for link in links}
        told = {link: simulate(given[link], queue) for link in links}
        where = positions[(slice(None), *element)]
        yield Team(models, seed, element, rounds, where, given, told, queue)


class Oracles:
    """What the models of one team have to decide."""

    def __init__(self, team):
        agents = team.positions.shape[-2]
        self.media: list[Medium] = []
        self.losses: list[tuple[Any, bool, list[Any]]] = []
        self.jamming: list[tuple[Jammers, list[Any]]] = []
        element, batch = team.element, team.rounds[0].alive.shape[:-1]
        limits = (BandwidthModel, ScheduledModel)
        queues = [place for place, model in enumerate(team.models) if isinstance(model, limits)]
        for place, (model, occurrence) in enumerate(occurrences(team.models)):
            own = NumpyStream(team.seed).child(type(model).__name__, occurrence)
            if isinstance(model, SharedMediumModel):
                self.media.append(Medium(model, agents, draws(own, element, (*batch, agents))))
            elif isinstance(model, ProbabilisticModel):
                # Only what stands before the first queue keeps messages out of it.
                early = bool(queues) and place < queues[0]
                chance = draws(own, element, (*batch, agents, agents))
                self.losses.append((table(model.failure_prob, agents), early, chance))
            elif isinstance(model, JammingModel):
                shape = (*batch, model.jammers.count())
                both = (draws(own.child(name), element, shape) for name in ("pattern", "detection"))
                self.jamming.append((Jammers(model, *both), distances(model, team.positions)))
        self.capacities = [each for model in team.models for each in capacities(model, agents)]

    def turns(self, number, something):
        """Returns, for each link on a medium, whether it has a turn and whether it collides."""
        found: dict[Link, tuple[bool, bool]] = {}
        for medium in self.media:
            chosen = medium.turns(number, something)
            collides = isinstance(medium.protocol, SlottedAloha) and len(chosen) > 1
            for link in medium.links:
                turn, collided = found.get(link, (True, False))
                found[link] = turn and link[0] in chosen, collided or collides
        return found

    def capacity(self, number, link, something):
        """Returns the least capacity that anybody but a medium says, infinity where nobody does."""
        least = math.inf
        for capacity in self.capacities:
            if link in capacity.of and capacity.acts(number):
                shared = capacity.among & something if capacity.shared else set()
                of_sender = [other for other in shared if other[0] == link[0]]
                least = min(least, capacity.of[link] / max(len(of_sender), 1))
        return least

    def lost_by_chance(self, number, link, early):
        """Returns whether a message is lost by chance, before the queue or on the air."""
        return any(
            chance[number][link] < probability[link]
            for probability, first, chance in self.losses
            if first == early
        )

    def jammed(self, number, alive, transmitting):
        """Returns which receivers are jammed while these agents transmit."""
        return {
            agent
            for jammers, far in self.jamming
            for agent in jammers.jammed(number, far[number], alive, transmitting)
        }


def check(team, count):
    """Compares what the models decided with what the oracles say, link by link."""
    oracles, element = Oracles(team), team.element
    for number, (alive, asked, delivery) in enumerate(team.rounds):
        served = next(links for stage, links in asked if stage == Stage.SERVED)
        capacities, at_service = served.capacity[element].tolist(), flags(served.lost, element)
        on_air, sends = flags(asked[-1][1].lost, element), flags(delivery.links.sends, element)
        through = delivery.survivors[element].tolist()
        something = {link for link in team.given if team.has_something(link, number)}
        turns = oracles.turns(number, something)
        transmitting = {sender for sender, row in enumerate(sends) if any(row)}
        jammed = oracles.jammed(number, alive[element], transmitting)
        for link in team.given:
            sender, receiver = link
            turn, collides = turns.get(link, (True, False))
            capacity = oracles.capacity(number, link, something) if turn else 0.0
            found = capacities[sender][receiver]
            assert math.isclose(found, capacity, rel_tol=1e-6), team.where(link, number)
            left = bool(team.told[link][number].left)
            assert sends[sender][receiver] == left, team.where(link, number)
            early = oracles.lost_by_chance(number, link, early=True)
            assert team.given[link][number].rejected == early, team.where(link, number)
            if turn:
                assert at_service[sender][receiver] == collides, team.where(link, number)
                lost = collides or receiver in jammed
                lost = lost or oracles.lost_by_chance(number, link, early=False)
                assert on_air[sender][receiver] == lost, team.where(link, number)
            else:
                assert not through[sender][receiver], team.where(link, number)
                # Without a queue a link may use what it saved up, and loses it on the air.
                assert not left, team.where(link, number)
            count["compared"] += 1
            count["turns"] += turn and link in turns
            count["waits"] += not turn and link in something
            count["collides"] += turn and collides
            count["shares"] += 0 < capacity < 1
            count["jammed"] += left and receiver in jammed


@pytest.mark.sampled(1)
@pytest.mark.parametrize("first", range(FIRST, FIRST + CHAINS, PART))
def test_turns_shares_and_jammers_are_as_the_oracles_say(first):
    count: Counter[str] = Counter()
    for seed in range(first, first + PART):
        left_out = True
        for team in teams(seed):
            left_out = False
            check(team, count)
        count["left out"] += left_out
    assert count.pop("left out") <= 1
    assert count.pop("compared") > 5_000
    assert min(count.values()) > 50, count


def leaving(models, alive):
    """Returns how many messages leave each link in each round and are not lost."""
    agents, stream, channel = alive.shape[-1], NumpyStream(0), Channel(chain=Chain(models=models))
    state: Any = None
    counts = []
    for number, living in enumerate(alive):
        context = Context(number, living, None, np, (agents, agents), tuple(range(agents)))
        if number == 0:
            parameters = channel.prepare(context)
            state = channel.init(parameters, context, stream)
        state, delivery = channel.step(parameters, state, context, stream)
        counts.append(np.asarray(delivery.survivors, dtype=int))
    return np.asarray(counts)


@pytest.mark.parametrize("agents", [2, 3, 5])
@pytest.mark.parametrize("capacity", [0.5, 1.0, 2.0])
def test_each_turn_carries_what_the_link_can_and_no_more(agents, capacity):
    cycles = 24
    queue = BandwidthModel(capacity=capacity, queue_length=300)
    models = [SharedMediumModel(protocol=TDMA()), queue]
    counts = leaving(models, np.ones((cycles * agents, agents), dtype=bool))
    for number, sender in np.ndindex(cycles * agents, agents):
        if number % agents != sender:
            assert not counts[number, sender].any()
    # Two turns carry so many messages; before the first of them no more than one may wait.
    by_two_turns = counts.reshape(cycles // 2, 2 * agents, agents, agents).sum(axis=1)[1:]
    assert (by_two_turns == 2 * capacity * ~np.eye(agents, dtype=bool)).all()


@pytest.mark.parametrize("queue_length", [None, 300])
def test_turns_that_nobody_needed_do_not_come_back(queue_length):
    agents, rounds, silent, joins = 4, 120, 41, 58
    alive = np.ones((rounds, agents), dtype=bool)
    alive[:joins, 3] = False
    models: list[Any] = [
        SharedMediumModel(protocol=TDMA()),
        NodeFailureModel(mode="mute", schedule={0: [(0, silent)]}),
    ]
    if queue_length is not None:
        models.append(BandwidthModel(capacity=1.0, queue_length=queue_length))
    counts = leaving(models, alive)
    for number, sender, receiver in np.ndindex(counts.shape):
        turn = number % agents == sender and sender != receiver
        speaks = number >= silent if sender == 0 else True
        there = number >= joins if 3 in (sender, receiver) else True
        assert counts[number, sender, receiver] == (turn and speaks and there)


@pytest.mark.parametrize(
    "protocol", [SlottedAloha(transmit_prob=1.0), TopK(by="age"), TopK()], ids=repr
)
def test_who_has_nothing_for_a_medium_is_in_nobodys_way_there(protocol):
    # What agent 0 has to say to agent 2 does not pass the medium of agents 0 and 1.
    nothing = ProbabilisticModel(failure_prob={(0, 1): 1.0})
    medium = SharedMediumModel(protocol=protocol, agent_ids=[0, 1])
    models = [nothing, BandwidthModel(capacity=1.0), medium]
    counts = leaving(models, np.ones((20, 3), dtype=bool))
    assert (counts[:, 1, 0] == 1).all()
    assert (counts[:, 0, 2] == 1).all()
