"""Predictions and truth on disk, and what they are worth: CSV tables, joined by frame, scored.

Both tables have the columns ``dataset, subject, sequence, frame`` and one column per AU ("AU01", two digits; "AU30L"
has a side), intensities 0..5, an empty cell where there is none. Predictions add ``pose_yaw`` and ``pose_pitch``
(degrees; positive yaw turns the face to the picture's right, positive pitch lowers the chin) and ``valid``
(1, or 0 for a frame in which no face could be read; its intensities do not count).
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from aubench import spreadsheet
from aubench.errors import UserError, code_of_errno, did_you_mean
from aubench.files import atomic_write_text
from aubench.parameters import AU_NAMES, INTENSITY_SCALE

if TYPE_CHECKING:
    from aubench.contracts import Frames

PREDICTIONS, TRUTH, BASELINES = "predictions.csv", "truth.csv", "baselines"
PERSON = "predictions_person.csv"
"""The same run's predictions, each subject's read against their own calm frames; of regressors that can."""
"""How the files are called in a run folder, and the folder in it with the predictions of baselines."""
KEYS = ("dataset", "subject", "sequence", "frame")
POSE = ("pose_yaw", "pose_pitch")
VALID = "valid"
NEUTRAL_PERCENTILE = 50.0
"""An AU is neutral in at least half of the frames of everyday video, so that the median of a subject's predictions is a
neutral frame's. Lower percentiles, which would suit busier video, leave noise above the neutral reading."""
_AU_COLUMN = re.compile(r"AU\d\d[LR]?")
_TRUE, _FALSE = ("1", "true"), ("0", "false")


def au_columns(table: pd.DataFrame) -> list[str]:
    """The AUs of a table, in its order."""
    return [name for name in table.columns if _AU_COLUMN.fullmatch(name)]


# --- tables in memory -------------------------------------------------------------------------------------------------


def truth_table(frames: Frames, aus: Sequence[str], intensities: npt.ArrayLike) -> pd.DataFrame:
    """A truth table from frames and their labels (n, a) in 0..5, NaN where not annotated."""
    values = np.asarray(intensities, np.float64)
    if values.shape != (len(frames), len(aus)):
        raise ValueError(f"intensities are {values.shape}, not ({len(frames)} frames, {len(aus)} AUs)")
    keys = {"dataset": frames.dataset, "subject": frames.subject, "sequence": frames.sequence, "frame": frames.frame}
    return _typed(pd.concat([pd.DataFrame(keys), pd.DataFrame(values, columns=list(aus))], axis=1))


