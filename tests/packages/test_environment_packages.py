"""Environments of other packages do what is expected of them; `make test-environments`."""

from __future__ import annotations

import dataclasses

import conformance
import pytest

ENTRIES = conformance.entries()


@pytest.mark.environments
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_environment_does_what_is_expected(entry):
    told = conformance.differences(entry, conformance.look(entry))
    assert not told, "\n".join(told)


def test_the_page_says_what_is_expected():
    page = conformance.table(ENTRIES)
    assert conformance.PAGE.read_text() == page, (
        "docs/environments_table.md is not what tests/packages/environments.yaml expects: run "
        "python tests/packages/conformance.py --table."
    )


def test_the_list_is_long_enough_and_names_each_once():
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES) >= 60
    assert len({entry.package for entry in ENTRIES}) >= 12


KNOWN = conformance.Entry(
    "spread", "mpe2", "mpe2.simple_spread_v3", expected={"segments": "fixed", "breaks": [9]}
)


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ({}, "segments is '', where 'fixed'"),
        ({"segments": "fixed", "positions": True}, "positions is True, where False"),
        ({"segments": "fixed", "sweep": "TypeError"}, "sweep is 'TypeError', where ''"),
        ({"segments": "fixed", "breaks": [9, 10]}, "the laws that it breaks by itself is [9, 10],"),
        ({"segments": "fixed", "breaks": []}, "the laws that it breaks by itself is [], where [9]"),
    ],
)
def test_what_a_release_changes_is_one_sentence(found, what):
    told = conformance.differences(KNOWN, conformance.Findings(**{"breaks": [9], **found}))
    assert len(told) == 1
    assert told[0].startswith("spread of mpe2 ")
    assert f": {what}" in told[0]
    assert told[0].endswith("environments.yaml.")


def test_what_is_as_expected_says_nothing():
    found = conformance.Findings(segments="fixed", breaks=[9])
    assert conformance.differences(KNOWN, found) == []
    # What is left to chance breaks other laws each time.
    chance = dataclasses.replace(KNOWN, expected={"breaks": [3, 4, 5]})
    assert conformance.differences(chance, conformance.Findings(breaks=[4, 9])) == []
    assert conformance.differences(chance, conformance.Findings(breaks=[3])) != []


def test_an_environment_is_looked_at_in_a_process_of_its_own():
    entry = next(entry for entry in ENTRIES if entry.name == "simple_push_v3")
    assert conformance.look(entry) == conformance.Findings(**entry.expected)
    missing = dataclasses.replace(entry, name="nowhere")
    assert "StopIteration" in conformance.look(missing).broken
