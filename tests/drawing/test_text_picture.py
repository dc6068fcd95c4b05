"""Pictures in characters: all rounds are there, and their shares are those of the links."""

from __future__ import annotations

import re

import numpy as np
import pytest

from failure_api.communication_models import (
    BandwidthModel,
    Chain,
    CommunicationModel,
    DelayBasedModel,
    GilbertElliottModel,
    ProbabilisticModel,
)
from failure_api.drawing.rounds import (
    CURRENT,
    LATE,
    NOTHING,
    ROUNDS,
    play_links,
    play_noise,
    walks,
)
from failure_api.drawing.text import draw_links, draw_noise
from failure_api.noise_models import ByzantineModel, GaussianNoiseModel, SendConstant
from helpers import play
from models_under_test import EXAMPLES

LINKS = {name: each for name, each in EXAMPLES.items() if isinstance(each, CommunicationModel)}
NOISES = {name: each for name, each in EXAMPLES.items() if name not in LINKS}
every_model = pytest.mark.parametrize("model", LINKS.values(), ids=LINKS)
every_noise = pytest.mark.parametrize("model", NOISES.values(), ids=NOISES)
WIDTHS = (20, 40, 80, 200, 300)
WIDE = ROUNDS + len("0 → 1 ")
HEIGHTS = " ▁▂▃▄▅▆▇█"


def rows(lines):
    """Returns what is drawn of each link, without its label."""
    drawn = [re.match(r"\d (?:→|->) \d (.*)$", line) for line in lines]
    return [found[1] for found in drawn if found]


@every_model
def test_two_hundred_rounds_of_twelve_links_are_played(model):
    history = play_links(model)
    assert history.received.shape == history.age.shape == (12, ROUNDS) == (12, 200)
    assert history.links.tolist() == [[i, j] for i in range(4) for j in range(4) if i != j]
    assert set(np.unique(history.received)) <= {NOTHING, LATE, CURRENT}
    assert sum(history.shares) == pytest.approx(1)
    assert (history.age[history.received == CURRENT] == 0).all()
    # What arrives is new, so that the age falls; what does not lets it grow.
    growth = np.diff(history.age, axis=1)
    assert (growth[history.received[:, 1:] == NOTHING] == 1).all()


@every_model
def test_it_is_what_a_channel_delivers(model):
    history = play_links(model, seed=5)
    played = play(model, rounds=ROUNDS, agents=4, seed=5, positions=walks(ROUNDS))
    pairs = ~np.eye(4, dtype=bool)
    np.testing.assert_array_equal(history.age, played.age[:, pairs].T)
    np.testing.assert_array_equal(history.received != NOTHING, played.arrived[:, pairs].T)


@every_model
def test_the_same_seed_draws_the_same_picture(model):
    assert draw_links(play_links(model)) == draw_links(play_links(model))


def test_another_seed_draws_another_picture():
    model = ProbabilisticModel(failure_prob=0.5)
    assert draw_links(play_links(model)) != draw_links(play_links(model, seed=1))
    noise = GaussianNoiseModel(standard_deviation=0.5)
    assert draw_noise(play_noise(noise)) != draw_noise(play_noise(noise, seed=1))
    assert draw_noise(play_noise(noise)) == draw_noise(play_noise(noise))


@every_model
def test_a_wide_picture_has_one_character_a_round_and_the_shares_of_the_links(
    model,
):
    history = play_links(model)
    lines = draw_links(history, WIDE)
    drawn = rows(lines)
    assert [len(row) for row in drawn] == [200] * 12
    text = "".join(drawn)
    assert set(text) <= set("█▓·")
    for sign, what in (("·", NOTHING), ("▓", LATE), ("█", CURRENT)):
        assert text.count(sign) == int((history.received == what).sum())
    nothing, late, current = (100 * share for share in history.shares)
    assert lines[-1] == f"{current:.0f} % current, {late:.0f} % late, {nothing:.0f} % nothing"
    assert "200 rounds from left to right" in lines


