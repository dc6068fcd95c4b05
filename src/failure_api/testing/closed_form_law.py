"""A model's closed forms, held to a simulation of the whole channel.

The simulation is a batch of independent episodes, each from a round of its own, so that what goes
by the round is met in all of its phases. The mean of an episode is one observation, and the spread
of the episodes gives the tolerance. What disagrees is simulated again for longer, since a model
may take its time to settle, and is refused if the longest simulation refuses it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr, stdtrit

from failure_api.core import Chain, Channel, CommunicationModel, Context, NumpyStream
from failure_api.errors import describe
from failure_api.testing.verdict import demand

FALSE_ALARM = 1e-6
"""Most probability that a model whose closed forms are right is refused, over all seeds.

That is as far as means of so many episodes are normally distributed; those of what is rare are not,
and are held to a bound that takes no distribution for granted.
"""

EPISODES = 200
LENGTHS = (398, 2398)
"""Rounds of the simulations; as many are played before, and not counted.

Few periods of rounds fit into them, so that what goes by the round differs from episode to episode.
"""

SEEN = 100
"""Episodes that must differ from the usual one for their mean to be taken as normal."""

COMMON = 20
"""Episodes that must differ from the usual one for what they all are near to be known."""

UNMISSED = 0.08
"""A share of episodes that all of them miss with less than the probability of a false alarm."""

LATEST = 2**20
"""The latest round that an episode begins in."""

_BOUNDS = {"loss": (0.0, 1.0), "burst_length": (1.0, np.inf), "age": (0.0, np.inf)}

Table = NDArray[np.float64]


def check_closed_forms(model: CommunicationModel, agent_ids: Sequence[Any], seed: int) -> None:
    """Raises unless what a model expects is possible, and what a simulation finds.

    What is None, infinite or about agents of another team is left alone.

    Args:
        model: The model.
        agent_ids: Agents of the team that it is simulated in.
        seed: Seed of the simulations.
    """
    expected: dict[str, Table] = {}
    for what in _BOUNDS:
        value = getattr(model, f"expected_{what}")()
        if value is not None:
            # Where nothing is lost there is no burst, and none of any length.
            free = expected["loss"] == 0 if what == "burst_length" and "loss" in expected else None
            expected[what] = _on_links(model, what, value, agent_ids, free)
    compared = sum(int(np.isfinite(table).sum()) for table in expected.values())
    rate = FALSE_ALARM / max(compared, 1)
    wrong: dict[str, NDArray[np.bool_]] = {}
    for rounds in LENGTHS if compared else ():
        seen = _simulated(model, agent_ids, rounds, seed)
        wrong = {what: _refuted(what, expected, seen, rate, rounds) for what in expected}
        if not any(where.any() for where in wrong.values()):
            return
    for what, where in wrong.items():
        for sender, receiver in np.argwhere(where)[:1]:
            found = seen.mean(what)[sender, receiver]
            finding = (
                f"{model.name}.expected_{what}() gives {expected[what][sender, receiver]:.6g} for "
                f"the link from {agent_ids[sender]!r} to {agent_ids[receiver]!r}, where "
                f"{EPISODES} simulated episodes of {rounds} rounds have {found:.6g}"
            )
            demand(1, False, finding)


class _Seen(NamedTuple):
    """What each episode came to, as means over its rounds `[episodes, sender, receiver]`.

    Attributes:
        lost: Messages that were made, less those that arrived, wait or are under way.
        down: Where no message arrived.
        begins: Where no message arrived, and one had in the last round.
        age: The age of information.
        grown: How much greater the age was in the second half than in the first.
    """

    lost: Table
    down: Table
    begins: Table
    age: Table
    grown: Table

    def mean(self, what: str) -> Table:
        """Returns the mean of a quantity over all episodes."""
        if what == "burst_length":
            return self.down.mean(axis=0) / np.maximum(self.begins.mean(axis=0), 1e-12)  # type: ignore[no-any-return]
        return (self.lost if what == "loss" else self.age).mean(axis=0)  # type: ignore[no-any-return]

    def errors(self, what: str, expected: Table) -> Table:
        """Returns of each episode a number whose mean is 0 if the expected value is right."""
        if what == "burst_length":
            # No ratio, hence no bias.
            return self.down - expected * self.begins
        return (self.lost if what == "loss" else self.age) - expected


def _refuted(
    what: str, expected: Mapping[str, Table], seen: _Seen, rate: float, rounds: int
) -> NDArray[np.bool_]:
    """Returns on which links a value cannot be right, `[sender, receiver]`."""
    value = expected[what]
    known = np.isfinite(value)
    value = np.where(known, value, 0.0)
    errors = seen.errors(what, value)
    error = np.abs(errors.mean(axis=0))
    differing = (np.abs(errors - np.median(errors, axis=0)) > 1e-9).sum(axis=0)
    limit = -stdtrit(EPISODES - 1, rate / 2)
    refuted = error > 1e-6 + limit * _spread(errors)
    if what == "loss":
        # Chernoff's bound for means of what lies in [0, 1], as the loss of an episode all but does.
        share = np.clip(seen.lost.mean(axis=0), 0.0, 1.0)
        bound = EPISODES * (rel_entr(share, value) + rel_entr(1 - share, 1 - value))
        rare = (bound > np.log(2 / rate)) & (error > 1e-6)
        # What is as rare as it would have to be is not missed by every episode.
        alike = (differing == 0) & (share > 0) & (share < 1) & (error > UNMISSED)
        refuted = np.where(differing >= SEEN, refuted, rare | alike)
    else:
        # Of what is rare, nothing at all may have been seen.
        loss = np.nan_to_num(expected.get("loss", np.zeros_like(value)))
        unseen = (loss > 0) & (seen.down.mean(axis=0) == 0)
        alike = (differing == 0) & ~unseen
        refuted &= (differing >= SEEN) | alike
    settled = (seen.age.mean(axis=0) < rounds / 10) & (
        np.abs(seen.grown.mean(axis=0)) <= 1e-6 + limit * _spread(seen.grown)
    )
    # Where nothing ever arrives, the age grows for good, and the loss is known all the same.
    settled |= (what == "loss") & (seen.down.min(axis=0) == 1)
    # A model that goes by the round may have but two kinds of episodes, all of them near its mean.
    reach = 10.0 * np.ptp(errors, axis=0) + 1e-6
    far = (errors.min(axis=0) > reach) | (errors.max(axis=0) < -reach)
    still = np.abs(seen.grown.mean(axis=0)) <= error / 10.0
    far &= still & (differing >= COMMON) & (seen.age.mean(axis=0) < rounds / 10)
    return np.asarray(known & ((settled & refuted) | far))


def _spread(values: Table) -> Table:
    """Returns the standard error of a mean over episodes."""
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values)))


def _on_links(
    model: CommunicationModel, what: str, value: Any, agent_ids: Sequence[Any], free: Any
) -> Table:
    """Returns a value `[sender, receiver]` for each link, NaN where nothing is said of it.

    Args:
        model: Who says it.
        what: What it says.
        value: What it gives.
        agent_ids: All agents.
        free: Where NaN is an answer, too, bool `[sender, receiver]`; None for nowhere.
    """
    agents, (low, high) = list(agent_ids), _BOUNDS[what]
    count, apart = len(agents), ~np.eye(len(agents), dtype=bool)
    said = f"{model.name}.expected_{what}()"
    forms = f"a number, an array {(count, count)}, a mapping by (sender, receiver), or None"
    pairs = dict(value) if isinstance(value, Mapping) else None
    try:
        told = np.array(value if pairs is None else [*pairs.values()], dtype=np.float64)
        named = [tuple(pair) for pair in pairs or ()]
    except (TypeError, ValueError):
        demand(1, False, f"{said} gives {describe(value)}, which is not {forms}")
        raise
    shapes = [(), (count, count)] if pairs is None else [(len(pairs),)]
    fits = told.shape in shapes and all(len(pair) == 2 for pair in named)
    demand(1, fits, f"{said} gives {describe(value)}, which is not {forms}")
    # Of each value its place in the table; None for a pair of another team.
    links: list[Any] = [tuple(link) for link in np.argwhere(apart)]
    if pairs is None:
        told = np.broadcast_to(told, apart.shape)[apart]
    else:
        links = [_link(agents, pair) for pair in named]
    possible = (told >= low - 1e-9) & (told <= high + 1e-9)
    if free is not None:
        # A loss says nothing of pairs of another team.
        lossless = np.array([link is None or free[link] for link in links], dtype=bool)
        possible |= np.isnan(told) & lossless
    demand(1, possible.all(), f"{said} gives {describe(value)}, not within [{low:g}, {high:g}]")
    table = np.full((count, count), np.nan)
    for link, one in zip(links, told, strict=True):
        if link is not None:
            table[link] = one
    scope = _scope(model)
    inside = np.array([scope is None or agent in scope for agent in agents])
    return np.where(apart & inside[:, None] & inside, table, np.nan)


def _scope(model: Any) -> Sequence[Any] | None:
    """Returns the agents that a model is confined to, by itself or as the only one of others."""
    while model is not None:
        if model.agent_ids is not None:
            return model.agent_ids  # type: ignore[no-any-return]
        parts = model.parts if isinstance(model, Chain) else (getattr(model, "model", None),)
        model = parts[0] if len(parts) == 1 else None
    return None


def _simulated(
    model: CommunicationModel, agent_ids: Sequence[Any], rounds: int, seed: int
) -> _Seen:
    count = len(agent_ids)
    shape = (EPISODES, count, count)
    generator = np.random.default_rng(seed)
    starts = generator.integers(0, LATEST, EPISODES, dtype=np.int32)[:, None, None]
    channel, random = Channel(chain=Chain(models=[model])), NumpyStream(seed)
    places = generator.uniform(-1, 1, (EPISODES, count, 2)).astype(np.float32)
    alive = np.ones(shape[:2], dtype=bool)
    team = Context(0, alive[0], places[0], np, shape[1:], tuple(agent_ids))
    parameters = channel.prepare(team)
    context = team._replace(round=starts[:, 0, 0], alive=alive, positions=places, shape=shape)
    state = channel.init(parameters, context, random)
    totals, before = np.zeros((5, *shape)), np.zeros(shape, dtype=bool)
    for index in range(2 * rounds):
        present = starts + np.int32(index)
        now = context._replace(round=present[:, 0, 0])
        state, delivery = channel.step(parameters, state, now, random)
        down = ~delivery.arrived
        if index == rounds - 1:
            totals[0] += delivery.pending()
        if index >= rounds:
            age = present - np.maximum(delivery.newest, starts - 1)
            arrivals = ~down if delivery.arrivals is None else delivery.arrivals
            grown = 2 * age if 2 * index >= 3 * rounds else -2 * age
            new = (1 - arrivals, down, down & ~before, age, grown)
            for total, more in zip(totals, new, strict=True):
                total += more
        before = down
    totals[0] -= delivery.pending()
    return _Seen(*(totals / rounds))


def _link(agents: list[Any], pair: tuple[Any, ...]) -> tuple[int, ...] | None:
    return tuple(map(agents.index, pair)) if set(pair) <= set(agents) else None
