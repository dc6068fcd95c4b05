"""Models that cannot play, and files that hold none: one sentence each."""

from __future__ import annotations

import importlib
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from mpe2 import simple_speaker_listener_v4, simple_tag_v3
from policies_played import wrapped
from policies_trained import model

from failure_api import ShareObservations
from failure_api.errors import InvalidArgumentError, MissingDependencyError
from failure_api.evaluation.policies import make_policy
from failure_api.exchanges import MaskSegments
from helpers import assert_one_sentence

sb3 = pytest.importorskip("stable_baselines3")

ActorCriticPolicy = sb3.common.policies.ActorCriticPolicy


class Remembering(ActorCriticPolicy):
    """A network that hands on a state, as recurrent ones do."""

    def predict(self, *args, **kwargs):
        actions, _ = super().predict(*args, **kwargs)
        return actions, (np.zeros(1),)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (wrapped(N=4), ("shape (18,)", "shape (24,)", "agent_0")),
        (wrapped(exchange=MaskSegments(report_age=True)), ("shape (18,)", "shape (22,)")),
        (wrapped(exchange=ShareObservations()), ("shape (18,)", "Dict(agent_0: Box of shape")),
        (wrapped(simple_tag_v3), ("shape (18,)", "shape (16,)", "adversary_0")),
        (wrapped(simple_speaker_listener_v4), ("shape (18,)", "shape (3,)", "speaker_0")),
    ],
    ids=["N", "age", "dict", "tag", "listener"],
)
def test_other_observations(trained, env, words):
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy(trained[1], env)
    assert_one_sentence(caught.value, "exchange must show", "of training", *words)


def test_other_actions(trained):
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy(trained[1], wrapped(continuous_actions=True))
    assert_one_sentence(caught.value, "environment must take", "Discrete(5)", "Box of shape (5,)")


def test_a_model_with_memory(folder):
    env = wrapped()
    model(sb3.A2C, env, Remembering).save(folder / "memory.zip")
    policy = make_policy(f"sb3:{folder / 'memory.zip'}", env)
    observations, _ = env.reset(seed=0)
    with pytest.raises(InvalidArgumentError) as caught:
        policy(observations)
    assert_one_sentence(caught.value, "policies must be a model without memory", "module:name")


def test_files_that_are_not_there(trained, folder):
    for name, holds in [
        ("sb3:no/such/model.zip", "fix the path"),
        ("sb3:.", "fix the path"),
        ("sb3:\0", "fix the path"),
        (trained[1].removesuffix(".zip"), f"write '{trained[1]}'"),
        (f"sb3:{folder}", "fix the path"),
    ]:
        with pytest.raises(InvalidArgumentError) as caught:
            make_policy(name, wrapped())
        assert_one_sentence(caught.value, "policies must name a file that exists", holds)


def broken(trained, folder, kind):
    path = folder / f"{kind}.zip"
    whole = Path(trained[1].removeprefix("sb3:"))
    if kind == "text":
        path.write_text("no model")
    elif kind == "half":
        path.write_bytes(whole.read_bytes()[:2000])
    elif kind == "other":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme", "no model")
    else:
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as archive:
            for entry in source.namelist():
                held = source.read(entry)
                if kind == "list" and entry == "data":
                    held = b"[1]"
                if kind == "nothing_saved" and entry == "data":
                    held = b"{}"
                if kind == "no_network" and entry == "policy.pth":
                    continue
                archive.writestr(entry, held)
    return path


@pytest.mark.parametrize("kind", ["text", "half", "other", "list", "nothing_saved", "no_network"])
def test_files_that_hold_no_model(trained, folder, kind):
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy(f"sb3:{broken(trained, folder, kind)}", wrapped())
    assert_one_sentence(caught.value, "policies must name a model that stable-baselines3 saved")


def test_what_is_not_needed_is_not_read(trained, folder):
    """A schedule of another Python cannot be unpickled, and need not be."""
    path = folder / "schedule.zip"
    with zipfile.ZipFile(trained[1].removeprefix("sb3:")) as source:
        data = json.loads(source.read("data"))
        data["lr_schedule"][":serialized:"] = "gASVCg=="
        with zipfile.ZipFile(path, "w") as archive:
            for entry in source.namelist():
                held = json.dumps(data) if entry == "data" else source.read(entry)
                archive.writestr(entry, held)
    with pytest.raises(Exception, match=r".+"):
        sb3.PPO.load(path)
    make_policy(f"sb3:{path}", wrapped())


def test_without_stable_baselines3(trained, monkeypatch):
    for module in [name for name in sys.modules if name.partition(".")[0] == "stable_baselines3"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(MissingDependencyError) as caught:
        make_policy(trained[1], wrapped())
    text = str(caught.value)
    assert text.endswith("install it with `pip install 'failure-api[sb3]'`.")
    assert "stable-baselines3, which is not installed" in text


def test_a_network_of_the_users_own(folder, tmp_path, monkeypatch):
    """It is found in the current directory; elsewhere the sentence names what is missing."""
    own = "my_network_of_policies"
    (tmp_path / f"{own}.py").write_text(
        "from stable_baselines3.common.policies import ActorCriticPolicy\n"
        "class Own(ActorCriticPolicy):\n"
        "    pass\n"
    )
    env, before = wrapped(), [entry for entry in sys.path if entry]
    with monkeypatch.context() as here:
        here.syspath_prepend(tmp_path)
        network = importlib.import_module(own).Own
        model(sb3.A2C, env, network).save(folder / "own.zip")
    monkeypatch.setattr(sys, "path", before)
    monkeypatch.delitem(sys.modules, own)
    name = f"sb3:{folder / 'own.zip'}"
    monkeypatch.chdir(folder)
    with pytest.raises(MissingDependencyError, match=rf"'{own}'.*run from the directory"):
        make_policy(name, env)
    monkeypatch.chdir(tmp_path)
    observations, _ = env.reset(seed=0)
    assert len(make_policy(name, env)(observations)) == 3
