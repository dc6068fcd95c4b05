"""What cannot be written as plain data, and functions by name."""

from __future__ import annotations

import pytest

from failure_api.catalogue import PlainDataError, from_dict, to_dict
from failure_api.communication_models import DelayBasedModel, SignalBasedModel
from failure_api.noise_models import CustomNoise
from helpers import assert_one_sentence
from models_under_test import FAILURES, Holder, walls


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (CustomNoise(function=lambda content, context, random: content), "function"),
        (DelayBasedModel(max_delay=3, distribution=lambda uniform: 3 * uniform), "distribution"),
        (SignalBasedModel(obstacles=(lambda: walls)().__get__(3)), "obstacles"),
    ],
    ids=["lambda", "lambda in place of a part", "bound method"],
)
def test_a_function_that_nobody_can_find_is_not_written(model, field):
    with pytest.raises(PlainDataError, match=f"^{field} must be a function that can be") as caught:
        to_dict(model)
    assert_one_sentence(caught.value, "`def` at the top level")


def test_functions_are_written_by_module_and_name():
    plain = to_dict(FAILURES["radio"])
    assert plain["obstacles"] == "models_under_test:walls"
    assert from_dict(plain).obstacles is walls
    written = to_dict(FAILURES["delays by a class's function"])["distribution"]
    assert written == {"function": "models_under_test:Holder.quantile"}
    assert from_dict({"model": "delay_based", "max_delay": 1, "distribution": written}) == (
        DelayBasedModel(max_delay=1, distribution=Holder.quantile)
    )


@pytest.mark.parametrize("models", [3, None, "chain", {"model": "chain"}, {1}, [3]])
def test_only_models_are_written(models):
    with pytest.raises(PlainDataError) as caught:
        to_dict(models)
    assert_one_sentence(caught.value)
