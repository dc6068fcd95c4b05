"""Chains beside what they know of themselves: losses in a row, late ones and those of a queue."""

from comparisons import Case
from failure_api.communication_models import (
    BandwidthModel,
    Chain,
    DelayBasedModel,
    FourStateModel,
    GilbertElliottModel,
    NodeFailureModel,
    PartitionModel,
    ProbabilisticModel,
)
from failure_api.communication_models.partition import CutAtRandom

_LOSSY = ProbabilisticModel(failure_prob=0.2)
_LOSSIER = ProbabilisticModel(failure_prob=0.3)
_BURSTY = GilbertElliottModel(p=0.1, r=0.3, loss_good=0.05, loss_bad=0.6)
_STATES = FourStateModel(p13=0.1, p31=0.3, p32=0.4, p23=0.2, p14=0.05)
_LATE = DelayBasedModel(min_delay=3, max_delay=3)
_LATER = DelayBasedModel(max_delay=4)
_HALF = BandwidthModel(capacity=0.5, queue_length=3)
_NEWEST = BandwidthModel(capacity=1 / 3, drop="newest_first")
_MUTE = NodeFailureModel(mode="mute", mean_time_to_failure=20, mean_time_to_repair=4)
_CUT = PartitionModel(
    groups=[["agent_0"], ["agent_1"]],
    switching=CutAtRandom(mean_time_to_partition=20, mean_time_to_heal=4),
)


def _of_one_link(known):
    return known["agent_0", "agent_1"] if isinstance(known, dict) else known


def _case(name, quantity, *models, **options):
    """Returns a case whose mean is what the chain says."""
    known = getattr(Chain(models=models), f"expected_{quantity}")()
    return Case(
        name=f"{name}, {quantity}",
        models=models,
        quantity=quantity,
        expected=_of_one_link(known),
        warm_up=0 if quantity == "loss" else 150,
        **options,
    )


CASES = [
    _case("two losses in a row", "loss", _LOSSY, _LOSSIER),
    _case("two losses in a row", "burst_length", _LOSSY, _LOSSIER),
    _case("two losses in a row", "age", _LOSSY, _LOSSIER),
    _case("bursts and single losses", "loss", _BURSTY, _LOSSY),
    _case("bursts and single losses", "age", _LOSSY, _BURSTY),
    _case("four states and single losses", "loss", _STATES, _LOSSY),
    _case("a cut and single losses", "loss", _CUT, _LOSSY),
    _case("mute agents and single losses", "loss", _MUTE, _LOSSY, agents=3, episodes=200),
    _case("single losses and the same delay", "age", _LOSSY, _LATE),
    _case("single losses and a delay", "age", _LATER, _LOSSY),
    _case("a delay, the same delay and single losses", "age", _LATER, _LATE, _LOSSY),
    _case("half the capacity and losses after it", "loss", _HALF, _LOSSY),
    _case("half the capacity and losses after it", "age", _HALF, _LOSSY),
    _case("the newest first and losses after it", "age", _NEWEST, _LOSSY),
    _case("half the capacity, then the same delay", "age", _HALF, _LATE),
]
