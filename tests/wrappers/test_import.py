"""Importing the package imports nothing that one could do without."""

from __future__ import annotations

import json
import subprocess
import sys

OPTIONAL = {
    "IPython",
    "array_api_compat",
    "array_api_strict",
    "cloudpickle",
    "hypothesis",
    "jax",
    "jaxmarl",
    "matplotlib",
    "mpe2",
    "pandas",
    "psutil",
    "pygame",
    "pymunk",
    "pytest",
    "rich",
    "seaborn",
    "supersuit",
    "tensorflow",
    "torch",
    "torchrl",
    "typer",
    "vmas",
    "yaml",
}


def modules_after(statement):
    """Returns the names of all modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_no_optional_module_is_imported():
    base = modules_after("import pettingzoo, gymnasium")
    added = modules_after("import failure_api") - base
    assert not {name.partition(".")[0] for name in added} & OPTIONAL
    # The quantiles of the normal distribution take longer to import than all the rest.
    assert not {name for name in added if name.startswith("scipy")}
    families = ("atari", "butterfly", "classic", "magent", "mpe", "sisl")
    environments = {f"pettingzoo.{family}" for family in families}
    assert not {name for name in added if ".".join(name.split(".")[:2]) in environments}


def test_wrapping_needs_no_optional_module_either():
    statement = (
        "from mpe2 import simple_spread_v3\n"
        "import failure_api\n"
        "env = failure_api.CommunicationWrapper(simple_spread_v3.env(),"
        " failure_api.ProbabilisticModel(failure_prob=0.5))\n"
        "env.reset(seed=0)\n"
    )
    base = modules_after("from mpe2 import simple_spread_v3")
    added = modules_after(statement) - base
    assert not {name.partition(".")[0] for name in added} & OPTIONAL
