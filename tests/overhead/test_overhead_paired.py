"""The paired protocol: fair turns, equal actions, and nothing but steps on the clock."""

from __future__ import annotations

import cProfile
import gc
import itertools
import pstats

import pytest

from failure_api.environments import make_environment
from failure_api.overhead.paired import draw_actions, measure_paired, time_block

pytestmark = pytest.mark.heavy


def timed_part(log, episodes):
    """The log cut into plays of an episode, without the memory pass that ends it."""
    starts = [index for index, entry in enumerate(log) if entry[0] == "reset"]
    plays = [log[a:b] for a, b in itertools.pairwise([*starts, len(log)])]
    return plays[: 2 * (episodes + 1)]


def test_finds_the_overhead_that_is_there(subject):
    row = measure_paired(subject, episodes=3)
    assert row.overhead_percent == pytest.approx(50)
    assert row.interval_percent == pytest.approx((50, 50))
    assert row.bare.time_ms == pytest.approx(1000)
    assert row.wrapped.time_ms == pytest.approx(1500)
    assert row.wrapped.time_std_ms == pytest.approx(0)
    assert row.bare.time_std_ms > 0
    assert row.bare.steps_per_second == pytest.approx(1)
    assert row.steps == 12
    assert row.agents == 2


def test_the_warm_up_is_not_counted(subject, monkeypatch):
    episode = itertools.count()
    build = subject.wrapped

    def slow_at_first():
        player = build()
        reset = player.reset

        def reset_and_slow_down(seed=None):
            player.step_times = [99.0] if next(episode) == 0 else [1.5]
            return reset(seed)

        player.reset = reset_and_slow_down
        return player

    monkeypatch.setattr(subject, "wrapped", slow_at_first)
    row = measure_paired(subject, episodes=2)
    assert row.interval_percent == pytest.approx((50, 50))


def test_the_sides_take_turns_at_going_first(subject):
    measure_paired(subject, episodes=4)
    order = [play[0][1] for play in timed_part(subject.log, 4)]
    firsts, seconds = order[0::2], order[1::2]
    assert set(firsts[1:]) == {"bare", "wrapped"}
    assert all(one != other for one, other in zip(firsts, seconds, strict=True))
    assert all(one != other for one, other in itertools.pairwise(firsts))


def test_both_sides_play_the_same_actions_from_the_same_seed(subject):
    measure_paired(subject, episodes=3)
    plays = timed_part(subject.log, 3)
    seen = []
    for one, other in zip(plays[0::2], plays[1::2], strict=True):
        seed, actions = one[0][2], [entry[2] for entry in one[1:]]
        assert (other[0][2], [entry[2] for entry in other[1:]]) == (seed, actions)
        seen.append((seed, actions))
    for earlier, later in itertools.combinations(seen, 2):
        assert earlier[0] != later[0]
        assert earlier[1] != later[1]


def test_the_collector_rests_while_the_clock_runs(subject):
    assert gc.isenabled()
    measure_paired(subject, episodes=1)
    steps = [e for play in timed_part(subject.log, 1) for e in play if e[0] == "step"]
    assert steps
    assert not any(enabled for *_, enabled in steps)
    assert gc.isenabled()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was_after_an_interruption(enabled, subject):
    player = subject.bare()

    def interrupt(actions):
        raise KeyboardInterrupt

    player.step = interrupt
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(KeyboardInterrupt):
            time_block(player, draw_actions(player, 4, seed=0), seed=0)
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_an_episode_that_ends_early_ends_its_block(subject):
    player = subject.wrapped()
    block = time_block(player, draw_actions(player, 50, seed=0), seed=0)
    assert block.times == pytest.approx([1.5] * 6)


def test_actions_depend_on_seed_and_agent_alone():
    one, other = (make_environment("mpe2.simple_spread_v3", api="parallel") for _ in range(2))
    first = draw_actions(one, 30, seed=5)
    other.action_space("agent_0").sample()
    assert draw_actions(other, 30, seed=5) == first
    assert draw_actions(one, 30, seed=6) != first
    by_agent = [[action[agent] for action in first] for agent in one.possible_agents]
    assert all(a != b for a, b in itertools.combinations(by_agent, 2))


def test_the_environments_are_closed(subject, monkeypatch):
    built = []
    for side in ("bare", "wrapped"):
        build = getattr(subject, side)
        monkeypatch.setattr(subject, side, lambda build=build: built.append(build()) or built[-1])
    measure_paired(subject, episodes=1)
    assert len(built) == 4
    assert all(player.closed for player in built)


def test_a_profile_is_taken_of_the_wrapped_side_apart_from_the_timing(subject):
    profiler = cProfile.Profile()
    measure_paired(subject, episodes=3, profiler=profiler)
    calls = {key[2]: value[0] for key, value in pstats.Stats(profiler).stats.items()}
    assert calls["step"] == 3 * 4
    assert calls["time_block"] == 3
    # Two plays for the warm-up and for each block, then the profiled ones, then those for memory.
    played = [entry[1] for entry in subject.log if entry[0] == "reset"]
    assert played[2 * 4 :] == ["wrapped"] * 3 + ["bare", "wrapped"]


def test_blocks_are_reported(subject):
    done: list[None] = []
    measure_paired(subject, episodes=3, block_done=lambda: done.append(None))
    assert len(done) == 3 + 2
