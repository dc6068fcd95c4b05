"""NetemModel beside packets that an oracle sends one by one, straight from the formula."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from comparisons_netem import CASES

from failure_api.communication_models import (
    BandwidthModel,
    Chain,
    DelayBasedModel,
    FourStateModel,
    GilbertElliottModel,
    NetemModel,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
)
from failure_api.communication_models.delay import NormalDelay, UniformDelay
from failure_api.core import Links, NumpyStream, Stage
from failure_api.errors import FailureApiError
from failure_api.presets import netem
from failure_api.testing import check_model
from helpers import Scripted, assert_one_sentence, context_of, off_diagonal, play

NEAR = Fraction(1, 2**16)
"""So little of a round is nothing: draws are float32."""
HALF = Fraction(1, 2)
AGENTS = 3
LINKS = (0, 1), (1, 0)


@dataclass
class Packet:
    """A message, and the time at which it arrives; None where it is lost."""

    made: int
    delay: Fraction
    passes: bool
    lost: bool
    arrives: Fraction | None = None

    @property
    def round(self):
        if self.arrives is None:
            return None
        return max(self.made, math.floor(self.arrives + HALF + NEAR))


def send(packets, transmission, limit):
    """Sends packets over one link: the loss, the limit, the delay, the rate."""
    under_way, last = [], None
    for packet in packets:
        if packet.lost:
            continue
        under_way = [time for time in under_way if time > packet.made + NEAR]
        if len(under_way) >= limit:
            continue
        ready = packet.made + packet.delay
        if packet.passes:
            packet.arrives = Fraction(packet.made)
        elif transmission:
            packet.arrives = (ready if last is None else max(ready, last)) + transmission
            last = packet.arrives
        else:
            packet.arrives = ready
        under_way.append(packet.arrives)


@dataclass(kw_only=True)
class Line:
    """A line of options, and what it says in seconds and messages."""

    text: str
    round_duration: Fraction
    message_bits: int = 1000
    delay: Fraction = Fraction(0)
    jitter: Fraction = Fraction(0)
    normal: bool = False
    transmission: Fraction = Fraction(0)
    limit: int = 1000
    reorder: float = 0.0
    loss: Any = None


LOSSES = {
    "loss 30%": ProbabilisticModel(failure_prob=0.3),
    "loss gemodel 5% 20% 90% 10%": GilbertElliottModel(
        p=0.05, r=0.2, loss_bad=0.9, loss_good=0.1, start="good"
    ),
    "loss state 10% 40%": FourStateModel(p13=0.1, p31=0.4, start="good"),
}


def line_of(number):
    """Returns the line of options that a number stands for."""
    random = np.random.default_rng(number)
    said, parts = {}, []
    if random.random() < 0.8:
        delay, jitter = int(random.integers(0, 300)), int(random.integers(1, 120))
        said["delay"], words = Fraction(delay, 1000), f"delay {delay}ms"
        if random.random() < 0.6:
            said["jitter"], words = Fraction(jitter, 1000), f"{words} {jitter}ms"
            if random.random() < 0.6:
                said["normal"] = bool(random.random() < 0.6)
                parts.append(f"distribution {'normal' if said['normal'] else 'uniform'}")
        if random.random() < 0.3:
            percent = int(random.integers(1, 60))
            said["reorder"] = percent / 100
            parts.append(f"reorder {percent}%")
        parts.append(words)
    if random.random() < 0.7:
        rate, overhead = int(random.integers(10, 300)), int(random.integers(-20, 40))
        bits = said["message_bits"] = int(random.integers(500, 2000))
        said["transmission"] = Fraction(bits + 8 * overhead, rate * 1000)
        parts.append(f"rate {rate}kbit {overhead}")
    if random.random() < 0.6:
        said["limit"] = int(random.choice([1, 2, 3, 5, 10, 30]))
        parts.append(f"limit {said['limit']}")
    if random.random() < 0.6:
        words = str(random.choice(list(LOSSES)))
        said["loss"] = LOSSES[words]
        parts.append(words)
    random.shuffle(parts)
    duration = Fraction(int(random.choice([5, 10, 20, 100])), 1000)
    return Line(text=" ".join(parts), round_duration=duration, **said)


class Draws:
    """What a line draws in an episode, from the streams that the model draws from."""

    def __init__(self, line, rounds, seed=0, agents=AGENTS):
        shape, stream = (agents, agents), NumpyStream(seed).child("NetemModel")
        delay, jitter = line.delay / line.round_duration, line.jitter / line.round_duration
        uniform = np.array([stream.child("delay").uniform(shape) for _ in range(rounds)])
        passes = np.array([stream.child("reorder").uniform(shape) for _ in range(rounds)])
        shift = normal_numbers(uniform) if line.normal else 2.0 * uniform.astype(np.float64) - 1.0
        self.delays = {
            link: [delay + jitter * Fraction(float(one)) for one in shift[:, *link]]
            for link in LINKS
        }
        self.passes = passes < line.reorder
        self.lost = np.zeros((rounds, agents, agents), dtype=bool)
        if line.loss is not None:
            self.lost = alone(line.loss, rounds, stream, agents)


def normal_numbers(uniform):
    """Returns what Box and Muller (1958) make of the first and the second half of each table."""
    flat = uniform.reshape(len(uniform), -1).astype(np.float64)
    half = flat.shape[1] // 2
    first, second = flat[:, :half], flat[:, half : 2 * half]
    radius, angle = np.sqrt(-2.0 * np.log(first + 2.0**-25)), 2.0 * np.pi * second
    both = np.hstack((radius * np.cos(angle), radius * np.sin(angle), flat[:, 2 * half :]))
    # netem's own table ends there.
    return np.clip(both, -4.0, 4.0).reshape(uniform.shape)


def alone(loss, rounds, stream, agents=AGENTS):
    """Returns what a loss model loses where there is nothing else."""
    chain, lost = Chain(models=loss), []
    context = context_of(agents)
    parameters = chain.prepare(context)
    state = chain.init(parameters, context, stream)
    for number in range(rounds):
        links = Links(sends=np.ones((agents, agents), dtype=bool))
        context = context._replace(round=number)
        state, links = chain.step(parameters, state, links, context, stream)
        lost.append(links.lost)
    return np.array(lost)


def assert_as_the_oracle(line, model, rounds, before=(), sends=None, agents=AGENTS):
    """Raises unless every message of every link has the fate that the oracle gives it."""
    played = play(*before, model, rounds=rounds, agents=agents)
    draws = Draws(line, rounds, agents=agents)
    transmission = line.transmission / line.round_duration
    sends = np.ones((rounds, agents, agents), dtype=bool) if sends is None else sends
    for one, other in LINKS:
        packets = [
            Packet(
                made=number,
                delay=draws.delays[one, other][number],
                passes=draws.passes[number, one, other],
                lost=draws.lost[number, one, other],
            )
            for number in range(rounds)
            if sends[number, one, other]
        ]
        send(packets, transmission, line.limit)
        due = {packet.made: packet.round for packet in packets}
        fates = {number: fate(played, number, one, other) for number in due}
        assert fates == due, line.text
        came = np.full(rounds, -1)
        for made, number in due.items():
            if number is not None and number < rounds:
                came[number] = max(came[number], made)
        newest = np.maximum.accumulate(came).tolist()
        assert played.newest[:, one, other].tolist() == newest, line.text


def fate(played, number, one, other):
    """Returns the round in which a message arrives; None for one that is lost."""
    if played.lost is not None and played.lost[number, one, other]:
        return None
    return number + (0 if played.delay is None else int(played.delay[number, one, other]))


@pytest.mark.sampled(28)
@pytest.mark.parametrize("number", range(100))
def test_every_message_of_a_random_line_has_the_fate_that_the_formula_gives_it(number):
    line = line_of(number)
    (model,) = netem(
        line.text, round_duration=float(line.round_duration), message_bits=line.message_bits
    )
    assert_as_the_oracle(line, model, rounds=200)


@pytest.mark.parametrize("number", range(100, 120))
def test_only_messages_that_are_sent_and_not_lost_before_take_part(number):
    line, rounds = line_of(number), 150
    (model,) = netem(
        line.text, round_duration=float(line.round_duration), message_bits=line.message_bits
    )
    random = np.random.default_rng(number)
    silent, lost = random.random((2, rounds, AGENTS, AGENTS)) < 0.3
    scripts = (Scripted(silent=silent), Scripted(lost=lost))
    assert_as_the_oracle(line, model, rounds, scripts, sends=~silent & ~lost)


def test_the_lines_say_everything_that_a_line_can():
    lines = [line_of(number) for number in range(100)]
    models = [netem(line.text, round_duration=0.1, message_bits=800)[0] for line in lines]
    assert {model.distribution for model in models} == {"uniform", "normal"}
    assert {type(model.loss) for model in models} == {type(None), *map(type, LOSSES.values())}
    for name in ("delay", "jitter", "transmission", "reorder"):
        some = [getattr(model, name) > 0 for model in models]
        assert 20 <= sum(some) <= 80 or name == "reorder", name
    assert sum(model.reorder > 0 for model in models) >= 10
    assert sum(model.jitter > model.delay for model in models) >= 5
    assert sum(bool(model.jitter and model.transmission and model.reorder) for model in models)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("transmission", [Fraction(11, 10), Fraction(7, 3), Fraction(1001, 1000)])
def test_a_link_that_is_always_busy_does_not_drift(transmission):
    line = Line(
        text="", round_duration=Fraction(1), delay=HALF, transmission=transmission, limit=50
    )
    model = NetemModel(delay=0.5, transmission=float(transmission), limit=50)
    assert_as_the_oracle(line, model, rounds=5000, agents=2)


def delivered(played, rounds):
    """Returns which messages of the link 0 to 1 are not lost."""
    lost = np.zeros(rounds, dtype=bool) if played.lost is None else played.lost[:, 0, 1]
    return ~lost


def test_a_lost_message_never_enters():
    """A loss of 50 % leaves half of the load of a link that takes 1.25 rounds a message."""
    rounds, episodes = 300, 400
    (model,) = netem("loss 50% rate 8kbit", round_duration=0.1, message_bits=1000)
    assert model.transmission == pytest.approx(1.25)
    played = play(model, rounds=rounds, agents=2, batch=(episodes,))
    age = played.age[..., 0, 1].mean(axis=0)
    share = 1.0 - played.lost[..., 0, 1].mean(axis=0)
    # The recursion, for as many links and with other chance.
    random, newest = np.random.default_rng(0), np.full(episodes, -1)
    last, due, ages = np.full(episodes, -np.inf), np.full((rounds, episodes), rounds), []
    for number in range(rounds):
        enters = random.random(episodes) < 0.5
        last = np.where(enters, np.maximum(number, last) + 1.25, last)
        due[number] = np.where(enters, np.floor(last + 0.5), rounds)
        came = due <= number
        newest = np.where(came.any(axis=0), rounds - 1 - came[::-1].argmax(axis=0), -1)
        ages.append(number - newest)
    expected = np.mean(ages, axis=0)
    error = np.sqrt((age.var() + expected.var()) / episodes)
    assert abs(age.mean() - expected.mean()) < 5 * error
    assert age.mean() == pytest.approx(2.3, abs=0.3)
    assert share.mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(rounds * episodes))


def test_the_limit_counts_what_waits_out_its_delay():
    (model,) = netem("rate 10kbit delay 1s limit 5", round_duration=0.1, message_bits=1000)
    rounds = 11 * 40
    assert delivered(play(model, rounds=rounds), rounds).reshape(40, 11).sum(axis=1).tolist() == (
        [5] * 40
    )
    assert model.expected_loss() == 1 - 5 / 11
    (model,) = netem("delay 1s limit 5", round_duration=0.1)
    assert delivered(play(model, rounds=400), 400).reshape(40, 10).sum(axis=1).tolist() == [5] * 40
    assert model.expected_loss() == 0.5


def test_delay_and_transmission_add_up():
    (model,) = netem("delay 100ms rate 100kbit", round_duration=0.01, message_bits=8000)
    newest = play(model, rounds=30).newest[:, 0, 1].tolist()
    assert newest[:18] == [-1] * 18
    assert newest[18:26] == [0] * 8
    assert newest[26:] == [1] * 4


def test_seconds_become_rounds_once():
    # 0.4 and 0.4 of a round are none each, and one together.
    (model,) = netem("delay 40ms rate 25kbit", round_duration=0.1, message_bits=1000)
    assert play(model, rounds=3).newest[:, 0, 1].tolist() == [-1, 0, 1]


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("transmission", [0.01, 0.6, 1.0, 1.7])
def test_with_a_rate_jitter_lets_nothing_overtake(distribution, transmission):
    spread = {"delay": 5, "jitter": 3, "distribution": distribution}
    for model, in_order in (
        (NetemModel(**spread, transmission=transmission, limit=30), True),
        (NetemModel(**spread), False),
    ):
        played = play(model, rounds=400)
        fates = [fate(played, number, 0, 1) for number in range(400)]
        due = [number for number in fates if number is not None]
        assert (due == sorted(due)) is in_order


def test_without_a_rate_jitter_lets_messages_overtake():
    """75 ms of jitter and messages 1 ms apart: (1 - 1 / 150)**2 / 2 overtake the one before."""
    (model,) = netem("delay 100ms 75ms", round_duration=0.001)
    rounds, agents, episodes = 400, 2, 400
    delay = play(model, rounds=rounds, agents=agents, batch=(episodes,)).delay[..., [0, 1], [1, 0]]
    lead = delay[:-1] - delay[1:] - 1
    # In rounding some come to arrive together, of which half have overtaken.
    overtakes = ((lead > 0) + 0.5 * (lead == 0)).mean(axis=(0, 2))
    error = overtakes.std() / np.sqrt(episodes)
    assert overtakes.mean() == pytest.approx(0.493356, abs=5 * error)
    assert 5 * error < 0.004


def test_what_is_reordered_passes_everything_and_takes_no_turn():
    model = NetemModel(delay=4, transmission=2, limit=12, reorder=0.3)
    rounds = 600
    played = play(model, rounds=rounds, agents=2)
    stream = NumpyStream(0).child("NetemModel").child("reorder")
    passes = np.array([stream.uniform((2, 2)) for _ in range(rounds)])[:, 0, 1] < 0.3
    kept, delay = delivered(played, rounds), played.delay[:, 0, 1]
    assert (delay[passes] == 0).all()
    assert (delay[kept & ~passes] >= 6).all()
    # The link transmits the others all the time.
    assert (kept & ~passes)[100:].sum() == 250
    # One that finds a full queue is lost, even if it would have passed everything.
    assert (passes & ~kept).any()
    assert (passes & kept).any()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_with_a_loss_alone_it_loses_what_that_model_loses(loss):
    rounds, model = 300, NetemModel(loss=loss)
    played = play(model, rounds=rounds)
    expected = alone(loss, rounds, NumpyStream(0).child("NetemModel"))
    np.testing.assert_array_equal(played.lost, expected)
    assert played.delay is None
    assert model.traits.longest_delay == 0
    assert model.expected_loss() == loss.expected_loss()
    assert model.expected_age() == loss.expected_age()
    assert model.expected_burst_length() == loss.expected_burst_length()


def test_what_the_loss_loses_does_not_depend_on_the_rest():
    loss, rounds = ProbabilisticModel(failure_prob=0.4), 200
    plain = play(NetemModel(loss=loss), rounds=rounds)
    busy = play(
        NetemModel(loss=loss, delay=3, jitter=2, transmission=1.5, reorder=0.2, limit=3),
        rounds=rounds,
    )
    assert (busy.lost | ~plain.lost).all()
    assert (busy.lost & ~plain.lost).any()


def test_draws_do_not_depend_on_the_parameters():
    """What is delayed by more jitter is delayed alike, only by more; reordering is nested."""

    def delays(**options):
        return off_diagonal(play(NetemModel(**options), rounds=100).delay)

    small, large = (delays(delay=50, jitter=jitter, limit=900) - 50 for jitter in (10, 20))
    assert np.abs(large - 2 * small).max() <= 2
    few, many = (delays(delay=5, jitter=0, reorder=share) == 0 for share in (0.2, 0.5))
    assert (many | ~few).all()
    assert (many & ~few).any()


MODELS = {
    "nothing": NetemModel(),
    "a loss": NetemModel(loss=GilbertElliottModel(p=0.1, r=0.4)),
    "a delay": NetemModel(delay=2.5),
    "a limit": NetemModel(delay=4, limit=2, reorder=0.1),
    "jitter": NetemModel(delay=2, jitter=3, distribution="normal", reorder=0.2),
    "a rate": NetemModel(transmission=1.25, limit=20),
    "all of it": NetemModel(
        loss=FourStateModel(p13=0.1, p31=0.4), delay=2, jitter=1.5, transmission=1.1, limit=6,
        reorder=0.1, agent_ids=("a", "c"),
    ),
    "a very long queue": NetemModel(transmission=1.25, limit=100_000),
}  # fmt: skip


@pytest.mark.sampled(1)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_model_keeps_the_laws(model):
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    check_model(model, backends=("torch", "jax"))


def test_a_further_attempt_has_other_chance_behind_the_same_messages():
    model = NetemModel(
        loss=ProbabilisticModel(failure_prob=0.5), delay=2, jitter=1, transmission=3.0, limit=9
    )
    stream, context = NumpyStream(0), context_of(6)
    parameters = model.prepare(context)
    links = Links(sends=np.ones((6, 6), dtype=bool))
    state = model.init(parameters, context, stream)
    for number in range(4):
        context = context._replace(round=number)
        before = state
        state, first = model.step(parameters, state, links, context, stream)
    again = stream.child("attempt")
    second = model.attempt(parameters, before, state, links, context, again)
    assert (first.lost != second.lost).any()
    both = off_diagonal(~first.lost & ~second.lost & (before.until.whole > 3))
    assert both.any()
    # Where the link has more to transmit than any delay, chance says nothing of the time.
    assert (off_diagonal(first.delay)[both] == off_diagonal(second.delay)[both]).all()


def test_a_further_attempt_is_lost_where_the_state_of_the_link_says_so():
    model = NetemModel(loss=FourStateModel(p13=0.3, p31=0.3), delay=2)
    stream, context = NumpyStream(0), context_of(5)
    parameters = model.prepare(context)
    links = Links(sends=np.ones((5, 5), dtype=bool))
    state = model.init(parameters, context, stream)
    for _ in range(5):
        before = state
        state, first = model.step(parameters, state, links, context, stream)
        again = model.attempt(parameters, before, state, links, context, stream.child("attempt"))
        np.testing.assert_array_equal(again.lost, first.lost)


def test_a_link_that_is_a_little_too_slow_meets_the_limit_in_the_end():
    model = NetemModel(transmission=1 + 1e-6, limit=1)
    lost = play(model, rounds=40, agents=2).lost[:, 0, 1]
    # Messages that come 1.5e-5 of a round too early are in time.
    assert lost.nonzero()[0].tolist() == [16, 33]
    assert model.expected_loss() is None


def test_a_loss_can_be_graded():
    outage = ScheduledModel(model=ProbabilisticModel(failure_prob=0.8), severity=0.5)
    model = NetemModel(loss=outage, delay=1)
    assert "severity" in model.settings
    assert model.with_settings({"severity": 0.5}).loss.severity == 0.25
    assert model.expected_loss() == 0.4
    drawn = RandomizedModel(
        model=ProbabilisticModel(failure_prob=0.0), parameters={"failure_prob": (0.0, 0.5)}
    )
    check_model(NetemModel(loss=drawn))
    assert NetemModel(delay=1).with_settings({"severity": 0.5}) == NetemModel(delay=1)


def test_what_a_chain_is_told():
    assert NetemModel().traits.stages == {Stage.ON_AIR}
    assert NetemModel(delay=2.4, transmission=0.2).traits.longest_delay == 3
    assert NetemModel(delay=2, jitter=1).traits.longest_delay == 3
    assert NetemModel(delay=2, jitter=1, distribution="normal").traits.longest_delay == 6
    assert NetemModel(transmission=1.25).traits.longest_delay == 1250
    assert NetemModel(delay=30, transmission=2, limit=5).traits.longest_delay == 10 + 26
    assert NetemModel(loss=LOSSES["loss 30%"]).traits.steady
    assert not NetemModel(delay=3, limit=2).traits.steady


def test_a_delay_just_below_half_a_round_is_one_that_the_channel_knows_of():
    # In float32 a mean of 2 and a jitter of this much may come to 2.5.
    model = NetemModel(delay=2, jitter=0.499999)
    assert model.traits.longest_delay == 3
    assert play(model, rounds=2000, agents=10).delay.max() <= 3


@pytest.mark.sampled(7)
@pytest.mark.parametrize("delay", [0.0, 30.0])
@pytest.mark.parametrize("jitter", [0.0, 8.0])
@pytest.mark.parametrize("transmission", [0.0, 0.7, 2.5])
def test_no_message_takes_longer_than_is_said_and_some_take_as_long(delay, jitter, transmission):
    model = NetemModel(delay=delay, jitter=jitter, transmission=transmission, limit=6)
    played = play(model, rounds=2000)
    longest = model.traits.longest_delay
    # The channel itself refuses more than that.
    slack = 0 if not jitter else 3 if transmission <= 1 else 8
    if longest:
        assert longest - slack <= played.delay.max() <= longest


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_simulated_is_what_the_model_says_of_itself(case):
    (model,) = case.models
    loss = model.expected_loss
    said = {"age": model.expected_age, "burst_length": model.expected_burst_length}
    known = said.get(case.quantity, loss)()
    if known is None:
        assert model.transmission > 1
        return
    expected = 1 - case.expected if "busy" in str(case.quantity) else case.expected
    assert known == pytest.approx(expected, abs=1e-4)


def test_closed_forms_that_nobody_knows():
    loss = ProbabilisticModel(failure_prob=0.2)
    assert NetemModel(delay=9, limit=5, loss=loss).expected_loss() is None
    assert NetemModel(delay=9, limit=5, loss=loss).expected_age() is None
    assert NetemModel(transmission=1.25).expected_loss() is None
    assert NetemModel(delay=2, jitter=1, transmission=0.5).expected_age() is None
    assert NetemModel(delay=2, jitter=1, loss=LOSSES["loss state 10% 40%"]).expected_age() is None
    assert NetemModel(delay=2, jitter=1, loss=loss).expected_burst_length() is None


def test_closed_forms_keep_the_form_of_the_loss():
    pair = ("agent_0", "agent_1")
    loss = ProbabilisticModel(failure_prob={pair: 0.5})
    assert NetemModel(loss=loss, delay=2).expected_age() == {pair: 3.0}
    assert NetemModel(loss=loss, delay=2).expected_loss() == {pair: 0.5}
    jitter = NetemModel(loss=ProbabilisticModel(failure_prob=[[0, 0.5], [0, 0]]), delay=2, jitter=1)
    assert jitter.expected_age()[1, 0] == NetemModel(delay=2, jitter=1).expected_age()


@pytest.mark.parametrize(
    ("distribution", "delays"),
    [
        ("uniform", UniformDelay(low=1.5, high=4.5)),
        ("normal", NormalDelay(mean=3, standard_deviation=1.5)),
    ],
)
def test_jitter_alone_ages_as_the_delay_model_says(distribution, delays):
    model = NetemModel(delay=3, jitter=1.5, distribution=distribution)
    same = DelayBasedModel(distribution=delays, max_delay=9)
    assert model.expected_age() == pytest.approx(same.expected_age(), abs=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": 0.1}, "loss must be a model of loss by chance"),
        ({"loss": DelayBasedModel(max_delay=2)}, "loss must be a model of loss by chance"),
        ({"loss": BandwidthModel(capacity=0.5)}, "loss must be a model of loss by chance"),
        (
            {"loss": ProbabilisticModel(failure_prob=0.1, max_bandwidth=0.5)},
            "loss must be a model of loss by chance",
        ),
        ({"loss": NetemModel()}, "loss must be a model of loss by chance"),
        ({"delay": -1}, "delay"),
        ({"delay": float("nan")}, "delay"),
        ({"delay": 10_001}, "10000 rounds"),
        ({"delay": 9_000, "jitter": 500, "distribution": "normal"}, "10000 rounds"),
        ({"jitter": -0.5}, "jitter"),
        ({"distribution": "pareto"}, "distribution"),
        ({"transmission": float("inf")}, "transmission"),
        ({"transmission": 2000}, "1000000 rounds"),
        ({"limit": 0}, "limit"),
        ({"limit": 2.5}, "limit"),
        ({"reorder": 1.5}, "reorder"),
    ],
)
def test_a_mistake_is_one_sentence(options, words):
    with pytest.raises(FailureApiError) as caught:
        NetemModel(**options)
    assert_one_sentence(caught.value, words)


def test_a_model_in_a_chain_is_behind_a_queue_of_its_own():
    """What leaves the queue of another model is sent then, and not before."""
    capacity = BandwidthModel(capacity=0.5, queue_length=4)
    played = play(capacity, NetemModel(delay=3), rounds=40)
    alone_ = play(capacity, rounds=40)
    assert played.newest[3:, 0, 1].tolist() == alone_.newest[:-3, 0, 1].tolist()


def test_replacing_sweeps():
    model = NetemModel(delay=2)
    assert [replace(model, limit=limit).expected_loss() for limit in (1, 2)] == [0.5, 0.0]
