"""An exchange of one's own: agents tell each other where they are, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from mpe2 import simple_spread_v3

from failure_api import CommunicationWrapperParallel, ProbabilisticModel
from failure_api.exchanges import Codec, Exchange, Heard, Missing, Team
from failure_api.testing import check_wrapper

POSITION = slice(2, 4)  # where simple_spread shows an agent its own position
SAID = spaces.Box(-np.inf, np.inf, (2,), np.float32)


@dataclass(frozen=True, kw_only=True)
class SharePositions(Exchange):
    """Agents see what they observe and, by sender, where the others said that they are.

    Args:
        missing: What stands in for a position that did not arrive.
    """

    missing: Missing = "zero"

    def bind(self, team: Team) -> Codec:
        """Returns the exchange at work in one environment."""
        return Positions(team, dict.fromkeys(team.agent_ids, SAID))


class Positions(Codec):
    """`SharePositions` at work."""

    def __init__(self, team: Team, message_spaces: Mapping[Any, spaces.Space[Any]]) -> None:
        super().__init__(team, message_spaces)
        heard = dict.fromkeys(team.agent_ids, SAID)
        self.spaces = {
            agent: spaces.Dict(
                observation=space,
                positions=spaces.Dict({a: heard[a] for a in team.agent_ids if a != agent}),
            )
            for agent, space in team.spaces.items()
        }

    def say(self, agent: Any, observation: Any, message: Any) -> Any:
        """Returns what an agent says: its position."""
        return observation[POSITION]

    def see(self, agent: Any, observation: Any, heard: Heard) -> Any:
        """Returns what an agent sees, in copies of its own."""
        return {"observation": observation.copy(), "positions": dict(heard)}

    def own(self, agent: Any, view: Any) -> Any:
        """Returns what in a view is the agent's own."""
        return view["observation"]

    def heard(self, agent: Any, view: Any) -> dict[Any, Any]:
        """Returns what in a view comes from each other agent."""
        return dict(view["positions"])


loss = ProbabilisticModel(failure_prob=0.5)
exchange = SharePositions(missing="predict")
env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(), loss, exchange=exchange)
observations, infos = env.reset(seed=42)
assert observations["agent_0"]["positions"].keys() == {"agent_1", "agent_2"}
check_wrapper(simple_spread_v3.parallel_env, loss, exchange=SharePositions(), steps=10)
