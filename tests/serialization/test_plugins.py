"""Models of other distributions, which are really there, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from distributions_under_test import install_broken, install_good

import failure_api
from failure_api.errors import FailureApiError
from failure_api.serialization.registry import BrokenPluginError, built_in

SOURCE = Path(failure_api.__file__).parents[1]

REPORT = """
import json, sys
import failure_api.catalogue as catalogue
from failure_api.serialization.registry import plugins

def tried(call):
    try:
        value = call()
    except BaseException as error:
        return {"error": type(error).__name__, "text": str(error)}
    return value if isinstance(value, (str, int, float, list, dict, type(None))) else repr(value)

def both_ways(plain):
    model = catalogue.from_dict(plain)
    written = catalogue.to_dict(model)
    text = json.dumps(written, allow_nan=False)
    assert catalogue.from_dict(json.loads(text)) == model
    assert catalogue.from_yaml(catalogue.to_yaml(model)) == model
    return written

def described(name, **parameters):
    one = catalogue.describe(name, **parameters)
    return {**one._asdict(), "example": repr(one.example), "parameters": [
        list(each) for each in one.parameters
    ], "parts": [part.name for part in one.parts], "text": list(one.text)}

found = plugins()
report = {
    "listed": {one.name: one.origin for one in catalogue.models()},
    "broken": {one.name: [one.origin, one.reason] for one in found.broken},
}
for name, expression in json.load(sys.stdin).items():
    report[name] = tried(lambda: eval(expression))
