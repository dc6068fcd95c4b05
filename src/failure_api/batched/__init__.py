"""Failing links for whole batches of teams at once, under NumPy, PyTorch and JAX."""

from failure_api.batched.channel import BatchedChannel, BatchedState
from failure_api.batched.content import Received
from failure_api.batched.exchanges import BatchedExchange, bind

__all__ = ["BatchedChannel", "BatchedExchange", "BatchedState", "Received", "bind"]
