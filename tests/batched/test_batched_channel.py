"""What is received: content, flags and ages, held, late, to each or to all, anew after a reset."""

from __future__ import annotations

import copy
import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batched_models import AGENTS, EVERY, IDS, SINGLE
from batched_play import CONVERT, ROUNDS, script
from torch._dynamo.testing import CompileCounterWithBackend

from failure_api.batched import BatchedChannel
from failure_api.communication_models import (
    DelayBasedModel,
    GilbertElliottModel,
    MatrixModel,
    ProbabilisticModel,
    TraceModel,
)
from failure_api.core.arrays.trees import map_leaves
from failure_api.noise_models import GaussianNoiseModel, QuantizationModel, StuckModel
from failure_api.traces import Trace

PERFECT = ProbabilisticModel(failure_prob=0.0)
every_library = pytest.mark.parametrize("library", ["numpy", "torch", "jax"])


def rounds_of(channel, library, payloads, seed=0, **options):
    """Returns what each of some rounds brings, payloads `[T, ..., N, D]`."""
    convert = CONVERT[library]

    def init(payload):
        return channel.init(seed, payload, **options)

    def step(state, payload):
        return channel.step(state, payload, **options)

    if library == "jax":
        init, step = jax.jit(init), jax.jit(step)
    state, seen = init(convert(payloads[0])), []
    for payload in payloads:
        state, received = step(state, convert(payload))
        seen.append(received)
    return seen


def spoken(rounds=6, agents=2, batch=()):
    """Returns payloads that say who is speaking in which round of which element."""
    numbers = np.arange(rounds * int(np.prod(batch, dtype=int)) * agents, dtype=np.float32) + 1
    return numbers.reshape(rounds, *batch, agents, 1)


@every_library
def test_a_delayed_message_brings_what_was_said_then(library):
    channel = BatchedChannel(
        failure_models=DelayBasedModel(min_delay=2, max_delay=2), agent_ids=("a", "b")
    )
    payloads = spoken()
    seen = rounds_of(channel, library, payloads)
    heard = [float(received.content[0, 1, 0]) for received in seen]
    assert heard == [0, 0, *payloads[:4, 1, 0]]
    assert [bool(received.flags[0, 1]) for received in seen] == [False] * 2 + [True] * 4
    assert [int(received.ages[0, 1]) for received in seen] == [1, 2, 2, 2, 2, 2]
    assert all(int(received.ages[1, 1]) == 0 for received in seen)


@every_library
def test_hold_repeats_the_newest_and_zero_does_not(library):
    matrices = np.array([[[0, 1], [up, 0]] for up in (0, 1, 0, 0, 1, 0)])
    payloads = spoken()
    for missing, expected in (
        ("hold", [9, payloads[1, 1, 0], payloads[1, 1, 0], payloads[1, 1, 0]]),
        ("zero", [9, payloads[1, 1, 0], 9, 9]),
    ):
        channel = BatchedChannel(
            failure_models=MatrixModel(matrix=matrices),
            agent_ids=("a", "b"),
            missing=missing,
            zero=9.0,
        )
        seen = rounds_of(channel, library, payloads)
        assert [float(received.content[0, 1, 0]) for received in seen][:4] == expected


@every_library
def test_each_receiver_can_be_told_something_else(library):
    channel = BatchedChannel(failure_models=PERFECT, agent_ids=("a", "b", "c"), per_link=True)
    payloads = np.arange(18, dtype=np.float32).reshape(1, 3, 3, 2)
    (received,) = rounds_of(channel, library, payloads)
    content = np.asarray(received.content)
    for sender in range(3):
        for receiver in range(3):
            said = payloads[0, sender, receiver] if sender != receiver else 0
            np.testing.assert_array_equal(content[receiver, sender], said)


@every_library
def test_who_is_dead_says_and_hears_nothing(library):
    channel = BatchedChannel(failure_models=PERFECT, agent_ids=("a", "b", "c"))
    alive = CONVERT[library](np.array([[True, True, False], [True, True, True]]))
    (received,) = rounds_of(channel, library, spoken(1, 3, (2,)), alive=alive)
    flags = np.asarray(received.flags)
    assert flags[1].sum() == 6
    assert flags[0].sum() == 2


@pytest.mark.sampled(4)
@pytest.mark.parametrize("streams", ["native", "portable"])
@every_library
def test_links_are_lost_as_often_as_they_should_be(library, streams):
    loss, batch, agents = 0.3, 4000, 5
    channel = BatchedChannel(
        failure_models=GilbertElliottModel(p=0.15, r=0.35), agent_ids=IDS, streams=streams
    )
    payloads = np.zeros((1, batch, agents, 1), dtype=np.float32)
    (received,) = rounds_of(channel, library, payloads, seed=5)
    flags = np.asarray(received.flags)
    lost = 1 - flags.sum() / (batch * agents * (agents - 1))
    # 80,000 independent links: five standard deviations, a false alarm of 6e-7.
    assert abs(lost - loss) < 5 * np.sqrt(loss * (1 - loss) / (batch * agents * (agents - 1)))
    assert len({row.tobytes() for row in flags[:100]}) > 95


