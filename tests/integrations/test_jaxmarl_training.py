"""A team that trains with JaxMARL over failing links gets better."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jaxmarl_play import made

from failure_api import GilbertElliottModel, MaskSegments, ScheduledModel
from failure_api.integrations.jaxmarl import CommunicationWrapper

pytestmark = pytest.mark.heavy

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "jaxmarl_training.py"


def example():
    specification = importlib.util.spec_from_file_location(EXAMPLE.stem, EXAMPLE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_returns_rise():
    links = GilbertElliottModel(p=0.1, r=0.4)
    env = CommunicationWrapper(
        made("MPE_simple_spread_v3"), links, exchange=MaskSegments(missing="hold")
    )
    _, returns = example().train(env, 100, jax.random.PRNGKey(0))
    # They rise by 6 or so, from -27; from one iteration to the next they vary by less than 1.
    assert returns[-10:].mean() > returns[:5].mean() + 3


def test_a_curriculum_is_part_of_one_compiled_training():
    links = ScheduledModel(model=GilbertElliottModel(p=0.2, r=0.2))
    env = CommunicationWrapper(made("MPE_simple_spread_v3"), links)
    train, key = example().train, jax.random.PRNGKey(0)
    trained = [
        train(env, 4, key, environments=16, severities=severities)[1]
        for severities in (jnp.linspace(0, 1, 4), jnp.array([0.0, 1.0, 0.5, 0.2]))
    ]
    assert train._cache_size() == 1
    assert (trained[0][:1] == trained[1][:1]).all()
    assert (trained[0][2:] != trained[1][2:]).any()
