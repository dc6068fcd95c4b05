"""The TorchRL transform keeps the laws."""

from __future__ import annotations

import copy
import pickle

import pytest

pytest.importorskip("torchrl")
pytest.importorskip("vmas")
import torch
from mpe2 import simple_spread_v3, simple_tag_v3
from torchrl.envs import (
    Compose,
    ParallelEnv,
    PettingZooWrapper,
    RewardSum,
    SerialEnv,
    StepCounter,
    TransformedEnv,
    VmasEnv,
    VmasWrapper,
)
from torchrl.envs.utils import check_env_specs
from torchrl_play import Mortal, make_worker
from vmas_play import Watched, make, same, wrapped

from failure_api import (
    DelayBasedModel,
    DistanceModel,
    GaussianNoiseModel,
    GilbertElliottModel,
    MaskSegments,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.integrations.torchrl import FailureTransform

FLAT = ShareObservations(form="flat")
HALF = ProbabilisticModel(failure_prob=0.5)
NEVER = ProbabilisticModel(failure_prob=0)
ALWAYS = ProbabilisticModel(failure_prob=1)
LATE = DelayBasedModel(min_delay=2, max_delay=2)
MIXED = [GilbertElliottModel(p=0.2, r=0.4), DelayBasedModel(min_delay=0, max_delay=2)]
NOISE = GaussianNoiseModel(standard_deviation=0.3)
SEEN = ("agents", "observation")


def vmas_env(*, scenario="simple_spread", num_envs=4, max_steps=None, **options):
    return VmasEnv(scenario, num_envs=num_envs, max_steps=max_steps, seed=0, **options)


def failing(models=HALF, *, base=None, **options):
    return TransformedEnv(base or vmas_env(), FailureTransform(models, **options))


def rollout(env, steps=6, seed=3):
    """Returns an episode with the same random actions every time."""
    env.set_seed(seed)
    torch.manual_seed(seed)
    return env.rollout(steps, break_when_any_done=False)


@pytest.mark.parametrize("exchange", [None, FLAT, MaskSegments(report_age=True)], ids=str)
@pytest.mark.parametrize(
    "base",
    [
        vmas_env,
        lambda: vmas_env(scenario="simple_tag", max_steps=2),
        lambda: vmas_env(scenario="simple_speaker_listener"),
        lambda: PettingZooWrapper(simple_spread_v3.parallel_env(max_cycles=3)),
        lambda: PettingZooWrapper(simple_tag_v3.parallel_env()),
    ],
)
def test_the_specs_say_what_comes(base, exchange):
    env = failing([*MIXED, HALF], base=base(), exchange=exchange, noise_models=NOISE)
    check_env_specs(env)
    played = env.rollout(5, break_when_any_done=False)
    for key in env.transform.in_keys:
        assert played[key].dtype is torch.float32
        assert env.observation_spec[key].shape[-2:] == played[key].shape[-2:]
        assert env.observation_spec.is_in(env.reset())


@pytest.mark.parametrize(
    "base",
    [
        lambda: vmas_env(max_steps=3),
        lambda: vmas_env(scenario="simple_tag", max_steps=3),
        lambda: PettingZooWrapper(simple_tag_v3.parallel_env(max_cycles=3)),
    ],
)
def test_without_failures_everything_is_the_environments(base):
    bare = rollout(base())
    for models in ((), NEVER):
        assert (rollout(failing(models, base=base())) == bare).all()


@pytest.mark.parametrize("streams", ["native", "portable"])
def test_it_is_the_vmas_wrapper(streams):
    models, options = [*MIXED, HALF], {"noise_models": NOISE, "streams": streams}
    env = wrapped(models, **options)
    views = [env.reset(seed=3), *(env.step([torch.ones(5, 2)] * 3)[0] for _ in range(4))]
    seen = [torch.stack(view, dim=1) for view in views]
    base = failing(models, base=VmasWrapper(make()), **options)
    base.set_seed(3)
    td = base.reset()
    found = [td[SEEN]]
    for _ in range(4):
        td["agents", "action"] = torch.ones(5, 3, 2)
        td = base.step(td)["next"]
        found.append(td[SEEN])
    assert same(seen, found)


def test_elements_that_are_reset_alone_start_alone():
    env = failing(LATE)
    env.set_seed(1)
    td, where = env.reset(), torch.tensor([False, True, False, True])
    raw, heard = [], []
    for step in range(7):
        if step == 4:
            td["_reset"] = where[:, None]
            td = env.reset(td)
        raw.append(torch.stack([a.state.pos for a in env.base_env._env.agents], dim=1))
        heard.append(td[SEEN][:, 0, 10:12] + td[SEEN][:, 0, :2])
        td = env.step(env.rand_action(td))["next"].clone()
    for step in range(7):
        for element in range(4):
            start = 4 if step >= 4 and where[element] else 0
            here = raw[step][element, 0]
            if step < start + 2:
                assert torch.equal(heard[step][element], here)
            else:
                then = raw[step - 2][element]
                assert torch.allclose(heard[step][element] - here, then[1] - then[0], atol=1e-6)


def test_one_round_a_step_and_round_0_at_every_reset():
    env = failing(ALWAYS, base=vmas_env(max_steps=3))
    env.reset()
    links = env.transform
    assert links.received.ages[:, 0, 1].tolist() == [1] * 4
    td = env.rollout(2)[:, -1]["next"]
    assert links.received.ages[:, 0, 1].tolist() == [3] * 4
    td["_reset"] = torch.tensor([[True], [False], [False], [True]])
    env.reset(td)
    assert links.received.ages[:, 0, 1].tolist() == [1, 3, 3, 1]
    td["_reset"] = torch.tensor([[False], [False], [True], [False]])
    env.reset(td)
    assert links.received.ages[:, 0, 1].tolist() == [1, 3, 1, 1]
    td["_reset"] = torch.zeros(4, 1, dtype=torch.bool)
    env.rollout(8, break_when_any_done=False)
    assert links.received.ages[:, 0, 1].tolist() == [3] * 4


@pytest.mark.parametrize("within", [False, True])
def test_a_seed_of_the_environment_fixes_the_links(within):
    links = FailureTransform([*MIXED, HALF], noise_models=NOISE)
    env = TransformedEnv(vmas_env(), Compose(StepCounter(), links) if within else links)
    env.append_transform(RewardSum(in_keys=[("agents", "reward")]))
    first = rollout(env)
    assert (rollout(env) == first).all()
    assert not torch.equal(rollout(env, seed=4)[SEEN], first[SEEN])
    torch.manual_seed(3)
    assert not torch.equal(env.rollout(6)[SEEN] == 0, first[SEEN] == 0)


def test_a_seed_may_be_given_to_the_transform():
    one, other, third = (failing(seed=seed) for seed in (5, 5, None))
    deliveries = []
    for env in (one, other, third):
        env.reset()
        deliveries.append(env.transform.received.flags)
    assert torch.equal(deliveries[0], deliveries[1])
    assert not torch.equal(deliveries[0], deliveries[2])


@pytest.mark.heavy
@pytest.mark.parametrize("kind", [SerialEnv, ParallelEnv])
def test_workers_have_links_of_their_own(kind):
    env = kind(2, make_worker)
    try:
        first = rollout(env, steps=4)
        assert first[SEEN].shape == (2, 3, 4, 3, 14)
        heard = first[SEEN][..., 10:] != 0
        assert not torch.equal(heard[0], heard[1])
        assert (rollout(env, steps=4) == first).all()
    finally:
        env.close()


def test_it_may_stand_before_the_workers():
    env = failing(HALF, base=SerialEnv(2, vmas_env))
    try:
        check_env_specs(env)
        assert rollout(env)[SEEN].shape == (2, 4, 6, 3, 14 + 2 * 16)
    finally:
        env.close()
    segments = {"agents_0": {"agents_2": [12, 13]}}
    env = failing(ALWAYS, base=SerialEnv(2, vmas_env), segments=segments)
    try:
        seen = rollout(env)[SEEN]
        assert not seen[..., 0, 12:].any()
        assert seen[..., 0, 10:12].all()
        assert seen[..., 1, 10:].all()
    finally:
        env.close()


def test_clones_and_copies():
    env = failing([*MIXED, HALF], seed=2)
    env.rollout(2)
    clone = env.transform.clone()
    assert clone.parent is None
    fresh = TransformedEnv(vmas_env(), clone)
    fresh.reset()
    assert fresh.transform.received.round == 0
    assert env.transform.received.round == 2
    twin = copy.deepcopy(env)
    for other in (env, twin):
        torch.manual_seed(0)
        other.step(other.rand_action(other.base_env.rand_action()))
    assert same(twin.transform.received.content, env.transform.received.content)
    loaded = pickle.loads(pickle.dumps(FailureTransform(MIXED, exchange=FLAT, seed=4)))
    assert loaded.failure_models == MIXED
    assert TransformedEnv(vmas_env(), loaded).reset()[SEEN].shape == (4, 3, 46)


def test_links_follow_the_agents():
    env = failing(DistanceModel(distance_threshold=0.7))
    env.rollout(2)
    places = torch.stack([agent.state.pos for agent in env.base_env._env.agents], dim=1)
    near = (torch.cdist(places, places) <= 0.7) & ~torch.eye(3, dtype=torch.bool)
    assert torch.equal(env.transform.received.flags, near)
    base = PettingZooWrapper(simple_spread_v3.parallel_env())
    env = failing(DistanceModel(distance_threshold=0.7), base=base)
    env.reset()
    agents = base._env.unwrapped.world.agents
    places = torch.stack([torch.as_tensor(agent.state.p_pos) for agent in agents])
    near = (torch.cdist(places, places) <= 0.7) & ~torch.eye(3, dtype=torch.bool)
    assert torch.equal(env.transform.received.flags, near)
    apart = failing(
        DistanceModel(distance_threshold=0.7),
        positions=lambda env: torch.arange(3.0)[:, None].expand(4, 3, 1),
    )
    apart.reset()
    assert not apart.transform.received.flags.any()


def test_the_dead_say_nothing():
    env = failing(NEVER, base=PettingZooWrapper(Mortal(), done_on_any=False, use_mask=True))
    env.rollout(1)
    assert env.transform.received.flags[0].tolist() == [False, True, True]
    env.rollout(3, break_when_any_done=False)
    assert env.transform.received.flags[0].tolist() == [False, False, True]
    assert not env.transform.received.flags[1].any()


def test_some_groups_alone_may_take_part():
    keys = [("adversary", "observation")]
    env = failing(ALWAYS, base=vmas_env(scenario="simple_tag"), in_keys=keys)
    bare = rollout(vmas_env(scenario="simple_tag"))
    played = rollout(env)
    assert torch.equal(played["agent", "observation"], bare["agent", "observation"])
    assert not played["adversary", "observation"][..., 0, 8:12].any()
    assert torch.equal(
        played["adversary", "observation"][..., 12:], bare["adversary", "observation"][..., 12:]
    )


def test_a_round_waits_for_no_device_and_stays_in_single_precision():
    env = failing([*MIXED, HALF], noise_models=NOISE)
    td = env.rollout(2)[:, -1]["next"]
    with Watched():
        env.transform._step(td, td.clone())


def test_the_text_says_which_exchange_was_picked():
    assert "exchange=None" in repr(FailureTransform(HALF))
    env = failing()
    env.reset()
    assert "exchange=MaskSegments(" in repr(env.transform)
    env = failing(base=vmas_env(scenario="balance"))
    env.reset()
    assert "exchange=ShareObservations(form='flat'" in repr(env.transform)


def test_gradients_end_where_the_links_are_detached():
    transform = FailureTransform(LATE, seed=0)
    transform.detach_links()
    env = TransformedEnv(vmas_env(grad_enabled=True), transform)
    td = env.reset()
    action = torch.zeros(*env.action_spec["agents", "action"].shape, requires_grad=True)
    for step in range(4):
        td["agents", "action"] = action if step == 0 else torch.zeros_like(action)
        td = env.step(td)["next"]
        if step == 0:
            env.transform.detach_links()
            for agent in env.base_env._env.agents:
                agent.state.pos = agent.state.pos.detach()
                agent.state.vel = agent.state.vel.detach()
        else:
            # What was said in round 1, with its history, arrives in round 3.
            assert not td[SEEN].requires_grad
