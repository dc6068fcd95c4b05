"""The contract of a model: what it must return, and what it is told when it does not."""

import functools
from dataclasses import dataclass, field, replace
from typing import Any

import array_api_strict
import numpy as np
import pytest

from failure_api.communication_models import ProbabilisticModel
from failure_api.core import Chain, Channel, CommunicationModel, Links, NumpyStream
from failure_api.errors import FailureApiError, InvalidArgumentError, ModelError
from helpers import assert_one_sentence, context_of, play

both_namespaces = pytest.mark.parametrize("xp", [np, array_api_strict])


@dataclass(frozen=True, kw_only=True)
class Careless(CommunicationModel):
    """Returns whatever the test wants."""

    answer: Any = field(compare=False)

    def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
        return self.answer(state, links, context.xp)


@functools.cache
def wrong_answers() -> dict[str, Any]:
    def changed(**makers: Any) -> Any:
        return lambda state, links, xp: (
            state,
            links._replace(**{name: make(links.bandwidth, xp) for name, make in makers.items()}),
        )

    return {
        "bandwidth float64": changed(bandwidth=lambda b, xp: xp.astype(b, xp.float64)),
        "bandwidth bool": changed(bandwidth=lambda b, xp: b > 0),
        "bandwidth one row": changed(bandwidth=lambda b, xp: b[0, :]),
        "bandwidth one axis too many": changed(bandwidth=lambda b, xp: b[None, ...]),
        "bandwidth number": changed(bandwidth=lambda b, xp: 1.0),
        "bandwidth list": changed(bandwidth=lambda b, xp: [[1.0, 1.0], [1.0, 1.0]]),
        "bandwidth None": changed(bandwidth=lambda b, xp: None),
        "delay float32": changed(delay=lambda b, xp: b),
        "delay int64": changed(delay=lambda b, xp: xp.astype(b, xp.int64)),
        "delay number": changed(delay=lambda b, xp: 1),
        "noise float64": changed(noise=lambda b, xp: xp.astype(b, xp.float64)),
        "noise one column": changed(noise=lambda b, xp: b[:, :1]),
    }


@both_namespaces
@pytest.mark.parametrize("wrong", wrong_answers())
def test_links_of_the_wrong_shape_or_dtype_name_the_model_and_the_shape(wrong, xp):
    with pytest.raises(ModelError) as caught:
        play(Careless(answer=wrong_answers()[wrong]), agents=2, xp=xp)
    text = str(caught.value)
    for word in ("Careless", wrong.split()[0], "(2, 2)", "must return"):
        assert word in text, text
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize(
    "answer",
    [
        lambda state, links, xp: (state, None),
        lambda state, links, xp: (state, tuple(links)),
        lambda state, links, xp: (state, links.bandwidth),
        lambda state, links, xp: links,
        lambda state, links, xp: None,
        lambda state, links, xp: (state, links, links),
    ],
    ids=["no links", "a plain tuple", "an array", "no state", "nothing", "too much"],
)
def test_a_model_that_returns_something_else_is_named(answer):
    with pytest.raises(ModelError) as caught:
        play(Careless(answer=answer), agents=2)
    assert "Careless" in str(caught.value)
    assert "(state, Links)" in str(caught.value)


def test_the_second_of_two_models_is_the_one_that_is_blamed():
    @dataclass(frozen=True, kw_only=True)
    class Innocent(CommunicationModel):
        def step(self, state: Any, links: Links, context: Any, random: Any) -> Any:
            return state, links

    guilty = Careless(answer=wrong_answers()["bandwidth float64"])
    with pytest.raises(ModelError, match="Careless"):
        play(Innocent(), guilty, agents=2)


def test_delays_that_were_not_announced_are_refused():
    late = Careless(
        answer=lambda state, links, xp: (
            state,
            links._replace(delay=xp.ones(links.bandwidth.shape, dtype=xp.int32)),
        )
    )
    with pytest.raises(ModelError, match="longest_delay"):
        play(late, agents=2)


def test_a_model_without_a_step_says_what_it_must_define():
    @dataclass(frozen=True, kw_only=True)
    class Idle(CommunicationModel):
        pass

    with pytest.raises(TypeError, match=r"Idle.*step"):
        play(Idle())


def test_a_model_that_knows_no_closed_form_says_so():
    model = Careless(answer=None)
    assert model.expected_loss() is None
    assert model.expected_burst_length() is None
    assert model.expected_age() is None


def test_a_models_state_is_its_own_from_round_to_round():
    @dataclass(frozen=True, kw_only=True)
    class EverySecondRound(CommunicationModel):
        def init(self, context: Any, random: Any) -> int:
            return 0

        def step(self, state: int, links: Links, context: Any, random: Any) -> Any:
            up = np.float32(state % 2)
            return state + 1, links._replace(bandwidth=links.bandwidth * up)

    played = play(EverySecondRound(), EverySecondRound(), rounds=6, agents=2)
    assert played.arrived[:, 0, 1].tolist() == [False, True] * 3


@pytest.mark.parametrize(
    "agent_ids",
    ["ab", "a", 5, [], (), ["a", "b", "a"], b"ab", [["a", "b"]], [{"a"}]],
    ids=repr,
)
def test_agent_ids_are_a_list_of_names_each_once(agent_ids):
    with pytest.raises(InvalidArgumentError) as caught:
        ProbabilisticModel(failure_prob=0.5, agent_ids=agent_ids)
    assert_one_sentence(caught.value, "agent_ids")


def test_an_unknown_agent_id_is_named_when_the_episode_starts():
    model = ProbabilisticModel(failure_prob=0.5, agent_ids=["agent_0", "other"])
    channel = Channel(chain=Chain(models=[model]))
    with pytest.raises(InvalidArgumentError) as caught:
        channel.init(context_of(2), NumpyStream(0))
    assert_one_sentence(caught.value, "agent_ids", "other", "agent_1")


def test_agent_ids_of_every_kind_are_kept_as_a_tuple():
    expected = ProbabilisticModel(failure_prob=0.5, agent_ids=("a", "b"))
    for agent_ids in (["a", "b"], {"a": 1, "b": 2}, iter("ab")):
        assert replace(expected, agent_ids=agent_ids) == expected


def test_replace_checks_again():
    with pytest.raises(InvalidArgumentError):
        replace(ProbabilisticModel(failure_prob=0.5), agent_ids=["a", "a"])


def test_every_refusal_can_be_caught_at_once():
    assert issubclass(ModelError, FailureApiError)
    assert issubclass(InvalidArgumentError, FailureApiError)
