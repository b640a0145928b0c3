"""Exports that mix the readings of several sensors: which of their rows are of a picture."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pandas as pd

from aubench.compare.csv_reader import Header, whole_numbers

SENSOR = "EventSource"
"""The column of an iMotions export that says which sensors a row is of."""
_FACES = "facet|emotient|affdex|affectiva"


def of_the_face(
    header: Header, text: pd.DataFrame, table: pd.DataFrame, frame: str | None, counts: Counter[str]
) -> npt.NDArray[np.bool_]:
    """Which rows of an export that mixes sensors are readings of a picture.

    Rows without an AU are another sensor's; those before the first picture have the frame number -1; an eye tracker's,
    which comes more often than pictures, repeat the last reading under its frame number.
    """
    kept = table.notna().any(axis=1).to_numpy(copy=True)
    counts["rows of other sensors left out"] += int((~kept).sum())
    if frame is None or not kept.any():
        return np.asarray(kept)
    early = np.zeros(len(kept), bool)
    early[kept] = whole_numbers(header, text[kept], frame) == -1
    counts["rows before the first picture (frame -1) left out"] += int(early.sum())
    kept &= ~early
    readings = table.assign(frame=text[frame])
    again = np.zeros(len(kept), bool)
    again[kept] = readings[kept].duplicated().to_numpy()
    if SENSOR in text:  # of unlike rows of one frame, those of the tool that reads faces
        faces = text[SENSOR].str.contains(_FACES, case=False, regex=True).to_numpy()
        own = set(text[frame][kept & faces])
        again |= kept & ~faces & text[frame].isin(own).to_numpy()
    counts["rows that repeat a picture's reading left out"] += int((kept & again).sum())
    return np.asarray(kept & ~again)
