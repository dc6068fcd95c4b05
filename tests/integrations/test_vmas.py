"""The wrapper for VMAS environments keeps the laws."""

from __future__ import annotations

import copy

import pytest

pytest.importorskip("vmas")
import torch
from vmas_play import ENVIRONMENTS, Watched, listed, make, play, raw_of, same, wrapped

from failure_api import (
    BandwidthModel,
    DelayBasedModel,
    DistanceModel,
    GaussianNoiseModel,
    GilbertElliottModel,
    MaskSegments,
    ProbabilisticModel,
    QuantizationModel,
    ShareObservations,
)
from failure_api.communication_models.delay import EmpiricalDelay
from failure_api.integrations.vmas_environments import known_segments

FLAT = ShareObservations(form="flat")
HALF = ProbabilisticModel(failure_prob=0.5)
NEVER = ProbabilisticModel(failure_prob=0)
ALWAYS = ProbabilisticModel(failure_prob=1)
LATE = DelayBasedModel(min_delay=2, max_delay=2)
MIXED = [GilbertElliottModel(p=0.2, r=0.4), DelayBasedModel(min_delay=0, max_delay=2)]
NOISE = GaussianNoiseModel(standard_deviation=0.3)
RESTARTS = {1: (0, 3), 3: (3,)}


def from_others(env):
    """Returns which entries of each agent's observation come from others, bool `[F]`."""
    masks, segments = [], known_segments(env.env)
    for agent, raw in zip(env.agents, raw_of(env), strict=True):
        mask = torch.zeros(raw.shape[-1], dtype=torch.bool)
        for entries in segments[agent.name].values():
            mask[list(entries)] = True
        masks.append(mask)
    return masks


@pytest.mark.parametrize("exchange", [None, FLAT, MaskSegments(report_age=True)], ids=str)
@pytest.mark.parametrize("scenario", ["simple_spread", "simple_tag", "simple_speaker_listener"])
def test_views_are_in_the_declared_spaces(scenario, exchange):
    env = wrapped(MIXED, scenario, exchange=exchange, noise_models=NOISE)
    played = play(env, restarts=RESTARTS)
    for space, seen in zip(env.observation_space, played.seen, strict=True):
        assert seen.dtype is torch.float32
        assert seen.shape[2:] == space.shape
        assert all(space.contains(row.numpy()) for row in seen.flatten(0, 1))


@pytest.mark.sampled(5)
@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("scenario", ["simple_spread", "simple_tag", "football"])
def test_without_failures_everything_is_the_environments(scenario, split, keyed):
    forms = {"dict_spaces": keyed, "terminated_truncated": split, "max_steps": 4}
    bare = play(make(scenario, **forms), restarts=RESTARTS)
    for models in ((), NEVER):
        env = wrapped(models, scenario, **forms)
        assert env.observation_space == env.env.observation_space
        assert same(play(env, restarts=RESTARTS), bare)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("observations", [False, True])
@pytest.mark.parametrize("asked", [{}, {"return_dones": True}, {"return_info": True}])
def test_what_is_asked_for_is_returned(split, observations, asked):
    def ask(env):
        first = env.reset(seed=2, return_observations=observations, **asked)
        return first, env.reset_at(1, return_observations=observations, **asked)

    bare, env = make(terminated_truncated=split), wrapped(NEVER, terminated_truncated=split)
    for expected, found in zip(ask(bare), ask(env), strict=True):
        assert type(expected) is type(found)
        if expected is not None:
            assert len(expected) == len(found)
            assert same(expected, found)


@pytest.mark.parametrize(
    ("scenario", "options"), [("simple_spread", {}), ("give_way", {"obs_noise": 0.1})]
)
def test_the_environment_draws_as_without_the_wrapper(scenario, options):
    def draws(env):
        env.reset(seed=5, return_observations=False)
        env.reset_at(1, return_observations=False)
        drawn = [env.get_random_actions()]
        env.reset_at(2)
        drawn.append([*env.step(env.get_random_actions())[1:], env.get_random_actions()])
        env.reset()
        return [*drawn, env.get_random_actions(), raw_of(env), torch.rand(3)]

    torch.manual_seed(1)
    bare = draws(make(scenario, **options))
    torch.manual_seed(1)
    assert same(draws(wrapped(MIXED, scenario, noise_models=NOISE, **options)), bare)


