"""The report as one page that needs nothing but a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

from failure_api.evaluation.reporting import tables
from failure_api.evaluation.reporting.curves import Curve
from failure_api.evaluation.reporting.playback import playback_of
from failure_api.evaluation.reporting.plot import plot_of
from failure_api.evaluation.reporting.summary import Sentence, answer, subtitle_of, title_of
from failure_api.evaluation.reporting.texts import SPACE, percents, printable
from failure_api.evaluation.reporting.warnings import Notice, warnings_of
from failure_api.evaluation.results import Results
from failure_api.needs import needed


def page_of(results: Results, curves: Sequence[Curve]) -> str:
    """Returns the report as HTML that loads nothing from anywhere.

    Args:
        results: What was found.
        curves: Its curves.

    Raises:
        MissingDependencyError: plotly is not installed.
    """
    plotly = needed("plotly.offline", "The page of a report", "evaluation")
    playback = playback_of(results, curves)
    player = f'<p class="note">{escape(playback.note)}</p>'
    scripts = [plotly.get_plotlyjs(), _read("plot.js")]
    if playback.data:
        player = Template(_read("player.html")).substitute(note=escape(playback.note))
        scripts += [_read("graph.js"), _read("player.js")]
    return Template(_read("page.html")).substitute(
        policy=_policy(scripts),
        title=escape(title_of(results)),
        subtitle=escape(subtitle_of(results, curves)),
        style=_read("style.css"),
        answer=" ".join(map(_sentence, answer(results, curves))),
        warnings="\n".join(map(_warning, warnings_of(results, curves))),
        severity=escape(printable(results.severity)),
        key=escape(_key(results, curves)),
        player=player,
        tables="\n".join(map(_table, tables.tables_of(results, curves))),
        again=_again(results),
        plot_data=embedded(plot_of(results, curves)),
        player_data=embedded(playback.data),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _key(results: Results, curves: Sequence[Curve]) -> str:
    """Returns what the signs in the plot mean."""
    parts = [
        f"{'Bands' if results.is_ordered else 'Bars'} are 95{SPACE}% intervals.",
        "A return is the mean over the team.",
        "Dashed lines are perfect communication.",
    ]
    if any(math.isfinite(curve.breaking_point[0]) for curve in curves):
        lost = f"where it has lost more than {percents([results.share])[0]} of its return"
        parts.append(f"An open diamond marks where a curve breaks: {lost}.")
    parts.append("Choose a name to hide or show its curve.")
    return " ".join(parts)


def embedded(plain: Any) -> str:
    r"""Returns plain data as JSON that can stand within a page's script.

    Example:
        >>> print(embedded({"label": "</script>"}))
        {"label":"\u003c/script>"}
    """
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _policy(scripts: Sequence[str]) -> str:
    """Returns what the browser is to allow: these scripts, and no request to anywhere.

    Even if a name ever got into the page as markup, its script would not run.
    """
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()) for script in scripts)
    allowed = " ".join(f"'sha256-{digest.decode()}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _sentence(sentence: Sentence) -> str:
    label = f"<strong>{escape(sentence.label)}</strong> " if sentence.label else ""
    return f"<span>{label}{escape(sentence.text)}</span>"


def _warning(notice: Notice) -> str:
    details = "".join(
        f"<details><summary>{escape(failure.title)}</summary>"
        f'<pre tabindex="0">{escape(failure.traceback)}</pre></details>'
        for failure in notice.failures
    )
    text = f"<p><strong>{notice.title}</strong> {escape(notice.text)}</p>{details}"
    return f'<div class="warning" role="note">{text}</div>'


def _table(table: tables.Table) -> str:
    head = "".join(
        f'<th scope="col" class="{column.kind}">{escape(column.name)}</th>'
        for column in table.columns
    )
    kinds = [column.kind for column in table.columns]
    body = "\n".join(f"<tr>{''.join(map(_cell, kinds, row))}</tr>" for row in table.rows())
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<h3>{escape(table.name)}</h3>\n<p class="note">{escape(table.about)}</p>\n'
        f'<div class="box" tabindex="0" role="region" aria-label="{escape(table.name)}">\n'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>\n</div>{note}"
    )


def _cell(kind: str, text: str) -> str:
    # A long name is cut by the style sheet; pointing at it shows it whole.
    title = f' title="{escape(text)}"' if kind == "text" else ""
    return f'<td class="{kind}"{title}>{escape(text)}</td>'


def _again(results: Results) -> str:
    lists = [f"<dl><dt>Seed</dt><dd>{escape(tables.seeds_text(results))}</dd></dl>"]
    for run in tables.runs_of(results):
        entries = {key: escape(text) for key, text in run.items()}
        if "Command" in entries:
            entries["Command"] = f"<code>{entries['Command']}</code>"
        rows = "".join(f"<dt>{key}</dt><dd>{text}</dd>" for key, text in entries.items())
        lists.append(f"<dl>{rows}</dl>")
    return "\n".join(
        [*lists, f'<pre tabindex="0">{escape(tables.specification_text(results))}</pre>']
    )
