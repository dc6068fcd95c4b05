"""The options of tc-netem, the network emulator of Linux, as failure models."""

from __future__ import annotations

import math
from typing import Any

from failure_api.communication_models.bandwidth import BandwidthModel
from failure_api.communication_models.delay import DelayBasedModel
from failure_api.communication_models.delays import (
    ConstantDelay,
    DelayDistribution,
    EmpiricalDelay,
    NormalDelay,
    UniformDelay,
)
from failure_api.communication_models.four_state import FourStateModel
from failure_api.communication_models.gilbert_elliott import GilbertElliottModel
from failure_api.communication_models.probabilistic import ProbabilisticModel
from failure_api.core import CommunicationModel
from failure_api.core.kinds import positive
from failure_api.errors import InvalidArgumentError, invalid, nearest
from failure_api.presets.quantities import is_quantity, rate, share, time, whole

REFUSED = {
    "corrupt": "it changes content, not links: give noise_models=[BitFlipModel(...)]",
    "duplicate": "a second copy of a message tells a receiver nothing new: leave it out",
    "ecn": "there is no congestion to be notified of: leave it out",
    "slot": "a round has no times within it: choose a longer round_duration",
    "gap": "rounds are not counted in packets: give reorder a percentage alone",
    "seed": "a seed belongs to the episode: give it to env.reset(seed=...)",
}
"""Options that make no sense for messages in rounds, and what to do instead."""

_SPREAD = 4.0
"""netem's table of the normal distribution ends at four standard deviations."""


def netem(
    options: str, *, round_duration: float, message_bits: float | None = None
) -> list[CommunicationModel]:
    r"""Returns the failure models that a line of tc-netem options stands for.

    A delay of $t$ seconds is $t$ / `round_duration` rounds, rounded to the nearest whole one, and a
    rate of $R$ bits per second carries $R$ `round_duration` / `message_bits` messages per round.
    Loss comes before the queue, as it does in the kernel, and the chains of `loss gemodel` and
    `loss state` begin in their good states and move once a round, not once a packet.

    Args:
        options: What stands behind `netem` on tc's command line: `delay TIME [JITTER]`
            `[distribution uniform|normal]`, `loss [random] PERCENT`, `loss state P13 [P31 [P32
            [P23 [P14]]]]`, `loss gemodel P [R [1-H [1-K]]]`, `reorder PERCENT`, `rate RATE
            [OVERHEAD [CELL [CELL_OVERHEAD]]]` in bytes, `limit MESSAGES`.
        round_duration: Length of a round in seconds.
        message_bits: Size of a message in bits, which `rate` needs.

    Returns:
        The models, to be given as `failure_models`.

    Raises:
        InvalidArgumentError: An option that is unknown, malformed, or makes no sense for messages
            in rounds: `corrupt`, `duplicate`, `ecn`, `slot`, `gap`, `seed`, the tables `pareto`
            and `paretonormal`, and correlations, which in netem are none.

    Example:
        >>> loss, delay = netem("delay 100ms 20ms loss gemodel 1% 10%", round_duration=0.1)
        >>> round(loss.expected_loss(), 6)
        0.090909
        >>> delay.distribution
        UniformDelay(low=0.8, high=1.2)

    Source: tc-netem(8) of iproute2; Linux `net/sched/sch_netem.c`.
    """
    if not isinstance(options, str):
        raise invalid("options", "must be text", options, 'give a line such as "delay 100ms"')
    seconds = positive("s").normalise("round_duration", round_duration)
    found = _options(options.split())
    models: list[CommunicationModel] = []
    if "loss" in found:
        models.append(_loss(found["loss"]))
    if "rate" in found:
        models.append(_rate(found, seconds, message_bits))
    elif "limit" in found:
        raise _needs("limit", "rate", "messages wait for a rate alone")
    if "delay" in found:
        models.append(_delay(found, seconds))
    else:
        for option in ("reorder", "distribution"):
            if option in found:
                raise _needs(option, "delay", "without one nothing is late")
    return models


def _options(words: list[str]) -> dict[str, list[str]]:
    """Returns the arguments of each option."""
    if words[:1] == ["netem"]:
        words = words[1:]
    found: dict[str, list[str]] = {}
    option: str | None = None
    for word in map(str.lower, words):
        belongs = is_quantity(word) or (option, word) in _WORDS
        # The first word behind an option is its value: the option knows what is wrong with it.
        unread = option is not None and not found[option] and word not in (*_KNOWN, *REFUSED)
        if option is not None and (belongs or unread):
            found[option].append(word)
        elif word in REFUSED:
            raise InvalidArgumentError(f"netem {word} is not offered, since {REFUSED[word]}.")
        elif word not in _KNOWN:
            raise invalid("netem", "must be given options it knows", word, nearest(word, _KNOWN))
        elif word in found:
            raise invalid("netem", "must be given each option once", word, "leave one out")
        else:
            option, found[word] = word, []
    for name, arguments in found.items():
        if not arguments:
            raise invalid(f"netem {name}", "must have a value", name, "see tc-netem(8)")
    return found


