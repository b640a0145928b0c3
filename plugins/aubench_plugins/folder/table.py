"""The CSV of labels: a column ``file``, ``frame`` where a file has several, perhaps ``subject``, and AUs.

Cells of AUs are intensities 0..5; empty, ``nan``, ``na``, ``-`` or ``?`` where nothing is known; ``present`` or ``+``
where the AU is there and its strength is not known.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from aubench.data.layout import Fault, listed, shown, whole

PRESENT = math.inf
"""Stands for an AU that is there, of unknown intensity."""
_AU = re.compile(r"(?:AU)0*(\d{1,2})([LR]?)(?:_r)?", re.IGNORECASE)
_MISSING = frozenset({"", "nan", "na", "-", "?", "none", "null"})
_PRESENT = frozenset({"present", "+", "x"})


@dataclass(frozen=True)
class Row:
    """One line: which file and frame it is about, and intensity (or :data:`PRESENT`) by AU name."""

    line: int
    file: str
    frame: int | None
    subject: str | None
    intensities: dict[str, float]


@dataclass
class Table:
    """Rows, the AUs and the other columns of the header, and what was wrong."""

    rows: list[Row] = field(default_factory=list)
    aus: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def au_of(column: str) -> str | None:
    """``AU04`` for "au4", "AU04" or "AU04_r"."""
    match = _AU.fullmatch(column.strip())
    return f"AU{int(match[1]):02d}{match[2].upper()}" if match else None


def read_table(path: Path) -> Table:
    """The table in a file whose cells are split by commas, semicolons or tabs, as its header shows."""
    found = Table()
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        found.faults.append((None, f"cannot be read ({error.strerror or error})"))
        return found
    first = text.lstrip().splitlines()[0] if text.strip() else ""
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    try:
        header = [cell.strip() for cell in next(reader, [])]
        names = [cell.lower() for cell in header]
        places = {place: au for place, cell in enumerate(header) if (au := au_of(cell)) is not None}
        found.aus = list(dict.fromkeys(places.values()))
        found.others = [n for p, n in enumerate(header) if p not in places and n.lower() not in _KNOWN and n]
        if "file" not in names or not places:
            found.faults.append((1, f"{shown(first)} has no column 'file', or none called like AU12"))
            return found
        if len(found.aus) != len(places):
            found.faults.append((1, f"an AU has two columns: {listed(header[place] for place in places)}"))
        column = {name: names.index(name) for name in _KNOWN if name in names}
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _row(found, reader.line_num, [cell.strip() for cell in cells], len(header), column, places)
    except csv.Error as error:
        found.faults.append((reader.line_num, f"is no CSV ({error})"))
    return found


_KNOWN = ("file", "frame", "subject")


def _row(found: Table, line: int, cells: list[str], width: int, column: dict[str, int], places: dict[int, str]) -> None:
    if len(cells) != width:
        found.faults.append((line, f"has {len(cells)} cells, the header has {width}"))
        return
    frame = None
    if "frame" in column and cells[column["frame"]]:
        frame = whole(cells[column["frame"]])
        if frame is None or frame < 0:
            found.faults.append((line, f"frame {cells[column['frame']]!r} is no number"))
            return
    intensities: dict[str, float] = {}
    for place, au in places.items():
        text = cells[place].lower()
        if text in _MISSING:
            continue
        if text in _PRESENT:
            intensities[au] = PRESENT
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if 0.0 <= value <= 5.0:
            intensities[au] = value
        else:
            found.faults.append((line, f"{cells[place]!r} of {au} is no intensity from 0 to 5"))
    subject = cells[column["subject"]] if "subject" in column else None
    file = cells[column["file"]].replace("\\", "/").removeprefix("./").rstrip("/")
    if not file:
        found.faults.append((line, "names no file"))
        return
    found.rows.append(Row(line, file, frame, subject or None, intensities))
