"""What there is to know about every model is there, and agrees with the model."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields

import numpy as np
import pytest

from failure_api.catalogue import describe, models
from failure_api.catalogue.describe import REQUIRED, expected_of, sections_of
from failure_api.catalogue.examples import AGENTS, short_text
from failure_api.communication_models import (
    Chain,
    GilbertElliottModel,
    MatrixModel,
    ProbabilisticModel,
    ScheduledModel,
)
from failure_api.errors import InvalidArgumentError
from failure_api.serialization.registry import key_of
from helpers import assert_one_sentence, play

EVERY = {one.name: one for one in models()}
OF_NOBODY = {"chain", "custom_noise"}
"""What is no model of anybody's, and has no source."""

every_description = pytest.mark.parametrize("one", EVERY.values(), ids=EVERY)
UNITS = {
    r"\bin rounds\b|^Rounds |[Nn]umber of rounds|[Ff]irst round|Most rounds": "rounds",
    r"\bdBm\b": "dBm",
    r"\bin dB\b": "dB",
    r"\bin (?:metres|m)\b": "m",
    r"\bin Hz\b": "Hz",
    r"units of the content": "units of the content",
}
RULES_WITHOUT_UNIT = {"trace.delay"}
"""Parameters whose own rules do not say that they count rounds."""


def amounts():
    """Yields the parameters of every model and of every part that are numbers."""
    for one in EVERY.values():
        for owner in (one, *one.parts):
            for parameter in owner.parameters:
                if not parameter.choices and parameter.name not in ("agent_ids", "obstacles"):
                    yield f"{owner.name}.{parameter.name}", parameter


@every_description
def test_a_model_says_what_it_is(one):
    assert one.kind in ("failure", "noise")
    assert one.origin == "failure_api"
    assert one.summary.endswith(".")
    assert "\n" not in one.summary
    assert len(one.summary) <= 100
    assert key_of(one.class_name) == key_of(one.name)
    assert (one.source == "") == (one.name in OF_NOBODY)


@every_description
def test_every_parameter_has_a_meaning_and_its_default(one):
    value_class = type(one.example)
    declared = {field.name: field for field in fields(value_class)}
    assert {each.name for each in one.parameters} == set(declared)
    for parameter in one.parameters:
        assert len(parameter.meaning.split()) > 2, parameter.name
        assert "$" not in parameter.meaning
        field = declared[parameter.name]
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        assert (parameter.default == REQUIRED) != has_default, parameter.name
        assert len(parameter.default) <= 40
    for part in one.parts:
        assert part.summary.endswith(".")
        assert all(len(each.meaning.split()) > 1 for each in part.parameters), part.name


@every_description
def test_texts_are_free_of_markup(one):
    sentences = [one.summary, *one.text, one.source, *(part.summary for part in one.parts)]
    sentences += [each.meaning for each in one.parameters]
    for sentence in sentences:
        assert not re.search(r"[$`\\]|\{\{", sentence), sentence
        # Braces are those of mappings and of sets.
        assert sentence.count("{") == sentence.count("}"), sentence


def test_units_are_those_of_which_the_meaning_speaks():
    known = dict(amounts())
    spoken_of = 0
    for name, parameter in known.items():
        for pattern, unit in UNITS.items():
            if name not in RULES_WITHOUT_UNIT and re.search(pattern, parameter.meaning):
                assert parameter.unit == unit, name
                spoken_of += 1
    assert spoken_of > 20
    units = {name: parameter.unit for name, parameter in known.items()}
    assert units["signal_based.transmit_power"] == "dBm"
    assert units["signal_based.noise_floor"] == "dBm"
    assert units["signal_based.metres_per_unit"] == "m"
    assert units["noise_floor.bandwidth"] == units["friis.frequency"] == "Hz"
    assert units["delay_based.max_delay"] == units["scheduled.ramp"] == "rounds"
    assert units["node_failure.mean_time_to_failure"] == "rounds"
    assert units["distance.distance_threshold"] == "the environment's units"
    assert units["bandwidth.capacity"] == "messages per round"
    assert units["quantization.bits"] == "bits"
    assert units["gilbert_elliott.p"] == ""


def test_what_may_differ_between_links_or_agents_says_so():
    varies = {name: parameter.varies for name, parameter in amounts()}
    assert varies["gilbert_elliott.p"] == varies["signal_based.transmit_power"] == "per link"
    assert varies["node_failure.mean_time_to_repair"] == "per agent"
    assert varies["delay_based.max_delay"] == varies["gaussian_noise.mean"] == ""


