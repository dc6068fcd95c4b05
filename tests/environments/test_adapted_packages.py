"""Environments of other interfaces, as people install them, behind the wrappers.

Each is skipped where its package is not installed; `make test-environments` has all of them.
"""

from __future__ import annotations

import importlib
import os
import warnings

import gymnasium
import numpy as np
import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test
from pettingzoo.utils import parallel_to_aec

from environments_under_test import breaking
from failure_api import CommunicationWrapper, CommunicationWrapperParallel, ProbabilisticModel
from failure_api.environments import as_parallel, from_tuple, make_environment, to_tuple
from failure_api.evaluation import check, sweep
from failure_api.evaluation.policies import check_actions, make_policy
from failure_api.testing import check_wrapper

HALF = ProbabilisticModel(failure_prob=0.5)
FAILS = {"model": "probabilistic", "failure_prob": {"grid": [0.0, 1.0]}}

pytestmark = [
    # Gymnasium's own checker has single agents in mind; the packages warn of their versions.
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

CARS = {
    "controlled_vehicles": 3,
    "vehicles_count": 5,
    "duration": 6,
    "observation": {
        "type": "MultiAgentObservation",
        "observation_config": {"type": "Kinematics"},
    },
    "action": {"type": "MultiAgentAction", "action_config": {"type": "DiscreteMetaAction"}},
}
# Package, id, options, and the laws that it breaks by itself: highway-env tells of an action in its
# first info that it samples without a seed.
TUPLES = [
    ("lbforaging", "Foraging-8x8-3p-3f-v3", {}, ()),
    ("lbforaging", "Foraging-8x8-2p-2f-coop-v3", {}, ()),
    ("lbforaging", "Foraging-2s-8x8-2p-2f-coop-v3", {}, ()),
    ("rware", "rware-tiny-2ag-v2", {}, ()),
    ("rware", "rware-small-4ag-v2", {}, ()),
    ("highway_env", "intersection-multi-agent-v0", {}, (5, 6)),
    ("highway_env", "intersection-multi-agent-v2", {}, (5, 6)),
    ("highway_env", "highway-v0", {"config": CARS}, (5, 6)),
]
EACH_TUPLE = pytest.mark.parametrize(
    ("package", "name", "options", "broken"), TUPLES, ids=[row[1] for row in TUPLES]
)


def package_of(name):
    """Returns a package; a test of one that is absent is skipped, unless all have to be there."""
    if os.environ.get("EVERY_ENVIRONMENT"):
        return importlib.import_module(name)
    return pytest.importorskip(name)


def maker(package, name, options):
    module = package_of(package)
    if name not in gymnasium.registry:
        gymnasium.register_envs(module)

    def make():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return gymnasium.make(name, **options)

    return make


@EACH_TUPLE
def test_a_tuple_environment_keeps_the_laws(package, name, options, broken):
    make = maker(package, name, options)
    with breaking(*broken):
        check_wrapper(make, steps=6)
    parallel_api_test(from_tuple(make()), num_cycles=30)
    parallel_seed_test(lambda: from_tuple(make()), num_cycles=20)


@EACH_TUPLE
def test_what_comes_out_is_what_the_environment_gave(package, name, options, broken):
    make = maker(package, name, options)
    env, bare = from_tuple(make()), make()
    seen, _ = env.reset(seed=5)
    rows, _ = bare.reset(seed=5)
    for step in range(10):
        for agent, row in zip(env.possible_agents, rows, strict=True):
            np.testing.assert_array_equal(seen[agent], row)
        if len(env.agents) < len(env.possible_agents):
            break
        actions = {agent: step % 5 % env.action_space(agent).n for agent in env.agents}
        seen, gained, over, _, _ = env.step(actions)
        rows, reward, terminated, _, _ = bare.step(tuple(actions.values()))
        np.testing.assert_allclose(list(gained.values()), np.broadcast_to(reward, len(gained)))
        np.testing.assert_array_equal(list(over.values()), np.broadcast_to(terminated, len(over)))


@pytest.mark.parametrize(("package", "name", "options", "broken"), [TUPLES[0], TUPLES[3]])
def test_the_way_back_is_the_environment_again(package, name, options, broken):
    make = maker(package, name, options)
    env, bare = to_tuple(CommunicationWrapperParallel(make(), [])), make()
    assert env.n_agents == len(bare.observation_space)
    seen, _ = env.reset(seed=2)
    rows, _ = bare.reset(seed=2)
    for step in range(20):
        assert seen in env.observation_space
        own = [view[agent] for view, agent in zip(seen, env.possible_agents, strict=True)]
        np.testing.assert_array_equal(own, rows)
        actions = [step % 5] * env.n_agents
        seen, gained, *over = env.step(actions)
        rows, reward, *ended = bare.step(actions)
        assert gained == list(reward)
        assert over[:2] == ended[:2]


@pytest.mark.parametrize("wrap", [CommunicationWrapper, CommunicationWrapperParallel])
def test_wrappers_take_it_as_it_is(wrap):
    env = wrap(maker("lbforaging", "Foraging-8x8-3p-3f-v3", {})(), HALF)
    env.reset(seed=0)
    assert type(env.unwrapped).__name__ == "ForagingEnv"


GAMES = ["tic_tac_toe", "kuhn_poker", "leduc_poker", "goofspiel", "connect_four", "hanabi"]


@pytest.mark.parametrize("name", GAMES)
def test_openspiel_is_played_by_its_masks_in_infos(name):
    shimmy = package_of("shimmy")
    package_of("pyspiel")

    def make():
        return shimmy.OpenSpielCompatibilityV0(game_name=name)

    # Shimmy goes on with other draws after a reset without a seed than before.
    with breaking(4):
        check_wrapper(make, steps=12)
    env, bare = CommunicationWrapper(make(), HALF), make()
    policy = make_policy("random", env)
    played = 0
    for episode in range(5):
        env.reset(seed=episode)
        bare.reset(seed=episode)
        policy.reset(episode)
        for agent in env.agent_iter(max_iter=300):
            view, _, over, cut, info = env.last()
            mask = bare.infos[agent].get("action_mask")
            np.testing.assert_array_equal(info.get("action_mask"), mask)
            if over or cut:
                env.step(None)
                bare.step(None)
                continue
            number = bare.agent_name_id_mapping[agent]
            legal = bare.game_state.legal_actions(number)
            assert np.flatnonzero(mask).tolist() == sorted(legal)
            chosen = policy({agent: view})
            check_actions(chosen, env, {agent: view})
            assert chosen[agent] in legal
            env.step(chosen[agent])
            bare.step(chosen[agent])
            played += 1
    assert played >= 5


CRAZY = "momaland.envs.crazyrl"
OBJECTIVES = [
    (f"{CRAZY}.surround.surround_v0", 2),
    (f"{CRAZY}.catch.catch_v0", 2),
    ("momaland.envs.item_gathering.moitem_gathering_v0", 3),
]


@pytest.mark.parametrize(("name", "entries"), OBJECTIVES)
def test_momaland_is_scalarized_alike_in_both_apis(name, entries):
    package_of("momaland")
    weights = np.linspace(1, 2, entries).tolist()
    found = []
    for api in ("parallel", "aec"):
        check_wrapper(lambda api=api: make_environment(name, api=api), steps=5)
        specification = {
            "environment": name,
            "api": api,
            "failure_models": FAILS,
            "episodes": 2,
            "max_steps": 12,
        }
        with pytest.raises(ValueError, match=f"scalarization .* {entries} entries"):
            check(specification)
        found.append(sweep({**specification, "scalarization": weights})["mean"].tolist())
    np.testing.assert_allclose(found[0], found[1])
    # What a random policy earns does not depend on its links.
    assert len(set(found[0])) == 1


def test_an_environment_that_lists_agents_as_objects_names_them_in_a_row():
    make = maker("rware", "rware-tiny-2ag-v2", {})
    assert as_parallel(make()).possible_agents == ["agent_0", "agent_1"]
    api_test(parallel_to_aec(as_parallel(make())), 20)
