"""Traces: every link of an episode as a value, saved, loaded and imported."""

from failure_api.traces.contacts import read_contacts, read_one
from failure_api.traces.mahimahi import read_mahimahi
from failure_api.traces.trace import Trace

__all__ = ["Trace", "read_contacts", "read_mahimahi", "read_one"]
