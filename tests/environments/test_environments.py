"""Environments by name, and what a mistyped name is told."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from pettingzoo import AECEnv, ParallelEnv

from failure_api.environments import environment_options, known_environments, make_environment
from failure_api.errors import FailureApiError, InvalidArgumentError, MissingDependencyError
from failure_api.evaluation import read_specification, sweep

SPREAD = "mpe2.simple_spread_v3"


def refusal(name, **options):
    with pytest.raises(FailureApiError) as caught:
        make_environment(name, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert ". " not in text
    assert text[-1] in ".?"
    return caught.value


@pytest.mark.parametrize("name", [SPREAD, "pettingzoo.butterfly.pistonball_v6"])
@pytest.mark.parametrize(("api", "kind"), [("aec", AECEnv), ("parallel", ParallelEnv)])
def test_builds_the_kind_that_was_asked_for(name, api, kind):
    environment = make_environment(name, api=api)
    assert isinstance(environment, kind)
    environment.close()


def test_passes_the_options_on():
    environment = make_environment(SPREAD, api="parallel", N=2, max_cycles=3)
    environment.reset(seed=0)
    steps = 0
    while environment.agents:
        environment.step(dict.fromkeys(environment.agents, 0))
        steps += 1
    assert len(environment.possible_agents) == 2
    assert steps == 3


def test_no_warning_that_a_user_cannot_act_on(monkeypatch):
    name = "pettingzoo.butterfly.pistonball_v6"
    monkeypatch.delitem(sys.modules, name, raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        environment_options(name)
    assert not [warning for warning in caught if "environment creation" in str(warning.message)]


def test_tells_the_options_of_an_environment():
    assert "max_cycles" in (environment_options(SPREAD) or ())
    assert "n_pistons" in (environment_options("pettingzoo.butterfly.pistonball_v6") or ())
    assert environment_options("pettingzoo.sisl.multiwalker_v9") is None


def test_takes_options_that_an_environment_does_not_declare():
    environment = make_environment("pettingzoo.sisl.multiwalker_v9", n_walkers=2)
    assert len(environment.possible_agents) == 2


def test_lists_environments_without_importing_them():
    code = (
        "import sys; from failure_api.environments import known_environments as known;"
        "assert 'mpe2.simple_spread_v3' in known(), known();"
        "assert 'pettingzoo.atari.pong_v3' in known(), known();"
        "assert not {'mpe2', 'pygame', 'pettingzoo.atari'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_listed_environment_has_a_module_file():
    names = known_environments()
    assert len(names) == len(set(names)) > 20
    assert all(name.rpartition("_v")[2].isdigit() for name in names)


@pytest.mark.parametrize(
    "name",
    ["mpe2.simple_spred_v3", "simple_spread_v3", "mpe3.simple_spread_v3", "mpe2.simple_spread_v2"],
)
def test_an_unknown_name_is_told_the_nearest(name):
    error = refusal(name)
    assert isinstance(error, InvalidArgumentError)
    assert repr(name) in str(error)
    assert f"did you mean {SPREAD!r}?" in str(error)


@pytest.mark.parametrize("name", ["", ".", "zzz", "os.path", "a-b.c", 3, None])
def test_what_names_no_environment_is_refused(name):
    error = refusal(name)
    assert isinstance(error, InvalidArgumentError)
    assert repr(name) in str(error)


def test_an_unknown_option_is_told_those_there_are():
    text = str(refusal(SPREAD, max_cycle=7))
    assert text.startswith("options must be known to mpe2.simple_spread_v3")
    assert "'max_cycle'" in text
    assert "local_ratio" in text
    assert text.endswith("did you mean 'max_cycles'?")


@pytest.mark.parametrize("options", [{"N": "three"}, {"local_ratio": 3}])
def test_a_value_that_the_environment_refuses_is_reported_with_its_reason(
    options,
):
    error = refusal(SPREAD, **options)
    assert isinstance(error, InvalidArgumentError)
    assert str(options) in str(error)
    assert error.__cause__ is not None


def test_an_unknown_undeclared_option_is_refused():
    assert "{'walkers': 2}" in str(refusal("pettingzoo.sisl.multiwalker_v9", walkers=2))


@pytest.mark.parametrize("api", ["both", "", 1])
def test_an_unknown_api_is_refused(api):
    assert repr(api) in str(refusal(SPREAD, api=api))


def test_an_environment_of_one_kind_says_which():
    error = refusal("pettingzoo.classic.tictactoe_v3", api="parallel")
    assert "ask for api='aec'" in str(error)


def test_a_missing_package_of_environments_is_named(monkeypatch):
    for module in [name for name in sys.modules if name.partition(".")[0] == "mpe2"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "mpe2", None)
    error = refusal(SPREAD)
    assert isinstance(error, MissingDependencyError)
    assert "`pip install mpe2`" in str(error)


def test_a_missing_package_of_pettingzoo_names_the_extra(monkeypatch):
    home = "pettingzoo.butterfly.pistonball"
    for module in [name for name in sys.modules if name.startswith(home)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pygame", None)
    error = refusal(f"{home}_v6")
    assert isinstance(error, MissingDependencyError)
    assert "'pygame'" in str(error)
    assert "pettingzoo[butterfly]" in str(error)


def test_a_users_own_module_is_an_environment(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_world_v0.py").write_text("from mpe2.simple_tag_v3 import env\n")
    (tmp_path / "own_broken_v0.py").write_text("import package_that_is_not_there\n")
    environment = make_environment("own_world_v0")
    assert "adversary_0" in environment.possible_agents
    error = refusal("own_broken_v0")
    assert isinstance(error, MissingDependencyError)
    assert "`pip install package_that_is_not_there`" in str(error)


INTERFACES = """
from test_from_dicts import SpacesAfterReset, Turns
from test_from_tuple import Foragers

def foragers(returns="lists"):
    return Foragers(returns)

class Nobody:
    pass
"""


@pytest.mark.parametrize(
    ("made", "agents"),
    [
        ("foragers", ["agent_0", "agent_1", "agent_2"]),
        ("SpacesAfterReset", ["a", "b", "c"]),
        ("Turns", ["north", "south", "west"]),
    ],
)
@pytest.mark.parametrize(("api", "kind"), [("aec", AECEnv), ("parallel", ParallelEnv)])
def test_a_users_own_module_may_make_other_interfaces(
    made, agents, api, kind, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.syspath_prepend(tmp_path)
    name = f"own_{made}_{api}"
    constructor = "env" if api == "aec" else "parallel_env"
    (tmp_path / f"{name}.py").write_text(f"{INTERFACES}\n{constructor} = {made}\n")
    environment = make_environment(name, api=api)
    assert isinstance(environment, kind)
    assert environment.possible_agents == agents
    environment.reset(seed=0)
    specification = {
        "environment": name,
        "failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0.0, 1.0]}},
        "episodes": 2,
    }
    assert read_specification(specification).api == api
    assert sweep(specification)["mean"].notna().all()


def test_what_a_module_makes_must_be_an_environment(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_nobody.py").write_text(f"{INTERFACES}\nparallel_env = Nobody\n")
    assert "must be one of PettingZoo" in str(refusal("own_nobody", api="parallel"))


def test_options_of_other_interfaces_are_passed_on(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_shared.py").write_text(f"{INTERFACES}\nparallel_env = foragers\n")
    environment = make_environment("own_shared", api="parallel", returns="one")
    assert environment.unwrapped.returns == "one"
