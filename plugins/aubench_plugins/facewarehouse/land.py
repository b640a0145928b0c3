"""``.land`` files: a count, then one point a line, both numbers from 0 to 1, y counted from the bottom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from aubench.data.layout import shown, text_lines, whole

COUNT = 74


def read_land(path: Path) -> npt.NDArray[np.float64]:
    """Points (n, 2) as fractions of the picture's width and height, y turned to count from the *top*. Raises
    ``ValueError`` saying what is wrong, and in which line."""
    try:
        lines = text_lines(path)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror or error})") from None
    count = whole(lines[0][1]) if lines else None
    if count is None:
        raise ValueError("line 1 is no number of points")
    rows = []
    for number, line in lines[1:]:
        try:
            x, y = (float(cell) for cell in line.split())
        except ValueError:
            raise ValueError(f"line {number}: {shown(line)} is not x and y") from None
        rows.append((x, 1.0 - y))
    points = np.array(rows).reshape(-1, 2)
    if len(points) != count:
        raise ValueError(f"holds {len(points)} points, though it says {count}")
    if not np.isfinite(points).all() or points.min() < -0.5 or points.max() > 1.5:
        raise ValueError("holds points that are no fractions of the picture")
    return points
