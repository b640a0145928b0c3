"""Reading DISFA's landmark files: 66 points of an active appearance model, ``pts`` in a MATLAB file for each frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from aubench.data.matlab import NoPoints, load_mat

VARIABLE = "pts"
COUNT = 66


def read_points(path: Path) -> npt.NDArray[np.float64]:
    """Pixels (66, 2), x then y. Raises :class:`NoPoints`."""
    content = load_mat(path)
    if VARIABLE not in content:
        raise NoPoints(f"has no variable {VARIABLE!r} of numbers")
    points = np.asarray(content[VARIABLE])
    if points.shape == (2, COUNT):
        points = points.T
    if points.shape != (COUNT, 2) or points.dtype.kind not in "fiu":
        raise NoPoints(f"{VARIABLE!r} is {points.dtype} {points.shape}, not numbers ({COUNT}, 2)")
    points = points.astype(np.float64)
    if not np.isfinite(points).all():
        raise NoPoints(f"{VARIABLE!r} holds values that are not finite")
    return points
