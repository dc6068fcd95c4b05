"""Measures failure-api 0.1.7 in a throw-away environment of its own.

Its name is this project's name, so the two cannot be installed together.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

REQUIREMENTS = ("failure-api==0.1.7", "mpe2", "pettingzoo", "numpy", "scipy")

OVERHEAD = """
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

MARKOV = """
import json, time
import numpy as np
from failure_api.communication_models import BaseMarkovModel
from failure_api.communication_models.active_communication import ActiveCommunication

agents = [f"agent_{number}" for number in range(50)]
model, matrix = BaseMarkovModel(agents), ActiveCommunication(agents)
model.rng = np.random.default_rng(0)
times = []
for _ in range(40):
    start = time.perf_counter()
    model.update_connectivity(matrix)
    times.append(time.perf_counter() - start)
print(json.dumps(float(np.median(times[8:]))))
"""
"""Seconds that its two-state Markov model takes for a round at N = 50."""

MEASURES = {"overhead": OVERHEAD, "markov": MARKOV}


def measure_in_peer(what: str) -> Any:
    """Returns what a measure of the peer finds, in an environment made for it."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", *REQUIREMENTS]
        subprocess.run(install, check=True, stdout=sys.stderr)
        here = str(Path(__file__).parent)
        run = subprocess.run(
            [python, "-c", MEASURES[what], here], check=True, cwd=folder, stdout=subprocess.PIPE
        )
        return json.loads(run.stdout.splitlines()[-1])
