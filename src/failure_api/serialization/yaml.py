"""Models to and from YAML, read by the rules of YAML 1.2 and with the line of every error."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from failure_api.errors import InvalidArgumentError, invalid
from failure_api.needs import needed
from failure_api.serialization.paths import DEEPEST, KeyPath, PlainDataError, text_of
from failure_api.serialization.reading import from_dict
from failure_api.serialization.writing import to_dict


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


LONGEST = 2**20
"""Most characters that are read: PyYAML takes seconds for as many."""


class YamlText(NamedTuple):
    """What YAML text says.

    Attributes:
        plain: Lists, dictionaries and scalars; None for an empty text.
        lines: The line of each place, counted from 1.
        named: What errors call the text: a path, or "YAML".
    """

    plain: Any
    lines: dict[KeyPath, int]
    named: str

    def located(self, error: PlainDataError, path: KeyPath) -> PlainDataError:
        """Returns an error with the line of a place, or of what is around it."""
        # Words may be spelled with hyphens.
        lines = {_underscored(known): line for known, line in self.lines.items()}
        path = _underscored(path)
        if path[1:2] == (0,) and path[:2] not in lines:
            # One model alone may stand for a list of one.
            path = (path[0], *path[2:])
        while path and path not in lines:
            path = path[:-1]
        sentence = f"{self.named}, line {lines.get(path, 1)}: {error}"
        return PlainDataError(sentence, error.path)


def _underscored(path: KeyPath) -> KeyPath:
    return tuple(step.replace("-", "_") if isinstance(step, str) else step for step in path)


def read_yaml(source: str | Path) -> YamlText:
    """Reads YAML of nothing but scalars, lists and mappings.

    Args:
        source: YAML text, or the path of a file: a `Path`, or text of one line that ends in
            `.yaml` or `.yml`.

    Raises:
        InvalidArgumentError: The file cannot be read, or is no YAML; the error tells the line.
        MissingDependencyError: PyYAML is not installed.

    Example:
        >>> read_yaml("model: delay_based").plain
        {'model': 'delay_based'}
    """
    yaml = needed("yaml", "YAML")
    text, named = _text(source)
    if len(text) > LONGEST:
        rule = f"must be no longer than {LONGEST} characters"
        remedy = "make it shorter, or give plain data from Python"
        raise invalid(named, rule, f"{text[:20]}...", remedy)
    lines: dict[KeyPath, int] = {}
    try:
        node = _composed(text, named, yaml)
        plain = None if node is None else _plain(node, (), lines, core_schema(yaml)[0](""), named)
    except yaml.YAMLError as error:
        raise _unreadable(error, named, text) from None
    except RecursionError:
        raise invalid(named, "must not be nested so deeply", text, "make it flatter") from None
    return YamlText(plain, lines, named)


def _text(source: Any) -> tuple[str, str]:
    """Returns the YAML text and what errors call it."""
    if isinstance(source, str):
        lone = "\n" not in source and re.search(r"\.ya?ml$", source.strip(), re.IGNORECASE)
        if not lone:
            return source, "YAML"
    elif not isinstance(source, Path):
        raise invalid("source", "must be YAML text or a path", source, "give text or a Path")
    path = Path(source)
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(LONGEST + 1), str(path)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        rule = f"must be a text file that can be read ({reason})"
        raise invalid("source", rule, str(path), "name another one") from None


def _composed(text: str, named: str, yaml: ModuleType) -> Any:
    """Returns the nodes of YAML that is nothing but scalars, lists and mappings."""
    loader, _ = core_schema(yaml)
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        what, remedy = "", "write the value itself"
        if depth > DEEPEST:
            what, remedy = f"values nested deeper than {DEEPEST} times", "make it flatter"
        elif getattr(event, "anchor", None):
            what = "anchors or aliases"
        elif getattr(event, "tag", None):
            what = "tags"
        if what:
            line = event.start_mark.line
            raise _refused(named, line + 1, f"must not hold {what}", _line(text, line), remedy)
    return yaml.compose(text, Loader=loader)


def _plain(node: Any, path: KeyPath, lines: dict[KeyPath, int], loader: Any, named: str) -> Any:
    """Returns a node as plain data, and notes the line of every place."""
    lines[path] = node.start_mark.line + 1
    if node.id == "sequence":
        entries = enumerate(node.value)
        return [_plain(entry, (*path, index), lines, loader, named) for index, entry in entries]
    if node.id == "mapping":
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.id != "scalar":
                rule = "must have words as keys"
                raise _refused(named, line, rule, "another mapping", "give text")
            key = loader.construct_object(key_node)
            if key in mapping:
                rule = "must hold each key once"
                raise _refused(named, line, rule, key, "leave one of the two out")
            where = (*path, str(key))
            mapping[key] = _plain(value_node, where, lines, loader, named)
            lines[where] = line
        return mapping
    try:
        return loader.construct_object(node)
    except (ValueError, OverflowError):
        spot = f"{named}, line {lines[path]}, {text_of(path, 'the value')}"
        raise invalid(spot, "must be a number", node.value, "give a shorter one") from None


def _unreadable(error: Any, named: str, text: str) -> Exception:
    mark = getattr(error, "problem_mark", None)
    # A character that YAML forbids has a position, and no mark.
    before = text[: getattr(error, "position", 0)]
    line = mark.line if mark else len(f"{before}?".splitlines()) - 1
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    rule = f"must be YAML ({' '.join(str(problem).split())})"
    return _refused(named, line + 1, rule, _line(text, line), "fix the line")


def _refused(named: str, line: int, rule: str, value: Any, remedy: str) -> InvalidArgumentError:
    return invalid(f"{named}, line {line},", rule, value, remedy)


def _line(text: str, number: int) -> str:
    return "".join(text.splitlines()[number : number + 1]).strip(" ")


_WIDTH = 88


def to_yaml(models: Any, *, defaults: bool = False) -> str:
    """Returns models as YAML text that `from_yaml` reads.

    Args:
        models: A failure model, a noise model, or a sequence of either.
        defaults: Whether parameters that have their default value are written too.

    Raises:
        InvalidArgumentError: A value that plain data cannot hold.
        MissingDependencyError: PyYAML is not installed.

    Example:
        >>> from failure_api import ProbabilisticModel
        >>> print(to_yaml([ProbabilisticModel(failure_prob=0.1)]))
        - {model: probabilistic, failure_prob: 0.1}
        <BLANKLINE>
    """
    yaml = needed("yaml", "YAML")
    plain = to_dict(models, defaults=defaults)
    options = {"sort_keys": False, "allow_unicode": True, "width": _WIDTH}
    return str(yaml.dump(plain, Dumper=core_schema(yaml)[1], default_flow_style=None, **options))


def from_yaml(source: str | Path) -> Any:
    r"""Returns the models that YAML stands for, as `from_dict` does.

    A function is imported by its name: read only what you would run. Tags, anchors and aliases
    are refused, and so is a key that comes twice.

    Args:
        source: YAML text, or the path of a file: a `Path`, or text of one line that ends in
            `.yaml` or `.yml`.

    Raises:
        InvalidArgumentError: The file cannot be read, is no YAML, or stands for no model; the
            error tells the line.
        MissingDependencyError: PyYAML is not installed.

    Example:
        >>> from_yaml("model: delay_based\nmin_delay: 0\nmax_delay: 2").max_delay
        2
    """
    text = read_yaml(source)
    try:
        return from_dict(text.plain)
    except PlainDataError as error:
        # `from_dict` gives a list that stands alone a name.
        raise text.located(error, error.path[isinstance(text.plain, list) :]) from error
