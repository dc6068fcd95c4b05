"""PyYAML, made to follow the core schema of YAML 1.2."""

from __future__ import annotations

import functools
import re
from typing import Any


@functools.cache
def core_schema(yaml: Any) -> tuple[Any, Any]:
    """Returns PyYAML's safe loader and dumper with the scalars of YAML 1.2's core schema.

    By YAML 1.1, `1e-3` is text, `no` is False, `1:30` is 90 and `2020-01-01` is a day.
    """
    patterns = {
        "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        "int": (r"^[-+]?[0-9]+$", list("-+0123456789")),
        "float": (
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
            list("-+0123456789."),
        ),
    }

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        pass

    def integer(loader: Any, node: Any) -> int:
        return int(loader.construct_scalar(node))

    def text(dumper: Any, held: str) -> Any:
        # PyYAML would write these line breaks as they are, and read them as spaces.
        style = '"' if re.search("[\x85\u2028\u2029]", held) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", held, style=style)

    Dumper.add_representer(str, text)
    for kind, (pattern, first) in patterns.items():
        for user in (Loader, Dumper):
            user.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), first)
    # PyYAML would take a leading 0 for base 8.
    Loader.add_constructor("tag:yaml.org,2002:int", integer)
    return Loader, Dumper
