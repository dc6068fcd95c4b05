"""Policies by name, and a check of their actions."""

from failure_api.evaluation.policies.actions import check_actions
from failure_api.evaluation.policies.names import check_policy_name, make_policy
from failure_api.evaluation.policies.policy import Policy

__all__ = ["Policy", "check_actions", "check_policy_name", "make_policy"]
