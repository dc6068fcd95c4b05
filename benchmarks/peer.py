"""Measures failure-api 0.1.7 in the seed's setting, in a throw-away environment of its own.

Its name is this project's name, so the two cannot be installed together.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

REQUIREMENTS = ("failure-api==0.1.7", "mpe2", "pettingzoo", "numpy", "scipy")

MEASURE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from interleave import compare
from mpe2 import simple_spread_v3
from pettingzoo.utils.conversions import aec_to_parallel
from failure_api.wrappers import CommunicationWrapper
from failure_api.communication_models import ProbabilisticModel

found = {}
for agents, blocks in ((3, 60), (10, 20), (25, 8)):
    bare = aec_to_parallel(simple_spread_v3.env(N=agents, max_cycles=25))
    env = simple_spread_v3.env(N=agents, max_cycles=25)
    model = ProbabilisticModel(agent_ids=env.possible_agents, failure_prob=0.5)
    wrapped = aec_to_parallel(CommunicationWrapper(env, failure_models=[model]))
    found[agents] = compare(bare, wrapped, 25, blocks)
print(json.dumps(found))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", *REQUIREMENTS]
        subprocess.run(install, check=True, stdout=sys.stderr)
        here = str(Path(__file__).parent)
        subprocess.run([python, "-c", MEASURE, here], check=True, cwd=folder)


if __name__ == "__main__":
    main()