def test_own_senses_are_never_touched():
    env = wrapped(ALWAYS, "simple_tag", noise_models=NOISE)
    played = play(env, restarts=RESTARTS)
    for seen, raw, mask in zip(played.seen, played.raw, from_others(env), strict=True):
        assert torch.equal(seen[..., ~mask], raw[..., ~mask])
        assert not seen[..., mask].any()
    noisy = wrapped(NEVER, "simple_tag", noise_models=NOISE)
    played = play(noisy, restarts=RESTARTS)
    for seen, raw, mask in zip(played.seen, played.raw, from_others(env), strict=True):
        assert torch.equal(seen[..., ~mask], raw[..., ~mask])
        assert (seen[..., mask] != raw[..., mask]).all()


def test_one_round_a_step_and_round_0_at_every_reset():
    env = wrapped(ALWAYS)
    env.reset(seed=0)
    others = ~torch.eye(3, dtype=torch.bool)
    for number in range(3):
        assert (env.message_age[:, others] == number + 1).all()
        env.step(env.get_random_actions())
    env.reset_at(2)
    assert env.message_age[:, 0, 1].tolist() == [4, 4, 1, 4, 4]
    env.reset_at(4, return_observations=False)
    assert env.message_age[:, 0, 1].tolist() == [4, 4, 1, 4, 1]
    env.step(env.get_random_actions())
    assert env.message_age[:, 0, 1].tolist() == [5, 5, 2, 5, 2]
    env.reset()
    assert (env.message_age[:, others] == 1).all()
    assert not env.message_age[:, ~others].any()


@pytest.mark.parametrize("streams", ["native", "portable"])
def test_a_seed_fixes_the_links_and_no_seed_goes_on(streams):
    env = wrapped(MIXED, streams=streams, noise_models=NOISE)
    first, following = play(env), play(env, seed=None)
    assert same(play(env), first)
    assert same(play(env, seed=None), following)
    assert same(play(wrapped(MIXED, streams=streams, noise_models=NOISE)), first)

    def delivered(seed):
        env.reset(seed=seed)
        return env.get_communication_state()

    assert not torch.equal(delivered(1), delivered(2))
    assert not torch.equal(delivered(None), delivered(None))
    env.seed(7)
    by_seed = delivered(None)
    assert torch.equal(delivered(7), by_seed)


def test_elements_fail_independently_and_as_often_as_they_should():
    env = wrapped(ProbabilisticModel(failure_prob=0.3), num_envs=2000)
    env.reset(seed=0)
    state = env.get_communication_state()
    assert abs(state.float().mean().item() * 9 / 6 - 0.7) < 0.01
    assert not state[:, range(3), range(3)].any()
    one, other = state[:, 0, 1].float(), state[:, 1, 0].float()
    assert abs(torch.corrcoef(torch.stack([one, other]))[0, 1]) < 0.1


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("delay", "longest", "restart"),
    [(2, 2, 3), (20, 20, 13), (20, 1000, 30)],
    ids=["short", "long", "in rings that are written to in place"],
)
def test_late_content_is_truly_old_and_no_episode_leaks_into_the_next(delay, longest, restart):
    rounds = EmpiricalDelay(delays=[delay, longest], probabilities=[1.0, 0.0])
    steps = restart + delay + 7
    env = wrapped(DelayBasedModel(max_delay=longest, distribution=rounds))
    played = play(env, steps=steps, restarts={restart: (1, 4), restart + 3: (1,)})
    for seen, raw, mask in zip(played.seen, played.raw, from_others(env), strict=True):
        heard, said = seen[..., mask], raw[..., mask]
        for element in range(ENVIRONMENTS):
            starts = {1: (0, restart + 1, restart + 4), 4: (0, restart + 1)}.get(element, (0,))
            for number in range(steps + 1):
                start = max(first for first in starts if first <= number)
                if number < start + delay:
                    assert not heard[number, element].any()
                else:
                    assert torch.equal(heard[number, element], said[number - delay, element])


