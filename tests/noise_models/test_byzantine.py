"""ByzantineModel: who lies, how often, and what is counted."""

import math

import numpy as np
import pytest
from noise_rounds import assert_mean, binomial, noisy, play_noise

from failure_api.errors import InvalidArgumentError, ModelError
from failure_api.noise_models import ByzantineModel, FlipSign, SendConstant, SendRandom
from failure_api.testing import check_noise_model
from helpers import FALSE_ALARM, assert_one_sentence, label

LIAR = ["agent_1"]
CONTENT = np.random.default_rng(0).uniform(-1, 1, (20, 3, 3, 4)).astype(np.float32)


def grows(content, number):
    return content * (number + 2)


def halves(content, number):
    return content * 0.5


def lists(content, number):
    return content.tolist()


def rows(content, number):
    return content[0]


def doubles(content, number):
    return content.astype(np.float64)


def roots(content, number):
    with np.errstate(invalid="ignore"):
        return np.sqrt(content)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    "attack",
    [
        FlipSign(),
        SendConstant(value=3.0),
        SendRandom(low=-1.0, high=2.0),
        SendRandom(low=-1.0, high=2.0, same_for_all=True),
        halves,
    ],
    ids=label,
)
@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_the_laws_hold(attack, rate):
    check_noise_model(ByzantineModel(agent_ids=["c", "a"], attack=attack, attack_rate=rate))


def test_only_named_senders_lie():
    model = ByzantineModel(agent_ids=LIAR, attack=FlipSign(strength=2.0))
    after = noisy(model, CONTENT[0])
    np.testing.assert_array_equal(after[:, 1], -2 * CONTENT[0][:, 1])
    np.testing.assert_array_equal(after[:, [0, 2]], CONTENT[0][:, [0, 2]])


def test_every_agent_may_be_named():
    everyone = ["agent_2", "agent_0", "agent_1"]
    state, after = play_noise(ByzantineModel(agent_ids=everyone, attack=FlipSign()), CONTENT)
    np.testing.assert_array_equal(after, -CONTENT)
    assert state.arrived.tolist() == [[20] * 3] * 3


def test_an_attack_is_a_function_of_the_truth_and_the_round():
    _, after = play_noise(ByzantineModel(agent_ids=LIAR, attack=grows), CONTENT)
    factors = np.arange(2, 22).reshape(-1, 1, 1)
    np.testing.assert_allclose(after[:, :, 1], CONTENT[:, :, 1] * factors, rtol=1e-6)


def test_ready_made_attacks():
    large = np.zeros((50, 3, 1000), dtype=np.float32)
    large[0, 0, 0] = np.inf
    constant = noisy(ByzantineModel(agent_ids=LIAR, attack=SendConstant(value=0.5)), large)
    assert (constant[:, 1] == 0.5).all()
    random = ByzantineModel(agent_ids=LIAR, attack=SendRandom(low=-1.0, high=3.0))
    draws = noisy(random, large)[:, 1]
    assert -1.0 <= draws.min() < draws.max() <= 3.0
    assert_mean(draws, 1.0, 16 / 12)


def test_a_lie_for_all_is_a_function_of_its_sender_and_of_the_round_it_was_made_in():
    """Whoever hears a message hears the same lie, in whichever round it arrives."""
    rounds, agents = 12, 4
    content = np.zeros((rounds, agents, agents, 5), dtype=np.float32)
    delay = np.random.default_rng(0).integers(0, 4, content.shape[:-1])
    made = np.arange(rounds).reshape(-1, 1, 1) - delay
    liars = ["agent_0", "agent_2"]
    attack = SendRandom(low=1.0, high=2.0, same_for_all=True)
    model = ByzantineModel(agent_ids=liars, attack=attack, attack_rate=0.7)
    after = play_noise(model, content, made=made, arrived=made >= 0)[1]
    told = {}
    for number, receiver, sender in np.argwhere((after[..., 0] >= 1) & (made >= 0)).tolist():
        lie = tuple(after[number, receiver, sender].tolist())
        told.setdefault((sender, int(made[number, receiver, sender])), []).append(lie)
    assert {sender for sender, _ in told} == {0, 2}
    assert max(map(len, told.values())) > 3
    assert all(len(set(lies)) == 1 for lies in told.values())
    entries = [entry for lies in told.values() for entry in lies[0]]
    assert len(set(entries)) == len(entries)
    assert 1.0 <= min(entries) < max(entries) < 2.0
    # Who takes part does not move anybody's lies, nor does how often one lies.
    rarely = ByzantineModel(agent_ids=liars[:1], attack=attack, attack_rate=0.3)
    fewer = play_noise(rarely, content, made=made, arrived=made >= 0)[1]
    both = (fewer[..., 0] >= 1)[..., None] & (after >= 1)
    np.testing.assert_array_equal(fewer[both.any(-1)], after[both.any(-1)])


def test_a_lie_for_each_differs_from_receiver_to_receiver():
    model = ByzantineModel(agent_ids=LIAR, attack=SendRandom(low=1.0, high=2.0))
    after = noisy(model, CONTENT[0])[:, 1]
    assert len(np.unique(after)) == after.size


