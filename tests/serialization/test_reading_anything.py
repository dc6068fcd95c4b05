"""Whatever plain data holds, it is read or refused in one sentence."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from failure_api.catalogue import PlainDataError, from_dict, to_dict
from failure_api.errors import FailureApiError
from models_under_test import ALL

WORDS = st.sampled_from(
    [
        *("model", "noise", "type", "of", "function", "links", "agents", "number"),
        *("failure_models", "noise_models", "models", "names", "parameters", "agent_ids"),
        *("gilbert_elliott", "probabilistic", "chain", "scheduled", "randomized", "trace"),
        *("signal_based", "jamming", "custom_noise", "byzantine", "friis", "rayleigh", "uniform"),
        *("p", "r", "failure_prob", "path_loss", "bandwidth", "inf", "nan", "a:b", "math:sin"),
    ]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**400), st.text(), WORDS
)
JSON_LIKE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), inner),
    max_leaves=12,
)


def fails_well(plain):
    """Raises unless plain data is read, or refused in one sentence."""
    try:
        from_dict(plain)
    except FailureApiError as error:
        refused = error
    else:
        return
    assert isinstance(refused, PlainDataError)
    assert "\n" not in str(refused)
    assert str(refused).endswith((".", "?"))


@settings(max_examples=300)
@given(JSON_LIKE)
def test_anything_is_read_or_refused(plain):
    fails_well(plain)


@settings(max_examples=150)
@given(st.dictionaries(WORDS, JSON_LIKE), st.sampled_from(["model", "noise"]), WORDS)
def test_any_parameters_are_read_or_refused(plain, tag, name):
    fails_well({**plain, tag: name})


def places(plain):
    """Returns every container within plain data with each of its keys."""
    if not isinstance(plain, dict | list):
        return []
    keys = list(plain) if isinstance(plain, dict) else range(len(plain))
    inner = [place for key in keys for place in places(plain[key])]
    return [*((plain, key) for key in keys), *inner]


SMALL = {name: model for name, model in ALL.items() if len(json.dumps(to_dict(model))) < 600}


@settings(max_examples=400)
@given(st.data())
def test_one_wrong_value_in_a_right_model_is_read_or_refused(data):
    plain = to_dict(SMALL[data.draw(st.sampled_from(sorted(SMALL)))])
    container, key = data.draw(st.sampled_from(places({"": plain})))
    change = data.draw(st.sampled_from(["replace", "remove", "rename"]))
    if change == "remove" or (change == "rename" and isinstance(container, list)):
        del container[key]
    elif change == "rename":
        container[data.draw(WORDS | st.text(max_size=5))] = container.pop(key)
    else:
        container[key] = data.draw(JSON_LIKE)
    fails_well(plain)
