"""Wrappers that each break one law, most of them as wrappers in the field do.

Those whose views are wrong are elsewhere.
"""

from __future__ import annotations

import numpy as np
from pettingzoo.utils import BaseWrapper

from failure_api import CommunicationWrapper, CommunicationWrapperParallel
from failure_api.core.random.numpy_stream import EpisodeStreams
from failure_api.wrappers.rounds import RoundKeeper


class TicksEachTurn(CommunicationWrapper):
    """Runs a round for every agent's turn, so that clocks depend on the number of agents."""

    def step(self, action):
        before = self._observations
        super().step(action)
        if self._observations is before:
            self._rounds.advance(self._observations, self.terminations)


class TicksTwice(CommunicationWrapperParallel):
    def step(self, actions):
        results = super().step(actions)
        self._rounds.advance(results[0], results[2])
        return results


class NeverTicks(CommunicationWrapperParallel):
    def step(self, actions):
        advance, self._rounds.advance = self._rounds.advance, lambda *_: None
        results = super().step(actions)
        self._rounds.advance = advance
        return results


class DrawsWhenObserved(CommunicationWrapper):
    """Uses up randomness for every look, and so changes what happens next."""

    def observe(self, agent):
        self._rounds._random.child("ProbabilisticModel").uniform((1,))
        return super().observe(agent)


class DrawsAtLast(CommunicationWrapper):
    def last(self, observe=True):
        self._rounds._random.child("ProbabilisticModel").uniform((1,))
        return super().last(observe)


class _UnseededRounds(RoundKeeper):
    def start(self, seed, observations, dead):
        super().start(None, observations, dead)


class Unseeded(CommunicationWrapper):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._rounds.__class__ = _UnseededRounds


class _RepeatedRounds(RoundKeeper):
    def start(self, seed, observations, dead):
        super().start(7 if seed is None else seed, observations, dead)


class RepeatsItself(CommunicationWrapperParallel):
    """Starts every episode without a seed from the same one."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._rounds.__class__ = _RepeatedRounds


class _TiedRounds(RoundKeeper):
    def start(self, seed, observations, dead):
        drawn = int(self.env.unwrapped.np_random.integers(2**31))
        super().start(drawn, observations, dead)


class TiedToTheEnvironment(CommunicationWrapper):
    """Takes its seeds from the environment's generator, which goes on differently then."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._rounds.__class__ = _TiedRounds


class GlobalRandomness(CommunicationWrapper):
    """Reads the global generator, which environments use for their noise."""

    def step(self, action):
        np.random.random()  # noqa: NPY002
        super().step(action)


class Talkative(CommunicationWrapperParallel):
    """Adds what it knows to the infos."""

    def step(self, actions):
        *results, infos = super().step(actions)
        lost = float(1 - self.get_communication_state().mean())
        return *results, {agent: {**info, "lost": lost} for agent, info in infos.items()}


class RemovesTheUnheard(CommunicationWrapperParallel):
    """Takes agents whose links are all down for dead."""

    def step(self, actions):
        results = super().step(actions)
        heard = self.get_communication_state().any(axis=1)
        self.agents = [a for a in self.agents if heard[self.possible_agents.index(a)]]
        return results


class TerminatesTheUnheard(CommunicationWrapperParallel):
    def step(self, actions):
        observations, rewards, terminations, *rest = super().step(actions)
        heard = self.get_communication_state().any(axis=1)
        for agent in terminations:
            terminations[agent] |= bool(not heard[self.possible_agents.index(agent)])
        return observations, rewards, terminations, *rest


class _NobodyDies(RoundKeeper):
    def _present(self, *arguments):
        return super()._present(*arguments)._replace(alive=self._everyone)


class DeadAgentsListen(CommunicationWrapperParallel):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._rounds.__class__ = _NobodyDies


class DeadAgentsSpeak(CommunicationWrapperParallel):
    def get_communication_state(self):
        received = super().get_communication_state()
        dead = [agent not in self.agents for agent in self.possible_agents]
        received[np.ix_(dead, np.logical_not(dead))] = True
        return received


class LastEpisodesLinks(CommunicationWrapper):
    """Reports the last episode's links until the first step."""

    def reset(self, seed=None, options=None):
        old = self._rounds._delivery if self._rounds._round_index >= 0 else None
        super().reset(seed=seed, options=options)
        if old is not None:
            self._rounds._delivery = old


class CannotTravel(CommunicationWrapper):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.callback = lambda: None


class FreshStreamsOnCopy(CommunicationWrapper):
    def __setstate__(self, state):
        self.__dict__.update(state)
        self._rounds._streams = EpisodeStreams()


class OldStreamsOnCopy(CommunicationWrapper):
    """Goes back to the seed: copies agree with one another, and not with the original."""

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._rounds._streams = EpisodeStreams()
        self._rounds._streams.start(5)


class ForgetsOnCopy(CommunicationWrapperParallel):
    """Loses the messages that are under way."""

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self._rounds._round_index >= 0:
            channel = self._rounds._state
            nothing = np.zeros_like(channel.newest)
            lost = channel._replace(in_flight=(nothing,) * len(channel.in_flight))
            self._rounds._state = lost


class Trackback(CommunicationWrapper):
    """Looks an agent up without asking whether there is one."""

    def observe(self, agent):
        return self._view(agent, self._source.observe(agent))


class SilentlyAccepts(CommunicationWrapperParallel):
    """Drops the actions of agents that it does not know."""

    def step(self, actions):
        if not self._started:
            return super().step(actions)
        return super().step({a: actions[a] for a in actions if a in self.possible_agents})


class Chatters(CommunicationWrapper):
    """Answers a mistake with more than a sentence."""

    def observe(self, agent):
        try:
            return super().observe(agent)
        except ValueError as error:
            raise type(error)(f"Something went wrong!\n{error}") from None


class PassesEverythingOn(BaseWrapper):
    """Has never heard of models."""

    def __init__(self, env, models, *, exchange=None, positions=None):
        super().__init__(env)