@pytest.mark.sampled(1)
@every_library
def test_the_library_draws_again_what_its_seed_says(library):
    channel = BatchedChannel(failure_models=ProbabilisticModel(failure_prob=0.5), agent_ids=IDS)
    payloads = np.zeros((3, 20, AGENTS, 1), dtype=np.float32)

    def flags(seed):
        return np.stack(
            [np.asarray(received.flags) for received in rounds_of(channel, library, payloads, seed)]
        )

    np.testing.assert_array_equal(flags(3), flags(3))
    assert (flags(3) != flags(4)).any()
    assert (flags(3)[0] != flags(3)[1]).any()


def test_a_torch_generator_gives_another_stream_each_time():
    channel = BatchedChannel(failure_models=ProbabilisticModel(failure_prob=0.5), agent_ids=IDS)
    payloads = torch.zeros((50, AGENTS, 1))

    def flags(generator):
        return channel.step(channel.init(generator, payloads), payloads)[1].flags

    generator = torch.Generator().manual_seed(3)
    first, second = flags(generator), flags(generator)
    assert not torch.equal(first, second)
    assert torch.equal(first, flags(torch.Generator().manual_seed(3)))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("key", [jax.random.key(3), jax.random.PRNGKey(3)], ids=["typed", "raw"])
@pytest.mark.parametrize("streams", ["native", "portable"])
def test_keys_of_jax_are_seeds(key, streams):
    channel = BatchedChannel(
        failure_models=ProbabilisticModel(failure_prob=0.5), agent_ids=IDS, streams=streams
    )
    payloads = jnp.zeros((50, AGENTS, 1))

    @functools.partial(jax.jit, static_argnames="static")
    def flags(payloads, random, static=None):
        state = channel.init(random if static is None else static, payloads)
        return channel.step(state, payloads)[1].flags

    np.testing.assert_array_equal(flags(payloads, key), flags(payloads, None, static=3))
    each = jax.random.split(key, 50)
    np.testing.assert_array_equal(flags(payloads, each)[7], flags(payloads[7], each[7]))


@pytest.mark.sampled(20)
@pytest.mark.parametrize("models", EVERY.values(), ids=EVERY.keys())
def test_a_restarted_element_is_as_a_fresh_start_would_have_it(models):
    happens = script()
    channel = BatchedChannel(
        failure_models=models, agent_ids=IDS, streams="portable", missing="hold"
    )
    done = np.array([False, True, False])
    states = []
    for restarts in (False, True):
        payloads, positions, alive = (array[0] for array in happens)
        state = channel.init(11, payloads, positions=positions, alive=alive)
        if restarts:
            for number in range(4):
                payloads, positions, alive = (array[number] for array in happens)
                state, _ = channel.step(state, payloads, positions=positions, alive=alive)
        positions, alive = happens.positions[4], happens.alive[4]
        everything = np.ones(3, dtype=bool)
        state = channel.reset_where(
            state, done if restarts else everything, positions=positions, alive=alive
        )
        states.append(state)
    fresh, restarted = states
    assert restarted.round.tolist() == [4, 0, 4]
    for number in range(4, ROUNDS):
        outcomes = []
        for place, state in enumerate((fresh, restarted)):
            payloads, positions, alive = (array[number] for array in happens)
            following, received = channel.step(state, payloads, positions=positions, alive=alive)
            outcomes.append(received)
            if place:
                restarted = following
            else:
                fresh = following
        for what in ("content", "flags", "ages"):
            one, other = (getattr(outcome, what) for outcome in outcomes)
            np.testing.assert_array_equal(one[1], other[1], err_msg=what)


@pytest.mark.sampled(1)
@every_library
def test_rounds_are_counted_from_each_restart(library):
    channel = BatchedChannel(failure_models=PERFECT, agent_ids=IDS)
    payloads = CONVERT[library](np.zeros((3, AGENTS, 1), dtype=np.float32))
    step, reset = channel.step, channel.reset_where
    if library == "jax":
        step, reset = jax.jit(step), jax.jit(reset)
    state, seen = channel.init(0, payloads), []
    for done in ([0, 1, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1]):
        state, _ = step(state, payloads)
        state = reset(state, CONVERT[library](np.array(done, dtype=bool)))
        seen.append(np.asarray(state.round).tolist())
    assert seen == [[1, 0, 1], [2, 1, 2], [3, 0, 0], [0, 0, 0]]


