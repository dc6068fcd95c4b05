"""The PettingZoo adapters. No failure logic here."""

from failure_api.wrappers.aec import CommunicationWrapper
from failure_api.wrappers.noise import NoiseWrapper, NoiseWrapperParallel
from failure_api.wrappers.parallel import CommunicationWrapperParallel
from failure_api.wrappers.recorder import Recorder, record_trace

__all__ = [
    "CommunicationWrapper",
    "CommunicationWrapperParallel",
    "NoiseWrapper",
    "NoiseWrapperParallel",
    "Recorder",
    "record_trace",
]
