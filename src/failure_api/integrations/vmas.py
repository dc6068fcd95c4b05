"""The wrapper for VMAS environments."""
# ruff: noqa: E402

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from failure_api.needs import needed

needed("vmas", "failure_api.integrations.vmas", "vmas")

import numpy as np
import torch

from failure_api.batched import bind
from failure_api.errors import NotResetError
from failure_api.exchanges import Exchange
from failure_api.integrations import vmas_environments as environments
from failure_api.integrations.torch_rounds import TorchRounds, check_positions, check_seed

PositionFunction = Callable[[Any], Any]


class CommunicationWrapper:
    """Makes the links between the agents of a VMAS environment fail.

    One round of messages follows every environment step, in all elements of the batch at once, and
    round 0 belongs to the reset. `reset_at` starts the one element anew and leaves the others as
    they are. Rewards, dones, infos and the environment's own random numbers are the environment's.
    What is not listed here is the environment's own: `agents`, `num_envs`, `device`, `render` and
    so on. Gradients flow through what is delivered where `grad_enabled` says so.

    Args:
        env: What `vmas.make_env` returns.
        failure_models: One communication model, or several that act in order.
        exchange: What agents say to each other and how a receiver sees it: `MaskSegments`, or
            `ShareObservations(form="flat")`. None takes `MaskSegments()` where it is known which
            parts of an observation come from whom, and `ShareObservations(form="flat")` elsewhere.
        positions: A function of the environment that returns positions `[num_envs, N, dim]` in
            the order of `agents`, for models that need them. None takes the agents' `state.pos`.
        noise_models: One noise model, or several that act in order, on what agents receive.
        streams: `"native"` draws as PyTorch does; `"portable"` gives each element the draws that
            it has alone, and that NumPy and JAX have, at a higher cost.
        seed: Of the links, until `reset` is given one. None takes one that nobody knows.

    Raises:
        WrongEnvironmentError: Not a VMAS environment.
        InvalidArgumentError: A model, the exchange or the positions do not suit the environment.

    Example:
        >>> import vmas
        >>> from failure_api import ProbabilisticModel
        >>> env = CommunicationWrapper(
        ...     vmas.make_env("simple_spread", num_envs=4), ProbabilisticModel(failure_prob=1)
        ... )
        >>> observations = env.reset(seed=1)
        >>> observations[0][:, 10:].abs().max().item()
        0.0
    """

    def __init__(
        self,
        env: Any,
        failure_models: Any,
        exchange: Exchange | None = None,
        positions: PositionFunction | None = None,
        noise_models: Any = (),
        streams: Literal["native", "portable"] = "native",
        seed: int | None = None,
    ) -> None:
        environments.check_environment(env)
        check_seed(seed)
        self.env = env
        self.agent_ids = tuple(agent.name for agent in env.agents)
        boxes = environments.boxes_of(env, self.agent_ids)
        bound = bind(
            exchange,
            agent_ids=self.agent_ids,
            lows=tuple(np.asarray(box.low) for box in boxes),
            highs=tuple(np.asarray(box.high) for box in boxes),
            segments=environments.known_segments(env),
            of=f"{environments.scenario_name(env)}, with its options,",
        )
        self.exchange = bound.exchange
        self._rounds = TorchRounds(bound, failure_models, noise_models, streams, seed)
        check_positions(positions)
        self._position_function = positions or environments.agent_positions
        self._due: list[int] = []
        views = [
            type(box)(low=low, high=high, dtype=box.dtype)
            for box, low, high in zip(boxes, bound.lows, bound.highs, strict=True)
        ]
        named = dict(zip(self.agent_ids, views, strict=True))
        self.observation_space = type(env.observation_space)(named if env.dict_spaces else views)

    def reset(
        self,
        seed: int | None = None,
        return_observations: bool = True,
        return_info: bool = False,
        return_dones: bool = False,
    ) -> Any:
        """Starts an episode in every element.

        Args:
            seed: Fixes the environment's and the links' draws; None goes on.
            return_observations: Whether what the agents see is returned; and so for the others.
            return_info: Whether the infos are.
            return_dones: Whether the dones are.

        Returns:
            What the environment returns, with what the agents see for what they observe.
        """
        check_seed(seed)
        if seed is not None:
            self._rounds.seed(seed)
        result = self.env.reset(seed, return_observations, return_info, return_dones)
        self._due = []
        several = return_info or return_dones
        observations = self._in(result, several) if return_observations else self._peek()
        self._rounds.start(observations, self._positions())
        return self._shown(result, observations, several) if return_observations else result

    def reset_at(
        self,
        index: int,
        return_observations: bool = True,
        return_info: bool = False,
        return_dones: bool = False,
    ) -> Any:
        """Starts an episode in one element; what the agents see in the others does not change.

        Args:
            index: Which element; None for all of them.
            return_observations: Whether what the agents see is returned; and so for the others.
            return_info: Whether the infos are.
            return_dones: Whether the dones are.

        Returns:
            What the environment returns, with what the agents see for what they observe.

        Raises:
            NotResetError: There has been no reset of all elements yet.
        """
        if not self._rounds.started:
            raise NotResetError("reset_at was called before reset: call reset() first.")
        result = self.env.reset_at(index, return_observations, return_info, return_dones)
        self._due += range(self.env.num_envs) if index is None else [index]
        return self._settled(result, return_info or return_dones) if return_observations else result

    def step(self, actions: Any) -> Any:
        """Steps every element, and runs the round that follows.

        Args:
            actions: One tensor for each agent, as the environment takes them.

        Returns:
            What the environment returns, with what the agents see for what they observe.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if not self._rounds.started:
            raise NotResetError("step was called before reset: call reset() first.")
        self._settle()
        result = self.env.step(actions)
        observations = self._in(result)
        self._rounds.advance(observations, self._positions())
        return self._shown(result, observations)

    def get_from_scenario(
        self,
        get_observations: bool,
        get_rewards: bool,
        get_infos: bool,
        get_dones: bool,
        dict_agent_names: bool | None = None,
    ) -> Any:
        """Returns what the environment does, with what the agents see for what they observe.

        No round is run: own senses are those of now, and what was heard is that of the last round.
        """
        result = self.env.get_from_scenario(
            get_observations, get_rewards, get_infos, get_dones, dict_agent_names
        )
        return self._settled(result) if get_observations else result

    def seed(self, seed: int | None = None) -> Any:
        """Seeds the environment now, and the links from the next reset on."""
        check_seed(seed)
        result = self.env.seed(seed)
        self._rounds.seed(0 if seed is None else seed)
        return result

    def detach_links(self) -> None:
        """Ends the gradients through what was said until now, to learn from a few steps at a time.

        What is late or held keeps its numbers and loses its history. Where the environment's own
        state has one, that is the environment's to end.
        """
        self._settle()
        self._rounds.detach_links()

    def set_severity(self, severity: Any) -> None:
        r"""Sets how severe failures are in each episode from its next reset on.

        Args:
            severity: A share in [0, 1], or a tensor `[num_envs]` with one for each element: that
                share of its severity in a `ScheduledModel`, and in a `RandomizedModel` the first
                share of each distribution, of which parameters are drawn as
                $F^{-1}(\text{severity} \cdot u)$.

        Raises:
            InvalidArgumentError: A share outside of [0, 1], or no failure model takes it.
        """
        self._rounds.set_severity(severity)

    def get_communication_state(self) -> torch.Tensor:
        """Returns on which links a message arrived in the last round.

        Returns:
            bool `[num_envs, sender, receiver]`, False on the diagonal.

        Raises:
            NotResetError: There has been no reset yet.
        """
        self._settle()
        flags: torch.Tensor = self._rounds.received.flags.mT
        return flags & ~torch.eye(flags.shape[-1], dtype=torch.bool, device=flags.device)

    @property
    def message_age(self) -> torch.Tensor:
        """Rounds since the newest message that has arrived on each link was sent.

        int32 `[num_envs, sender, receiver]`, 0 on the diagonal.
        """
        self._settle()
        ages: torch.Tensor = self._rounds.received.ages.mT.clone()
        return ages

    def _settle(self, observations: list[Any] | None = None) -> None:
        """Runs round 0 of the elements that have restarted, if there are any."""
        if not self._due:
            return
        where = torch.zeros(self.env.num_envs, dtype=torch.bool, device=self.env.device)
        where[torch.tensor(self._due, device=self.env.device)] = True
        observations = self._peek() if observations is None else observations
        self._rounds.restart(where, observations, self._positions())
        self._due = []

    def _settled(self, result: Any, several: bool = True) -> Any:
        """Returns what the environment returned, with what the agents see after round 0."""
        observations = self._in(result, several)
        self._settle(observations)
        return self._shown(result, observations, several)

    def _positions(self) -> Any:
        return self._position_function(self.env) if self._rounds.positioned else None

    def _peek(self) -> list[Any]:
        """Returns what the agents observe, leaving the environment's random numbers as they are."""
        before = list(self.env.vmas_random_state)
        (observations,) = self.env.get_from_scenario(True, False, False, False, False)
        self.env.vmas_random_state[:] = before
        return observations  # type: ignore[no-any-return]

    def _in(self, result: Any, several: bool = True) -> list[Any]:
        """Returns what the agents observe, from what the environment returned."""
        observations = result[0] if several else result
        if isinstance(observations, dict):
            return [observations[agent] for agent in self.agent_ids]
        return observations  # type: ignore[no-any-return]

    def _shown(self, result: Any, observations: list[Any], several: bool = True) -> Any:
        """Returns what the environment returned, with what the agents see in its place."""
        seen: Any = list(self._rounds.views(observations))
        if isinstance(result[0] if several else result, dict):
            seen = dict(zip(self.agent_ids, seen, strict=True))
        return [seen, *result[1:]] if several else seen

    def __getattr__(self, name: str) -> Any:
        if name == "env" or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def __repr__(self) -> str:
        channel, function = self._rounds.channel, self._position_function
        return (
            f"{type(self).__name__}({environments.scenario_name(self.env)}, "
            f"num_envs={self.env.num_envs}, "
            f"failure_models={list(channel.chain.parts)}, "
            f"noise_models={list(channel.noise.parts)}, exchange={self.exchange}, "
            f"positions={getattr(function, '__qualname__', function)}, "
            f"streams={channel.streams!r})"
        )
