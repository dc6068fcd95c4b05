"""Which entries of an observation come from whom, where that is known.

An environment may say so itself, in `communication_segments()`. This file knows every mpe2
environment; `layouts.py` knows those of other packages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import ObservationWrapper
from numpy.typing import NDArray

from failure_api.environments import innermost, layers, offering, offers, said_by
from failure_api.environments.layouts import BlockWalk, layout_of

Indices = Sequence[int] | NDArray[np.int64]
Segments = Mapping[Any, Mapping[Any, Indices]]
"""`{receiver: {sender: indices into the receiver's flat observation}}`."""

_OFFER = "communication_segments"
_POSITION = 2
_VELOCITY = 2


def known_segments(env: Any) -> Segments | Callable[[Any], Segments] | None:
    """Returns which entries of each agent's observation come from each other agent.

    What a receiver knows by itself is in no segment: its own state, landmarks, goals, a shared
    key, its own words, and the padding where fewer agents are near than there are slots.

    An environment that offers `communication_segments()` is asked first. It returns, before the
    first reset and after, what the argument `segments` of `MaskSegments` takes: a mapping, a
    function of the environment that gives that of the present round, or None.

    Args:
        env: An AEC or Parallel environment in any wrappers, reset or not.

    Returns:
        What the environment offers; or the segments, int64 arrays in one feature order (position,
        velocity, what it holds or says), with every agent as a receiver; or, where they move with
        the state, a function of the environment that gives those of the present round: senders
        out of view are absent, and a pair has the same number of entries whenever it is present.
        None where the environment is not known, where nobody perceives anybody, where an
        observation has another length than the layout, as under a wrapper that pads or stacks,
        and where `mover` finds a layer.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> known_segments(simple_spread_v3.env(N=3))["agent_0"]["agent_2"]
        array([12, 13, 16, 17])
    """
    if not _is_known(env) or mover(env) is not None:
        return None
    layer = offering(env, _OFFER)
    if layer is not None:
        offered: Segments | Callable[[Any], Segments] | None = said_by(layer, _OFFER)
        return offered
    views = _walk(env)
    if not views or any(_size(env, name) != view.length for name, view in views.items()):
        return None
    if _moves(env.unwrapped):
        return current_segments if len(views) > 1 else None
    return _segments(views) if any(view.entries for view in views.values()) else None


def known_frame(env: Any) -> Segments | None:
    """Returns which entries of the known segments are positions seen from the receiver.

    Args:
        env: An environment for which `known_segments` returned segments.

    Returns:
        Segments that are parts of those; None where there are none. Where agents may be hidden, an
        entry of 0 may say so, and is no position.
    """
    if offering(env, _OFFER) is not None or _module(env.unwrapped) not in _LAYOUTS:
        return None
    walked = {receiver: view for receiver, view in _walk(env).items() if isinstance(view, _View)}
    found = _indices({receiver: view.relative for receiver, view in walked.items()})
    return found if any(found.values()) else None


TRUSTED = (
    "pettingzoo.",
    "mpe2.",
    "failure_api.",
    "gymnasium.core",
    "gymnasium.wrappers.common",
    "momaland.utils.conversions",
)
"""What begins the modules whose layers show entries where the environment has them."""

STILL = {
    "highway_env.envs.common.abstract.MultiAgentWrapper",
    "momaland.utils.aec_wrappers.LinearizeReward",
    "momaland.utils.aec_wrappers.NormalizeReward",
    "momaland.utils.parallel_wrappers.LinearizeReward",
    "momaland.utils.parallel_wrappers.NormalizeReward",
    "supersuit.lambda_wrappers.action_lambda",
    "supersuit.lambda_wrappers.reward_lambda",
    "supersuit.multiagent_wrappers.black_death",
}
"""Layers, or modules of layers, that could move entries, and change other things."""


def mover(env: Any) -> Any:
    """Returns the outermost layer that may show entries elsewhere than the environment has them.

    A layer that hands observations on as they are inherits the methods that do so.

    Args:
        env: An environment in any wrappers.

    Returns:
        The layer; None where all of them are PettingZoo's, mpe2's, this package's own, those of
        gymnasium that hand observations on, or those of SuperSuit, momaland and highway-env that
        change actions, rewards or the dead.
    """
    layer = env
    for layer in layers(env):
        shows = ("observe", "last") if hasattr(type(layer), "observe") else ("reset", "step")
        if any(name in vars(layer) for name in shows):
            return layer
        if offers(layer, _OFFER) or (layer is env.unwrapped and layout_of(layer) is not None):
            # What it shows is what it says, or what its layout says.
            return None
        module = type(layer).__module__
        if module in STILL or f"{module}.{type(layer).__name__}" in STILL:
            continue
        methods = (getattr(type(layer), name, None) for name in shows)
        if not all(str(getattr(m, "__module__", "")).startswith(TRUSTED) for m in methods):
            return layer
        if isinstance(layer, ObservationWrapper):
            return layer
    # What keeps the environment where nobody looks may do anything with what it shows.
    return None if layer is env.unwrapped else layer


def why_unknown(env: Any) -> str:
    """Returns why `known_segments` knows none of an environment, as the middle of a sentence."""
    layer = mover(env)
    if layer is not None and _is_known(env):
        return f"cannot tell whether the layer {type(layer).__name__} of {env} moves entries"
    if type(env.unwrapped).__module__.startswith("magent2."):
        return f"cannot name the entries of {env} that come from one agent, since they move with it"
    return f"knows nothing of {env} that an agent hears from another"


def is_moved(env: Any) -> bool:
    """Returns whether segments would be known, were it not for a layer that may move entries."""
    return _is_known(env) and mover(env) is not None


def current_segments(env: Any) -> Segments:
    """Returns the segments of the present round.

    Args:
        env: An environment for which `known_segments` returned this function.

    Returns:
        As `known_segments`, in the present state.
    """
    return _segments(_walk(env))


class _View(BlockWalk):
    """One receiver's observation, walked from its first entry to its last.

    Attributes:
        receiver: The agent of the environment's world whose observation it is.
        others: The world's other agents, in the world's order.
        seen: One agent for each slot; None for a slot that stays empty.
        landmarks: Number of entries that describe landmarks.
        relative: For each sender, those of its entries that say where it is from the receiver.
    """

    def __init__(self, scenario: Any, world: Any, receiver: Any) -> None:
        super().__init__()
        self.relative: dict[Any, list[int]] = {}
        self.world, self.receiver = world, receiver
        self.others = [agent for agent in world.agents if agent is not receiver]
        self.seen = self._nearest(_neighbors(scenario))
        shown = getattr(scenario, "num_landmark_neighbors", None)
        self.landmarks = _POSITION * (len(world.landmarks) if shown is None else shown)

    def each(self, senders: Iterable[Any], width: int) -> None:
        """Walks over one block for each sender; None, or the receiver, makes it an own block."""
        for sender in senders:
            if sender is None or sender is self.receiver:
                self.own(width)
            else:
                self.heard(sender.name, width)

    def positions(self, senders: Iterable[Any]) -> None:
        """Walks over where senders are, seen from the receiver."""
        before = {sender: len(entries) for sender, entries in self.entries.items()}
        self.each(senders, _POSITION)
        for sender, entries in self.entries.items():
            self.relative.setdefault(sender, []).extend(entries[before.get(sender, 0) :])

    def by_distance(self) -> list[Any]:
        """Returns the others as `sorted` by distance has them: equally far in the world's order."""
        positions = np.array([other.state.p_pos for other in self.others])
        offsets = positions - self.receiver.state.p_pos
        # The sum of two squares rounds alike in one array and pair by pair, so ties stay ties.
        distances = np.sqrt(np.sum(np.square(offsets), axis=1))
        return [self.others[index] for index in np.argsort(distances, kind="stable")]

    def _nearest(self, slots: int | None) -> list[Any]:
        if slots is None:
            return self.others
        # The environment's own function, because its sort leaves the order of ties undefined. An
        # mpe2 that lacks it also lacks the option.
        from mpe2._mpe_utils.partial_observability import nearest_entities

        nearest: list[Any] = nearest_entities(self.receiver, self.others, slots)
        return nearest + [None] * (slots - len(nearest))


