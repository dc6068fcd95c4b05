"""What SuperSuit's vector environments lack, ours have: seeds, calls, copies that differ."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("supersuit")
pytest.importorskip("stable_baselines3")
from mpe2 import simple_adversary_v3, simple_spread_v3
from pettingzoo.utils import BaseParallelWrapper
from supersuit import black_death_v3, pad_observations_v0
from trainer_play import agents_as_rows, assert_quoted, seen_alone
from trainer_runs import CUT, at_once, in_turns

from environments_under_test import Plain
from failure_api import CommunicationWrapperParallel, ProbabilisticModel, ShareObservations
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError
from failure_api.integrations.supersuit import make_vec_env
from helpers import assert_one_sentence

pytestmark = pytest.mark.trainers

HERE_AND_AWAY = pytest.mark.parametrize("processes", [0, 2])
STILL = {f"agent_{place}": 0 for place in range(3)}


@contextmanager
def several(env=None, copies=4, processes=0):
    vec_env = make_vec_env(env or at_once(), copies, processes, "fork")
    try:
        yield vec_env
    finally:
        vec_env.close()


def stand(vec_env):
    """Steps with nobody moving."""
    return vec_env.step(np.zeros(vec_env.num_envs, dtype=int))


def episode(vec_env, seed=None):
    """Returns what is seen in an episode, `[copy, round, agent, ...]`."""
    if seed is not None:
        vec_env.seed(seed)
    seen = [vec_env.reset(), *(stand(vec_env)[0] for _ in range(7))]
    return np.stack(seen).reshape(8, -1, 3, seen[0].shape[-1]).swapaxes(0, 1)


@HERE_AND_AWAY
def test_each_copy_has_a_seed_of_its_own(processes):
    with several(processes=processes) as vec_env:
        assert vec_env.seed(5) == [5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8]
        found = episode(vec_env)
        assert (episode(vec_env, seed=5) == found).all()
        assert not (episode(vec_env) == found).all()
    for copy in range(4):
        alone = agents_as_rows(seen_alone(at_once(), [STILL] * 8, seed=5 + copy))
        np.testing.assert_array_equal(found[copy], alone)


@HERE_AND_AWAY
def test_copies_differ_without_a_seed(processes):
    env = at_once(models=ProbabilisticModel(failure_prob=0.5))
    env.reset(seed=1)
    with several(env, processes=processes) as vec_env:
        heard = episode(vec_env)[..., 10:14] != 0
        other = episode(vec_env)[..., 10:14] != 0
    patterns = {part.tobytes() for part in (*heard, *other)}
    assert len(patterns) == 8
    assert 0.4 < heard.mean() < 0.6


@HERE_AND_AWAY
def test_the_end_of_an_episode_is_told_as_it_was(processes):
    with several(processes=processes) as vec_env:
        vec_env.seed(5)
        vec_env.reset()
        for _ in range(7):
            _, _, dones, infos = stand(vec_env)
            assert not dones.any()
            assert infos == [{"TimeLimit.truncated": False}] * 12
        after, rewards, dones, infos = stand(vec_env)
        assert dones.tolist() == [True] * 12
        assert rewards.dtype == np.float32
        assert all(info["TimeLimit.truncated"] is True for info in infos)
        assert stand(vec_env)[3] == [{"TimeLimit.truncated": False}] * 12
    alone = at_once()
    alone.reset(seed=5)
    steps = [alone.step(STILL) for _ in range(8)]
    last = np.array([info["terminal_observation"] for info in infos])
    np.testing.assert_array_equal(last[:3], list(steps[-1][0].values()))
    np.testing.assert_array_equal(after[:3], list(alone.reset()[0].values()))
    np.testing.assert_array_equal(rewards[:3], np.float32(list(steps[-1][1].values())))


@HERE_AND_AWAY
def test_a_critic_gets_the_end_of_an_episode_over_perfect_links(processes):
    dark = at_once(models=ProbabilisticModel(failure_prob=1.0))
    with several(dark, processes=processes) as vec_env:
        vec_env.seed(5)
        vec_env.reset()
        ends = [stand(vec_env)[3] for _ in range(8)]
    assert all("terminal_clean_observation" not in info for infos in ends[:-1] for info in infos)
    clear = at_once(models=())
    clear.reset(seed=5)
    last = [clear.step(STILL) for _ in range(8)][-1][0]
    for info, expected in zip(ends[-1][:3], last.values(), strict=True):
        np.testing.assert_array_equal(info["terminal_clean_observation"], expected)
        assert (info["terminal_observation"] != expected).any()


def test_a_bare_environment_tells_no_clean_end():
    with several(simple_spread_v3.parallel_env(N=3, max_cycles=2)) as vec_env:
        vec_env.reset()
        infos = [stand(vec_env)[3] for _ in range(2)][-1]
    assert all(set(info) == {"terminal_observation", "TimeLimit.truncated"} for info in infos)


@pytest.mark.parametrize("agents", [1, 2])
def test_a_team_of_one_sees_an_array_as_a_larger_team_does(agents):
    env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(N=agents), ())
    with several(env, copies=2) as vec_env:
        assert vec_env.reset().shape == (2 * agents, 6 * agents)


@HERE_AND_AWAY
def test_an_end_is_not_a_time_limit(processes):
    env = Plain(lengths=dict.fromkeys("abc", 3), max_cycles=3 if processes else 8)
    wrapped = CommunicationWrapperParallel(env, (), exchange=ShareObservations(form="flat"))
    with several(wrapped, processes=processes) as vec_env:
        vec_env.reset()
        for _ in range(3):
            _, _, dones, infos = stand(vec_env)
        assert dones.all()
        assert not any(info["TimeLimit.truncated"] for info in infos)


@HERE_AND_AWAY
def test_calls_and_attributes_arrive(processes):
    with several(at_once(models=CUT), processes=processes) as vec_env:
        assert vec_env.env_method("set_severity", 0.0, indices=[0, 7]) == [None, None]
        heard = (episode(vec_env, seed=1)[..., 10:14] != 0).mean(axis=(1, 2, 3))
        assert heard.tolist() == [1, 0, 1, 0]
        ages = vec_env.get_attr("message_age", indices=range(0, 12, 3))
        assert [age.max() for age in ages] == [0, 8, 0, 8]
        vec_env.set_attr("local_ratio", 0.1, indices=4)
        assert vec_env.get_attr("local_ratio") == [0.5] * 3 + [0.1] * 3 + [0.5] * 6
        assert vec_env.env_is_wrapped(CommunicationWrapperParallel) == [True] * 12
        assert vec_env.env_is_wrapped(ShareObservations, indices=2) == [False]
        vec_env.set_options({"failure": {"severity": 0.0}})
        assert episode(vec_env)[..., 10:14].all()
        vec_env.set_options([{}] * 3 + [{"failure": {"severity": 0.0}}] * 3 + [{}] * 6)
        heard = (episode(vec_env)[..., 10:14] != 0).mean(axis=(1, 2, 3))
        assert heard.tolist() == [1, 1, 1, 0]


@HERE_AND_AWAY
def test_calls_reach_through_what_hides_them(processes):
    padded = pad_observations_v0(at_once(simple_adversary_v3, models=CUT))
    assert not hasattr(padded, "set_severity")
    with several(padded, 2, processes) as vec_env:
        vec_env.env_method("set_severity", 0.0)
        vec_env.reset()
        assert vec_env.env_method("get_communication_state")[0].sum() == 6


@HERE_AND_AWAY
def test_errors_arrive_and_the_processes_go_on(processes):
    with several(processes=processes) as vec_env:
        with pytest.raises(InvalidArgumentError, match="severity"):
            vec_env.env_method("set_severity", 0.5)
        with pytest.raises(AttributeError, match="'colour'"):
            vec_env.get_attr("colour")
        vec_env.set_options({"failure": "severe"})
        with pytest.raises(InvalidArgumentError, match="severe"):
            vec_env.reset()
        vec_env.reset()
        with pytest.raises(AssertionError):
            vec_env.step(np.full(12, 9))
        assert vec_env.reset().shape == (12, 18)


@HERE_AND_AWAY
def test_errors_of_classes_that_no_module_has_arrive_too(processes):
    class FlatError(Exception):
        pass

    class Tired(BaseParallelWrapper):
        def work(self, lasting):
            # A lock cannot be pickled, so of such an error the text arrives.
            raise FlatError("battery is flat", *(() if lasting else (threading.Lock(),)))

    with several(Tired(at_once()), processes=processes) as vec_env:
        vec_env.reset()
        with pytest.raises(Exception, match="battery is flat") as raised:
            vec_env.env_method("work", True)
        assert type(raised.value).__name__ == "FlatError"
        with pytest.raises(Exception, match="battery is flat"):
            vec_env.env_method("work", False)
        assert vec_env.reset().shape == (12, 18)


@HERE_AND_AWAY
def test_agents_that_die_need_black_death(processes):
    mortal = Plain(lengths={"b": 2}, max_cycles=4)
    env = CommunicationWrapperParallel(mortal, (), exchange=ShareObservations(form="flat"))
    with several(env, processes=processes) as vec_env:
        vec_env.reset()
        stand(vec_env)
        with pytest.raises(AssertionError) as raised:
            stand(vec_env)
        assert_quoted(
            raised.value,
            "MarkovVectorEnv does not support environments with varying numbers of active agents "
            "unless black_death is set to True",
        )
    with several(black_death_v3(env), 2, processes) as vec_env:
        vec_env.reset()
        played = [stand(vec_env) for _ in range(5)]
        assert played[2][0][0].any()
        assert not played[2][0][1].any()
        # SuperSuit 3.11 finds out that everyone is gone one step late.
        assert [dones.all() for _, _, dones, _ in played] == [False] * 4 + [True]


def test_pictures_of_all_copies():
    with several(at_once(render_mode="rgb_array"), 2) as vec_env:
        vec_env.reset()
        one, other = vec_env.get_images()
        assert one.shape == other.shape
        assert (one != other).any()
        assert vec_env.render().ndim == 3


def test_the_given_environment_is_not_played():
    env = at_once()
    env.reset(seed=1)
    with several(env, 1) as vec_env:
        episode(vec_env)
    assert env.message_age.max() <= 1


def test_processes_start_as_stable_baselines_starts_them():
    vec_env = make_vec_env(at_once(), 2, 2)
    try:
        assert episode(vec_env, seed=0).shape == (2, 8, 3, 18)
    finally:
        vec_env.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"copies": 0}, ["copies", "0"]),
        ({"copies": 1.5}, ["copies", "1.5"]),
        ({"processes": -1}, ["processes", "-1"]),
        ({"copies": 3, "processes": 2}, ["copies", "3", "give 4"]),
    ],
)
def test_a_mistake_is_one_sentence(given, words):
    with pytest.raises(InvalidArgumentError) as raised:
        make_vec_env(at_once(), **given)
    assert_one_sentence(raised.value, *words)


@pytest.mark.parametrize("env", [in_turns(), simple_spread_v3, None])
def test_what_is_no_parallel_environment_is_refused(env):
    with pytest.raises(WrongEnvironmentError, match="make_vec_env takes a Parallel environment"):
        make_vec_env(env)


@pytest.mark.parametrize("package", ["supersuit", "stable_baselines3"])
def test_without_a_package_it_says_how_to_install_it(package):
    code = f"import sys; sys.modules[{package!r}] = None\nimport failure_api.integrations.supersuit"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"needs {package}, which is not installed: " in done.stderr
    assert "pip install 'failure-api[supersuit]'" in done.stderr
