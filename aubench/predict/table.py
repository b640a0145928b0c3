"""Readings as the CSV that OpenFace made common: ``frame`` from 1, ``AU01_r`` intensities 0..5, one row per face.

A picture without a face has a row of ``success`` 0, ``confidence`` 0 and ``face_id`` -1 whose other cells are *empty*:
a zero there would read as "seen, and at rest".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from aubench.errors import UserError, code_of_errno
from aubench.files import atomic_write_chunks
from aubench.parameters import AU_NAMES
from aubench.predict.readings import Readings
from aubench.predict.record import COLUMN
from aubench.spreadsheet import safe

HEAD = ("frame", "face_id", "timestamp", "confidence", "success", "pose_yaw", "pose_pitch")
AU_COLUMNS = tuple(f"{name}_r" for name in AU_NAMES)
PROBLEM = "problem"
"""The column that says why a picture could not be read."""
OPTIONAL = frozenset({"file", PROBLEM, COLUMN})
"""Columns that follow where there is something to say in them."""
_LONGEST_HEAD = 1 << 12
_ROWS = 4096
"""Rows that are turned into text at a time."""


def to_csv(readings: Readings, processing: str = "") -> str:
    """The table as text. Images add a column ``file``, images that could not be read a column ``problem``; readings
    that are not raw have a last column that says in every row what was done to them."""
    return "".join(_texts(readings, processing))


def _texts(readings: Readings, processing: str) -> Iterator[str]:
    """The table in parts: the text of an hour-long video would be large in one piece."""
    named, faulty = any(readings.names), bool(readings.problems)
    yield head(named=named, faulty=faulty, processed=bool(processing))
    for first in range(0, len(readings), _ROWS):
        yield lines(readings, slice(first, first + _ROWS), named=named, faulty=faulty, processing=processing)


def head(*, named: bool, faulty: bool = False, processed: bool = False) -> str:
    """The first line: ``named`` with the column ``file``, ``faulty`` with ``problem``, ``processed`` with what was done
    to the readings."""
    more = ((named, "file"), (faulty, PROBLEM), (processed, COLUMN))
    return ",".join([*HEAD, *AU_COLUMNS, *(column for there, column in more if there)]) + "\n"


def lines(
    readings: Readings, rows: slice = slice(None), *, named: bool, faulty: bool = False, processing: str = ""
) -> str:
    """The lines of some ``rows``, for the :func:`head` with the same columns."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    some = replace(readings, parameters=readings.parameters[rows])
    measured, success = np.hstack([some.degrees, some.intensities]), readings.success
    for i, values in zip(range(len(readings))[rows], measured, strict=True):
        frame = int(readings.frame[i])
        first = [frame, int(readings.face[i]), _cell(readings.time[i], 3), f"{readings.score[i]:.3f}", int(success[i])]
        cells = [_cell(value, 3) for value in values]
        last = [safe(readings.names[i])] if named else []
        last += [safe(readings.problems.get(frame, ""))] if faulty else []
        writer.writerow([*first, *cells, *last, *([processing] if processing else [])])
    return out.getvalue()


def is_table(path: Path) -> bool:
    """Whether a file's first line is one that :func:`to_csv` writes: all of its columns, and no others."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            names = next(csv.reader([file.readline(_LONGEST_HEAD)]), [])
    except (OSError, ValueError, csv.Error):
        return False
    fixed = len(HEAD) + len(AU_COLUMNS)
    return tuple(names[:fixed]) == (*HEAD, *AU_COLUMNS) and set(names[fixed:]) <= OPTIONAL


def write(readings: Readings, path: str | Path, processing: str = "") -> None:
    """Write the table, atomically. Raises :class:`UserError` where that is not possible."""
    try:
        atomic_write_chunks(path, (text.encode("utf-8") for text in _texts(readings, processing)))
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: str | Path, error: OSError) -> UserError:
    """A failed write as one line."""
    return UserError(
        f"{path}: cannot be written ({error.strerror or error}); give another --out, or free disk space",
        code=code_of_errno(error.errno),
    )


def check_writable(path: str | Path) -> None:
    """Find out before the work, not after it, that a file cannot be written. Leaves nothing behind."""
    import os
    import tempfile

    path = Path(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        folder = path.absolute().parent
        while not folder.exists():  # it is made when there is something to put there
            folder = folder.parent
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        os.unlink(name)
    except OSError as error:
        raise cannot_write(path, error) from None


def _cell(value: float, digits: int) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}f}"
