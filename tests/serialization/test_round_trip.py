"""What is written is read again: every model, through dictionaries, JSON and YAML."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.catalogue import from_dict, from_yaml, to_dict, to_yaml
from failure_api.communication_models import (
    Chain,
    DelayBasedModel,
    DistanceModel,
    GilbertElliottModel,
    MatrixModel,
    NodeFailureModel,
    ProbabilisticModel,
    ScheduledModel,
)
from failure_api.core.parameters.component import Component
from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.noise_models import GaussianNoiseModel
from failure_api.serialization.components import part_classes
from failure_api.serialization.registry import built_in
from models_under_test import ALL, EXAMPLES, FAILURES, NOISES, ODD_IDS, PRESETS

every_model = pytest.mark.parametrize("model", ALL.values(), ids=ALL)


def parts_within(value):
    """Yields the classes of all parts and models of which a value is built."""
    if isinstance(value, tuple):
        for entry in value:
            yield from parts_within(entry)
    elif isinstance(value, FrozenMapping):
        yield from parts_within(tuple(value.values()))
    elif hasattr(value, "__dataclass_fields__"):
        yield type(value)
        yield from parts_within(tuple(getattr(value, field.name) for field in fields(value)))


def test_every_class_is_among_the_models_and_every_part_within_one():
    used = set(parts_within(tuple(ALL.values())))
    assert {entry.value_class for entry in built_in()} <= used
    ours = {
        part for part in part_classes(Component).values() if part.__module__.startswith("failure_")
    }
    assert len(ours) > 20
    assert ours <= used


@every_model
def test_dictionaries_json_and_yaml_hold_it(model):
    for defaults in (False, True):
        plain = to_dict(model, defaults=defaults)
        again = from_dict(plain)
        assert type(again) is type(model)
        assert again == model
        assert to_dict(again, defaults=defaults) == plain
        assert from_dict(json.loads(json.dumps(plain, allow_nan=False))) == model
        assert from_yaml(to_yaml(model, defaults=defaults)) == model


@every_model
def test_the_plain_data_is_nobody_elses(model):
    plain = to_dict(model, defaults=True)
    before = json.dumps(plain)
    for value in plain.values():
        if isinstance(value, list):
            value.clear()
    assert json.dumps(to_dict(model, defaults=True)) == before


@pytest.mark.parametrize("name", PRESETS)
def test_the_models_of_a_preset_travel_together(name):
    models = PRESETS[name]
    assert from_dict(to_dict(models)) == models
    assert from_yaml(to_yaml(models)) == models


def test_lists_keep_their_order_and_stay_lists():
    for models in ([*FAILURES.values()], [*NOISES.values()], []):
        assert from_dict(json.loads(json.dumps(to_dict(models)))) == models
        assert from_yaml(to_yaml(models)) == models
    assert from_dict(to_dict(tuple(NOISES.values()))) == [*NOISES.values()]


def test_defaults_are_left_out_until_they_are_asked_for():
    model = ProbabilisticModel(failure_prob=0.25)
    assert to_dict(model) == {"model": "probabilistic", "failure_prob": 0.25}
    assert to_dict(model, defaults=True) == {
        "model": "probabilistic",
        "failure_prob": 0.25,
        "max_bandwidth": 1.0,
        "agent_ids": None,
    }


def test_the_requirement_s_own_line():
    expected = GilbertElliottModel(p=0.05, r=0.25)
    assert from_dict({"model": "gilbert_elliott", "p": 0.05, "r": 0.25}) == expected
    assert from_yaml("{model: gilbert-elliott, p: 0.05, r: 0.25}") == expected


def test_a_class_is_told_apart_from_a_parameter_of_the_same_name():
    plain = to_dict(ScheduledModel(model=ProbabilisticModel(failure_prob=0.5), start=2))
    assert plain == {
        "model": "scheduled",
        "of": {"model": "probabilistic", "failure_prob": 0.5},
        "start": 2,
    }


def test_infinity_is_text_and_comes_back_as_a_number():
    model = NodeFailureModel(mode="mute", mean_time_to_failure=[float("inf"), 2.0])
    plain = to_dict(model)
    assert plain["mean_time_to_failure"] == ["inf", 2.0]
    assert from_dict(plain) == model
    assert from_yaml("model: distance\ndistance_threshold: .inf") == DistanceModel(
        distance_threshold=float("inf")
    )


def test_odd_ids_keep_their_types():
    model = ProbabilisticModel(failure_prob=0.5, agent_ids=ODD_IDS)
    for again in (from_dict(to_dict(model)), from_yaml(to_yaml(model))):
        assert [(type(each), each) for each in again.agent_ids] == [
            (type(each), each) for each in ODD_IDS
        ]


def test_names_and_values_that_are_no_plain_data_are_read_too():
    inner = GilbertElliottModel(p=0.05, r=0.25)
    assert from_dict({"model": "scheduled", "of": inner}) == ScheduledModel(model=inner)
    assert from_dict({"model": "signal_based", "path_loss": "log-distance"}).path_loss.exponent == 3
    assert from_dict(inner) is inner
    assert from_dict([inner, {"model": "chain", "models": [inner]}]) == [
        inner,
        Chain(models=[inner]),
    ]


def test_both_kinds_make_the_keywords_of_a_wrapper():
    plain = {
        "failure_models": [{"model": "probabilistic", "failure_prob": 0.5}],
        "noise_models": {"noise": "gaussian_noise", "standard_deviation": 0.5},
    }
    assert from_dict(plain) == {
        "failure_models": [ProbabilisticModel(failure_prob=0.5)],
        "noise_models": [GaussianNoiseModel(standard_deviation=0.5)],
    }


def test_a_file_is_read_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "models.yaml"
    path.write_text(to_yaml(EXAMPLES["jamming"]), encoding="utf-8")
    assert from_yaml(path) == from_yaml("models.yaml") == EXAMPLES["jamming"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        ("<<", "<<"),
        ("=", "="),
        ("017", 17),
        ("true", True),
        ("'1'", "1"),
        ("1e2", 100.0),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    model = from_yaml(f"model: probabilistic\nfailure_prob: 0\nagent_ids: [{text}, b]")
    assert repr(model.agent_ids) == repr((value, "b"))


PROBABILITIES = st.floats(0, 1)
AGENT_IDS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.integers(-3, 10**20),
    st.booleans(),
    st.tuples(st.text("ab", max_size=2), st.integers(0, 3)),
)
PER_LINK = st.one_of(
    PROBABILITIES,
    # All arrays of a model are for the same agents.
    st.lists(st.lists(PROBABILITIES, min_size=2, max_size=2), min_size=2, max_size=2),
    st.dictionaries(
        st.tuples(AGENT_IDS, AGENT_IDS).filter(lambda pair: pair[0] != pair[1]), PROBABILITIES
    ),
)
SCOPES = st.none() | st.lists(AGENT_IDS, min_size=1, max_size=4, unique=True)
SIMPLE = st.one_of(
    st.builds(ProbabilisticModel, failure_prob=PER_LINK, max_bandwidth=PER_LINK, agent_ids=SCOPES),
    st.builds(GilbertElliottModel, p=PER_LINK, r=PER_LINK, loss_good=PER_LINK),
    st.builds(DelayBasedModel, min_delay=st.integers(0, 3), max_delay=st.integers(3, 99)),
    st.builds(
        NodeFailureModel,
        mode=st.sampled_from(["crash", "mute", "deaf"]),
        mean_time_to_failure=st.dictionaries(AGENT_IDS, st.floats(1, allow_nan=False), min_size=1),
        mean_time_to_repair=st.floats(1, allow_nan=False),
    ),
    st.builds(
        MatrixModel,
        matrix=st.lists(
            st.lists(st.floats(0, 1e9), min_size=2, max_size=2), min_size=2, max_size=2
        ),
    ),
)
NESTED = st.recursive(
    SIMPLE,
    lambda inner: (
        st.builds(ScheduledModel, model=inner, start=st.integers(0, 9), severity=PER_LINK)
        | st.builds(Chain, models=st.dictionaries(st.text(min_size=1), SIMPLE, max_size=3))
    ),
    max_leaves=4,
)


@settings(max_examples=100)
@given(NESTED)
def test_any_model_comes_back(model):
    assert from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False))) == model
    assert from_yaml(to_yaml(model)) == model
