"""`ShareObservations`: any observation, as a dict or as one vector."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten
from hypothesis import given, settings

from environments_under_test import TICTACTOE, Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    MatrixModel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.errors import InvalidArgumentError
from failure_api.exchanges.spaces.zero import zero_of
from failure_api.testing import check_wrapper
from spaces_under_test import NESTED, SPACES

DOWN = ProbabilisticModel(failure_prob=1.0)
LOSSY = [ProbabilisticModel(failure_prob=0.5), DelayBasedModel(min_delay=0, max_delay=2)]
FORMS = [(form, missing) for form in ("dict", "flat") for missing in ("zero", "hold")]


def body(view, masked):
    return view["observation"] if masked else view


@pytest.mark.parametrize("name", SPACES)
def test_a_dict_holds_everyone_always(name):
    space, masked = SPACES[name], name == "masked"
    for models, arrives in (([], True), (DOWN, False)):
        env = CommunicationWrapperParallel(
            Plain(dict.fromkeys("abc", space)), models, exchange=ShareObservations()
        )
        views, _ = env.reset(seed=1)
        for receiver, view in views.items():
            assert env.observation_space(receiver).contains(view)
            heard = body(view, masked)
            assert list(heard) == ["a", "b", "c"]
            for sender in heard:
                said = body(env.unwrapped.content(sender, 0), masked)
                expected = said if arrives or sender == receiver else zero_of(body(space, masked))
                np.testing.assert_equal(heard[sender], expected)
                assert type(heard[sender]) is type(expected)
            if masked:
                own = env.unwrapped.content(receiver, 0)["action_mask"]
                np.testing.assert_array_equal(view["action_mask"], own)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize(("form", "missing"), FORMS)
def test_the_laws_hold_for_every_kind_of_space(name, form, missing):
    check_wrapper(
        lambda: Plain(dict.fromkeys("abc", SPACES[name]), lengths={"b": 3}, max_cycles=4),
        exchange=ShareObservations(form=form, missing=missing),
        steps=5,
    )


@settings(max_examples=20, deadline=None)
@given(NESTED, NESTED)
def test_any_two_spaces_in_either_form(one, other):
    for form, missing in FORMS:
        exchange = ShareObservations(form=form, missing=missing)
        env = CommunicationWrapperParallel(Plain({"a": one, "b": other}), LOSSY, exchange=exchange)
        views, _ = env.reset(seed=1)
        for _ in range(4):
            for agent, view in views.items():
                assert env.observation_space(agent).contains(view)
            views = env.step(dict.fromkeys(env.agents, 0))[0]


def test_the_vector_is_laid_out_as_documented():
    team = {
        "a": spaces.Box(-1, 1, (2,)),
        "b": spaces.Discrete(4, start=2),
        "c": spaces.MultiBinary(3),
    }
    matrix = np.ones((4, 3, 3))
    matrix[1:, 2, 0] = 0  # From c to a, from round 1 on.
    for missing in ("zero", "hold"):
        env = CommunicationWrapperParallel(
            Plain(team),
            MatrixModel(matrix=matrix, at_end="hold"),
            exchange=ShareObservations(form="flat", missing=missing),
        )
        space = env.observation_space("a")
        assert space.dtype == np.float32
        assert space.shape == (2 + (4 + 2) + (3 + 2),)
        assert space.low[6:8].tolist() == [0, 0]
        assert space.high[6:8].tolist() == [1, np.inf]
        views, _ = env.reset(seed=1)
        raw = env.unwrapped
        for number in range(4):
            last = 0 if missing == "hold" else None
            c = raw.content("c", number if number == 0 else 0).astype(np.float32)
            shown = c if number == 0 or last == 0 else np.zeros(3)
            expected = [
                *raw.content("a", number),
                *flatten(team["b"], raw.content("b", number)),
                *(1, 0),
                *shown,
                *(float(number == 0), number),
            ]
            np.testing.assert_array_equal(views["a"], np.array(expected, np.float32))
            assert views["a"].dtype == np.float32
            views = env.step(dict.fromkeys(env.agents, 0))[0]


def test_before_the_first_arrival_the_age_counts_from_the_round_before_the_first():
    env = CommunicationWrapperParallel(Plain(), DOWN, exchange=ShareObservations(form="flat"))
    views, _ = env.reset(seed=1)
    for number in range(5):
        assert views["b"][[4, 5, 8, 9]].tolist() == [0, number + 1, 0, number + 1]
        views = env.step(dict.fromkeys(env.agents, 0))[0]


def test_the_mask_of_a_board_stays_beside_the_vector():
    env = CommunicationWrapper(TICTACTOE.make(), DOWN, exchange=ShareObservations(form="flat"))
    env.reset(seed=0)
    for move in (4, 0, 8):
        observation = env.last()[0]
        assert set(observation) == {"observation", "action_mask"}
        assert observation["observation"].shape == (18 + 18 + 2,)
        assert observation["action_mask"][move] == 1
        env.step(move)


SEQUENCE = spaces.Sequence(spaces.Discrete(2))


@pytest.mark.parametrize(
    ("form", "space"),
    [
        ("flat", spaces.Text(4)),
        ("flat", spaces.OneOf([spaces.Discrete(2), spaces.Box(0, 1, (2,))])),
        ("dict", SEQUENCE),
        ("dict", spaces.Dict(a=spaces.Graph(spaces.Discrete(2), None))),
        ("flat", SEQUENCE),
        ("flat", spaces.Dict(a=SEQUENCE)),
    ],
    ids=str,
)
def test_a_space_that_cannot_be_shared_names_its_agent(form, space):
    env = Plain({"a": spaces.Discrete(2), "b": space})
    with pytest.raises(InvalidArgumentError) as caught:
        CommunicationWrapperParallel(env, [], exchange=ShareObservations(form=form))
    text = str(caught.value)
    assert "agent 'b'" in text
    assert type(space).__name__ in text
    assert "\n" not in text


@pytest.mark.parametrize("form", ["Dict", "vector", None, 1])
def test_other_forms_are_refused(form):
    with pytest.raises(InvalidArgumentError, match="form must be 'dict' or 'flat'"):
        ShareObservations(form=form)
