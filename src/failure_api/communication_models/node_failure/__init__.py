"""Nodes that crash, fall silent or deaf: one by one, on a schedule or together."""

from __future__ import annotations

from failure_api.communication_models.node_failure.model import NodeFailureModel

__all__ = ["NodeFailureModel"]
