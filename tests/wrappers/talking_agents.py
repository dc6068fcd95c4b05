"""What the tests of messages share: agents that say numbers, and how they are read again."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec

from environments_under_test import Plain
from failure_api import CommunicationWrapper, CommunicationWrapperParallel, SendMessages

NUMBER = spaces.Box(0, 1000, (1,))
FORMS = [(form, missing) for form in ("dict", "flat") for missing in ("zero", "hold")]


def action(form, own, message):
    if form == "dict":
        return {"action": own, "message": [message]}
    return [*np.eye(3)[own], message]


def heard(form, view, receiver):
    """Returns the message that each other agent is heard to say."""
    others = [agent for agent in "abc" if agent != receiver]
    if form == "dict":
        return {agent: float(view["messages"][agent][0]) for agent in others}
    return {agent: float(view[2 + 3 * place]) for place, agent in enumerate(others)}


def played(form, missing, models, api="parallel"):
    """Yields round and views; in step t agent number k says 10 t + k, from step 0 on."""
    exchange = SendMessages(NUMBER, form=form, missing=missing)
    if api == "parallel":
        env: Any = CommunicationWrapperParallel(Plain(), models, exchange=exchange)
    else:
        env = aec_to_parallel(
            CommunicationWrapper(parallel_to_aec(Plain()), models, exchange=exchange)
        )
    views, _ = env.reset(seed=5)
    number = 0
    yield number, views
    while env.agents:
        actions = {
            agent: action(form, 1, 10 * number + place)
            for place, agent in enumerate("abc", start=1)
        }
        views = env.step(actions)[0]
        number += 1
        yield number, views
