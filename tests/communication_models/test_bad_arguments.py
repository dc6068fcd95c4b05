"""Every wrong argument of every model is one sentence: its name, the rule, what to do."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from failure_api.communication_models import (
    DelayBasedModel,
    DistanceModel,
    MatrixModel,
    ProbabilisticModel,
)
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence

NOT_NUMBERS = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.sampled_from(["0.5", "nan", object(), b"half", 1j, ..., [None], "two\nlines", {0.5}]),
)
NEGATIVE = st.floats(max_value=0, exclude_max=True)
TOO_LARGE = st.floats(min_value=1, exclude_min=True)
NOT_PROBABILITIES = st.one_of(NEGATIVE, TOO_LARGE, st.just(np.nan))
NOT_BANDWIDTHS = st.one_of(NEGATIVE, st.sampled_from([np.nan, np.inf]))
NOT_DISTANCES = st.one_of(NEGATIVE, st.sampled_from([0, 0.0, -0.0, np.nan]))
WRONG_SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4).filter(
    lambda shape: len(shape) != 2 or shape[0] != shape[1]
)


@st.composite
def with_one_wrong_entry(draw, numbers):
    """Draws an [N, N] array of which one entry off the diagonal is wrong."""
    agents = draw(st.integers(2, 4))
    table = np.full((agents, agents), 0.5)
    sender = draw(st.integers(0, agents - 1))
    receiver = (sender + draw(st.integers(1, agents - 1))) % agents
    table[sender, receiver] = draw(numbers)
    return draw(st.sampled_from([table, table.tolist()]))


def wrong_for_links(numbers):
    return st.one_of(
        numbers,
        NOT_NUMBERS,
        with_one_wrong_entry(numbers),
        WRONG_SHAPES.map(lambda shape: np.full(shape, 0.5)),
        st.sampled_from([[[0.5, 0.5], [0.5]], [], [[]], [0.5, 0.5], [["a", "b"], ["c", "d"]]]),
        st.one_of(numbers, NOT_NUMBERS).map(lambda value: {("a", "b"): value}),
        st.sampled_from(["ab", ("a",), ("a", "a"), ("a", "b", "c"), 3, None]).map(
            lambda key: {key: 0.5}
        ),
    )


def refused(argument, make, *words):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert_one_sentence(caught.value, argument, *words)


LINK_PARAMETERS = {
    "failure_prob": (ProbabilisticModel, {}, NOT_PROBABILITIES),
    "max_bandwidth": (ProbabilisticModel, {"failure_prob": 0.5}, NOT_BANDWIDTHS),
    "distance_threshold": (DistanceModel, {}, NOT_DISTANCES),
    "failure_prob of a distance": (DistanceModel, {"distance_threshold": 1.0}, NOT_PROBABILITIES),
    "message_drop_probability": (
        DelayBasedModel,
        {"min_delay": 0, "max_delay": 1},
        NOT_PROBABILITIES,
    ),
}
every_link_parameter = pytest.mark.parametrize("name", LINK_PARAMETERS)


@pytest.mark.sampled(4)
@every_link_parameter
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_wrong_link_parameters_are_refused(name, data):
    model, others, numbers = LINK_PARAMETERS[name]
    argument = name.split()[0]
    value = data.draw(wrong_for_links(numbers))
    refused(argument, lambda: model(**others, **{argument: value}))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**400, id="beyond float"),
        pytest.param({("a", "b"): -(10**400)}, id="beyond float in a mapping"),
        pytest.param([[0, -(10**400)], [0, 0]], id="beyond float in a list"),
        pytest.param(b"0.5", id="bytes"),
        pytest.param([["0.5", "0.5"], ["0.5", "0.5"]], id="list of strings"),
        pytest.param(np.full((2, 2), "0.5"), id="array of strings"),
        pytest.param({("a", "b"): "0.5"}, id="string in a mapping"),
        pytest.param(np.full((2, 2), 0.5 + 1j), id="array of complex numbers"),
    ],
)
def test_what_only_looks_like_a_number_is_refused(value):
    refused("failure_prob", lambda: ProbabilisticModel(failure_prob=value))


@settings(max_examples=150, deadline=None)
@given(
    matrix=st.one_of(
        NOT_NUMBERS,
        st.floats(),
        with_one_wrong_entry(NOT_BANDWIDTHS),
        with_one_wrong_entry(NOT_BANDWIDTHS).map(lambda table: [np.ones_like(table), table]),
        hnp.array_shapes(min_dims=1, max_dims=5, max_side=4)
        .filter(lambda shape: len(shape) not in (2, 3) or shape[-1] != shape[-2])
        .map(np.ones),
        st.sampled_from([np.ones((0, 3, 3)), np.ones((0, 0)), [[1, 1], [1]], {("a", "b"): 1.0}]),
    )
)
def test_wrong_matrices_are_refused(matrix):
    refused("matrix", lambda: MatrixModel(matrix=matrix))


@pytest.mark.parametrize(
    "matrix",
    [
        pytest.param([[0, 10**400], [0, 0]], id="beyond float"),
        pytest.param([["0", "1"], ["1", "0"]], id="strings"),
        pytest.param(np.full((2, 2), 1j), id="complex numbers"),
    ],
)
def test_matrices_of_what_only_looks_like_numbers_are_refused(matrix):
    refused("matrix", lambda: MatrixModel(matrix=matrix))


NOT_ROUNDS = st.one_of(
    st.integers(max_value=-1),
    st.floats(),
    st.booleans(),
    NOT_NUMBERS,
    st.sampled_from([3.0, 0.0, np.float32(2), np.bool_(True), np.asarray([1, 2]), [1], {}]),
)


@settings(max_examples=150, deadline=None)
@given(rounds=NOT_ROUNDS)
@pytest.mark.parametrize("argument", ["min_delay", "max_delay"])
def test_delays_that_are_not_whole_rounds_are_refused(argument, rounds):
    delays = {"min_delay": 0, "max_delay": 1000, argument: rounds}
    refused(argument, lambda: DelayBasedModel(**delays), "whole number of rounds")


@settings(max_examples=50, deadline=None)
@given(greatest=st.integers(0, 99), further=st.integers(1, 99))
def test_reversed_delays_are_refused(greatest, further):
    least = greatest + further
    refused(
        "max_delay",
        lambda: DelayBasedModel(min_delay=least, max_delay=greatest),
        str(greatest),
        f"min_delay={least}",
    )


@pytest.mark.parametrize(
    ("argument", "make", "words"),
    [
        ("falloff", lambda w: DistanceModel(distance_threshold=1.0, falloff=w), "none linear"),
        ("at_end", lambda w: MatrixModel(matrix=[[1]], at_end=w), "repeat hold"),
    ],
)
@settings(max_examples=50, deadline=None)
@given(word=st.one_of(NOT_NUMBERS, st.sampled_from(["linaer", "Linear", "holds", "REPEAT", 1])))
def test_wrong_words_are_refused_and_the_right_ones_listed(argument, make, words, word):
    assume(word not in words.split())
    refused(argument, lambda: make(word), *words.split())


def test_a_word_that_is_nearly_right_is_suggested():
    with pytest.raises(InvalidArgumentError, match=r": did you mean 'linear'"):
        DistanceModel(distance_threshold=1.0, falloff="linaer")


def test_the_value_received_is_shown_and_never_at_length():
    with pytest.raises(InvalidArgumentError, match=r"1\.5"):
        ProbabilisticModel(failure_prob=1.5)
    with pytest.raises(InvalidArgumentError) as caught:
        ProbabilisticModel(failure_prob="x" * 10_000)
    assert len(str(caught.value)) < 300
    with pytest.raises(InvalidArgumentError, match=r"shape \(40, 50\)"):
        ProbabilisticModel(failure_prob=np.zeros((40, 50)))
