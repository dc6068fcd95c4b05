"""What chains of loss, delay and whole capacities delivered once, they deliver to the bit."""

import json

import pytest
from recorded_chains import CASES, EVERY_LIBRARY, RECORD, in_a_batch, recorded

ON_RECORD = json.loads(RECORD.read_text())
OTHERS = [(name, other) for name in CASES for other in EVERY_LIBRARY if other in CASES[name].also]


@pytest.mark.sampled(40)
@pytest.mark.parametrize(
    ("name", "library"), [*((name, "numpy") for name in CASES | ON_RECORD), *OTHERS]
)
def test_what_is_on_record_is_delivered(name, library):
    if library == "numpy":
        assert recorded(CASES[name]) == ON_RECORD[name]
        return
    pytest.importorskip(library)
    delivered = in_a_batch(CASES[name], "portable", library)
    for kind in ("sent", "newest"):
        assert delivered[kind] == ON_RECORD[name]["portable"][kind]
