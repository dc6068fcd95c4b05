"""The TorchRL transform."""
# ruff: noqa: E402

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from failure_api.needs import needed

needed("torchrl", "failure_api.integrations.torchrl", "torchrl")

import numpy as np
import torch
from tensordict import TensorDictBase, unravel_key
from torchrl.data import Bounded, TensorSpec, Unbounded
from torchrl.envs.transforms import Compose, Transform

from failure_api.batched import Received, bind
from failure_api.batched.call import check_severity
from failure_api.batched.exchanges import refuse_messages
from failure_api.core import Chain
from failure_api.errors import NotResetError, invalid
from failure_api.exchanges import Exchange, MaskSegments, ShareObservations
from failure_api.integrations.torch_rounds import TorchRounds, check_positions, check_seed
from failure_api.integrations.torchrl_teams import Team, read_team

Segments = Mapping[str, Mapping[str, Any]]


class FailureTransform(Transform):  # type: ignore[misc]
    """Makes the links between the agents of a multi-agent TorchRL environment fail.

    The agents of all groups are one team. One round of messages follows every environment step, in
    all elements of the batch at once, and round 0 belongs to the reset; elements that are reset
    alone start anew alone. What the links carry from round to round is kept in the transform, as
    the state of a simulator is kept in the simulator, and not in the tensordict. `env.set_seed`
    fixes the links' draws, too.

    Args:
        failure_models: One communication model, or several that act in order.
        exchange: What agents say to each other and how a receiver sees it: `MaskSegments`, or
            `ShareObservations(form="flat")`. None takes `MaskSegments()` where it is known which
            parts of an observation come from whom, and `ShareObservations(form="flat")` elsewhere.
        segments: `{receiver: {sender: slice or indices}}` for `MaskSegments()`, by the agents'
            names. None takes what is known of the environment.
        noise_models: One noise model, or several that act in order, on what agents receive.
        in_keys: The observations of the groups that take part, such as
            `[("agents", "observation")]`. None takes `(group, "observation")` of every group.
        positions: A function of the environment below that returns positions `[..., N, dim]` in
            the order of the groups, for models that need them. None finds them for VMAS, and
            where the PettingZoo wrappers do.
        seed: Of the links, until `env.set_seed` is called. None takes one that nobody knows, which
            is another one in each worker and in each clone.
        streams: `"native"` draws as PyTorch does; `"portable"` gives each element the draws that
            it has alone, and that NumPy and JAX have, at a higher cost.

    Raises:
        WrongEnvironmentError: When the environment is first looked at: it has no groups of agents
            whose observations are vectors of one length.
        InvalidArgumentError: Then, too: a model, the exchange or the positions do not suit it.

    Example:
        >>> from torchrl.envs import TransformedEnv, VmasEnv
        >>> from failure_api import ProbabilisticModel
        >>> env = TransformedEnv(
        ...     VmasEnv("simple_spread", num_envs=4),
        ...     FailureTransform(ProbabilisticModel(failure_prob=1), seed=0),
        ... )
        >>> env.rollout(2)["agents", "observation"][..., 10:].abs().max().item()
        0.0
    """

    def __init__(
        self,
        failure_models: Any,
        exchange: Exchange | None = None,
        segments: Segments | None = None,
        noise_models: Any = (),
        in_keys: Sequence[Any] | None = None,
        positions: Callable[[Any], Any] | None = None,
        seed: int | None = None,
        streams: Literal["native", "portable"] = "native",
    ) -> None:
        keys = None if in_keys is None else [unravel_key(key) for key in in_keys]
        super().__init__(in_keys=keys, out_keys=keys)
        check_seed(seed)
        refuse_messages(exchange)
        if exchange is not None and not isinstance(exchange, MaskSegments | ShareObservations):
            remedy = "give MaskSegments() or ShareObservations(form='flat')"
            raise invalid("exchange", "must be an exchange or None", exchange, remedy)
        check_positions(positions)
        self.failure_models = failure_models
        self.exchange = exchange
        self.segments = segments
        self.noise_models = noise_models
        self.positions = positions
        self.streams = streams
        self._keys = keys
        self._severity: Any = None
        self._seed = seed
        self._team: Team | None = None
        self._rounds: TorchRounds | None = None

    def set_seed(self, seed: int | None) -> None:
        """Fixes the links' draws from the next reset of the whole batch on."""
        check_seed(seed)
        self._seed = seed
        if self._rounds is not None:
            self._rounds.seed(seed)

    def detach_links(self) -> None:
        """Ends the gradients through what was said until now, to learn from a few steps at a time.

        What is late or held keeps its numbers and loses its history. Where the environment's own
        state has one, that is the environment's to end.
        """
        if self._rounds is not None:
            self._rounds.detach_links()

    def set_severity(self, severity: Any) -> None:
        """Sets how severe failures are in each episode from its next reset on.

        Args:
            severity: A share in [0, 1], as `set_severity` of the other wrappers takes, or a tensor
                with one for each element of the batch.

        Raises:
            InvalidArgumentError: A share outside of [0, 1], or no failure model takes it.
        """
        self._severity = check_severity(severity, Chain(models=self.failure_models))
        if self._rounds is not None:
            self._rounds.set_severity(severity)

    @property
    def received(self) -> Received:
        """What the last round brought each receiver.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if self._rounds is None:
            raise NotResetError("the environment has not been reset: call reset() first.")
        return self._rounds.received

    def transform_observation_spec(self, observation_spec: TensorSpec) -> TensorSpec:
        """Returns the spec of what the agents see."""
        team, rounds = self._bind(observation_spec)
        lows, highs = iter(rounds.bound.lows), iter(rounds.bound.highs)
        for group in team.groups:
            leaf = observation_spec[group.key]
            low, high = (_stacked(side, len(group.names), leaf) for side in (lows, highs))
            if bool(torch.isinf(low).all() and torch.isinf(high).all()):
                view: TensorSpec = Unbounded(low.shape, dtype=leaf.dtype, device=leaf.device)
            else:
                view = Bounded(low, high, low.shape, dtype=leaf.dtype, device=leaf.device)
            observation_spec[group.key] = view
        return observation_spec

    def set_container(self, container: Any) -> None:
        """Joins an environment, whose seeds from now on are the links', too."""
        super().set_container(container)
        while isinstance(container, Compose):
            outer = vars(container).get("_container")
            container = None if outer is None else outer()
        if container is not None:
            # TorchRL hands a seed to the environment at the bottom, past all transforms.
            container.set_seed = partial(_seed_all, container)

    def clone(self) -> FailureTransform:
        """Returns a transform of the same settings, without environment and without episode."""
        twin: FailureTransform = super().clone()
        twin._team = twin._rounds = None
        return twin

    def _bind(self, observation_spec: TensorSpec) -> tuple[Team, TorchRounds]:
        """Looks at the environment, and sets the exchange up for it where it has another team."""
        parent = self.parent
        if parent is None:
            raise NotResetError("FailureTransform has no environment: give it to a TransformedEnv.")
        team = read_team(parent, observation_spec, self._keys)
        before, self._team = self._team, team
        if self._rounds is None or before is None or team.form != before.form:
            bound = bind(
                self.exchange,
                agent_ids=team.agent_ids,
                lows=team.lows,
                highs=team.highs,
                segments=team.segments if self.segments is None else self.segments,
            )
            models = self.failure_models, self.noise_models
            self._rounds = TorchRounds(bound, *models, self.streams, self._seed)
            if self._severity is not None:
                self._rounds.set_severity(self._severity)
            self.in_keys = self.out_keys = [group.key for group in team.groups]
        return team, self._rounds

    def _running(self) -> tuple[Team, TorchRounds]:
        if self._team is None or self._rounds is None:
            return self._bind(self.parent.observation_spec)
        return self._team, self._rounds

    def _reset(
        self, tensordict: TensorDictBase, tensordict_reset: TensorDictBase
    ) -> TensorDictBase:
        team, rounds = self._running()
        observations = _observations(team, tensordict_reset)
        around = self._positions(), team.alive(tensordict_reset)
        where = _where(tensordict, len(tensordict_reset.batch_size))
        if where is None or not rounds.started or bool(where.all()):
            rounds.start(observations, *around)
        elif bool(where.any()):
            rounds.restart(where, observations, *around)
        return self._shown(tensordict_reset, observations)

    def _step(self, tensordict: TensorDictBase, next_tensordict: TensorDictBase) -> TensorDictBase:
        team, rounds = self._running()
        observations = _observations(team, next_tensordict)
        rounds.advance(observations, self._positions(), team.alive(next_tensordict))
        return self._shown(next_tensordict, observations)

    def _positions(self) -> torch.Tensor | None:
        team, rounds = self._running()
        needing = rounds.channel.chain.needing_positions
        return None if needing is None else team.positions(self.positions, needing)

    def _shown(self, tensordict: TensorDictBase, observations: Any) -> TensorDictBase:
        """Puts what the agents see into a tensordict."""
        team, rounds = self._running()
        views = iter(rounds.views(observations))
        for group in team.groups:
            tensordict.set(group.key, torch.stack([next(views) for _ in group.names], dim=-2))
        return tensordict

    def __repr__(self) -> str:
        exchange = self.exchange if self._rounds is None else self._rounds.bound.exchange
        return (
            f"{type(self).__name__}(failure_models={self.failure_models}, exchange={exchange}, "
            f"noise_models={self.noise_models}, streams={self.streams!r}, keys={self.in_keys})"
        )


