"""A part of a model: a value with parameters of its own."""

from __future__ import annotations

from dataclasses import dataclass

from failure_api.core.parameters import normalise_fields


@dataclass(frozen=True, kw_only=True)
class Part:
    """A frozen, keyword-only dataclass whose fields are checked by the rules of their types.

    Models are built from parts where a user should be able to exchange one: how signals fade, how
    delays are distributed. A field whose type is a class of parts accepts its instances alone.
    """

    def __post_init__(self) -> None:
        """Checks and normalises every field that has a rule."""
        normalise_fields(self)
