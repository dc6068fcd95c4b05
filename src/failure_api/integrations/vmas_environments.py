"""VMAS's environments: their agents, boxes and positions, and which entries come from whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import torch
from vmas.simulator.environment import Environment

from failure_api.environments.layouts import BlockWalk
from failure_api.errors import WrongEnvironmentError, describe


def agent_positions(env: Any) -> torch.Tensor:
    """Returns where the agents are, `[num_envs, N, 2]`, in the scenario's own unit.

    In most scenarios an agent's radius is about 0.1 and the arena reaches from -1 to 1.
    """
    return torch.stack([agent.state.pos for agent in env.agents], dim=-2)


def scenario_name(env: Any) -> str:
    """Returns what the scenario is called, by the file that says what its agents observe."""
    file: str = type(env.scenario).observation.__code__.co_filename
    return file.replace("\\", "/").rpartition("/")[2].removesuffix(".py")


def check_environment(env: Any) -> None:
    """Raises an error for what is no VMAS environment."""
    if isinstance(env, Environment):
        return
    remedy = "give what vmas.make_env(...) returns"
    if isinstance(getattr(env, "env", None), Environment):
        remedy = "make it without wrapper=, and wrap it afterwards"
        if hasattr(env, "get_communication_state"):
            remedy = "give several models to one wrapper"
    elif isinstance(vars(env).get("_env") if hasattr(env, "__dict__") else None, Environment):
        remedy = "in TorchRL use failure_api.integrations.torchrl.FailureTransform"
    raise WrongEnvironmentError(
        f"CommunicationWrapper wraps VMAS environments, but {describe(env)} is none: {remedy}."
    )


def boxes_of(env: Any, agent_ids: tuple[str, ...]) -> list[Any]:
    """Returns each agent's space, which must be that of vectors."""
    space = env.observation_space
    boxes = [space[name if env.dict_spaces else index] for index, name in enumerate(agent_ids)]
    for name, box in zip(agent_ids, boxes, strict=True):
        if len(getattr(box, "shape", None) or ()) != 1:
            raise WrongEnvironmentError(
                f"CommunicationWrapper needs observations that are vectors, but those of agent "
                f"{name!r} in {scenario_name(env)} are {describe(box)}: choose the scenario's "
                "option that makes them vectors, such as dict_obs=False."
            )
    return boxes


_COLOR = 3

Segments = Mapping[str, Mapping[str, tuple[int, ...]]]
"""`{receiver: {sender: indices into the receiver's observation}}`."""


def known_segments(env: Any) -> Segments | None:
    """Returns which entries of each agent's observation come from each other agent.

    What a receiver knows by itself is in no segment: its own state, landmarks, goals, its own
    words, and agents that a script moves, since they send nothing. Neither is what it measures,
    as a lidar does: nobody says that.

    Args:
        env: What `vmas.make_env` returns.

    Returns:
        The segments, with every agent as a receiver. None where the scenario is not known, where
        its options leave agents unaware of each other, or where an observation has another length
        than the layout.

    Example:
        >>> import vmas
        >>> known_segments(vmas.make_env("simple_spread", num_envs=2, n_agents=3))["agent_0"]
        {'agent_1': (10, 11), 'agent_2': (12, 13)}
    """
    scenario = env.scenario
    layout = _LAYOUTS.get(_file(scenario))
    if layout is None or getattr(scenario, "dict_obs", False):
        return None
    views = {agent.name: _View(env, agent) for agent in env.agents}
    for view in views.values():
        for agents, width in layout(view):
            view.each(agents, width)
    spaces = [
        env.observation_space[key] for key in (views if env.dict_spaces else range(len(views)))
    ]
    sizes = [getattr(space, "shape", None) for space in spaces]
    heard = any(view.entries for view in views.values())
    if not heard or sizes != [(view.length,) for view in views.values()]:
        return None
    return {
        receiver: {sender: tuple(entries) for sender, entries in view.entries.items()}
        for receiver, view in views.items()
    }


class _View(BlockWalk):
    """One receiver's observation, walked from its first entry to its last.

    Attributes:
        scenario: The scenario.
        world: Its world.
        receiver: The agent whose observation it is.
        others: The world's other agents, in the world's order.
        vector: Number of entries of a position or a velocity.
        landmarks: Number of entries that say where the landmarks are.
    """

    def __init__(self, env: Any, receiver: Any) -> None:
        super().__init__()
        self.scenario, self.world, self.receiver = env.scenario, env.world, receiver
        self.others = [agent for agent in env.world.agents if agent is not receiver]
        self.vector = env.world.dim_p
        self.landmarks = self.vector * len(env.world.landmarks)
        self._senders = {agent.name for agent in env.agents} - {receiver.name}

    def each(self, agents: Iterable[Any], width: int) -> None:
        """Walks over one block for each agent; what is no other sender's is the receiver's own."""
        for agent in agents:
            if agent.name in self._senders:
                self.heard(agent.name, width)
            else:
                self.own(width)


