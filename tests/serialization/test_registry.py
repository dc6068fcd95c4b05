"""Finding models by name."""

from __future__ import annotations

import pytest

import failure_api
from failure_api.communication_models import Chain, CommunicationModel, ProbabilisticModel
from failure_api.core.noise import NoiseModel
from failure_api.errors import InvalidArgumentError
from failure_api.serialization.registry import built_in, entry_of, find
from helpers import Scripted, assert_one_sentence


@pytest.mark.parametrize(
    "name",
    [
        "gilbert_elliott",
        "gilbert-elliott",
        "Gilbert_Elliott",
        "GilbertElliottModel",
        "gilbertElliott",
    ],
)
def test_a_name_is_found_however_it_is_written(name):
    assert find(name).value_class is failure_api.GilbertElliottModel


def test_every_class_is_found_by_its_own_names():
    for entry in built_in():
        assert find(entry.name) == find(entry.value_class.__name__) == entry
        assert entry_of(entry.value_class) == entry
    assert entry_of(Scripted) is None


def test_every_model_that_the_package_exports_is_in_the_catalogue():
    classes = {entry.value_class for entry in built_in()}
    exported = {getattr(failure_api, name) for name in failure_api.__all__}
    kinds = (CommunicationModel, NoiseModel)
    models = {each for each in exported if isinstance(each, type) and issubclass(each, kinds)}
    assert models - set(kinds) == classes
    assert {Chain, ProbabilisticModel} <= classes


@pytest.mark.parametrize(
    ("name", "kind", "rule", "hint"),
    [
        ("gilbert_eliott", None, "the name of a model", "did you mean 'gilbert_elliott'?"),
        ("Gausian-Noise", None, "the name of a model", "did you mean 'gaussian_noise'?"),
        ("gaussian_noise", CommunicationModel, "the name of a failure model", "known are"),
        ("chain", NoiseModel, "the name of a noise model", "known are bit_flip"),
        ("", None, "the name of a model", "known are"),
        (3, None, "the name of a model", "known are"),
        (None, None, "the name of a model", "known are"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, kind, rule, hint):
    with pytest.raises(InvalidArgumentError) as caught:
        find(name, kind)
    assert_one_sentence(caught.value, rule, hint)
