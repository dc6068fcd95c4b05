"""Environments of other interfaces as PettingZoo's Parallel ones, and the way back.

| interface | from it | back to it |
|---|---|---|
| gymnasium with Tuple spaces | `from_tuple` | `to_tuple` |
| like a Parallel environment, by dicts | `from_dicts` | |
| RLlib's `MultiAgentEnv` | `from_rllib` | RLlib's `ParallelPettingZooEnv` |

`as_parallel` finds the one that fits.
"""

from __future__ import annotations

from failure_api.environments.adapters.dicts import from_dicts, from_rllib
from failure_api.environments.adapters.parallel import adapted, as_parallel, to_tuple
from failure_api.environments.adapters.tuples import from_tuple

__all__ = ["adapted", "as_parallel", "from_dicts", "from_rllib", "from_tuple", "to_tuple"]