print(json.dumps(report))
"""


def run(folder, *command, given=""):
    path = os.pathsep.join([str(folder), str(SOURCE)])
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, *command],
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )


def report_of(folder, expressions):
    done = run(folder, "-c", REPORT, given=json.dumps(expressions))
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


RAIN = "{'model': 'rain', 'wetness': 0.5"
BROKEN_NAMES = [
    *("absent", "crashing", "leaving", "lost_types", "missing", "number", "plain", "syntax"),
    "unfinished",
]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    install_good(folder)
    expressions = {
        "found": "catalogue.find('RAIN').value_class.__name__",
        "found otherwise": "catalogue.find('rain-again').value_class.__name__",
        "written": f"both_ways({RAIN}, 'cloud': 'cloud', 'agent_ids': ['a', 'b']}})",
        "odd numbers": f"both_ways({RAIN}, 'extra': [{{'number': 'inf'}}, 'inf', {{'x': 1}}]}})",
        "noise": "both_ways({'noise': 'Hum', 'loudness': 0.25})",
        "in a chain": f"both_ways({{'model': 'chain', 'models': [{RAIN}}}]}})",
        "typo": "catalogue.from_dict({'model': 'rian', 'wetness': 0.5})",
        "typo within": f"catalogue.from_dict({RAIN}, 'cloud': {{'type': 'cloud', 'covr': 1}}}})",
        "refused": "catalogue.from_dict({'model': 'picky', 'wetness': 0.5, 'pair': [1]})",
        "described": "described('rain')",
        "bare": "described('bare')",
        "picky": "described('picky')",
        "picky with values": "described('picky', pair=[1, 2])['example']",
        "boastful": "described('boastful')",
    }
    return report_of(folder, expressions)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    install_good(folder)
    install_broken(folder)
    expressions = {name: f"catalogue.find({name!r})" for name in BROKEN_NAMES}
    expressions["as a dictionary"] = "catalogue.from_dict({'model': 'crashing'})"
    expressions["ours"] = "catalogue.find('delay_based').value_class.__module__"
    expressions["theirs"] = "catalogue.find('rain').value_class.__name__"
    return report_of(folder, expressions)


def test_models_of_others_are_listed_after_ours(good):
    listed = good["listed"]
    assert list(listed)[: len(built_in())] == [entry.name for entry in built_in()]
    theirs = {name for name, origin in listed.items() if origin == "rainy-links"}
    assert theirs == {"rain", "picky", "boastful", "bare", "hum", "rain_again"}
    assert good["broken"] == {}


def test_models_of_others_are_found_read_and_written(good):
    assert good["found"] == good["found otherwise"] == "RainModel"
    assert good["written"] == {
        "model": "rain",
        "agent_ids": ["a", "b"],
        "wetness": 0.5,
        "cloud": {"type": "cloud"},
    }
    assert good["odd numbers"]["extra"] == [{"number": "inf"}, "inf", {"x": 1}]
    assert good["noise"] == {"noise": "hum", "loudness": 0.25}
    assert good["in a chain"]["models"] == [{"model": "rain", "wetness": 0.5}]


def test_mistakes_with_models_of_others_are_sentences(good):
    assert good["typo"]["error"] == good["typo within"]["error"] == "PlainDataError"
    assert good["typo"]["text"].endswith("did you mean 'rain'?")
    assert good["typo within"]["text"].startswith("cloud must hold parameters of 'cloud'")
    assert good["refused"] == {
        "error": "PlainDataError",
        "text": "models must describe 'picky', which its class refuses "
        "(ValueError: two of them, please): fix it.",
    }


def test_models_of_others_are_described(good):
    one = good["described"]
    assert (one["kind"], one["family"], one["origin"]) == ("failure", "Rain", "rainy-links")
    assert one["summary"] == "Every link is down while it rains on it."
    assert one["source"] == "the sky."
    assert one["parts"] == ["cloud"]
    assert one["parameters"][0] == [
        "wetness",
        "required",
        "",
        "per link",
        [],
        "Probability of rain.",
    ]
    assert one["example"].startswith("RainModel(agent_ids=None, wetness=0.2")
    assert good["bare"]["example"] == "Bare(agent_ids=None)"
    assert good["picky"]["example"] == "None"
    assert "pair=(1, 2)" in good["picky with values"]
    assert good["boastful"]["expected"] == {"loss": None, "burst_length": None, "age": None}


@pytest.mark.heavy
def test_the_command_shows_models_of_others(tmp_path):
    install_good(tmp_path)
    install_broken(tmp_path)
    done = run(tmp_path, "-m", "failure_api", "models")
    assert done.returncode == 0, done.stderr
    assert "(from rainy-links)" in done.stdout
    assert "wetness  (required, per link)" in done.stdout
    for name in BROKEN_NAMES:
        assert f"{name} cannot be used. The entry point '{name}' of thunder" in done.stdout
    one = run(tmp_path, "-m", "failure_api", "models", "rain", "--set", "wetness=1")
    assert one.returncode == 0, one.stderr
    assert one.stdout.startswith("RainModel (rain, failure model, from rainy-links)")
    assert "0 % current, 0 % late, 100 % nothing" in one.stdout
    picky = run(tmp_path, "-m", "failure_api", "models", "picky")
    assert picky.returncode == 0, picky.stderr
    assert "give them by --set wetness=VALUE pair=VALUE" in " ".join(picky.stdout.split())


def test_what_is_broken_hides_nothing_else(broken, good):
    assert broken["listed"] == good["listed"]
    assert broken["ours"] == "failure_api.communication_models.delay.model"
    assert broken["theirs"] == "RainModel"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent", "cannot be loaded (AttributeError: "),
        ("crashing", "cannot be loaded (RuntimeError: no way): fix thunder or uninstall it."),
        ("delay_based", "takes a name that DelayBasedModel of failure_api already has: rename"),
        ("gilbert_elliott", "takes a name that GilbertElliottModel of failure_api already has"),
        ("leaving", "cannot be loaded (SystemExit: bye): fix thunder or uninstall it."),
        ("lost_types", "has fields whose types cannot be read (NameError: name 'Nowhere'"),
        ("missing", "cannot be loaded (ModuleNotFoundError: No module named 'rainy_missing')"),
        ("number", "must be a class derived from CommunicationModel or NoiseModel"),
        ("plain", "must be a class derived from CommunicationModel or NoiseModel"),
        ("rain", "takes a name that RainModel of rainy-links already has: rename"),
        ("syntax", "cannot be loaded (SyntaxError: "),
        ("unfinished", "with every method they ask for, but is <class 'rainy.Unfinished'>"),
    ],
)
def test_what_is_broken_is_named_with_its_reason(name, reason, broken):
    origin, text = broken["broken"][name]
    assert origin == "thunder"
    assert reason in text
    assert "\n" not in text
    assert text.startswith("The entry point ")
    assert text.endswith(".")
    if name in BROKEN_NAMES:
        assert broken[name] == {"error": "BrokenPluginError", "text": text}


def test_a_broken_model_is_refused_as_a_dictionary_too(broken):
    assert broken["as a dictionary"]["error"] == "BrokenPluginError"
    assert issubclass(BrokenPluginError, FailureApiError)
    assert issubclass(BrokenPluginError, ImportError)
