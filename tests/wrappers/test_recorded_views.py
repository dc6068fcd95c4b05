"""What wrapped environments showed once, they show to the bit."""

import json

import pytest
from recorded_views import CASES, RECORD, recorded

ON_RECORD = json.loads(RECORD.read_text())


@pytest.mark.sampled(29)
@pytest.mark.parametrize("name", CASES | ON_RECORD)
def test_what_is_on_record_is_shown(name):
    assert recorded(CASES[name]) == ON_RECORD[name]
