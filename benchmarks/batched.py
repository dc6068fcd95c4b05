"""What failing links cost where thousands of environments run at once, under JAX and PyTorch.

    python benchmarks/batched.py          # ten minutes; writes benchmarks/results/batched.json

Each line says what was promised and what was found. The exit status is 1 if a promise is broken.
Where there is a graphics card, the same is measured on it, with more environments and agents.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import array_api_compat.torch
import jax
import jax.numpy as jnp
import jaxmarl
import numpy as np
import torch
import vmas
from findings import Finding, record
from scipy import stats

from failure_api import Chain, Channel, Context
from failure_api.batched import BatchedChannel
from failure_api.communication_models import (
    DelayBasedModel,
    DistanceModel,
    GilbertElliottModel,
    ProbabilisticModel,
)
from failure_api.core.arrays.libraries import library_of
from failure_api.core.arrays.trees import map_leaves
from failure_api.core.random.portable_stream import BEFORE
from failure_api.core.random.sources import source_of
from failure_api.integrations.jaxmarl import CommunicationWrapper as JaxMARLCommunication
from failure_api.integrations.vmas import CommunicationWrapper as VmasCommunication

ENVIRONMENT = "mpe2.simple_spread_v3"
ON_CARD = torch.cuda.is_available() and jax.default_backend() == "gpu"
DEVICE = "cuda" if ON_CARD else "cpu"
ENVIRONMENTS = 16_384 if ON_CARD else 1_024
WHERE = " on a graphics card" if ON_CARD else ""
BLOCKS = 20
LOSS = ProbabilisticModel(failure_prob=0.3)
BURSTS = GilbertElliottModel(p=0.1, r=0.3)
LATE = [BURSTS, DelayBasedModel(min_delay=0, max_delay=2)]
MIXED = [*LATE, DistanceModel(distance_threshold=1.0)]


def compared(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[float, float, float]:
    """Returns the median time of the second as a share of the first's, and its 95 % interval.

    The two take turns, block by block, so that what else the machine does befalls both.
    """
    ratios = []
    for block in range(BLOCKS + 2):
        order = (first, second) if block % 2 else (second, first)
        took = {function: _seconds(function) for function in order}
        ratios.append(took[second] / took[first])
    counted = np.array(ratios[2:])
    found = stats.bootstrap(
        (counted,), np.median, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(np.median(counted)), float(found.low), float(found.high)


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function())
    if ON_CARD:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def speed_of(
    what: str, bare: Callable[[], Any], wrapped: Callable[[], Any], least: float, aim: float
) -> Finding:
    """Returns steps per second of the second as a share of the first's."""
    median, low, high = compared(wrapped, bare)
    return Finding(what, median, low, high, least=least, aim=aim, unit="times")


def jaxmarl_steps(env: Any, steps: int = 100) -> Callable[[], Any]:
    """Returns a function that plays so many steps of all environments with random actions."""

    def one(carry: Any, key: Any) -> Any:
        states, total = carry
        acting, stepping = jax.random.split(key)
        actions = {
            agent: jax.random.randint(jax.random.fold_in(acting, place), (ENVIRONMENTS,), 0, 5)
            for place, agent in enumerate(env.agents)
        }
        keys = jax.random.split(stepping, ENVIRONMENTS)
        observations, states, rewards, _, _ = jax.vmap(env.step)(keys, states, actions)
        seen = sum(observation.sum() for observation in observations.values())
        return (states, total + seen + sum(reward.sum() for reward in rewards.values())), None

    @jax.jit
    def play(states: Any, key: Any) -> Any:
        return jax.lax.scan(one, (states, 0.0), jax.random.split(key, steps))[0]

    keys = jax.random.split(jax.random.key(0), ENVIRONMENTS)
    _, states = jax.jit(jax.vmap(env.reset))(keys)
    return lambda: play(states, jax.random.key(1))


def measure_jaxmarl() -> Iterator[Finding]:
    bare = jaxmarl.make("MPE_simple_spread_v3")
    for name, models, least, aim in (
        ("ProbabilisticModel", LOSS, 0.93, 0.97),
        ("Gilbert-Elliott, delay and range", MIXED, 0.70, 0.85),
    ):
        what = f"JaxMARL simple_spread, {ENVIRONMENTS:,} environments, {name}{WHERE}"
        wrapped = JaxMARLCommunication(jaxmarl.make("MPE_simple_spread_v3"), models)
        yield speed_of(what, jaxmarl_steps(bare), jaxmarl_steps(wrapped), least, aim)


