"""Finding models: by name, as plain dictionaries and YAML, and described."""

from failure_api.catalogue.describe import Description, describe, models
from failure_api.serialization.paths import PlainDataError
from failure_api.serialization.reading import from_dict
from failure_api.serialization.registry import BrokenPluginError, find
from failure_api.serialization.writing import to_dict
from failure_api.serialization.yaml import from_yaml, to_yaml

__all__ = [
    "BrokenPluginError",
    "Description",
    "PlainDataError",
    "describe",
    "find",
    "from_dict",
    "from_yaml",
    "models",
    "to_dict",
    "to_yaml",
]