def test_choices_are_what_a_parameter_takes():
    def choices(name, parameter):
        return next(each for each in EVERY[name].parameters if each.name == parameter).choices

    assert choices("gilbert_elliott", "start") == ("stationary", "good")
    assert choices("signal_based", "path_loss") == ("friis", "log_distance", "two_ray_ground")
    assert choices("signal_based", "fading") == ("rayleigh", "rician", "nakagami")
    assert choices("scheduled", "model") == choices("randomized", "model") == ()


def test_defaults_are_short_but_whole():
    defaults = {each.name: each.default for each in EVERY["signal_based"].parameters}
    assert defaults["path_loss"] == "LogDistance()"
    assert defaults["transmit_power"] == "20.0"
    assert defaults["agent_ids"] == "None"


@every_description
def test_the_example_is_a_model_and_knows_what_is_expected(one):
    assert key_of(type(one.example).__name__) == key_of(one.name)
    assert short_text(one.example).startswith(f"{one.class_name}(")
    for what in ("loss", "burst_length", "age"):
        ask = getattr(one.example, f"expected_{what}", lambda: None)
        value = ask()
        assert (one.expected[what] is None) == (value is None)
        if isinstance(value, float):
            assert one.expected[what] == value


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    "name",
    [name for name, one in EVERY.items() if one.expected["loss"]],
)
def test_the_expected_loss_is_that_of_the_links(name):
    one = EVERY[name]
    played = play(one.example, rounds=3000, agents=len(AGENTS), seed=1)
    pairs = ~np.eye(len(AGENTS), dtype=bool)
    arrivals = played.arrived if played.arrivals is None else played.arrivals
    assert 1 - np.mean(arrivals[:, pairs]) == pytest.approx(one.expected["loss"], abs=0.04)


def test_means_are_taken_over_the_links_alone():
    table = [[1.0, 0.2], [0.4, 1.0]]
    assert expected_of(ProbabilisticModel(failure_prob=table))["loss"] == pytest.approx(0.3)
    whole = MatrixModel(matrix=[[0, 1], [1, 0]])
    assert expected_of(whole)["loss"] == 0
    assert expected_of(None) == {"loss": None, "burst_length": None, "age": None}
    # Links of which nobody says anything lose nothing.
    assert expected_of(Chain(models=[])) == {"loss": 0.0, "burst_length": 1.0, "age": 0.0}


def test_parameters_replace_those_of_the_example():
    assert describe("gilbert-elliott").example == GilbertElliottModel(p=0.05, r=0.25)
    one = describe("GilbertElliott", r=1, loss_bad=0.5)
    assert one.example == GilbertElliottModel(p=0.05, r=1, loss_bad=0.5)
    of = {"model": "probabilistic", "failure_prob": 1}
    assert describe("scheduled", of=of, ramp=0).example == ScheduledModel(
        model=ProbabilisticModel(failure_prob=1), start=30, period=100
    )
    with pytest.raises(InvalidArgumentError) as caught:
        describe("gilbert-elliott", name=3)
    assert_one_sentence(caught.value, "'name' was given")
    with pytest.raises(InvalidArgumentError) as caught:
        describe("gilbert-elliott", p=3)
    assert_one_sentence(caught.value, "p must lie in [0, 1]", "3 was given")


class Documented:
    r"""Does what it says.

    With $p$ it is $\tfrac{1}{p}$:
    $$x \le 2$$

    Args:
        one: The first, over
            two lines.
        two (float): The second: with a colon.

    Text that belongs to no section.

    Raises:
        ValueError: Never.

    Source: A book,
        of two lines.
    """


def test_a_docstring_is_read_section_by_section():
    sections = sections_of(Documented)
    assert sections.summary == "Does what it says."
    assert sections.text == ("With p it is 1 / p:", "x ≤ 2", "Text that belongs to no section.")
    assert sections.parameters == {
        "one": "The first, over two lines.",
        "two": "The second: with a colon.",
    }
    assert sections.source == "A book, of two lines."
    assert sections_of(type("Silent", (), {})) == ("", (), {}, "")


def test_other_constructors_tell_their_own_words_alone():
    found = describe("gilbert_elliott").constructors
    named = [[word.name for word in one.words] for one in found]
    assert named == [["loss", "burst"], ["transition_matrix"]]
    assert describe("probabilistic").constructors == ()
    for one in models():
        for constructor in one.constructors:
            assert all(word.meaning for word in constructor.words), one.name
