"""The contract of a model: what it must return, and what it is told when it does not."""

import functools
from dataclasses import dataclass, field, replace
from typing import Any

import array_api_strict
import numpy as np
import pytest

from failure_api.batched import BatchedChannel
from failure_api.communication_models import ProbabilisticModel
from failure_api.core import (
    Chain,
    Channel,
    CommunicationModel,
    Stage,
    Traits,
)
from failure_api.core.parameters.types import Probability
from failure_api.errors import FailureApiError, InvalidArgumentError, ModelError
from helpers import Scripted, assert_one_sentence, context_of, off_diagonal, play

both_namespaces = pytest.mark.parametrize("xp", [np, array_api_strict])


@dataclass(frozen=True, kw_only=True)
class Careless(CommunicationModel):
    """Returns whatever the test wants."""

    answer: Any = field(compare=False)
    stage: Stage = Stage.SENT

    @property
    def traits(self):
        return Traits(stages={self.stage})

    def step(self, parameters, state, links, context, random):
        return self.answer(state, links, context.xp)


NUMBERS = ("capacity", "noise", "interference")
FLAGS = ("sends", "lost", "in_order", "hears")
WHOLE = ("delay", "expiry")


@functools.cache
def wrong_answers():
    """Returns answers that are wrong in one field each, by that field and what is wrong."""

    def changed(name, make):
        return lambda state, links, xp: (
            state,
            links._replace(**{name: make(xp.astype(links.sends, xp.float32), xp)}),
        )

    right = {**dict.fromkeys(NUMBERS, "float32"), **dict.fromkeys(FLAGS, "bool")}
    right |= dict.fromkeys(WHOLE, "int32")
    kinds = ("float32", "float64", "int32", "int64", "bool")
    wrong = {}
    for name, dtype in right.items():
        for other in kinds:
            if other != dtype:
                wrong[f"{name} {other}"] = changed(
                    name, lambda ones, xp, other=other: xp.astype(ones, getattr(xp, other))
                )
        shapes = {
            "one row": lambda ones: ones[0, :],
            "one column": lambda ones: ones[:, :1],
            "one axis too many": lambda ones: ones[None, ...],
        }
        for shape, make in shapes.items():
            wrong[f"{name} {shape}"] = changed(
                name,
                lambda ones, xp, make=make, dtype=dtype: make(xp.astype(ones, getattr(xp, dtype))),
            )
        wrong[f"{name} number"] = changed(name, lambda ones, xp: 1)
        wrong[f"{name} list"] = changed(name, lambda ones, xp: [[1.0, 1.0], [1.0, 1.0]])
    return wrong


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


@pytest.mark.parametrize("name", ["sends", "lost"])
def test_what_was_said_is_not_taken_back(name):
    forgetful = Careless(answer=lambda state, links, xp: (state, links._replace(**{name: None})))
    silent = Scripted(silent=[0], lost=[1])
    with pytest.raises(ModelError) as caught:
        play(silent, forgetful, agents=2)
    assert_one_sentence(caught.value, f"Careless.step must return the {name}", "None")


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        (Stage.ON_AIR, "sends"),
        (Stage.ON_AIR, "capacity"),
        (Stage.ADMITTED, "sends"),
        (Stage.ADMITTED, "capacity"),
        (Stage.SERVED, "sends"),
    ],
)
def test_what_an_earlier_stage_has_decided_is_not_to_be_changed(stage, name):
    late = Careless(
        answer=lambda state, links, xp: (
            state,
            links._replace(
                **{name: xp.astype(links.sends, xp.bool if name == "sends" else xp.float32)}
            ),
        ),
        stage=stage,
    )
    with pytest.raises(ModelError) as caught:
        play(late, agents=2)
    assert_one_sentence(caught.value, "Careless", name, "decided before", "earlier stage")


