"""Pure array code: links, models, random streams and the channel. No environment, no space."""

from failure_api.core.chain import Chain
from failure_api.core.channel import Channel, ChannelState, Delivery
from failure_api.core.links import Array, Context, Links
from failure_api.core.model import CommunicationModel
from failure_api.core.parameters.types import Bandwidth, Distance, Period, Probability, Rounds
from failure_api.core.queue import Queue
from failure_api.core.random.numpy_stream import NumpyStream
from failure_api.core.random.stream import RandomStream
from failure_api.core.traits import Stage, Traits

__all__ = [
    "Array",
    "Bandwidth",
    "Chain",
    "Channel",
    "ChannelState",
    "CommunicationModel",
    "Context",
    "Delivery",
    "Distance",
    "Links",
    "NumpyStream",
    "Period",
    "Probability",
    "Queue",
    "RandomStream",
    "Rounds",
    "Stage",
    "Traits",
]