def _simple_adversary(view: _View) -> None:
    view.own(0 if view.receiver.adversary else _POSITION)
    view.own(view.landmarks)
    view.positions(view.seen)


def _simple_crypto(view: _View) -> None:
    width = view.world.dim_c
    if view.receiver.speaker:
        view.own(width + width)
    else:
        view.own(0 if view.receiver.adversary else width)
        view.each([other for other in view.others if other.speaker], width)


def _simple_push(view: _View) -> None:
    view.own(_VELOCITY + view.landmarks)
    if not view.receiver.adversary:
        # Where its goal is, its colour, and the colours of the landmarks.
        view.own(_POSITION + view.world.dim_color * (1 + len(view.world.landmarks)))
    view.positions(view.others)


def _simple_reference(view: _View) -> None:
    view.own(_VELOCITY + view.landmarks + view.world.dim_color)
    view.each(view.others, view.world.dim_c)


def _simple_speaker_listener(view: _View) -> None:
    if not view.receiver.movable:
        view.own(view.world.dim_color)
    else:
        view.own(_VELOCITY + view.landmarks)
        view.each(view.others, view.world.dim_c)


def _simple_spread(view: _View) -> None:
    view.own(_VELOCITY + _POSITION + view.landmarks)
    view.positions(view.seen)
    view.each(view.seen, view.world.dim_c)


