"""Link parameters: a number, an array and a mapping say the same in three ways."""

from dataclasses import dataclass, replace
from typing import Annotated, Optional, get_origin

import numpy as np
import pytest

from failure_api.communication_models import (
    DelayBasedModel,
    DistanceModel,
    GilbertElliottModel,
    NodeFailureModel,
    ProbabilisticModel,
    RandomizedModel,
)
from failure_api.communication_models.randomized import Uniform
from failure_api.core import CommunicationModel
from failure_api.core.parameters import types
from failure_api.errors import InvalidArgumentError
from failure_api.testing import check_model
from helpers import assert_one_sentence, assert_same, context_of, play

AGENT_IDS = context_of(4).agent_ids
PAIRS = [(s, r) for s in AGENT_IDS for r in AGENT_IDS if s != r]
POSITIONS = np.random.default_rng(0).random((1, 4, 2)).repeat(20, axis=0)
PARAMETERS = {
    "failure_prob": (lambda v: ProbabilisticModel(failure_prob=v), 0.4, 0.0),
    "max_bandwidth": (
        lambda v: ProbabilisticModel(failure_prob=0.1, max_bandwidth=v),
        0.5,
        1.0,
    ),
    "message_drop_probability": (
        lambda v: DelayBasedModel(min_delay=0, max_delay=2, message_drop_probability=v),
        0.4,
        0.0,
    ),
    "distance_threshold": (lambda v: DistanceModel(distance_threshold=v), 0.5, np.inf),
    "distance failure_prob": (
        lambda v: DistanceModel(distance_threshold=0.8, failure_prob=v),
        0.4,
        0.0,
    ),
}
every_parameter = pytest.mark.parametrize(
    ("make", "value", "neutral"), PARAMETERS.values(), ids=PARAMETERS
)


def outcome(model):
    return play(model, rounds=20, agents=4, positions=POSITIONS)


@every_parameter
def test_an_array_and_a_mapping_give_the_same_as_the_matching_number(make, value, neutral):
    expected = outcome(make(value))
    assert_same(outcome(make(np.full((4, 4), value))), expected)
    assert_same(outcome(make(np.full((4, 4), value).tolist())), expected)
    assert_same(outcome(make(dict.fromkeys(PAIRS, value))), expected)


@every_parameter
def test_a_link_that_a_mapping_does_not_name_is_left_alone(make, value, neutral):
    sender, receiver = 2, 1
    table = np.full((4, 4), neutral)
    table[sender, receiver] = value
    one_link = {(AGENT_IDS[sender], AGENT_IDS[receiver]): value}
    assert_same(outcome(make(one_link)), outcome(make(table)))
    untouched = np.arange(16).reshape(4, 4) != 4 * sender + receiver
    named, nobody = outcome(make(one_link)), outcome(make({}))
    np.testing.assert_array_equal(named.sent[:, untouched], nobody.sent[:, untouched])
    np.testing.assert_array_equal(
        named.sent[:, sender, receiver], outcome(make(value)).sent[:, sender, receiver]
    )


@every_parameter
def test_nothing_is_asked_of_the_diagonal(make, value, neutral):
    table = np.full((4, 4), value)
    np.fill_diagonal(table, np.nan)
    played = outcome(make(table))
    np.testing.assert_array_equal(played.sent, outcome(make(value)).sent)
    assert played.capacity is None or not np.isnan(played.capacity).any()
    assert not np.diagonal(played.arrived, axis1=1, axis2=2).any()


@every_parameter
def test_numbers_of_every_kind_are_kept_as_floats(make, value, neutral):
    for number in (1, np.float32(1), np.int64(1), np.asarray(1.0)):
        assert make(number) == make(1.0)
        assert repr(make(number)) == repr(make(1.0))


@pytest.mark.parametrize("rounds", [3, np.int32(3), np.uint8(3)])
def test_whole_rounds_of_every_kind_are_kept_as_integers(rounds):
    model = DelayBasedModel(min_delay=rounds, max_delay=rounds)
    assert type(model.max_delay) is int
    assert model == DelayBasedModel(min_delay=3, max_delay=3)


@every_parameter
def test_an_unknown_agent_is_named_when_the_episode_starts(make, value, neutral):
    for pair in (("agent_0", "agent_9"), ("agent_9", "agent_0")):
        with pytest.raises(InvalidArgumentError) as caught:
            outcome(make({pair: value}))
        assert_one_sentence(caught.value, "agent_9", "agent_3", type(make(value)).__name__)


@every_parameter
def test_an_array_for_another_number_of_agents_is_refused_when_the_episode_starts(
    make, value, neutral
):
    with pytest.raises(InvalidArgumentError) as caught:
        outcome(make(np.full((3, 3), value)))
    assert_one_sentence(caught.value, "4 agents", "(4, 4)", type(make(value)).__name__)