WAITS = [BandwidthModel(capacity=0.6, queue_length=40), *MIXED]
LONG = [*WAITS, DelayBasedModel(distribution=EmpiricalDelay(delays=[0, 1, 3, 1000]))]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("exchange", [MaskSegments(missing="hold", report_age=True), FLAT], ids=str)
@pytest.mark.parametrize("models", [MIXED, WAITS, LONG], ids=["mixed", "waits", "long"])
def test_an_element_is_what_it_is_alone(exchange, models):
    env = wrapped(models, streams="portable", exchange=exchange, noise_models=NOISE)
    played = play(env, restarts={1: (2,), 2: (0,), 4: (0, 3)})
    rounds = wrapped(
        models, streams="portable", exchange=exchange, noise_models=NOISE, num_envs=1
    )._rounds
    rounds.seed(3)
    rounds.start([raw[0, :1] for raw in played.raw])
    for number in range(7):
        now = [raw[number, :1] for raw in played.raw]
        if number:
            rounds.advance(now if number not in (3, 5) else [row + 9 for row in now])
        if number in (3, 5):
            rounds.restart(torch.ones(1, dtype=torch.bool), now)
        for seen, alone in zip(played.seen, rounds.views(now), strict=True):
            assert torch.equal(seen[number, :1], alone)


@pytest.mark.parametrize("exchange", [None, FLAT], ids=str)
def test_looking_changes_nothing(exchange):
    env = wrapped([*MIXED, HALF], exchange=exchange, noise_models=NOISE)
    env.reset(seed=4)
    seen = env.step(env.get_random_actions())[0]
    assert same(env.get_from_scenario(True, False, False, False)[0], seen)
    assert same(env.get_from_scenario(True, False, False, False)[0], seen)
    again = env.reset_at(2)
    stays = [index for index in range(ENVIRONMENTS) if index != 2]
    for before, after in zip(seen, again, strict=True):
        assert torch.equal(before[stays], after[stays])
        assert not torch.equal(before[2], after[2])
    keyed = env.get_from_scenario(True, False, False, False, dict_agent_names=True)[0]
    assert list(keyed) == ["agent_0", "agent_1", "agent_2"]
    assert same(keyed, again)
    assert env.get_from_scenario(False, False, False, False) is None


def test_a_restart_nobody_looks_at_is_the_same_restart():
    def go(observed):
        env = wrapped([*MIXED, HALF])
        env.reset(seed=4)
        env.reset_at(1, return_observations=observed)
        return [env.step([torch.ones(ENVIRONMENTS, 2)] * 3) for _ in range(3)]

    assert same(go(True), go(False))


def test_what_is_handed_out_belongs_to_who_gets_it():
    def go(spoil):
        env = wrapped(MIXED, exchange=FLAT)
        kept = []
        for observations in (
            env.reset(seed=1),
            *(env.step(env.get_random_actions())[0] for _ in range(4)),
        ):
            kept.append([row.clone() for row in observations])
            if spoil:
                for row in observations:
                    row.fill_(7.0)
            if spoil:
                env.message_age.fill_(9)
                env.get_communication_state().fill_(True)
        return kept

    assert same(go(True), go(False))


def test_a_copy_goes_on_identically():
    env = wrapped([*MIXED, HALF], noise_models=NOISE)
    env.reset(seed=1)
    env.step(env.get_random_actions())
    twin = copy.deepcopy(env)
    for _ in range(3):
        actions = env.get_random_actions()
        assert same(env.step(list(actions)), twin.step(list(actions)))
    assert not same(env.reset(), env.reset())


def test_gradients_flow_through_what_is_delivered_and_through_nothing_else():
    env = wrapped([HALF, DelayBasedModel(min_delay=0, max_delay=1)], grad_enabled=True)
    env.reset(seed=1)
    played = []
    for _ in range(2):
        actions = [torch.zeros(ENVIRONMENTS, 2, requires_grad=True) for _ in range(3)]
        seen = env.step(actions)[0]
        played.append((actions, seen, env.get_communication_state(), env.message_age))
    ages = []
    for actions, seen, arrived, age in (played[-1], played[0]):
        for sender, receiver, places in ((1, 0, slice(10, 12)), (2, 1, slice(12, 14))):
            heard = seen[receiver][:, places].sum()
            (gradient,) = torch.autograd.grad(
                heard, actions[sender], retain_graph=True, allow_unused=True
            )
            fresh = arrived[:, sender, receiver] & (age[:, sender, receiver] == 0)
            assert torch.equal(gradient.abs().sum(dim=-1) > 0, fresh)
            ages += age[arrived[:, sender, receiver], sender, receiver].tolist()
    late = torch.autograd.grad(played[1][1][0][:, 10:12].sum(), played[0][0][1], retain_graph=True)[
        0
    ]
    came = played[1][2][:, 1, 0]
    assert torch.equal(late.abs().sum(dim=-1) > 0, came)
    assert {0, 1} <= set(ages)


