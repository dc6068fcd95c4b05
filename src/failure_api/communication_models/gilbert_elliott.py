"""Loss in bursts: every link is a two-state Markov chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Stage, Traits
from failure_api.core.model import closed_form, either
from failure_api.core.parameters.fields import LinkRule, normalise_fields
from failure_api.core.parameters.rules import WholeNumber, numbers
from failure_api.core.parameters.types import LARGEST, SMALLEST, LinkValue, Probability
from failure_api.errors import invalid

_LOSS = LinkRule(
    "must be at least 0 and less than 1",
    lambda loss: (loss >= 0) & (loss < 1),
    0.0,
    "give a share; ProbabilisticModel(failure_prob=1) loses everything",
)
_LENGTH = LinkRule(
    "must be finite and at least 1 round",
    lambda length: (length >= 1) & (length <= LARGEST),
    1.0,
    "give the mean number of losses in a row",
    "rounds",
)


@dataclass(frozen=True, kw_only=True)
class _Bursts:
    """What a chain is built from; its fields are checked by the rules of their types."""

    loss: Annotated[LinkValue, _LOSS]
    mean_burst_length: Annotated[LinkValue, _LENGTH]

    def __post_init__(self) -> None:
        normalise_fields(self)


def chain_values(loss: Any, mean_burst_length: Any) -> tuple[Any, Any]:
    """Returns the probabilities `p` of going bad and `r` of recovering.

    Args:
        loss: Share of rounds in the bad state: a number, an `[N, N]` array or a mapping.
        mean_burst_length: Mean stay in the bad state, in rounds, in the same forms.

    Raises:
        InvalidArgumentError: A value breaks its rule, or the two do not go together.

    Example:
        >>> chain_values(0.5, 4.0)
        (0.25, 0.25)
    """
    bursts = _Bursts(loss=loss, mean_burst_length=mean_burst_length)

    def form(function: Callable[..., Any]) -> Any:
        values = [bursts.loss, bursts.mean_burst_length]
        return closed_form(function, values, [_LOSS.neutral, _LENGTH.neutral])

    least = form(lambda e, b: e / (1.0 - e) + 0.0 * b)
    if least is None:
        rule = "must not be an array where loss is a mapping, nor the other way round"
        remedy = "give both in the same form"
        raise invalid("mean_burst_length", rule, mean_burst_length, remedy)
    for at_least, length in zip(
        entries(least), entries(form(lambda e, b: b + 0.0 * e)), strict=True
    ):
        # Beyond it by rounding alone is not beyond it: p is limited to 1 below.
        if at_least > length * (1.0 + 1e-9):
            rule = f"must be at least loss / (1 - loss), here {at_least:.6g} rounds"
            raise invalid(
                "mean_burst_length", rule, length, "lengthen the bursts or lower the loss"
            )
    p = form(lambda e, b: np.minimum(e / ((1.0 - e) * b), 1.0))
    return p, form(lambda e, b: 1.0 / b + 0.0 * e)


def entries(form: Any) -> Iterator[float]:
    """Yields the values of a closed form; the diagonal of an array means nothing."""
    if isinstance(form, Mapping):
        yield from form.values()
    elif np.ndim(form):
        yield from form[~np.eye(len(form), dtype=bool)].tolist()
    else:
        yield form


Recovery: TypeAlias = Annotated[
    LinkValue,
    LinkRule("must lie in [0, 1]", lambda p: (p >= 0) & (p <= 1), 1.0, "give a probability"),
]
"""A probability of getting better; links that a mapping does not name have 1."""


@dataclass(frozen=True, kw_only=True)
class GilbertElliottModel(CommunicationModel):
    r"""Every link is good or bad, loses messages accordingly, and changes state now and then.

    After each round a good link goes bad with probability $p$ and a bad one recovers with
    probability $r$. With $g$ and $b$ the loss in the good and in the bad state, the shares of
    time are $\pi_B = p / (p + r)$ and $\pi_G = 1 - \pi_B$, the loss is
    $e = \pi_G g + \pi_B b$, and the mean burst length is

    $$\frac{e}{\pi_G g \, [(1 - p)(1 - g) + p (1 - b)] + \pi_B b \, [(1 - r)(1 - b) + r (1 - g)]},$$

    which is $1 / r$ where $g = 0$ and $b = 1$. The mean age of information is
    $\pi L (I - P L)^{-1} \mathbf{1}$ with $L = \mathrm{diag}(g, b)$, and losses in two rounds that
    follow each other have correlation $(1 - p - r)\, \pi_G \pi_B (b - g)^2 / (e (1 - e))$.
    What is lost at some $p$ is lost at a greater one too, and at a smaller $r$, as long as
    $p + r \le 1$.

    Args:
        p: Probability that a good link is bad in the next round: a number, an `[N, N]` array
            indexed `[sender, receiver]`, or `{(sender, receiver): probability}`; 0 for links that
            a mapping does not name.
        r: Probability that a bad link is good in the next round, in the same forms; 1 for links
            that a mapping does not name. A link whose `p` and `r` are both 0 stays good.
        loss_good: Probability that a message is lost in a round in which its link is good.
        loss_bad: The same while it is bad.
        start: In which state links are in round 0: `"stationary"` draws it from the shares of
            time, `"good"` has all of them good.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A probability outside of [0, 1].

    Example:
        >>> model = GilbertElliottModel(p=0.05, r=0.25)
        >>> round(model.expected_loss(), 6), round(model.expected_age(), 6)
        (0.166667, 0.666667)
        >>> model.expected_burst_length(), round(model.expected_correlation(), 6)
        (4.0, 0.7)
        >>> bursty = GilbertElliottModel.from_loss_and_burst(0.5, 4.0)
        >>> bursty.p, bursty.r
        (0.25, 0.25)

    Source: Gilbert (1960) and Elliott (1963), Bell System Technical Journal; tc-netem(8), option
    `loss gemodel`, whose `1-h` is `loss_bad` and whose `1-k` is `loss_good`.
    """

    EXAMPLE: ClassVar = {"p": 0.05, "r": 0.25}

    p: Probability
    r: Recovery
    loss_good: Probability = 0.0
    loss_bad: Probability = 1.0
    start: Literal["stationary", "good"] = "stationary"

    @classmethod
    def from_loss_and_burst(
        cls,
        loss: LinkValue,
        mean_burst_length: LinkValue,
        *,
        start: Literal["stationary", "good"] = "stationary",
        agent_ids: Sequence[Any] | None = None,
    ) -> GilbertElliottModel:
        """Returns the model that loses everything while bad and nothing while good.

        Args:
            loss: Long-run share of messages lost: a number, an array or a mapping.
            mean_burst_length: Mean number of losses in a row, in rounds, in the same forms; 1 or
                more, and at least `loss / (1 - loss)`. At `1 / (1 - loss)` losses are independent.
            start: As in the model.
            agent_ids: As in the model.

        Raises:
            InvalidArgumentError: A loss or length that is impossible, alone or with the other.
        """
        p, r = chain_values(loss, mean_burst_length)
        return cls(p=p, r=r, start=start, agent_ids=agent_ids)

    @classmethod
    def from_transition_matrix(
        cls,
        matrix: ArrayLike,
        *,
        loss_good: LinkValue = 0.0,
        loss_bad: LinkValue = 1.0,
        start: Literal["stationary", "good"] = "stationary",
        agent_ids: Sequence[Any] | None = None,
    ) -> GilbertElliottModel:
        """Returns the model whose chain has this transition matrix.

        Args:
            matrix: `[[1 - p, p], [r, 1 - r]]`: row and column 0 are the good state, 1 the bad one.
            loss_good: As in the model.
            loss_bad: As in the model.
            start: As in the model.
            agent_ids: As in the model.

        Raises:
            InvalidArgumentError: The matrix is not 2 by 2, or a row holds no probabilities that
                sum to 1.

        Example:
            >>> model = GilbertElliottModel.from_transition_matrix([[0.75, 0.25], [0.5, 0.5]])
            >>> model.p, model.r
            (0.25, 0.5)
        """
        rows = numbers(matrix)
        remedy = "give [[1 - p, p], [r, 1 - r]], good state first"
        if rows is None or rows.shape != (2, 2):
            raise invalid("matrix", "must be 2 by 2 numbers", matrix, remedy)
        if not ((rows >= 0) & (rows <= 1)).all():
            raise invalid("matrix", "must hold probabilities, from 0 to 1", rows.tolist(), remedy)
        if not np.allclose(rows.sum(axis=1), 1.0, rtol=0.0, atol=1e-6):
            raise invalid("matrix", "must have rows that sum to 1", rows.tolist(), remedy)
        p, r = rows[0, 1], rows[1, 0]
        return cls(
            p=p, r=r, loss_good=loss_good, loss_bad=loss_bad, start=start, agent_ids=agent_ids
        )

    @property
    def traits(self) -> Traits:
        """Loss by chance."""
        return Traits(stages={Stage.ADMITTED}, steady=True)

    def derive(self, parameters: Any) -> Any:
        """Returns the parameters with the probability of staying bad."""
        return {**parameters, "stays_bad": 1.0 - parameters["r"]}

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Array:
        """Returns which links are bad in round 0, bool `[..., N, N]`."""
        p, r = parameters["p"], parameters["r"]
        share = p / context.xp.maximum(p + r, SMALLEST)
        draw = random.child("state").uniform(context.shape)
        return draw < (share if self.start == "stationary" else 0.0)

    def step(
        self, parameters: Any, state: Array, links: Links, context: Context, random: RandomStream
    ) -> tuple[Array, Links]:
        """Returns the states of the next round, and the links as those of this one leave them."""
        bad, shape = state, context.shape
        # Losses have a stream of their own: where the state decides, leaving it out moves nothing.
        if self.loss_good in (0.0, 1.0) and self.loss_bad in (0.0, 1.0):
            lost = _by_state(bad, self.loss_bad == 1.0, self.loss_good == 1.0)
        else:
            draw = random.child("loss").uniform(shape)
            lost = _by_state(bad, draw < parameters["loss_bad"], draw < parameters["loss_good"])
        draw = random.child("state").uniform(shape)
        following = _by_state(bad, draw < parameters["stays_bad"], draw < parameters["p"])
        return following, links.lose(lost)

    def expected_loss(self) -> Any:
        """Returns the mean of the two losses, weighted with the shares of time."""
        return self._closed(_loss)

    def expected_burst_length(self) -> Any:
        """Returns the loss over the rate at which bursts end; NaN where nothing is lost."""

        def length(p: Any, r: Any, g: Any, b: Any) -> Any:
            share = _share_bad(p, r)
            ends_good = (1 - share) * g * ((1 - p) * (1 - g) + p * (1 - b))
            ends_bad = share * b * ((1 - r) * (1 - b) + r * (1 - g))
            return _loss(p, r, g, b) / (ends_good + ends_bad)

        return self._closed(length)

    def expected_age(self) -> Any:
        r"""Returns $\pi L (I - P L)^{-1} \mathbf{1}$, written out."""

        def age(p: Any, r: Any, g: Any, b: Any) -> Any:
            share, r = _share_bad(p, r), np.where(p > 0, r, 1.0)
            determinant = (1 - g) * (1 - b) + (1 - g) * r * b + (1 - b) * p * g
            from_good = (1 - share) * g * ((1 - b) + (p + r) * b)
            from_bad = share * b * ((1 - g) + (p + r) * g)
            return (from_good + from_bad) / determinant

        return self._closed(age)

    def age_with_loss(self, loss: Any) -> Any:
        """Returns the age of the chain whose states lose messages for this reason too."""
        good, bad = (either(reason, loss) for reason in (self.loss_good, self.loss_bad))
        if good is None or bad is None:
            return None
        return replace(self, loss_good=good, loss_bad=bad).expected_age()

    def age_distribution(self, longest: int) -> Any:
        r"""Returns the probabilities of the ages $0, 1, \dots$ of information.

        With $L = \mathrm{diag}(g, b)$ the age is at least $a$ where the last $a$ rounds lost
        what they carried: $P(A \ge a) = \pi L (P L)^{a - 1} \mathbf{1}$.

        Args:
            longest: The longest age, in rounds.

        Returns:
            An array `[longest + 1]`, or with arrays of probabilities `[N, N, longest + 1]`, or
            `{(sender, receiver): array}`.
        """
        return self._ages(longest, peak=False)

    def peak_age_distribution(self, longest: int) -> Any:
        r"""Returns the probabilities of the age in the last round before a message arrives.

        It is at least $a$ where $a$ losses follow an arrival:
        $P(A \ge a) = \pi (I - L) (P L)^a \mathbf{1} / \pi (I - L) \mathbf{1}$.

        Args:
            longest: The longest age, in rounds.

        Returns:
            As `age_distribution`.
        """
        return self._ages(longest, peak=True)

    def _ages(self, longest: int, peak: bool) -> Any:
        count = WholeNumber(0, "rounds").normalise("longest", longest) + 1

        def probabilities(p: Any, r: Any, g: Any, b: Any) -> Any:
            bad = _share_bad(p, r)
            # What arrives in a state, or what is there at all, and then one loss after another.
            start = ((1 - g), (1 - b)) if peak else (np.ones_like(g), np.ones_like(b))
            good, bad = (1 - bad) * start[0], bad * start[1]
            total, at_least = good + bad, []
            for lost in range(count + 1):
                at_least.append((good + bad) / total)
                if peak or lost:
                    good, bad = good * (1 - p) + bad * r, good * p + bad * (1 - r)
                good, bad = good * g, bad * b
            stacked = np.stack(at_least, axis=-1)
            return stacked[..., :-1] - stacked[..., 1:]

        return self._closed(probabilities)

    def expected_correlation(self) -> Any:
        """Returns the correlation of losses in consecutive rounds; NaN where it has no meaning."""

        def correlation(p: Any, r: Any, g: Any, b: Any) -> Any:
            share, loss = _share_bad(p, r), _loss(p, r, g, b)
            return (1 - p - r) * share * (1 - share) * (b - g) ** 2 / (loss * (1 - loss))

        return self._closed(correlation)

    def _closed(self, function: Any) -> Any:
        return self.closed_form(function, "p", "r", "loss_good", "loss_bad")


def _by_state(bad: Array, if_bad: Any, if_good: Any) -> Array:
    """Returns what holds for each link's state."""
    if isinstance(if_bad, bool):
        if if_bad == if_good:
            return bad | True if if_bad else bad & False
        return bad if if_bad else ~bad
    return if_good ^ (bad & (if_good ^ if_bad))


def _share_bad(p: Any, r: Any) -> Any:
    return np.where(p > 0, p / (p + r), 0.0)


def _loss(p: Any, r: Any, g: Any, b: Any) -> Any:
    share = _share_bad(p, r)
    return (1 - share) * g + share * b
