"""Wrapped JaxMARL environments keep the laws, over auto-resets."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl_play import actions_for, assert_same, made, play, spread, stacked

from failure_api import (
    DelayBasedModel,
    GilbertElliottModel,
    MaskSegments,
    ProbabilisticModel,
    ShareObservations,
    UniformNoiseModel,
)
from failure_api.integrations.jaxmarl import CommunicationWrapper
from failure_api.integrations.jaxmarl_environments import known_segments

HALF = ProbabilisticModel(failure_prob=0.5)
HELD = MaskSegments(missing="hold", report_age=True)
LATE_AND_LOST = [GilbertElliottModel(p=0.3, r=0.5), DelayBasedModel(min_delay=0, max_delay=2)]

# JaxMARL declares the spaces of facmac for another team.
FACMAC = ("MPE_simple_facmac_v1", {"num_adversaries": 2, "num_good_agents": 1})


def segments_of(env, played):
    sizes = {agent: played.observations[agent].shape[-1] for agent in env.agents}
    return known_segments(env, sizes)


def own_entries(segments, agent, size):
    return np.setdiff1d(np.arange(size), np.concatenate([[], *segments[agent].values()]))


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MPE_simple_spread_v3", {"max_steps": 4}),
        ("MPE_simple_tag_v3", {"max_steps": 4, "num_good_agents": 2}),
        FACMAC,
    ],
    ids=str,
)
def test_without_failures_everything_is_the_environments_own(name, options):
    env = made(name, **options)
    wrapped = CommunicationWrapper(env, ProbabilisticModel(failure_prob=0.0))
    assert_same(play(wrapped, seed=3), play(env, seed=3))


def test_failures_leave_all_but_what_others_say_untouched():
    env = spread()
    bare, played = play(env), play(CommunicationWrapper(env, ProbabilisticModel(failure_prob=1.0)))
    assert_same(played[1:], bare[1:])
    segments = segments_of(env, bare)
    for agent, row in played.observations.items():
        own = own_entries(segments, agent, row.shape[-1])
        assert_same(row[:, own], bare.observations[agent][:, own])
        assert not np.delete(row, own, axis=1).any()
        assert np.delete(bare.observations[agent], own, axis=1).any()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("models", [HALF, DelayBasedModel(min_delay=2, max_delay=2), LATE_AND_LOST])
def test_what_is_held_is_what_was_said_as_long_ago_as_reported(models):
    env = spread(num_agents=4)
    bare, played = play(env, 40), play(CommunicationWrapper(env, models, exchange=HELD), 40)
    segments, rounds, now = segments_of(env, bare), bare.rounds, np.arange(41)
    assert rounds.max() == 4
    ages = {"never": 0, "old": 0, "new": 0}
    for receiver in env.agents:
        others = [agent for agent in env.agents if agent != receiver]
        reports = played.observations[receiver][:, -2 * len(others) :].reshape(-1, len(others), 2)
        for place, sender in enumerate(others):
            entries, (flag, age) = segments[receiver][sender], reports[:, place].T
            heard, age = age <= rounds, age.astype(int)
            assert (age[~heard] == rounds[~heard] + 1).all()
            said = bare.observations[receiver][:, entries][np.where(heard, now - age, 0)]
            expected = np.where(heard[:, None], said, 0.0)
            assert_same(played.observations[receiver][:, entries], expected)
            assert set(flag.tolist()) <= {0.0, 1.0}
            assert heard[flag == 1].all()
            ages["never"] += (~heard).sum()
            ages["old"] += (heard & (age > 0)).sum()
            ages["new"] += (heard & (age == 0)).sum()
    fixed = isinstance(models, DelayBasedModel)
    assert ages["never"]
    assert ages["old"]
    assert bool(ages["new"]) != fixed


def test_one_round_follows_every_step():
    env = CommunicationWrapper(spread(), ProbabilisticModel(failure_prob=1.0), exchange=HELD)
    played = play(env)
    for row in played.observations.values():
        assert_same(row[:, -1], (played.rounds + 1).astype(np.float32))


def test_the_same_key_gives_the_same_and_another_key_something_else():
    env = CommunicationWrapper(spread(), LATE_AND_LOST, exchange=HELD)
    again = CommunicationWrapper(spread(), LATE_AND_LOST, exchange=HELD)
    first, other = play(env), play(env, seed=1)
    assert_same(first, play(again))
    assert any(
        (row[:, -4:] != other.observations[a][:, -4:]).any()
        for a, row in first.observations.items()
    )


def test_every_episode_has_links_of_its_own():
    played = play(CommunicationWrapper(spread(), HALF, exchange=HELD), 49)
    flags = np.stack([row[:, [-4, -2]] for row in played.observations.values()], axis=1)
    episodes = flags.reshape(10, 5, -1)
    assert len(np.unique(episodes.reshape(10, -1), axis=0)) == 10


@pytest.mark.heavy
@pytest.mark.parametrize("exchange", [HELD, ShareObservations(form="flat")], ids=repr)
def test_views_are_in_their_spaces(exchange):
    for name, options in (FACMAC, ("MPE_simple_adversary_v3", {})):
        env = CommunicationWrapper(made(name, **options), LATE_AND_LOST, exchange=exchange)
        played = play(env, 6)
        for agent, row in played.observations.items():
            space = env.observation_space(agent)
            assert space is env.observation_spaces[agent]
            assert (row.shape[1:], row.dtype) == (space.shape, space.dtype)
            assert all(space.contains(view) for view in row)


@pytest.mark.heavy
def test_batches_of_scans_are_what_single_steps_give():
    env = CommunicationWrapper(spread(), LATE_AND_LOST, exchange=HELD)
    batch, steps = 3, 7
    rng = np.random.default_rng(0)
    actions = stacked([actions_for(env, rng) for _ in range(steps)])

    def whole(key):
        first, state = env.reset(key)

        def move(state, at):
            number, acts = at
            seen, state, *_ = env.step(jax.random.fold_in(key, number), state, acts)
            return state, seen

        return first, jax.lax.scan(move, state, (jnp.arange(steps), actions))[1]

    keys = jax.random.split(jax.random.PRNGKey(5), batch)
    first, after = jax.jit(jax.vmap(whole))(keys)
    for element, key in enumerate(keys):
        seen, state = env.reset(key)
        for number in range(steps + 1):
            for agent in env.agents:
                batched = after[agent][element, number - 1] if number else first[agent][element]
                # What is compiled otherwise may round otherwise; flags and ages may not.
                np.testing.assert_allclose(seen[agent], batched, rtol=1e-4, atol=1e-5)
                assert_same(seen[agent][-4:], batched[-4:])
            if number < steps:
                acts = {agent: acts[number] for agent, acts in actions.items()}
                seen, state, *_ = env.step(jax.random.fold_in(key, number), state, acts)


@pytest.mark.heavy
def test_nothing_is_compiled_again():
    env = CommunicationWrapper(spread(), LATE_AND_LOST, exchange=HELD)
    actions, traced = actions_for(env, np.random.default_rng(0)), []

    @jax.jit
    def step(keys, state):
        traced.append(keys)
        return jax.vmap(lambda key, state: env.step(key, state, actions))(keys, state)

    keys = jax.random.split(jax.random.PRNGKey(0), 4)
    _, state = jax.vmap(env.reset)(keys)
    for _ in range(7):
        _, state, *_ = step(keys, state)
    assert len(traced) == 1


def test_noise_leaves_the_own_part_alone():
    env = spread()
    noisy = CommunicationWrapper(env, [], noise_models=UniformNoiseModel(low=0.1, high=0.2))
    bare, played = play(env), play(noisy)
    segments = segments_of(env, bare)
    for agent, row in played.observations.items():
        own = own_entries(segments, agent, row.shape[-1])
        assert_same(row[:, own], bare.observations[agent][:, own])
        heard = np.concatenate(list(segments[agent].values()))
        assert (row[:, heard] != bare.observations[agent][:, heard]).all()


def test_two_wrappers_do_not_fail_alike():
    inner = CommunicationWrapper(spread(), HALF, exchange=MaskSegments())
    both = CommunicationWrapper(inner, HALF, exchange=MaskSegments())
    one, two = (
        play(env, 59).observations["agent_0"][:, 10:12].any(axis=1) for env in (inner, both)
    )
    assert 15 < one.sum() < 45
    assert 4 < two.sum() < one.sum() - 5