def test_links_follow_the_agents():
    env = wrapped(DistanceModel(distance_threshold=0.7), num_envs=200)
    env.reset(seed=0)
    for _ in range(2):
        places = torch.stack([agent.state.pos for agent in env.agents], dim=1)
        apart = torch.cdist(places, places)
        near = (apart <= 0.7) & ~torch.eye(3, dtype=torch.bool)
        assert torch.equal(env.get_communication_state(), near)
        assert near.any()
        assert not near[:, 0, 1].all()
        env.step(env.get_random_actions())
    far = wrapped(
        DistanceModel(distance_threshold=0.7),
        positions=lambda env: torch.arange(3.0)[:, None].expand(env.num_envs, 3, 1),
    )
    far.reset()
    assert not far.get_communication_state().any()


@pytest.mark.parametrize(
    "options",
    [
        {"models": HALF},
        {"models": [*MIXED, DistanceModel(distance_threshold=1.0)], "noise_models": NOISE},
        {"models": MIXED, "exchange": MaskSegments(missing="hold", report_age=True)},
        {"models": MIXED, "exchange": FLAT, "streams": "portable"},
        {"models": NEVER, "noise_models": QuantizationModel(levels=9, low=-2.0, high=2.0)},
    ],
)
def test_a_round_waits_for_no_device_and_stays_in_single_precision(options):
    env = wrapped(**options)
    env.reset(seed=1)
    observations = raw_of(env)
    where = torch.tensor([True, False, False, True, False])
    env.step(env.get_random_actions())
    with Watched():
        env._rounds.advance(observations, env._positions())
        env._rounds.restart(where, observations, env._positions())
        env._rounds.advance(observations, env._positions())
        env._rounds.views(observations)


def test_everything_else_is_the_environments():
    env = wrapped(HALF)
    for name in ("num_envs", "n_agents", "device", "agents", "world", "action_space", "max_steps"):
        assert getattr(env, name) is getattr(env.env, name)
    assert env.get_random_action(env.agents[0]).shape == (ENVIRONMENTS, 2)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = env.nothing


def test_one_agent_has_nobody_to_hear():
    env = wrapped(HALF, "simple")
    assert same(listed(env.reset(seed=1)), raw_of(env))


def test_the_text_says_which_exchange_was_picked():
    assert "exchange=MaskSegments(" in repr(wrapped(HALF))
    text = repr(wrapped(HALF, "balance", noise_models=NOISE))
    assert "balance, num_envs=5" in text
    assert "exchange=ShareObservations(form='flat'" in text
    assert "GaussianNoiseModel" in text


def test_gradients_end_where_the_links_are_detached():
    env = wrapped(DelayBasedModel(min_delay=1, max_delay=1), grad_enabled=True)
    env.reset(seed=0)
    first, second = (
        [torch.zeros(ENVIRONMENTS, 2, requires_grad=True) for _ in range(3)] for _ in "ab"
    )
    env.step(first)
    views = env.get_from_scenario(True, False, False, False)[0]
    kept = [view.detach().clone() for view in views]
    env.detach_links()
    for agent in env.agents:
        agent.state.pos, agent.state.vel = agent.state.pos.detach(), agent.state.vel.detach()
    # What they see is the same, and what is late has no history any more.
    views = env.get_from_scenario(True, False, False, False)[0]
    assert same(kept, views)
    seen = env.step(second)[0]
    heard = sum(row.sum() for row in seen)
    found = torch.autograd.grad(heard, [*first, *second], allow_unused=True)
    assert all(gradient is None for gradient in found[:3])
    assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in found[3:])


@pytest.mark.parametrize("streams", ["native", "portable"])
def test_a_restart_draws_anew_and_changes_nothing_for_the_others(streams):
    flags = []
    for restarts in ((), (2,), (2, 2)):
        env = wrapped(HALF, streams=streams)
        env.reset(seed=5)
        seen = []
        for step in range(8):
            env.step([torch.zeros(ENVIRONMENTS, 2)] * 3)
            if step == 3:
                for index in restarts:
                    env.reset_at(index)
                    seen.append(env.get_communication_state()[index])
        flags.append((seen, env.get_communication_state()))
    others = [0, 1, 3, 4]
    for _, last in flags[1:]:
        assert torch.equal(last[others], flags[0][1][others])
    (first, second), _ = flags[2]
    assert not torch.equal(first, second)