def vmas_steps(env: Any, steps: int = 10) -> Callable[[], Any]:
    """Returns a function that plays so many steps of all environments with fixed actions."""
    env.reset(seed=0)
    actions = [torch.zeros((ENVIRONMENTS, 2), device=DEVICE) for _ in range(3)]

    def play() -> None:
        for _ in range(steps):
            env.step(list(actions))

    return play


def measure_vmas() -> Iterator[Finding]:
    def make() -> Any:
        return vmas.make_env("simple_spread", num_envs=ENVIRONMENTS, device=DEVICE, n_agents=3)

    for name, models, least, aim in (
        ("ProbabilisticModel", LOSS, 0.85, 0.95),
        ("Gilbert-Elliott and delay", LATE, 0.75, 0.90),
    ):
        what = f"VMAS simple_spread, {ENVIRONMENTS:,} environments, {name}{WHERE}"
        wrapped = VmasCommunication(make(), models)
        yield speed_of(what, vmas_steps(make()), vmas_steps(wrapped), least, aim)


def measure_links() -> Iterator[Finding]:
    """Rounds of a channel against the library's own uniform draws of the same size."""
    shape = (ENVIRONMENTS, 32, 32)
    for name, must, uniform, play in (
        ("JAX", 2.0, *jax_links(shape)),
        ("PyTorch", 1.6, *torch_links(shape)),
    ):
        median, low, high = compared(uniform, play)
        what = f"links of {' x '.join(f'{n:,}' for n in shape)}, Gilbert-Elliott, {name}"
        yield Finding(f"{what}, over uniform draws{WHERE}", median, low, high, must, 1.3, "times")
        links = np.prod(shape) / min(_seconds(play) for _ in range(BLOCKS)) / 1e6
        yield Finding(f"{what}, links in a second{WHERE}", float(links), unit="million")


def jax_links(shape: tuple[int, ...]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    channel = BatchedChannel(failure_models=BURSTS, agent_ids=range(shape[-1]))
    payloads = jnp.zeros((*shape[:-1], 0))
    draw = jax.jit(lambda key: jax.random.uniform(key, shape))
    step = jax.jit(channel.step)
    state = channel.init(jax.random.key(0), payloads)

    def play() -> Any:
        nonlocal state
        state, received = step(state, payloads)
        return received

    return lambda: draw(jax.random.key(1)), play


def torch_links(shape: tuple[int, ...]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    channel = Channel(chain=Chain(models=[BURSTS]))
    alive = torch.ones(shape[:-1], dtype=torch.bool, device=DEVICE)
    ids = tuple(range(shape[-1]))
    context = Context(0, alive, None, array_api_compat.torch, shape, ids)
    source = source_of(0, shape[:1], "native", library_of({"alive": alive}), alive.device)
    stream = source.in_round(BEFORE, context.xp)
    parameters = channel.prepare(context)
    state = channel.init(parameters, context, stream)

    def play() -> None:
        nonlocal state, context
        state, _ = channel.step(parameters, state, context, stream)
        context = context._replace(round=context.round + 1)

    return lambda: torch.rand(shape, device=DEVICE), play


def measure_memory() -> Iterator[Finding]:
    agents, batch = 32, 16
    models = [BURSTS, DelayBasedModel(min_delay=0, max_delay=4)]
    channel = BatchedChannel(failure_models=models, agent_ids=range(agents))
    state = channel.init(jax.random.key(0), jnp.zeros((batch, agents, 8)))
    sizes: list[int] = []
    parts = state.round, state.channel, state.source
    map_leaves(lambda leaf: sizes.append(getattr(leaf, "nbytes", 0)), parts)
    what = "memory for each link and environment, bursts and a delay of up to 4 rounds, N = 32"
    yield Finding(what, sum(sizes) / (batch * agents**2), must=32.0, unit="bytes")


def main() -> None:
    torch.manual_seed(0)
    parts = [measure_jaxmarl, measure_vmas, measure_links, measure_memory]
    packages = ("torch", "jax", "jaxmarl", "vmas")
    record("batched_on_card" if ON_CARD else "batched", parts, ENVIRONMENT, packages)


if __name__ == "__main__":
    sys.exit(main())