@pytest.mark.sampled(18)
@every_model
@pytest.mark.parametrize("plain", [False, True], ids=["unicode", "ascii"])
def test_every_width_holds_all_rounds(model, plain):
    history = play_links(model)
    for width in WIDTHS:
        lines = draw_links(history, width, plain)
        drawn = rows(lines)
        key, scale, rest = "\n".join(lines[12:]).partition("200 rounds from left to right")
        found = re.match(r",?\s(\d+) a character", rest)
        each = int(found[1]) if found else 1
        label = len(lines[0]) - len(drawn[0])
        assert scale
        assert {len(row) for row in drawn} == {-(-200 // each)}
        assert len(drawn[0]) + label <= width
        assert each == 1 or -(-200 // (each - 1)) + label > width
        assert all(len(line) <= max(width, 30) for line in lines)
        assert "".join(lines).isascii() == plain
        # The legend tells the signs that are there, and no other.
        assert set(re.findall(r"(?:^|, |\n)(\S) ", key)) == set("".join(drawn))


def test_signs_of_several_rounds_tell_how_many_are_missing():
    history = play_links(ProbabilisticModel(failure_prob=0.5))
    four = draw_links(history, 50 + len("0 → 1 "))
    for row, received in zip(rows(four), history.received.reshape(12, 50, 4), strict=True):
        missing = (received == NOTHING).sum(axis=1)
        assert row == "".join("█▒▒░·"[count] for count in missing)


@pytest.mark.parametrize(
    ("model", "share", "sign"),
    [
        (ProbabilisticModel(failure_prob=0), "100 % current, 0 % late, 0 % nothing", "█"),
        (ProbabilisticModel(failure_prob=1), "0 % current, 0 % late, 100 % nothing", "·"),
        (Chain(models=[]), "100 % current, 0 % late, 0 % nothing", "█"),
        (DelayBasedModel(min_delay=0, max_delay=0), "100 % current, 0 % late, 0 % nothing", "█"),
    ],
    ids=["never", "always", "nothing", "no delay"],
)
def test_pictures_whose_look_is_known(model, share, sign):
    lines = draw_links(play_links(model), 80)
    assert set("".join(rows(lines))) == {sign}
    assert lines[-1] == share


def test_late_messages_are_late():
    delayed = draw_links(play_links(DelayBasedModel(min_delay=2, max_delay=2)), WIDE)
    assert rows(delayed) == ["··" + "▓" * 198] * 12
    queued = rows(draw_links(play_links(BandwidthModel(capacity=0.5, queue_length=1)), WIDE))
    assert queued == ["·▓" * 100] * 12


def test_bursts_are_seen():
    text = rows(draw_links(play_links(GilbertElliottModel(p=0.02, r=0.1)), WIDE))
    bursts = [burst for row in text for burst in re.findall("·+", row)]
    assert np.mean([len(burst) for burst in bursts]) > 4


@every_noise
@pytest.mark.parametrize("plain", [False, True], ids=["unicode", "ascii"])
def test_noise_is_drawn_in_every_round(model, plain):
    history = play_noise(model)
    changed = 100 * float(np.mean(history.before != history.after))
    for width in WIDTHS:
        lines = draw_noise(history, width, plain)
        for label in ("before ", "after  "):
            drawn = [line.removeprefix(label) for line in lines if line.startswith(label)]
            assert sum(map(len, drawn)) == 200
            assert len(drawn) == -(-200 // (width - len(label)))
        assert all(len(line) <= max(width, 30) for line in lines)
        assert "".join(lines).isascii() == plain
        assert lines[-1].endswith(f"{changed:.0f} % of entries changed")


def test_heights_are_those_of_the_content():
    model = ByzantineModel(agent_ids=["agent_0"], attack=SendConstant(value=1.0))
    history = play_noise(model)
    before, after, *legend = draw_noise(history, 207)
    assert set(after.removeprefix("after  ")) == {"█"}
    levels = [HEIGHTS.index(sign) for sign in before.removeprefix("before ")]
    expected = np.rint((history.before[:, 0] + 1) / 2 * 8)
    assert np.abs(np.array(levels) - expected).max() <= 1
    assert "heights from -1.00 to 1.00" in " ".join(legend)
    other = ByzantineModel(agent_ids=["agent_1"], attack=SendConstant(value=1.0))
    assert draw_noise(play_noise(other))[-1].endswith("0 % of entries changed")


def test_noise_that_is_constant_has_a_height_too():
    history = play_noise(GaussianNoiseModel(standard_deviation=0))
    flat = history._replace(
        before=np.zeros_like(history.before), after=np.zeros_like(history.after)
    )
    assert len(draw_noise(flat, 207)[0]) == 207