def test_without_delays_a_lie_for_all_is_that_of_its_round():
    attack = SendRandom(low=0.0, high=1.0, same_for_all=True)
    model = ByzantineModel(agent_ids=LIAR, attack=attack)
    made = np.broadcast_to(np.arange(20)[:, None, None], CONTENT.shape[:-1])
    _, unsaid = play_noise(model, CONTENT)
    _, said = play_noise(model, CONTENT, made=made)
    np.testing.assert_array_equal(unsaid, said)
    assert (unsaid[:, 0, 1] == unsaid[:, 2, 1]).all()
    assert len(np.unique(unsaid[:, 0, 1])) == unsaid[:, 0, 1].size


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_messages_attacked(rate):
    content = np.ones((20, 100, 50, 1))
    model = ByzantineModel(
        agent_ids=[f"agent_{index}" for index in range(25)], attack=FlipSign(), attack_rate=rate
    )
    arrived = np.random.default_rng(0).random(content.shape[:-1]) < 0.7
    state, after = play_noise(model, content, arrived=arrived)
    named = arrived[..., :25]
    false = after[..., :25, 0][named] == -1
    assert binomial(false, rate) > FALSE_ALARM
    assert model.attack_share(state) == false.sum() / named.sum()
    assert model.report(state) == {"arrived": named.sum(), "attacked": false.sum()}
    np.testing.assert_array_equal(state.arrived[:, :25], named.sum(0))
    assert not state.arrived[:, 25:].any()


def test_every_message_is_false_or_true_as_a_whole():
    content = np.ones((40, 40, 6))
    everyone = [f"agent_{index}" for index in range(40)]
    after = noisy(ByzantineModel(agent_ids=everyone, attack=FlipSign(), attack_rate=0.5), content)
    assert set(np.unique(after.sum(-1))) == {-6.0, 6.0}


def test_without_messages_there_is_no_share():
    model = ByzantineModel(agent_ids=LIAR, attack=FlipSign())
    state, _ = play_noise(model, CONTENT, arrived=False)
    assert math.isnan(model.attack_share(state))


def test_what_is_false_at_a_rate_is_false_at_a_greater_one():
    few, many = (
        play_noise(ByzantineModel(agent_ids=LIAR, attack=FlipSign(), attack_rate=rate), CONTENT)[1]
        != CONTENT
        for rate in (0.3, 0.6)
    )
    assert not (few & ~many).any()
    assert (many & ~few).any()


def test_who_lies_does_not_depend_on_the_attack():
    sign, noise = (
        play_noise(ByzantineModel(agent_ids=LIAR, attack=attack, attack_rate=0.5), CONTENT)[1]
        != CONTENT
        for attack in (FlipSign(), SendRandom(low=-1, high=1))
    )
    np.testing.assert_array_equal(sign, noise)


@pytest.mark.parametrize("attack", [lists, rows, doubles, roots])
def test_an_attack_that_returns_something_else_is_refused_in_a_sentence(attack):
    with pytest.raises(ModelError, match=r"^ByzantineModel\.attack must return") as caught:
        noisy(ByzantineModel(agent_ids=LIAR, attack=attack), CONTENT[0])
    assert_one_sentence(caught.value)


def test_what_did_not_arrive_may_be_no_number():
    content = np.array(CONTENT[0])
    content[0, 1] = np.nan
    arrived = np.isfinite(content[..., 0])
    noisy(ByzantineModel(agent_ids=LIAR, attack=FlipSign()), content, arrived=arrived)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"agent_ids": None, "attack": FlipSign()}, "agent_ids"),
        ({"agent_ids": [], "attack": FlipSign()}, "agent_ids"),
        ({"agent_ids": "agent_1", "attack": FlipSign()}, "agent_ids"),
        ({"agent_ids": LIAR, "attack": "flip"}, "attack"),
        ({"agent_ids": LIAR, "attack": None}, "attack"),
        ({"agent_ids": LIAR, "attack": FlipSign}, "attack"),
        ({"agent_ids": LIAR, "attack": lambda content: content}, "attack"),
        ({"agent_ids": LIAR, "attack": FlipSign(), "attack_rate": 2}, "attack_rate"),
    ],
)
def test_wrong_arguments_are_refused(arguments, word):
    with pytest.raises(InvalidArgumentError) as caught:
        ByzantineModel(**arguments)
    assert_one_sentence(caught.value, word)


def test_the_senders_must_be_named():
    with pytest.raises(TypeError, match="agent_ids"):
        ByzantineModel(attack=FlipSign())


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: FlipSign(strength=-1), "strength"),
        (lambda: SendConstant(value=float("nan")), "value"),
        (lambda: SendRandom(low=1, high=0), "high"),
    ],
)
def test_wrong_arguments_of_attacks_are_refused(make, word):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert_one_sentence(caught.value, word)


def test_senders_that_do_not_exist_are_refused():
    with pytest.raises(InvalidArgumentError, match="must name agents of the environment"):
        noisy(ByzantineModel(agent_ids=["nobody"], attack=FlipSign()), CONTENT[0])
