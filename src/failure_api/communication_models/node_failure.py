"""Nodes: agents that crash, fall silent or deaf while they go on acting, one by one or together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from failure_api.communication_models.partition import is_list, shuffled, switched
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.model import closed_form
from failure_api.core.parameters.fields import index_of, members_of, per_agent
from failure_api.core.parameters.frozen import FrozenMapping
from failure_api.core.parameters.rules import Choice, Rule, WholeNumber
from failure_api.core.parameters.types import MeanRounds
from failure_api.errors import InvalidArgumentError, describe, invalid

Target: TypeAlias = Literal["one", "minority_third", "minority", "majority", "all", "some"]
"""How many of a team fail together."""

TARGETS: tuple[Target, ...] = get_args(Target)

Chances: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class NodeFailureModel(CommunicationModel):
    r"""Agents fall silent, deaf or both, and are repaired; they go on acting all the while.

    Times to failure and to repair are geometric: with means $1/p$ and $1/r$ an agent that is up
    fails with probability $p$ a round, one that is down is repaired with probability $r$, and
    $u = p / (p + r)$ of its rounds are spent down. A link loses $u$ of its messages where the
    agent at one end counts (`"mute"`, `"deaf"`) and $1 - (1 - u_s)(1 - u_r)$ where both do
    (`"crash"`). The environment's `agents` never change: agents that fail stay alive.

    With `together` the times are those of the whole team: each failure takes a number of agents,
    others each time, and its repair all of them. Where a failure takes a share $c$ of the links, a
    link loses $c u$ of its messages and its mean age is $c u / r$.

    Args:
        mode: What fails: `"crash"` sends and receives nothing, `"mute"` sends nothing, `"deaf"`
            receives nothing.
        mean_time_to_failure: Mean number of rounds for which an agent is up: a number, an `[N]`
            array, or `{agent: rounds}`, where agents that are not named never fail.
        mean_time_to_repair: Mean number of rounds for which it is down, in the same forms; None,
            and infinity, is never repaired.
        schedule: In place of these, when each agent is down: `{agent: [(start, stop), ...]}`,
            from round `start` to the round before `stop`; None for `stop` is never repaired.
        start: Where an episode begins: `"stationary"` draws who is down in round 0 by the
            long-run share, save for agents that are never repaired, which start up; `"up"`
            begins with everyone up.
        together: How many agents fail together, of a team of $N$: `"one"`, `"minority_third"`
            ($\lfloor (N - 1) / 3 \rfloor$), `"minority"` ($\lfloor N / 2 \rfloor$),
            `"majority"` (one more than that), `"all"`, or `"some"`, any number from 1 to $N$; or a
            list of these, one of which is drawn for each failure. None lets each agent fail by
            itself.
        agent_ids: Confines the model to links among these agents; None takes all. To let single
            agents fail towards everyone, name them in the mean times or in the schedule instead.

    Raises:
        InvalidArgumentError: A mean time below 1 round, an outage that ends before it begins,
            neither or both of `mean_time_to_failure` and `schedule`.

    Example:
        >>> model = NodeFailureModel(mode="mute", mean_time_to_failure=12, mean_time_to_repair=4)
        >>> model.expected_loss(), model.expected_burst_length(), model.expected_age()
        (0.25, 4.0, 1.0)
        >>> NodeFailureModel(mode="crash", schedule={"a": [(5, 10), (20, None)]}).schedule
        {'a': ((5, 10), (20, None))}
        >>> pause = NodeFailureModel(
        ...     mode="crash", mean_time_to_failure=30, mean_time_to_repair=10, together="minority"
        ... )
        >>> pause.team_unavailability(agents=5), round(pause.team_loss(agents=5), 3)
        (0.1, 0.175)

    Source: the alternating renewal process of Barlow and Proschan (1965), in discrete time;
    the nemeses of Jepsen (jepsen.io).
    """

    EXAMPLE: ClassVar = {"mode": "crash", "mean_time_to_failure": 60, "mean_time_to_repair": 20}

    mode: Literal["crash", "mute", "deaf"]
    mean_time_to_failure: MeanRounds | None = None
    mean_time_to_repair: MeanRounds | None = None
    schedule: Annotated[Mapping[Any, Sequence[tuple[int, int | None]]], Outages()] | None = None
    start: Literal["stationary", "up"] = "stationary"
    together: Annotated[Target | Sequence[Target], Targets()] | None = None

    def __post_init__(self) -> None:
        """Checks the fields, and that they go together."""
        super().__post_init__()
        if self.schedule is None and self.mean_time_to_failure is None:
            rule = "must be given where there is no schedule"
            raise invalid("mean_time_to_failure", rule, None, "give rounds, or a schedule")
        means = ("mean_time_to_failure", "mean_time_to_repair")
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            at_random = name in (*means, "start", "together")
            if self.schedule is not None and at_random and value != field.default:
                remedy = "leave it out, or the schedule"
                raise invalid(name, "belongs to failures at random", value, remedy)
            if self.together is not None and name in means and not isinstance(value, float | None):
                rule = "must be one number where agents fail together"
                raise invalid(name, rule, value, "give that of the whole team")

    @property
    def traits(self) -> Traits:
        """Whether a node is up."""
        return Traits(stages={Stage.SENT}, steady=self.schedule is None)

    def prepare(self, context: Context) -> Any:
        """Returns the outages; or the chances to be down at first, to fail and to stay down."""
        if self.schedule is not None:
            return outage_table(f"{self.name}.schedule", self.schedule, context.agent_ids)
        fails = self._chance("mean_time_to_failure", context)
        repaired = self._chance("mean_time_to_repair", context)
        share = np.where(repaired > 0, unavailability(fails, repaired), 0.0)
        first = share * (self.start == "stationary")
        chances = {"first": first, "fails": fails, "stays": 1.0 - repaired}
        found: dict[str, Any] = {name: c.astype(np.float32) for name, c in chances.items()}
        if self.together is not None:
            members = members_of(self, context)
            found |= {"members": members, **size_table(self.together, int(members.sum()))}
        return found

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns who is down in round 0, bool `[..., N]` or a group; nothing on a schedule."""
        if self.schedule is not None:
            return ()
        if self.together is None:
            return random.bernoulli(parameters["first"], context.shape[:-1])
        down = random.bernoulli(parameters["first"], (*context.shape[:-2], 1))
        return Group(down, down & drawn_group(parameters, context, random))

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns who is down next, and the links with those silent and deaf that are down now."""
        xp = context.xp

        if self.schedule is not None:
            round_index = context.round_over(2)
            during = (parameters["starts"] <= round_index) & (round_index < parameters["stops"])
            down = xp.any(during, axis=-2)
        else:
            begun, down = (state, state) if self.together is None else state
            state = switched(begun, parameters["fails"], parameters["stays"], context, random)
            if self.together is not None:
                fresh = ~begun & drawn_group(parameters, context, random)
                state = Group(state, state & (fresh | down))
        if self.mode != "deaf":
            links = links.silence(down[..., :, None])
        if self.mode != "mute":
            links = links.deafen(xp.broadcast_to(down[..., None, :], context.shape))
        return state, links

    def _chance(self, name: str, context: Context) -> Any:
        """Returns the chance that a time ends in a round, one over its mean, as a NumPy array."""
        mean, on_host = getattr(self, name), context._replace(xp=np)
        mean = per_agent(f"{self.name}.{name}", np.inf if mean is None else mean, np.inf, on_host)
        return 1.0 / mean.astype(np.float64)

    @property
    def _means(self) -> list[Any]:
        repair = self.mean_time_to_repair
        return [self.mean_time_to_failure, np.inf if repair is None else repair]

    def unavailability(self) -> Any:
        """Returns the long-run share of rounds for which an agent is down.

        Returns:
            A number, an `[N]` array or `{agent: share}`, as the mean times were given; None where
            they are a mapping and an array, and where agents fail together and not all of them:
            `team_unavailability` knows that.
        """
        if self._some_together:
            return None
        if self.schedule is not None:
            return {
                agent: float(any(stop is None for _, stop in outages))
                for agent, outages in self.schedule.items()
            }
        return closed_form(
            lambda fail, repair: unavailability(1.0 / fail, 1.0 / repair), self._means, [np.inf] * 2
        )

    def expected_loss(self) -> Any:
        """Returns `u`, or `1 - (1 - u_s)(1 - u_r)` for a crash; 1 for who is never repaired.

        An `[N, N]` array where the mean times are arrays. None where they are a mapping, which
        does not say who else is in the team, and for a schedule: `unavailability` knows more.
        Where all fail together it is `u`; None where it depends on the size of the team:
        `team_loss` knows that.
        """
        return None if self._some_together else self._of_links(loss)

    def expected_burst_length(self) -> Any:
        """Returns the mean time to repair, or for a crash the loss over the chance of a burst.

        A burst begins with the chance `(1 - u_s)(1 - u_r)(1 - (1 - p_s)(1 - p_r))`. In the same
        forms as the loss, and NaN where nothing is ever lost.
        """
        return self._of_links(burst_length)

    def expected_age(self) -> Any:
        """Returns `u / r`; for a crash that of two chains, both of which must be up.

        That is the mean, over the three states with someone down, of the rounds until both are
        up. In the same forms as the loss.
        """
        return None if self._some_together else self._of_links(age)

    @property
    def _some_together(self) -> bool:
        """Whether what is known depends on the size of the team."""
        return self.together not in (None, "all", ("all",))

    def team_unavailability(self, agents: int) -> float | None:
        """Returns the long-run share of rounds for which an agent of a team is down.

        None where agents do not fail together: `unavailability` knows more.

        Args:
            agents: Number of agents that the model concerns.
        """
        return self._of_team(loss, share_of_agents, agents)

    def team_loss(self, agents: int) -> float | None:
        """Returns the long-run share of messages lost in a team.

        None where agents do not fail together: `expected_loss` knows more.

        Args:
            agents: Number of agents that the model concerns.
        """
        return self._of_team(loss, self._share_of_links, agents)

    def team_age(self, agents: int) -> float | None:
        """Returns the mean age of information in a team, in rounds; None as for the loss.

        Args:
            agents: Number of agents that the model concerns.
        """
        return self._of_team(age, self._share_of_links, agents)

    def _of_team(
        self, form: Callable[..., Any], share: Callable[..., float], agents: int
    ) -> float | None:
        count = WholeNumber(2).normalise("agents", agents)
        if self.together is None:
            return None
        taken = share(self.together, count)
        # What lasts for ever does not where it takes nobody.
        return taken * self._of_links(form) if taken else 0.0

    @property
    def _share_of_links(self) -> Callable[..., float]:
        return share_of_links if self.mode == "crash" else share_of_agents

    def _of_links(self, form: Callable[..., Any]) -> Any:
        """Returns one of the forms below of all links.

        Args:
            form: Takes the chances of both ends.

        Returns:
            A number, or an array `[N, N]` where one of the mean times is an array; None on a
            schedule, and where one is a mapping.
        """
        if self.schedule is not None or any(isinstance(mean, Mapping) for mean in self._means):
            return None
        # Those who fail together are as one.
        mode = "mute" if self.together is not None else self.mode
        times = np.broadcast_arrays(*(np.asarray(mean, dtype=np.float64) for mean in self._means))
        chances, single = 1.0 / np.stack(times), times[0].ndim == 0
        ends = (chances, chances) if single else (chances[..., None], chances[..., None, :])
        sender, receiver = np.broadcast_arrays(*ends)
        result = form(sender * (mode != "deaf"), receiver * (mode != "mute"))
        return float(result) if single else np.where(np.eye(len(result), dtype=bool), 0.0, result)


NEVER = np.iinfo(np.int32).max
"""A round that no episode reaches."""


class Outages(Rule):
    """Outages of agents, `{agent: [(start, stop), ...]}` in rounds."""

    unit = "rounds"

    def normalise(self, name: str, value: Any) -> FrozenMapping:
        """Returns the outages as tuples, or raises what is wrong with them."""
        if not isinstance(value, Mapping):
            rule, remedy = "must be {agent: [(start, stop), ...]}", "say whose outages they are"
            raise invalid(name, rule, value, remedy)
        found: dict[Any, Any] = {}
        for agent, outages in value.items():
            entry = f"{name}[{describe(agent)}]"
            if not is_list(outages):
                rule = "must be a list of pairs (start, stop)"
                raise invalid(entry, rule, outages, "give one pair for each outage")
            found[agent] = tuple(self._outage(entry, outage) for outage in outages)
        return FrozenMapping(found)

    def _outage(self, name: str, outage: Any) -> tuple[int, int | None]:
        rule = "must have pairs (start, stop) of whole rounds, 0 or more and stop above start"
        error = invalid(name, rule, outage, "give stop=None for an agent that stays down")
        if not isinstance(outage, Sequence) or isinstance(outage, str) or len(outage) != 2:
            raise error
        whole = WholeNumber(0)
        try:
            start = whole.normalise(name, outage[0])
            stop = None if outage[1] is None else whole.normalise(name, outage[1])
        except InvalidArgumentError:
            raise error from None
        if start >= NEVER or (stop is not None and not start < stop <= NEVER):
            raise error
        return start, stop


def outage_table(
    name: str, schedule: Mapping[Any, Any], agent_ids: tuple[Any, ...]
) -> dict[str, NDArray[np.int32]]:
    """Returns the rounds in which outages start and stop, two int32 arrays `[outages, N]`.

    Args:
        name: What errors call the schedule.
        schedule: Normalised outages.
        agent_ids: The team.

    Example:
        >>> outage_table("schedule", {"b": ((3, 5),)}, ("a", "b"))["stops"].tolist()
        [[0, 5]]
    """
    most = max(map(len, schedule.values()), default=0)
    # An agent with fewer outages than others has some that end where they begin.
    table = np.zeros((2, most, len(agent_ids)), dtype=np.int32)
    for agent, outages in schedule.items():
        column = index_of(name, agent, agent_ids)
        for row, (start, stop) in enumerate(outages):
            table[:, row, column] = start, NEVER if stop is None else stop
    return {"starts": table[0], "stops": table[1]}


class Targets(Rule):
    """A target, or several of which one is drawn each time."""

    def normalise(self, name: str, value: Any) -> str | tuple[str, ...]:
        """Returns the target or the targets, or raises what is wrong with them."""
        if isinstance(value, str):
            return Choice(TARGETS).normalise(name, value)
        if not is_list(value) or not value:
            words = ", ".join(map(repr, TARGETS))
            raise invalid(name, f"must be one of {words}, or a list of them", value, "give one")
        return tuple(Choice(TARGETS).normalise(f"{name}[{i}]", one) for i, one in enumerate(value))


class Group(NamedTuple):
    """Who is down.

    Attributes:
        down: Whether anybody may be: a failure has begun and is not repaired, bool `[..., 1]`.
        members: Who it has taken, bool `[..., N]`; nobody where there is none.
    """

    down: Array
    members: Array


def sizes(together: str | Sequence[str], agents: int) -> dict[int, Fraction]:
    """Returns how many agents fail together, each number with its probability.

    Args:
        together: The target, or several that are equally likely.
        agents: Size of the team.

    Example:
        >>> sizes(("one", "majority", "all"), 3)
        {1: Fraction(1, 3), 2: Fraction(1, 3), 3: Fraction(1, 3)}
    """
    half = agents // 2
    least = {"one": 1, "minority_third": (agents - 1) // 3, "minority": half}
    fixed = {**least, "majority": half + 1, "all": agents}
    chances: defaultdict[int, Fraction] = defaultdict(Fraction)
    targets = [together] if isinstance(together, str) else together
    for target in targets:
        counts = range(1, agents + 1) if target == "some" else [min(fixed[target], agents)]
        for count in counts:
            chances[count] += Fraction(1, len(targets) * len(counts))
    return dict(sorted(chances.items()))


def size_table(together: str | Sequence[str], agents: int) -> dict[str, NDArray[Any]]:
    """Returns what `drawn_group` needs: the numbers of agents as a function of a uniform draw."""
    chances = sizes(together, agents)
    counts = np.array(list(chances), dtype=np.int32)
    ends = np.cumsum([float(chance) for chance in chances.values()])[:-1]
    return {"least": counts[0], "ends": ends.astype(np.float32), "steps": np.diff(counts)}


def drawn_group(parameters: Any, context: Context, random: RandomStream) -> Array:
    """Returns whom a failure takes that begins now, bool `[..., N]`.

    Args:
        parameters: What `size_table` returned, and in `members` who may fail, bool `[N]`.
        context: Says how many agents there are, and in which batch.
        random: The model's own stream; two below it are used.
    """
    xp, shape = context.xp, (*context.shape[:-2], 1)
    uniform = random.child("size").uniform(shape)[..., None]
    risen = xp.astype(uniform >= parameters["ends"], xp.int32) * parameters["steps"]
    count = parameters["least"] + xp.sum(risen, axis=-1, dtype=xp.int32)
    members = parameters["members"]
    return (shuffled(members, context, random) < count) & members


def share_of_agents(together: str | Sequence[str], agents: int) -> float:
    """Returns the share of the agents that a failure takes in the mean."""
    return float(sum(k * chance for k, chance in sizes(together, agents).items()) / agents)


def share_of_links(together: str | Sequence[str], agents: int) -> float:
    """Returns the share of the links that lose an end, or both, to a failure in the mean."""
    apart = agents * (agents - 1)
    whole = sum(
        (agents - k) * (agents - k - 1) * chance for k, chance in sizes(together, agents).items()
    )
    return float(1 - whole / apart)


# Closed forms of the link between two agents that fail and are repaired. `sender` and `receiver`
# are the chances of each to fail and to be repaired in a round, `[2, ...]`. An agent that does not
# matter never fails.


def unavailability(fails: Chances, repaired: Chances) -> Chances:
    """Returns the long-run share of rounds for which an agent is down, `p / (p + r)`."""
    # The divisor of an agent that never fails may be 0, and does not matter.
    share: Chances = fails / (fails + repaired + (fails == 0))
    return share


def loss(sender: Chances, receiver: Chances) -> Chances:
    """Returns `1 - (1 - u_s)(1 - u_r)`."""
    one, other = unavailability(*sender), unavailability(*receiver)
    return one + other - one * other


def burst_length(sender: Chances, receiver: Chances) -> Chances:
    """Returns the loss over the chance that a burst begins; NaN where nothing is ever lost."""
    (fails, _), (fails_too, _), lost = sender, receiver, loss(sender, receiver)
    both_up = (1.0 - unavailability(*sender)) * (1.0 - unavailability(*receiver))
    begins = both_up * (fails + fails_too - fails * fails_too)
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.where(lost == 0, np.nan, lost / begins)
    return np.where(_out_of_step(sender, receiver), np.inf, length)


def age(sender: Chances, receiver: Chances) -> Chances:
    """Returns the mean age, the sum over `k` of the chance that no round of `k` had both up.

    In a round in which not both are up, the mean number of rounds until both are is the solution
    `t` of `t = 1 + Q t`, where `Q` leads from one such state to the other.
    """
    apart, (fails, repaired) = _out_of_step(sender, receiver), np.stack([sender, receiver], axis=1)
    stays_lost = apart | ((fails > 0) & (repaired == 0)).any(axis=0)
    # The repair of who never fails, or of who spoils everything, does not matter but for Q.
    repaired = np.where(repaired == 0, 1.0, repaired)
    down = unavailability(fails, repaired)
    # Of each end the shares of time and the transitions, up before down.
    shares = np.stack([1.0 - down, down], axis=-1)
    rows = np.stack([1.0 - fails, fails, repaired, 1.0 - repaired], axis=-1)
    chains = rows.reshape(*fails.shape, 2, 2)
    whole = np.einsum("...ab,...cd->...acbd", *chains).reshape(*apart.shape, 4, 4)
    leaves = np.where(apart[..., None, None], np.eye(3), np.eye(3) - whole[..., 1:, 1:])
    until = np.linalg.solve(leaves, np.ones((*apart.shape, 3, 1)))
    states = np.einsum("...a,...c->...ac", *shares).reshape(*apart.shape, 4)[..., 1:]
    return np.where(stays_lost, np.inf, (states * until[..., 0]).sum(axis=-1))


def _out_of_step(sender: Chances, receiver: Chances) -> NDArray[np.bool_]:
    """Returns where both agents are up in every second round, in half the cases never together."""
    return np.asarray(np.prod(sender * receiver, axis=0) == 1)
