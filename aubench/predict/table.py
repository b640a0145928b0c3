"""Readings as the CSV that OpenFace made common: ``frame`` from 1, ``AU01_r`` intensities 0..5, one row per face.

A picture without a face has a row of ``success`` 0, ``confidence`` 0 and ``face_id`` -1 whose other cells are *empty*:
a zero there would read as "seen, and at rest".
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from aubench.errors import UserError, code_of_errno
from aubench.files import atomic_write_text
from aubench.parameters import AU_NAMES
from aubench.predict.readings import Readings
from aubench.predict.record import COLUMN

HEAD = ("frame", "face_id", "timestamp", "confidence", "success", "pose_yaw", "pose_pitch")
AU_COLUMNS = tuple(f"{name}_r" for name in AU_NAMES)
OPTIONAL = frozenset({"file", COLUMN})
"""Columns that follow where there is something to say in them."""
_LONGEST_HEAD = 1 << 12


def to_csv(readings: Readings, processing: str = "") -> str:
    """The table as text. Images add a column ``file``; readings that are not raw a last column that says in every row
    what was done to them."""
    named = any(readings.names)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*HEAD, *AU_COLUMNS, *(["file"] if named else []), *([COLUMN] if processing else [])])
    measured = np.hstack([readings.degrees, readings.intensities])
    for i in range(len(readings)):
        head = [int(readings.frame[i]), int(readings.face[i]), _cell(readings.time[i], 3), f"{readings.score[i]:.3f}"]
        cells = [_cell(value, 3) for value in measured[i]]
        last = [*([readings.names[i]] if named else []), *([processing] if processing else [])]
        writer.writerow([*head, int(readings.success[i]), *cells, *last])
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
        atomic_write_text(path, to_csv(readings, processing))
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: str | Path, error: OSError) -> UserError:
    """A failed write as one line."""
    return UserError(
        f"{path}: cannot be written ({error.strerror or error}); give another --out or make room",
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
