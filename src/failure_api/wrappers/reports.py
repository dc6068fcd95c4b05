"""Reports of a wrapper on its channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from failure_api.core import Context, Delivery, Links
from failure_api.core.tally import LinkNumbers
from failure_api.environments import layers
from failure_api.errors import invalid
from failure_api.exchanges import Exchange
from failure_api.exchanges.spaces.actions import SpokenActions
from failure_api.wrappers.rounds import Models, NoiseModels, RoundKeeper, RoundsWrapper
from failure_api.wrappers.unwrapping import environment_of


class Reports(RoundsWrapper):
    """What a wrapper tells of its channel; both wrappers derive from it."""

    _rounds: RoundKeeper
    _newer: Callable[[], dict[Any, Any]]

    def __init__(
        self,
        env: Any,
        failure_models: Models,
        *,
        noise_models: NoiseModels = (),
        exchange: Exchange | None = None,
        positions: Callable[[Any], Any] | None = None,
        report: Literal["infos"] | None = None,
    ) -> None:
        env = environment_of("CommunicationWrapper", env, self._kind)
        rounds = RoundKeeper(env, failure_models, exchange, positions, noise_models, report)
        super().__init__(env, rounds)

    def get_communication_state(self) -> NDArray[np.bool_]:
        """Returns on which links a message arrived in this round.

        Returns:
            bool `[sender, receiver]`, in the order of `possible_agents`, False on the diagonal.

        Raises:
            NotResetError: There has been no reset yet.
        """
        return np.array(self._rounds.delivery.arrived)

    def communication_report(self) -> LinkNumbers:
        """Returns what the links have done in this episode so far, as four numbers.

        Returns:
            `age`, `delivery_ratio`, `news` and `overtaken`, over all links and rounds between
            live agents.

        Raises:
            NotResetError: There has been no reset yet.
        """
        self._rounds.check_begun()
        return self._rounds.tally.numbers()

    def on_round(self, callback: Callable[[Context, Delivery], None]) -> Callable[[], None]:
        """Calls a function after every round, that of the reset included.

        A copy or a pickle of the environment calls nobody.

        Args:
            callback: Takes what was known of the round, a `Context`, and what it brought, a
                `Delivery`, neither of which is to be written to.

        Returns:
            A function without arguments that ends it.

        Example:
            >>> from mpe2 import simple_spread_v3
            >>> from failure_api import CommunicationWrapperParallel
            >>> env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(), [])
            >>> rounds = []
            >>> stop = env.on_round(lambda context, delivery: rounds.append(context.round))
            >>> observations, infos = env.reset(seed=1)
            >>> stop()
            >>> rounds
            [0]
        """
        if not callable(callback):
            raise invalid("callback", "must be a function", callback, "give one of two arguments")
        watchers = self._rounds.watchers
        watchers.append(callback)

        def stop() -> None:
            if callback in watchers:
                watchers.remove(callback)

        return stop

    @property
    def links(self) -> Links:
        """A copy of this round's links, arrays `[sender, receiver]`, and None where nothing acts.

        The diagonal means nothing.
        """
        return Links(*(None if a is None else a.copy() for a in self._rounds.delivery.links))

    @property
    def exchange(self) -> Exchange:
        """What agents say to each other and how a receiver sees it, as given or as chosen."""
        return self._rounds.exchange

    @property
    def message_age(self) -> NDArray[np.int64]:
        """Rounds since the newest message that has arrived on each link was sent.

        int64 `[sender, receiver]`. Before the first arrival it counts from the round before the
        first; the diagonal is 0.
        """
        return self._rounds.age

    @property
    def message_bits(self) -> NDArray[np.float64] | None:
        """Bits of one message on each link, float64 `[sender, receiver]`.

        0 where an agent says nothing to another, None where nobody counts them: with segments
        that move, and with exchanges of one's own that do not say.
        """
        bits = self._rounds.codec.message_bits
        return None if bits is None else bits.copy()

    def clean_observations(self) -> dict[Any, Any]:
        """Returns what perfect communication would have shown each agent in this round.

        For centralised critics and for logs: the same exchange, without failures, delays and
        noise. Nothing else is changed by it. It is worked out when it is called, and in every round
        where segments move and content is held.

        Returns:
            An observation by agent, in the same space and for the same agents as those that the
            wrapper shows.

        Raises:
            NotResetError: There has been no reset yet.
        """
        return self._rounds.clean.views(self._newer())

    def set_severity(self, severity: float) -> None:
        r"""Sets how severe failures are, from the next reset on.

        Args:
            severity: A share in [0, 1]: that share of its severity in a `ScheduledModel`, and in a
                `RandomizedModel` the first share of each distribution, so that a parameter is
                $F^{-1}(\text{severity} \cdot u)$. `reset(options={"failure": {"severity": x}})`
                takes precedence for one episode.

        Raises:
            InvalidArgumentError: Not within [0, 1], or no failure model takes it.
        """
        self._rounds.curriculum.set_severity(severity)

    def __repr__(self) -> str:
        rounds = self._rounds
        positions = getattr(rounds.positions, "__qualname__", rounds.positions)
        return (
            f"{type(self).__name__}({rounds.env}, failure_models={list(rounds.chain.parts)}, "
            f"noise_models={list(rounds.noise.chain.parts)}, exchange={rounds.exchange}, "
            f"positions={positions})"
        )


def actions_of(env: Any) -> SpokenActions | None:
    """Returns how an environment's actions carry messages; None where they do not."""
    for layer in layers(env):
        if isinstance(layer, Reports):
            return layer._rounds.actions
    return None
