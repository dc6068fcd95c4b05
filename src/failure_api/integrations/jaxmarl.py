"""Failing links in JaxMARL's environments, under `jit`, `vmap` and `scan`."""
# ruff: noqa: E402

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, TypeAlias

from failure_api.needs import needed

needed("jaxmarl", "failure_api.integrations.jaxmarl", "jaxmarl")

import jax
import jax.numpy as jnp
from flax import struct
from jaxmarl.environments.spaces import Box
from jaxmarl.wrappers.baselines import JaxMARLWrapper

from failure_api.batched import BatchedState, bind
from failure_api.batched.call import check_severity
from failure_api.errors import WrongEnvironmentError, invalid
from failure_api.exchanges import MaskSegments, ShareObservations
from failure_api.integrations import jaxmarl_environments as environments

_LINKS = 0x6C696E6B
"""Told apart from every number that an environment folds into its key or splits it by."""


@struct.dataclass
class CommunicationState:
    """What a wrapped environment carries from step to step.

    Whatever else is asked of it is answered by the environment's state, so that code which reads
    fields of that, as visualisers and loggers do, goes on working.

    Attributes:
        env_state: The state of the environment below.
        channel_state: What the links carry from round to round.
        severity: How severe the failures of the next episode are; None where no model takes that.
    """

    env_state: Any
    channel_state: BatchedState
    severity: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("env_state", "channel_state", "severity"):
            raise AttributeError(name)
        return getattr(self.env_state, name)


Stepped: TypeAlias = tuple[dict[str, Any], CommunicationState, Any, Any, Any]
"""What agents see, the state, rewards, dones and infos."""


