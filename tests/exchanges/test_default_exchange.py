"""Which exchange an environment gets where none is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from environments_under_test import EVERY, Plain
from failure_api import CommunicationWrapper, CommunicationWrapperParallel
from failure_api.exchanges import MaskSegments, ShareObservations, default_exchange

# Where agents see and hear nothing of each other there is nothing to mask.
BLIND = ("simple", "simple_formation", "simple_line")
# Of PettingZoo's own these show where others are, entry by entry.
SEEING = ("knights_archers_zombies", "multiwalker")


@pytest.mark.parametrize("subject", EVERY, ids=str)
def test_segments_where_they_are_known_and_observations_elsewhere(subject):
    known = (subject.home == "mpe2" and subject.name not in BLIND) or subject.name in SEEING
    for api in subject.apis:
        env = subject.make(api)
        alone = len(env.possible_agents) == 1
        others = MaskSegments(segments={}) if alone else ShareObservations()
        expected = MaskSegments() if known else others
        assert default_exchange(env) == expected
        kind: Any = CommunicationWrapper if api == "aec" else CommunicationWrapperParallel
        assert f"exchange={expected}" in repr(kind(env, []))


def test_a_users_own_environment_shares_its_observations():
    assert default_exchange(Plain()) == ShareObservations()
