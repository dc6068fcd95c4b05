"""Wrappers that show or hand out what they should not (laws 1, 6 and 7)."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from failure_api import CommunicationWrapper, CommunicationWrapperParallel


class VanishingSenders(CommunicationWrapper):
    """Leaves out who was not heard, while the space stays."""

    def observe(self, agent):
        receiver = self.possible_agents.index(agent)
        heard = self.get_communication_state()[:, receiver]
        heard[receiver] = True
        view = super().observe(agent)
        return {sender: view[sender] for sender, h in zip(view, heard, strict=True) if h}


class DoublePrecision(CommunicationWrapper):
    def observe(self, agent):
        return super().observe(agent).astype(np.float64)


class NewSpaces(CommunicationWrapperParallel):
    def observation_space(self, agent):
        return copy.deepcopy(super().observation_space(agent))


class MaskedMasks(CommunicationWrapper):
    def observe(self, agent):
        view = super().observe(agent)
        view["action_mask"] = np.ones_like(view["action_mask"])
        return view


class MissingKeys(CommunicationWrapperParallel):
    """Returns no observation for agents that heard nothing."""

    def _views(self, observations):
        heard = self.get_communication_state().any(axis=0)
        views = super()._views(observations)
        return {a: views[a] for a in views if heard[self.possible_agents.index(a)]}


class MuteAgentsStandStill(CommunicationWrapper):
    """Replaces the action of an agent that nobody hears by 0."""

    def step(self, action):
        if self._observations and action is not None:
            sender = self.possible_agents.index(self.agent_selection)
            action = action if self.get_communication_state()[sender].any() else 0
        super().step(action)


class OwnSensesFail(CommunicationWrapper):
    """Blanks the whole observation of an agent that hears nobody."""

    def observe(self, agent):
        view = super().observe(agent)
        heard = self.get_communication_state()[:, self.possible_agents.index(agent)]
        return view if heard.any() else np.zeros_like(view)


class SameArrayEveryStep(CommunicationWrapper):
    """Writes each new observation over the last one."""

    def observe(self, agent):
        kept = self.__dict__.setdefault("kept", {})
        view = super().observe(agent)
        kept.setdefault(agent, np.zeros_like(view))[...] = view
        return kept[agent]


class SameDictEveryStep(CommunicationWrapperParallel):
    """Mutates and returns one dict for each agent; the arrays in it are new."""

    def _views(self, observations):
        kept = self.__dict__.setdefault("kept", {})
        for agent, view in super()._views(observations).items():
            kept.setdefault(agent, {}).update(view)
        return {agent: kept[agent] for agent in observations}


class SharedBetweenAgents(CommunicationWrapperParallel):
    """Lets every receiver have the same array of a sender's observation."""

    def _views(self, observations):
        views = super()._views(observations)
        first = next(iter(views))
        for view in views.values():
            view[first] = views[first][first]
        return views


class HandsOutItsMemory(CommunicationWrapperParallel):
    """Holds what was last heard, in the very arrays that it has handed out."""

    def _views(self, observations):
        views, held = super()._views(observations), self.__dict__.setdefault("held", {})
        arrived = self.get_communication_state()
        for sender, receiver in np.argwhere(~arrived):
            sender, receiver = (self.possible_agents[place] for place in (sender, receiver))
            if sender != receiver and (sender, receiver) in held and receiver in views:
                views[receiver][sender] = held[sender, receiver].copy()
        held.update({(s, r): view for r, heard in views.items() for s, view in heard.items()})
        return views

    def reset(self, seed=None, options=None):
        self.held: dict[Any, Any] = {}
        return super().reset(seed=seed, options=options)


class LinksAreNoCopy(CommunicationWrapper):
    @property
    def links(self):
        return self._rounds.delivery.links


class AgeIsNoCopy(CommunicationWrapperParallel):
    @property
    def message_age(self):
        age = self._rounds.age
        kept = self.__dict__.setdefault("kept", age)
        if self.__dict__.get("number") != self._rounds._round_index:
            kept[...] = age
            self.number = self._rounds._round_index
        return kept


class StateIsNoCopy(CommunicationWrapperParallel):
    def get_communication_state(self):
        if self.__dict__.get("delivery") is not self._rounds.delivery:
            self.delivery = self._rounds.delivery
            self.kept = super().get_communication_state()
        return self.kept
