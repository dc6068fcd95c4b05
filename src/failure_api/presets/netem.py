"""The options of tc-netem, the network emulator of Linux, as a failure model."""

from __future__ import annotations

import math
from typing import Any

from failure_api.communication_models.four_state import FourStateModel
from failure_api.communication_models.gilbert_elliott import GilbertElliottModel
from failure_api.communication_models.netem import NetemModel
from failure_api.communication_models.probabilistic import ProbabilisticModel
from failure_api.core import CommunicationModel
from failure_api.core.parameters.types import positive
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


def netem(
    options: str, *, round_duration: float, message_bits: float | None = None
) -> list[CommunicationModel]:
    r"""Returns the failure model that a line of tc-netem options stands for.

    A time of $t$ seconds is $t$ / `round_duration` rounds, and a message of $n$ bits takes $n / R$
    seconds at a rate of $R$ bits per second. Times are rounded once, when a message arrives. The
    chains of `loss gemodel` and `loss state` begin in their good states and move once a round, not
    once a packet.

    Args:
        options: A line of tc's, or what stands behind `netem` in it: `delay TIME [JITTER]`
            `[distribution uniform|normal]`, `loss [random] PERCENT`, `loss state P13 [P31 [P32
            [P23 [P14]]]]`, `loss gemodel P [R [1-H [1-K]]]`, `reorder PERCENT`, `rate RATE
            [OVERHEAD [CELL [CELL_OVERHEAD]]]` in bytes, `limit MESSAGES`.
        round_duration: Length of a round in seconds.
        message_bits: Size of a message in bits, which `rate` needs.

    Returns:
        One `NetemModel` in a list, to be given as `failure_models`.

    Raises:
        InvalidArgumentError: An option that is unknown, malformed, or makes no sense for messages
            in rounds: `corrupt`, `duplicate`, `ecn`, `slot`, `gap`, `seed`, the tables `pareto`
            and `paretonormal`, and correlations other than 0, which in netem are none.

    Example:
        >>> (model,) = netem("delay 100ms 50ms loss gemodel 1% 10%", round_duration=0.1)
        >>> model.delay, model.jitter, round(model.expected_loss(), 6)
        (1.0, 0.5, 0.090909)
        >>> line = "tc qdisc add dev eth0 root netem rate 10kbit delay 1s limit 5"
        >>> (model,) = netem(line, round_duration=0.1, message_bits=1000)
        >>> round(1 - model.expected_loss(), 6)
        0.454545

    Source: tc-netem(8) of iproute2; Linux `net/sched/sch_netem.c`.
    """
    if not isinstance(options, str):
        raise invalid("options", "must be text", options, 'give a line such as "delay 100ms"')
    seconds = positive("s").normalise("round_duration", round_duration)
    found = _options(_behind_netem(options.lower().split()))
    fields: dict[str, Any] = {}
    if "loss" in found:
        fields["loss"] = _loss(found["loss"])
    if "rate" in found:
        fields["transmission"] = _transmission(found["rate"], message_bits) / seconds
    if "limit" in found:
        fields["limit"] = whole("limit", _counted("limit", found["limit"], 1, 1)[0])
    if "delay" in found:
        mean, *spread = _counted("delay", found["delay"], 1, 3)
        fields["delay"] = time("delay", mean) / seconds
        fields["jitter"] = time("delay", spread[0]) / seconds if spread else 0.0
        _refuse_correlation("delay", spread[1:])
    for option in ("distribution", "reorder"):
        if option in found and "delay" not in found:
            raise _needs(option, "delay", "without one nothing is late")
    if "distribution" in found:
        fields["distribution"] = _distribution(found["distribution"])
    if "reorder" in found:
        at_once, *correlation = _counted("reorder", found["reorder"], 1, 2)
        fields["reorder"] = share("reorder", at_once)
        _refuse_correlation("reorder", correlation)
    return [NetemModel(**fields)]