def _simple_tag(view: _View) -> None:
    view.own(_VELOCITY + _POSITION + view.landmarks)
    view.positions(view.seen)
    # Only prey show their velocity. With neighbours chosen, a pursuer's slot stays and is empty.
    prey = [agent if agent and not agent.adversary else None for agent in view.seen]
    if view.seen is view.others:
        prey = [agent for agent in prey if agent]
    view.each(prey, _VELOCITY)


def _simple_world_comm(view: _View) -> None:
    # An agent hidden by a forest keeps its entries, which then say (0, 0): that, too, is news
    # which comes over the link.
    prey = [other for other in view.others if not other.adversary]
    leader = view.world.agents[0]
    view.own(_VELOCITY + _POSITION + view.landmarks)
    view.each(view.others, _POSITION)
    if view.receiver.adversary or view.receiver.leader:
        view.each(prey, _VELOCITY)
        view.own(len(view.world.forests))
        view.each([leader], view.world.dim_c)
    else:
        view.own(len(view.world.forests))
        view.each(prey, _VELOCITY)


def _collect_treasure(view: _View) -> None:
    types = len(view.world.treasure_types)
    view.own(_POSITION + _VELOCITY + (types if view.receiver.collector else 0))
    for other in view.by_distance():
        view.each([other], _POSITION + _VELOCITY)
        # Which treasure it accepts, then which it holds: one of the two is always empty.
        view.each([None if other.collector else other], types)
        view.each([other if other.collector else None], types)
    view.own(len(view.world.landmarks) * (_POSITION + types))


_LAYOUTS: dict[str, Callable[[_View], None]] = {
    "simple_adversary.simple_adversary": _simple_adversary,
    "simple_crypto.simple_crypto": _simple_crypto,
    "simple_push.simple_push": _simple_push,
    "simple_reference.simple_reference": _simple_reference,
    "simple_speaker_listener.simple_speaker_listener": _simple_speaker_listener,
    "simple_spread.simple_spread": _simple_spread,
    "simple_tag.simple_tag": _simple_tag,
    "simple_world_comm.simple_world_comm": _simple_world_comm,
    "collect_treasure.collect_treasure": _collect_treasure,
}


def _module(raw: Any) -> str:
    """Returns the module, within mpe2, that defines what the environment's agents observe."""
    # Asked of the method, so that a scenario of the user's own that overrides it is not taken for
    # the one it derives from.
    observation = getattr(type(getattr(raw, "scenario", None)), "observation", None)
    module = str(getattr(observation, "__module__", ""))
    for package in ("mpe2.", "pettingzoo.mpe."):
        if module.startswith(package):
            return module.removeprefix(package)
    return ""


def _neighbors(scenario: Any) -> int | None:
    return getattr(scenario, "num_agent_neighbors", None)


def _is_known(env: Any) -> bool:
    raw = innermost(env)
    known = _module(raw) in _LAYOUTS or layout_of(raw) is not None
    return known or offering(env, _OFFER) is not None


def _walk(env: Any) -> Mapping[Any, BlockWalk]:
    raw = innermost(env)
    found = layout_of(raw)
    if found is not None:
        return found.walk(raw, list(env.possible_agents))
    layout = _LAYOUTS[_module(raw)]
    views = {agent.name: _View(raw.scenario, raw.world, agent) for agent in raw.world.agents}
    for view in views.values():
        layout(view)
    return views


def _moves(raw: Any) -> bool:
    found = layout_of(raw)
    if found is not None:
        return found.moves(raw)
    return _module(raw) == "collect_treasure.collect_treasure" or bool(_neighbors(raw.scenario))


def _size(env: Any, agent: Any) -> int | None:
    shape = env.observation_space(agent).shape
    return None if shape is None else math.prod(shape)


def _segments(views: Mapping[Any, BlockWalk]) -> Segments:
    return _indices({receiver: view.entries for receiver, view in views.items()})


def _indices(segments: Segments) -> Segments:
    return {
        receiver: {sender: np.array(part, dtype=np.int64) for sender, part in by_sender.items()}
        for receiver, by_sender in segments.items()
    }