@pytest.mark.parametrize(
    "answer",
    [
        lambda state, links, xp: (state, None),
        lambda state, links, xp: (state, tuple(links)),
        lambda state, links, xp: (state, links.sends),
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
        def step(self, parameters, state, links, context, random):
            return state, links

    guilty = Careless(answer=wrong_answers()["capacity float64"])
    with pytest.raises(ModelError, match="Careless"):
        play(Innocent(), guilty, agents=2)


def test_delays_that_were_not_announced_are_refused():
    late = Careless(
        answer=lambda state, links, xp: (
            state,
            links._replace(delay=xp.ones(links.sends.shape, dtype=xp.int32)),
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
        def init(self, parameters, context, random):
            return 0

        def step(self, parameters, state, links, context, random):
            return state + 1, links.lose(np.full(context.shape, state % 2 == 0))

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
        channel.prepare(context_of(2))
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


@dataclass(frozen=True, kw_only=True)
class EveryOther(CommunicationModel):
    """Counts the rounds in a state that is the same for a whole batch, as none may be."""

    counter: Any = field(compare=False)

    def init(self, parameters, context, random):
        return {"rounds": self.counter}

    def step(self, parameters, state, links, context, random):
        lost = np.broadcast_to(np.asarray(state["rounds"]) % 2 == 0, context.shape)
        return {"rounds": state["rounds"] + 1}, links.lose(lost)


@pytest.mark.parametrize("counter", [np.zeros((), np.int32), np.int32(0), 0, np.zeros(3, np.int32)])
@pytest.mark.parametrize("batch", [(2,), (2, 3)])
def test_a_state_that_is_the_same_for_a_whole_batch_is_refused(counter, batch):
    model = EveryOther(counter=counter)
    with pytest.raises(ModelError) as caught:
        play(model, agents=2, batch=batch)
    assert_one_sentence(caught.value, "EveryOther.init", str(batch), "prepare")
    channel = BatchedChannel(failure_models=[model], agent_ids=["a", "b"])
    with pytest.raises(ModelError) as caught:
        channel.init(0, np.zeros((*batch, 2, 1), dtype=np.float32))
    assert_one_sentence(caught.value, "EveryOther.init", str(batch), "prepare")


@pytest.mark.parametrize("counter", [np.zeros((), np.int32), 0], ids=type)
def test_the_state_of_one_team_may_be_a_counter(counter):
    """It goes on for as long as the episode does."""
    model = EveryOther(counter=counter)
    assert play(model, rounds=9, agents=2).arrived[:, 0, 1].tolist() == [False, True] * 4 + [False]
    channel = BatchedChannel(failure_models=[model], agent_ids=["a", "b"])
    payloads = np.zeros((2, 1), dtype=np.float32)
    state, arrived = channel.init(0, payloads), []
    for _ in range(9):
        state, received = channel.step(state, payloads)
        arrived.append(bool(received.delivery.sent[0, 1] >= 0))
    assert arrived == [False, True] * 4 + [False]


@dataclass(frozen=True, kw_only=True)
class Perhaps(CommunicationModel):
    """Loses with a probability, where there is one."""

    chance: Probability | None = None

    def step(self, parameters, state, links, context, random):
        if parameters["chance"] is None:
            return state, links
        return state, links.lose(random.bernoulli(parameters["chance"], context.shape))


def test_a_parameter_of_ones_own_may_be_a_link_value_or_none():
    assert play(Perhaps(), rounds=9).lost is None
    assert play(Perhaps(chance=1.0), rounds=3).lost.all()
    table = np.eye(3, k=1)
    for chance in (table, {("agent_0", "agent_1"): 1.0, ("agent_1", "agent_2"): 1.0}):
        lost = play(Perhaps(chance=chance), rounds=9).lost
        np.testing.assert_array_equal(off_diagonal(lost), np.stack([off_diagonal(table)] * 9))
    parameters = Perhaps(chance=0.25).prepare(context_of(3))
    assert parameters == {"chance": np.float32(0.25)}
    assert parameters["chance"].dtype == np.float32
    assert Perhaps().prepare(context_of(3)) == {"chance": None}
    with pytest.raises(InvalidArgumentError) as caught:
        Perhaps(chance=1.5)
    assert_one_sentence(caught.value, "chance", "1.5")
    with pytest.raises(InvalidArgumentError) as caught:
        play(Perhaps(chance={("agent_0", "nobody"): 0.5}))
    assert_one_sentence(caught.value, "Perhaps.chance", "nobody")
