"""Tables beside the ranking: whether an AU is there at all, and what an answer costs."""

from __future__ import annotations

from html import escape

from aubench import facs
from aubench.compare import speed_table
from aubench.compare.html_cells import bodies, breakable, cell, quoted, table, title
from aubench.compare.schema import DatasetComparison, OccurrenceRow
from aubench.compare.tables import OCCURRENCE

_UNITS = {unit.key: unit.name for unit in facs.ACTION_UNITS}


def occurrence(dataset: str, here: DatasetComparison) -> str:
    """Areas under the ROC curve, in protocols of their own."""
    found = here.occurrence
    head = [("method", ""), ("scale", "of its numbers; only their order counts here"), ("mean", ""),
            *((au, _UNITS.get(au, "")) for au in here.aus)]  # fmt: skip

    def row(e: OccurrenceRow) -> str:
        cells = [title(e, named_only=True), f"<td>{escape(e.scale)}</td>"]
        spread = e.mean.auc_sd
        more = f" <small>± {spread:.3f}, {e.seeds} seeds</small>" if spread is not None else ""
        note = e.mean.note
        more += f" <abbr title={quoted(note)}>({e.mean.n} AUs)</abbr>" if note else ""
        cells.append(cell(e.mean.auc, e.marks.get("mean", 0), more=more))
        for au in here.aus:
            one = e.aus[au]
            if one.auc is None:
                word = "undefined" if one.note.startswith("undefined") else "–"
                cells.append(f"<td class='n none'><abbr title={quoted(one.note)}>{word}</abbr></td>")
            else:
                cells.append(cell(one.auc, e.marks.get(au, 0), digits=2))
        return f"<tr>{''.join(cells)}</tr>"

    counted = ", ".join(f"{au} {count:,}" for au, count in found.positives.items())
    words = f"<p class='about'>Annotated frames with the AU at {found.threshold:g} or more: {counted}.</p>"
    return (
        table(OCCURRENCE.format(found.threshold), head, bodies(found.groups, found.rows, row, len(head)), key="units")
        + words
    )


def speed(dataset: str, here: DatasetComparison) -> str:
    """Milliseconds an image by stage, and size; empty where nothing is known."""
    found = speed_table.lines(here)
    if not found:
        return ""
    head = [
        ("method", ""), ("ms/image", "from aligned crop to answer"), ("images/s", ""),
        *((stage, words) for stage, words in speed_table.STAGES.items()),
        ("size", "what a prediction needs"), ("where", ""),
    ]  # fmt: skip
    lines = []
    for one in found:
        cells = [f"<th scope='row' class='t'>{breakable(one.name)}</th>"]
        for value in (one.ms, one.images_per_s, *(one.stages.get(stage) for stage in speed_table.STAGES)):
            cells.append(figure(value, faint=not one.measured))
        said = "; ".join(filter(None, ("measured here" if one.measured else "", one.note))) or "not measured"
        cells += [f"<td>{speed_table.size(one)}</td>", f"<td class='words'>{escape(said)}</td>"]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return table(escape(speed_table.about(here)), head, [f"<tbody>{''.join(lines)}</tbody>"], key="speed")


def figure(value: float | None, *, faint: bool, more: str = "") -> str:
    """A cell of a speed, faint where it was not measured beside the others; ``more`` stands below a known one."""
    if value is None:
        return "<td class='n none'>–</td>"
    text = speed_table.figure(value)
    shown = f"({text})" if faint else text
    return f"<td class='n{' none' if faint else ''}' data-v='{value:.6g}'>{shown}{more}</td>"
