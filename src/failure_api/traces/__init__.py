"""What happened on every link, as a value: recorded, saved, loaded and imported."""

from failure_api.traces.contacts import read_contacts
from failure_api.traces.mahimahi import read_mahimahi
from failure_api.traces.one import read_one
from failure_api.traces.recorder import Recorder, record_trace
from failure_api.traces.trace import Trace

__all__ = ["Recorder", "Trace", "read_contacts", "read_mahimahi", "read_one", "record_trace"]
