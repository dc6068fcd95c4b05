"""One exchange for each environment step: what all wrappers do between themselves."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv

from failure_api.core import Chain, Channel, ChannelState, CommunicationModel, Context, Delivery
from failure_api.core.contract import check_heard
from failure_api.core.noise import NoiseModel
from failure_api.core.noise_chain import NoiseChain
from failure_api.core.parameters.types import SHARE
from failure_api.core.random.numpy_stream import EpisodeStreams
from failure_api.core.tally import Tally
from failure_api.environments import layers
from failure_api.environments.positions import known_positions, read_positions
from failure_api.errors import InvalidArgumentError, NotResetError, invalid, nearest
from failure_api.exchanges import Exchange, Team, default_exchange
from failure_api.exchanges.spaces.actions import ByAgent, SpokenActions, with_room
from failure_api.exchanges.spaces.corruption import Corruption
from failure_api.exchanges.spaces.zero import counted
from failure_api.wrappers.team_content import CleanView, TeamContent
from failure_api.wrappers.unwrapping import (
    agent_ids_of,
    alike_below,
    check_agent,
    check_observations,
    not_reset,
    space_of,
)


def position_function(positions: Any, chain: Chain, env: Any) -> Callable[[Any], Any] | None:
    """Returns the function of the environment that gives positions; None where no model asks.

    Args:
        positions: What the user gave; None takes what is known of the environment.
        chain: The failure models.
        env: The environment below the wrapper.

    Raises:
        InvalidArgumentError: It is no such function, or none is known and a model needs one.
    """
    if positions is not None and not callable(positions):
        remedy = "give one that returns an array with one row for each agent"
        raise invalid("positions", "must be a function of the environment", positions, remedy)
    if positions is not None and not _takes_one(positions):
        rule = "must take the environment as its one argument"
        remedy = "give a function such as lambda env: env.unwrapped.positions"
        raise invalid("positions", rule, positions, remedy)
    if chain.needing_positions is None:
        return None
    found = positions or known_positions(env)
    if found is None:
        raise InvalidArgumentError(
            f"{chain.needing_positions} needs the agents' positions, which are not known for {env}:"
            " give positions=, a function of the environment that returns one row for each agent."
        )
    return found


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:
        # Some built-in functions do not tell what they take.
        return True
    return True


KEY = "failure"
"""What the options of a reset call the settings of its episode."""

_ARGUMENT = f"options[{KEY!r}]"


class Curriculum:
    """The failure models as they are in each episode.

    Args:
        chain: The models as they were given.

    Attributes:
        channel: The channel of the episode that begins.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._lasting: dict[str, Any] = {}
        self._now: dict[str, Any] | None = {}
        self.channel = Channel(chain=chain)

    def set_severity(self, severity: float) -> None:
        """Sets the severity of the episodes from the next one on."""
        self._chain.check_setting("severity", _ARGUMENT)
        self._lasting = {"severity": SHARE.normalise("severity", severity)}

    def settle(self, options: dict[str, Any] | None) -> dict[str, Any] | None:
        """Takes the settings of the coming episode out of the options of its reset.

        Args:
            options: As they were given to the reset.

        Returns:
            What is left of them; None where that is nothing.

        Raises:
            InvalidArgumentError: Settings that no model takes.
        """
        given: Any = None
        if isinstance(options, Mapping) and KEY in options:
            given = options[KEY]
            options = {key: value for key, value in options.items() if key != KEY} or None
        if given is not None and not isinstance(given, Mapping):
            raise invalid(_ARGUMENT, "must be a mapping", given, "give {'severity': 0.5}")
        for name in given or ():
            self._chain.check_setting(name, _ARGUMENT)
        if given or self._now != self._lasting:
            # What the models refuse, they refuse before anything has changed.
            settings = {**self._lasting, **(given or {})}
            chain = self._chain.with_settings(settings) if settings else self._chain
            # What was given may be arrays, which cannot simply be compared with the next ones.
            self.channel, self._now = Channel(chain=chain), None if given else self._lasting
        return options


SILENCE: dict[Any, Any] = {}
"""What is attached where nobody has attached anything; it is never written to."""

TOLD = ("link_arrived", "link_age", "link_bits")
"""What an agent's info says of the links that bring it messages."""

Models = CommunicationModel | Iterable[CommunicationModel]
NoiseModels = NoiseModel | Iterable[NoiseModel]