def test_one_entry_of_an_array_is_pointed_out():
    with pytest.raises(InvalidArgumentError) as caught:
        ProbabilisticModel(failure_prob=[[0.0, 0.5], [1.5, 0.0]])
    assert_one_sentence(caught.value, "failure_prob[1, 0]", "1.5")


@pytest.mark.parametrize("key", ["ab", ("a",), ("a", "b", "c"), ("a", "a"), 3])
def test_the_keys_of_a_mapping_are_pairs_of_different_agents(key):
    with pytest.raises(InvalidArgumentError) as caught:
        ProbabilisticModel(failure_prob={key: 0.5})
    assert_one_sentence(caught.value, "failure_prob", "(sender, receiver)")


def test_arrays_must_be_for_as_many_agents():
    small, large = np.full((2, 2), 0.5), np.full((3, 3), 0.5)
    for make in (
        lambda: GilbertElliottModel(p=small, r=large),
        lambda: GilbertElliottModel.from_loss_and_burst(small, 4 * large),
        lambda: NodeFailureModel(
            mode="mute", mean_time_to_failure=[2, 3], mean_time_to_repair=[2, 3, 4]
        ),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            make()
        assert_one_sentence(caught.value, "as many agents as", "2", "3")
    with pytest.raises(InvalidArgumentError):
        ProbabilisticModel(failure_prob=np.zeros((0, 0)))


def test_the_diagonal_tells_no_two_models_apart():
    one = ProbabilisticModel(failure_prob=[[0, 0.2], [0.3, 0.5]])
    other = ProbabilisticModel(failure_prob=[[9, 0.2], [0.3, 0]])
    assert one == other
    assert hash(one) == hash(other)
    assert np.diag(one.expected_loss()).tolist() == [0, 0]


KINDS = {name: kind for name, kind in vars(types).items() if get_origin(kind) is Annotated}
GIVEN = {
    "link": [0.5, np.full((3, 3), 0.5), {("a", "b"): 0.5}],
    "agent": [1.0, [1.0, 1.0, 1.0], {"a": 1.0}],
    "one": [1],
}
FORMS = {"Probability": "link", "Bandwidth": "link", "Distance": "link"}
FORMS |= {"AgentProbability": "agent", "MeanRounds": "agent"}


def losing_where_given(annotation):
    """Returns a class of models that lose everything, unless their one parameter is None."""

    @dataclass(frozen=True, kw_only=True)
    class Losing(CommunicationModel):
        value: annotation = None

        def step(self, parameters, state, links, context, random):
            if self.value is None:
                return state, links
            return state, links.lose(context.xp.ones(context.shape, dtype=context.xp.bool))

        def expected_loss(self):
            lossy = self.closed_form(lambda value: value**0, "value")
            return None if lossy is None else 1.0

    return Losing


@pytest.mark.sampled(8)
@pytest.mark.parametrize("optional", [lambda kind: kind | None, lambda kind: Optional[kind]])  # noqa: UP045
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_parameter_may_be_optional(name, optional, monkeypatch):
    model = losing_where_given(optional(KINDS[name]))
    # What pickles is found by its name.
    monkeypatch.setitem(globals(), "Losing", model)
    model.__qualname__ = "Losing"
    assert model().value is None
    assert model().expected_loss() is None
    parameters = model().prepare(context_of(3))
    assert parameters.get("value") is None
    check_model(model(), rounds=3)
    for given in GIVEN[FORMS.get(name, "one")]:
        one = model(value=given)
        assert one != model()
        assert one == model(value=given)
        check_model(one, rounds=3)
        if name in FORMS:
            prepared = one.prepare(context_of(3)._replace(agent_ids=("a", "b", "c")))
            assert prepared["value"].dtype == np.float32
            # The first link between two agents, or the first agent.
            first = (0, 1) if FORMS[name] == "link" else (0,)
            shape = (3, 3) if FORMS[name] == "link" else (3,)
            wanted = 0.5 if FORMS[name] == "link" else 1.0
            assert np.broadcast_to(prepared["value"], shape)[first] == wanted
    with pytest.raises(InvalidArgumentError) as caught:
        model(value=-1e31)
    assert_one_sentence(caught.value, "value", "-1")


def test_an_optional_parameter_can_be_drawn():
    model = losing_where_given(KINDS["Probability"] | None)()
    drawn = RandomizedModel(
        model=replace(model, value=0.5), parameters={"value": Uniform(low=0.1, high=0.9)}
    )
    assert not play(drawn, rounds=3).arrived.any()