def _behind_netem(words: list[str]) -> list[str]:
    """Returns the options of a whole line of tc's; another line has nothing before them."""
    if "qdisc" in words and "netem" in words:
        # A device may have that name, too.
        return words[len(words) - words[::-1].index("netem") :]
    return words[1:] if words[:1] == ["netem"] else words


def _options(words: list[str]) -> dict[str, list[str]]:
    """Returns the arguments of each option."""
    found: dict[str, list[str]] = {}
    option = ""
    for word in words:
        belongs = is_quantity(word) or (option, word) in _WORDS
        # The first word behind an option is its value: the option knows what is wrong with it.
        if option and (belongs or not (found[option] or word in {*_KNOWN, *REFUSED})):
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
    named = ("loss", arguments[0]) in _WORDS
    kind, *values = arguments if named else ["random", *arguments]
    if kind == "random":
        percent, *correlation = _counted("loss", values, 1, 2)
        _refuse_correlation("loss", correlation)
        return ProbabilisticModel(failure_prob=share("loss", percent))
    shares = [share(f"loss {kind}", value) for value in values]
    if kind == "state":
        names = ("p13", "p31", "p32", "p23", "p14")
        known = zip(names, _counted("loss state", shares, 1, 5), strict=False)
        return FourStateModel(**dict(known), start="good")
    p, *others = _counted("loss gemodel", shares, 1, 4)
    r, bad, good = others + [1 - p, 1.0, 0.0][len(others) :]
    return GilbertElliottModel(p=p, r=r, loss_bad=bad, loss_good=good, start="good")


def _transmission(arguments: list[str], message_bits: float | None) -> float:
    """Returns how long a message takes at a rate, in seconds."""
    if message_bits is None:
        raise _needs("rate", "message_bits", "a round carries messages, not bits", "argument")
    bits = positive("bit").normalise("message_bits", message_bits)
    speed, *sizes = _counted("rate", arguments, 1, 4)
    counts = [whole("rate", word, signed=index != 1) for index, word in enumerate(sizes)]
    overhead, cell, cell_overhead = (*counts, 0, 0, 0)[:3]
    length = bits + 8 * overhead
    if cell:
        length = math.ceil(length / (8 * cell)) * 8 * (cell + cell_overhead)
    if length <= 0:
        rule = "must leave something of a message"
        raise invalid("netem rate", rule, " ".join(sizes), "give greater overheads")
    return length / rate("rate", speed)


def _distribution(arguments: list[str]) -> str:
    (word,) = _counted("distribution", arguments, 1, 1)
    if word in ("pareto", "paretonormal"):
        raise InvalidArgumentError(
            f"netem distribution {word} is not offered, since its table follows no Pareto "
            "distribution: give DelayBasedModel(distribution=ParetoDelay(...))."
        )
    if ("distribution", word) not in _WORDS:
        rule = "must be uniform or normal"
        raise invalid("netem distribution", rule, word, nearest(word, ["uniform", "normal"]))
    return str(word)


def _refuse_correlation(option: str, values: list[str]) -> None:
    """Raises an error for a correlation other than 0, with which draws are independent."""
    if any(share(option, value) for value in values):
        raise InvalidArgumentError(
            f"netem {option} takes no correlation here, since netem's is none and changes how much "
            "fails: for bursts give loss gemodel."
        )


def _counted(option: str, values: list[Any], least: int, most: int) -> list[Any]:
    if least <= len(values) <= most:
        return values
    rule = f"must have {least} to {most} values" if most > least else f"must have {least} value"
    raise invalid(f"netem {option}", rule, len(values), "see tc-netem(8)")


def _needs(option: str, other: str, why: str, noun: str = "option") -> InvalidArgumentError:
    return InvalidArgumentError(
        f"netem {option} needs the {noun} {other}, since {why}: give it, or leave {option} out."
    )