def test_those_that_go_on_do_not_notice_a_restart():
    happens = script()
    channel = BatchedChannel(
        failure_models=EVERY["bursts, delay and range"],
        agent_ids=IDS,
        streams="portable",
        missing="hold",
    )
    outcomes = []
    for restarts in (False, True):
        payloads, positions, _ = (array[0] for array in happens)
        state, seen = channel.init(2, payloads, positions=positions), []
        for number in range(ROUNDS):
            if restarts and number == 3:
                done = np.array([True, False, False])
                state = channel.reset_where(state, done, positions=happens.positions[number])
            payloads, positions = happens.payloads[number], happens.positions[number]
            state, received = channel.step(state, payloads, positions=positions)
            seen.append(received.content[1:])
        outcomes.append(np.stack(seen))
    np.testing.assert_array_equal(*outcomes)


def test_episodes_draw_anew():
    channel = BatchedChannel(
        failure_models=ProbabilisticModel(failure_prob=0.5), agent_ids=IDS, streams="portable"
    )
    payloads, everyone = np.zeros((20, AGENTS, 1), np.float32), np.ones(20, dtype=bool)
    state = channel.init(0, payloads)
    state, first = channel.step(state, payloads)
    _, second = channel.step(channel.reset_where(state, everyone), payloads)
    assert (first.flags != second.flags).any()


@pytest.mark.heavy
@pytest.mark.parametrize("streams", ["native", "portable"])
def test_mapped_and_scanned_is_as_batched_and_looped(streams):
    channel = BatchedChannel(
        failure_models=EVERY["bursts, delay and range"],
        agent_ids=IDS,
        missing="hold",
        streams=streams,
    )
    happens = script(batch=4)
    keys = jax.random.split(jax.random.key(1), 4)
    payloads, positions = jnp.asarray(happens.payloads), jnp.asarray(happens.positions)

    def episode(key, payloads, positions):
        def one(state, now):
            done = state.round == 5
            state = channel.reset_where(state, done, positions=now[1])
            state, received = channel.step(state, now[0], positions=now[1])
            return state, (received.content, received.ages)

        state = channel.init(key, payloads[0], positions=positions[0])
        return jax.lax.scan(one, state, (payloads, positions))[1]

    mapped = jax.jit(jax.vmap(episode, in_axes=(0, 1, 1)))(keys, payloads, positions)
    state = channel.init(keys, payloads[0], positions=positions[0])
    step, reset = jax.jit(channel.step), jax.jit(channel.reset_where)
    for number in range(ROUNDS):
        state = reset(state, state.round == 5, positions=positions[number])
        state, received = step(state, payloads[number], positions=positions[number])
        np.testing.assert_array_equal(mapped[0][:, number], received.content)
        np.testing.assert_array_equal(mapped[1][:, number], received.ages)


@pytest.mark.sampled(2)
@every_library
def test_content_is_corrupted_as_it_arrives(library):
    channel = BatchedChannel(
        failure_models=PERFECT,
        noise_models=[GaussianNoiseModel(standard_deviation=0.5), QuantizationModel(levels=3)],
        agent_ids=IDS,
        low=-1.0,
        high=1.0,
        streams="portable",
    )
    payloads = np.zeros((1, 500, AGENTS, 2), dtype=np.float32)
    (received,) = rounds_of(channel, library, payloads)
    content = np.asarray(received.content)[:, ~np.eye(AGENTS, dtype=bool)]
    assert set(np.unique(content)) == {-1.0, 0.0, 1.0}
    # Beyond half of the way to 1, which is one standard deviation.
    share = (content != 0).mean()
    assert abs(share - 0.3173) < 5 * np.sqrt(0.3173 * 0.6827 / content.size)
    own = np.asarray(received.content)[:, np.eye(AGENTS, dtype=bool)]
    assert not own.any()
    stuck = BatchedChannel(
        failure_models=PERFECT,
        noise_models=StuckModel(stick_prob=1.0, release_prob=0.0),
        agent_ids=("a", "b"),
    )
    seen = rounds_of(stuck, library, spoken())
    assert len({float(received.content[0, 1, 0]) for received in seen[1:]}) == 1


@every_library
def test_links_add_the_noise_that_models_say(library):
    noise = np.full((1, AGENTS, AGENTS), 0.25)
    trace = Trace(agent_ids=IDS, lost=np.zeros((1, AGENTS, AGENTS), dtype=bool), noise=noise)
    channel = BatchedChannel(failure_models=TraceModel(trace=trace), agent_ids=IDS)
    payloads = np.zeros((1, 500, AGENTS, 2), dtype=np.float32)
    (received,) = rounds_of(channel, library, payloads)
    content = np.asarray(received.content)[:, ~np.eye(AGENTS, dtype=bool)]
    # The spread of a spread of 20,000 numbers, five times.
    assert abs(content.std() - 0.5) < 5 * 0.5 / np.sqrt(2 * content.size)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("streams", ["native", "portable"])
