"""BP4D's landmark files: 49 points in a MATLAB file for each sequence, of a structure that nothing public describes.

So nothing is taken for granted. A structure with a field of frame numbers beside one of 49 points is joined by those
numbers. A bare array of 49 points a row has no frame numbers; it is refused, unless the user vouches that its
rows are the images of the folder in order, and there are as many.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aubench.data.join import Problems
from aubench.data.matlab import NoPoints, load_mat
from aubench.data.records import Landmarks, Problem

COUNT = 49
_FRAME_FIELDS = ("frame", "frames", "framenumber", "frame_number", "frameno", "frame_no", "idx", "index")

Points = npt.NDArray[np.float64]


def read_points(path: Path, images: tuple[int, ...], by_order: bool) -> dict[int, Points]:
    """Points (49, 2) by image number. ``images`` are the numbers of all images of the sequence, ascending. Raises
    :class:`NoPoints`."""
    arrays = list(load_mat(path, squeeze=True).values())
    for table in (array for array in arrays if array.dtype.names):
        joined = dict(_of_structure(table))
        if joined:
            return joined
    for array in arrays:
        rows = _rows(array)
        if rows is None:
            continue
        if not by_order:
            raise NoPoints(
                "holds landmarks without frame numbers; they are not used (bp4d.landmark_order=images vouches for them)"
            )
        if len(rows) != len(images):
            raise NoPoints(f"holds landmarks of {len(rows)} frames, but there are {len(images)} images")
        return {number: row for number, row in zip(images, rows, strict=True) if np.isfinite(row).all() and row.any()}
    raise NoPoints(f"holds no array of {COUNT} points")


def _of_structure(table: npt.NDArray[Any]) -> Iterator[tuple[int, Points]]:
    """Frame numbers and points of a structure, be it one for each frame or one with arrays in it."""
    names = table.dtype.names or ()
    key = next((name for name in names if name.lower() in _FRAME_FIELDS), None)
    if key is None:
        return
    for record in np.atleast_1d(table):
        numbers = np.atleast_1d(np.asarray(record[key]))
        for name in names:
            rows = None if name == key else _rows(np.asarray(record[name]))
            if rows is not None and len(rows) == numbers.size and numbers.dtype.kind in "iuf":
                for number, row in zip(numbers.ravel(), rows, strict=True):
                    if np.isfinite(number) and np.isfinite(row).all() and row.any():
                        yield int(number), row
                break


def _rows(array: npt.NDArray[Any]) -> Points | None:
    """Any of the shapes that 49 points may come in, as (n, 49, 2)."""
    if array.dtype.kind not in "fiu":
        return None
    shape = array.shape
    if shape == (COUNT, 2):
        return array[None].astype(np.float64)
    if shape == (2, COUNT):
        return array.T[None].astype(np.float64)
    if len(shape) == 3 and shape[1:] == (COUNT, 2):
        return array.astype(np.float64)
    if len(shape) == 3 and shape[:2] == (COUNT, 2):
        return np.moveaxis(array, 2, 0).astype(np.float64)
    if len(shape) == 3 and shape[:2] == (2, COUNT):
        return np.transpose(array, (2, 1, 0)).astype(np.float64)
    return None


def read_all(
    path: Path, frames: tuple[int, ...], images: tuple[int, ...], by_order: bool, sequence: str
) -> tuple[Landmarks, list[Problem]]:
    """Landmarks (n, 49, 2) of the frames, counted from 0 where images count from 1; NaN for those without."""
    points = np.full((len(frames), COUNT, 2), np.nan, np.float32)
    problems = Problems()
    try:
        found = read_points(path, images, by_order)
    except NoPoints as error:
        problems.warning(path, str(error), recording=sequence)
        return points, problems.found
    lacking = []
    for row, frame in enumerate(frames):
        if frame + 1 in found:
            points[row] = found[frame + 1]
        else:
            lacking.append(frame + 1)
    if lacking:
        problems.note(path, f"no landmarks of {len(lacking)} of {len(frames)} frames", recording=sequence)
    return points, problems.found
