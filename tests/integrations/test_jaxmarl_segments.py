"""The segments of JaxMARL's MPE are those that a perturbed sender changes, entry for entry."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jaxmarl
import numpy as np
import pytest
from jaxmarl.environments.mpe import SimpleMPE, SimpleSpreadMPE

from failure_api.integrations.jaxmarl_environments import known_segments

TEAMS: list[tuple[str, dict[str, int]]] = [
    ("MPE_simple_adversary_v3", {}),
    ("MPE_simple_adversary_v3", {"num_good_agents": 1, "num_adversaries": 3, "num_obs": 4}),
    ("MPE_simple_crypto_v3", {}),
    ("MPE_simple_facmac_v1", {}),
    ("MPE_simple_facmac_v1", {"num_good_agents": 3, "num_adversaries": 2, "num_landmarks": 1}),
    ("MPE_simple_facmac_v1", {"num_good_agents": 1, "num_adversaries": 1}),
    ("MPE_simple_facmac_3a_v1", {}),
    ("MPE_simple_facmac_6a_v1", {}),
    ("MPE_simple_facmac_9a_v1", {}),
    ("MPE_simple_push_v3", {}),
    ("MPE_simple_push_v3", {"num_good_agents": 3, "num_adversaries": 2}),
    ("MPE_simple_reference_v3", {}),
    ("MPE_simple_speaker_listener_v4", {}),
    ("MPE_simple_spread_v3", {}),
    ("MPE_simple_spread_v3", {"num_agents": 2, "num_landmarks": 5}),
    ("MPE_simple_spread_v3", {"num_agents": 6, "num_landmarks": 1}),
    ("MPE_simple_tag_v3", {}),
    ("MPE_simple_tag_v3", {"num_good_agents": 3, "num_adversaries": 1, "num_obs": 1}),
    ("MPE_simple_tag_v3", {"num_good_agents": 1, "num_adversaries": 1}),
    ("MPE_simple_world_comm_v3", {}),
    ("MPE_simple_world_comm_v3", {"num_good_agents": 1, "num_adversaries": 3, "num_food": 1}),
    ("MPE_simple_world_comm_v3", {"num_good_agents": 3, "num_adversaries": 2, "num_forests": 1}),
]


def in_sight(env):
    """Returns a state in which every agent sees all that the layout has of the others."""
    _, shapes = jax.eval_shape(env.reset, jax.random.PRNGKey(0))
    # Zeros, because resetting compiles far more than is looked at here.
    state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    rng = np.random.default_rng(5)
    agents, everything = env.num_agents, state.p_pos.shape
    # Close together, for facmac's radius, and out of the forests, which stand far away.
    positions = rng.uniform(-0.05, 0.05, everything)
    positions[agents:] += 10 if hasattr(env, "num_forests") else 0
    return state.replace(
        p_pos=positions.astype(np.float32),
        p_vel=rng.uniform(0.2, 0.8, everything).astype(np.float32),
        c=rng.uniform(0.2, 0.8, state.c.shape).astype(np.float32),
    )


def observed(env, state):
    """Returns what the agents see: as it is, and with each sender in turn moved and louder."""
    nudges = 0.01 * np.eye(env.num_agents + 1, env.num_agents, k=-1, dtype=np.float32)[..., None]
    bodies = np.pad(nudges, ((0, 0), (0, env.num_landmarks), (0, 0)))

    def look(body, nudge):
        moved = {"p_pos": state.p_pos + body, "p_vel": state.p_vel + body, "c": state.c + nudge}
        return env.get_obs(jax.tree.map(jnp.asarray, state.replace(**moved)))

    return {
        name: np.asarray(rows) for name, rows in jax.jit(jax.vmap(look))(bodies, nudges).items()
    }


def sizes_of(env):
    shapes, _ = jax.eval_shape(env.reset, jax.random.PRNGKey(0))
    return {name: shapes[name].size for name in env.agents}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("name", "options"), TEAMS, ids=str)
def test_segments_are_what_a_sender_changes(name, options):
    env = jaxmarl.make(name, **options)
    segments = known_segments(env, sizes_of(env))
    assert segments is not None
    seen = observed(env, in_sight(env))
    for number, sender in enumerate(env.agents, start=1):
        for receiver in set(env.agents) - {sender}:
            declared = segments[receiver].get(sender, np.array([], dtype=int))
            changed = np.flatnonzero(seen[receiver][number] != seen[receiver][0])
            assert sorted(declared.tolist()) == changed.tolist(), (sender, receiver)
    assert all(name not in segments[name] for name in env.agents)


def test_every_mpe_environment_of_jaxmarl_is_tested():
    named = {name for name in jaxmarl.registered_envs if name.startswith("MPE_")}
    assert named - {name for name, _ in TEAMS} == {"MPE_simple_v3"}


def test_agents_that_do_not_see_each_other_have_no_segments():
    env = SimpleMPE(num_agents=2)
    assert known_segments(env, sizes_of(env)) is None


def test_an_observation_of_another_length_has_no_segments():
    env = jaxmarl.make("MPE_simple_spread_v3")
    assert known_segments(env, dict.fromkeys(env.agents, 19)) is None


def test_an_environment_that_shows_something_else_has_no_segments():
    class Reversed(SimpleSpreadMPE):
        def get_obs(self, state):
            return {name: row[::-1] for name, row in super().get_obs(state).items()}

    class Renamed(SimpleSpreadMPE):
        pass

    reversed_, renamed = Reversed(), Renamed()
    assert known_segments(reversed_, sizes_of(reversed_)) is None
    assert known_segments(renamed, sizes_of(renamed)) is not None
