"""Rounds of PyTorch's batches, which NumPy works on until something has a gradient."""

import copy

import numpy as np
import pytest
import torch

from failure_api import DelayBasedModel, DistanceModel, GilbertElliottModel, MaskSegments
from failure_api.batched import bind
from failure_api.integrations.torch_rounds import TorchRounds

AGENTS, ELEMENTS = ("a", "b", "c"), 50
SEGMENTS = {r: {s: [i] for i, s in enumerate(AGENTS) if s != r} for r in AGENTS}
MODELS = [GilbertElliottModel(p=0.3, r=0.4), DelayBasedModel(min_delay=0, max_delay=3)]


def rounds_of(*models, missing="hold"):
    limit = np.full(len(AGENTS), np.inf)
    exchange = MaskSegments(segments=SEGMENTS, missing=missing)
    limits = {"lows": [-limit] * len(AGENTS), "highs": [limit] * len(AGENTS)}
    bound = bind(exchange, agent_ids=AGENTS, **limits)
    return TorchRounds(bound, models, (), "native", 7)


def observed(number):
    generator = torch.Generator().manual_seed(number)
    shape = (ELEMENTS, len(AGENTS))
    return [torch.rand(shape, generator=generator) for _ in AGENTS]


def play(rounds, first_gradient=1000, missing="hold"):
    """Returns what the agents see, round by round, whose last observations have gradients."""
    seen = []
    for number in range(12):
        observations = observed(number)
        if number >= first_gradient:
            observations = [each.requires_grad_() for each in observations]
        if number == 0:
            rounds.start(observations)
        else:
            rounds.advance(observations)
        if number == 6:
            rounds.restart(torch.arange(ELEMENTS) % 3 == 0, observations)
        views = rounds.views(observations)
        assert all(view.requires_grad == (number >= first_gradient) for view in views)
        seen.append(torch.stack(views).detach().clone())
    return torch.stack(seen)


@pytest.mark.parametrize("missing", ["zero", "hold", "predict"])
def test_gradients_in_mid_episode_change_no_number(missing):
    plain = play(rounds_of(*MODELS, missing=missing))
    for first in (1, 4, 8):
        graded = play(rounds_of(*MODELS, missing=missing), first_gradient=first)
        assert torch.allclose(graded, plain, rtol=0, atol=1e-6 if missing == "predict" else 0)


def test_gradients_flow_through_what_was_said_before_and_heard_now():
    rounds = rounds_of(DelayBasedModel(min_delay=1, max_delay=1), missing="zero")
    said = [each.requires_grad_() for each in observed(0)]
    rounds.start(observed(9))
    rounds.advance(said)
    rounds.advance(observed(1))
    views = rounds.views(observed(1))
    views[0][:, 1].sum().backward()
    assert (said[0].grad[:, 1] == 1).all()


def test_what_is_handed_out_is_pytorchs_and_stays_as_it_is():
    rounds = rounds_of(*MODELS)
    rounds.start(observed(0))
    received, views = rounds.received, rounds.views(observed(0))
    kept = [x.clone() for x in (received.flags, received.ages, received.content, *views)]
    for number in range(1, 8):
        rounds.advance(observed(number))
        rounds.views(observed(number))
    for new, old in zip(
        (received.flags, received.ages, received.content, *views), kept, strict=True
    ):
        assert isinstance(new, torch.Tensor)
        assert torch.equal(new, old)


def test_observations_are_not_written_to():
    rounds, observations = rounds_of(*MODELS), observed(0)
    before = [each.clone() for each in observations]
    rounds.start(observations)
    rounds.views(observations)
    rounds.views(observations)
    assert all(map(torch.equal, observations, before))


@pytest.mark.parametrize("gradient", [False, True])
def test_a_copy_goes_on_identically(gradient):
    rounds = rounds_of(*MODELS)
    rounds.start([each.requires_grad_(gradient) for each in observed(0)])
    rounds.detach_links()
    copied = copy.deepcopy(rounds)
    for number in range(1, 6):
        for each in (rounds, copied):
            each.advance(observed(number))
        pairs = zip(rounds.views(observed(number)), copied.views(observed(number)), strict=True)
        assert all(torch.equal(new, old) for new, old in pairs)


def test_a_burst_element_is_far_from_all_and_stops_no_other():
    rounds = rounds_of(DistanceModel(distance_threshold=1.0), missing="zero")
    positions = torch.zeros(ELEMENTS, len(AGENTS), 2)
    positions[3, 0] = torch.nan
    rounds.start(observed(0), positions)
    flags = rounds.received.flags
    assert not flags[3, 0].any()
    assert not flags[3, :, 0].any()
    assert flags[3, 1, 2]
    assert flags[4, 0, 1]


def test_what_numpy_has_no_type_for_stays_with_pytorch():
    rounds = rounds_of(*MODELS)
    rounds.start([each.to(torch.bfloat16) for each in observed(0)])
    rounds.advance([each.to(torch.bfloat16) for each in observed(1)])
    views = rounds.views([each.to(torch.bfloat16) for each in observed(1)])
    assert views[0].dtype == torch.bfloat16


def test_what_is_said_is_what_was_observed_and_not_what_was_seen():
    lists = [observed(0), observed(0)]
    seen = []
    for first, second in ((lists[0], lists[0]), (lists[0], lists[1])):
        rounds = rounds_of(GilbertElliottModel(p=0.3, r=0.4), missing="zero")
        rounds.start(first)
        rounds.views(first)
        rounds.advance(second)
        seen.append(torch.stack(rounds.views(second)))
    assert torch.equal(*seen)