class CommunicationWrapper(JaxMARLWrapper):
    """Makes the links between the agents of a JaxMARL environment fail.

    There is one round of messages at `reset`, and one more after every `step`. Where an episode
    ends, JaxMARL's `step` returns the first observations of the next one; they are round 0 of
    links that have started anew. The environment gets the keys that it would get without the
    wrapper, and its rewards, dones, infos and whatever else stands beside the agents'
    observations, such as `world_state`, are returned as they are.

    Args:
        env: A JaxMARL environment, in wrappers or not, whose agents have flat observations.
        failure_models: One communication model, or several that act in order.
        exchange: `MaskSegments` or `ShareObservations(form="flat")`; None takes the first where
            it is known which parts of an observation come from whom, as in MPE, and the second
            elsewhere.
        positions: A function of the state of `env` that returns positions `[N, dim]`; None finds
            them in MPE and SMAX.
        noise_models: One noise model, or several that act in order, on what agents receive.
        streams: As for `BatchedChannel`.

    Attributes:
        exchange: The exchange, whoever picked it.
        channel: The `BatchedChannel` of its messages.
        observation_spaces: The space of each agent's view.

    Raises:
        WrongEnvironmentError: Not a JaxMARL environment, or one whose observations are not flat.
        InvalidArgumentError: A model, the exchange or the positions do not suit the environment.
        MissingDependencyError: JaxMARL is not installed; raised where this module is imported.

    Example:
        >>> import jax, jaxmarl
        >>> from failure_api import ProbabilisticModel
        >>> env = jaxmarl.make("MPE_simple_spread_v3")
        >>> env = CommunicationWrapper(env, ProbabilisticModel(failure_prob=1.0))
        >>> observations, state = env.reset(jax.random.PRNGKey(0))
        >>> observations["agent_0"][10:14].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """

    def __init__(
        self,
        env: Any,
        failure_models: Any,
        exchange: MaskSegments | ShareObservations | None = None,
        positions: Callable[[Any], Any] | None = None,
        noise_models: Any = (),
        streams: Literal["native", "portable"] = "native",
    ) -> None:
        team = environments.read_team(env)
        super().__init__(env)
        self._agents = team.agent_ids
        limits = [
            environments.limits_of(env.observation_space(a), size) for a, size in team.sizes.items()
        ]
        lows, highs = zip(*limits, strict=True)
        self._bound = bind(
            exchange,
            agent_ids=team.agent_ids,
            lows=lows,
            highs=highs,
            segments=environments.known_segments(team.raw, team.sizes),
            of=env.name,
        )
        self.exchange = self._bound.exchange
        self.channel = self._bound.channel(failure_models, noise_models, streams)
        bound = self._bound
        seen = zip(self._agents, bound.lows, bound.highs, bound.sizes, strict=True)
        self.observation_spaces = {agent: Box(low, high, (n,)) for agent, low, high, n in seen}
        # Two wrappers with the same model and key would otherwise fail in the same rounds.
        self._depth = sum(
            isinstance(layer, CommunicationWrapper) for layer in environments.layers(env)
        )
        self._alive = environments.known_alive(team.raw)
        needing = self.channel.chain.needing_positions
        self._positions = environments.position_function(team, positions, needing)
        # A trial, so that what does not fit the environment is said when it is wrapped.
        jax.eval_shape(self.reset, jax.random.PRNGKey(0))

    def __getattr__(self, name: str) -> Any:
        # An object that is being copied or unpickled has nothing below it yet.
        if name == "_env" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._env, name)

    def __repr__(self) -> str:
        found = getattr(self._positions, "func", self._positions)
        positions = getattr(found, "__qualname__", found)
        return (
            f"{type(self).__name__}({self.name}, "
            f"failure_models={list(self.channel.chain.parts)}, "
            f"noise_models={list(self.channel.noise.parts)}, exchange={self.exchange}, "
            f"positions={positions})"
        )

    def observation_space(self, agent: str) -> Box:
        """Returns the space of an agent's view."""
        return self.observation_spaces[agent]

    def reset(self, key: Any, severity: Any = None) -> tuple[dict[str, Any], CommunicationState]:
        """Begins an episode with its round 0.

        Args:
            key: A JAX key; the environment gets it as it is.
            severity: How severe failures are, a share in [0, 1], which may be traced, for this
                episode and until `set_severity` says otherwise; None leaves the models as they are.

        Returns:
            What each agent sees, and the state.

        Raises:
            InvalidArgumentError: A severity outside of [0, 1] or that no model takes.
        """
        if severity is not None:
            severity = check_severity(severity, self.channel.chain)
        elif "severity" in self.channel.chain.settings:
            severity = 1.0
        if severity is not None:
            severity = jnp.asarray(severity, dtype=jnp.float32)
        observations, env_state = self._env.reset(key)
        views, channel_state = self._begin(key, self._own(observations), env_state, severity)
        return {**observations, **views}, CommunicationState(env_state, channel_state, severity)

    def set_severity(self, state: CommunicationState, severity: Any) -> CommunicationState:
        """Returns the state with a severity that holds from the next episode on.

        It may be called within a function that is compiled, and does not have it compiled again.

        Args:
            state: What `reset` or `step` returned, of one environment or of many.
            severity: A share in [0, 1], or an array with one for each environment.

        Raises:
            InvalidArgumentError: A severity outside of [0, 1], of another shape, or that no model
                takes; a state of something else.
        """
        severity = jnp.asarray(check_severity(severity, self.channel.chain), dtype=jnp.float32)
        if not isinstance(state, CommunicationState):
            remedy = "give state.env_state of the wrapper around, and put it back with replace"
            rule = "must be a state of this wrapper"
            raise invalid("state", rule, type(state).__name__, remedy)
        shape = state.severity.shape
        if severity.shape not in ((), shape):
            rule = f"must be a number or an array of the shape {shape}"
            raise invalid("severity", rule, severity.shape, "give one for each environment")
        return state.replace(severity=jnp.broadcast_to(severity, shape))  # type: ignore[no-any-return]

    def step(
        self, key: Any, state: CommunicationState, actions: Any, reset_state: Any = None
    ) -> Stepped:
        """Moves the environment by one step, and its links by one round.

        Args:
            key: A JAX key; the environment gets it as it is.
            state: The state that `reset` or `step` returned.
            actions: One for each agent.
            reset_state: Where to start the next episode if this one ends, a state of this wrapper
                or of the environment; None has the environment pick.

        Returns:
            What each agent sees, the state, rewards, dones and infos. Where the episode has ended,
            the first two are those of the next episode.
        """
        if isinstance(reset_state, CommunicationState):
            reset_state = reset_state.env_state
        more = () if reset_state is None else (reset_state,)
        return self._stepped(state, self._env.step(key, state.env_state, actions, *more), True)

    def step_env(self, key: Any, state: CommunicationState, actions: Any) -> Stepped:
        """Moves as `step` does, and stays in an episode that has ended."""
        return self._stepped(state, self._env.step_env(key, state.env_state, actions), False)

    def get_obs(self, state: CommunicationState) -> dict[str, Any]:
        """Refuses: what has arrived is known only when it arrives.

        Raises:
            WrongEnvironmentError: Always.
        """
        raise WrongEnvironmentError(
            "get_obs cannot say what has arrived in a round that is over: take observations from "
            "reset and step, or the clean ones from get_obs(state.env_state) of the environment "
            "below."
        )

    def get_avail_actions(self, state: CommunicationState) -> Any:
        """Returns which actions each agent can take; no link carries that."""
        return self._env.get_avail_actions(environments.innermost(state))

    def _stepped(self, state: CommunicationState, stepped: Any, restarts: bool) -> Stepped:
        """Returns what the environment did, with views in place of observations."""
        observations, env_state, rewards, dones, infos = stepped
        done, own = dones["__all__"] if restarts else None, self._own(observations)
        before, severity = state.channel_state, state.severity
        views, channel_state = self._follow(before, done, own, env_state, severity)
        following = CommunicationState(env_state, channel_state, severity)
        return {**observations, **views}, following, rewards, dones, infos

    def _own(self, observations: Mapping[str, Any]) -> list[Any]:
        """Returns what the agents observe, as numbers that flags and ages can stand beside."""
        rows = (observations[agent] for agent in self._agents)
        real = jnp.floating
        return [r if jnp.issubdtype(r.dtype, real) else r.astype(jnp.float32) for r in rows]

    # The environment's own programs are compiled by themselves where nothing around them is, so
    # that what they compute is the same, bit for bit, as without the wrapper.
    @partial(jax.jit, static_argnums=0)
    def _begin(
        self, key: Any, own: list[Any], env_state: Any, severity: Any
    ) -> tuple[dict[str, Any], Any]:
        """Returns what each agent sees in round 0, and the channel's state."""
        row, bodies = self._bound.row(own), self._bodies(env_state)
        links, payloads = jax.random.fold_in(key, _LINKS + self._depth), self._bound.payloads(row)
        before = self.channel.init(links, payloads, **bodies, severity=severity)
        return self._exchange(before, row, bodies)

    @partial(jax.jit, static_argnums=0)
    def _follow(
        self, before: BatchedState, done: Any, own: list[Any], env_state: Any, severity: Any
    ) -> tuple[dict[str, Any], Any]:
        """Returns what each agent sees after a step, and the channel's state."""
        row, bodies = self._bound.row(own), self._bodies(env_state)
        if done is not None:
            before = self.channel.reset_where(before, done, **bodies, severity=severity)
        return self._exchange(before, row, bodies)

    def _bodies(self, env_state: Any) -> dict[str, Any]:
        """Returns where the agents are and which of them live, as far as anybody asks."""
        return {
            "positions": None if self._positions is None else self._positions(env_state),
            "alive": None if self._alive is None else self._alive(env_state),
        }

    def _exchange(self, before: BatchedState, row: Any, bodies: Any) -> tuple[dict[str, Any], Any]:
        following, received = self.channel.step(before, self._bound.payloads(row), **bodies)
        views = self._bound.views(row, received)
        return dict(zip(self._agents, views, strict=True)), following
