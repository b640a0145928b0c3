"""One page that holds everything: tables that stand without a script, pictures drawn by one, nothing loaded from afar.

The tables are written here; ``assets/page.js`` sorts them and draws the pictures from the data in the page, and
``assets/page.css`` lays it out for screens from 400 px, dark ones, and paper.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from aubench import facs
from aubench.compare import html_tables, page_data
from aubench.compare.markdown import warnings
from aubench.compare.schema import Comparison
from aubench.compare.scoring import ScoreMatrix
from aubench.stamp import stamp

_FIGURES = 3_000_000
"""Bytes of pictures (input beside rendered faces) that a page takes in."""


def page(comparison: Comparison, matrices: Mapping[str, ScoreMatrix]) -> str:
    """The document. ``matrices`` hold the frames behind the pictures, by data set."""
    names = {unit.key: unit.name for unit in facs.ACTION_UNITS}
    data = {
        name: page_data.payload(matrix, comparison.datasets[name].rows).to_dict() for name, matrix in matrices.items()
    }
    script = json.dumps({"datasets": data, "names": names}, allow_nan=False).replace("<", "\\u003c")
    title = f"Action-unit intensity on {', '.join(comparison.datasets)}"
    parts = {
        name: {key: html_tables.write(key, name, here) for key in html_tables.PARTS}
        for name, here in comparison.datasets.items()
    }
    body = [
        f"<header><p class='kicker'>aubench compare</p><h1>{escape(title)}</h1>",
        f"{_about(comparison)}{_contents(parts)}</header>",
        f"<main id='main'>{_warned(comparison)}",
        *(_section(name, written) for name, written in parts.items()),
        _faces(comparison),
        _made(comparison),
        "</main>",
    ]
    return "\n".join(
        [
            "<!doctype html>",
            f"<html lang='en'><head><meta charset='utf-8'><meta name='generator' content='{stamp('comparison')}'>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{escape(title)}</title><style>{_asset('page.css')}</style></head><body>",
            "<a class='skip' href='#main'>To the results</a>",
            *body,
            f"<script type='application/json' id='data'>{script}</script>",
            f"<script>{_asset('page.js')}</script></body></html>",
            "",
        ]
    )


def _asset(name: str) -> str:
    return files("aubench.compare").joinpath(f"assets/{name}").read_text("utf-8")


def _about(comparison: Comparison) -> str:
    facts = [
        f"<b>{here.frames:,}</b> test frames of <b>{here.subjects}</b> people, "
        f"<b>{len(here.aus)}</b> action units" + (f" ({escape(name)})" if len(comparison.datasets) > 1 else "")
        for name, here in comparison.datasets.items()
    ]
    date = f" · {escape(comparison.date)}" if comparison.date else ""
    return f"<p class='lead'>{'; '.join(facts)}{date}</p>"


def _contents(parts: Mapping[str, Mapping[str, str]]) -> str:
    links = []
    for name, written in parts.items():
        prefix = f"{escape(name)}: " if len(parts) > 1 else ""
        for key, words in html_tables.PARTS.items():
            if not written[key]:
                continue
            links.append(f"<li><a href='#{escape(name)}-{key}'>{prefix}{words}</a></li>")
    return f"<nav aria-label='Contents'><ul>{''.join(links)}<li><a href='#made'>How it was made</a></li></ul></nav>"


def _warned(comparison: Comparison) -> str:
    items = []
    for text in warnings(comparison):
        parts = escape(text).split("**")
        items.append("<li>" + "".join(f"<b>{p}</b>" if i % 2 else p for i, p in enumerate(parts)) + "</li>")
    return f"<aside class='note' aria-label='Before the numbers'><ul>{''.join(items)}</ul></aside>" if items else ""


def _section(name: str, written: Mapping[str, str]) -> str:
    head = f"<section class='dataset' data-name='{escape(name)}' aria-label='{escape(name)}'><h2>{escape(name)}</h2>"
    return head + "".join(_part(name, key, content) for key, content in written.items()) + "</section>"


def _part(dataset: str, key: str, content: str) -> str:
    return (
        f"<section id='{escape(dataset)}-{key}'><h3>{html_tables.PARTS[key]}</h3>{content}</section>" if content else ""
    )


def _faces(comparison: Comparison) -> str:
    """The grids of input beside rendered faces that runs have, as far as the page can carry them."""
    shown: dict[str, str] = {}
    room = _FIGURES
    for here in comparison.datasets.values():
        for row in here.rows:
            path = Path(row.facts.figure or "")
            if row.name in shown or not path.is_file() or path.stat().st_size > room:
                continue
            room -= path.stat().st_size
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            words = f"{row.name}: above, frames of test people; below, what the renderer draws from its answers"
            shown[row.name] = (
                f"<figure><img src='data:image/png;base64,{data}' alt='{escape(words, quote=True)}'>"
                f"<figcaption>{escape(words)}.</figcaption></figure>"
            )
    return f"<section id='faces'><h2>Input and rendered faces</h2>{''.join(shown.values())}</section>" if shown else ""


def _made(comparison: Comparison) -> str:
    items: list[tuple[str, str]] = []
    if comparison.command:
        items.append(("Command", f"<code>{escape(comparison.command)}</code>"))
    if comparison.environment:
        items.append(("This comparison ran on", escape(_listed(comparison.environment))))
    options = {k.replace("_", " "): v for k, v in comparison.options.to_dict().items()}
    items.append(("Options", escape(_listed(options))))
    seen = set()
    for here in comparison.datasets.values():
        for row in here.rows:
            about = row.facts.environment
            if about and row.name not in seen:
                seen.add(row.name)
                items.append((f"Environment of {escape(row.name)}", escape(_listed(about))))
    listed = "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in items)
    return f"<section id='made'><h2>How it was made</h2><dl>{listed}</dl></section>"


def _listed(values: Mapping[str, Any] | Sequence[Any]) -> str:
    if isinstance(values, Mapping):
        return ", ".join(
            f"{k}: ({_listed(v)})" if isinstance(v, Mapping) else f"{k} {v}" for k, v in values.items() if v is not None
        )
    return ", ".join(map(str, values))