class Rounds:
    """What happens between the environment and what agents see of it, round by round.

    A round begins with `start` or `advance`, and `view` and `views` show what it brought.

    Args:
        env: The environment below the wrapper.
        noise_models: One noise model, or several that act in order.

    Attributes:
        agent_ids: Its `possible_agents`.
        index: Their positions among all agents.
        spaces: Each agent's observation space; the environment's, unless agents see more.
        noise: What corrupts what they see.
        actions: How actions carry messages; None where actions are the environment's own.

    Raises:
        WrongEnvironmentError: The environment does not say who its agents may be.
    """

    actions: SpokenActions | None = None
    view: Callable[..., Any]

    def __init__(self, env: Any, noise_models: NoiseModels) -> None:
        self.env, self.agent_ids = env, agent_ids_of(env)
        self.index = {agent: place for place, agent in enumerate(self.agent_ids)}
        self.spaces: dict[Any, Space[Any]] = {
            agent: space_of(env, "observation_space", agent) for agent in self.agent_ids
        }
        self.noise = Corruption(NoiseChain(models=cast("Any", noise_models)), self.agent_ids)
        self._round_index = -1

    def settle(self, options: dict[str, Any] | None) -> dict[str, Any] | None:
        """Takes what a reset's options say of the coming episode; returns what is left of them."""
        return options

    def told(self, infos: ByAgent) -> ByAgent:
        """Returns the environment's infos with what the rounds have to tell."""
        return infos

    def stop(self) -> None:
        """Ends the episode; until the next one there is nothing to tell of it."""
        self._round_index = -1

    def check_begun(self) -> None:
        """Raises an error where there has been no round yet."""
        if self._round_index < 0:
            raise NotResetError("the environment has not been reset: call reset() first.")