_KNOWN = ("delay", "distribution", "limit", "loss", "rate", "reorder")
_WORDS = {("loss", word) for word in ("random", "state", "gemodel")} | {
    ("distribution", word) for word in ("uniform", "normal", "pareto", "paretonormal")
}


def _loss(arguments: list[str]) -> CommunicationModel:
    kind, values = arguments[0], arguments[1:]
    if ("loss", kind) not in _WORDS:
        kind, values = "random", arguments
    numbers = [share(f"loss {kind}", value) for value in values]
    if kind == "random":
        _refuse_correlation("loss", values[1:])
        return ProbabilisticModel(failure_prob=_counted("loss", numbers, 1, 1)[0])
    if kind == "state":
        names = ("p13", "p31", "p32", "p23", "p14")
        given = _counted("loss state", numbers, 1, 5)
        return FourStateModel(**dict(zip(names, given, strict=False)), start="good")
    p, *others = _counted("loss gemodel", numbers, 1, 4)
    r, bad, good = others + [1 - p, 1.0, 0.0][len(others) :]
    return GilbertElliottModel(p=p, r=r, loss_bad=bad, loss_good=good, start="good")


def _rate(
    found: dict[str, list[str]], round_duration: float, message_bits: float | None
) -> CommunicationModel:
    if message_bits is None:
        raise _needs("rate", "message_bits", "a round carries messages, not bits", "argument")
    bits = positive("bit").normalise("message_bits", message_bits)
    speed, *sizes = _counted("rate", found["rate"], 1, 4)
    overhead, cell, cell_overhead = (*map(_bytes, sizes), *(0, 0, 0)[len(sizes) :])
    length = bits + 8 * overhead
    if cell:
        length = math.ceil(length / (8 * cell)) * 8 * (cell + cell_overhead)
    waiting = whole("limit", _counted("limit", found.get("limit", ["1000"]), 1, 1)[0])
    capacity = rate("rate", speed) * round_duration / length
    return BandwidthModel(capacity=capacity, queue_length=waiting)


def _bytes(word: str) -> int:
    return whole("rate", word)


def _delay(found: dict[str, list[str]], round_duration: float) -> CommunicationModel:
    mean, *further = found["delay"]
    _refuse_correlation("delay", further[1:])
    rounds = time("delay", mean) / round_duration
    jitter = time("delay", further[0]) / round_duration if further else 0.0
    word = _counted("distribution", found.get("distribution", ["uniform"]), 1, 1)[0]
    if word in ("pareto", "paretonormal"):
        raise InvalidArgumentError(
            f"netem distribution {word} is not offered, since its table follows no Pareto "
            "distribution: give DelayBasedModel(distribution=ParetoDelay(...))."
        )
    if ("distribution", word) not in _WORDS:
        rule = "must be uniform or normal"
        raise invalid("netem distribution", rule, word, nearest(word, ["uniform", "normal"]))
    distribution: DelayDistribution = ConstantDelay(rounds=rounds)
    longest = rounds
    if jitter and word == "normal":
        distribution = NormalDelay(mean=rounds, standard_deviation=jitter)
        longest = rounds + _SPREAD * jitter
    elif jitter:
        distribution = UniformDelay(low=rounds - jitter, high=rounds + jitter)
        longest = rounds + jitter
    if "reorder" in found:
        percent, *correlation = found["reorder"]
        _refuse_correlation("reorder", correlation)
        if jitter:
            raise InvalidArgumentError(
                "netem reorder goes with a constant delay alone, since jitter reorders by itself: "
                "leave out one of the two."
            )
        at_once = share("reorder", percent)
        distribution = EmpiricalDelay(delays=(0.0, rounds), probabilities=(at_once, 1 - at_once))
    return DelayBasedModel(max_delay=math.floor(longest + 0.5), distribution=distribution)


def _refuse_correlation(option: str, values: list[str]) -> None:
    if values:
        raise InvalidArgumentError(
            f"netem {option} takes no correlation here, since netem's is none and changes how much "
            "fails: for bursts give loss gemodel."
        )


def _counted(option: str, values: list[Any], least: int, most: int) -> list[Any]:
    if least <= len(values) <= most:
        return values
    rule = f"must have {least} to {most} values" if most > least else f"must have {least} value"
    raise invalid(f"netem {option}", rule, len(values), "see tc-netem(8)")


def _needs(option: str, other: str, why: str, kind: str = "option") -> InvalidArgumentError:
    return InvalidArgumentError(
        f"netem {option} needs the {kind} {other}, since {why}: give it, or leave {option} out."
    )
