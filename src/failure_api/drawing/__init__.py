"""Pictures of models: what they do to four agents' links and content."""

from failure_api.drawing.picture import draw

__all__ = ["draw"]
