"""YAML: mistakes with their line, and nothing that could harm who reads it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.catalogue import PlainDataError, from_yaml, to_yaml
from failure_api.communication_models import ProbabilisticModel
from failure_api.errors import FailureApiError, InvalidArgumentError
from failure_api.serialization.paths import DEEPEST
from failure_api.serialization.yaml import LONGEST

GOOD = "model: probabilistic\nfailure_prob: 0.1\n"


def refusal(source):
    with pytest.raises(InvalidArgumentError) as caught:
        from_yaml(source)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert " must " in sentence
    assert sentence.endswith((".", "?"))
    return sentence


@pytest.mark.parametrize(
    ("text", "line", "holds"),
    [
        ("model: probabilistic\nfailure_prob: [1", 2, "must be YAML (expected ',' or ']'"),
        ("model: probabilistic\n  failure_prob: 1", 2, "mapping values are not allowed here"),
        ("model: 'probabilistic", 1, "unexpected end of stream"),
        ("model: probabilistic\n\tfailure_prob: 1", 2, "cannot start any token"),
        (f"{GOOD}# \x07\n", 3, "special characters are not allowed"),
        (f"{GOOD}---\n{GOOD}", 3, "found another document"),
        ("%YAML 3.0\n---\nmodel: x", 1, "incompatible YAML document"),
        (f"{GOOD}failure_prob: 0.2", 3, "must hold each key once, but 'failure_prob' was given"),
        (f"{GOOD}model: chain", 3, "must hold each key once, but 'model' was given"),
        (f"{GOOD}? [a, b]\n: 1", 3, "must have words as keys"),
        (f"{GOOD}max_bandwidth: {'9' * 5000}", 3, "max_bandwidth must be a number"),
        ("", 1, "models must be a dictionary"),
        ("# nothing\n\n", 1, "models must be a dictionary"),
        ("- model: probabilistc", 1, "failure_models[0].model must be"),
        (f"{GOOD}failure_pob: 0.1", 3, "did you mean 'failure_prob'?"),
        ("model: probabilistic\nfailure_prob: 1.5", 2, "failure_prob must lie in [0, 1]"),
        ("model: probabilistic\nfailure_prob: 1.5.5", 2, "failure_prob must be a number"),
        (
            "model: scheduled\nof:\n  model: signal_based\n  path_loss:\n    type: fris",
            5,
            "of.path_loss.type must be the name of a PathLoss, but 'fris' was given: did you mean",
        ),
        (
            "failure_models:\n  - {model: probabilistic,\n     failure_prob: 2}",
            3,
            "failure_models[0].failure_prob must lie",
        ),
        ("- model: partition\n  groups:\n  - [a]\n  - [a]", 2, "failure_models[0].groups"),
    ],
)
def test_mistakes_come_with_their_line(text, line, holds):
    sentence = refusal(text)
    assert sentence.startswith(f"YAML, line {line}")
    assert holds in sentence


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
def test_lines_are_counted_as_an_editor_counts_them(separator):
    text = separator.join(["model: probabilistic", "failure_prob: 0.1", "agent_ids: *all"])
    sentence = refusal(text)
    assert sentence.startswith("YAML, line 3, must not hold anchors or aliases")
    assert "'agent_ids: *all' was given" in sentence


LAUGHS = [f"{b}: &{b} [*{a}, *{a}]" for a, b in pairwise("abcdefghijklmnopqrstuvwxyz")]
BILLION_LAUGHS = "\n".join(["a: &a [lol, lol]", *LAUGHS])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("model: !!python/object/apply:os.mkdir [{directory}]", "tags"),
        ("model: !!python/object:os.system {{}}", "tags"),
        ("model: !!python/name:os.system", "tags"),
        ("model: !!str probabilistic", "tags"),
        ("!!python/object/new:os.mkdir\nargs: [{directory}]", "tags"),
        ("model: !own x", "tags"),
        ("&top\nmodel: chain\nmodels: [*top]", "anchors or aliases"),
        ("- &one [*one]", "anchors or aliases"),
        ("model: *nobody", "anchors or aliases"),
        ("base: &base {{p: 1}}\nmodel:\n  <<: *base", "anchors or aliases"),
    ],
)
def test_nothing_is_executed_or_expanded(text, what, tmp_path):
    sentence = refusal(text.format(directory=tmp_path / "made"))
    assert f"must not hold {what}" in sentence
    assert not (tmp_path / "made").exists()


def test_a_billion_laughs_are_refused_at_the_first():
    assert "line 1, must not hold anchors" in refusal(BILLION_LAUGHS)


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "? " * 100_000])
def test_deep_nesting_is_a_sentence(text):
    assert f"nested deeper than {DEEPEST} times" in refusal(text)
    assert len(refusal(text)) < 400


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.yaml"
    path.write_text(f"- {GOOD[:-1]}\n" * 200_000)
    assert path.stat().st_size > 10_000_000 * 0.8
    sentence = refusal(path)
    assert sentence.startswith(f"{path} must be no longer than {LONGEST} characters")
    assert "plain data from Python" in sentence
    assert "must be no longer" in refusal("x" * (LONGEST + 1))


def test_a_long_file_is_read(tmp_path):
    path = tmp_path / "long.yml"
    models = [ProbabilisticModel(failure_prob=0.1)] * 1000
    path.write_text(to_yaml(models))
    assert from_yaml(path) == models


def test_files_that_cannot_be_read(tmp_path):
    missing = tmp_path / "missing.yaml"
    sentence = refusal(missing)
    assert sentence.startswith("source must be a text file that can be read (no such file")
    assert str(missing) in sentence
    assert refusal(str(missing)) == sentence
    assert "(is a directory)" in refusal(tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"model: \xff\xfe")
    assert "can't decode byte 0xff" in refusal(binary)
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    assert refusal(empty).startswith(f"{empty}, line 1: models must be a dictionary")
    assert "null" in refusal(tmp_path / "nu\0ll.yaml")


def test_the_file_and_the_line_are_named(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text(f"# comment\n{GOOD}failure_pob: 1\n")
    with pytest.raises(PlainDataError) as caught:
        from_yaml(path)
    assert str(caught.value).startswith(f"{path}, line 4: models must hold parameters")
    assert caught.value.path == ("failure_pob",)


@pytest.mark.parametrize("source", [3, None, b"model: chain", ["model"]])
def test_other_sources_are_refused(source):
    with pytest.raises(InvalidArgumentError, match=r"^source must be YAML text or a path"):
        from_yaml(source)


CHARACTERS = st.sampled_from(
    [*"\n\n  --:[]{},#&*!|>'\"%@`?\t~", "model", "p", "1", "probabilistic"]
)


@settings(max_examples=500)
@given(st.lists(CHARACTERS, max_size=25).map("".join) | st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        from_yaml(text)
    except FailureApiError as error:
        sentence = str(error)
    else:
        return
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))


def test_unicode_is_written_as_it_is():
    model = ProbabilisticModel(failure_prob={("Zoë", "日本"): 0.5})
    assert "Zoë" in to_yaml(model)
    assert "日本" in to_yaml(model)
    assert from_yaml(to_yaml(model)) == model