def _observations(team: Team, tensordict: TensorDictBase) -> list[torch.Tensor]:
    return [row for group in team.groups for row in tensordict.get(group.key).unbind(dim=-2)]


def _where(tensordict: TensorDictBase | None, axes: int) -> torch.Tensor | None:
    """Returns which elements of the batch are reset; None for all."""
    if tensordict is None:
        return None
    for key in tensordict.keys(True, True):
        if (key if isinstance(key, str) else key[-1]) == "_reset":
            mask: torch.Tensor = tensordict.get(key)
            return mask.reshape(*mask.shape[:axes], -1).any(dim=-1)
    return None


def _stacked(rows: Iterator[Any], count: int, leaf: Any) -> torch.Tensor:
    """Returns limits of a group's views, with the batch axes of what its agents observe."""
    limits = np.stack([next(rows) for _ in range(count)])
    tensor = torch.as_tensor(limits, dtype=leaf.dtype, device=leaf.device)
    return tensor.expand(*leaf.shape[:-1], tensor.shape[-1]).clone()


def _seed_all(env: Any, seed: int | None = None, static_seed: bool = False) -> Any:
    """Seeds an environment and the links of all transforms within."""
    for module in env.transform.modules():
        if isinstance(module, FailureTransform):
            module.set_seed(seed)
    return type(env).set_seed(env, seed, static_seed=static_seed)
