"""The parts of a shared medium: the protocols that say who may send."""

from failure_api.communication_models.medium.protocols import TDMA, MediumProtocol, SlottedAloha
from failure_api.communication_models.medium.top_k import TopK

__all__ = ["TDMA", "MediumProtocol", "SlottedAloha", "TopK"]