def prediction_table(
    frames: Frames,
    aus: Sequence[str],
    intensities: npt.ArrayLike,
    pose: npt.ArrayLike | None = None,
    valid: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """A table of predictions: intensities (n, a), clipped to 0..5; ``pose`` (n, 2) yaw and pitch in degrees, NaN
    where unknown; ``valid`` (n,) bool, by default all."""
    table = truth_table(frames, aus, np.clip(np.asarray(intensities, np.float64), 0.0, INTENSITY_SCALE))
    table[list(POSE)] = np.full((len(table), 2), np.nan) if pose is None else np.asarray(pose, np.float64)
    table[VALID] = True if valid is None else np.asarray(valid, bool)
    return table


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype({"dataset": str, "subject": str, "sequence": str, "frame": "int64"})


# --- files ------------------------------------------------------------------------------------------------------------


def write_table(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write predictions or truth as CSV, atomically, with six significant digits."""
    out = table.copy()
    if VALID in out:
        out[VALID] = out[VALID].astype(int)
    for name in ("dataset", "subject", "sequence"):
        out[name] = out[name].map(spreadsheet.safe)
    atomic_write_text(path, out.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def read_truth(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read and check a truth table. Raises :class:`UserError` naming file, line and value."""
    return _read(Path(path), predictions=False)


def read_predictions(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read and check a table of predictions. Pose and ``valid`` may be absent (baselines have no pose): NaN, and 1.
    Raises :class:`UserError` naming file, line and value."""
    return _read(Path(path), predictions=True)


def _read(path: Path, predictions: bool) -> pd.DataFrame:
    cells = _cells(path)
    for name in KEYS:
        if name not in cells:
            raise UserError(
                f"{path}: no column {name!r}; the table needs {', '.join(KEYS)} and AU columns", code="table-invalid"
            )
    for name in cells.columns:
        if name.upper().startswith("AU") and not _AU_COLUMN.fullmatch(name):
            raise UserError(
                f"{path}: column {name!r} is not an AU such as AU01. {did_you_mean(name, AU_NAMES)}",
                code="table-invalid",
            )
    aus = au_columns(cells)
    if not aus:
        raise UserError(f"{path}: no AU column such as AU01", code="table-invalid")
    if cells.empty:
        raise UserError(f"{path}: no rows", code="table-invalid")

    table = cells[list(KEYS)].copy()
    for name in ("dataset", "subject", "sequence"):
        _refuse(path, cells, cells[name] == "", "empty", name)
        table[name] = cells[name].map(spreadsheet.plain)
    _refuse(path, cells, ~cells["frame"].str.fullmatch(r"\d{1,18}"), "not a whole number from 0", "frame")
    table["frame"] = cells["frame"].astype("int64")
    for name in aus:
        table[name] = _numbers(path, cells, name)
        _refuse(path, cells, (table[name] < 0) | (table[name] > INTENSITY_SCALE), "not in 0..5", name)
    _refuse(path, cells, table.duplicated(list(KEYS)), "the same frame as on an earlier line", "frame")
    if predictions:
        for name in POSE:
            table[name] = _numbers(path, cells, name) if name in cells else np.nan
        valid = cells[VALID].str.lower() if VALID in cells else pd.Series(_TRUE[0], index=cells.index)
        _refuse(path, cells, ~valid.isin(_TRUE + _FALSE), "neither 1 nor 0", VALID)
        table[VALID] = valid.isin(_TRUE)
    return table.reset_index(drop=True)


def _cells(path: Path) -> pd.DataFrame:
    """A CSV file as text, the index being line numbers; the header is line 1. pandas' own reader fills up short lines
    without a word, and so would take half a table for a whole one."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            lines, rows = [], []
            for row in reader:
                if len(row) != len(header):
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(row)} cells, but the header has {len(header)}",
                        code="table-invalid",
                    )
                lines.append(reader.line_num)
                rows.append(row)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file", code="file-missing") from None
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise UserError(
            f"{path}: not a readable CSV table: {' '.join(str(error).split())}",
            code=code_of_errno(getattr(error, "errno", None), "table-invalid"),
        ) from error
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise UserError(f"{path}: column {twice[0]!r} occurs twice", code="table-invalid")
    return pd.DataFrame(rows, index=lines, columns=header, dtype=str)


def _numbers(path: Path, cells: pd.DataFrame, name: str) -> pd.Series[float]:
    """A column as floats, NaN where the cell is empty."""
    numbers = pd.to_numeric(cells[name], errors="coerce").astype("float64")
    _refuse(path, cells, ~numbers.abs().lt(np.inf) & (cells[name] != ""), "not a number", name)
    return numbers


def _refuse(path: Path, cells: pd.DataFrame, bad: pd.Series[bool], why: str, column: str) -> None:
    """Raise for the first line of the file that is ``bad``."""
    if bad.any():
        line = bad.index[int(np.flatnonzero(bad)[0])]
        raise UserError(f"{path}, line {line}: {column} is {cells.at[line, column]!r}: {why}", code="table-invalid")


# --- truth beside predictions -----------------------------------------------------------------------------------------


def aligned(truth: pd.DataFrame, predictions: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Predictions in the rows and AU columns of ``truth``, NaN where there is none or it is not valid, and counts.

    The counts: ``frames`` of truth, how many are ``scored`` (have a valid prediction of some AU), ``invalid``,
    ``missing`` (no row in the predictions), and ``surplus`` predictions without truth. Raises
    :class:`UserError` when no frame is in both.
    """
    aus = au_columns(truth)
    keys = list(KEYS)
    known = _typed(predictions.reindex(columns=[*keys, *aus, VALID]))
    found = truth[keys].merge(known, on=keys, how="left", indicator="side", validate="one_to_one")
    matched = (found["side"] == "both").to_numpy()
    if not matched.any():
        ours, theirs = ("/".join(map(str, table[keys].iloc[0])) if len(table) else "no row" for table in (truth, known))
        raise UserError(
            f"no frame is in both truth ({ours}, ...) and predictions ({theirs}, ...)", code="table-mismatch"
        )
    valid = matched & (found[VALID].astype("boolean").fillna(True).to_numpy(bool))
    values = found[aus].astype("float64")
    values[~valid] = np.nan
    values.index = truth.index
    counts = {
        "frames": len(truth),
        "scored": int(values.notna().any(axis=1).sum()),
        "invalid": int((matched & ~valid).sum()),
        "missing": int((~matched).sum()),
        "surplus": len(predictions) - int(matched.sum()),
    }
    return values, counts


def calibrate_per_subject(predictions: pd.DataFrame, percentile: float = NEUTRAL_PERCENTILE) -> pd.DataFrame:
    """Predictions less what each subject's neutral face seems to read, per AU, clipped to 0..5. Uses no label.

    The neutral reading is a percentile over the subject's valid frames. This is more than a frame by itself can
    know, so that reports mark it.
    """
    out = predictions.copy()
    aus = au_columns(predictions)
    for _, rows in predictions.groupby(["dataset", "subject"], sort=False):
        seen = rows.loc[rows[VALID], aus] if VALID in rows else rows[aus]
        neutral = seen.quantile(percentile / 100.0).fillna(0.0)
        out.loc[rows.index, aus] = (rows[aus] - neutral).clip(0.0, INTENSITY_SCALE)
    return out
