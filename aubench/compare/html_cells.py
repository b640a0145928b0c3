"""Rows, cells and the frame of the page's tables, as HTML that stands without a script."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import TypeVar

from aubench.compare.schema import OccurrenceRow, ProtocolGroup, PublishedRow, Row
from aubench.report.markdown import number

R = TypeVar("R", bound=Row | OccurrenceRow)


def table(caption: str, head: Sequence[tuple[str, str]], bodies: Sequence[str], *, key: str = "") -> str:
    """A sortable table. ``head``: column name and what it means, "" for a plain word."""
    cells = "".join(
        f"<th scope='col'{' class=t' if i == 0 else ''}><button type='button'{f' title={quoted(tip)}' if tip else ''}>"
        f"{escape(name)}</button></th>"
        for i, (name, tip) in enumerate(head)
    )
    label = quoted(plain(caption))
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label={label}><table class='sortable {key}'>"
        f"<caption><span>{caption}</span></caption><thead><tr>{cells}</tr></thead>{''.join(bodies)}</table></div>"
    )


def plain(markup: str) -> str:
    return re.sub("<[^>]*>", "", markup)


def quoted(text: str) -> str:
    return f"'{escape(text, quote=True)}'"


def cell(value: float | None, mark: int = 0, *, digits: int = 3, more: str = "", tint: bool = False) -> str:
    """A cell with its value for sorting; best bold, second underlined, both said aloud too."""
    if value is None:
        return "<td class='n none'>–</td>"
    text = number(value, digits)
    if mark:
        tag, word = {1: ("b", "best"), 2: ("u", "second")}[mark]
        text = f"<{tag}>{text}</{tag}><span class='aloud'> ({word})</span>"
    style = f" style='--v:{max(0.0, min(1.0, value)):.3f}'" if tint else ""
    return f"<td class='n{' tint' if tint else ''}' data-v='{value:.6g}'{style}>{text}{more}</td>"


def bodies(
    groups: Sequence[ProtocolGroup],
    rows: Sequence[R],
    row: Callable[[R], str],
    width: int,
    reported: Sequence[R] = (),
    published: Sequence[R] = (),
) -> list[str]:
    """One ``tbody`` a protocol, so that sorting never mixes them; then what was printed elsewhere."""
    bodies = []
    several = len(groups) > 1
    for group in groups:
        lines = "".join(row(e) for e in rows if e.group == group.group)
        differs = f": {escape(group.differs)}" if group.differs else ""
        words = f"Protocol {group.group} <code>{group.hash}</code>{differs}"
        bodies.append(f"<tbody>{divider(words, width) if several else ''}{lines}</tbody>")
    if reported:
        lines = "".join(row(e) for e in reported)
        bodies.append(f"<tbody>{divider('Only the scores were kept; not ranked', width)}{lines}</tbody>")
    if published:
        lines = "".join(row(e) for e in published)
        words = "Printed elsewhere: Song et al., ACM MM 2020, arXiv 2008.08862; another protocol"
        bodies.append(f"<tbody class='printed'>{divider(words, width)}{lines}</tbody>")
    return bodies


def divider(words: str, width: int) -> str:
    return f"<tr class='divider'><th scope='rowgroup' colspan='{width}'><span>{words}</span></th></tr>"


def title(entry: Row | OccurrenceRow, *, named_only: bool = False) -> str:
    """The head of a row: its name and, unless ``named_only``, what it is."""
    what = entry.printed_in if isinstance(entry, PublishedRow) else entry.label
    words = "" if named_only or entry.label == entry.name else what
    label = f"<small>{breakable(words)}</small>" if words else ""
    kind = {"constant": " class='t constant'", "published": " class='t printed'"}.get(entry.kind, " class='t'")
    return f"<th scope='row'{kind}>{breakable(entry.name)}{label}</th>"


def breakable(words: str) -> str:
    """A name that may be broken after a plus sign: names of runs list their losses."""
    return escape(words).replace("+", "+<wbr>")
