"""How observations are laid out in packages other than mpe2: which entries come from whom.

A layout walks every agent's observation from its first entry to its last, in the environment's
present state. To add one, write a function of the raw environment and the agent ids, and name the
package or module of its class at the end of this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple


class BlockWalk:
    """One receiver's observation, walked from its first entry to its last.

    Attributes:
        length: Number of entries walked so far.
        entries: For each sender, its entries so far.

    Example:
        >>> walk = BlockWalk()
        >>> walk.own(2)
        >>> walk.heard("b", 3)
        >>> walk.length, walk.entries
        (5, {'b': [2, 3, 4]})
    """

    def __init__(self) -> None:
        self.length = 0
        self.entries: dict[Any, list[int]] = {}

    def own(self, width: int) -> None:
        """Walks over entries that come from no other agent."""
        self.length += width

    def heard(self, sender: Any, width: int) -> None:
        """Walks over entries that come from a sender."""
        self.entries.setdefault(sender, []).extend(range(self.length, self.length + width))
        self.length += width

    def each(self, senders: Iterable[Any], width: int) -> None:
        """Walks over one block for each sender; None makes it an own block."""
        for sender in senders:
            if sender is None:
                self.own(width)
            else:
                self.heard(sender, width)


Walks = Mapping[Any, BlockWalk]
"""`{receiver: its observation}`."""


class Layout(NamedTuple):
    """How the observations of an environment are laid out.

    Attributes:
        walk: A function of the raw environment and the N agent ids, in the order of
            `possible_agents`, before and after a reset. It returns one walk for each receiver, or
            nothing where this layout is not the environment's.
        moves: A function of the raw environment: whether entries move with its state.
    """

    walk: Callable[[Any, Sequence[Any]], Walks]
    moves: Callable[[Any], bool] = lambda raw: False


def layout_of(raw: Any) -> Layout | None:
    """Returns how the observations of a raw environment are laid out; None where nobody knows.

    A class of the user's own is not known, whatever it derives from, since it may show anything.

    Args:
        raw: The innermost environment.
    """
    module = f"{type(raw).__module__}."
    return next((found for home, found in _LAYOUTS.items() if module.startswith(f"{home}.")), None)


def _walks(receivers: Iterable[Any]) -> dict[Any, BlockWalk]:
    return {receiver: BlockWalk() for receiver in receivers}


def _multiwalker(raw: Any, agent_ids: Sequence[Any]) -> Walks:
    """24 of its own body, then 2 for the left neighbour, 2 for the right one, 3 for the package."""
    walks = _walks(agent_ids)
    padded = [None, *agent_ids, None]
    for index, walk in enumerate(walks.values()):
        walk.own(24)
        walk.each((padded[index], padded[index + 2]), 2)
        walk.own(3)
    return walks


def _knights_archers_zombies(raw: Any, agent_ids: Sequence[Any]) -> Walks:
    """A row for itself, a row for each agent, itself among them, then weapons and zombies."""
    if not raw.vector_state or getattr(raw, "sequence_space", False):
        return {}
    walks = _walks(agent_ids)
    width = raw.vector_width + 1
    for receiver, walk in walks.items():
        walk.own(width)
        walk.each((None if agent == receiver else agent for agent in agent_ids), width)
        walk.own(width * (raw.num_tracked - len(agent_ids)))
    return walks


def _crazyrl(raw: Any, agent_ids: Sequence[Any]) -> Walks:
    """Where it is, where the target is, and where each other agent is."""
    walks = _walks(agent_ids)
    for receiver, walk in walks.items():
        walk.own(3 + 3)
        walk.each((agent for agent in agent_ids if agent != receiver), 3)
    return walks


def _lbforaging(raw: Any, agent_ids: Sequence[Any]) -> Walks:
    """All foods, itself, and then the others that it sees, without gaps."""
    if raw._grid_observation:
        return {}
    walks = _walks(agent_ids)
    width = 3 if raw._observe_agent_levels else 2
    for index, walk in enumerate(walks.values()):
        seen = [
            agent
            for other, agent in enumerate(agent_ids)
            if other != index and _is_in_sight(raw, raw.players[index], raw.players[other])
        ]
        walk.own(3 * raw.max_num_food + width)
        walk.each(seen, width)
        walk.own(width * (len(agent_ids) - 1 - len(seen)))
    return walks


def _is_in_sight(raw: Any, player: Any, other: Any) -> bool:
    if _sees_all(raw):
        return True
    if player.position is None or other.position is None:
        return False
    # The environment's own frame, in which those out of sight are negative or too large.
    place = raw._transform_to_neighborhood(player.position, raw.sight, other.position)
    return bool(min(place) >= 0 and max(place) <= 2 * raw.sight)


def _sees_all(raw: Any) -> bool:
    return bool(raw.sight >= max(raw.field_size) - 1)


def _rware(raw: Any, agent_ids: Sequence[Any]) -> Walks:
    """Itself, then each cell around it: an agent, its direction and words, then shelves."""
    if not raw.fast_obs:
        return {}
    walks = _walks(agent_ids)
    reach = raw.sensor_range
    side = 2 * reach + 1
    for index, walk in enumerate(walks.values()):
        # There are no agents before the first reset.
        cells: dict[int, Any] = {}
        for other, agent in zip(raw.agents, agent_ids, strict=False):
            x, y = other.x - raw.agents[index].x + reach, other.y - raw.agents[index].y + reach
            if agent != agent_ids[index] and 0 <= x < side and 0 <= y < side:
                cells[y * side + x] = agent
        walk.own(raw._obs_bits_for_self)
        for cell in range(side**2):
            walk.each([cells.get(cell)], raw._obs_bits_per_agent)
            walk.own(raw._obs_bits_per_shelf)
    return walks


def _highway(raw: Any, agent_ids: Sequence[Any]) -> Walks:
    """A row for itself, then one for each vehicle near by, the nearest first."""
    observed = getattr(raw.observation_type, "agents_observation_types", ())
    if len(observed) != len(agent_ids) or any(map(_is_unsorted, observed)):
        return {}
    walks = _walks(agent_ids)
    agents = dict(zip(map(id, raw.controlled_vehicles), agent_ids, strict=True))
    for view, walk in zip(observed, walks.values(), strict=True):
        # The environment's own search, with what its observation asks of it.
        near = raw.road.close_objects_to(
            view.observer_vehicle,
            raw.PERCEPTION_DISTANCE,
            count=view.vehicles_count - 1,
            see_behind=view.see_behind,
            sort=True,
            vehicles_only=not view.include_obstacles,
        )
        near = near[-view.vehicles_count + 1 :]
        width = len(view.features)
        walk.own(width)
        walk.each((agents.get(id(vehicle)) for vehicle in near), width)
        walk.own(width * (view.vehicles_count - 1 - len(near)))
    return walks


def _is_unsorted(view: Any) -> bool:
    return bool(type(view).__name__ != "KinematicObservation" or view.order != "sorted")


def _mamujoco(raw: Any, agent_ids: Sequence[Any]) -> Walks:
    """The nodes of its body at each distance, then what is global, as the environment builds it.

    A node of another agent's part comes from that agent. What describes a body is shown once,
    with the first node that has it.
    """
    if raw.agent_obsk is None:
        return {}
    walks = _walks(agent_ids)
    parts = zip(agent_ids, raw.agent_action_partitions, strict=True)
    owner = {node: agent for agent, part in parts for node in part}
    data = raw.single_agent_env.unwrapped.data
    for receiver, walk, by_distance in zip(walks, walks.values(), raw.k_dicts, strict=True):
        shown: set[tuple[str, int]] = set()
        for distance in sorted(by_distance):
            for node in by_distance[distance]:
                sender = owner.get(node)
                sender = None if sender == receiver else sender
                for category in raw.local_categories[distance]:
                    walk.each([sender], _width(node, category, data, shown))
        shown.clear()
        for category in raw.global_categories:
            walk.own(sum(_width(node, category, data, shown) for node in raw.mujoco_globals))
    return walks


def _width(node: Any, category: str, data: Any, shown: set[tuple[str, int]]) -> int:
    """Returns how many entries show a node; bodies that it shows are added to those shown."""
    if category in node.extra_obs:
        return int(node.extra_obs[category](data).size)
    if category in ("qpos", "qvel", "qfrc_actuator"):
        ids = node.qpos_ids if category == "qpos" else node.qvel_ids
        return len(ids) if hasattr(ids, "__len__") else 1
    width = 0
    # What else a category may name is shown by those nodes alone that say how.
    for body in node.bodies if category in ("cvel", "cinert", "cfrc_ext") else ():
        if (category, body) not in shown:
            shown.add((category, body))
            width += getattr(data, category)[body].size
    return width


# Recognised by the module of the environment's class, or a package that it lies in, since that
# needs no import.
_LAYOUTS: dict[str, Layout] = {
    "pettingzoo.sisl.multiwalker": Layout(_multiwalker),
    "pettingzoo.butterfly.knights_archers_zombies": Layout(_knights_archers_zombies),
    "momaland.envs.multiwalker_stability": Layout(_multiwalker),
    "momaland.envs.crazyrl": Layout(_crazyrl),
    "lbforaging.foraging": Layout(_lbforaging, lambda raw: not _sees_all(raw)),
    "rware.warehouse": Layout(_rware, lambda raw: True),
    "highway_env.envs": Layout(_highway, lambda raw: True),
    "gymnasium_robotics.envs.multiagent_mujoco": Layout(_mamujoco),
}
