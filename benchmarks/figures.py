"""The pictures of the documentation that the catalogue does not draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from failure_api import (
    BandwidthModel,
    DistanceModel,
    GilbertElliottModel,
    JammingModel,
    PartitionModel,
    ProbabilisticModel,
    RandomizedModel,
    RateLimitModel,
    SignalBasedModel,
)
from failure_api.communication_models import delay as delays
from failure_api.communication_models import jamming as jammers
from failure_api.communication_models import radio
from failure_api.communication_models.shared_medium import TDMA, SlottedAloha, TopK
from failure_api.core import Chain, Channel, Context, NumpyStream
from failure_api.presets import darpa_subt, esp_now, uav_80211

BLUE, RED, YELLOW, GREY, GREEN = "#0b4f6c", "#b2402f", "#f2b134", "#8a8a8a", "#4f8a5b"
PALE = "#d7e6ee"
PALETTE = (BLUE, RED, YELLOW, GREEN, GREY)

BURSTY = GilbertElliottModel(p=0.05, r=0.25)

Picture = Callable[[Figure], None]


def arrivals(models: Any, rounds: int, agents: int = 2, positions: Any = None) -> tuple[Any, Any]:
    """Returns what arrives on each link, and how old its newest message is; `[T, ..., N, N]`."""
    channel, random = Channel(chain=Chain(models=models)), NumpyStream(0)
    ids = tuple(f"agent_{index}" for index in range(agents))
    batch = () if positions is None else positions.shape[:-2]
    alive, shape = np.ones((*batch, agents), dtype=bool), (*batch, agents, agents)
    state, arrived, age = None, [], []
    for number in range(rounds):
        context = Context(number, alive, positions, np, shape, ids)
        if state is None:
            parameters = channel.prepare(context)
            state = channel.init(parameters, context, random)
        state, delivery = channel.step(parameters, state, context, random)
        arrived.append(delivery.sent >= 0)
        age.append(number - delivery.newest)
    return np.array(arrived), np.array(age)


def axes_of(figure: Figure, columns: int = 1, **options: Any) -> Any:
    """Returns axes without the lines above and on the right."""
    axes = figure.subplots(1, columns, squeeze=False, **options)[0]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return axes[0] if columns == 1 else axes


def burst_age(figure: Figure) -> None:
    """Draws the age of information against the length of bursts, at equal loss."""
    axes = axes_of(figure)
    apart = ~np.eye(20, dtype=bool)
    for color, loss in zip(PALETTE, (0.5, 0.3, 0.1), strict=False):
        lengths = np.linspace(1 / (1 - loss), 20, 60)
        bursty = [GilbertElliottModel.from_loss_and_burst(loss, length) for length in lengths]
        expected = [model.expected_age() for model in bursty]
        axes.plot(lengths, expected, color=color, label=f"{loss:.0%} lost, in bursts")
        for length in (2, 4, 8, 12, 16, 20):
            _, age = arrivals(GilbertElliottModel.from_loss_and_burst(loss, length), 4000, 20)
            axes.plot(length, age[200:, apart].mean(), "o", color=color, markersize=5)
        axes.plot(
            1 / (1 - loss),
            ProbabilisticModel(failure_prob=loss).expected_age(),
            "D",
            color=color,
            markersize=8,
            markerfacecolor="white",
            clip_on=False,
        )
    axes.plot([], [], "o", color=GREY, label="simulated")
    axes.plot([], [], "D", color=GREY, markerfacecolor="white", label="independent losses")
    axes.set(
        xlabel="mean burst length (rounds)", ylabel="mean age (rounds)", ylim=0, xlim=(0, 20.5)
    )
    axes.set_xticks((1, *range(4, 21, 4)))
    axes.legend(frameon=False)


def partition_patterns(figure: Figure) -> None:
    """Draws which links each pattern cuts between five agents."""
    names = ("halves", "isolate", "minority_third", "bridge", "majorities_ring")
    for axes, name in zip(axes_of(figure, len(names)), names, strict=True):
        arrived, _ = arrivals(PartitionModel(pattern=name), 1, 5)
        shown = np.where(np.eye(5, dtype=bool), np.nan, arrived[0])
        axes.imshow(shown, cmap=ListedColormap([RED, PALE]), vmin=0, vmax=1)
        axes.set_title(f"{name}\n{PartitionModel(pattern=name).cut_links(5)} of 20 cut", fontsize=9)
        axes.set_xticks(range(5))
        axes.set_yticks(range(5))
        axes.set_xticks(np.arange(0.5, 4), minor=True)
        axes.set_yticks(np.arange(0.5, 4), minor=True)
        axes.grid(which="minor", color="white", linewidth=2)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("receiver")
    figure.axes[0].set_ylabel("sender")


def reception(figure: Figure) -> None:
    """Draws the probability that a message is read against the distance."""
    axes = axes_of(figure)
    distance = np.linspace(1, 400, 400)
    shadows = radio.LogNormalShadowing(standard_deviation=6.0, decorrelation_distance=20.0)
    packets = radio.PacketError(modulation="qpsk", message_bits=1000)
    kinds = {
        "path loss and a threshold alone": SignalBasedModel(),
        "with 6 dB of shadowing": SignalBasedModel(shadowing=shadows),
        "with Rayleigh fading": SignalBasedModel(fading=radio.Rayleigh()),
        "with packet errors, QPSK, 1000 bits": SignalBasedModel(reception=packets),
    }
    for (label, model), color in zip(kinds.items(), PALETTE, strict=False):
        axes.plot(distance, model.reception_probability(distance), color=color, label=label)
    axes.set(xlabel="distance (m)", ylabel="probability that a message is read", ylim=(0, 1.04))
    axes.set_xlim(0, 400)
    axes.legend(frameon=False)


def delay_distributions(figure: Figure) -> None:
    """Draws how likely each delay is under distributions of the same mean."""
    mean = 3.0
    kinds = {
        "ConstantDelay": delays.ConstantDelay(rounds=mean),
        "UniformDelay": delays.UniformDelay(low=0, high=2 * mean),
        "NormalDelay": delays.NormalDelay(mean=mean, standard_deviation=1.2),
        "GeometricDelay": delays.GeometricDelay(mean=mean),
        "ParetoDelay": delays.ParetoDelay.from_mean(mean, shape=1.5),
    }
    whole = np.arange(-1.0, 13.0)
    for axes, (name, kind) in zip(axes_of(figure, 5, sharey=True), kinds.items(), strict=True):
        below = kind.cumulative(whole)
        below[0] = 0.0
        axes.bar(whole[1:], np.diff(below), color=BLUE, width=0.8)
        axes.axvline(mean, color=RED, linestyle="--", linewidth=1)
        axes.set_title(name, fontsize=10)
        axes.set(xlabel="delay (rounds)", xlim=(-0.7, 12.7), ylim=(0, 1))
    figure.axes[0].set_ylabel("probability")


def capacity_age(figure: Figure) -> None:
    """Draws the age of information against the capacity, for several queues."""
    axes = axes_of(figure)
    capacities = np.arange(10, 100) / 100
    queues = {
        "drop-tail, 10 places": {"queue_length": 10},
        "drop-tail, 4 places": {"queue_length": 4},
        "drop-tail, 2 places": {"queue_length": 2},
        "newest first": {"drop": "newest_first"},
    }
    for (label, options), color in zip(queues.items(), PALETTE, strict=False):
        found = [BandwidthModel(capacity=c, **options).expected_age() for c in capacities]
        axes.plot(capacities, found, color=color, label=label)
    axes.set_yscale("log")
    axes.set_yticks((1, 2, 5, 10, 20, 50, 100), ("1", "2", "5", "10", "20", "50", "100"))
    axes.set(xlabel="capacity (messages per round)", ylabel="mean age (rounds)", xlim=(0.1, 1))
    axes.minorticks_off()
    axes.legend(frameon=False)


def medium_age(figure: Figure) -> None:
    """Draws what a shared channel carries, and how old news is, for teams of several sizes."""
    carried, old = axes_of(figure, 2)
    teams = np.arange(2, 31)
    kinds: dict[str, Callable[[int], Any]] = {
        "SlottedAloha, p = 1/N": lambda n: SlottedAloha(transmit_prob=1 / n),
        "SlottedAloha, p = 0.1": lambda n: SlottedAloha(transmit_prob=0.1),
        "TopK, at random": lambda n: TopK(count=1),
        "TDMA": lambda n: TDMA(),
    }
    for (label, kind), color in zip(kinds.items(), (RED, YELLOW, GREEN, BLUE), strict=True):
        # Two of them carry as much: the dashes let the other one be seen.
        style = {"color": color, "linestyle": "--" if label == "TDMA" else "-", "label": label}
        style["linewidth"] = 3 if label == "TopK, at random" else 1.5
        carried.plot(teams, [kind(n).throughput(int(n)) for n in teams], **style)
        old.plot(teams, [kind(n).expected_age(int(n)) for n in teams], **style)
    carried.set(xlabel="agents", ylabel="broadcasts that get through, a round", ylim=(0, 1.05))
    old.set(xlabel="agents", ylabel="mean age (rounds)", ylim=(0, 90))
    old.legend(frameon=False)


def jamming_map(figure: Figure) -> None:
    """Draws where a sender is still heard while a jammer sends, for both effects."""
    grid = np.linspace(-1, 1, 81)
    receivers = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 1, 2)
    sender, jammer = np.array([-0.4, -0.2]), np.array([0.4, 0.3])
    positions = np.concatenate((np.broadcast_to(sender, receivers.shape), receivers), axis=1)
    fixed = jammers.FixedJammers(positions=[jammer.tolist()])
    loud = jammers.RaiseInterference(
        transmit_power=10.0, fading=radio.Rayleigh(), metres_per_unit=100.0
    )
    chains = {
        "BlockReception(radius=0.5)": [
            JammingModel(jammers=fixed, effect=jammers.BlockReception(radius=0.5))
        ],
        "RaiseInterference, then SignalBasedModel": [
            JammingModel(jammers=fixed, effect=loud),
            SignalBasedModel(fading=radio.Rayleigh(), metres_per_unit=100.0),
        ],
    }
    for axes, (title, chain) in zip(axes_of(figure, 2), chains.items(), strict=True):
        arrived, _ = arrivals(chain, 300, positions=positions.astype(np.float32))
        heard = arrived[..., 0, 1].mean(axis=0).reshape(grid.size, -1)
        image = axes.imshow(
            heard, origin="lower", extent=(-1, 1, -1, 1), cmap="Blues", vmin=0, vmax=1
        )
        for place, name, mark, color in (
            (sender, "sender", "o", YELLOW),
            (jammer, "jammer", "X", RED),
        ):
            axes.plot(*place, mark, color=color, markersize=11, markeredgecolor="black")
            box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
            axes.text(place[0] + 0.09, place[1] - 0.04, name, fontsize=9, bbox=box)
        axes.set_title(title, fontsize=10)
        axes.set(xlabel="x of the receiver", ylabel="y of the receiver")
    figure.colorbar(image, ax=figure.axes, label="share of messages heard")


def randomized_episodes(figure: Figure) -> None:
    """Draws the loss in each of many episodes, with parameters that are fixed or drawn."""
    drawn = RandomizedModel(model=BURSTY, parameters={"p": (0.005, 0.2), "r": (0.1, 0.5)})
    episodes, apart = 60, ~np.eye(6, dtype=bool)
    # Every episode is one element of a batch; positions say no more than how many there are.
    nowhere = np.zeros((episodes, 6, 2), dtype=np.float32)
    titles = ("GilbertElliottModel(p=0.05, r=0.25)", "the same, with p and r drawn")
    for axes, title, model in zip(
        axes_of(figure, 2, sharey=True), titles, (BURSTY, drawn), strict=True
    ):
        arrived, _ = arrivals(model, 100, 6, nowhere)
        loss = 1 - arrived[..., apart].mean(axis=(0, 2))
        axes.bar(range(episodes), loss, color=BLUE, width=0.8)
        axes.axhline(loss.mean(), color=RED, linestyle="--", linewidth=1.2)
        axes.set_title(title, fontsize=10)
        axes.set(xlabel="episode", xlim=(-0.7, episodes - 0.3))
    figure.axes[0].set_ylabel("share of messages lost")


def presets_reach(figure: Figure) -> None:
    """Draws how much arrives over a distance under the presets that need positions."""
    axes = axes_of(figure)
    distance = np.geomspace(2, 1000, 600)
    chains = {
        'darpa_subt("tunnel")': darpa_subt("tunnel", round_duration=0.1, message_bits=8000),
        'darpa_subt("cave")': darpa_subt("cave", round_duration=0.1, message_bits=8000),
        "esp_now(5)": esp_now(5, round_duration=0.1),
        "uav_80211()": uav_80211(),
    }
    for (label, chain), color in zip(chains.items(), PALETTE, strict=False):
        arrives = np.ones_like(distance)
        for model in chain:
            if isinstance(model, DistanceModel):
                arrives = arrives * (distance <= model.distance_threshold)
            elif isinstance(model, SignalBasedModel):
                arrives = arrives * model.reception_probability(distance)
            elif not isinstance(model, RateLimitModel):
                # What the limit takes depends on the team and not on the distance.
                arrives = arrives * (1 - model.expected_loss())
        axes.plot(distance, arrives, color=color, label=label)
    axes.set_xscale("log")
    ticks = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="distance (m)", ylabel="share of messages that arrive", ylim=(0, 1.04))
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(0.28, 0.4))


PICTURES: dict[str, tuple[Picture, tuple[float, float]]] = {
    "burst_age": (burst_age, (7, 4)),
    "partition_patterns": (partition_patterns, (10, 2.5)),
    "reception": (reception, (7, 4)),
    "delay_distributions": (delay_distributions, (10, 2.6)),
    "capacity_age": (capacity_age, (7, 4)),
    "medium_age": (medium_age, (9, 3.6)),
    "jamming_map": (jamming_map, (9.5, 4.2)),
    "randomized_episodes": (randomized_episodes, (9, 3.2)),
    "presets_reach": (presets_reach, (7, 4)),
}
"""Each picture, and its size in inches."""
