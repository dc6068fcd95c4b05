"""Finding models: by name, as plain dictionaries and YAML, described and drawn."""

from failure_api.catalogue.describe import Description, describe, models
from failure_api.catalogue.picture import draw
from failure_api.catalogue.places import PlainDataError
from failure_api.catalogue.reading import from_dict
from failure_api.catalogue.registry import BrokenPluginError, find
from failure_api.catalogue.writing import to_dict
from failure_api.catalogue.yaml_files import from_yaml, to_yaml

__all__ = [
    "BrokenPluginError",
    "Description",
    "PlainDataError",
    "describe",
    "draw",
    "find",
    "from_dict",
    "from_yaml",
    "models",
    "to_dict",
    "to_yaml",
]
