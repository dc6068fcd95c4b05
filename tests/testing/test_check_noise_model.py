"""`check_noise_model` lets sound models pass and names the law that a broken one breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import broken_noise
import pytest

from failure_api.communication_models import ProbabilisticModel
from failure_api.core.noise import NoiseModel
from failure_api.errors import InvalidArgumentError, LawError
from failure_api.noise_models import CustomNoise, ElementDropoutModel, QuantizationModel, StuckModel
from failure_api.testing import check_noise_model
from failure_api.testing.verdict import LAWS


@pytest.mark.parametrize("subject", broken_noise.BROKEN, ids=lambda subject: subject.__name__)
def test_a_broken_model_is_refused_with_its_law(subject):
    law = broken_noise.BROKEN[subject]
    with pytest.raises(LawError) as caught:
        check_noise_model(subject(), backends=())
    assert str(caught.value).startswith(f"law {law} ({LAWS[law]}) is broken: ")
    assert subject.__name__ in str(caught.value)


class Heard(NamedTuple):
    """The state of a model with memory."""

    count: Any


@dataclass(frozen=True, kw_only=True)
class Tired(NoiseModel):
    """A sound model with a state: what a sender says fades with every message that arrives."""

    def init(self, parameters, context, random):
        return Heard(context.xp.zeros(context.shape[:-1], dtype=context.low.dtype))

    def step(self, parameters, state, content, context, random):
        count = state.count + context.xp.astype(context.arrived, content.dtype)
        return Heard(count), content / (1.0 + count[..., None])


@pytest.mark.parametrize(
    "model",
    [
        broken_noise.Sound(),
        broken_noise.Sound(share=0.0, agent_ids=["c"]),
        Tired(),
        ElementDropoutModel(drop_prob=0.5),
        QuantizationModel(bits=2),
        StuckModel(stick_prob=0.5, release_prob=0.5, agent_ids=["a", "b"]),
    ],
    ids=repr,
)
def test_a_sound_model_passes(model):
    check_noise_model(model, backends=())


def test_the_team_and_the_number_of_rounds_can_be_chosen():
    model = StuckModel(stick_prob=0.5, release_prob=0.5, agent_ids=["second"])
    check_noise_model(model, agent_ids=["first", "second"], rounds=5, seed=3)


def test_a_function_that_does_not_keep_to_the_type_is_found():
    model = CustomNoise(function=in_double_precision)
    with pytest.raises(LawError, match=r"law 1 .* CustomNoise\.function must return"):
        check_noise_model(model, backends=())


def in_double_precision(content, context, random):
    return context.xp.astype(content, context.xp.float64)


@pytest.mark.parametrize("subject", [None, "noise", StuckModel, ProbabilisticModel(failure_prob=0)])
def test_what_is_no_noise_model_is_refused(subject):
    with pytest.raises(InvalidArgumentError, match="model must be a NoiseModel"):
        check_noise_model(subject)
