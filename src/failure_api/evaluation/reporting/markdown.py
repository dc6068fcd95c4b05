"""The report as GitHub shows it."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from failure_api.evaluation.reporting import tables
from failure_api.evaluation.reporting.curves import Curve
from failure_api.evaluation.reporting.summary import answer, subtitle_of, title_of
from failure_api.evaluation.reporting.warnings import Failure, warnings_of
from failure_api.evaluation.results import Results

_ALIGNMENT = {"text": ":---", "number": "---:", "interval": ":---"}


def markdown_of(results: Results, curves: Sequence[Curve]) -> str:
    """Returns the report in GitHub's Markdown.

    Args:
        results: What was found.
        curves: Its curves.
    """
    told = " ".join(
        f"**{escaped(label)}** {escaped(text)}" if label else escaped(text)
        for label, text in answer(results, curves)
    )
    parts = [
        f"# Robustness curve: {escaped(title_of(results))}",
        escaped(subtitle_of(results, curves)),
        told,
    ]
    for notice in warnings_of(results, curves):
        parts += [f"> **{notice.title}** {notice.text}", *map(_details, notice.failures)]
    parts.append("![Mean return against severity, with 95 % intervals](curves.png)")
    for table in tables.tables_of(results, curves):
        parts += [f"## {table.name}", table.about, _table(table)]
        parts += [table.note] if table.note else []
    parts += ["## Do it again", f"Seed: {escaped(tables.seeds_text(results))}."]
    parts += [_fenced(tables.specification_text(results), "yaml")]
    for run in tables.runs_of(results):
        items = ((key, (_code if key == "Command" else escaped)(text)) for key, text in run.items())
        parts.append("\n".join(f"- {key}: {text}" for key, text in items))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""Returns text of one line that Markdown shows as it is.

    Example:
        >>> escaped("a|b <i> *c* snake_case _d_")
        'a\\|b &lt;i&gt; \\*c\\* snake_case \\_d\\_'
    """
    line = html.escape(" ".join(text.split()), quote=False)
    line = re.sub(r"([\\`*\[\]|~$#])", r"\\\1", line)
    # Within a word it marks nothing.
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)


def _details(failure: Failure) -> str:
    # Within HTML a backslash would be shown.
    summary = html.escape(" ".join(failure.title.split()))
    return f"<details><summary>{summary}</summary>\n\n{_fenced(failure.traceback)}\n\n</details>"


def _table(table: tables.Table) -> str:
    lines = [
        [escaped(column.name) for column in table.columns],
        [_ALIGNMENT[column.kind] for column in table.columns],
        *([escaped(text) for text in row] for row in table.rows()),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    line = " ".join(text.split())
    ticks = _longer_than_within(line, 0)
    return f"{ticks} {line} {ticks}" if "`" in line else f"`{line}`"


def _fenced(text: str, language: str = "") -> str:
    fence = _longer_than_within(text, 2)
    return f"{fence}{language}\n{text}\n{fence}"


def _longer_than_within(text: str, least: int) -> str:
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    return "`" * (max(longest, least) + 1)
