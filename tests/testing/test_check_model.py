"""`check_model` lets sound models pass and names the law that a broken one breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import broken_links
import broken_models
import pytest
from broken_links import Expiring, Narrowing, Sound

from failure_api import (
    Chain,
    CommunicationModel,
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.errors import InvalidArgumentError, LawError
from failure_api.testing import check_model
from failure_api.testing.verdict import LAWS


def make(subject):
    model: CommunicationModel = subject(0.5) if subject is broken_models.Undeclared else subject()
    return model


@pytest.mark.parametrize("subject", broken_models.BROKEN, ids=lambda subject: subject.__name__)
def test_a_broken_model_is_refused_with_its_law(subject):
    law = broken_models.BROKEN[subject]
    with pytest.raises(LawError) as caught:
        check_model(make(subject), backends=())
    assert str(caught.value).startswith(f"law {law} ({LAWS[law]}) is broken: ")
    assert subject.__name__ in str(caught.value)


FINDINGS = {
    broken_links.WakesTheSilent: "lets agents send that do not",
    broken_links.HealsTheDeaf: "lets the deaf hear",
    broken_links.LastWriterWins: "brings back what was lost",
    broken_links.DecidesTooLate: "must write nothing to sends in the stages that its traits name",
    broken_links.Generous: "returns more capacity than it was given",
    broken_links.Negative: "returns a capacity that is negative",
    broken_links.SecretNarrowing: "leaves a capacity below 1, but its traits.narrows is False",
    broken_links.SecretExpiry: "lets messages expire, but its traits.expires is False",
    broken_links.LongerExpiry: "lets messages expire later, or before they are made",
    broken_links.SecretOrder: "keeps links in order, but its traits.in_order is False",
    broken_links.Shares: "must return lost as bool of shape (3, 3), but returned float32",
    broken_links.AttemptsMore: ".attempt writes other fields of the links than its step",
    broken_links.AttemptsLess: ".attempt writes other fields of the links than its step",
    broken_links.AttemptsTooLate: "adds a delay outside of 0 to its longest_delay 1",
    broken_models.AttemptsInPlace: ".attempt changes a state",
}
"""What is said of what a model returns, whatever stage it decides in."""


@pytest.mark.parametrize("subject", FINDINGS, ids=lambda subject: subject.__name__)
def test_what_is_found_is_said(subject):
    with pytest.raises(LawError) as caught:
        check_model(subject(), backends=())
    assert f" {subject.__name__}" in str(caught.value)
    assert FINDINGS[subject] in str(caught.value)


class Fade(NamedTuple):
    """The state of a model with memory."""

    bad: Any


@dataclass(frozen=True, kw_only=True)
class Remembering(CommunicationModel):
    """A sound model with a state: a link that fails stays down for another round."""

    failure_prob: float = 0.3

    def init(self, parameters, context, random):
        return Fade(random.uniform(context.shape) < self.failure_prob)

    def step(self, parameters, state, links, context, random):
        bad = random.uniform(context.shape) < self.failure_prob
        return Fade(bad), links.lose(bad | state.bad)


SOUND = [
    Sound(),
    Narrowing(),
    Expiring(),
    Remembering(),
    ProbabilisticModel(failure_prob=0.0),
    ProbabilisticModel(failure_prob={("a", "b"): 0.5}, max_bandwidth=0.4),
    ProbabilisticModel(failure_prob=0.5, agent_ids=["c", "a"]),
    MatrixModel(matrix=[[0, 1, 0], [0.5, 0, 1], [1, 1, 0]]),
    MatrixModel(matrix=[[[0, 1, 0]] * 3, [[1, 0, 1]] * 3], at_end="hold"),
    DistanceModel(distance_threshold=0.7, falloff="linear", failure_prob=0.2),
    DelayBasedModel(min_delay=1, max_delay=4, message_drop_probability=0.3),
    Chain(models=[DelayBasedModel(min_delay=0, max_delay=2), ProbabilisticModel(failure_prob=0.5)]),
]


@pytest.mark.sampled(8)
@pytest.mark.parametrize("model", SOUND, ids=repr)
def test_a_sound_model_passes(model):
    check_model(model, backends=())


def test_the_team_and_the_number_of_rounds_can_be_chosen():
    team = ["first", "second"]
    check_model(
        ProbabilisticModel(failure_prob={("first", "second"): 0.5}),
        agent_ids=team,
        rounds=5,
        seed=3,
    )


@pytest.mark.parametrize("subject", [None, "loss", ProbabilisticModel, 0.5])
def test_what_is_no_model_is_refused(subject):
    with pytest.raises(InvalidArgumentError, match="model must be a CommunicationModel"):
        check_model(subject)
