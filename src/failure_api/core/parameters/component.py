"""A part of a model: a value with parameters of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields

from failure_api.core.parameters.fields import normalise_fields
from failure_api.errors import invalid

DEEPEST = 20
"""Most parts that hold each other: each takes some calls within calls."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """A frozen, keyword-only dataclass whose fields are checked by the rules of their types.

    Models are built from parts where a user should be able to exchange one: how signals fade, how
    delays are distributed. A field whose type is a class of parts accepts its instances alone.
    """

    def __post_init__(self) -> None:
        """Checks and normalises every field that has a rule, and that parts are not too deep."""
        normalise_fields(self)
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        parts = {name: part for name, part in held.items() if isinstance(part, Component)}
        depths = {name: getattr(part, "_depth", 1) for name, part in parts.items()}
        name = max(depths, key=depths.__getitem__, default="")
        depth = 1 + depths.get(name, 0)
        if depth > DEEPEST:
            rule = f"must hold at most {DEEPEST} parts within each other"
            raise invalid(name, rule, depth, "hold fewer")
        object.__setattr__(self, "_depth", depth)
