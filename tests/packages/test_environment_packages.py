"""Environments of other packages do what is expected of them; `make test-environments`."""

from __future__ import annotations

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
