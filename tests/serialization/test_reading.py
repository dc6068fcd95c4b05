"""Mistakes in plain data: one sentence each, with the place and the nearest known word."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

from failure_api.catalogue import PlainDataError, from_dict, to_dict
from failure_api.communication_models.nested import DEEPEST as DEEPEST_MODELS
from failure_api.errors import InvalidArgumentError
from failure_api.serialization.paths import DEEPEST
from helpers import assert_one_sentence
from models_under_test import ALL

BURSTY = {"model": "gilbert_elliott", "p": 0.05, "r": 0.25}
LOSS = {"model": "gilbert_elliott", "loss": 0.3}
NOISE = {"noise": "gaussian_noise", "standard_deviation": 1.0}
RADIO = {"model": "signal_based"}


def refusal(plain):
    with pytest.raises(PlainDataError) as caught:
        from_dict(plain)
    # What a dictionary shows is no remedy.
    bare = re.sub(r"\{[^{}]*\}", "...", str(caught.value))
    assert_one_sentence(InvalidArgumentError(bare))
    return str(caught.value)


@pytest.mark.parametrize(
    ("plain", "starts", "holds"),
    [
        ({"model": "gilbert_eliott"}, "model must be", "did you mean 'gilbert_elliott'?"),
        ({"model": "Probabilistc"}, "model must be", "did you mean 'probabilistic'?"),
        ({"model": "zzz"}, "model must be", "known are bandwidth, chain"),
        ({"model": 3}, "model must be", "3 was given"),
        ({"model": None}, "model must be", "None was given"),
        ({"model": ["chain"]}, "model must be", "['chain'] was given"),
        ({"noise": "gausian_noise"}, "noise must be", "did you mean 'gaussian_noise'?"),
        ({"model": "gaussian_noise"}, "model must be the name of a failure model", "known are"),
        ({"noise": "probabilistic"}, "noise must be the name of a noise model", "known are"),
        ([BURSTY, NOISE], "failure_models[1] must be", "the key 'model'"),
        ([NOISE, BURSTY], "noise_models[1] must be", "the key 'noise'"),
        ({"failure_models": [NOISE]}, "failure_models[0] must be", "the key 'model'"),
        ({"noise_models": [BURSTY]}, "noise_models[0] must be", "'noise': 'gaussian_noise'"),
        ({"failure_models": 3}, "failure_models must be a list", "3 was given"),
        ({"failure_models": "chain"}, "failure_models must be a list", "'chain' was given"),
        ({"failure_modls": []}, "models must be a dictionary", "the key 'model' or 'noise'"),
        ({}, "models must be a dictionary", "the key 'model' or 'noise'"),
        (None, "models must be a dictionary", "None was given"),
        (3.5, "models must be a dictionary", "3.5 was given"),
        ("probabilistc", "model must be", "did you mean 'probabilistic'?"),
        (object, "models must be a dictionary", "object"),
    ],
)
def test_what_is_no_model(plain, starts, holds):
    sentence = refusal(plain)
    assert sentence.startswith(starts)
    assert holds in sentence


@pytest.mark.parametrize(
    ("plain", "starts", "holds"),
    [
        ({**BURSTY, "loss_god": 0.1}, "models must hold parameters", "did you mean 'loss_good'?"),
        ([{**BURSTY, "q": 1}], "failure_models[0] must hold", "known are agent_ids, loss_bad"),
        ({**BURSTY, 3: 1}, "models must hold parameters", "3 was given"),
        ({"model": "gilbert_elliott", "p": 1}, "models must give every parameter", "add r."),
        ({"model": "gilbert_elliott"}, "models must give every parameter", "add p and r."),
        ("gilbert_elliott", "models must give every parameter", "add p and r."),
        ({"model": "scheduled", "start": 2}, "models must give every parameter", "add of."),
        ({**BURSTY, "p": 1.5}, "p must lie in [0, 1]", "1.5 was given"),
        ({**BURSTY, "p": "often"}, "p must be a number", "'often' was given"),
        ({**BURSTY, "p": None}, "p must be a number", "None was given"),
        ({**BURSTY, "p": "nan"}, "p must lie in [0, 1]", "nan was given"),
        ({**BURSTY, "p": [[0, 2], [0, 0]]}, "p[0, 1] must lie in [0, 1]", "2.0 was given"),
        ({**BURSTY, "p": [0, 1]}, "p must be a number", "[N, N]"),
        ({**BURSTY, "p": {"links": [["a", "b"]]}}, "p.links[0] must be a row", "['a', 'b']"),
        ({**BURSTY, "p": {"links": 3}}, "p.links must be a list of rows", "3 was given"),
        ({**BURSTY, "p": {"links": [["a", "b", 2]]}}, "p must lie in [0, 1]", "2 was given"),
        ({**BURSTY, "p": {"links": [["a", "b", 1]] * 2}}, "p.links[1] must come once", "'b'"),
        ({**BURSTY, "p": {"links": [[{}, "b", 1]]}}, "p.links[0] must be a row", "agents' ids"),
        ({**BURSTY, "p": {"a": 0.5}}, "p must have (sender, receiver) pairs", "'a' was given"),
        ({**BURSTY, "start": "god"}, "start must be 'stationary' or 'good'", "mean 'good'?"),
        ({**BURSTY, "agent_ids": "agent_0"}, "agent_ids must", "'agent_0' was given"),
        ({**LOSS, "bursts": 5}, "models must hold", "'bursts' was given: did you mean 'burst'?"),
        ({**LOSS, "p": 1}, "models must hold", "together, but"),
        ({**LOSS, "p": 1}, "models must hold", "give p and r, or loss and burst, or trans"),
        ({**LOSS, "burst": 5, "mean-burst-length": 5}, "models must give each", "leave one of"),
        ({**BURSTY, "loss-bad": 1, "loss_bad": 0}, "models must give each parameter once", "'loss"),
        ([BURSTY, {**BURSTY, "r": 2}], "failure_models[1].r must lie in [0, 1]", "2 was given"),
    ],
)
def test_wrong_parameters(plain, starts, holds):
    sentence = refusal(plain)
    assert sentence.startswith(starts)
    assert holds in sentence


@pytest.mark.parametrize(
    ("plain", "starts", "holds"),
    [
        ({"model": "scheduled", "of": {**BURSTY, "p": 2}}, "of.p must lie", "2 was given"),
        ({"model": "scheduled", "of": NOISE}, "of must be a dictionary", "the key 'model'"),
        ({"model": "scheduled", "of": 3}, "of must be", "3 was given"),
        ({"model": "scheduled", "of": "chian"}, "of.model must be", "did you mean 'chain'?"),
        ({"model": "scheduled", "model_": BURSTY}, "models must hold parameters", "'model_'"),
        ({"model": "chain", "models": [BURSTY, {**BURSTY, "rr": 1}]}, "models[1] must", "'rr'"),
        ({"model": "chain", "models": [BURSTY, NOISE]}, "models[1] must be", "the key 'model'"),
        ({"model": "chain", "models": 3}, "failure_models must", "3 was given"),
        ({**RADIO, "path_loss": "fris"}, "path_loss.type must be", "did you mean 'friis'?"),
        ({**RADIO, "path_loss": {"type": "rayleigh"}}, "path_loss.type must be", "known are"),
        ({**RADIO, "path_loss": {"type": "friis"}}, "path_loss must give", "add frequency."),
        (
            {**RADIO, "path_loss": {"type": "friis", "frequency": -1}},
            "path_loss.frequency must lie in",
            "-1 was given",
        ),
        (
            {**RADIO, "path_loss": {"type": "friis", "frequncy": 1}},
            "path_loss must hold parameters of 'friis'",
            "did you mean 'frequency'?",
        ),
        ({**RADIO, "path_loss": 3}, "path_loss must be a PathLoss", "3 was given"),
        ({**RADIO, "fading": {"type": 3}}, "fading.type must be the name of a Fading", "3 was"),
        ({**RADIO, "fading": {"type": ["friis"]}}, "fading.type must be", "['friis'] was given"),
        (
            {"model": "scheduled", "of": {**RADIO, "fading": {"type": "rician", "k_factor": -1}}},
            "of.fading.k_factor must",
            "-1 was given",
        ),
        (
            {"model": "randomized", "of": BURSTY, "parameters": {"q": [0, 1]}},
            "parameters",
            "'q' was given",
        ),
        (
            {"model": "randomized", "of": BURSTY, "parameters": {"p": {"type": "unifrm"}}},
            "parameters.p.type must be",
            "did you mean 'uniform'?",
        ),
        ({**RADIO, "obstacles": "walls"}, "obstacles must be a function", "'module:name'"),
        ({**RADIO, "obstacles": 3}, "obstacles must be a function", "3 was given"),
        ({**RADIO, "obstacles": "math:pii"}, "obstacles must name something", "did you mean 'pi'?"),
        ({**RADIO, "obstacles": "math:pi"}, "obstacles must be a function", "'math:pi' was given"),
        (
            {**RADIO, "obstacles": "no_such_module:f"},
            "obstacles must name a module that can be imported",
            "No module named 'no_such_module'",
        ),
        ({**RADIO, "obstacles": "os:system('x')"}, "obstacles must be a function", "os:system"),
        ({**RADIO, "obstacles": {"function": 3}}, "obstacles must be a function", "3 was given"),
    ],
)
def test_wrong_values_in_nested_places(plain, starts, holds):
    sentence = refusal(plain)
    assert sentence.startswith(starts)
    assert holds in sentence


def test_a_module_that_ends_the_program_ends_nothing(tmp_path, monkeypatch):
    (tmp_path / "gives_up.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    sentence = refusal({"noise": "custom_noise", "function": "gives_up:f"})
    assert sentence.startswith("function must name a module that can be imported (SystemExit: 3)")


def test_the_error_says_where_and_pickles():
    with pytest.raises(PlainDataError) as caught:
        from_dict({"failure_models": [BURSTY, {"model": "scheduled", "of": {**BURSTY, "p": 2}}]})
    assert caught.value.path == ("failure_models", 1, "of", "p")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.path) == (str(caught.value), caught.value.path)
    assert isinstance(again, InvalidArgumentError)
    assert isinstance(again, ValueError)


def nested(depth):
    plain: Any = BURSTY
    for _ in range(depth):
        plain = {"model": "scheduled", "of": plain}
    return plain


@pytest.mark.parametrize("depth", [DEEPEST + 2, 500, 20_000])
def test_deep_nesting_is_a_sentence(depth):
    assert "must be nested no deeper" in refusal(nested(depth))
    lists: Any = 0.5
    for _ in range(depth):
        lists = [lists]
    assert "deeper" in refusal({**BURSTY, "p": lists})
    refusal(lists)


def test_depth_within_reason_is_read():
    model = from_dict(nested(DEEPEST_MODELS))
    assert to_dict(model) == nested(DEEPEST_MODELS)


def test_plain_data_within_itself_is_a_sentence():
    circle: dict[str, Any] = {"model": "scheduled"}
    circle["of"] = circle
    refusal(circle)
    ring: list[Any] = []
    ring.append(ring)
    refusal(ring)
    refusal({**BURSTY, "p": ring})


def test_what_is_read_is_left_alone():
    for model in ALL.values():
        plain = to_dict(model)
        before = copy.deepcopy(plain)
        from_dict(plain)
        assert plain == before