class RoundKeeper(Rounds):
    """Runs the channel and the exchange, round by round.

    Args:
        env: The environment below the wrapper.
        failure_models: One model, or several that act in order.
        exchange: What agents say to each other; None picks by the environment.
        positions: A function of the environment that gives `[N, dim]`; None takes what is known.
        noise_models: One noise model, or several, that corrupt the content that arrives.
        report: `"infos"` for what each agent's links did in its info; None for nothing there.

    Attributes:
        team: What the exchange is told of the environment.
        codec: The exchange at work.
        view: Returns what an agent sees, as `TeamContent.view` does.
        spaces: The space of each agent's view.
        actions: How actions carry messages; None where actions are the environment's own.
        clean: What they would see over perfect links.
        curriculum: The failure models as they are in each episode.
        tally: What the links have done in this episode.
        watchers: Functions that are told of every round: what was known of it, and what it brought.

    Raises:
        WrongEnvironmentError: The environment does not say who its agents may be.
        InvalidArgumentError: A model, the exchange or the positions do not suit the environment.
    """

    def __init__(
        self,
        env: Any,
        failure_models: Models,
        exchange: Exchange | None,
        positions: Callable[[Any], Any] | None,
        noise_models: NoiseModels = (),
        report: str | None = None,
    ) -> None:
        if report not in (None, "infos"):
            raise invalid("report", "must be 'infos' or None", report, nearest(report, ["infos"]))
        self._reports = report is not None
        super().__init__(env, noise_models)
        self.chain = Chain(models=cast("Any", failure_models))
        check_heard(self.chain)
        self.exchange = _chosen(exchange, env)
        self.positions = position_function(positions, self.chain, env)
        self.curriculum = Curriculum(self.chain)
        self._channel = self.curriculum.channel
        self._streams = EpisodeStreams(*alike_below(env, RoundKeeper))
        self._everyone = np.ones(len(self.agent_ids), dtype=bool)
        self._everyone.flags.writeable = False
        # What takes too much memory is refused before anything takes time.
        self._shape = (len(self.agent_ids),) * 2
        self._channel.check_memory(self._shape)
        self.team = team = Team(env, self.agent_ids, self.spaces, positions)
        self.codec = self.exchange.bind(team)
        missing = self.exchange.missing
        self._content = TeamContent(self.codec, missing, self._channel, self.noise)
        self._messages: dict[Any, Any] = {}
        self._told: dict[str, NDArray[np.float32]] | None = None
        self.actions, self._bits = self.codec.actions, counted(self.codec.message_bits)
        # A trial start, so that what does not fit the environment is said when it is wrapped.
        self._channel.prepare(self._context(0, self._everyone, None))
        self.clean = CleanView(self.exchange, team)
        self.view, self.views = self._content.view, self._content.views
        self.spaces = self.codec.spaces
        self.tally = Tally(len(self.agent_ids))
        self.watchers: list[Callable[[Context, Delivery], None]] = []
        self._columns = 0
        self._parameters: Any = None
        self._prepared: Any = None

    def start(self, seed: int | None, observations: ByAgent, dead: Mapping[Any, bool]) -> None:
        """Begins an episode with its round 0.

        Args:
            seed: Starts the sequence of episodes anew; None goes on with it.
            observations: The environment's observation of each agent that takes part.
            dead: Which of them have terminated.
        """
        self._round_index = -1
        self._random = self._streams.start(seed)
        self.noise.start(self._random)
        self._messages = {}
        self._content.start()
        self.clean.start()
        self._channel = channel = self.curriculum.channel
        context = self._present(0, observations, dead)
        # What models look up stays the same from episode to episode, while they do.
        if self._prepared != (id(channel), self._columns):
            self._parameters = channel.prepare(context)
            self._prepared = id(channel), self._columns
        self.tally.start()
        state = channel.init(self._parameters, context, self._random)
        self._exchange(state, context, observations)

    def advance(self, observations: ByAgent, dead: Mapping[Any, bool]) -> None:
        """Runs the round that follows an environment step; arguments as for `start`."""
        context = self._present(self._round_index + 1, observations, dead)
        self._exchange(self._state, context, observations)

    def stop(self) -> None:
        """Ends the episode; until the next one there is nothing to tell of it."""
        super().stop()
        self.clean.start()

    def told(self, infos: ByAgent) -> ByAgent:
        """Returns infos with what each agent's links did in this round, where that was asked for.

        Args:
            infos: The environment's, by agent; they are not written to.
        """
        actions = self.actions
        if actions is not None:
            infos = {agent: _masked(actions, agent, info) for agent, info in infos.items()}
        if not self._reports:
            return infos
        if self._told is None:
            bits = self.codec.message_bits
            arrived = self.delivery.arrived
            arrays = (arrived, self.age, np.zeros(arrived.shape) if bits is None else bits)
            # By receiver, and copies that nobody else holds.
            self._told = {
                name: a.T.astype(np.float32) for name, a in zip(TOLD, arrays, strict=True)
            }
        told, index = self._told.items(), self.index
        return {
            agent: {**info, **{name: rows[index[agent]] for name, rows in told}}
            for agent, info in infos.items()
        }

    def __getstate__(self) -> dict[str, Any]:
        # A copy or a pickle tells nobody: who watches knows of the original alone.
        return {**vars(self), "watchers": []}

    def say(self, agent: Any, message: Any) -> None:
        """Takes what an agent says, which is sent in every round until it says something else."""
        self._messages[agent] = message

    def settle(self, options: dict[str, Any] | None) -> dict[str, Any] | None:
        """Takes what a reset sets for the links of its episode, and returns what is left."""
        return self.curriculum.settle(options)

    @property
    def delivery(self) -> Delivery:
        """What this round brings each receiver.

        Raises:
            NotResetError: There has been no round yet.
        """
        self.check_begun()
        return self._delivery

    @property
    def age(self) -> NDArray[np.int64]:
        """Age of what each link has brought, with 0 on the diagonal."""
        age: NDArray[np.int64] = self._round_index - self.delivery.newest.astype(np.int64)
        np.fill_diagonal(age, 0)
        return age

    def _context(self, round_index: int, alive: Any, positions: Any) -> Context:
        return Context(round_index, alive, positions, np, self._shape, self.agent_ids, self._bits)

    def _present(
        self, round_index: int, observations: ByAgent, dead: Mapping[Any, bool]
    ) -> Context:
        alive = self._everyone
        if len(observations) < len(self.agent_ids) or True in dead.values():
            alive = np.array([a in observations and not dead.get(a) for a in self.agent_ids])
        positions = None
        if self.positions is not None:
            found = read_positions(self.positions, self.env, self.agent_ids, alive)
            positions = found.astype(np.float32)
            if round_index == 0:
                self._columns = positions.shape[1]
            elif positions.shape[1] != self._columns:
                rule = f"must have {self._columns} coordinates in every round of an episode"
                raise invalid("positions", rule, positions.shape[1], "give as many each time")
        return self._context(round_index, alive, positions)

    def _exchange(self, state: ChannelState, context: Context, observations: ByAgent) -> None:
        following, delivery = self._channel.step(self._parameters, state, context, self._random)
        # What is said in a round stays as it was then, whoever goes on talking in mid-cycle.
        messages = dict(self._messages) if self._messages else SILENCE
        try:
            self._content.share(context.round, observations, messages, delivery)
        except Exception:
            check_observations(self.env, observations)
            raise
        self.clean.hear(context.round, observations, messages, context.alive)
        self._round_index, self._state, self._delivery = context.round, following, delivery
        self._told = None
        self.tally.add(context.round, delivery)
        for watch in self.watchers:
            watch(context, delivery)


