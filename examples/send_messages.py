"""A speaker and a listener learn what to say and what to make of it; then the link is cut."""

import numpy as np
from gymnasium.spaces import Discrete
from mpe2 import simple_speaker_listener_v4

from failure_api import CommunicationWrapperParallel, ProbabilisticModel, SendMessages

random = np.random.default_rng(0)
words = np.zeros((3, 3))  # logits of what to say, by the landmark that is meant
targets = np.zeros((3, 3))  # logits of where to go, by the word that is heard


def draw(logits):
    """Returns a choice, and the gradient of the logarithm of its probability."""
    chances = np.exp(logits) / np.exp(logits).sum()
    choice = random.choice(3, p=chances)
    return choice, np.eye(3)[choice] - chances


def play(failure_prob, episodes, seed, rate=0.0):
    """Plays episodes, learns at a rate, and returns how often the right landmark is reached."""
    env = CommunicationWrapperParallel(
        simple_speaker_listener_v4.parallel_env(max_cycles=20),
        failure_models=ProbabilisticModel(failure_prob=failure_prob),
        exchange=SendMessages({"speaker_0": Discrete(3)}),
    )
    hits, usual = [], 1 / 3
    for episode in range(episodes):
        views, _ = env.reset(seed=seed + episode)
        meant = views["speaker_0"]["observation"].argmax()
        word, of_word = draw(words[meant])
        # What the speaker does in the environment itself is always the same.
        speak = {"action": 0, "message": word}
        views = env.step({"speaker_0": speak, "listener_0": 0})[0]
        heard = views["listener_0"]["messages"]["speaker_0"]
        target, of_target = draw(targets[heard])
        while env.agents:
            seen = views["listener_0"]["observation"]
            way = seen[2:8].reshape(3, 2)[target] - 0.3 * seen[:2]
            axis = abs(way).argmax()
            views = env.step({"speaker_0": speak, "listener_0": 1 + 2 * axis + (way[axis] > 0)})[0]
        landmarks = views["listener_0"]["observation"][2:8].reshape(3, 2)
        hits.append(np.linalg.norm(landmarks, axis=1).argmin() == meant)
        words[meant] += rate * (hits[-1] - usual) * of_word
        targets[heard] += rate * (hits[-1] - usual) * of_target
        usual += 0.05 * (hits[-1] - usual)
    return np.mean(hits)


play(failure_prob=0.0, episodes=1000, seed=0, rate=0.5)
for failure_prob in (0.0, 1.0):
    reached = play(failure_prob, episodes=200, seed=10_000)
    print(f"with {failure_prob:.0%} of the messages lost, {reached:.0%} reach the right landmark")
