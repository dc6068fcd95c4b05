"""Models to and from plain dictionaries and YAML."""

from failure_api.serialization.paths import PlainDataError
from failure_api.serialization.reading import from_dict
from failure_api.serialization.writing import to_dict
from failure_api.serialization.yaml import from_yaml, to_yaml

__all__ = ["PlainDataError", "from_dict", "from_yaml", "to_dict", "to_yaml"]
