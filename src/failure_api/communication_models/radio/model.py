"""Radio: a signal weakens on its way, and a receiver reads what stands out of the noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from failure_api.communication_models.distance import squared_distances
from failure_api.communication_models.radio.fading import Fading
from failure_api.communication_models.radio.path_loss import (
    Floats,
    LogDistance,
    MetresPerUnit,
    PathLoss,
    TransmitPower,
    decibels,
    milliwatts,
)
from failure_api.communication_models.radio.reception import (
    Noise,
    NoiseFloor,
    Reception,
    SnrThreshold,
)
from failure_api.communication_models.radio.shadowing import Shadowing, mirrored, upper_triangle
from failure_api.core import Array, CommunicationModel, Context, Links, RandomStream, Traits
from failure_api.core.parameters.rules import numbers
from failure_api.errors import invalid

BLOCKED = 1000.0
"""Loss in dB of a link that an obstacle cuts, or of which it gives no number."""

THRESHOLDS = 513
"""Thresholds that stand for a reception which rises gradually."""


@dataclass(frozen=True, kw_only=True)
class SignalBasedModel(CommunicationModel):
    r"""A link works in a round if its receiver can read the signal, from power to packet error.

    The signal is $P_t - L(d) + S + 10 \log_{10} X$ dBm with path loss $L$, shadowing $S$ and
    fading $X$. It is read with the probability that `reception` gives to
    $\text{SINR} = \text{signal} - 10 \log_{10}(N + I)$, where $N$ is the noise floor and $I$ the
    interference that earlier models of the chain have raised, as `JammingModel` does.

    Args:
        transmit_power: Power of the senders, with antenna gains, in dBm: a number, an `[N, N]`
            array indexed `[sender, receiver]`, or `{(sender, receiver): power}`.
        path_loss: `Friis`, `LogDistance` or `TwoRayGround`.
        shadowing: `LogNormalShadowing`, or `IndependentShadowing`; None for none.
        fading: `Rayleigh`, `Rician` or `Nakagami`; None for none.
        noise_floor: A `NoiseFloor`, or its power in dBm.
        reception: `SnrThreshold`, `LogisticReception`, `PacketError` or `SubtPacketError`.
        metres_per_unit: How many metres one unit of the agents' positions is.
        obstacles: A function of the positions, `[..., N, dim]` in the environment's units, that
            returns `[..., N, N]`: either by how many dB each link is weakened, or True where it
            is cut. It gets, and returns, arrays of `context.xp`: NumPy's under the wrappers.
        agent_ids: Confines the model to links among these agents; None takes all.

    Raises:
        InvalidArgumentError: A number outside of its bounds, a part of another kind, or obstacles
            that return something else.

    Example:
        >>> SignalBasedModel().reception_probability([50.0, 100.0, 200.0]).tolist()
        [1.0, 1.0, 0.0]
        >>> from failure_api.communication_models.radio import LogDistance, LogNormalShadowing
        >>> model = SignalBasedModel(
        ...     path_loss=LogDistance(exponent=2.5, reference_loss=40.0),
        ...     shadowing=LogNormalShadowing(standard_deviation=4.0, decorrelation_distance=10.0),
        ...     reception=SnrThreshold(threshold=0.0),
        ...     noise_floor=-90.0,
        ... )
        >>> round(model.reception_probability(400.0), 6)
        0.89198

    Source: Rappaport (2002); ns-3, model library, "Propagation" and "Wi-Fi error models".
    """

    EXAMPLE: ClassVar = {
        "shadowing": {
            "type": "log_normal_shadowing",
            "standard_deviation": 6.0,
            "decorrelation_distance": 20.0,
        },
        "fading": "rayleigh",
        "metres_per_unit": 100.0,
    }

    transmit_power: TransmitPower = 20.0
    path_loss: PathLoss = LogDistance()  # noqa: RUF009
    shadowing: Shadowing | None = None
    fading: Fading | None = None
    noise_floor: Noise = NoiseFloor()  # noqa: RUF009
    reception: Reception = SnrThreshold()  # noqa: RUF009
    metres_per_unit: MetresPerUnit = 1.0
    obstacles: Callable[..., Any] | None = None

    @property
    def traits(self) -> Traits:
        """Loss on the air by where the agents are, and by the interference of earlier models."""
        return Traits(positions=True, hears_interference=True)

    @property
    def noise_dbm(self) -> float:
        """The noise floor, in dBm."""
        floor = self.noise_floor
        return floor.dbm() if isinstance(floor, NoiseFloor) else floor

    def prepare(self, context: Context) -> Any:
        """Returns the power, the tables, and the upper triangle for what is reciprocal."""
        xp, fading, shadowing = context.xp, self.fading, self.shadowing
        reciprocal = fading is not None and fading.reciprocal
        return {
            **super().prepare(context),
            "fading": () if fading is None else fading.prepare(xp),
            "shadowing": () if shadowing is None else shadowing.prepare(context),
            "reception": self.reception.prepare(xp),
            "upper": upper_triangle(context.shape[-1], xp) if reciprocal else (),
        }

    def init(self, parameters: Any, context: Context, random: RandomStream) -> Any:
        """Returns the shadowing, drawn for where the agents are; () where there is none."""
        if self.shadowing is None:
            return ()
        return self.shadowing.init(parameters["shadowing"], context, random.child("shadowing"))

    def step(
        self, parameters: Any, state: Any, links: Links, context: Context, random: RandomStream
    ) -> tuple[Any, Links]:
        """Returns the next shadowing, and the links with what is not read lost."""
        if self.shadowing is not None:
            known, draws = parameters["shadowing"], random.child("shadowing")
            state = self.shadowing.step(known, state, context, self.metres_per_unit, draws)
        return state, self._read(parameters, state, links, context, random)

    def attempt(
        self,
        parameters: Any,
        state: Any,
        following: Any,
        links: Links,
        context: Context,
        random: RandomStream,
    ) -> Links:
        """Returns the links with fading and reception drawn anew under the shadowing's say."""
        if self.shadowing is not None:
            known, draws = parameters["shadowing"], random.child("shadowing")
            following = self.shadowing.attempt(known, following, context, draws)
        return self._read(parameters, following, links, context, random)

    def _read(
        self, parameters: Any, shadows: Any, links: Links, context: Context, random: RandomStream
    ) -> Links:
        """Returns the links with what is not read lost, under the shadowing of this round."""
        xp, floor, reception = context.xp, self.noise_dbm, self.reception
        positions: Array = context.positions
        # One array of ratios from beginning to end: what is kept beside it costs time.
        ratio = (parameters["transmit_power"] - floor) - self.path_loss.loss(
            squared_distances(positions * self.metres_per_unit, xp), xp
        )
        if self.shadowing is not None:
            ratio = ratio + self.shadowing.gain(shadows)
        if self.fading is not None:
            uniform = random.child("fading").uniform(context.shape)
            gain = self.fading.gain(parameters["fading"], uniform, xp)
            mirror = self.fading.reciprocal
            ratio = ratio + (mirrored(gain, parameters["upper"], xp) if mirror else gain)
        if self.obstacles is not None:
            ratio = ratio - _obstruction(self.obstacles(positions), context)
        heard: Any = 1.0
        if reception.sensitivity is not None:
            heard = xp.astype(ratio >= reception.sensitivity - floor, xp.float32)
        if links.interference is not None:
            share = float(milliwatts(np.asarray(-floor), np))
            ratio = ratio - decibels(1.0 + links.interference * share, xp)
        probability = reception.probability(parameters["reception"], ratio, xp) * heard
        return links.lose(~random.child("reception").bernoulli(probability, context.shape))

    def reception_probability(self, distance: Any) -> Any:
        """Returns the probability that a message is read, without obstacles or interference.

        It is the mean over fading and shadowing, to about 1e-5 where `reception` is gradual and
        exact otherwise.

        Args:
            distance: Between sender and receiver, in units of the positions, of any shape.

        Returns:
            A float or an array of the distance's shape, which also broadcasts to `transmit_power`
            where that is an array; `{(sender, receiver): probability}` where that is a mapping.

        Raises:
            InvalidArgumentError: A distance that is negative or not finite.
        """
        distances = numbers(distance)
        if distances is None or not (np.isfinite(distances) & (distances >= 0)).all():
            rule, remedy = "must be finite and at least 0", "give units of the positions"
            raise invalid("distance", rule, distance, remedy)
        with np.errstate(over="ignore"):
            loss = self.path_loss.loss((distances * self.metres_per_unit) ** 2, np)
        return self.closed_form(lambda power: self._mean_success(power - loss), "transmit_power")

    def _mean_success(self, signal: Floats) -> Floats:
        """Returns the probability that a message is read, for signals of any shape, in dBm.

        A probability that rises with the signal is a mixture of thresholds. For each of them the
        distributions of fading and shadowing say how often the signal exceeds it.
        """
        reception, noise = self.reception, self.noise_dbm
        least = -np.inf if reception.sensitivity is None else reception.sensitivity
        if self.fading is None and self.shadowing is None:
            return np.where(signal >= least, reception.success(signal - noise), 0.0)
        ratios = reception.transition(THRESHOLDS)
        success = reception.success(ratios)
        # What is read at the weakest is read from the sensitivity on.
        thresholds = np.append(0.5 * (ratios[1:] + ratios[:-1]) + noise, -np.inf)
        weights = np.append(np.diff(success), success[0])
        chosen = weights != 0.0
        thresholds, weights = np.maximum(thresholds[chosen], least), weights[chosen]
        found = [(weights * self._exceeds(thresholds - one)).sum() for one in signal.ravel()]
        return np.reshape(found, signal.shape)

    def _exceeds(self, gain: Floats) -> Floats:
        """Returns the probability of a gain by fading and shadowing, in dB, at least so great."""
        fading, shadowing = self.fading, self.shadowing
        if fading is None:
            assert shadowing is not None
            return shadowing.survival(gain)
        if shadowing is None:
            return fading.survival(10.0 ** (gain / 10.0))
        levels, weights = shadowing.levels()
        faded = fading.survival(10.0 ** ((gain[:, None] - levels) / 10.0))
        return np.asarray(faded @ weights)


def _obstruction(loss: Any, context: Context) -> Array:
    """Returns what a function of obstacles gave as losses in dB, or raises what is wrong."""
    xp, shape = context.xp, getattr(loss, "shape", None)
    fits = shape in (context.shape, context.shape[-2:]) and hasattr(loss, "dtype")
    # Walls that never change may come as a NumPy array, whatever the positions are.
    loss = xp.asarray(loss) if fits else loss
    if not (fits and xp.isdtype(loss.dtype, ("bool", "integral", "real floating"))):
        rule = f"must return an array of numbers or flags of shape {context.shape}"
        raise invalid("obstacles", rule, loss, "give dB or True for each [sender, receiver]")
    weakened = xp.astype(loss, xp.float32)
    if xp.isdtype(loss.dtype, "bool"):
        return weakened * BLOCKED
    return xp.where(xp.isnan(weakened), BLOCKED, weakened)
