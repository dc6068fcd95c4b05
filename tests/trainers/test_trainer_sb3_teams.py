"""Vector environments of Stable-Baselines3: seeds, calls, ends, deaths, padding."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary
from mpe2 import simple_adversary_v3, simple_speaker_listener_v4, simple_spread_v3
from pettingzoo.utils import BaseParallelWrapper
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor
from trainer_play import agents_as_rows, seen_alone
from trainer_runs import CUT, at_once, in_turns, knights

from environments_under_test import Plain
from failure_api import CommunicationWrapperParallel, ProbabilisticModel, ShareObservations
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError
from failure_api.integrations.stable_baselines3 import make_vec_env
from helpers import assert_one_sentence

pytestmark = pytest.mark.trainers

HERE_AND_AWAY = pytest.mark.parametrize("processes", [0, 2])
STILL = {f"agent_{place}": 0 for place in range(3)}


@contextmanager
def several(env=None, num_envs=4, processes=0, **how):
    vec_env = make_vec_env(env or at_once(), num_envs, processes, "fork", **how)
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
    assert 0.35 < heard.mean() < 0.65


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


def test_infos_of_a_next_episode_arrive_as_it_begins():
    class Telling(BaseParallelWrapper):
        def reset(self, seed=None, options=None):
            seen, infos = super().reset(seed=seed, options=options)
            return seen, {agent: {"begun": agent} for agent in infos}

    with several(Telling(at_once()), 2, 2) as vec_env:
        vec_env.reset()
        names = [f"agent_{place}" for place in range(3)] * 2
        assert [info["begun"] for info in vec_env.reset_infos] == names
        *others, infos = [stand(vec_env)[3] for _ in range(8)]
    assert [info["begun"] for info in infos] == names
    assert all("terminal_observation" in info for info in infos)
    assert not any("begun" in info for told in others for info in told)


def test_a_bare_environment_tells_no_clean_end():
    with several(simple_spread_v3.parallel_env(N=3, max_cycles=2)) as vec_env:
        vec_env.reset()
        infos = [stand(vec_env)[3] for _ in range(2)][-1]
    assert all(set(info) == {"terminal_observation", "TimeLimit.truncated"} for info in infos)


@pytest.mark.parametrize("agents", [1, 2])
def test_a_team_of_one_sees_an_array_as_a_larger_team_does(agents):
    env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(N=agents), ())
    with several(env, 2) as vec_env:
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
    pad_observations_v0 = pytest.importorskip("supersuit").pad_observations_v0
    padded = pad_observations_v0(at_once(simple_adversary_v3, models=CUT))
    assert not hasattr(padded, "set_severity")
    with several(padded, 2, processes) as vec_env:
        vec_env.env_method("set_severity", 0.0)
        vec_env.reset()
        assert vec_env.env_method("get_communication_state")[0].sum() == 6
        infos = [stand(vec_env)[3] for _ in range(8)][-1]
    # The wrapper tells clean observations that are not padded.
    assert all("terminal_clean_observation" not in info for info in infos)
    assert all("terminal_observation" in info for info in infos)


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

    class StrangeError(Exception):
        def __init__(self, what, how):
            super().__init__(f"{what} is {how}")

    class Tired(BaseParallelWrapper):
        def work(self, lasting):
            if lasting is None:
                raise StrangeError("battery", "flat")
            # A lock cannot be pickled, so of such an error the text arrives.
            raise FlatError("battery is flat", *(() if lasting else (threading.Lock(),)))

    with several(Tired(at_once()), processes=processes) as vec_env:
        vec_env.reset()
        with pytest.raises(Exception, match="battery is flat") as raised:
            vec_env.env_method("work", True)
        assert type(raised.value).__name__ == "FlatError"
        with pytest.raises(Exception, match="battery is flat"):
            vec_env.env_method("work", False)
        # What pickles need not unpickle.
        with pytest.raises(Exception, match="battery is flat"):
            vec_env.env_method("work", None)
        assert vec_env.reset().shape == (12, 18)


def mortal(lengths=None, flat=True, **how):
    """Returns a wrapped environment whose second agent dies in the second of four steps."""
    env = Plain(lengths={"b": 2} if lengths is None else lengths, max_cycles=4, **how)
    if not flat:
        return env
    return CommunicationWrapperParallel(env, (), exchange=ShareObservations(form="flat"))


@HERE_AND_AWAY
def test_a_row_is_done_as_its_agent_dies_and_absent_from_then_on(processes):
    with several(mortal(), 2, processes) as vec_env:
        vec_env.seed(3)
        vec_env.reset()
        for _ in range(2):
            played = [stand(vec_env) for _ in range(4)]
            seen, rewards, dones, infos = (np.array(each) for each in zip(*played, strict=True))
            assert rewards.T[:3].tolist() == [[1, 2, 3, 4], [1, 2, 0, 0], [1, 2, 3, 4]]
            assert dones.T[0].tolist() == dones.T[3].tolist() == [False, False, False, True]
            assert dones.T[1].tolist() == dones.T[4].tolist() == [False, True, False, False]
            assert not seen[1:3, 1].any()
            assert seen[3, 1].any()
            assert seen[:, 0].any(axis=-1).all()
            absent = [[info.get("absent", False) for info in row] for row in infos.T]
            assert absent[1] == [False, False, True, True]
            assert not any(absent[0] + absent[2])
            assert infos[1, 1]["TimeLimit.truncated"] is False
            assert infos[1, 1]["terminal_observation"].any()
            clean = infos[1, 1]["terminal_clean_observation"]
            np.testing.assert_array_equal(clean, infos[1, 1]["terminal_observation"])
            assert infos[3, 0]["TimeLimit.truncated"] is True
            assert all("terminal_observation" not in info for info in infos[2:, 1])


def test_what_is_done_to_the_dead_has_no_effect():
    class Kind(BaseParallelWrapper):
        def step(self, actions):
            seen, rewards, *others = super().step(actions)
            taken.append(set(actions))
            return {**seen, "b": np.ones(2, np.float32)}, {**rewards, "b": 7.0}, *others

    taken = []
    with several(lambda: Kind(mortal(flat=False)), 1) as vec_env:
        vec_env.reset()
        played = [stand(vec_env) for _ in range(3)]
    assert taken == [set("abc"), set("abc"), set("ac")]
    assert [rewards[1] for _, rewards, _, _ in played] == [7, 7, 0]
    assert not played[2][0][1].any()


def test_agents_come_back():
    class Turns(Plain):
        def step(self, actions):
            seen, *others = super().step(actions)
            if self.steps == 3:
                self.agents.append("b")
                seen["b"] = self.content("b", 3)
                del self.lengths["b"]
            return seen, *others

    with several(Turns(lengths={"b": 2}, max_cycles=5), 1) as vec_env:
        vec_env.reset()
        played = [stand(vec_env) for _ in range(5)]
    assert [bool(dones[1]) for _, _, dones, _ in played] == [False, True, False, False, True]
    assert ["absent" in infos[1] for *_, infos in played] == [False, False, True, False, False]
    assert [bool(seen[1].any()) for seen, *_ in played] == [True, False, True, True, True]


def test_an_environment_that_goes_on_to_list_those_that_ended_ends_all_the_same():
    class Forgetful(Plain):
        def step(self, actions):
            everyone = list(self.agents)
            assert list(actions) == everyone
            played = super().step(actions)
            self.agents = everyone
            return played

    with several(Forgetful(lengths={"b": 2}, max_cycles=4), 1) as vec_env:
        vec_env.reset()
        dones = np.array([stand(vec_env)[2] for _ in range(8)])
    assert dones.T[0].tolist() == [False, False, False, True] * 2
    assert dones.T[1].tolist() == [False, True, False, False] * 2


def test_advantages_of_the_living_know_nothing_of_what_comes_after_death():
    vec_env = VecMonitor(make_vec_env(mortal(), 1, seed=0))
    options = {"n_steps": 8, "batch_size": 24, "n_epochs": 1, "device": "cpu"}
    model = PPO("MlpPolicy", vec_env, gamma=0.9, gae_lambda=0.8, seed=0, **options).learn(24)
    buffer = model.rollout_buffer
    values, advantages = (
        each.reshape(3, 8)[1].astype(float) for each in (buffer.values, buffer.advantages)
    )
    for first in (0, 4):
        last = 2 - values[first + 1]
        before = 1 + 0.9 * values[first + 1] - values[first] + 0.9 * 0.8 * last
        np.testing.assert_allclose(advantages[first : first + 2], [before, last], rtol=1e-5)
    # One return for each life, none for being dead.
    assert sorted(each["r"] for each in model.ep_info_buffer) == [3, 3, 10, 10, 10, 10]
    returns, _ = evaluate_policy(model, vec_env, n_eval_episodes=9, return_episode_rewards=True)
    assert sorted(returns) == [3] * 3 + [10] * 6


def test_replayed_deaths_lead_to_what_was_seen_last():
    model = DQN(
        "MlpPolicy", make_vec_env(mortal()), learning_starts=100, buffer_size=90, device="cpu"
    ).learn(12)
    replay = model.replay_buffer
    assert replay.dones[:4, 1].tolist() == [0, 1, 0, 0]
    assert replay.next_observations[1, 1].any()
    assert not replay.observations[2:4, 1].any()
    assert replay.rewards[:4, 1].tolist() == [1, 2, 0, 0]


@HERE_AND_AWAY
def test_real_teams_whose_agents_die_train(processes):
    vec_env = make_vec_env(at_once(models=(), **knights()), 2, processes, "fork")
    try:
        model = PPO("MlpPolicy", vec_env, n_steps=150, batch_size=600, n_epochs=1, seed=0)
        model.learn(1200)
        assert vec_env.get_attr("agents")
        assert model.rollout_buffer.full
    finally:
        vec_env.close()


def differing(**spaces):
    env = Plain(spaces)
    env.action_spaces = {"a": Discrete(3), "b": Discrete(5)}
    return env


@HERE_AND_AWAY
def test_spaces_that_differ_are_padded_where_that_is_allowed(processes):
    env = differing(a=Box(-1, 1, (2,)), b=Box(-3, 0.5, (3,)))
    with several(env, 2, processes, pad=True, seed=4) as vec_env:
        assert vec_env.observation_space == Box(np.float32([-3, -3, -3]), np.float32([1, 1, 0.5]))
        assert vec_env.action_space == Discrete(5)
        seen = vec_env.reset()
        assert not seen[::2, 2].any()
        assert seen[::2, :2].all()
        assert seen[1::2].all()
        for _ in range(8):
            infos = stand(vec_env)[3]
        assert infos[0]["terminal_observation"][2] == 0
    alone, _ = env.reset(seed=4)
    np.testing.assert_array_equal(seen[0, :2], alone["a"])
    np.testing.assert_array_equal(seen[1], alone["b"])


def test_padded_actions_are_what_each_agent_can_do():
    class Heard(BaseParallelWrapper):
        def step(self, actions):
            heard.append(actions)
            return super().step(actions)

    heard = []
    env = differing(a=Box(-1, 1, (2,)), b=Box(-1, 1, (2,)))
    with several(lambda: Heard(env), 1, pad=True) as vec_env:
        vec_env.reset()
        vec_env.step(np.array([2, 4]))
        vec_env.step(np.array([3, 3]))
    assert heard == [{"a": 2, "b": 4}, {"a": 0, "b": 3}]
    env.action_spaces = {"a": Box(-1, 1, (1,)), "b": Box(-4, 4, (2,))}
    with several(lambda: Heard(env), 1, pad=True) as vec_env:
        assert vec_env.action_space == Box(np.float32([-4, -4]), np.float32([4, 4]))
        vec_env.reset()
        vec_env.step(np.float32([[3, 2], [3, 2]]))
    assert heard[-1]["a"].tolist() == [1]
    assert heard[-1]["b"].tolist() == [3, 2]


def test_dicts_are_padded_key_by_key():
    small = Dict({"seen": Box(-1, 1, (2,)), "kind": Discrete(2)})
    large = Dict({"seen": Box(-1, 1, (4,)), "kind": Discrete(3)})
    with several(differing(a=small, b=large), 1, pad=True) as vec_env:
        seen = vec_env.reset()
        assert vec_env.observation_space["kind"] == Discrete(3)
    assert seen["seen"].shape == (2, 4)
    assert not seen["seen"][0, 2:].any()
    assert seen["kind"].shape == (2,)


@pytest.mark.parametrize("module", [simple_adversary_v3, simple_speaker_listener_v4])
def test_different_agents_train_with_padding(module):
    vec_env = make_vec_env(at_once(module), pad=True)
    PPO("MlpPolicy", vec_env, n_steps=20, batch_size=20, n_epochs=1, device="cpu").learn(60)


@pytest.mark.parametrize(
    ("spaces", "pad", "words"),
    [
        ({"a": Box(-1, 1, (2,)), "b": Box(-1, 1, (3,))}, False, ["(3,)", "give pad=True"]),
        ({"a": Box(-1, 1, (2,)), "b": Box(-1, 1, (2, 2))}, True, ["(2, 2)", "size only"]),
        ({"a": Box(-1, 1, (2,)), "b": Box(-1, 1, (2,), float)}, True, ["float64", "size only"]),
        ({"a": Box(-1, 1, (2,)), "b": Discrete(2)}, True, ["Discrete(2)", "size only"]),
        ({"a": MultiBinary(2), "b": MultiBinary(3)}, True, ["MultiBinary(3)", "size only"]),
        ({"a": Discrete(2), "b": Discrete(3, start=1)}, True, ["start=1", "size only"]),
        ({"a": Dict(x=Discrete(2)), "b": Dict(y=Discrete(2))}, True, ["'y'", "size only"]),
        ({"a": Dict(x=Discrete(2)), "b": Dict(x=MultiBinary(2))}, True, ["'x'", "size only"]),
    ],
)
def test_what_cannot_share_a_space_is_refused(spaces, pad, words):
    with pytest.raises(WrongEnvironmentError) as raised:
        make_vec_env(differing(**spaces), pad=pad)
    assert_one_sentence(raised.value, "observation_space", "'a'", "'b'", *words)


@HERE_AND_AWAY
def test_a_function_makes_the_environments(processes):
    with several(at_once, 3, processes, seed=5) as vec_env:
        found = episode(vec_env)
    with several(at_once(), 3, processes) as vec_env:
        np.testing.assert_array_equal(episode(vec_env, seed=5), found)


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_any_number_of_processes_carries_the_same_environments(processes):
    with several(num_envs=3, processes=processes) as vec_env:
        assert len(multiprocessing.active_children()) == min(processes, 3)
        found = episode(vec_env, seed=5)
        vec_env.set_attr("local_ratio", 0.1, indices=8)
        assert vec_env.get_attr("local_ratio", [0, 3, 6]) == [0.5, 0.5, 0.1]
    with several(num_envs=3) as vec_env:
        np.testing.assert_array_equal(episode(vec_env, seed=5), found)


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
        ({"num_envs": 0}, ["num_envs", "0"]),
        ({"num_envs": 1.5}, ["num_envs", "1.5"]),
        ({"processes": -1}, ["processes", "-1"]),
        ({"seed": -1}, ["seed", "-1"]),
    ],
)
def test_a_mistake_is_one_sentence(given, words):
    with pytest.raises(InvalidArgumentError) as raised:
        make_vec_env(at_once(), **given)
    assert_one_sentence(raised.value, *words)


@pytest.mark.parametrize("env", [in_turns(), in_turns, simple_spread_v3, None])
def test_what_is_no_parallel_environment_is_refused(env):
    with pytest.raises(WrongEnvironmentError, match="make_vec_env takes a Parallel environment"):
        make_vec_env(env)


def test_without_the_package_it_says_how_to_install_it():
    code = (
        "import sys; sys.modules['stable_baselines3'] = None\n"
        "import failure_api.integrations.stable_baselines3"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs stable_baselines3, which is not installed: " in done.stderr
    assert "pip install 'failure-api[sb3]'" in done.stderr