@every_library
def test_a_state_travels(library, streams):
    channel = BatchedChannel(
        failure_models=SINGLE["bursts"], agent_ids=IDS, streams=streams, missing="hold"
    )
    payloads = CONVERT[library](spoken(1, AGENTS, (7,))[0])
    state, _ = channel.step(channel.init(1, payloads), payloads)
    for twin in (pickle.loads(pickle.dumps(state)), copy.deepcopy(state)):
        channel_twin = pickle.loads(pickle.dumps(channel))
        again = copy.deepcopy(state)
        for _ in range(3):
            again, one = channel.step(again, payloads)
            twin, other = channel_twin.step(twin, payloads)
            np.testing.assert_array_equal(np.asarray(one.content), np.asarray(other.content))


def test_a_state_is_small():
    agents, batch, width = 32, 4, 8
    channel = BatchedChannel(
        failure_models=[
            GilbertElliottModel(p=0.1, r=0.3),
            DelayBasedModel(min_delay=0, max_delay=4),
        ],
        agent_ids=range(agents),
    )
    payloads = jnp.zeros((batch, agents, width))
    state = jax.jit(channel.init)(jax.random.key(0), payloads)
    sizes = []
    map_leaves(lambda leaf: sizes.append(getattr(leaf, "nbytes", 0)), (state.round, state.channel))
    assert sum(sizes) / (batch * agents**2) <= 32


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "payloads",
    [
        torch.ones((2, AGENTS, 3), dtype=torch.bfloat16),
        torch.ones((2, AGENTS, 3), dtype=torch.float64),
        torch.ones((2, AGENTS, 3), dtype=torch.float16),
        jnp.ones((2, AGENTS, 3), dtype=jnp.bfloat16),
        np.ones((2, AGENTS, 3), dtype=np.float64),
    ],
    ids=lambda payloads: f"{type(payloads).__module__.partition('.')[0]}-{payloads.dtype}",
)
def test_content_keeps_its_precision(payloads):
    for missing, blank in (("zero", 0.0), ("hold", 0.5)):
        channel = BatchedChannel(
            failure_models=EVERY["bursts, delay and range"][:2],
            agent_ids=IDS,
            missing=missing,
            zero=blank,
        )
        _, received = channel.step(channel.init(0, payloads), payloads)
        assert received.content.dtype == payloads.dtype
        assert set(received.content.reshape(-1).tolist()) <= {blank, 1.0}


@pytest.mark.parametrize("models", ["bursts", "delay", "random bursts", "jammers on a period"])
@pytest.mark.parametrize("streams", ["native", "portable"])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_restart_changes_nothing_for_the_others(library, streams, models):
    convert = CONVERT[library]
    happens = script(rounds=10)
    channel = BatchedChannel(failure_models=SINGLE[models], agent_ids=IDS, streams=streams)
    seen = []
    for restarts in ((), (2, 5), (2, 2, 7)):
        now = [convert(np.array(array[0])) for array in happens]
        state, flags = channel.init(0, now[0], positions=now[1]), []
        for number in range(10):
            now = [convert(np.array(array[number])) for array in happens]
            for _ in range(restarts.count(number)):
                done = convert(np.array([False, True, False]))
                state = channel.reset_where(state, done, positions=now[1])
            state, received = channel.step(state, now[0], positions=now[1])
            flags.append(np.asarray(received.flags))
        seen.append(np.stack(flags))
    for other in seen[1:]:
        np.testing.assert_array_equal(seen[0][:, [0, 2]], other[:, [0, 2]])


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.parametrize("streams", ["native", "portable"])
def test_pytorch_compiles_nothing_again_from_round_to_round(streams):
    torch._dynamo.reset()
    models = [SINGLE["bursts"], SINGLE["delay"]]
    channel = BatchedChannel(failure_models=models, agent_ids=IDS, streams=streams)
    compiled = CompileCounterWithBackend("eager")
    step = torch.compile(channel.step, backend=compiled)
    payloads = torch.ones(2, AGENTS, 1)
    state, plain, counts = channel.init(0, payloads), channel.init(0, payloads), []
    for _ in range(6):
        state, received = step(state, payloads)
        plain, expected = channel.step(plain, payloads)
        assert torch.equal(received.flags, expected.flags)
        assert torch.equal(received.ages, expected.ages)
        counts.append(compiled.frame_count)
    assert counts[0] > 0
    assert counts[3:] == [counts[2]] * 3