def _masked(actions: SpokenActions, agent: Any, info: Any) -> Any:
    """Returns an info whose action mask, where it has one, is that of the whole action."""
    mask = info.get("action_mask") if isinstance(info, Mapping) else None
    if mask is None or np.ndim(mask) != 1:
        return info
    room = actions.room(agent, len(mask))
    return {**info, "action_mask": with_room(mask, room)} if room else info


def _chosen(exchange: Any, env: Any) -> Exchange:
    if exchange is None:
        return default_exchange(env)
    if isinstance(exchange, Exchange):
        return exchange
    remedy = "give MaskSegments(), ShareObservations() or SendMessages(space)"
    raise invalid("exchange", "must be an exchange or None", exchange, remedy)


class RoundsWrapper:
    """What the wrappers of both kinds of environments have in common.

    They pickle and copy; an environment that is built anew on the way has to be reset: EzPickle
    remembers of an environment only what it was built with, and copies do not go on with such an
    environment.

    Args:
        env: The environment.
        rounds: What happens in a round.
    """

    env: Any
    _kind: type[AECEnv] | type[ParallelEnv]

    def __init__(self, env: Any, rounds: Rounds) -> None:
        super().__init__(env)  # type: ignore[call-arg]
        self._started = False
        self._rounds: Any = rounds
        self._view, self._actions = rounds.view, rounds.actions
        self.observation_spaces: dict[Any, Space[Any]] = rounds.spaces
        if rounds.actions is not None:
            self.action_spaces: dict[Any, Space[Any]] = rounds.actions.spaces

    def observation_space(self, agent: Any) -> Space[Any]:
        """Returns the space of an agent's observations, as it sees them.

        Raises:
            InvalidArgumentError: The environment has no such agent.
        """
        check_agent(agent, self.observation_spaces)
        return self.observation_spaces[agent]

    def action_space(self, agent: Any) -> Space[Any]:
        """Returns the space of an agent's actions, with what it says where that is part of them.

        Raises:
            InvalidArgumentError: The environment has no such agent.
            WrongEnvironmentError: The environment has no such space.
        """
        check_agent(agent, self.observation_spaces)
        if self._actions is not None:
            return self._actions.spaces[agent]
        return space_of(self.env, "action_space", agent)

    def noise_reports(self) -> dict[str, dict[str, Any]]:
        """Returns what the noise models have counted in this episode, by the models' names.

        Models that count nothing are absent.

        Raises:
            NotResetError: There has been no reset yet.
        """
        self._rounds.check_begun()
        return self._rounds.noise.reports()  # type: ignore[no-any-return]

    def __str__(self) -> str:
        return repr(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_carried": _carried(self.env) if self._started else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        carried = state.pop("_carried")
        self.__dict__.update(state)
        if self._started and not all(map(operator.is_, carried, _carried(self.env))):
            self._started = False
            self._rounds.stop()
            self._forget()

    def _forget(self) -> None:
        """Forgets who is in play, and everything else of the episode."""
        raise NotImplementedError

    def state(self) -> Any:
        """Returns the environment's state.

        Raises:
            NotResetError: There has been no reset yet.
        """
        if not self._started:
            raise not_reset("state was called")
        return self.env.state()


def _carried(env: Any) -> list[Any]:
    """Returns of each layer one container that it holds, None where it holds none of its own.

    Copied together with its layer, a container stays the very one that the layer holds. A layer
    that is built anew holds another.
    """
    names = ("agents", "possible_agents", "terminations", "rewards")
    held = [getattr(layer, "__dict__", {}) for layer in layers(env)]
    found = [
        [inside[n] for n in names if isinstance(inside.get(n), list | dict)]
        # Gymnasium's environments hold none of these, but spaces, which can always be pickled.
        or [value for value in inside.values() if isinstance(value, Space)]
        for inside in held
    ]
    return [values[0] if values else None for values in found]