Blocks = list[tuple[Sequence[Any], int]]
"""Whose blocks of entries follow each other, the receiver for its own, and how wide each is."""


def _simple_adversary(view: _View) -> Blocks:
    goal = 0 if view.receiver.adversary else view.vector
    return [([view.receiver], goal + view.landmarks), (view.others, view.vector)]


def _simple_crypto(view: _View) -> Blocks:
    width = view.world.dim_c
    if view.receiver.speaker:
        return [([view.receiver], width + width)]
    key = 0 if view.receiver.adversary else width
    return [([view.receiver], key), ([other for other in view.others if other.speaker], width)]


def _simple_push(view: _View) -> Blocks:
    own = view.vector + view.landmarks
    if not view.receiver.adversary:
        own += view.vector + _COLOR * (1 + len(view.world.landmarks))
    return [([view.receiver], own), (view.others, view.vector)]


def _simple_reference(view: _View) -> Blocks:
    own = view.vector + view.landmarks + _COLOR
    return [([view.receiver], own), (view.others, view.world.dim_c)]


def _simple_speaker_listener(view: _View) -> Blocks:
    if not view.receiver.movable:
        return [([view.receiver], _COLOR)]
    return [([view.receiver], view.vector + view.landmarks), (view.others, view.world.dim_c)]


def _simple_spread(view: _View) -> Blocks:
    seen = view.others if view.scenario.obs_agents else ()
    return [([view.receiver], view.vector + view.vector + view.landmarks), (seen, view.vector)]


def _simple_tag(view: _View) -> Blocks:
    scenario, hunts = view.scenario, view.receiver.adversary
    whole = scenario.observe_same_team
    seen = [other for other in view.others if whole or other.adversary != hunts]
    own = view.vector * (scenario.observe_vel + scenario.observe_pos) + view.landmarks
    prey = [other for other in seen if not other.adversary]
    return [([view.receiver], own), (seen, view.vector), (prey, view.vector)]


def _simple_world_comm(view: _View) -> Blocks:
    me, forests, leads = [view.receiver], len(view.world.forests), view.receiver.leader
    # Only the leader sees others: the rest of the team is shown zeros in their place, and the
    # hunters show their velocity to nobody.
    positions = [([other] if leads else me) for other in view.others]
    velocities = [([other] if leads and not other.adversary else me) for other in view.others]
    leader = view.world.agents[:1] if view.receiver.adversary else ()
    return [
        (me, view.vector + view.vector + view.landmarks),
        *((shown, view.vector * forests) for shown in positions + velocities),
        (me, forests),
        (leader, view.world.dim_c),
    ]


def _give_way(view: _View) -> Blocks:
    seen = view.others if view.scenario.observe_rel_pos else ()
    return [([view.receiver], view.vector + view.vector), (seen, view.vector)]


def _wind_flocking(view: _View) -> Blocks:
    scenario = view.scenario
    return [
        ([view.receiver], view.vector * (1 + scenario.observe_pos)),
        (view.others if scenario.observe_rel_pos else (), view.vector),
        (view.others if scenario.observe_rel_vel else (), view.vector),
    ]


def _football(view: _View) -> Blocks:
    scenario, receiver = view.scenario, view.receiver
    teams = scenario.blue_agents, scenario.red_agents
    team, opponents = teams if receiver in scenario.blue_agents else teams[::-1]
    mates = [mate for mate in team if mate is not receiver]
    # Force, place and velocity towards the ball, the ball towards the goal, its velocity and its
    # force; where rotation is shown; place towards the goal; velocity. Of others relative place
    # and velocity, velocity, force.
    return [
        ([receiver], 6 * view.vector + bool(scenario.enable_shooting) + 2 * view.vector),
        (opponents if scenario.observe_adversaries else (), 4 * view.vector),
        (mates if scenario.observe_teammates else (), 4 * view.vector),
    ]


_LAYOUTS: dict[str, Callable[[_View], Blocks]] = {
    "mpe/simple_adversary.py": _simple_adversary,
    "mpe/simple_crypto.py": _simple_crypto,
    "mpe/simple_push.py": _simple_push,
    "mpe/simple_reference.py": _simple_reference,
    "mpe/simple_speaker_listener.py": _simple_speaker_listener,
    "mpe/simple_spread.py": _simple_spread,
    "mpe/simple_tag.py": _simple_tag,
    "mpe/simple_world_comm.py": _simple_world_comm,
    "football.py": _football,
    "give_way.py": _give_way,
    "wind_flocking.py": _wind_flocking,
}


def _file(scenario: Any) -> str:
    """Returns the file, within VMAS's scenarios, that defines what the agents observe."""
    # VMAS loads scenarios without giving their modules names. Asked of the method, so that a
    # scenario of the user's own that overrides it is not taken for the one it derives from.
    code = getattr(type(scenario).observation, "__code__", None)
    parts = PurePath(getattr(code, "co_filename", "")).parts
    for index in range(len(parts) - 1, 0, -1):
        if parts[index - 1 : index + 1] == ("vmas", "scenarios"):
            return "/".join(parts[index + 1 :])
    return ""
