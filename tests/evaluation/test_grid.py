"""Grids: found anywhere, exact in decimal, named by what tells them apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_api.catalogue import PlainDataError
from failure_api.evaluation.grid import fill, find_axes
from helpers import assert_one_sentence

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def grid_of(values):
    (axis,) = find_axes({"p": {"grid": values}})
    return axis.values


def test_a_range_includes_its_end_and_is_exact():
    assert grid_of("0:1:0.1") == (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1:0:-0.5", (1, 0.5, 0)),
        ("0:0.8:0.4", (0, 0.4, 0.8)),
        ("2:2:1", (2,)),
        (" -1 : 1 : 1 ", (-1, 0, 1)),
        ("1e-3:3e-3:1e-3", (0.001, 0.002, 0.003)),
    ],
)
def test_ranges(text, values):
    assert grid_of(text) == values


@pytest.mark.parametrize(
    "grid",
    [
        "",
        "0:1",
        "0:1:0",
        "0:1:-1",
        "a:b:c",
        "0:inf:1",
        "nan:1:1",
        [],
        3,
        None,
        "0:1:1e-9",
        "0:1:0.3",
        "0:1e400:1e400",
    ],
)
def test_what_is_no_grid_is_refused_in_one_sentence(grid):
    with pytest.raises(PlainDataError) as refusal:
        find_axes({"models": [{"p": {"grid": grid}}]})
    assert_one_sentence(refusal.value, "models[0].p.grid")


def test_a_value_comes_once():
    with pytest.raises(PlainDataError, match=r"p.grid\[2\] must come once") as refusal:
        find_axes({"p": {"grid": [1, 2, 1]}})
    assert_one_sentence(refusal.value)


def test_a_grid_stands_alone_and_holds_no_other():
    with pytest.raises(PlainDataError, match="nothing beside its grid"):
        find_axes({"p": {"grid": [1, 2], "of": "x"}})
    with pytest.raises(PlainDataError, match="no further grid"):
        find_axes({"p": {"grid": [1, {"grid": [1]}]}})


def test_names_are_as_short_as_they_can_be():
    plain = {
        "failure_models": [
            {"model": "a", "p": {"grid": [0, 1]}, "q": {"grid": [0, 1]}},
            {"model": "b", "p": {"grid": [0, 1]}},
        ],
        "options": {"N": {"grid": [3, 4]}},
    }
    names = {axis.path: axis.name for axis in find_axes(plain)}
    assert names[("options", "N")] == "N"
    assert names[("failure_models", 0, "q")] == "q"
    assert names[("failure_models", 0, "p")] == "failure_models[0].p"
    assert len(set(names.values())) == 4


def test_a_whole_model_may_vary():
    plain = {"failure_models": [{"grid": [{"model": "a"}, {"model": "b"}]}]}
    (axis,) = find_axes(plain)
    assert fill(plain, {axis.path: axis.values[1]}) == {"failure_models": [{"model": "b"}]}
    assert axis.texts == ("a", "b")


def test_of_dictionaries_what_differs_is_shown():
    values = [{"model": "m", "p": 0.123456, "q": [1]}, {"model": "m", "p": 0.2, "r": 3, "q": [1]}]
    (axis,) = find_axes({"models": [{"grid": values}]})
    assert axis.texts == ("p=0.1235", "p=0.2 r=3")


def test_what_would_look_alike_is_shown_in_full():
    (axis,) = find_axes({"models": [{"grid": [{"p": 0.1}, {"p": 0.1 + 1e-9}]}]})
    assert axis.texts == ('{"p":0.1}', '{"p":0.100000001}')


@given(VALUES, st.lists(st.integers(), min_size=1, max_size=4, unique=True), st.data())
def test_filling_leaves_the_rest_alone(rest, values, data):
    plain = {"rest": rest, "deep": [{"p": {"grid": values}}]}
    axes = find_axes({"deep": plain["deep"]})
    chosen = data.draw(st.sampled_from(values))
    filled = fill(plain, {axis.path: chosen for axis in axes})
    assert filled == {"rest": rest, "deep": [{"p": chosen}]}
    assert plain["deep"] == [{"p": {"grid": values}}]


def test_grids_move_together():
    plain = {
        "models": [{"low": {"zip": [0, 0, 4]}, "high": {"zip": "2:6:2"}}, {"p": {"grid": [1]}}]
    }
    together, alone = find_axes(plain)
    assert together.title == "low, high"
    assert [together.at(index) for index in range(3)] == [
        {("models", 0, "low"): low, ("models", 0, "high"): high}
        for low, high in [(0, 2), (0, 4), (4, 6)]
    ]
    assert together.texts == ("0, 2", "0, 4", "4, 6")
    assert alone.values == (1,)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([0, 1], [0, 1, 2], ("high.zip must hold as many values as low.zip", "3 in place of 2")),
        ([0, 1, 0], [2, 3, 2], ("low.zip[2] must come once",)),
        ([], [], ("low.zip must hold at least one value",)),
    ],
)
def test_grids_that_cannot_move_together_are_refused(first, second, words):
    with pytest.raises(PlainDataError) as refusal:
        find_axes({"low": {"zip": first}, "high": {"zip": second}})
    assert_one_sentence(refusal.value, *words)


def test_values_may_have_labels():
    plain = {"failure_models": [{"grid": {"calm": {"model": "a"}, "storm": [{"model": "b"}]}}]}
    (axis,) = find_axes(plain)
    assert (axis.name, axis.texts) == ("failure_models", ("calm", "storm"))
    assert fill(plain, axis.at(1)) == {"failure_models": [[{"model": "b"}]]}


def test_objects_stand_where_their_names_do():
    thing = object()
    plain = {"p": {"grid": [{"object": "thing"}, {"object": "other"}]}}
    (axis,) = find_axes(plain)
    assert fill(plain, axis.at(0), objects={"thing": thing}) == {"p": thing}
    assert axis.texts == ("thing", "other")
